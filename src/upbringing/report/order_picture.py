"""Orders → one SVG that stands on its own: what is read when, an order above the other.

Takes orders by name; gives their ribbons on one axis of age, with the phases named above each.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import altair as alt
import polars as pl

from upbringing.order import Order, ribbon
from upbringing.report.charts import age_axis, data, layers
from upbringing.report.colours import colour
from upbringing.report.picture import WIDTH_PX, svg
from upbringing.report.ribbons import MAX_KINDS

_NUM_BINS = 200
_LETTER_PX = 6.6  # of 12 px type, on average
_OTHERS = "other kinds"


def order_picture(orders: Mapping[str, Order]) -> str:
    """An SVG of the ribbons of `orders`, each titled by its name."""
    shares = {name: ribbon(order, _NUM_BINS) for name, order in orders.items()}
    colours = _colours(pl.concat(shares.values()))
    charts = [
        _ribbon(order, shares[name], colours, title=name, is_last=name == list(orders)[-1])
        for name, order in orders.items()
    ]
    rows = alt.vconcat(*charts, _key(colours), spacing=14)
    return svg(rows.resolve_scale(color="independent"))


def _colours(shares: pl.DataFrame) -> dict[str, str]:
    """A colour for each kind, the one read most first; those past `MAX_KINDS` share the last."""
    kinds = shares.group_by("kind").agg(pl.col("share").sum())
    ordered = kinds.sort("share", "kind", descending=[True, False])["kind"].to_list()
    colours = {kind: colour(f"kind-{number}") for number, kind in enumerate(ordered[:MAX_KINDS])}
    return colours | ({_OTHERS: colour("kind-9")} if len(ordered) > MAX_KINDS else {})


def _ribbon(
    order: Order, shares: pl.DataFrame, colours: dict[str, str], *, title: str, is_last: bool
) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, 1], nice=False)
    base = alt.Chart(data(_rows(shares, list(colours))))
    bands = base.mark_area(interpolate="step-after", clip=True).encode(
        x=alt.X("age:Q", title=None, axis=age_axis() if is_last else None, scale=scale),
        y=alt.Y("share:Q", stack="normalize", axis=None),
        color=alt.Color(
            "kind:N",
            legend=None,
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        ),
        order=alt.Order("rank:Q"),
    )
    phases = alt.Chart(data(_phases(order))).encode(x=alt.X("age:Q", scale=scale))
    borders = phases.transform_filter("datum.age > 0").mark_rule(color=colour("ink"), opacity=0.6)
    names = phases.mark_text(align="left", baseline="bottom", dx=2, color=colour("ink"))
    drawn = [bands, borders, names.encode(y=alt.value(-3), text="name:N")]
    return layers(drawn, width=WIDTH_PX, height=64, title=title).properties(
        title=alt.TitleParams(title, offset=20)
    )


def _rows(shares: pl.DataFrame, kinds: list[str]) -> list[dict[str, Any]]:
    """A row a bin and kind: a stack needs zeros, and steps need the last bin again at its end."""
    read = {(edge, kind): 0.0 for edge in range(_NUM_BINS) for kind in kinds}
    for edge, kind, share in shares.iter_rows():
        read[edge, kind if kind in kinds else _OTHERS] += share
    return [
        {
            "age": edge / _NUM_BINS,
            "kind": kind,
            "rank": rank,
            "share": round(read[min(edge, _NUM_BINS - 1), kind], 3),
        }
        for edge in range(_NUM_BINS + 1)
        for rank, kind in enumerate(kinds)
    ]


def _phases(order: Order) -> list[dict[str, Any]]:
    """Where each phase begins, and as much of its name as fits above it."""
    rows = []
    for span in order.phases:
        begin, end = order.age_of(span.start), order.age_of(span.stop)
        room = int((end - begin) * WIDTH_PX / _LETTER_PX)
        fits = len(span.name) <= room
        name = span.name if fits else span.name[: max(0, room - 1)] + "…" if room > 2 else ""
        rows.append({"age": round(begin, 5), "name": name})
    return rows


def _key(colours: dict[str, str]) -> alt.LayerChart:
    """A row of named swatches, each as far from the one before as its name is long."""
    widths = [len(kind) * _LETTER_PX + 34 for kind in colours]
    starts = [0.0, *accumulate(widths)]
    rows = [{"kind": kind, "x": x} for kind, x in zip(colours, starts, strict=False)]
    scale = alt.Scale(domain=[0, max(WIDTH_PX, starts[-1])], nice=False)
    base = alt.Chart(data(rows)).encode(x=alt.X("x:Q", axis=None, scale=scale), y=alt.value(8))
    paint = alt.Scale(domain=list(colours), range=list(colours.values()))
    swatches = base.mark_square(size=140, opacity=1, xOffset=6).encode(
        color=alt.Color("kind:N", legend=None, scale=paint)
    )
    names = base.mark_text(align="left", dx=18, color=colour("ink")).encode(text="kind:N")
    return layers([swatches, names], width=WIDTH_PX, height=16)
