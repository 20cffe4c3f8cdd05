"""Reading: which kinds were read in a stretch of life, from ribbons."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Ribbons:
    """The ribbons of a study: arm, seed, bin (a hundredth of life), kind, share of its bytes."""

    frame: pl.DataFrame

    def read(self, arm: str, start: float, end: float) -> dict[str, float]:
        """`shares_between` of an arm, on average over its seeds."""
        own = self.frame.filter(arm=arm)
        num_seeds = own["seed"].n_unique()
        by_bin = own.group_by("bin", "kind", maintain_order=True)
        shares = by_bin.agg(pl.col("share").sum() / max(num_seeds, 1))
        return shares_between(shares, start, end)


def shares_between(ribbon: pl.DataFrame, start: float, end: float) -> dict[str, float]:
    """Mean share of each kind in the hundredths of life between two ages, the largest first.

    `ribbon` is of one order: bin, kind, share. Empty where the stretch is.
    """
    read: dict[str, float] = defaultdict(float)
    for place, kind, share in ribbon.select("bin", "kind", "share").iter_rows():
        overlap = min(end, (place + 1) / 100) - max(start, place / 100)
        if overlap > 0 and share > 0:
            read[kind] += share * overlap / (end - start)
    return dict(sorted(read.items(), key=lambda item: (-item[1], item[0])))
