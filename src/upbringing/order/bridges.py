"""Bridges: the two scenes, one of each age, that are nearest to one another.

Takes ages and points on the grid of `nearest.on_grid`; gives for each age the scene that its chain
begins with and the one that it ends with, so that neighbours meet where they are nearest. Every
pair is looked at, and every product is an exact integer, so that a bridge depends neither on the
order of the rows nor on the number of threads; of pairs that are equally near, the one with the
smallest keys is taken.

Shapes: n and m points of d dimensions. The time is in proportion to n·m·d: 25,000 scenes by 25,000
of 128 dimensions take less than ten seconds on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from upbringing.identity import Keys, keyed_hash
from upbringing.order.ages import Age
from upbringing.order.nearest import UNIT, Indices, Points

MOST_LOOKED_AT = 50_000
"""Scenes of an age that are compared; of more, so many are dealt by a keyed hash."""

_SINGLES = 0.25  # of an age's documents, so that the choice of its last scene stays a choice


@dataclass(frozen=True)
class Chained:
    """An age with the ends of its chain, as rows of the life, None where an end is free.

    num_stories  documents of which it has several scenes
    keeps        whether each of them stays together
    cosine       between its last scene and the first of the next age
    """

    age: Age
    num_stories: int
    keeps: bool
    start: int | None = None
    end: int | None = None
    cosine: float | None = None


def chained(ages: Sequence[Age], frame: pl.DataFrame, points: Points) -> list[Chained]:
    """The ages with their bridges; `frame` is the life: key, document and place by row.

    Stories, documents of several scenes, stay together in the last age, and wherever a quarter of
    an age's documents or more are single scenes: held together, a story stands where its earliest
    scene is on the chain, so that only a single scene is sure to come last. What comes first may be
    the beginning of a story.
    """
    keys = frame["key"].to_numpy()
    documents = [_Documents.of(age, frame, is_last=age is ages[-1]) for age in ages]
    found = [
        Chained(age, its.num_stories, its.are_kept)
        for age, its in zip(ages, documents, strict=True)
    ]
    for number in range(len(ages) - 1):
        leaving = _but(documents[number].may_close, found[number].start)
        arriving = documents[number + 1].may_open
        bridge = nearest_bridge(points[leaving], keys[leaving], points[arriving], keys[arriving])
        end, start = int(leaving[bridge.leaves]), int(arriving[bridge.arrives])
        found[number] = replace(found[number], end=end, cosine=bridge.cosine)
        found[number + 1] = replace(found[number + 1], start=start)
    return found


@dataclass(frozen=True)
class _Documents:
    """What the documents of an age allow: rows that its chain may begin and end with."""

    num_stories: int
    are_kept: bool
    may_open: Indices
    may_close: Indices

    @classmethod
    def of(cls, age: Age, frame: pl.DataFrame, *, is_last: bool) -> _Documents:
        by_document = (
            frame.select("document", "place")[age.rows]
            .with_columns(row=pl.Series(age.rows))
            .group_by("document")
            .agg(pl.len(), first=pl.col("row").sort_by("place").first())
        )
        single = by_document.filter(pl.col("len") == 1)["first"].sort().to_numpy()
        num_stories = by_document.height - len(single)
        enough = is_last or len(single) >= max(2, _SINGLES * by_document.height)
        if num_stories and enough:
            return cls(num_stories, True, by_document["first"].sort().to_numpy(), single)
        return cls(num_stories, False, age.rows, age.rows)


def _but(rows: Indices, taken: int | None) -> Indices:
    """The rows without the one that is taken; a chain of one scene begins and ends with it."""
    return rows[rows != taken] if len(rows) > 1 else rows


@dataclass(frozen=True)
class Bridge:
    """Rows of the two scenes in what was searched, and the cosine between them."""

    leaves: int
    arrives: int
    cosine: float


def nearest_bridge(one: Points, one_keys: Keys, two: Points, two_keys: Keys) -> Bridge:
    """The pair with the largest dot product; `one` (n, d), `two` (m, d), keys (n,) and (m,).

    Of more than `MOST_LOOKED_AT` points only so many are compared.
    """
    import faiss

    some, others = _looked_at(one_keys), _looked_at(two_keys)
    queries, base = one[some], two[others]
    nearness, _ = faiss.knn(queries, base, 1, metric=faiss.METRIC_INNER_PRODUCT)
    # faiss says how near the nearest is, and not always the same of several that are equally near.
    ties = np.flatnonzero(nearness[:, 0] == nearness.max())
    leaves = _smallest(some[ties], one_keys)
    products = base @ one[leaves]
    arrives = _smallest(others[products == products.max()], two_keys)
    return Bridge(leaves, arrives, float(products.max()) / UNIT**2)


def _looked_at(keys: Keys) -> Indices:
    lots = keyed_hash(keys, 0, "bridges")
    rows: Indices = np.argsort(lots)[:MOST_LOOKED_AT]
    return rows


def _smallest(rows: Indices, keys: Keys) -> int:
    return int(rows[keys[rows].argmin()])
