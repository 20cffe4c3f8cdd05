"""Turning points → words: a section of the page, lines for a terminal.

Takes a study or a run; gives HTML in which every string is escaped, and plain lines. The sentences
are those of `turning_words`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

import polars as pl

from upbringing.character import ALONG, Profile
from upbringing.character.learning_curves import ALL, MEASURE
from upbringing.order import ribbon
from upbringing.report import words
from upbringing.report.folder import Study, read_study
from upbringing.report.markup import number_cell, row_head, table
from upbringing.report.records import Findings
from upbringing.report.turning_words import (
    acquisition_sentence,
    departure_sentence,
    forgetting_sentence,
    kinds_read,
    life_lines,
)
from upbringing.study.turning_points import turning_points, turns_of_life
from upbringing.study.turns import Acquisition, Departure, Forgetting, TurningPoints
from upbringing.training import Run

RULES = (
    "An arm is off the shuffles at an age where the mean over seeds of its difference to the"
    " shuffle of the same seed has p ≤ 0.05, corrected for all arms, measures and ages under a"
    " learning rate; a single life may lie among them. Forgetting is a rise of a"
    " kind's bits per byte from one kept age to the next. A kind is acquired at the age at which"
    " half of the gain since the first kept age is reached, on a straight line between kept ages."
)


def turning_points_of(study: Study) -> TurningPoints:
    """Those of a study, as to what decides on each axis and to bits per byte of all kinds."""
    findings = study.findings
    decide = [(axis.primary, axis.name) for axis in findings.axes]
    return turning_points(
        study.measures.filter(pl.col("scope") == ALONG),
        study.ribbons,
        [*decide, (MEASURE, ALL)],
        arms=[*findings.arms],
    )


def section(points: TurningPoints, findings: Findings) -> str:
    """The turning points of a study by learning rate: of its character, then all with figures."""
    parts = [f'<p class="note">{escape(RULES)}</p>']
    for schedule in findings.schedules:
        own = _under(points, schedule)
        if not any(vars(own).values()):
            continue
        under_test = [one for one in own.departures if one.subject == findings.axis]
        first = [departure_sentence(one, findings) for one in under_test]
        further = [line for line in _lines(own, findings) if line not in first]
        tables = "".join(
            [
                _departures(own.departures, findings) if own.departures else "",
                _forgetting(own.forgetting, findings) if own.forgetting else "",
                _acquisition(own.acquisition, findings) if own.acquisition else "",
            ]
        )
        parts.append(
            f"<h3>{escape(words.rate(schedule))}</h3>{_paragraphs(first)}"
            f"<details><summary>All turning points, and their figures</summary>"
            f"{_paragraphs(further)}{tables}</details>"
        )
    return "".join(parts)


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def lines(points: TurningPoints, findings: Findings) -> list[str]:
    """The same sentences for a terminal, each with its learning rate."""
    return [
        f"{words.rate(schedule)}: {line}"
        for schedule in findings.schedules
        for line in _lines(_under(points, schedule), findings)
    ]


def lines_of_run(run: Run) -> list[str]:
    """What is known of a run's turning points, where it was measured: its own, which are compared
    with nothing; in a study that is concluded, those of its arm beside the shuffles too.
    """
    told = []
    if (run.path / "profile").exists():
        readings = Profile.open(run.path / "profile").readings.filter(scope=ALONG)
        rows = run.rows()
        read = ribbon(rows.order, num_visits=rows.num_visits_in(run.recipe.num_rows))
        told += life_lines(turns_of_life(readings, read))
    folder = run.path.parent.parent
    if (folder / "findings.json").exists():
        study = read_study(folder)
        own = study.measures.filter(run=run.path.name)
        arm, schedule = own.select("arm", "schedule").row(0)
        points = _under(turning_points_of(study), schedule)
        told += _lines(_of_arm(points, arm), study.findings)
    return told


def _lines(points: TurningPoints, findings: Findings) -> list[str]:
    by_arm = groupby(points.acquisition, key=lambda one: one.arm)
    return [
        *(departure_sentence(one, findings) for one in points.departures),
        *(forgetting_sentence(one, findings) for one in points.forgetting),
        *(acquisition_sentence(list(group), findings) for _, group in by_arm),
    ]


def _of_arm(points: TurningPoints, arm: str) -> TurningPoints:
    return TurningPoints(
        tuple(one for one in points.departures if one.arm == arm),
        tuple(one for one in points.forgetting if one.arm == arm),
        tuple(one for one in points.acquisition if one.arm == arm),
    )


def _under(points: TurningPoints, schedule: str) -> TurningPoints:
    """Those under one learning rate."""
    return TurningPoints(
        tuple(one for one in points.departures if one.schedule == schedule),
        tuple(one for one in points.forgetting if one.schedule == schedule),
        tuple(one for one in points.acquisition if one.schedule == schedule),
    )


def _departures(found: Sequence[Departure], findings: Findings) -> str:
    rows = []
    for one in found:
        at = {distance.age: distance for distance in one.course}.get(one.age or -1.0)
        outside = ", ".join(words.number(age) for age in one.outside) or "none"
        rows.append(
            [
                row_head(
                    f"{one.arm}, {words.measure(one.measure)} of {one.subject}",
                    words.arm(one.arm, findings),
                ),
                number_cell(words.number(one.age), kinds_read(one.read)),
                number_cell(
                    words.number(None if at is None else at.estimate, 3, sign=True),
                    words.unit(one.unit),
                ),
                number_cell(words.p_value(None if at is None else at.p)),
                number_cell(outside if one.is_decided else "not decided"),
            ]
        )
    caption = f"Distance to the shuffles at each turning point; {found[0].num_seeds} seeds."
    return table(caption, ["Arm", "Age", "Difference", "p", "Ages off"], rows)


def _forgetting(found: Sequence[Forgetting], findings: Findings) -> str:
    rows = [
        [
            row_head(one.arm, words.arm(one.arm, findings)),
            number_cell(one.largest.kind if one.largest else one.reason or "none"),
            number_cell(
                f"{words.number(one.largest.start)} to {words.number(one.largest.end)}",
                kinds_read(one.largest.read),
            )
            if one.largest
            else number_cell("–"),
            number_cell(words.number(one.largest.bits if one.largest else None, 3, sign=True)),
            number_cell(words.number(one.shuffled, 3, sign=True)),
            number_cell(words.p_value(one.p)),
        ]
        for one in found
    ]
    caption = f"The largest forgetting, bits/byte; {found[0].num_seeds} seeds."
    return table(caption, ["Arm", "Kind", "Ages", "Rise", "Shuffles", "p"], rows)


def _acquisition(found: Sequence[Acquisition], findings: Findings) -> str:
    rows = [
        [
            row_head(f"{one.arm}, {one.acquired.kind}", words.arm(one.arm, findings)),
            number_cell(
                words.number(one.acquired.age),
                f"in {one.num_unseen} lives before it" if one.num_unseen else "",
            ),
            number_cell(words.number(one.shuffled)),
            number_cell(words.p_value(one.p)),
            number_cell(kinds_read(one.acquired.read)),
        ]
        for one in found
    ]
    caption = f"The age at which half of a kind's gain was reached; {found[0].num_seeds} seeds."
    return table(caption, ["Arm and kind", "Age", "Shuffles", "p", "Read then"], rows)
