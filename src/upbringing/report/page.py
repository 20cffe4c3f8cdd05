"""Study → one HTML file that needs nothing else: no network, no font, no server.

Takes a study folder; gives `report.html` in it. Promises: every string of the study is escaped or
JSON; without text, no opening and no answer is in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import vl_convert

from upbringing.files import write_text
from upbringing.report import charts, further, ribbons, samples, tables, turning, words
from upbringing.report.charts import arms_of
from upbringing.report.colours import CONFIG, arm_colour
from upbringing.report.folder import Study, read_study
from upbringing.report.markup import Section, asset, document
from upbringing.report.records import Findings


def write_page(study_folder: Path, *, with_text: bool = True) -> Path:
    """Write `report.html` into the study folder, replacing an older one; return its path.

    Raises `ArtefactError` when the folder is no whole study.
    """
    study = read_study(study_folder)
    page = study.folder / "report.html"
    write_text(page, render(study, with_text=with_text))
    return page


def render(study: Study, *, with_text: bool) -> str:
    """The page as text."""
    sections = [
        Section("answer", None, _answer(study.findings)),
        Section("picture", "Where each mind ended", _picture(study)),
        Section("reading", "What was read when", _reading(study)),
        Section("life", "Character through life", _life(study)),
        Section("turning", "Turning points", _turning(study)),
        Section("figures", "Arms and measures", tables.section(study)),
        *_further(study.findings),
        Section("samples", "The same opening, answered by each mind", _samples(study, with_text)),
        Section("making", "How it was made", tables.making(study)),
        Section("words", "The words used here", _glossary(study.findings)),
    ]
    return document(
        f"{study.findings.name} · upbringing",
        sections,
        data={
            "charts": {"config": CONFIG, "specs": _charts(study)},
            "samples-data": samples.data(study) if _has_samples(study, with_text) else None,
        },
        scripts=(_vega(), asset("page.js")),
    )


def _turning(study: Study) -> str:
    return turning.section(turning.turning_points_of(study), study.findings)


def _further(findings: Findings) -> Iterator[Section]:
    """What not every study has."""
    if findings.hypotheses:
        yield Section("hypotheses", "What was expected", further.hypotheses(findings))
    if findings.half_lives:
        yield Section("fading", "What the washout left", further.fading(findings.half_lives))
    if findings.interpretation:
        told = further.interpretation(findings.interpretation, findings)
        yield Section(
            "interpretation", f"How {escape(findings.interpretation.next)} was read", told
        )
    if findings.doses:
        yield Section("doses", "Style against knowledge", further.doses(findings.doses, findings))
    yield Section("explored", "Explored, not decided", further.explored(findings.exploratory))


def _charts(study: Study) -> dict[str, Mapping[str, Any]]:
    """Vega-Lite by the id of the element that shows it."""
    drawn: dict[str, charts.Chart] = {}
    for i, (schedule, average) in enumerate(study.findings.conditions):
        drawn[f"dots-{i}"] = charts.dots(study, schedule, average)
    for i, schedule in enumerate(study.findings.schedules):
        drawn[f"rate-{i}"] = ribbons.learning_rate(study, schedule)
        drawn[f"life-{i}"] = charts.life(study, schedule)
    arms = _arms_with_ribbon(study)
    for i, arm in enumerate(arms):
        drawn[f"ribbon-{i}"] = ribbons.ribbon(study, arm, ages=arm == arms[-1])
    return {name: chart.to_dict() for name, chart in drawn.items()}


def _answer(findings: Findings) -> str:
    said = "".join(f'<p class="badge">{escape(badge)}</p>' for badge in badges(findings))
    lines = "".join(f"<p>{escape(line)}</p>" for line in findings.answer)
    facts = [
        f"{findings.shape}: {words.count(findings.num_parameters)} parameters",
        f"{words.count(findings.num_tokens)} tokens a mind",
        f"{len(findings.seeds)} seeds",
        f"learning rates: {', '.join(findings.schedules)}",
        f"language: {findings.lang}",
        *([f"averages: {', '.join(findings.averages)}"] if findings.averages else []),
    ]
    return (
        f"<h1>{escape(findings.name)}</h1>"
        f"{said}"
        f'<div class="answer">{lines}</div>'
        f'<p class="facts">{escape(" · ".join(facts))}</p>'
    )


def badges(findings: Findings) -> list[str]:
    """`demonstration, 3 seeds, no verdict`, or the verdict on the primary measure by schedule."""
    if findings.is_demonstration:
        return [f"demonstration, {len(findings.seeds)} seeds, no verdict"]
    said = [v for v in findings.verdicts if v.measure == findings.primary]
    return [
        f"{', '.join(filter(None, [v.schedule, v.average]))}: "
        f"{', '.join([v.position, *v.qualifiers]).lower()}"
        for v in said
    ]


def _picture(study: Study) -> str:
    poles, scale = study.findings.own_poles, study.scale
    unit = (
        f"in pole distances (one is {words.number(scale.unit)} {_natural_unit(study)})"
        if scale.in_pole_distances
        else f"in {scale.label}, for want of measured poles"
    )
    caption = (
        f"Each dot is one mind at the end of its life, a seed each; the short line is their mean."
        f" Height is the {words.measure(study.findings.primary)} of {study.findings.axis}, {unit}."
        f" Dashed lines: the poles. Grey band: from the lowest to the highest shuffle."
        f" Gate: {poles.gate} ({poles.reason.rstrip('.')})."
    )
    if study.findings.diverged:
        caption += f" Not here, because they diverged: {', '.join(study.findings.diverged)}."
    dots = [
        (_chart(f"dots-{i}", f"minds at the end of life, {words.rate(*condition)}"), condition[1])
        for i, condition in enumerate(study.findings.conditions)
    ]
    panels = "".join(chart for chart, average in dots if average is None)
    averaged = "".join(chart for chart, average in dots if average)
    return (
        f'<figure><div class="panels">{panels}</div>{_arm_legend(study)}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        f"{_averaged(study, averaged) if averaged else ''}"
        f"<details><summary>The dots as figures</summary>{tables.dots(study)}</details>"
    )


def _averaged(study: Study, panels: str) -> str:
    """The same minds with averaged weights, and what each average is."""
    named = "; ".join(f"{name}: {what}" for name, what in study.findings.averages.items())
    caption = (
        f"The same minds with averaged weights, the shuffles' averaged likewise; scale, lines and"
        f" band as above. {named}."
    )
    return (
        f'<figure><div class="panels">{panels}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _reading(study: Study) -> str:
    rates = "".join(
        _track(f"rate-{i}", words.rate(schedule), _spent(study, schedule))
        for i, schedule in enumerate(study.findings.schedules)
    )
    tracks = "".join(
        _track(f"ribbon-{i}", arm, words.arm(arm, study.findings))
        for i, arm in enumerate(_arms_with_ribbon(study))
    )
    kinds = ribbons.kind_colours(study)
    return f"""
<p>From birth at the left to the end of life at the right. Above, the learning rate, and how much
of all learning-rate mass each sixth of life received; below, what each arm read meanwhile, as
shares of bytes. All arms read the same scenes.</p>
<figure>{rates}{tracks}{_legend(kinds.items())}
<figcaption>The ribbons are those of the first seed; other seeds draw other scenes within the same
plan.</figcaption></figure>"""


def _life(study: Study) -> str:
    caption = (
        "A line is one mind; the grey band spans the shuffles. The scale is that of the first"
        f" picture. Lines begin at age {words.number(charts.first_age(study))}, the first at which"
        " minds were asked."
    )
    washout, note = study.findings.washout, ""
    if washout:
        judged = f"{'valid' if washout.valid else 'not valid'} ({washout.reason.rstrip('.')})"
        note = (
            f'<p class="note">The washout is {escape(judged)}; it is judged once, for all learning'
            " rates.</p>"
        )
        caption += (
            " To the right of the dotted line the finished minds read on, all in one identical"
            " shuffled stream."
        )
    panels = "".join(
        _chart(f"life-{i}", f"character through life, {words.rate(schedule)}")
        for i, schedule in enumerate(study.findings.schedules)
    )
    return (
        f'<figure><div class="panels">{panels}</div>{_arm_legend(study)}'
        f"<figcaption>{caption}</figcaption></figure>{note}"
    )


def _samples(study: Study, with_text: bool) -> str:
    if not with_text:
        return "<p>This page was written without text of the corpus or of the minds.</p>"
    if not _has_samples(study, with_text):
        return "<p>No samples were drawn.</p>"
    return samples.section(study)


def _glossary(findings: Findings) -> str:
    items = "".join(
        f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>"
        for word, text in words.glossary(findings).items()
    )
    return f'<dl class="glossary">{items}</dl>'


def _track(name: str, title: str, note: str) -> str:
    head = f"<h3>{escape(title)} <span>{escape(note)}</span></h3>"
    return f'<div class="track">{head}{_chart(name, f"{title}: {note}")}</div>'


def _chart(name: str, description: str) -> str:
    return f'<div class="chart" id="{name}" role="img" aria-label="{escape(description)}"></div>'


def _arm_legend(study: Study) -> str:
    items = ((f"{a}: {words.arm(a, study.findings)}", arm_colour(a)) for a in arms_of(study))
    return _legend(items, "round")


def _legend(items: Iterable[tuple[str, str]], css_class: str = "") -> str:
    inside = "".join(
        f'<li style="--swatch:{colour}">{escape(label)}</li>' for label, colour in items
    )
    return f'<ul class="legend {css_class}">{inside}</ul>'


def _spent(study: Study, schedule: str) -> str:
    """How much learning a schedule spends in all, against a constant rate at the same peak."""
    mass = study.findings.schedules[schedule].mass_between(0.0, 1.0)
    return f"{words.percent(mass)} of the mass of a rate that stays at the peak"


def _natural_unit(study: Study) -> str:
    return words.unit(study.character["unit"][0])


def _arms_with_ribbon(study: Study) -> list[str]:
    return [arm for arm in arms_of(study) if arm in study.ribbons["arm"]]


def _has_samples(study: Study, with_text: bool) -> bool:
    return with_text and not study.samples.is_empty()


@cache
def _vega() -> str:
    """Vega-Embed and all it needs, as one script; bundling takes a second."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle
