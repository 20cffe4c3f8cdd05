"""The measures between minds that the package brings.

Shapes: R minds.
"""

from __future__ import annotations

import numpy as np

from upbringing.character.between.landscape import loss_barrier as barrier_between
from upbringing.character.between.landscape import weight_distance as distance_of_weights
from upbringing.character.between.similarity import debiased_cka, shuffled
from upbringing.character.between.similarity import procrustes as procrustes_of
from upbringing.character.between.together import Squares, Subject, Together, measure_between

_BARRIER_BYTES = 12_000


@measure_between(unit="bits/byte")
def model_map(minds: Together) -> Squares:
    """Squared distance on the map of minds, with its parts: what they know of `kinds` of text, and
    what is left `within kinds`.

    Unit: bits a byte, about the Kullback–Leibler divergence.
    Cost: one forward pass a mind.
    Fails: between minds that are far apart it orders more than it measures (`ModelMap`).
    """
    whole_RR = minds.map.squared_distances
    within_RR = minds.map.within(minds.kinds).squared_distances
    kinds_RR = np.maximum(whole_RR - within_RR, 0.0)
    return {"": whole_RR, "kinds": kinds_RR, "within kinds": within_RR}


@measure_between(unit="bits")
def jensen_shannon(minds: Together) -> Squares:
    """The Jensen–Shannon divergence of the next tokens that two minds expect behind the same words.

    Unit: bits, from 0 (they expect the same) to 1 (no token in common).
    Cost: one forward pass a mind, all minds in memory, then R²/2 · contexts · vocabulary.
    Fails: what differs in a rare context hardly shows.
    """
    return {"": minds.divergence.bits_RR}


@measure_between(unit="", is_distance=False)
def cka(minds: Together) -> Squares:
    """Debiased linear CKA of each layer: are the same passages placed alike?

    Unit: none; 1 the same but for rotation and scale, 0 nothing in common.
    Cost: one forward pass a mind, shared by all measures of layers, then R²·N² for N passages.
    Fails: a few passages far from all others decide alone (`debiased_cka`).
    """
    return {layer: debiased_cka(of_minds) for layer, of_minds in minds.layers.items()}


@measure_between(unit="")
def procrustes(minds: Together) -> Squares:
    """What is left between a layer of two minds after the best rotation, squared.

    Unit: none; 0 the same but for rotation and scale, 2 nothing in common.
    Cost: R²/2 singular value decompositions for each layer.
    Fails: it is biased toward 0 at few passages; read it beside `procrustes_unrelated`.
    """
    return {layer: procrustes_of(of_minds) for layer, of_minds in minds.layers.items()}


@measure_between(unit="", is_distance=False)
def procrustes_unrelated(minds: Together) -> Squares:
    """`procrustes` with each mind's passages shuffled: what nothing in common looks like there.

    Unit: that of `procrustes`.
    Cost: that of `procrustes`.
    Fails: one shuffle is drawn, so it varies a little.
    """
    return {layer: procrustes_of(shuffled(of_minds)) for layer, of_minds in minds.layers.items()}


@measure_between(unit="", one_birth=True)
def weight_distance(minds: Together) -> Squares:
    """How far apart the weights are, of each part of the mind and of `all`.

    Unit: none; 0 the same weights, √2 unrelated ones of one size.
    Cost: one reading of the weights for each two minds.
    Fails: weights may move and change nothing, or hardly move and change much.
    """

    def apart(a: Subject, b: Subject) -> dict[str, float]:
        return distance_of_weights(a.mind, b.mind, (a.birth, b.birth))

    return minds.each_two(apart, one_birth=True)


@measure_between(unit="bits/byte", one_birth=True)
def loss_barrier(minds: Together) -> Squares:
    """How much worse the minds on the straight way between two minds are, at nine points of it.

    Unit: bits a byte of the passages' text, about 12,000 bytes of it; 0 within one basin.
    Cost: nine forward passes over these for each two minds: more than all other measures together.
    Fails: it says that the straight way is blocked, not that there is no other.
    """
    every = max(1, sum(passage.num_bytes for passage in minds.passages) // _BARRIER_BYTES)
    some = minds.passages[::every]

    def barrier(a: Subject, b: Subject) -> dict[str, float]:
        return {"": barrier_between(a.mind, b.mind, some, (a.birth, b.birth)).height}

    return minds.each_two(barrier, one_birth=True)
