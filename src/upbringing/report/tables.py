"""The figures of a study as HTML tables and lists: contrasts, costs, dots, how it was made.

Takes a `Study`; gives HTML in which every string of the study is escaped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from upbringing.report import words
from upbringing.report.folder import Study
from upbringing.report.markup import number_cell, row_head, table
from upbringing.report.records import Axis, Contrast, Cost, Findings, Verdict
from upbringing.study.turns import LEVEL


def section(study: Study) -> str:
    """Verdicts in sentences, then contrasts and costs, by schedule and average."""
    findings = study.findings
    parts = []
    for condition in findings.conditions:
        parts.append(f"<h3>{escape(words.rate(*condition))}</h3>")
        parts.append(_verdicts(findings, condition))
        own = [c for c in findings.contrasts if _condition(c) == condition]
        parts.append(_measures(own, findings))
        costs = [c for c in findings.costs if _condition(c) == condition]
        parts.append(_costs(costs, findings) if costs else "")
    # After the washout, and what another schedule or an average changes: in what decides.
    beyond = [
        c
        for c in findings.contrasts
        if _condition(c) not in findings.conditions and (c.measure, c.axis) in findings.decides
    ]
    for (schedule, average), group in groupby(beyond, key=_condition):
        label = f"{schedule}, {average}" if average else schedule
        tables = _measures(list(group), findings)
        parts.append(f"<details><summary>{escape(label)}</summary>{tables}</details>")
    return "".join(parts)


def dots(study: Study) -> str:
    """The last position in life of every run, a row an arm, schedule and average."""
    ends = study.ends.select("arm", "schedule", "stage", "seed", "position")
    seeds = ends["seed"].unique().sort().to_list()
    found = {(arm, schedule, stage, seed): y for arm, schedule, stage, seed, y in ends.iter_rows()}
    stages = study.findings.stages
    runs = sorted(
        {key[:3] for key in found},
        key=lambda run: (run[1], stages.index(run[2]), words.arm_rank(run[0])),
    )
    rows = [
        [
            row_head(
                ", ".join((arm, schedule, *([stage] if stage != "life" else []))),
                words.arm(arm, study.findings),
            ),
            *(number_cell(words.number(found.get((arm, schedule, stage, s)))) for s in seeds),
        ]
        for arm, schedule, stage in runs
    ]
    head = ["Arm", *(f"seed {seed}" for seed in seeds)]
    return table(f"In {study.scale.label}.", head, rows)


def making(study: Study) -> str:
    """The command, the seeds, the numerics, the digests; what went otherwise than planned."""
    findings = study.findings
    facts = {
        "Command": f"<code>{escape(findings.command)}</code>",
        "Preset": escape(findings.preset or "none"),
        "Seeds": escape(", ".join(map(str, findings.seeds))),
        "Numerics": escape(_pairs(findings.numerics)),
        **{f"Poles of {escape(a.name)}": escape(_poles(findings, a)) for a in findings.axes},
        **{f"Judge of {escape(a.name)}": escape(_judge(a.judge)) for a in findings.axes},
        "Smallest effect": f"{words.number(findings.smallest_effect)} pole distances",
        "Diverged runs": escape(", ".join(findings.diverged) or "none"),
        "Deviations": escape("; ".join(findings.deviations) or "none"),
        "Design": f"<code>{escape(study.design_digest)}</code>, hashed before the first run",
    }
    digests = {
        escape(name): f"<code>{escape(digest)}</code>" for name, digest in findings.digests.items()
    }
    return (
        f"{_list(facts)}<details><summary>Digests of everything that went in</summary>"
        f"{_list(digests)}</details>"
    )


def _measures(contrasts: Sequence[Contrast], findings: Findings) -> str:
    """The table of each axis's primary measure; those of the other measures, folded away."""
    groups = groupby(contrasts, key=lambda c: (c.measure, c.axis, c.unit))
    primary: list[str] = []
    others: dict[str, list[str]] = defaultdict(list)
    for (measure, axis, _), group in groups:
        told = contrasts_table(list(group), findings)
        (primary if (measure, axis) in findings.decides else others[measure]).append(told)
    named = {words.measure(measure): "".join(tables) for measure, tables in others.items()}
    folded = (
        f"<details><summary>By {escape(measure)}</summary>{tables}</details>"
        for measure, tables in named.items()
    )
    return "".join((*primary, *folded))


def _judge(judge: Mapping[str, Any] | None) -> str:
    """Whether the judge may be used, and how it did on works it never saw."""
    if judge is None:
        return "none: a side has too little text for one"
    verdict = "passed" if judge["passed"] else "not passed"
    line = f"{verdict}: {judge['reason']}"
    figures = judge["figures"]
    if figures is None:
        return line
    return (
        f"{line}; AUC {words.number(figures['auc'])}, Brier {words.number(figures['brier'])}; "
        f"word-shuffled text {words.number(figures['shuffled_positive'])} and "
        f"{words.number(figures['shuffled_negative'])}, unigram text "
        f"{words.number(figures['unigram_positive'])} and "
        f"{words.number(figures['unigram_negative'])} (knowing nothing is "
        f"{words.number(judge['baseline'])})"
    )


def _condition(of: Contrast | Cost | Verdict) -> tuple[str, str | None]:
    return of.schedule, of.average


def _verdicts(findings: Findings, condition: tuple[str, str | None]) -> str:
    return "".join(
        f'<p class="verdict"><b>{escape(", ".join([v.position, *v.qualifiers]))}</b>'
        f" · {escape(words.measure(v.measure))} of {escape(v.axis)}. {escape(v.sentence)}"
        f' <span class="note">{escape(v.reason)}</span></p>'
        for v in findings.verdicts
        if _condition(v) == condition
    )


def contrasts_table(contrasts: Sequence[Contrast], findings: Findings) -> str:
    """Contrasts of one measure and unit, on one scale of whiskers."""
    reach = _reach(contrasts)
    in_poles = contrasts[0].unit.startswith("pole")
    smallest = findings.smallest_effect if in_poles else 0.0
    rows = [
        [
            row_head(c.name, words.contrast(c.name, findings)),
            f'<td class="whiskers">{_whiskers(c, reach, smallest)}</td>',
            number_cell(words.number(c.estimate, sign=True), _interval(c, 2)),
            number_cell(words.p_value(c.p)),
        ]
        for c in contrasts
    ]
    first = contrasts[0]
    caption = (
        f"{words.measure(first.measure).capitalize()} of {first.axis},"
        f" {words.unit(first.unit)}; {first.num_seeds} seeds; {first.method}."
    )
    least_p = words.least_p(first.num_seeds)
    if least_p > LEVEL and any(c.p is not None for c in contrasts):
        seeds = words.seeds(first.num_seeds)
        caption += f" {seeds} cannot give a p below {words.p_value(least_p)}, whatever they show."
    if smallest:
        caption += f" Shaded: less than {words.number(smallest)}, which counts as none."
    return table(caption, ["Contrast", "", f"Estimate, {words.unit(first.unit)}", "p"], rows)


def _costs(costs: Sequence[Cost], findings: Findings) -> str:
    rows = [
        [
            row_head(c.arm, words.arm(c.arm, findings)),
            number_cell(words.number(c.estimate, 3, sign=True), _interval(c, 3)),
        ]
        for c in costs
    ]
    first = costs[0]
    caption = (
        f"What the order costs: held-out {words.unit(first.unit)} more than the shuffles;"
        f" {first.num_seeds} seeds; {first.method}."
    )
    return table(caption, ["Arm", f"Cost, {words.unit(first.unit)}"], rows)


def _interval(figure: Contrast | Cost, digits: int) -> str:
    """The interval, or the reason why there is none."""
    if figure.low is None and figure.reason:
        return figure.reason
    return words.interval(figure.low, figure.high, digits=digits)


def _whiskers(contrast: Contrast, reach: float, smallest: float) -> str:
    """The interval as a line on [−reach, reach], zero in the middle."""
    if contrast.estimate is None or contrast.low is None or contrast.high is None:
        return ""

    def x(value: float) -> str:
        return f"{50 + 50 * value / reach:.1f}%"

    shade = (
        f'<rect class="smallest" x="{x(-smallest)}" width="{100 * smallest / reach:.1f}%"'
        f' y="0" height="100%"/>'
    )
    return (
        f'<svg aria-hidden="true">{shade if smallest else ""}'
        f'<line class="zero" x1="50%" x2="50%" y1="0" y2="100%"/>'
        f'<line class="reach" x1="{x(contrast.low)}" x2="{x(contrast.high)}" y1="50%" y2="50%"/>'
        f'<circle class="middle" cx="{x(contrast.estimate)}" cy="50%" r="4"/></svg>'
    )


def _reach(contrasts: Iterable[Contrast]) -> float:
    ends = [abs(v) for c in contrasts for v in (c.estimate, c.low, c.high) if v is not None]
    return 1.05 * max(ends, default=1.0) or 1.0


def _poles(findings: Findings, axis: Axis) -> str:
    poles = findings.poles[axis.name]
    unit = words.measure(axis.primary)
    return (
        f"{words.number(poles.distance)} apart in {unit}; seed SD {words.number(poles.seed_sd)};"
        f" gate {poles.gate}: {poles.reason}"
    )


def _pairs(figures: Mapping[str, object]) -> str:
    return ", ".join(
        f"{words.measure(name)} {words.figure(value)}" for name, value in figures.items()
    )


def _list(items: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in items.items()) + "</dl>"
