"""Between: all that can be said about what lies between several minds, in one pass over texts.

Takes minds with what is known of their lives, and passages; gives a figure for each two of them and
each measure. Where two minds did not begin as one, the measures of weights have no figure.

Shapes: R minds, L layers, N passages, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from upbringing.character.between.activations import FloatArray, activations
from upbringing.character.between.divergence import jensen_shannon
from upbringing.character.between.landscape import loss_barrier, weight_distance
from upbringing.character.between.model_map import (
    ModelMap,
    OrdersAgainstSeeds,
    model_map,
    orders_against_seeds,
)
from upbringing.character.between.similarity import debiased_cka, procrustes, shuffled
from upbringing.character.likelihood import Passage
from upbringing.training import Mind

_BARRIER_BYTES = 12_000

PAIRS = {
    "first": pl.String,
    "second": pl.String,
    "differ_in": pl.String,
    "measure": pl.String,
    "of": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True)
class Subject:
    """A mind to compare: its order, its seed, `group` for all else in which lives differ (a
    schedule), and `birth_of` its recipe.
    """

    name: str
    mind: Mind
    order: str
    seed: int
    group: str
    birth: str


@dataclass(frozen=True)
class Figure:
    """A measure between each two minds: `values_RR`, nan where there is no figure.

    `of` is the layer, the part of the mind or of the figure; empty for the whole. Of a distance, 0
    says that there is none, so that one can be divided by another.
    """

    measure: str
    of: str
    unit: str
    values_RR: FloatArray
    is_distance: bool = True


@dataclass(frozen=True)
class Between:
    """What lies between minds: the figures, and the map of them."""

    subjects: tuple[Subject, ...]
    figures: tuple[Figure, ...]
    map: ModelMap
    num_passages: int
    num_contexts: int

    @property
    def pairs(self) -> pl.DataFrame:
        """A row a pair and figure; where `value` is null `reason` says why."""
        rows = [
            (
                self.subjects[i].name,
                self.subjects[j].name,
                differ_in(self.subjects[i], self.subjects[j]),
                figure.measure,
                figure.of,
                float(value) if np.isfinite(value := figure.values_RR[i, j]) else None,
                figure.unit,
                self._reason(figure, i, j),
            )
            for i, j in combinations(range(len(self.subjects)), 2)
            for figure in self.figures
        ]
        return pl.DataFrame(rows, PAIRS, orient="row")

    def _reason(self, figure: Figure, i: int, j: int) -> str | None:
        """Why there is no figure between two minds, if there is none."""
        if np.isfinite(figure.values_RR[i, j]):
            return None
        is_one = self.subjects[i].birth == self.subjects[j].birth
        return "all passages alike" if is_one else "another initialisation"

    def orders_against_seeds(self, figure: Figure) -> OrdersAgainstSeeds:
        """What another order changes beside what another seed does, in one figure."""
        return orders_against_seeds(
            figure.values_RR,
            [subject.order for subject in self.subjects],
            [subject.seed for subject in self.subjects],
            [subject.group for subject in self.subjects],
        )


def differ_in(first: Subject, second: Subject) -> str:
    """In what two lives differ: `order`, `seed`, `recipe`, several with plus, or `nothing`."""
    differing = {
        "order": first.order != second.order,
        "seed": first.seed != second.seed,
        "recipe": first.group != second.group,
    }
    return "+".join(name for name, is_so in differing.items() if is_so) or "nothing"


def compare_minds(
    subjects: Sequence[Subject],
    passages: Sequence[Passage],
    kinds: Sequence[str],
    *,
    with_barrier: bool = True,
    on_pair: Callable[[int, int], None] | None = None,
) -> Between:
    """Every measure between each two of several minds, on the same passages.

        model_map        squared distance on the map of `model_map`, and its two parts: what minds
                         know of kinds of text, and what is left `within` kinds
        jensen_shannon   as `jensen_shannon`
        cka, procrustes  of each layer, on the mean activation of each passage's text; what shuffled
                         passages give stands beside the latter as `procrustes_unrelated`
        weight_distance  of each part, where two minds began as one
        loss_barrier     likewise, over a part of the passages; unless it is left out

    `kinds` are those of the passages. `on_pair` is told how many barriers of how many are done.
    Raises `InputError` where the minds or the passages do not fit the measures.

    Unit: each figure states its own.
    Cost: three forward passes a mind, and `loss_barrier` nine for each two minds of one birth.
    Fails: as each measure does, which says so.
    """
    minds = [subject.mind for subject in subjects]
    mapped = model_map(minds, passages)
    whole_RR = mapped.squared_distances
    within_RR = mapped.within(kinds).squared_distances
    divergence = jensen_shannon(minds, passages)
    figures = [
        Figure("model_map", "", "bits/byte", whole_RR),
        Figure("model_map", "kinds", "bits/byte", np.maximum(whole_RR - within_RR, 0.0)),
        Figure("model_map", "within kinds", "bits/byte", within_RR),
        Figure("jensen_shannon", "", "bits", divergence.bits_RR),
        *_of_layers(minds, passages),
        *_of_weights(subjects),
    ]
    if with_barrier:
        figures.append(_barriers(subjects, passages, on_pair))
    return Between(tuple(subjects), tuple(figures), mapped, len(passages), divergence.num_contexts)


def _of_layers(minds: Sequence[Mind], passages: Sequence[Passage]) -> list[Figure]:
    """CKA and Procrustes by layer, as far as all minds have one."""
    most_tokens = min(mind.row_length for mind in minds)
    streams = [activations(mind, passages, most_tokens=most_tokens) for mind in minds]
    figures = []
    for layer, of_layer in enumerate(zip(*streams, strict=False)):
        of = f"layers.{layer}"
        unrelated_RR = procrustes(shuffled(of_layer))
        figures += [
            Figure("cka", of, "", debiased_cka(of_layer), is_distance=False),
            Figure("procrustes", of, "", procrustes(of_layer)),
            Figure("procrustes_unrelated", of, "", unrelated_RR, is_distance=False),
        ]
    return sorted(figures, key=lambda figure: figure.measure)


def _born_as_one(subjects: Sequence[Subject]) -> list[tuple[int, int]]:
    numbers = combinations(range(len(subjects)), 2)
    return [(i, j) for i, j in numbers if subjects[i].birth == subjects[j].birth]


def _births(first: Subject, second: Subject) -> tuple[str, str]:
    return first.birth, second.birth


def _of_weights(subjects: Sequence[Subject]) -> list[Figure]:
    found: dict[str, FloatArray] = {"all": _no_figures(subjects)}
    for i, j in _born_as_one(subjects):
        a, b = subjects[i], subjects[j]
        for part, distance in weight_distance(a.mind, b.mind, _births(a, b)).items():
            values_RR = found.setdefault(part, _no_figures(subjects))
            values_RR[i, j] = values_RR[j, i] = distance
    return [Figure("weight_distance", part, "", values_RR) for part, values_RR in found.items()]


def _barriers(
    subjects: Sequence[Subject],
    passages: Sequence[Passage],
    on_pair: Callable[[int, int], None] | None,
) -> Figure:
    values_RR = _no_figures(subjects)
    every = max(1, sum(passage.num_bytes for passage in passages) // _BARRIER_BYTES)
    pairs = _born_as_one(subjects)
    for number, (i, j) in enumerate(pairs):
        a, b = subjects[i], subjects[j]
        barrier = loss_barrier(a.mind, b.mind, passages[::every], _births(a, b))
        values_RR[i, j] = values_RR[j, i] = barrier.height
        if on_pair is not None:
            on_pair(number + 1, len(pairs))
    return Figure("loss_barrier", "", "bits/byte", values_RR)


def _no_figures(subjects: Sequence[Subject]) -> FloatArray:
    values_RR = np.full((len(subjects), len(subjects)), np.nan)
    np.fill_diagonal(values_RR, 0.0)
    return values_RR
