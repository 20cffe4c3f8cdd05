"""Between minds, and inside one: how far apart they are, what they share, what they remember."""

from upbringing.character.between import measures
from upbringing.character.between.activations import activations
from upbringing.character.between.birth import birth_of
from upbringing.character.between.comparison import compare_minds
from upbringing.character.between.direction import direction_cosine, trait_directions
from upbringing.character.between.divergence import jensen_shannon
from upbringing.character.between.landscape import loss_barrier, weight_distance
from upbringing.character.between.met import memory_by_layer, met_once
from upbringing.character.between.model_map import model_map, orders_against_seeds
from upbringing.character.between.order_memory import order_memory
from upbringing.character.between.similarity import debiased_cka, procrustes
from upbringing.character.between.steering import steer
from upbringing.character.between.together import (
    MeasureBetween,
    Subject,
    Together,
    measure_between,
    measures_between,
    own_measures_between,
)

__all__ = [
    "MeasureBetween",
    "Subject",
    "Together",
    "activations",
    "birth_of",
    "compare_minds",
    "debiased_cka",
    "direction_cosine",
    "jensen_shannon",
    "loss_barrier",
    "measure_between",
    "measures",
    "measures_between",
    "memory_by_layer",
    "met_once",
    "model_map",
    "order_memory",
    "orders_against_seeds",
    "own_measures_between",
    "procrustes",
    "steer",
    "trait_directions",
    "weight_distance",
]
