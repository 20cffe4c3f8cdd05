"""The motif: what a block is most about, and the ages at which it comes back.

Takes the scenes of the first block, gives the story (a document of several scenes) that lies
nearest to the middle of the block, or, where none is short enough, the most central scenes. They
open the life and return at growing intervals, as a tale that is told again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.order.curriculum import Spaced
from upbringing.order.nearest import UNIT, Indices, Points
from upbringing.order.selection import Selection

TIMES = 5
MOST_OF_LIFE = 0.01
"""Of the life's bytes, for each time: `plan` warns of an event that takes more."""

_MOST_OF_BLOCK = 0.1
_MOST_SCENES = 3  # where no story returns
_LAST_AGES = [age / 100 for age in range(80, 49, -1)]


@dataclass(frozen=True)
class Motif:
    """Its scenes as a selection and as rows of the life, and the cosine of their middle with the
    block's.
    """

    scenes: Selection
    rows: Indices
    cosine: float
    is_story: bool


def leading_motif(
    frame: pl.DataFrame,
    points: Points,
    life: Indices,
    block: Indices,
    centre: Points | None = None,
) -> Motif | None:
    """The motif of a block, or None where any would take too much of the life.

    frame   scenes with key, id, document, place, num_bytes
    points  (n, d), their vectors on the grid
    life    rows that are read; block, those of the block
    centre  (d,), what the block is about, on the grid; the middle of its scenes by default
    """
    num_bytes = frame["num_bytes"].cast(pl.Int64).to_numpy()
    most = min(MOST_OF_LIFE * num_bytes[life].sum(), _MOST_OF_BLOCK * num_bytes[block].sum())
    middle = _middle(points[block]) if centre is None else centre.astype(np.float64)
    stories = _stories(frame, block).filter(pl.col("num_bytes") <= most)
    if stories.height:
        told = [np.array(rows) for rows in stories["rows"].to_list()]
        best = int(np.argmax([_middle(points[rows]) @ middle for rows in told]))
        rows, scenes = told[best], Selection(document=(stories["document"][best],))
    else:
        alone = _standing_alone(frame, block)
        nearness = points[alone] @ middle
        rows = alone[np.lexsort((frame["key"].to_numpy()[alone], -nearness))][:_MOST_SCENES]
        rows = rows[num_bytes[rows].cumsum() <= most]
        if not len(rows):
            return None
        scenes = Selection(id=tuple(frame["id"].gather(rows)))
    cosine = float(_middle(points[rows]) @ middle) / UNIT**2
    return Motif(scenes, rows, cosine, is_story=bool(stories.height))


def _stories(frame: pl.DataFrame, block: Indices) -> pl.DataFrame:
    """The documents of several scenes that lie in the block as a whole: rows in reading order,
    bytes; by the smallest key.
    """
    in_block = np.zeros(frame.height, dtype=bool)
    in_block[block] = True
    return (
        frame.with_row_index("at")
        .with_columns(mine=pl.Series(in_block))
        .group_by("document")
        .agg(
            rows=pl.col("at").sort_by("place"),
            num_bytes=pl.col("num_bytes").cast(pl.Int64).sum(),
            key=pl.col("key").min(),
            mine=pl.col("mine").all(),
        )
        .filter(pl.col("mine") & (pl.col("rows").list.len() > 1))
        .sort("key")
    )


def _standing_alone(frame: pl.DataFrame, block: Indices) -> Indices:
    """The rows of the block that are documents of their own, so that no story is torn; all of them
    where none is.
    """
    is_alone = ~frame["document"].is_duplicated().to_numpy()[block]
    return block[is_alone] if is_alone.any() else block


def _middle(points: Points) -> npt.NDArray[np.float64]:
    """Where the sum of points (n, d) points to, (d,), on the grid, so that products stay exact."""
    total = points.sum(axis=0, dtype=np.float64)
    length = np.sqrt((total**2).sum())
    middle: npt.NDArray[np.float64] = np.rint(total * (UNIT / length if length else 0.0))
    return middle


def returns(motif_bytes: int, ages: Sequence[int], last_scenes: Sequence[int]) -> Spaced:
    """When the motif is heard: at birth, then at growing intervals, never between two scenes that
    are a bridge.

    motif_bytes  of its scenes together
    ages         bytes of each age of life, without the motif
    last_scenes  bytes of the scene that ends each age but the last
    """
    total = sum(ages) + TIMES * motif_bytes
    borders = list(zip(np.cumsum(ages)[:-1].tolist(), last_scenes, strict=True))

    def is_free(said: Spaced) -> bool:
        # An event comes before the first visit that begins at its age or later.
        begins = [age * total - number * motif_bytes for number, age in enumerate(said.ages)]
        return not any(
            border - size < begin <= border for border, size in borders for begin in begins
        )

    tried = [Spaced(first=0, last=age, times=TIMES, spacing="expanding") for age in _LAST_AGES]
    return next(filter(is_free, tried), tried[0])
