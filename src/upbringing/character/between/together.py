"""Together: several minds before the same passages, and what is measured between each two of them.

A measure takes minds `Together` and gives a square of figures for each part that it tells apart. To
add one, decorate a function with `@measure_between` in a file of your own and name it by path,
`upbringing compare --add mine.py:gap`. Its docstring states its unit, its cost, and how it fails.

Shapes: R minds, L layers, N passages, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.character.between.activations import FloatArray, activations
from upbringing.character.between.divergence import Divergence, jensen_shannon
from upbringing.character.between.model_map import ModelMap, model_map
from upbringing.character.likelihood import Passage
from upbringing.errors import InputError, Problem
from upbringing.own_files import SUFFIX, decorated_at, name_of
from upbringing.training import Mind

Squares = Mapping[str, FloatArray]
"""By part, the whole without a name: (R, R), 0 or 1 on the diagonal, nan where there is none."""


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
class Together:
    """Several minds and the passages that all of them read, none in its training.

    `kinds` are those of the passages. What several measures need is worked out once. `on_pair` is
    told how many pairs of how many are done, by measures that take them one by one.
    """

    subjects: tuple[Subject, ...]
    passages: tuple[Passage, ...]
    kinds: tuple[str, ...]
    on_pair: Callable[[int, int], None] | None = None

    @property
    def minds(self) -> list[Mind]:
        """The minds, in the order of the squares."""
        return [subject.mind for subject in self.subjects]

    @cached_property
    def map(self) -> ModelMap:
        """`model_map` of the minds."""
        return model_map(self.minds, self.passages)

    @cached_property
    def divergence(self) -> Divergence:
        """`jensen_shannon` between the minds."""
        return jensen_shannon(self.minds, self.passages)

    @cached_property
    def layers(self) -> dict[str, list[npt.NDArray[Any]]]:
        """The mean activation of each passage's text, (N, D) a mind, by layer that all have."""
        most_tokens = min(mind.row_length for mind in self.minds)
        streams = [activations(mind, self.passages, most_tokens=most_tokens) for mind in self.minds]
        return {f"layers.{n}": list(layer) for n, layer in enumerate(zip(*streams, strict=False))}

    def each_two(
        self, figures: Callable[[Subject, Subject], Mapping[str, float]], *, one_birth: bool = False
    ) -> Squares:
        """The figures of each two minds by part; with `one_birth` of those that began as one.

        Without such a pair there are none.
        """
        numbers = combinations(range(len(self.subjects)), 2)
        pairs = [
            (i, j)
            for i, j in numbers
            if not one_birth or self.subjects[i].birth == self.subjects[j].birth
        ]
        squares: dict[str, FloatArray] = {}
        for number, (i, j) in enumerate(pairs, 1):
            for part, value in figures(self.subjects[i], self.subjects[j]).items():
                values_RR = squares.setdefault(part, self.no_figures())
                values_RR[i, j] = values_RR[j, i] = value
            if self.on_pair is not None:
                self.on_pair(number, len(pairs))
        return squares

    def no_figures(self) -> FloatArray:
        """A square that holds none yet: (R, R), nan but for the diagonal of zeros."""
        values_RR = np.full((len(self.subjects), len(self.subjects)), np.nan)
        np.fill_diagonal(values_RR, 0.0)
        return values_RR


@dataclass(frozen=True)
class MeasureBetween:
    """One measure between minds, of the package or of a person.

    name         by which records and tables have it; of a person's own, `mine.py:gap`
    unit         of its figures
    is_distance  whether 0 says that there is no difference, so that one can be divided by another
    one_birth    whether it exists for minds of one initialisation only
    ask          what it asks
    """

    name: str
    unit: str
    is_distance: bool
    one_birth: bool
    ask: Callable[[Together], Squares]

    @property
    def is_own(self) -> bool:
        """Whether it is a person's own."""
        return SUFFIX in self.name


_MEASURES: dict[str, MeasureBetween] = {}


def measure_between(
    *, unit: str, is_distance: bool = True, one_birth: bool = False
) -> Callable[[Callable[[Together], Squares]], Callable[[Together], Squares]]:
    """Make a function of minds `Together` a measure between each two, under its own name."""

    def add(function: Callable[[Together], Squares]) -> Callable[[Together], Squares]:
        name = name_of(function)
        _MEASURES[name] = MeasureBetween(name, unit, is_distance, one_birth, function)
        return function

    return add


def measures_between() -> dict[str, MeasureBetween]:
    """Every measure between minds of the package, by its name."""
    return {name: one for name, one in _MEASURES.items() if not one.is_own}


def own_measures_between(names: Sequence[str]) -> tuple[MeasureBetween, ...]:
    """Measures of a person's own, by path and function, `mine.py:gap`.

    Raises `InputError`, for all names at once, where a file cannot be run or has no such measure.
    """
    found, problems = [], list[Problem]()
    for name in names:
        try:
            found.append(decorated_at(name, _MEASURES, "@measure_between"))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(found)
