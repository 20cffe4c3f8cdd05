"""Strategies that spread groups of scenes over one stretch of life, each at a rate of its own.

The k-th of a group's n scenes goes where the group's density has reached (k + ½)/n of its area, so
quotas are exact: every scene comes once, whatever the densities. Shapes: K knots of a density.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field

from upbringing.blocks import in_blocks
from upbringing.errors import InputError, Problem
from upbringing.order.parameters import Group, Measure
from upbringing.order.places import Inside, Selected, arrangement, ranks_of
from upbringing.order.sorting import Ranks, Rows, Unsigned, argsort, inverse
from upbringing.order.strategies import index_in

_NUMBERS = "the ages and values of a density are finite numbers"
_MOST = 1e9  # only ratios count, and far beyond it their squares are not finite
_COSINE_KNOTS = 33
_FULL = float(1 << 52)  # places in [0, 1] as integers that a float holds exactly


@dataclass(frozen=True)
class Density:
    """How often a group comes, by the share of the phase that lies behind: piecewise linear.

    `ages` (K,) rise from 0 to 1, a step is two knots at one age; `values` (K,) are not negative and
    not all 0. Only ratios count.
    """

    ages: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def areas(self) -> npt.NDArray[np.float64]:
        """The area under each piece, (K − 1,)."""
        values = np.array(self.values)
        areas: npt.NDArray[np.float64] = np.diff(self.ages) * (values[1:] + values[:-1]) / 2
        return areas

    def quantile(self, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The ages at which these shares of the area, (n,) and rising, are reached: (n,).

        Inverts the area under a line, y₀s + ms²/2 = t, as s = 2t / (y₀ + √(y₀² + 2mt)), by
        operations that IEEE 754 rounds alike everywhere.
        """
        ages, values = np.array(self.ages), np.array(self.values)
        reached = np.concatenate([[0.0], self.areas.cumsum()])
        wanted = shares * reached[-1]
        borders = [0, *np.searchsorted(wanted, reached[1:-1]).tolist(), len(wanted)]
        found: npt.NDArray[np.float64] = np.empty_like(wanted)
        for piece, (start, stop) in enumerate(pairwise(borders)):
            if start == stop:  # as where a piece is a step, of no width
                continue
            width = ages[piece + 1] - ages[piece]
            slope = (values[piece + 1] - values[piece]) / width
            rest = wanted[start:stop] - reached[piece]
            root = np.sqrt(np.maximum(values[piece] * values[piece] + 2 * slope * rest, 0.0))
            below = values[piece] + root
            inside = np.divide(2 * rest, below, out=np.zeros_like(rest), where=below > 0)
            found[start:stop] = ages[piece] + np.minimum(inside, width)
        return found


Turns = Annotated[int, Field(ge=1, le=1_000_000)]

EVEN = Density((0.0, 1.0), (1.0, 1.0))
"""The same rate at every age."""


def _read_density(said: Any) -> Density:
    """A number, a list, `{from, to, shape, at}` or a table of age: value."""
    if isinstance(said, Density):
        return said
    if isinstance(said, (int, float)):
        return _checked([0.0, 1.0], [said, said])
    if isinstance(said, (list, tuple)) and len(said) >= 2:
        return _checked([place / (len(said) - 1) for place in range(len(said))], said)
    if isinstance(said, Mapping) and set(said) == {"ages", "values"}:
        return _checked(said["ages"], said["values"])
    if isinstance(said, Mapping) and {"from", "to"} <= set(said) <= {"from", "to", "shape", "at"}:
        return _shaped(**{("start" if key == "from" else key): said[key] for key in said})
    if isinstance(said, Mapping) and len(said) >= 2 and all(map(_is_number, said)):
        ages = sorted(said, key=float)
        return _checked(ages, [said[age] for age in ages])
    raise ValueError(
        "a density is a number, a list of two or more, {from, to, shape, at}, or a table age: value"
    )


def _shaped(start: Any, to: Any, shape: Any = "linear", at: Any = 0.5) -> Density:
    if not all(map(_is_number, (start, to, at))):
        raise ValueError(_NUMBERS)
    if shape == "linear":
        return _checked([0.0, 1.0], [start, to])
    if shape == "step" and 0 < at < 1:
        return _checked([0.0, at, at, 1.0], [start, start, to, to])
    if shape == "cosine":
        ages = np.linspace(0, 1, _COSINE_KNOTS)
        # Rounded, because a cosine's last bit differs between machines.
        share = np.round((1 - np.cos(np.pi * ages)) / 2, 9)
        return _checked(ages.tolist(), (start + (to - start) * share).tolist())
    raise ValueError("shape is linear, cosine or step, and a step is at an age between 0 and 1")


def _is_number(said: Any) -> bool:
    """Whether it is a finite number, or text for one, as keys are in JSON."""
    try:
        return not isinstance(said, bool) and bool(np.isfinite(float(said)))
    except (TypeError, ValueError, OverflowError):
        return False


def _checked(ages: Any, values: Any) -> Density:
    for numbers in (ages, values):
        if not isinstance(numbers, (list, tuple)) or not all(map(_is_number, numbers)):
            raise ValueError(_NUMBERS)
    if len(ages) != len(values) or len(ages) < 2:
        raise ValueError("a density has a value for each age, and two ages or more")
    density = Density(tuple(map(float, ages)), tuple(map(float, values)))
    if density.ages[0] != 0 or density.ages[-1] != 1 or list(density.ages) != sorted(density.ages):
        raise ValueError("the ages of a density rise from 0 to 1")
    if min(density.values) < 0 or not density.areas.sum() > 0:
        raise ValueError("a density is nowhere below 0, and somewhere above it")
    if not 1 / _MOST <= max(density.values) <= _MOST:
        raise ValueError(f"the highest value of a density is between {1 / _MOST:g} and {_MOST:g}")
    return density


Densities = Annotated[
    dict[str, Annotated[Density, BeforeValidator(_read_density)]],
    BeforeValidator(lambda said: said if isinstance(said, Mapping) and said else None),
]


@arrangement()
def interleave(scenes: Selected, of: Group = "kind", inside: Inside = "shuffle") -> Ranks:
    """Every group from beginning to end of the phase, each spread evenly."""
    names = sorted(scenes.columns[of].unique())
    group = index_in(scenes.columns[of], names, "interleave")
    position, count = inside_groups(group, ranks_of(inside, scenes), scenes.keys)
    return _as_places((position + 0.5) / count)


@arrangement(reads=("kind",))
def mixture(
    scenes: Selected,
    kinds: Densities,
    given: Literal["densities", "shares"] = "densities",
    inside: Inside = "shuffle",
) -> Ranks:
    """Kinds whose rates move over the phase.

    With densities, each kind's own rate: the shares that result are shown by `plan`. With shares,
    what part of the text each kind shall be at every age: they must add up to the supply there is.
    """
    group = index_in(scenes.columns["kind"], list(kinds), "mixture")
    if given == "shares":
        counts = np.bincount(group.astype(np.int64), minlength=len(kinds))
        check_supply(kinds, list(kinds), counts, of="scenes")
    return spread(list(kinds.values()), group, ranks_of(inside, scenes), scenes.keys)


def check_supply(
    shares: Mapping[str, Density], names: Sequence[str], counts: npt.NDArray[np.int64], *, of: str
) -> None:
    """Raise `InputError` where the shares need other numbers than there are, `counts` of `names`.

    What is counted is called `of`.
    """
    areas = np.array([shares[name].areas.sum() for name in names])
    needed = areas / areas.sum() * counts.sum()
    problems = [
        Problem(
            f"these shares need {need:,.0f} {of} of {name}, and there are {count:,}",
            do="give densities, or select as many of each as its share needs",
        )
        for name, need, count in zip(names, needed, counts, strict=True)
        if abs(need - count) > max(1.0, 0.01 * counts.sum())
    ]
    if problems:
        raise InputError(problems)


@arrangement()
def spiral(scenes: Selected, by: Measure, turns: Turns = 4, of: Group = "kind") -> Ranks:
    """Every group again and again, each turn at the next level of a measure; shuffled inside."""
    names = sorted(scenes.columns[of].unique())
    group = index_in(scenes.columns[of], names, "spiral")
    position, count = inside_groups(group, scenes.by(by), scenes.keys)
    turn = position * np.uint64(turns) // count
    return inverse(argsort(turn, group, scenes.lots)).astype(np.uint64)


def spread(densities: Sequence[Density], group: Unsigned, *by: Unsigned) -> Ranks:
    """Places for groups that run side by side, each by its density and in the order of columns.

    Group k has `densities[k]`; `group` and the columns are (n,), and no two rows agree in all.
    """
    places = np.empty(len(group), dtype=np.uint64)
    order, counts = _by_group(group, by)
    for density, rows in zip(densities, np.split(order, counts.cumsum()), strict=False):
        _place(places, rows, density)
    return places


def _place(places: Ranks, rows: Rows, density: Density) -> None:
    """Give each of these rows, which come in order, its place by a density."""

    def place(block: slice) -> None:
        shares = (np.arange(block.start, block.stop) + 0.5) / len(rows)
        places[rows[block]] = _as_places(density.quantile(shares))

    in_blocks(len(rows), place)


def _as_places(ages: npt.NDArray[np.float64]) -> Ranks:
    """Ages in [0, 1] as ranks."""
    return (ages * _FULL).astype(np.uint64)


def inside_groups(group: Unsigned, *by: Unsigned) -> tuple[Ranks, Ranks]:
    """The place of each row among those of its group by these columns, and how many these are."""
    order, counts = _by_group(group, by)
    inside = np.empty(len(group), dtype=np.uint64)
    inside[order] = np.arange(len(group)) - np.repeat(counts.cumsum() - counts, counts)
    return inside, counts.astype(np.uint64)[group]


def _by_group(group: Unsigned, by: Sequence[Unsigned]) -> tuple[Rows, npt.NDArray[np.int64]]:
    """The rows by group and these columns, and the number of rows in each group."""
    return argsort(group, *by), np.bincount(group.astype(np.int64))
