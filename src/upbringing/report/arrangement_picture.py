"""A sketch of an arrangement → one small SVG that stands on its own: each visit a mark by age.

Takes what `order.sketch` gives. The same sketch gives the same bytes: every place is computed here,
and nothing hangs on how wide a font draws a word. Of many visits a sample is drawn, the same scenes
in every arrangement of them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from upbringing.order.sketch import Band, Sketch
from upbringing.report.charts import age_axis, data, layers
from upbringing.report.colours import colour
from upbringing.report.picture import svg
from upbringing.report.ribbons import MAX_KINDS

_WIDTH_PX, _LEFT_PX, _RIGHT_PX, _MARGIN_PX = 264, 64, 14, 6  # of the plot, and around it
_TALL_PX, _LOW_PX, _GAP_PX = 84, 54, 20  # a band alone, one of several, between them
_LINE_PX, _AXIS_PX = 15, 18
_FONT_PX, _LETTER_PX = 11, 6.2  # a letter on average
_TITLE_LETTERS, _LABEL_LETTERS = 54, 9
_MOST_MARKS = 400
_OTHERS = "other kinds"


def arrangement_picture(sketch: Sketch, title: str) -> str:
    """An SVG of `sketch` under its title; of more than 400 visits it draws 400, and says so."""
    tall = _TALL_PX if len(sketch.bands) == 1 else _LOW_PX
    tops = [_LINE_PX + number * (tall + _GAP_PX) for number in range(len(sketch.bands))]
    height = tops[-1] + tall
    paints = _paints(sketch)
    head = textwrap.wrap(title, _TITLE_LETTERS)
    swatches, foot = _foot(sketch, paints, height + _AXIS_PX)
    charts = [
        _words(_lines(head, (_MARGIN_PX - _LEFT_PX) / _WIDTH_PX), colour("ink"), fontWeight=600),
        _in_colours(swatches, paints, width=7, height=7),
        _words(foot),
    ]
    for band, top in zip(sketch.bands, tops, strict=True):
        charts += _frame(band, top, tall)
        charts.append(_marks(sketch, band, top, tall, paints))
    x = alt.X("x:Q", title=None, axis=age_axis(), scale=alt.Scale(domain=[0, 1], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False))
    drawn = layers([chart.encode(x=x, y=y) for chart in charts], width=_WIDTH_PX, height=height)
    padding = {
        "left": _LEFT_PX,
        "right": _RIGHT_PX,
        "top": _LINE_PX * len(head) + _MARGIN_PX,
        "bottom": max([_AXIS_PX, *(row["y"] - height for row in foot)]) + _MARGIN_PX,
    }
    return svg(drawn.properties(autosize=alt.AutoSizeParams(type="none"), padding=padding))


# Rows of all charts have an `x`, the share of the plot's width that lies left of them, and a `y`,
# the pixels from its top.


def _lines(lines: Sequence[str], x: float) -> list[dict[str, Any]]:
    """Lines of words that end just above the plot."""
    rise = [_LINE_PX * (len(lines) - 1 - row) + 2 for row in range(len(lines))]
    return [{"x": x, "y": -up, "text": line} for line, up in zip(lines, rise, strict=True)]


def _frame(band: Band, top: int, tall: int) -> list[alt.Chart]:
    """The ticks of a band with their names, and above it what its height is."""
    ticks = [{"x": 0, "end": 1, "y": _y(at, top, tall)} for at, _ in band.ticks]
    names = [
        {"x": -5 / _WIDTH_PX, "y": _y(at, top, tall) + 4, "text": _cut(name, _LABEL_LETTERS)}
        for at, name in band.ticks
    ]
    said = [{"x": 0, "y": top - 4, "text": band.said}]
    rules = alt.Chart(data(ticks)).mark_rule(color=colour("rule"), strokeDash=[3, 3])
    return [rules.encode(x2="end:Q"), _words(names, align="right"), _words(said)]


def _marks(sketch: Sketch, band: Band, top: int, tall: int, paints: Mapping[str, str]) -> alt.Chart:
    """A mark a visit: a tick in its lane, else a dot."""
    rows = [
        {
            "x": round(float(sketch.ages[visit]), 4),
            "y": _y(float(band.heights[visit]), top, tall),
            "kind": sketch.kinds[visit] if sketch.kinds[visit] in paints else _OTHERS,
        }
        for visit in _sample(sketch)
        if not np.isnan(band.heights[visit])
    ]
    high = 0.65 * tall / len(band.ticks) if band.is_lanes else 3
    return _in_colours(rows, paints, width=1.5 if band.is_lanes else 3, height=high)


def _sample(sketch: Sketch) -> list[int]:
    """The visits to the scenes with the smallest keys, which are hashes of their ids."""
    kept: list[int] = np.sort(np.argsort(sketch.keys, kind="stable")[:_MOST_MARKS]).tolist()
    return kept


def _paints(sketch: Sketch) -> dict[str, str]:
    """A colour for each kind that is met, its own in the corpus; from the tenth on they share one.

    Colours go to the kinds of the corpus in the order of the alphabet.
    """
    met = set(sketch.kinds)
    told_apart = sketch.known_kinds[:MAX_KINDS]
    paints = {kind: colour(f"kind-{n}") for n, kind in enumerate(told_apart) if kind in met}
    return paints | ({_OTHERS: colour("kind-9")} if met - set(told_apart) else {})


def _in_colours(rows: list[dict[str, Any]], paints: Mapping[str, str], **size: Any) -> alt.Chart:
    scale = alt.Scale(domain=list(paints), range=list(paints.values()))
    rects: alt.Chart = alt.Chart(data(rows)).mark_rect(**size)
    return rects.encode(color=alt.Color("kind:N", legend=None, scale=scale))


def _foot(
    sketch: Sketch, paints: Mapping[str, str], y: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Swatches and words below the axis: the kinds, unless lanes name them, and what is drawn."""
    swatches, words = [], []
    has_names = any(band.is_lanes and band.said == "kind" for band in sketch.bands)
    x = float(_WIDTH_PX)
    for kind in [] if has_names else paints:
        wide = (len(kind) + 4) * _LETTER_PX
        if x + wide > _WIDTH_PX:
            x, y = 0.0, y + _LINE_PX
        swatches.append({"x": (x + 4) / _WIDTH_PX, "y": y - 4, "kind": kind})
        words.append({"x": (x + 11) / _WIDTH_PX, "y": y, "text": kind})
        x += wide
    if len(sketch.kinds) > _MOST_MARKS:
        said = f"drawn: {_MOST_MARKS} of {len(sketch.kinds):,}"
        words.append({"x": 0.0, "y": y + _LINE_PX, "text": said})
    return swatches, words


def _words(rows: list[dict[str, Any]], paint: str = colour("muted"), **how: Any) -> alt.Chart:
    """Texts on the baseline `y`, from `x` on unless `how` aligns them otherwise."""
    style = {"align": "left", "baseline": "alphabetic", "fontSize": _FONT_PX, "color": paint}
    words: alt.Chart = alt.Chart(data(rows)).mark_text(**{**style, **how})
    return words.encode(text="text:N")


def _cut(name: str, num_letters: int) -> str:
    return name if len(name) <= num_letters else f"{name[: num_letters - 1]}…"


def _y(height: float, top: int, tall: int) -> float:
    return round(top + (1 - height) * tall, 1)
