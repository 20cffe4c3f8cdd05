"""Comparing two orders of one corpus: what moved, by how much, and what only one of them has.

The k-th meeting with a scene in one order is set against its k-th meeting in the other; meetings
that have no counterpart are visits that only one order has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from upbringing.errors import InputError
from upbringing.order.look import Meeting, kinds_read, meeting, ribbon
from upbringing.order.order import Order, Positions

_MOST_SHOWN = 3


@dataclass(frozen=True)
class Alone:
    """Visits that only one of two orders has: how many, their bytes, and the first of them."""

    num_visits: int
    num_bytes: int
    first: tuple[Meeting, ...]


@dataclass(frozen=True)
class Shift:
    """How far common visits moved, as differences of age without sign.

    `largest` is the visit that moved most, in either order.
    """

    mean: float
    largest: tuple[Meeting, Meeting]


@dataclass(frozen=True)
class Comparison:
    """Two orders side by side.

    is_same         they are one sequence
    is_permutation  they have the same visits, thus one `visits` digest
    num_common      visits that both have
    alone           what only the first has, and what only the second
    shift           None where no visit is common
    tau             Kendall's rank correlation of the common visits: 1 in the same order, −1
                    reversed; None for fewer than two
    kinds           a row a kind; of both orders (`_1`, `_2`) `age`, the mean age of its text, and
                    `early` and `late`, its share of the text of each half of life
    """

    is_same: bool
    is_permutation: bool
    num_common: int
    alone: tuple[Alone, Alone]
    shift: Shift | None
    tau: float | None
    kinds: pl.DataFrame


def compare(first: Order, second: Order) -> Comparison:
    """What moved from one order to the other; raises `InputError` for orders of two corpora."""
    if first.corpus.digest != second.corpus.digest:
        raise InputError("orders of two corpora cannot be compared", do="compile both on one")
    visits = _visits(first).join(_visits(second), on=("key", "number"), how="full", coalesce=True)
    common = visits.drop_nulls().sort("position")
    places = common.select("position", "position_right").to_numpy().T
    return Comparison(
        is_same=np.array_equal(first.sequence, second.sequence),
        is_permutation=len(common) == len(visits),
        num_common=len(common),
        alone=(
            _alone(first, visits.filter(pl.col("position_right").is_null())["position"]),
            _alone(second, visits.filter(pl.col("position").is_null())["position_right"]),
        ),
        shift=_shift(first, second, places[0], places[1]) if len(common) else None,
        tau=_tau(*places) if len(common) > 1 else None,
        kinds=_kinds(first, "_1")
        .join(_kinds(second, "_2"), on="kind", how="full", coalesce=True)
        .sort("kind"),
    )


def _visits(order: Order) -> pl.DataFrame:
    """key, number (of the meeting with that scene, from 1), position: a row a visit."""
    meetings = order.meetings
    frame = pl.DataFrame({"key": np.asarray(meetings.keys), "position": meetings.positions})
    return frame.with_columns(number=pl.col("position").cum_count().over("key"))


def _alone(order: Order, positions: pl.Series) -> Alone:
    at = positions.sort().to_numpy()
    num_bytes = int((order.read[at + 1] - order.read[at]).sum())
    first = tuple(meeting(order, int(p), with_text=False) for p in at[:_MOST_SHOWN])
    return Alone(len(at), num_bytes, first)


def _shift(first: Order, second: Order, here: Positions, there: Positions) -> Shift:
    """The shift of the common visits, at the positions `here` and `there`, (num_common,) each."""
    moved = np.abs(first.ages[here] - second.ages[there])
    most = int(moved.argmax())
    largest = (
        meeting(first, int(here[most]), with_text=False),
        meeting(second, int(there[most]), with_text=False),
    )
    return Shift(float(moved.mean()), largest)


def _tau(here: Positions, there: Positions) -> float:
    from scipy import stats  # half a second that no other look at an order needs

    return float(stats.kendalltau(here, there).statistic)


def _kinds(order: Order, suffix: str) -> pl.DataFrame:
    """kind, and with the suffix age, early, late: a row for each kind that is read."""
    codes, names = kinds_read(order)
    sizes, count = order.num_bytes, len(names)
    total = np.bincount(codes, weights=sizes, minlength=count)
    by_age = np.bincount(codes, weights=sizes * order.ages, minlength=count)
    read = pl.DataFrame({"kind": names, "total": total, "age": by_age}).filter(pl.col("total") > 0)
    halves = ribbon(order, 2)
    for number, half in enumerate(("early", "late")):
        shares = halves.filter(bin=number).select("kind", pl.col("share").alias(half))
        read = read.join(shares, on="kind", how="left")
    return read.select(
        "kind",
        (pl.col("age") / pl.col("total")).alias(f"age{suffix}"),
        *(pl.col(half).fill_null(0.0).alias(f"{half}{suffix}") for half in ("early", "late")),
    )
