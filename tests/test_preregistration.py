"""Preregistration: what is written and hashed, what deviates from it, and how it is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from command import Command
from stories import pico_settings

from upbringing.corpus import Corpus
from upbringing.errors import InputError, SettingsError
from upbringing.files import file_digest, read_json
from upbringing.identity import digest_json
from upbringing.settings import parse_settings
from upbringing.study import Design, StudySettings, conclude, prepare
from upbringing.study.facts import deviations_of
from upbringing.study.preregistration import (
    FILE,
    HypothesisSettings,
    answered,
    check_hypotheses,
    preregistration,
    sentence,
)
from upbringing.study.verdict import Verdict

AXIS = "drama–technical"


def verdict(position: str, schedule: str = "constant", axis: str = AXIS, **more: Any) -> Verdict:
    return Verdict(schedule, "style_margin", position, (), "", "", axis=axis, **more)


def answer_to(verdicts: list[Verdict], **said: Any) -> tuple[str, str]:
    [found] = answered([HypothesisSettings(text="it lasts", **said)], verdicts, AXIS)
    return found.answer, found.reason


# The text


def test_the_text_is_hashed_into_the_design_and_lies_beside_it(pico: Design):
    text = (pico.path / FILE).read_text("utf-8")
    assert text.startswith(pico.said["preregistration"])
    assert f"`{pico.digest}`" in text
    whole = {**pico.said, "preregistration": "another text"}
    assert digest_json(whole) != pico.digest


def test_it_says_all_that_was_decided_beforehand(pico: Design):
    text = pico.said["preregistration"]
    for arm, words in pico.said["arms"].items():
        assert f"- {arm}: {words}" in text
    assert "F−S, L−S, F−L" in text
    assert "PRIMACY     pos(F−S, F−M, F−L)" in text
    assert f"- {AXIS}, by style_margin" in text
    assert "constant, steep" in text
    assert "0, 1. A seed is the unit, and none is added." in text
    assert "None was written down: this explores." in text
    assert "bits_per_byte" in text


def test_hypotheses_and_exclusions_are_in_it(pico: Design):
    said = {
        **pico.said,
        "settings": {
            **pico.said["settings"],
            "hypotheses": [
                {"text": "last wins", "expect": "RECENCY", "schedule": "constant", "axis": None},
                {"text": "minds differ", "expect": None, "schedule": None, "axis": None},
            ],
            "exclusions": ["runs whose loss rises in the last tenth"],
        },
    }
    text = preregistration(said)
    assert f"- last wins (expected: RECENCY on {AXIS} at constant rate)" in text
    assert "- minds differ (in words only)" in text
    assert "runs whose loss rises in the last tenth" in text


def test_other_hypotheses_are_another_study(pico: Design, stories: Corpus):
    changed = pico_settings().model_copy(
        update={"hypotheses": (HypothesisSettings(text="first wins", expect="PRIMACY"),)}
    )
    with pytest.raises(Exception, match="it differs in hypotheses"):
        prepare(changed, stories, pico.path)


def test_a_hypothesis_is_about_what_the_study_has():
    base = "name: x\nblock: drama\nseeds: 6\nschedules: [constant]\nhypotheses:\n"
    with pytest.raises(SettingsError, match="no schedule is 'steep'; allowed: constant"):
        parse_settings(f"{base}  - {{text: a, schedule: steep}}\n", StudySettings, name="study")
    with pytest.raises(SettingsError, match="PRIMACY"):
        parse_settings(f"{base}  - {{text: a, expect: FIRST}}\n", StudySettings, name="study")
    asked = [HypothesisSettings(text="a", axis="x–y"), HypothesisSettings(text="b", axis="u–v")]
    with pytest.raises(InputError) as error:
        check_hypotheses(asked, [AXIS, "x–y"])
    assert [p.where for p in error.value.problems] == ["hypotheses: b"]


# Deviations


def deviations(design: Design, *, measures: tuple[str, ...] = ("voice",)) -> list[str]:
    return deviations_of(design, diverged=[], measures=measures)


def test_a_study_as_it_was_written_has_none(pico: Design):
    measures = pl.read_parquet(pico.path / "findings.parquet")["measure"].unique().to_list()
    assert deviations(pico, measures=tuple(measures)) == []


def test_each_deviation_is_told(pico_copy: Path):
    design = Design.open(pico_copy)
    (pico_copy / FILE).write_text("we expected the opposite")
    (pico_copy / "runs" / "F-constant-s2").mkdir()
    found = deviations_of(design, diverged=["S-steep-s0"], measures={"voice", "lm-eval arc"})
    assert found == [
        "preregistration.md is not the text that was hashed into the design",
        "runs that the design lacks, left out: F-constant-s2",
        "S-steep-s0 diverged",
        "measures asked afterwards: lm-eval arc",
    ]
    (pico_copy / FILE).unlink()
    assert deviations(design)[0].startswith("preregistration.md is not the text")


def test_deviations_are_recorded_and_printed(pico_copy: Path):
    (pico_copy / FILE).write_text("we expected the opposite")
    found = conclude(Design.open(pico_copy))
    what = "preregistration.md is not the text that was hashed into the design"
    assert found["deviations"] == [what]
    assert f"Deviation from what was written down: {what}." in found["answer"]
    assert read_json(pico_copy / "findings.json")["deviations"] == [what]


# Answers


def test_the_verdict_answers():
    assert answer_to([verdict("PRIMACY")], expect="PRIMACY") == (
        "held", "PRIMACY expected, found PRIMACY at constant rate",
    )  # fmt: skip
    assert answer_to([verdict("NONE")], expect="PRIMACY")[0] == "did not hold"
    for undecided in ("UNRESOLVED", "DEMONSTRATION", "NOT MEASURABLE"):
        assert answer_to([verdict(undecided)], expect="PRIMACY")[0] == "unresolved"


def test_without_a_schedule_it_must_hold_under_every_one():
    both = [verdict("PRIMACY"), verdict("PRIMACY", "steep")]
    assert answer_to(both, expect="PRIMACY")[0] == "held"
    half = [verdict("PRIMACY"), verdict("UNRESOLVED", "steep")]
    assert answer_to(half, expect="PRIMACY")[0] == "unresolved"
    against = [verdict("PRIMACY"), verdict("RECENCY", "steep")]
    assert answer_to(against, expect="PRIMACY")[0] == "did not hold"
    assert answer_to(against, expect="PRIMACY", schedule="constant")[0] == "held"


def test_other_axes_and_averages_do_not_answer():
    beside = [verdict("NONE", axis="dry–scenic"), verdict("RECENCY", average="last 3")]
    assert answer_to([verdict("PRIMACY"), *beside], expect="PRIMACY")[0] == "held"
    assert answer_to([verdict("PRIMACY"), *beside], expect="NONE", axis="dry–scenic")[0] == "held"


def test_words_alone_are_answered_by_nothing():
    assert answer_to([verdict("PRIMACY")]) == ("unresolved", "no expected verdict was written down")


def test_the_sentence_says_which():
    [one] = answered(
        [HypothesisSettings(text="First wins.", expect="PRIMACY")], [verdict("NONE")], AXIS
    )
    assert sentence(one) == (
        "Hypothesis did not hold: First wins (PRIMACY expected, found NONE at constant rate)."
    )


def test_the_command_prints_the_digest(upbringing: Command, stories: Corpus, tmp_path: Path):
    (tmp_path / "study.yaml").write_text(
        "name: x\nblock: drama\nagainst: technical\narms: [F, S]\nschedules: [constant]\n"
        "seeds: 2\ntokens: 2000\nrow_length: 48\nladder: false\nwashout: null\n"
        "hypotheses: [{text: first wins, expect: PRIMACY}]\n"
    )
    said = upbringing("study", "study.yaml", "--corpus", stories.path, "-o", "out", "--design-only")
    assert said.code == 0, said.err
    written = tmp_path / "out" / FILE
    assert f"{Path('out') / FILE}: " in said.out
    assert file_digest(written) in said.out.replace("\n", "")
    assert Design.open(tmp_path / "out").digest in written.read_text("utf-8")
