"""Curves of imprint → one SVG: what is left of text by the age at which it was met.

Takes `findings.json` of a measured imprint, or the predicted imprint of a life; gives SVG that
stands on its own. A prediction has no unit: beside measured points it is drawn at their mean, so
that shapes are compared and heights are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from upbringing.order import Order
from upbringing.report import words
from upbringing.report.charts import age_axis, data, layers
from upbringing.report.colours import colour
from upbringing.report.order_picture import order_chart
from upbringing.report.picture import WIDTH_PX, svg
from upbringing.training import Imprint

_NUM_BINS = 200
_HIGH_PX, _LOW_PX, _GAP_PX = 200, 72, 34
_NAMES = {"text": "the text itself", "answers": "its facts"}


def imprint_picture(findings: Mapping[str, Any]) -> str:
    """An SVG of a measured imprint: a row a measure, a panel a schedule."""
    measures = dict.fromkeys(curve["measure"] for curve in findings["curves"])
    rows = [
        _row([curve for curve in findings["curves"] if curve["measure"] == measure], findings)
        for measure in measures
    ]
    subtitle = (
        f"dots: met minus never met, with 95% intervals over {findings['settings']['num_seeds']} "
        "seeds; line: predicted from the schedule, at the dots' mean"
    )
    title = alt.TitleParams(
        "What is left of a packet of text at the end of life, by the age at which it was met",
        subtitle=subtitle,
        subtitleColor=colour("muted"),
        fontSize=15,
        subtitleFontSize=12,
        offset=18,
    )
    return svg(alt.vconcat(*rows, spacing=22, title=title).resolve_scale(y="independent"))


def plan_picture(order: Order, name: str, imprint: Imprint, schedule: str) -> str:
    """An SVG of an order's ribbon and, on the same axis of age, its predicted imprint."""
    density = imprint.tabled(_NUM_BINS)
    rows = _curve_rows(density, scale=1.0)
    x = alt.X("age:Q", title=None, axis=age_axis(), scale=alt.Scale(domain=[0, 1], nice=False))
    top = 1.1 * float(density.max())
    y = alt.Y("left:Q", title=None, axis=_value_axis(), scale=alt.Scale(domain=[0, top]))
    area = alt.Chart(data(rows)).encode(x=x, y=y)
    drawn = [
        area.mark_area(color=colour("muted"), opacity=0.22),
        area.mark_line(color=colour("ink"), strokeWidth=1.5),
    ]
    title = f"predicted imprint, {words.rate(schedule)} (1: an even life)"
    curve = layers(drawn, width=WIDTH_PX, height=_LOW_PX, title=title)
    both = alt.vconcat(order_chart({name: order}), curve, spacing=14)
    return svg(both.resolve_scale(color="independent", opacity="independent"))


def _row(curves: Sequence[Mapping[str, Any]], findings: Mapping[str, Any]) -> alt.HConcatChart:
    """The schedules of one measure side by side, on one axis of height."""
    width = WIDTH_PX // len(curves) - _GAP_PX
    ends = [end for curve in curves for end in _ends(curve)]
    margin = 0.08 * (max(ends) - min(ends) or 1.0)
    domain = [min(*ends, 0.0) - margin, max(*ends, 0.0) + margin]
    panels = [
        _panel(curve, findings["predicted"][curve["schedule"]]["density"], domain, width)
        for curve in curves
    ]
    return alt.hconcat(*panels, spacing=20)


def _ends(curve: Mapping[str, Any]) -> list[float]:
    """What the axis must hold of a curve."""
    figures = [point["measured"] for point in curve["points"]]
    return [
        figure[end]
        for figure in figures
        for end in ("estimate", "low", "high")
        if figure[end] is not None
    ] or [0.0]


def _panel(
    curve: Mapping[str, Any], density: Sequence[float], domain: list[float], width: int
) -> alt.LayerChart:
    rows = [
        {"age": round(point["age"], 4)}
        | {end: point["measured"][end] for end in ("estimate", "low", "high")}
        for point in curve["points"]
        if point["measured"]["estimate"] is not None
    ]
    x = alt.X("age:Q", title=None, axis=age_axis(), scale=alt.Scale(domain=[0, 1], nice=False))
    scale = alt.Scale(domain=domain, nice=False)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=None, axis=_value_axis(), scale=scale)

    mean = float(np.mean([row["estimate"] for row in rows])) if rows else 0.0
    predicted = alt.Chart(data(_curve_rows(np.asarray(density), scale=mean)))
    points = alt.Chart(data(rows))
    zero = alt.Chart(data([{"left": 0}])).mark_rule(color=colour("muted"), strokeDash=[2, 3])
    drawn = [
        zero.encode(y=y("left")),
        predicted.mark_line(color=colour("arm-S"), strokeWidth=1.6, clip=True).encode(
            x=x, y=y("left")
        ),
        points.transform_filter("isValid(datum.low)")
        .mark_rule(color=colour("arm-F"), strokeWidth=1.6)
        .encode(x=x, y=y("low"), y2="high:Q"),
        points.mark_point(filled=True, size=60, color=colour("arm-F"), opacity=1).encode(
            x=x, y=y("estimate")
        ),
    ]
    what = f"{_NAMES[curve['measure']]}, {curve['unit']}"
    title = f"{words.rate(curve['schedule'])}: {what}"
    return layers(drawn, width=width, height=_HIGH_PX, title=title)


def _curve_rows(density: np.ndarray[Any, Any], *, scale: float) -> list[dict[str, float]]:
    """The density in the middle of each bin, times `scale`."""
    ages = (np.arange(len(density)) + 0.5) / len(density)
    return [
        {"age": round(float(age), 4), "left": round(float(height) * scale, 5)}
        for age, height in zip(ages, density, strict=True)
    ]


def _value_axis() -> alt.Axis:
    return alt.Axis(tickCount=5, ticks=False, domain=False, format="~g", minExtent=34)
