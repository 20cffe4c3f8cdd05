"""Orders → one SVG that stands on its own: what is read when, an order above the other.

Takes orders by name; gives their ribbons on one axis of age, with the phases named above each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from upbringing.order import Order, ribbon
from upbringing.report.charts import age_axis, data, layers
from upbringing.report.colours import colour
from upbringing.report.picture import WIDTH_PX, svg
from upbringing.report.ribbons import MAX_KINDS

_NUM_BINS = 200
_LETTER_PX = 6.8  # of 12 px type, on average
_LINE_PX = 22
_PALE = 0.5
_OTHERS = "other kinds"


def order_picture(orders: Mapping[str, Order]) -> str:
    """An SVG of the ribbons of `orders`, each titled by its name."""
    rows = order_chart(orders)
    return svg(rows.resolve_scale(color="independent", opacity="independent"))


def order_chart(orders: Mapping[str, Order]) -> alt.VConcatChart:
    """The ribbons of `orders` above each other, with the key of their kinds."""
    shares = {name: ribbon(order, _NUM_BINS) for name, order in orders.items()}
    paints = _paints(pl.concat(shares.values()))
    charts = [
        _ribbon(order, shares[name], paints, title=name, is_last=name == list(orders)[-1])
        for name, order in orders.items()
    ]
    return alt.vconcat(*charts, _key(paints), spacing=14)


@dataclass(frozen=True)
class _Paint:
    """What a kind is painted with."""

    kind: str
    colour: str
    opacity: float = 1.0


def _paints(shares: pl.DataFrame) -> list[_Paint]:
    """A paint for each kind, the earliest read first; a second round of the colours is paler.

    Of more kinds than there are paints, those read least share the last.
    """
    share, weight = pl.col("share").sum(), (pl.col("bin") * pl.col("share")).sum()
    kinds = shares.group_by("kind").agg(share=share, age=weight / share)
    most = 2 * MAX_KINDS
    kept = kinds.sort("share", "kind", descending=[True, False]).head(most)
    paints = [
        _Paint(kind, colour(f"kind-{number % MAX_KINDS}"), 1.0 if number < MAX_KINDS else _PALE)
        for number, kind in enumerate(kept.sort("age", "kind")["kind"])
    ]
    return paints + ([_Paint(_OTHERS, colour("kind-9"))] if kinds.height > most else [])


def _painted(paints: Sequence[_Paint]) -> dict[str, Any]:
    """The channels that paint a mark by its kind."""
    kinds = [paint.kind for paint in paints]
    colours = alt.Scale(domain=kinds, range=[paint.colour for paint in paints])
    # Without its type Vega-Lite takes the opacities for the ends of a range.
    pale = [paint.opacity for paint in paints]
    opacities = alt.Scale(type="ordinal", domain=kinds, range=pale)
    return {
        "color": alt.Color("kind:N", legend=None, scale=colours),
        "opacity": alt.Opacity("kind:O", legend=None, scale=opacities),
    }


def _ribbon(
    order: Order, shares: pl.DataFrame, paints: list[_Paint], *, title: str, is_last: bool
) -> alt.LayerChart:
    scale = alt.Scale(domain=[0, 1], nice=False)
    base = alt.Chart(data(_rows(shares, [paint.kind for paint in paints])))
    bands = base.mark_area(interpolate="step-after", clip=True).encode(
        x=alt.X("age:Q", title=None, axis=age_axis() if is_last else None, scale=scale),
        y=alt.Y("share:Q", stack="normalize", axis=None),
        order=alt.Order("rank:Q", sort="descending"),  # the first kind lies at the top
        **_painted(paints),
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
        room = int(((end - begin) * WIDTH_PX - 6) / _LETTER_PX)
        fits = len(span.name) <= room
        name = span.name if fits else span.name[: max(0, room - 1)] + "…" if room > 2 else ""
        rows.append({"age": round(begin, 5), "name": name})
    return rows


def _key(paints: list[_Paint]) -> alt.LayerChart:
    """Named swatches, in lines as wide as the ribbons."""
    rows: list[dict[str, Any]] = []
    x = line = 0.0
    for paint in paints:
        wide = len(paint.kind) * _LETTER_PX + 34
        if x and x + wide > WIDTH_PX:
            x, line = 0.0, line + 1
        rows.append({"kind": paint.kind, "x": x, "line": line})
        x += wide
    across = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, WIDTH_PX], nice=False))
    lines = alt.Scale(domain=[line + 0.5, -0.5], nice=False)
    base = alt.Chart(data(rows)).encode(x=across, y=alt.Y("line:Q", axis=None, scale=lines))
    swatches = base.mark_square(size=140, xOffset=6).encode(**_painted(paints))
    names = base.mark_text(align="left", dx=18, color=colour("ink")).encode(text="kind:N")
    return layers([swatches, names], width=WIDTH_PX, height=int(_LINE_PX * (line + 1)))
