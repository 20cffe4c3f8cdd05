"""Between: every measure between each two of several minds, in one pass over texts.

Takes minds with what is known of their lives, and passages; gives a figure for each two of them and
each measure. Where two minds did not begin as one, the measures of weights have no figure.

Shapes: R minds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from upbringing.character.between.activations import FloatArray
from upbringing.character.between.model_map import (
    ModelMap,
    OrdersAgainstSeeds,
    orders_against_seeds,
)
from upbringing.character.between.together import MeasureBetween, Subject, Together
from upbringing.character.likelihood import Passage
from upbringing.errors import InputError

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
class Figure:
    """A measure between each two minds: `values_RR`, nan where there is no figure.

    `of` is the layer, the part of the mind or of the figure; empty for the whole.
    """

    by: MeasureBetween
    of: str
    values_RR: FloatArray

    @property
    def measure(self) -> str:
        """The name of the measure."""
        return self.by.name


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
                figure.by.unit,
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
        if figure.by.one_birth and self.subjects[i].birth != self.subjects[j].birth:
            return "another initialisation"
        return "no figure"

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
    wanted: Sequence[MeasureBetween],
    *,
    on_pair: Callable[[int, int], None] | None = None,
) -> Between:
    """What the measures say of each two of several minds, on the same passages.

    `kinds` are those of the passages. `on_pair` is told how many pairs of how many are done, by
    measures that take them one by one. Those of the package are `measures_between()`.

    Raises `InputError` where the minds or the passages do not fit a measure, and where a person's
    own measure fails or gives no squares of figures.
    """
    minds = Together(tuple(subjects), tuple(passages), tuple(kinds), on_pair)
    figures = [figure for one in wanted for figure in _figures(one, minds)]
    num_contexts = minds.divergence.num_contexts
    return Between(minds.subjects, tuple(figures), minds.map, len(passages), num_contexts)


def _figures(one: MeasureBetween, minds: Together) -> list[Figure]:
    """One measure's figures; one that finds no two minds to compare says so of the whole."""
    try:
        squares = dict(one.ask(minds)) or {"": minds.no_figures()}
        shape = (len(minds.subjects),) * 2
        for of, values_RR in squares.items():
            if np.shape(values_RR) != shape:
                found = f"{np.shape(values_RR)} of {of or 'the whole'}"
                raise ValueError(f"figures are {shape}, minds by minds, and these are {found}")
        return [Figure(one, str(of), np.asarray(of_RR, float)) for of, of_RR in squares.items()]
    except Exception as error:
        if not one.is_own:
            raise
        # Whatever a person's own code raises.
        raise InputError(f"{one.name} fails: {type(error).__name__}: {error}") from error
