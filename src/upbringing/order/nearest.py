"""Nearest: which points are near which, for any number of them, the same on every machine.

Takes vectors of length 1, gives pairs of neighbours. Vectors are rounded to integers of which each
product is below 2^24, so a float32 holds every dot product exactly, in whatever order and by
however many threads it is added; nothing that is built on them depends on rounding.

Shapes: n points, d dimensions, p pairs, c centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from upbringing.identity import keyed_hash

Points = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Nearness = npt.NDArray[np.float32]
"""Dot products of points: integers, at most UNIT²."""

UNIT = 4000.0
"""The length of a vector on the grid."""

NUM_NEAREST = 10
_LIST_SIZE = 200  # points of a centre, on average
_NUM_LISTS = 16  # lists that are searched for the neighbours of one list's points
_SAMPLE = 32  # points for each centre, from which centres are found
_ROUNDS = 5
_EXACT_UP_TO = 8_000  # comparing each with each costs less than lists do


@dataclass(frozen=True)
class Pairs:
    """Neighbours, each pair once: points `first` < `second` and their nearness, (p,), by
    (first, second).
    """

    first: Indices
    second: Indices
    nearness: Nearness


def on_grid(vectors: npt.NDArray[np.float32]) -> Points:
    """Vectors of length 1 (or 0), (n, d), as integers: UNIT times as long, rounded.

    Rounding turns a cosine by about 0.0002.
    """
    points: Points = np.rint(vectors * np.float32(UNIT)).astype(np.float32, copy=False)
    # The dot product of rounded vectors is at most (UNIT + ½√d)²: below 2^24 for d < 36,864.
    assert points.shape[1] < 36_864, "so long a vector needs a coarser grid"
    return points


def nearest_pairs(points: Points, num_nearest: int = NUM_NEAREST) -> Pairs:
    """Each point with its `num_nearest` nearest, or nearly: beyond 8,000 points, those of them that
    lie in the sixteen lists of points about the nearest centres.
    """
    if len(points) <= _EXACT_UP_TO:
        nearness, other = _search(points, points, num_nearest + 1)
    else:
        nearness, other = _by_lists(points, num_nearest + 1)
    return _pairs(nearness, other, len(points))


def all_pairs(points: Points) -> Pairs:
    """Every pair of points there is."""
    first, second = np.triu_indices(len(points), 1)
    return Pairs(first, second, (points @ points.T)[first, second])


def _search(queries: Points, base: Points, k: int) -> tuple[Nearness, Indices]:
    """The dot products with, and rows of, the k of `base` nearest to each query; −1 for none."""
    import faiss

    found: tuple[Nearness, Indices] = faiss.knn(
        queries, base, min(k, len(base)), metric=faiss.METRIC_INNER_PRODUCT
    )
    return found


def _by_lists(points: Points, k: int) -> tuple[Nearness, Indices]:
    """As `_search` among all points; each point belongs to the list of its nearest centre."""
    centres = _centres(points, -(-len(points) // _LIST_SIZE))
    mine = _search(points, centres, 1)[1][:, 0]
    by_list = np.argsort(mine, kind="stable")
    starts = np.searchsorted(mine[by_list], np.arange(len(centres) + 1))
    members = [by_list[low:high] for low, high in pairwise(starts.tolist())]
    near_lists = _search(centres, centres, _NUM_LISTS)[1]
    nearness = np.zeros((len(points), k), dtype=np.float32)
    other = np.full((len(points), k), -1, dtype=np.int64)
    for number, rows in enumerate(members):
        if len(rows):
            base = np.concatenate([members[near] for near in near_lists[number]])
            found, where = _search(points[rows], points[base], k)
            nearness[rows, : found.shape[1]] = found
            other[rows, : found.shape[1]] = base[where]
    return nearness, other


def _centres(points: Points, num_centres: int) -> Points:
    """Centres by k-means on the sphere, (c, d), of points drawn by a keyed hash of their row."""
    lots = keyed_hash(np.arange(len(points), dtype=np.uint64), 0, "centres")
    sample = points[np.argsort(lots)[: num_centres * _SAMPLE]]
    centres = sample[:num_centres].copy()
    for _ in range(_ROUNDS):
        mine = _search(sample, centres, 1)[1][:, 0]
        by_centre = np.argsort(mine, kind="stable")
        found, starts = np.unique(mine[by_centre], return_index=True)
        sums = np.add.reduceat(sample[by_centre].astype(np.float64), starts, axis=0)  # of integers
        lengths = np.sqrt((sums**2).sum(axis=1, keepdims=True))
        centres[found] = np.rint(sums / np.maximum(lengths, 1.0) * UNIT)
    return centres


def _pairs(nearness: Nearness, other: Indices, num_points: int) -> Pairs:
    point = np.repeat(np.arange(num_points), other.shape[1])
    other, nearness = other.ravel(), nearness.ravel()
    is_pair = (other >= 0) & (other != point)
    point, other = point[is_pair], other[is_pair]
    codes = np.minimum(point, other) * num_points + np.maximum(point, other)
    codes, at = np.unique(codes, return_index=True)
    first, second = np.divmod(codes, num_points)
    return Pairs(first, second, nearness[is_pair][at])
