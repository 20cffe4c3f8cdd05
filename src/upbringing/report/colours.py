"""Every colour of the report, declared once, for light ground and for dark.

A chart or a page names a colour as a CSS variable (`var(--arm-F)`), so that one style sheet
repaints everything. Hues are safe for colour-blind eyes; arms (lines, dots) and kinds (areas) never
share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

COLOURS: Mapping[str, tuple[str, str]] = {
    # name: (on light, on dark)
    "paper": ("#fdfcf9", "#15171a"),
    "ink": ("#1d1f21", "#e6e4df"),
    "muted": ("#62656a", "#9a9da3"),
    "rule": ("#dbd8d0", "#33373d"),
    "wash": ("#f3f1eb", "#1d2024"),
    "accent": ("#0b5a8c", "#7fbbe6"),
    # Arms: Okabe & Ito's palette, darkened or lightened until lines carry on their ground.
    "arm-F": ("#0072b2", "#56b4e9"),
    "arm-M": ("#00875f", "#2fc79a"),
    "arm-L": ("#d55e00", "#f28536"),
    "arm-O": ("#b0588f", "#dd93be"),
    "arm-D": ("#8f7000", "#e0c341"),
    "arm-S": ("#73767b", "#8e9197"),
    "arm-N": ("#3f4245", "#c3c5c9"),
    # Kinds: Paul Tol's muted palette, the dark ones raised on dark ground; the last is the rest.
    "kind-0": ("#cc6677", "#d3798a"),
    "kind-1": ("#4a3f99", "#8d82d6"),
    "kind-2": ("#ddcc77", "#d8c877"),
    "kind-3": ("#44aa99", "#47a999"),
    "kind-4": ("#88ccee", "#86c6e6"),
    "kind-5": ("#117733", "#2f9252"),
    "kind-6": ("#882255", "#b8487f"),
    "kind-7": ("#999933", "#a5a53f"),
    "kind-8": ("#aa4499", "#c067b2"),
    "kind-9": ("#b9b9b4", "#6d7076"),
}

CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": FONT,
    "padding": 2,
    "aria": False,  # the page describes each figure in words; a label on each dot is noise
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "domainColor": "var(--rule)",
        "tickColor": "var(--rule)",
        "gridColor": "var(--rule)",
        "gridOpacity": 0.7,
        "tickSize": 4,
        "labelPadding": 5,
    },
    "title": {
        "anchor": "start",
        "color": "var(--ink)",
        "fontSize": 13,
        "fontWeight": 600,
        "offset": 10,
    },
    "text": {"color": "var(--muted)", "fontSize": 12},
}


def colour(name: str) -> str:
    """The CSS variable of a colour of `COLOURS`."""
    assert name in COLOURS, name
    return f"var(--{name})"


def arm_colour(arm: str) -> str:
    """The colour of an arm; poles and mixtures are drawn in ink."""
    return colour(f"arm-{arm}") if f"arm-{arm}" in COLOURS else colour("ink")


def css_variables() -> str:
    """`COLOURS` as CSS custom properties, for a light and for a dark page."""
    light = "".join(f"--{name}:{pair[0]};" for name, pair in COLOURS.items())
    dark = "".join(f"--{name}:{pair[1]};" for name, pair in COLOURS.items())
    return f":root{{{light}}}\n@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
