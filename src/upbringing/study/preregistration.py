"""Preregistration: what is expected is written and hashed before the first run, and held to.

Takes the design as it is about to be fixed and gives `preregistration.md`, whose text is part of
what is hashed. When the study concludes, gives every deviation from it, and an answer to each
hypothesis from the records of the verdicts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from upbringing.errors import InputError, Problem
from upbringing.files import made_by, read_json
from upbringing.settings import Settings
from upbringing.study.rules import DEMONSTRATION, NOT_MEASURABLE, UNRESOLVED
from upbringing.study.verdict import Verdict

FILE = "preregistration.md"
HELD, DID_NOT_HOLD, NOT_ANSWERED = "held", "did not hold", "unresolved"


class HypothesisSettings(Settings):
    """What is expected of a study, and the verdict by which it is answered.

    text      in words
    expect    the position that the verdict is to have; without it nothing answers the text
    schedule  under which schedule; without it, under every one
    axis      on which axis; without it, on the one under test
    """

    text: Annotated[str, Field(min_length=1)]
    expect: Literal["BOTH ENDS", "PRIMACY", "RECENCY", "INTERIOR", "NONE"] | None = None
    schedule: str | None = None
    axis: str | None = None


@dataclass(frozen=True)
class Answered:
    """A hypothesis with its answer: `held`, `did not hold` or `unresolved`, and by what."""

    text: str
    answer: str
    reason: str


def check_hypotheses(hypotheses: Sequence[HypothesisSettings], axes: Sequence[str]) -> None:
    """Raise `InputError` for hypotheses about axes that a study does not ask about."""
    problems = [
        Problem(f"no axis {one.axis!r}", f"hypotheses: {one.text}", ", ".join(axes))
        for one in hypotheses
        if one.axis is not None and one.axis not in axes
    ]
    if problems:
        raise InputError(problems)


def preregistration(design: Mapping[str, Any]) -> str:
    """The design for people, as Markdown: what is expected, of what, and how it is decided."""
    settings = design["settings"]
    under_test = design["axes"][0]["name"]
    hypotheses = [_hypothesis(one, under_test) for one in settings["hypotheses"]]
    axes = [f"- {axis['name']}, by {axis['primary']}" for axis in design["axes"]]
    arms = [f"- {arm}: {words}" for arm, words in design["arms"].items()]
    pairs = ", ".join("−".join(pair) for pair in design["contrasts"])
    schedules = ", ".join(dict.fromkeys(run["schedule"] for run in design["runs"]))
    seeds = ", ".join(map(str, settings["seeds"]))
    size = f"{settings['shape']}, {design['num_parameters']:,} parameters"
    minds = f"{size}, {design['num_tokens']:,} tokens each"
    return "\n".join(
        [
            f"# {settings['name']}",
            "",
            f"Block: {' + '.join(settings['block'])}. {len(design['runs'])} minds: {minds}.",
            *_section("Hypotheses", hypotheses or ["None was written down: this explores."]),
            *_section("Arms", arms),
            *_section("Random orders", _random_orders(settings["random_orders"])),
            *_section("Schedules", [schedules]),
            *_section("Seeds", [f"{seeds}. A seed is the unit, and none is added."]),
            *_section("Axes, and the measure that decides on each", axes),
            *_section("Measures", [", ".join(design["measures"])]),
            *_section("Contrasts", [f"{pairs}. One family over the axes under each schedule."]),
            *_section("Rules", ["```", design["rules"].rstrip(), "```"]),
            *_section("Exclusions", list(settings["exclusions"]) or ["None."]),
            "",
            "A run that diverges is an outcome: it is shown, and its arm has no figure.",
            "",
        ]
    )


def _random_orders(number: int | None) -> list[str]:
    if not number:
        return ["None: how much orders differ by chance is not asked."]
    return [f"{number}, each read at every seed. How much they differ is told and decides nothing."]


def signed(text: str, digest: str) -> str:
    """The text as it lies beside the design: with the digest of the whole, this text included."""
    return f"{text}\nSHA-256 of the design (`study.json`): `{digest}`\n"


def deviations(
    study: Path,
    design: Mapping[str, Any],
    digest: str,
    *,
    runs: Collection[str],
    diverged: Sequence[str],
    measures: Collection[str],
) -> list[str]:
    """What was not as it had been written down, a line each.

    `runs` are the folders of the design, life and washout; `measures` those that were read.
    """
    file = study / FILE
    is_same = file.exists() and file.read_text("utf-8") == signed(design["preregistration"], digest)
    added = sorted(
        folder.name
        for folder in (study / "runs").iterdir()
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in runs
    )
    asked_later = sorted(set(measures) - set(design["measures"]))
    return [
        *_versions(study),
        *([] if is_same else [f"{FILE} is not the text that was hashed into the design"]),
        *([f"runs that the design lacks, left out: {', '.join(added)}"] if added else []),
        *(f"{run} diverged" for run in diverged),
        *([f"measures asked afterwards: {', '.join(asked_later)}"] if asked_later else []),
    ]


def answered(
    hypotheses: Sequence[HypothesisSettings], verdicts: Sequence[Verdict], first_axis: str
) -> list[Answered]:
    """Each hypothesis, answered by the verdicts on minds as they are, averages left out."""
    return [
        Answered(one.text, *_answer(one, [v for v in verdicts if _is_about(one, v, first_axis)]))
        for one in hypotheses
    ]


def sentence(one: Answered) -> str:
    """`Hypothesis held: drama first stays (PRIMACY under constant rate).`"""
    return f"Hypothesis {one.answer}: {one.text.rstrip('.')} ({one.reason})."


def _answer(one: HypothesisSettings, verdicts: Sequence[Verdict]) -> tuple[str, str]:
    found = ", ".join(f"{v.position} at {v.schedule} rate" for v in verdicts)
    if one.expect is None:
        return NOT_ANSWERED, "no expected verdict was written down"
    reason = f"{one.expect} expected, found {found}"
    positions = {verdict.position for verdict in verdicts}
    if positions == {one.expect}:
        return HELD, reason
    if positions - {one.expect, UNRESOLVED, DEMONSTRATION, NOT_MEASURABLE}:
        return DID_NOT_HOLD, reason
    return NOT_ANSWERED, reason


def _is_about(one: HypothesisSettings, verdict: Verdict, first_axis: str) -> bool:
    return (
        verdict.average is None
        and verdict.axis == (one.axis or first_axis)
        and one.schedule in (None, verdict.schedule)
    )


def _versions(study: Path) -> list[str]:
    """Libraries that changed between the design and the findings."""
    then = read_json(study / "study.json")["made_by"]["versions"]
    now = made_by()["versions"]
    return [
        f"{name} was {then.get(name)} when the study was designed, and is {now[name]} now"
        for name in now
        if then.get(name) != now[name]
    ]


def _hypothesis(one: Mapping[str, Any], under_test: str) -> str:
    axis = one["axis"] or under_test
    under = f"at {one['schedule']} rate" if one["schedule"] else "at every rate"
    expected = f"expected: {one['expect']} on {axis} {under}" if one["expect"] else "in words only"
    return f"- {one['text']} ({expected})"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]
