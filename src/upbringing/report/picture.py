"""Charts → one SVG that stands on its own, for a README.

Takes a study folder; gives SVG with its own ground, legible on light and on dark pages.
"""

from __future__ import annotations

from pathlib import Path

import altair as alt
import vl_convert

from upbringing.report import words
from upbringing.report.charts import arms_of, data, dots, layers
from upbringing.report.colours import COLOURS, CONFIG, colour
from upbringing.report.folder import Study, read_study
from upbringing.report.ribbons import kind_colours, learning_rate, ribbon

WIDTH_PX = 730


def picture(study_folder: Path) -> str:
    """An SVG for a README: each seed a dot by schedule; below, what was read when.

    Raises `ArtefactError` for a folder that is no whole study.
    """
    study = read_study(study_folder)
    schedules = list(study.findings.schedules)
    width = WIDTH_PX // len(schedules) - 30
    panels = alt.hconcat(
        *(dots(study, s, width=width) for s in schedules),
        spacing=24,
        title=_picture_title(study),
    )
    arms = [arm for arm in arms_of(study) if arm in study.ribbons["arm"]]
    rates = [learning_rate(study, s, width=WIDTH_PX, title=True) for s in schedules]
    ribbons = [
        ribbon(study, arm, width=WIDTH_PX, ages=arm == arms[-1]).properties(
            title=f"{arm}: {words.arm(arm, study.findings)}"
        )
        for arm in arms
    ]
    rows = alt.vconcat(panels, *rates, *ribbons, _kind_key(study), spacing=14)
    return svg(rows.resolve_scale(color="independent"))


def svg(chart: alt.TopLevelMixin) -> str:
    """A chart as an SVG that stands on its own, on its own ground, light or dark.

    Every viewer gets the light colours as plain attributes; one that knows `prefers-color-scheme`
    repaints them. The ground is part of the picture, so it is legible whatever lies behind it.
    """
    spec = chart.to_dict()
    config = {**CONFIG, "background": colour("paper"), "padding": 18}
    drawn: str = vl_convert.vegalite_to_svg(spec, config=config)
    dark = []
    for name, (on_light, on_dark) in COLOURS.items():
        drawn = drawn.replace(f"var(--{name})", on_light)
        dark += [
            f'[{paint}="{on_light}"]{{{paint}:{on_dark}}}'
            for paint in ("fill", "stroke")
            if f'{paint}="{on_light}"' in drawn
        ]
    style = f"<style>@media(prefers-color-scheme:dark){{{''.join(dark)}}}</style>"
    head, body = drawn.split(">", 1)
    return f"{head}>{style}{body}"


def _picture_title(study: Study) -> alt.TitleParams:
    axis = f"{words.measure(study.findings.primary)} of {study.findings.axis}"
    seeds = f"{len(study.findings.seeds)} seeds, each a dot; grey: the shuffles' range"
    return alt.TitleParams(
        f"Character at the end of life, in {study.scale.label}",
        subtitle=f"{axis}; {seeds}",
        subtitleColor=colour("muted"),
        fontSize=15,
        subtitleFontSize=12,
        offset=18,
    )


def _kind_key(study: Study) -> alt.LayerChart:
    """A row of named swatches for a picture without a page around it."""
    colours = kind_colours(study)
    rows = [{"kind": kind, "x": i} for i, kind in enumerate(colours)]
    scale = alt.Scale(domain=[0, max(len(colours), 6)], nice=False)
    base = alt.Chart(data(rows)).encode(x=alt.X("x:Q", axis=None, scale=scale), y=alt.value(8))
    paint = alt.Scale(domain=list(colours), range=list(colours.values()))
    swatches = base.mark_square(size=140, opacity=1, xOffset=6).encode(
        color=alt.Color("kind:N", legend=None, scale=paint)
    )
    names = base.mark_text(align="left", dx=18, color=colour("ink")).encode(text="kind:N")
    return layers([swatches, names], width=WIDTH_PX, height=16)
