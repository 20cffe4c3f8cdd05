"""Additions: visits beside those of the phases, and where in life they fall.

Rehearsal brings scenes of earlier phases back, a share of a later phase's text, spread over it.
Events pin scenes to ages. Both take a sequence of rows and give a longer one; what stood there
keeps its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from upbringing.blocks import blocks, in_blocks
from upbringing.errors import InputError
from upbringing.identity import Keys, keyed_hash
from upbringing.order.parameters import dated
from upbringing.order.sorting import Rows, Unsigned, argsort, taken


@dataclass(frozen=True)
class Life:
    """What additions need of the corpus, by row: keys (num_scenes,) and bytes (num_scenes,)."""

    keys: Keys
    num_bytes: Unsigned
    seed: int

    def read(self, sequence: Rows) -> npt.NDArray[np.int64]:
        """The bytes that lie behind each visit of a sequence, and all: (num_visits + 1,)."""
        read = np.zeros(len(sequence) + 1, dtype=np.int64)
        np.cumsum(taken(self.num_bytes, sequence), dtype=np.int64, out=read[1:])
        return read


@dataclass(frozen=True)
class Pinned:
    """Rows with the age at which each is met, shape (m,) both; of one age, in this order."""

    rows: Rows
    ages: npt.NDArray[np.float64]

    @classmethod
    def at(cls, rows: Rows, ages: Sequence[float]) -> Pinned:
        """All the rows, one after another, from each of these ages on."""
        return cls(np.tile(rows, len(ages)), np.repeat(np.array(ages, dtype=float), len(rows)))


def ages_of_dates(dates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ages in proportion to dates, (n,): 0 for the first of them, 1 for the last.

    Raises `InputError` for a scene without a date, and where there is one date only.
    """
    dates = dated(dates)
    first, last = dates.min(), dates.max()
    if first == last:
        raise InputError("these scenes have one date only", do="give their age: `ages: [0.5]`")
    ages: npt.NDArray[np.float64] = (dates - first) / (last - first)
    return ages


def spaced(count: int, spacing: str) -> npt.NDArray[np.float64]:
    """`count` ages inside a stretch from 0 to 1: evenly, or at intervals that grow with age.

    Even: (k + ½)/n. Expanding: the square of that, so that the k-th interval is in proportion to k.
    """
    even = (np.arange(count) + 0.5) / max(count, 1)
    return even**2 if spacing == "expanding" else even


def rehearsed(own: Rows, earlier: Rows, share: float, spacing: str, name: str, life: Life) -> Rows:
    """`own` visits with a `share` of bytes of `earlier` ones between them.

    Earlier scenes come in the order of a keyed hash, each at most once more than any other.
    """
    scenes = np.unique(earlier)
    wanted = share / (1 - share) * life.read(own)[-1]
    lots = keyed_hash(life.keys[scenes], life.seed, f"rehearsal/{name}")
    dealt = scenes[argsort(lots, life.keys[scenes])]
    num_passes = int(wanted // max(life.read(dealt)[-1], 1)) + 1
    every = np.tile(dealt, num_passes)
    again = every[: int(np.searchsorted(life.read(every)[1:], wanted)) + 1]
    ages = np.concatenate([spaced(len(own), "even"), spaced(len(again), spacing)])
    merged: Rows = np.concatenate([own, again])[np.argsort(ages, kind="stable")]
    return merged


def with_events(
    sequence: Rows, starts: Sequence[int], pinned: Sequence[Pinned], life: Life
) -> tuple[Rows, list[int]]:
    """The sequence with every pinned row at its age, and where the phases start in it.

    An age is a share of the bytes of the whole life, events included; `starts` are positions of the
    first visit of each phase, and an event at a border falls into the phase that begins there. What
    is pinned comes by rising age, also where one event lasts beyond the age of the next.
    """
    if not pinned:
        return sequence, list(starts)
    ages = np.concatenate([event.ages for event in pinned])
    by_age = np.argsort(ages, kind="stable")
    rows = np.concatenate([event.rows for event in pinned])[by_age]
    age, group = np.unique(ages[by_age], return_inverse=True)
    sizes = np.bincount(group, weights=life.num_bytes[rows]).astype(np.int64)
    sizes_of_blocks = in_blocks(len(sequence), lambda block: life.read(sequence[block])[-1])
    read = np.cumsum([0, *sizes_of_blocks])
    own = age * (read[-1] + sizes.sum()) - (sizes.cumsum() - sizes)  # the sequence's bytes before
    own = np.maximum.accumulate(own)
    slots = np.full(len(own), len(sequence))
    borders = pairwise([0, *np.searchsorted(own, read[1:], side="right")])
    for block, before, (first, stop) in zip(blocks(len(sequence)), read[:-1], borders, strict=True):
        if first < stop:
            inside = before + life.read(sequence[block])
            slots[first:stop] = block.start + np.searchsorted(inside, own[first:stop])
    at = slots[group]
    return _inserted(sequence, at, rows), [start + int(np.sum(at < start)) for start in starts]


def _inserted(sequence: Rows, at: npt.NDArray[np.int64], rows: Rows) -> Rows:
    """`np.insert(sequence, at, rows)` where `at` rises."""
    longer = np.empty(len(sequence) + len(rows), dtype=sequence.dtype)

    def insert(block: slice) -> None:
        first, stop = np.searchsorted(at, [block.start, block.stop])
        inside = np.insert(sequence[block], at[first:stop] - block.start, rows[first:stop])
        longer[block.start + first : block.stop + stop] = inside

    in_blocks(len(sequence), insert)
    num_before_end = int(np.searchsorted(at, len(sequence)))
    longer[len(sequence) + num_before_end :] = rows[num_before_end:]
    return longer
