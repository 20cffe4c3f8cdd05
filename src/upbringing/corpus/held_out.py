"""Held out: which scenes are kept from training, so that a mind can be examined on them.

Takes scenes, gives the `split` of each and a word on how it was made. A random split would leak
authors, so whole works are held out; the lot of a work is keyed by its name and the seed, and does
not change when other works come or go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from upbringing.corpus.store import HELD_OUT, TRAIN
from upbringing.identity import keyed_hash, keys_of

ENOUGH_SHARE = 0.08
LARGEST_SHARE = 0.15
UNITS = ("work", "document", "id")
"""What is held out whole, best first: works, else documents, else (one long document) scenes."""


@dataclass(frozen=True)
class HeldOut:
    """How a kind in a language was split: by which unit, and what share of bytes is held out."""

    kind: str
    lang: str
    by: str
    share: float


def split(scenes: pl.DataFrame, seed: int) -> tuple[pl.Series, list[HeldOut]]:
    """`train` or `held_out` for each scene (columns id, text, kind, lang, work, document).

    In each group, the scenes of one kind in one language, units are visited in the order of their
    keyed hash; one is held out if the share of the group's bytes stays within 15%, until 8% is
    reached. Where no unit is that small, the smallest is held out. The unit is the work, and a work
    met in several groups is never held out; a group without two works is split by document, one of
    a single document by scene, and a single scene is training.
    """
    groups_of_work = pl.struct("kind", "lang").n_unique().over("work")
    num_bytes = pl.col("text").str.len_bytes().cast(pl.Int64)
    frame = scenes.select(*UNITS, "kind", "lang", num_bytes=num_bytes, is_shared=groups_of_work > 1)
    held_out: list[str] = []
    report = []
    for kind, lang in frame.select("kind", "lang").unique().sort("kind", "lang").iter_rows():
        group = frame.filter(kind=kind, lang=lang)
        by = _unit(group)
        units = group.group_by(by).agg(pl.col("num_bytes").sum(), pl.col("is_shared").all())
        total = int(units["num_bytes"].sum())
        free = units.filter(~pl.col("is_shared")) if by == "work" else units
        names, sizes = free[by].to_list(), free["num_bytes"].to_list()
        chosen = _choose(names, sizes, total, seed) if units.height > 1 else []
        rows = group.filter(pl.col(by).is_in(chosen))
        held_out.extend(rows["id"])
        share = round(int(rows["num_bytes"].sum()) / total, 4)
        report.append(HeldOut(kind, lang, "scene" if by == "id" else by, share))
    is_held_out = scenes["id"].is_in(held_out)
    words = pl.select(split=pl.when(is_held_out).then(pl.lit(HELD_OUT)).otherwise(pl.lit(TRAIN)))
    return words["split"], report


def _unit(group: pl.DataFrame) -> str:
    """The column whose values are held out whole, for the scenes of one group."""
    if group["work"].n_unique() > 1 and not group["is_shared"].all():
        return "work"
    return "document" if group["document"].n_unique() > 1 else "id"


def _choose(names: Sequence[str], sizes: Sequence[int], total: int, seed: int) -> list[str]:
    """The units to hold out of `total` bytes, by the rule that `split` states."""
    lots = keyed_hash(keys_of(names), seed, "held out").tolist()
    chosen: list[str] = []
    num_bytes = 0
    for _, name, size in sorted(zip(lots, names, sizes, strict=True)):
        if num_bytes >= ENOUGH_SHARE * total:
            break
        if num_bytes + size <= LARGEST_SHARE * total:
            chosen.append(name)
            num_bytes += size
    smallest = min(zip(sizes, lots, names, strict=True))[2]
    return chosen or [smallest]
