"""Events: what happens in the world, drawn before anyone tells it.

Takes a grammar, the ids of events, a seed and which topics to draw from. Gives a row number for
every attribute of every event. Promises that each is a keyed draw of its own: the voice is told
nothing of the content, and an event is the same however many are drawn beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from upbringing.corpus.world.grammar import TABLE_OF, Grammar, Lots, grammar
from upbringing.identity import Keys, keyed_hash, keys_of

# A topic limits what can fail, that limits how, and that limits why: not drawn from whole tables.
_DEPENDENT = {"topic", "obj", "trouble", "case", "case2"}

# Attributes that must differ from another of the same table.
_OTHER_THAN = {"helper": "who", "long2": "long", "hour2": "hour", "count2": "count"}


@dataclass(frozen=True)
class Ragged:
    """For each row of one table, the rows of another that may go with it."""

    rows: Lots
    starts: Lots
    lengths: Lots

    def draw(self, keys: Keys, seed: int, purpose: str, given: Lots) -> Lots:
        """One of the rows that go with `given`, for each event."""
        place = draw(keys, seed, purpose, self.lengths[given])
        drawn: Lots = self.rows[self.starts[given] + place]
        return drawn


@dataclass(frozen=True)
class Events:
    """`rows[attribute]` (num_events,) are rows of the attribute's table; `keys` draws the rest."""

    keys: Keys
    rows: dict[str, Lots]


def draw(keys: Keys, seed: int, purpose: str, below: int | Lots) -> Lots:
    """A whole number in [0, below) for each key, shape (n,)."""
    lots = keyed_hash(keys, seed, f"world/{purpose}")
    return (lots % np.asarray(below, dtype=np.uint64)).astype(np.int64)


def draw_events(made: Grammar, ids: Sequence[str], seed: int, *, for_probes: bool) -> Events:
    """The content of each event, all on the topics of probes or all on those of scenes."""
    keys = keys_of(ids)
    rows = {
        name: draw(keys, seed, name, len(made.tables[table]))
        for name, table in TABLE_OF.items()
        if name not in _DEPENDENT and name not in _OTHER_THAN
    }
    links = _links(made.lang)
    topics = np.flatnonzero(links.is_for_probes == for_probes)
    rows["topic"] = topics[draw(keys, seed, "topic", len(topics))]
    rows["obj"] = links.objects.draw(keys, seed, "obj", rows["topic"])
    rows["trouble"] = links.troubles.draw(keys, seed, "trouble", rows["obj"])
    rows["case"] = links.cases.draw(keys, seed, "case", rows["trouble"])
    for name, taken in _OTHER_THAN.items():
        rows[name] = _other(keys, seed, name, rows[taken], len(made.tables[TABLE_OF[name]]))
    first, num_cases = links.cases.starts[rows["trouble"]], links.cases.lengths[rows["trouble"]]
    rows["case2"] = first + _other(keys, seed, "case2", rows["case"] - first, num_cases)
    return Events(keys, rows)


def _other(keys: Keys, seed: int, purpose: str, taken: Lots, below: int | Lots) -> Lots:
    """A row in [0, below) that is not `taken`."""
    return (taken + 1 + draw(keys, seed, purpose, np.asarray(below) - 1)) % below


@dataclass(frozen=True)
class _Links:
    is_for_probes: npt.NDArray[np.bool_]
    objects: Ragged
    troubles: Ragged
    cases: Ragged


@cache
def _links(lang: str) -> _Links:
    tables = grammar(lang).tables
    topics, objects, troubles = tables["topics"], tables["objects"], tables["troubles"]
    names = {name: row for row, name in enumerate(objects.columns["name"])}
    kinds = {name: row for row, name in enumerate(troubles.columns["name"])}
    of_kind: list[list[int]] = [[] for _ in kinds]
    for row, kind in enumerate(tables["cases"].columns["trouble"]):
        of_kind[kinds[kind]].append(row)
    return _Links(
        topics.columns["use"] == "probes",
        _ragged([[names[name] for name in cell.split()] for cell in topics.columns["objects"]]),
        _ragged([[kinds[name] for name in cell.split()] for cell in objects.columns["troubles"]]),
        _ragged(of_kind),
    )


def _ragged(lists: list[list[int]]) -> Ragged:
    lengths = np.array([len(rows) for rows in lists])
    return Ragged(np.concatenate(lists).astype(np.int64), np.cumsum(lengths) - lengths, lengths)
