"""Links: which rows of one table go with a row of another.

Takes the tables of a grammar: a cell of `objects`, `creatures` or `troubles` lists names of rows,
set off by commas or by spaces, a row of outcomes, cases or values names the row it belongs to, and
weather goes with feasts of its season. Gives, for each row, the rows that may be drawn for it.
Promises an error with every name that is unknown and every row that would have nothing to draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upbringing.corpus.world.tables import Lots, Table
from upbringing.errors import InputError, Problem

COLUMNS = ("objects", "creatures", "troubles", "seasons")
"""Columns that hold what goes with what, not words to tell."""


@dataclass(frozen=True)
class Ragged:
    """For each row of one table, the rows of another that may go with it."""

    rows: Lots
    starts: Lots
    lengths: Lots

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Ragged:
        """From the lists themselves."""
        lengths = np.array([len(rows) for rows in lists])
        rows = np.concatenate([np.asarray(rows, dtype=np.int64) for rows in lists])
        return cls(rows, np.cumsum(lengths) - lengths, lengths)

    def at(self, given: Lots, place: Lots) -> Lots:
        """The row at this place among those that go with `given`."""
        rows: Lots = self.rows[self.starts[given] + place]
        return rows


@dataclass(frozen=True)
class Links:
    """What goes with what; `of_topic` by attribute of an event, `weather` by the feast's season."""

    is_for_probes: npt.NDArray[np.bool_]
    of_topic: Mapping[str, Ragged]
    troubles: Ragged
    cases: Ragged
    values: Ragged
    weather: Ragged


# table, column, table whose rows its cells name
_NAMED = (
    ("topics", "objects", "objects"),
    ("topics", "creatures", "creatures"),
    ("objects", "troubles", "troubles"),
)
# table, column that names the owner, table of owners, fewest rows that an owner needs
_OWNED = (
    ("outcomes", "topic", "topics", 1),
    ("cases", "trouble", "troubles", 2),
    ("values", "relation", "relations", 2),
)


def link(tables: Mapping[str, Table], lang: str) -> Links:
    """The links of a grammar's tables. Raises `InputError` with everything that is wrong."""
    problems = [
        Problem(what, where=f"world grammar {lang}: {table}.csv")
        for table, what in _problems(tables)
    ]
    if problems:
        raise InputError(problems)
    return Links(
        tables["topics"].columns["use"] == "probes",
        {
            "obj": Ragged.of(_named(tables, *_NAMED[0])),
            "creature": Ragged.of(_named(tables, *_NAMED[1])),
            "outcome": Ragged.of(_owned(tables, *_OWNED[0][:3])),
        },
        Ragged.of(_named(tables, *_NAMED[2])),
        Ragged.of(_owned(tables, *_OWNED[1][:3])),
        Ragged.of(_owned(tables, *_OWNED[2][:3])),
        Ragged.of(_in_season(tables)),
    )


def _names(cell: str) -> list[str]:
    """The names in a cell: commas set them off where any is of several words."""
    return [name.strip() for name in cell.split(",")] if "," in cell else cell.split()


def _row_of(tables: Mapping[str, Table], table: str) -> dict[str, int]:
    return {name: row for row, name in enumerate(tables[table].columns["name"])}


def _named(tables: Mapping[str, Table], table: str, column: str, other: str) -> list[list[int]]:
    row_of = _row_of(tables, other)
    return [[row_of[name] for name in _names(cell)] for cell in tables[table].columns[column]]


def _owned(tables: Mapping[str, Table], table: str, column: str, owner: str) -> list[list[int]]:
    row_of = _row_of(tables, owner)
    rows: list[list[int]] = [[] for _ in row_of]
    for row, name in enumerate(tables[table].columns[column]):
        rows[row_of[name]].append(row)
    return rows


def _in_season(tables: Mapping[str, Table]) -> list[list[int]]:
    """For each feast, the weather that its season has."""
    seasons = [set(cell.split()) for cell in tables["weather"].columns["seasons"]]
    return [
        [row for row, having in enumerate(seasons) if season in having]
        for season in tables["feasts"].columns["season"]
    ]


def _problems(tables: Mapping[str, Table]) -> Iterator[tuple[str, str]]:
    """(table, what is wrong with it)"""
    for table, column, other in _NAMED:
        known = _row_of(tables, other)
        for name, cell in zip(
            tables[table].columns["name"], tables[table].columns[column], strict=True
        ):
            if not _names(cell):
                yield table, f"{name!r} has no {column}"
            yield from (
                (table, f"{name!r} names {item!r}, which {other}.csv lacks")
                for item in _names(cell)
                if item not in known
            )
    for name, rows in zip(tables["feasts"].columns["name"], _in_season(tables), strict=True):
        if not rows:
            yield "weather", f"none is in the season of {name!r}"
    for table, column, owner, fewest in _OWNED:
        known = _row_of(tables, owner)
        owners = list(tables[table].columns[column])
        yield from (
            (table, f"{item!r} is not in {owner}.csv")
            for item in dict.fromkeys(owners)
            if item not in known
        )
        yield from (
            (table, f"{name!r} has {owners.count(name)} rows, and needs {fewest}")
            for name in known
            if owners.count(name) < fewest
        )
