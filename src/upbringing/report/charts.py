"""Tables → charts of character: where each mind ended, and its way there.

Takes a `Study`; gives Altair charts, each as wide as whatever holds it. Rows travel inside the
chart, rounded to what an eye can see. All charts of character share one axis of height, all charts
of a life one axis of age.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import altair as alt
import polars as pl

from upbringing.report import words
from upbringing.report.colours import arm_colour, colour
from upbringing.report.folder import Study

WASHOUT_START, WASHOUT_WIDTH = 1.04, 0.28
"""Where the washout is drawn on the axis of age, whose own end is 1."""

Width = int | Literal["container"]
Chart = alt.Chart | alt.LayerChart


def arms_of(study: Study) -> list[str]:
    """The arms that are orders of the same text, F M L O D S N."""
    arms = study.character["arm"].unique().to_list()
    return sorted((arm for arm in arms if arm in study.findings.arms), key=words.arm_rank)


def first_age(study: Study) -> float:
    """The youngest age at which the lives of these arms were asked."""
    lives = study.character.filter(pl.col("arm").is_in(arms_of(study)), stage="life")
    return float(lives["age"].min())  # type: ignore[arg-type]


def dots(
    study: Study, schedule: str, average: str | None = None, *, width: Width = "container"
) -> alt.LayerChart:
    """Each seed of each arm a dot at the end of life; the shuffles' range a band, poles lines.

    With the name of an average, the minds whose weights were averaged, shuffles too.
    """
    ends = _at_the_end(study, schedule, average)
    arms = [arm for arm in arms_of(study) if arm in ends["arm"]]
    rows = _dot_rows(ends, arms)
    columns = alt.Axis(
        values=list(range(len(arms))),
        labelExpr=f"{json.dumps(arms)}[datum.value]",
        labelColor=colour("ink"),
        labelFlush=False,
        labelOverlap=False,
        grid=False,
        ticks=False,
        domain=False,
    )
    across = alt.Scale(domain=[-0.5, len(arms) - 0.5], nice=False)
    y = _position_axis(study)
    base = alt.Chart(data(rows)).encode(
        x=alt.X("x:Q", title=None, scale=across, axis=columns), y=y, color=_arm_scale(arms)
    )
    means = base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(
        x=alt.X("min(left):Q", title=None, scale=across, axis=columns),
        x2="max(right):Q",
        y=_position_axis(study, "mean(position):Q"),
    )
    size = 130 if ends["seed"].n_unique() <= 4 else 70
    seeds = base.mark_point(filled=True, size=size, opacity=0.85).encode(
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("seed:Q"),
            alt.Tooltip("position:Q", title=study.scale.label, format=".2f"),
        ]
    )
    drawn = [*_band(rows, y), *_pole_lines(study, y), means, seeds, *_pole_names(study, y)]
    return layers(drawn, width=width, height=300, title=words.rate(schedule, average))


def life(study: Study, schedule: str, *, width: Width = "container") -> alt.LayerChart:
    """Character by age: a line a seed, the shuffles' range a band, the washout after life."""
    rows = _life_rows(study, schedule)
    arms = [arm for arm in arms_of(study) if arm != "S"]
    has_washout = any(row["stage"] == "washout" for row in rows)
    end = WASHOUT_START + WASHOUT_WIDTH if has_washout else 1.0
    scale = alt.Scale(domain=[0, end], nice=False)
    x = alt.X("x:Q", title=None, scale=scale, axis=age_axis(washout=has_washout))
    y = _position_axis(study)
    shuffles = alt.Chart(data([row for row in rows if row["arm"] == "S"])).encode(x=x)
    band = shuffles.mark_area(color=colour("arm-S"), opacity=0.35).encode(
        y=_position_axis(study, "min(position):Q"),
        y2="max(position):Q",
        detail="stage:N",
    )
    lines = (
        alt.Chart(data([row for row in rows if row["arm"] != "S"]))
        .mark_line(strokeWidth=1.8, opacity=0.9)
        .encode(
            x=x,
            y=y,
            color=_arm_scale(arms),
            detail=["seed:N", "stage:N"],
            tooltip=["arm:N", "seed:Q", "when:N", alt.Tooltip("position:Q", format=".2f")],
        )
    )
    border = alt.Chart(data([{"x": 1.0}])).mark_rule(color=colour("muted"), strokeDash=[1, 3])
    borders = [border.encode(x=x)] if has_washout else []
    drawn = [*_pole_lines(study, y), band, lines, *borders, *_pole_names(study, y)]
    return layers(drawn, width=width, height=270, title=words.rate(schedule))


def data(rows: list[dict[str, Any]]) -> alt.InlineData:
    """Rows as data that travel inside the chart."""
    return alt.InlineData(values=rows)


def layers(
    charts: list[alt.Chart], *, width: Width, height: int, title: str = ""
) -> alt.LayerChart:
    """Charts on top of each other, the first at the bottom."""
    return alt.LayerChart(layer=charts, width=width, height=height, title=title)


def age_axis(*, washout: bool = False) -> alt.Axis:
    """The axis of age, from birth to 1; with `washout`, that word under the stretch after it."""
    after = [WASHOUT_START + WASHOUT_WIDTH / 2] if washout else []
    names = {0: "birth", 1: "1" if washout else "age 1"} | dict.fromkeys(after, "washout")
    words_ = "".join(f"datum.value == {at} ? '{name}' : " for at, name in names.items())
    return alt.Axis(
        values=[0, 0.25, 0.5, 0.75, 1, *after],
        labelExpr=f"{words_}format(datum.value, '~f')",
        grid=False,
        domain=False,
        ticks=False,
        labelOverlap=False,
    )


def _dot_rows(ends: pl.DataFrame, arms: list[str]) -> list[dict[str, Any]]:
    """A row a seed: `x` is the arm's column, the seeds side by side; `left`, `right` its width."""
    seeds = ends["seed"].unique().sort().to_list()
    step = 0.5 / max(len(seeds), 3)
    rows = []
    for row in ends.filter(pl.col("arm").is_in(arms)).to_dicts():
        column = arms.index(row["arm"])
        shift = (seeds.index(row["seed"]) - (len(seeds) - 1) / 2) * step
        place = {"x": round(column + shift, 3), "left": column - 0.34, "right": column + 0.34}
        rows.append(row | place)
    return rows


def _at_the_end(study: Study, schedule: str, average: str | None = None) -> pl.DataFrame:
    """The position at the end of life of each run on a schedule: `arm`, `seed`, `position`."""
    rows = study.ends.filter(schedule=schedule, stage=average or "life")
    return rows.select("arm", "seed", pl.col("position").round(4)).sort("arm", "seed")


def _life_rows(study: Study, schedule: str) -> list[dict[str, Any]]:
    """Rows of the orders' runs with a place `x`; a washout begins where its life ended."""
    arms = arms_of(study)
    on_schedule = (pl.col("schedule") == schedule) & pl.col("arm").is_in(arms)
    on_schedule &= pl.col("stage").is_in(["life", "washout"])
    columns = ["arm", "seed", "stage", "age", "position"]
    rows = study.character.filter(on_schedule).select(columns)
    is_washout = pl.col("stage") == "washout"
    forked = rows.filter(is_washout).select("arm", "seed").unique()
    ends = _at_the_end(study, schedule).join(forked, on=["arm", "seed"], how="semi")
    starts = ends.with_columns(stage=pl.lit("washout"), age=pl.lit(0.0)).select(columns)
    rows = pl.concat([rows.filter(~is_washout | (pl.col("age") > 0)), starts])
    placed = rows.with_columns(
        x=pl.when(is_washout).then(WASHOUT_START + WASHOUT_WIDTH * pl.col("age")).otherwise("age"),
        position=pl.col("position").round(4),
    ).sort("arm", "seed", "stage", "age")
    return [row | {"when": words.age(row["age"], row["stage"])} for row in placed.to_dicts()]


def _position_axis(study: Study, shorthand: str = "position:Q") -> alt.Y:
    """The y axis of character: the same domain for every chart, poles and their names included."""
    orders = study.character.filter(pl.col("arm").is_in(arms_of(study)))
    values = orders["position"].to_list() + _pole_positions(study)
    margin = 0.1 * (max(values) - min(values) or 1.0)
    scale = alt.Scale(domain=[min(values) - margin, max(values) + margin], nice=False, zero=False)
    axis = alt.Axis(tickCount=5, ticks=False, domain=False, format=".2~f", minExtent=34)
    return alt.Y(shorthand, title=None, scale=scale, axis=axis)


def _pole_positions(study: Study) -> list[float]:
    poles = (study.findings.own_poles.negative, study.findings.own_poles.positive)
    scale = study.scale
    return [(p.mean - scale.zero) / scale.unit for p in poles if p and p.mean is not None]


def _pole_lines(study: Study, y: alt.Y) -> list[alt.Chart]:
    """A dashed line at each pole."""
    rows = [{"position": round(height, 4)} for height in _pole_positions(study)]
    line = alt.Chart(data(rows)).mark_rule(color=colour("ink"), strokeDash=[5, 4], opacity=0.7)
    return [line.encode(y=y)] if rows else []


def _pole_names(study: Study, y: alt.Y) -> list[alt.Chart]:
    """Each pole's name on the outer side of its line, on top of all else, with a rim of ground."""
    poles = (study.findings.own_poles.negative, study.findings.own_poles.positive)
    named = [words.arm(p.arm, study.findings) for p in poles if p and p.mean is not None]
    heights = _pole_positions(study)
    layers = []
    for name, height in zip(named, heights, strict=True):
        row = alt.Chart(data([{"position": round(height, 4), "name": name}]))
        outward = -10 if height == max(heights) else 10
        rim: dict[str, Any] = {"stroke": colour("paper"), "strokeWidth": 4, "strokeJoin": "round"}
        for style in (rim, {}):
            text = row.mark_text(align="left", dx=4, dy=outward, **style)
            layers.append(text.encode(x=alt.value(0), y=y, text="name:N"))
    return layers


def _band(rows: list[dict[str, Any]], y: alt.Y) -> list[alt.Chart]:
    shuffled = [row["position"] for row in rows if row["arm"] == "S"]
    if not shuffled:
        return []
    span = alt.Chart(data([{"position": min(shuffled), "high": max(shuffled)}]))
    return [
        span.mark_rect(color=colour("arm-S"), opacity=0.25).encode(
            x=alt.value(0), x2=alt.value("width"), y=y, y2="high:Q"
        )
    ]


def _arm_scale(arms: list[str]) -> alt.Color:
    scale = alt.Scale(domain=arms, range=[arm_colour(arm) for arm in arms])
    return alt.Color("arm:N", legend=None, scale=scale)
