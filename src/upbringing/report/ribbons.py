"""Tables → charts of a life's reading: what was read when, and how fast the mind learned then.

Takes a `Study`; gives Altair charts on the same axis of age, to stand above each other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import altair as alt
import polars as pl

from upbringing.report import words
from upbringing.report.charts import Width, age_axis, data, layers
from upbringing.report.colours import colour
from upbringing.report.folder import Study

MAX_KINDS = 9
"""Kinds with a colour of their own; the others share one."""


def kind_colours(study: Study) -> dict[str, str]:
    """A colour for each kind, the block first, then what it is set against.

    Kinds past the `MAX_KINDS`th share the last colour and the name `other kinds`.
    """
    findings = study.findings
    named = [findings.block, findings.against]
    kinds = study.ribbons["kind"].unique().sort().to_list()
    ordered = [k for k in named if k in kinds] + [k for k in kinds if k not in named]
    colours = {kind: colour(f"kind-{i}") for i, kind in enumerate(ordered[:MAX_KINDS])}
    return colours | ({"other kinds": colour("kind-9")} if len(ordered) > MAX_KINDS else {})


def ribbon(study: Study, arm: str, *, width: Width = "container", ages: bool = False) -> alt.Chart:
    """The share of each kind in what one arm's first seed read, over its life."""
    colours = kind_colours(study)
    rows = _ribbon_rows(study, arm, list(colours))
    axis = age_axis() if ages else None
    chart: alt.Chart = (
        alt.Chart(data(rows))
        .mark_area(interpolate="step-after", clip=True)
        .encode(
            x=alt.X("age:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, 1], nice=False)),
            y=alt.Y("share:Q", stack="normalize", axis=None),
            color=alt.Color(
                "kind:N",
                legend=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            ),
            order=alt.Order("rank:Q"),
        )
        .properties(width=width, height=44)
    )
    return chart


def ribbon_shares(study: Study, arm: str, seed: int | None = None) -> pl.DataFrame:
    """`bin`, `kind`, `share` of one arm and seed, by default the first seed that has a ribbon."""
    of_arm = study.ribbons.filter(pl.col("arm") == arm)
    first = of_arm["seed"].min() if seed is None else seed
    return of_arm.filter(pl.col("seed") == first).select("bin", "kind", "share").sort("bin", "kind")


def learning_rate(
    study: Study, schedule: str, *, width: Width = "container", title: bool = False
) -> alt.LayerChart:
    """The learning rate over age, and over each sixth of life its share of the whole mass."""
    course = study.findings.schedules[schedule]
    curve = [
        {"age": round(a, 4), "lr": round(r, 4)} for a, r in zip(course.age, course.lr, strict=True)
    ]
    sixths = [
        {"age": (i + 0.5) / 6, "mass": words.percent(mass)}
        for i, mass in enumerate(course.mass_by_sixth)
    ]
    x = alt.X("age:Q", title=None, axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    y = alt.Y("lr:Q", axis=None, scale=alt.Scale(domain=[0, 1.45], nice=False))
    area = alt.Chart(data(curve)).encode(x=x, y=y)
    cuts = alt.Chart(data([{"age": i / 6} for i in range(1, 6)])).encode(x=x)
    shares = alt.Chart(data(sixths)).encode(x=x, y=alt.datum(1.24), text="mass:N")
    drawn = [
        area.mark_area(color=colour("muted"), opacity=0.22, clip=True),
        area.mark_line(color=colour("ink"), strokeWidth=1.5, clip=True),
        cuts.mark_rule(color=colour("rule"), strokeDash=[2, 3]),
        shares.mark_text(color=colour("muted"), fontSize=12),
    ]
    return layers(drawn, width=width, height=72, title=words.rate(schedule) if title else "")


def _ribbon_rows(study: Study, arm: str, kinds: list[str]) -> list[dict[str, Any]]:
    """A row a bin and kind: a stack needs zeros, and steps need the last bin again at its end."""
    shares = ribbon_shares(study, arm)
    read: dict[tuple[int, str], float] = defaultdict(float)
    for place, kind, share in shares.iter_rows():
        read[place, kind if kind in kinds else "other kinds"] += share
    return [
        {
            "age": edge / 100,
            "kind": kind,
            "rank": rank,
            "share": round(read[min(edge, 99), kind], 3),
        }
        for edge in range(101)
        for rank, kind in enumerate(kinds)
    ]
