"""Events: what happens in the world, drawn before anyone tells it.

Takes a grammar, ids of scenes and of their tales, a seed, and which topics to draw from. Gives a
row number for every attribute of every scene. Promises that each is a keyed draw of its own: the
voice is told nothing of the content, and an event is the same however many are drawn beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from upbringing.corpus.world.grammar import TABLE_OF, grammar
from upbringing.corpus.world.links import Ragged
from upbringing.corpus.world.tables import Lots
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
    "time", "adj", "long", "hour", "count", "feast", "who", "mystery", "suspect",
)  # fmt: skip


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
    made = grammar(lang)
    links = made.links
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
        rows[name] = _linked(links.of_topic[name], keys, seed, name, rows["topic"])
    rows["weather"] = _linked(links.weather, keys, seed, "weather", rows["feast"])
    rows["trouble"] = _linked(links.troubles, keys, seed, "trouble", rows["obj"])
    rows["case"] = _linked(links.cases, keys, seed, "case", rows["trouble"])
    first, num_cases = links.cases.starts[rows["trouble"]], links.cases.lengths[rows["trouble"]]
    rows["other"] = first + _other(keys, seed, "other", rows["case"] - first, num_cases)
    return Events(keys, rows)


def _linked(links: Ragged, keys: Keys, seed: int, purpose: str, given: Lots) -> Lots:
    """One of the rows that go with `given`, for each event."""
    return links.at(given, draw(keys, seed, purpose, links.lengths[given]))


def _other(keys: Keys, seed: int, purpose: str, taken: Lots, below: int | Lots) -> Lots:
    """A row in [0, below) that is not `taken`."""
    return (taken + 1 + draw(keys, seed, purpose, np.asarray(below) - 1)) % below
