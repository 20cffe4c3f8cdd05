"""Events: what happens in the world, drawn before anyone tells it.

Takes a grammar, ids of scenes and of their tales, a seed, and which topics to draw from. Gives a
row number for every attribute of every scene. Promises that each is a keyed draw of its own: the
voice is told nothing of the content, and an event is the same however many are drawn beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from upbringing.corpus.world.grammar import TABLE_OF, grammar
from upbringing.corpus.world.tables import Lots
from upbringing.corpus.world.templates import Words
from upbringing.identity import Keys, keyed_hash, keys_of

# What the scenes of one tale have in common: drawn by the tale's key instead of the scene's.
_OF_TALE = {"topic", "who", "helper", "mystery", "suspect", "innocent"}

# Attributes that must differ from another of the same table.
_OTHER_THAN = {
    "helper": "who",
    "innocent": "suspect",
    "long2": "long",
    "hour2": "hour",
    "count2": "count",
}

# Drawn apart from all others, from the whole of their table.
_FREE = (
    "time", "weather", "adj", "long", "hour", "count", "feast", "who", "mystery", "suspect",
)  # fmt: skip


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

    def draw(self, keys: Keys, seed: int, purpose: str, given: Lots) -> Lots:
        """One of the rows that go with `given`, for each event."""
        return self.at(given, draw(keys, seed, purpose, self.lengths[given]))

    def at(self, given: Lots, place: Lots) -> Lots:
        """The row at this place among those that go with `given`."""
        rows: Lots = self.rows[self.starts[given] + place]
        return rows


@dataclass(frozen=True)
class Events:
    """`rows[attribute]` (num_scenes,) are rows of the attribute's table; `keys` draws the rest."""

    keys: Keys
    rows: dict[str, Lots]


def draw(keys: Keys, seed: int, purpose: str, below: int | Lots) -> Lots:
    """A whole number in [0, below) for each key, shape (n,)."""
    lots = keyed_hash(keys, seed, f"world/{purpose}")
    return (lots % np.asarray(below, dtype=np.uint64)).astype(np.int64)


def draw_events(
    lang: str, ids: Sequence[str], tales: Sequence[str], seed: int, *, for_probes: bool
) -> Events:
    """The content of each scene, all on the topics of probes or all on those of scenes."""
    made, links = grammar(lang), links_of(lang)
    keys, tale_keys = keys_of(ids), keys_of(tales)
    rows: dict[str, Lots] = {}

    def drawn_by(name: str) -> Keys:
        return tale_keys if name in _OF_TALE else keys

    for name in _FREE:
        rows[name] = draw(drawn_by(name), seed, name, len(made.tables[TABLE_OF[name]]))
    for name, taken in _OTHER_THAN.items():
        num_rows = len(made.tables[TABLE_OF[name]])
        rows[name] = _other(drawn_by(name), seed, name, rows[taken], num_rows)
    topics = np.flatnonzero(links.is_for_probes == for_probes)
    rows["topic"] = topics[draw(tale_keys, seed, "topic", len(topics))]
    for name in ("obj", "creature", "outcome"):
        rows[name] = links.of_topic[name].draw(keys, seed, name, rows["topic"])
    rows["trouble"] = links.troubles.draw(keys, seed, "trouble", rows["obj"])
    rows["case"] = links.cases.draw(keys, seed, "case", rows["trouble"])
    first, num_cases = links.cases.starts[rows["trouble"]], links.cases.lengths[rows["trouble"]]
    rows["other"] = first + _other(keys, seed, "other", rows["case"] - first, num_cases)
    return Events(keys, rows)


def _other(keys: Keys, seed: int, purpose: str, taken: Lots, below: int | Lots) -> Lots:
    """A row in [0, below) that is not `taken`."""
    return (taken + 1 + draw(keys, seed, purpose, np.asarray(below) - 1)) % below


@dataclass(frozen=True)
class Links:
    """What goes with what; `of_topic` by attribute."""

    is_for_probes: npt.NDArray[np.bool_]
    of_topic: Mapping[str, Ragged]
    troubles: Ragged
    cases: Ragged
    values: Ragged


@cache
def links_of(lang: str) -> Links:
    """The links between the tables of a language."""
    tables = grammar(lang).tables
    topics, troubles = tables["topics"].columns, tables["troubles"].columns["name"]
    return Links(
        topics["use"] == "probes",
        {
            "obj": _named(topics["objects"], tables["objects"].columns["name"]),
            "creature": _named(topics["creatures"], tables["creatures"].columns["name"]),
            "outcome": _grouped(tables["outcomes"].columns["topic"], topics["name"]),
        },
        _named(tables["objects"].columns["troubles"], troubles),
        _grouped(tables["cases"].columns["trouble"], troubles),
        _grouped(tables["values"].columns["relation"], tables["relations"].columns["name"]),
    )


def _named(cells: Words, names: Words) -> Ragged:
    """Each cell lists names of rows, set off by spaces, or by commas where a name has spaces."""
    row_of = {name: row for row, name in enumerate(names)}
    return Ragged.of([[row_of[name] for name in _split(cell)] for cell in cells])


def _split(cell: str) -> list[str]:
    return [name.strip() for name in cell.split(",")] if "," in cell else cell.split()


def _grouped(owners: Words, names: Words) -> Ragged:
    """Each row of a table belongs to the row of another that it names."""
    row_of = {name: row for row, name in enumerate(names)}
    rows: list[list[int]] = [[] for _ in names]
    for row, name in enumerate(owners):
        rows[row_of[name]].append(row)
    return Ragged.of(rows)
