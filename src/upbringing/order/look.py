"""Looking at an order: what is read when, as records that a terminal or a page can draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from upbringing.errors import InputError
from upbringing.order.order import Order, PhaseSpan
from upbringing.settings import suggestion


@dataclass(frozen=True)
class PhaseView:
    """A phase with its ages, its bytes and the share of each kind in them."""

    span: PhaseSpan
    from_age: float
    to_age: float
    num_bytes: int
    share_by_kind: dict[str, float]


@dataclass(frozen=True)
class Meeting:
    """One visit: position, age, phase, and the scene that is read."""

    position: int
    age: float
    phase: str
    scene: str
    kind: str
    text: str


def phases_of(order: Order) -> list[PhaseView]:
    """The phases in order, with what they hold."""
    kinds = order.corpus.columns(["kind"])["kind"].gather(np.asarray(order.sequence))
    total = int(order.num_bytes.sum())
    views = []
    read = 0
    for span in order.phases:
        here = pl.DataFrame(
            {
                "kind": kinds[span.start : span.stop],
                "num_bytes": order.num_bytes[span.start : span.stop],
            }
        )
        size = int(here["num_bytes"].sum())
        by_kind = here.group_by("kind").agg(pl.col("num_bytes").sum()).sort("kind")
        shares = {kind: num_bytes / size for kind, num_bytes in by_kind.iter_rows()}
        views.append(PhaseView(span, read / total, (read + size) / total, size, shares))
        read += size
    return views


def ribbon(order: Order, num_bins: int = 100) -> pl.DataFrame:
    """bin, kind, share: of the bytes read in each of `num_bins` equal stretches of life."""
    kinds = order.corpus.columns(["kind"])["kind"].gather(np.asarray(order.sequence))
    bins = np.minimum((order.ages * num_bins).astype(np.int64), num_bins - 1)
    read = pl.DataFrame({"bin": bins, "kind": kinds, "num_bytes": order.num_bytes})
    return (
        read.group_by("bin", "kind")
        .agg(pl.col("num_bytes").sum())
        .select("bin", "kind", share=pl.col("num_bytes") / pl.col("num_bytes").sum().over("bin"))
        .sort("bin", "kind")
    )


def meeting(order: Order, position: int) -> Meeting:
    """What is read at a position."""
    row = int(order.sequence[position])
    scene = order.corpus.columns(["id", "kind", "text"]).row(row, named=True)
    age = float(order.ages[position])
    phase = order.phase_at(position).name
    return Meeting(position, age, phase, scene["id"], scene["kind"], scene["text"])


def meetings_with(order: Order, scene: str) -> list[Meeting]:
    """Every visit to a scene; raises `InputError` for an id that the corpus lacks."""
    ids = order.corpus.columns(["id"])["id"]
    found = ids.index_of(scene)
    if found is None:
        near = suggestion(scene, ids.head(100_000).to_list())
        raise InputError(f"no scene has the id {scene!r}", do=near)
    return [meeting(order, int(position)) for position in order.met(found)]
