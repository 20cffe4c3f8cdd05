"""Additions: visits beside those of the phases, and where in life they fall.

Rehearsal brings scenes of earlier phases back, a share of a later phase's text, spread over it.
Events pin scenes to ages. Both take a sequence of rows and give a longer one; what stood there
keeps its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upbringing.identity import Keys, keyed_hash
from upbringing.order.sorting import Rows, argsort

Sizes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Life:
    """What additions need of the corpus, by row: keys (num_scenes,) and bytes (num_scenes,)."""

    keys: Keys
    num_bytes: Sizes
    seed: int


@dataclass(frozen=True)
class Pinned:
    """Rows that are met one after another from `age` on."""

    age: float
    rows: Rows


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
    wanted = share / (1 - share) * life.num_bytes[own].sum()
    lots = keyed_hash(life.keys[scenes], life.seed, f"rehearsal/{name}")
    dealt = scenes[argsort(lots, life.keys[scenes])]
    num_passes = int(wanted // max(life.num_bytes[dealt].sum(), 1)) + 1
    every = np.tile(dealt, num_passes)
    again = every[: int(np.searchsorted(life.num_bytes[every].cumsum(), wanted)) + 1]
    ages = np.concatenate([spaced(len(own), "even"), spaced(len(again), spacing)])
    merged: Rows = np.concatenate([own, again])[np.argsort(ages, kind="stable")]
    return merged


def with_events(
    sequence: Rows, starts: Sequence[int], pinned: Sequence[Pinned], life: Life
) -> tuple[Rows, list[int]]:
    """The sequence with every pinned row at its age, and where the phases start in it.

    An age is a share of the bytes of the whole life, events included; `starts` are positions of the
    first visit of each phase, and an event at a border falls into the phase that begins there.
    """
    groups = sorted(pinned, key=lambda group: group.age)
    read = np.concatenate([[0], life.num_bytes[sequence].cumsum()])
    sizes = [int(life.num_bytes[group.rows].sum()) for group in groups]
    total = int(read[-1]) + sum(sizes)
    before = 0
    positions = []
    for group, size in zip(groups, sizes, strict=True):
        position = int(np.searchsorted(read, group.age * total - before, side="left"))
        positions.append(np.full(len(group.rows), min(position, len(sequence))))
        before += size
    if not groups:
        return sequence, list(starts)
    at = np.concatenate(positions)
    longer = np.insert(sequence, at, np.concatenate([group.rows for group in groups]))
    return longer, [start + int(np.sum(at < start)) for start in starts]
