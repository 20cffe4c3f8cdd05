"""Factorial tables: block × schedule × size, and what each factor changes.

Takes cells, each a table of one block under one schedule at one size, with the same arms and seeds.
Gives the contrasts of every cell, and the interactions as per-seed differences of contrasts: one
family, so that p and intervals hold for all of them jointly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from math import prod
from typing import Any

import numpy as np

from upbringing.errors import InputError, Problem
from upbringing.study.rules import pairs_for
from upbringing.study.statistics import Contrast, FloatArray, Table, family

FACTORS = ("block", "schedule", "size")
CELL, INTERACTION = "cell", "interaction"


@dataclass(frozen=True)
class Cell:
    """One block under one schedule at one size; `seeds` in the order of the table's values.

    `conditions`: all else that its minds were raised and asked under, by name.
    """

    block: str
    schedule: str
    size: str
    seeds: tuple[int, ...]
    table: Table
    where: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def level(self, factor: str) -> str:
        """Its level of a factor."""
        return str(getattr(self, factor))


@dataclass(frozen=True)
class Effect:
    """A contrast in a cell, or what changes it.

    `levels`: of a cell its three; of an interaction `steep − constant` for each factor that takes
    part, the contrast's mean over all levels of the others.
    """

    kind: str
    levels: Mapping[str, str]
    contrast: Contrast


@dataclass(frozen=True)
class Factorial:
    """The factors with their levels, the first of each the one compared with; and all effects.

    `declared`: the conditions in which the cells differ and may, each by its values.
    """

    factors: Mapping[str, tuple[str, ...]]
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    measure: str
    unit: str
    declared: Mapping[str, tuple[Any, ...]]
    effects: tuple[Effect, ...]


def factorial(cells: Sequence[Cell], *, declared: Collection[str] = (), seed: int = 0) -> Factorial:
    """Every cell's contrasts and every interaction of the factors that vary, as one family.

    The interaction of factors at levels above their first is, seed by seed, the alternating sum
    over the corners (level, first level) of each, averaged over the cells of the other factors.

    Raises `InputError` for cells that do not share arms, seeds, axis, measure, unit and all
    conditions but those `declared`, that stand there twice, or that leave a hole in the table; all
    problems at once.
    """
    _check(cells, declared)
    factors = {
        factor: tuple(dict.fromkeys(cell.level(factor) for cell in cells)) for factor in FACTORS
    }
    tables = [(CELL, {f: cell.level(f) for f in FACTORS}, cell.table) for cell in cells]
    varying = [factor for factor in FACTORS if len(factors[factor]) > 1]
    for number in range(1, len(varying) + 1):
        for taking_part in combinations(varying, number):
            for levels in product(*(factors[factor][1:] for factor in taking_part)):
                against = dict(zip(taking_part, levels, strict=True))
                said = {f: f"{level} − {factors[f][0]}" for f, level in against.items()}
                tables.append((INTERACTION, said, _interaction(cells, factors, against)))
    arms = tuple(cells[0].table.values)
    pairs = pairs_for(arms)
    found = family([table for _, _, table in tables], pairs, seed=seed)
    effects = [
        Effect(kind, levels, found[k * len(pairs) + place])
        for k, (kind, levels, _) in enumerate(tables)
        for place in range(len(pairs))
    ]
    table = cells[0].table
    values = {name: _values(cells, name) for name in cells[0].conditions}
    return Factorial(
        factors,
        arms,
        cells[0].seeds,
        table.measure,
        table.unit,
        {name: several for name, several in values.items() if len(several) > 1},
        tuple(effects),
    )


def _interaction(
    cells: Sequence[Cell], factors: Mapping[str, tuple[str, ...]], against: Mapping[str, str]
) -> Table:
    """Σ over corners of ± the mean of their cells, arm by arm and seed by seed."""
    corners = [
        cell for cell in cells
        if all(cell.level(f) in (level, factors[f][0]) for f, level in against.items())
    ]  # fmt: skip
    num_averaged = len(corners) // (1 << len(against))

    def weight(cell: Cell) -> float:
        signs = (-1.0 if cell.level(f) == factors[f][0] else 1.0 for f in against)
        return float(prod(signs)) / num_averaged

    values: dict[str, FloatArray] = {
        arm: np.sum([weight(cell) * cell.table.values[arm] for cell in corners], axis=0)
        for arm in cells[0].table.values
    }
    label = " × ".join(f"{level} − {factors[f][0]}" for f, level in against.items())
    return replace(cells[0].table, values=values, schedule=label)


def _values(cells: Sequence[Cell], name: str) -> tuple[Any, ...]:
    """The values that a condition has, each once."""
    return tuple({json.dumps(v): v for v in (cell.conditions[name] for cell in cells)}.values())


def _confounds(cells: Sequence[Cell], declared: Collection[str]) -> Iterator[Problem]:
    """What the cells differ in besides their factors, once a study, and names that are no such."""
    first = cells[0]
    unknown = [name for name in declared if name not in first.conditions]
    if unknown:
        yield Problem(f"nothing is called {', '.join(unknown)}", None, ", ".join(first.conditions))
    for name, value in first.conditions.items():
        if name in declared:
            continue
        for cell in cells[1:]:
            own, other = _unlike(cell.conditions[name], value)
            if own != other:
                yield Problem(
                    f"{name} {_shown(own)}, and {_shown(other)} in {first.where}",
                    cell.where,
                    do=f"raise them alike, or say that it may differ: --declare {name}",
                )


def _unlike(own: Any, other: Any) -> tuple[Any, Any]:
    """Two values, of two mappings what differs in them."""
    if not (isinstance(own, Mapping) and isinstance(other, Mapping)):
        return own, other
    keys = [key for key in {**own, **other} if own.get(key) != other.get(key)]
    return {key: own.get(key) for key in keys}, {key: other.get(key) for key in keys}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _check(cells: Sequence[Cell], declared: Collection[str]) -> None:
    """Raise for cells that do not make one table."""
    if not cells:
        raise InputError("a factorial table needs a cell")
    first, problems = cells[0], []
    shared: dict[str, Callable[[Cell], str]] = {
        "arms": lambda cell: ", ".join(cell.table.values),
        "seeds": lambda cell: ", ".join(map(str, cell.seeds)),
        "axis": lambda cell: cell.table.axis,
        "measure": lambda cell: cell.table.measure,
        "unit": lambda cell: cell.table.unit,
    }
    for cell in cells[1:]:
        for name, of in shared.items():
            if of(cell) != of(first):
                what = f"{name} {of(cell)}, and {of(first)} in {first.where}"
                problems.append(Problem(what, cell.where, do="compare cells of one design"))
    problems += dict.fromkeys(_confounds(cells, declared))
    met: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        key = tuple(cell.level(factor) for factor in FACTORS)
        if key in met:
            what = f"{', '.join(key)} stands in {met[key].where} too"
            problems.append(Problem(what, cell.where, do="name each cell once"))
        met.setdefault(key, cell)
    levels = [dict.fromkeys(cell.level(factor) for cell in cells) for factor in FACTORS]
    problems += [
        Problem(f"no study of {', '.join(key)}", do="raise it, or leave others out")
        for key in product(*levels)
        if key not in met
    ]
    if problems:
        raise InputError(problems)
