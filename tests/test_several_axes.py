"""A study of several axes and a measure of one's own: one family, a verdict an axis, one page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from stories import pico_settings

from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError, InputError
from upbringing.report import write_page
from upbringing.report.folder import read_study
from upbringing.report.turning import turning_points_of
from upbringing.study import Design, conclude, execute, prepare
from upbringing.study.execution import LIFE
from upbringing.study.figures import Figures

AXIS = """
name: dry–sung
lang: en
negative: {name: dry, kinds: [technical]}
positive: {name: sung, kinds: [poetry]}
"""
MINE = '''
from upbringing.character import measure

@measure(unit="words", along=False)
def length(asked):
    """Words of a sample."""
    return {"samples": sum(map(len, map(str.split, asked.samples["text"]))) / asked.samples.height}
'''
ASKED: dict[str, Any] = {"arms": ("F", "S"), "schedules": ("constant",), "washout": None}
BLOCK, OTHER = "drama–technical", "dry–sung"


@dataclass(frozen=True)
class Files:
    """An axis and a measure in files."""

    axis: Path
    mine: Path

    @property
    def named(self) -> dict[str, Any]:
        return {**ASKED, "axes": (str(self.axis),), "measures": (f"{self.mine}:length",)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    place = tmp_path_factory.mktemp("own")
    found = Files(place / "sung.yaml", place / "mine.py")
    found.axis.write_text(AXIS)
    found.mine.write_text(MINE)
    return found


@pytest.fixture(scope="module")
def study(stories: Corpus, files: Files, tmp_path_factory: pytest.TempPathFactory) -> Design:
    design = prepare(pico_settings(**files.named), stories, tmp_path_factory.mktemp("axes") / "s")
    execute(design, num_workers=1)
    conclude(design)
    return Design.open(design.path)


@pytest.fixture(scope="module")
def found(study: Design) -> dict[str, Any]:
    return conclude(study)


def test_each_axis_has_rungs_of_its_own(study: Design) -> None:
    names = [plan.name for plan in study.plans if not plan.is_arm and plan.seed == 0]
    assert names == [
        "pole-drama-constant-s0",
        "pole-technical-constant-s0",
        "pole-sung@dry-sung-constant-s0",
        "pole-dry@dry-sung-constant-s0",
    ]
    kinds = {
        arm: set(study.corpus.scenes["kind"].gather(study.rows(f"{arm}-s0", 32).order.sequence))
        for arm in ("pole-sung@dry-sung", "pole-dry@dry-sung")
    }
    assert kinds == {"pole-sung@dry-sung": {"poetry"}, "pole-dry@dry-sung": {"technical"}}


def test_each_axis_is_in_its_own_unit_and_all_are_one_family(found: dict[str, Any]) -> None:
    assert list(found["poles"]) == [BLOCK, OTHER]
    decided = [c for c in found["contrasts"] if c["unit"] == "pole distances"]
    assert [(c["axis"], c["name"]) for c in decided] == [(BLOCK, "F−S"), (OTHER, "F−S")]
    for contrast in decided:
        poles = found["poles"][contrast["axis"]]
        values = {end: np.mean(poles[end]["values"]) for end in ("positive", "negative")}
        assert poles["distance"] == pytest.approx(values["positive"] - values["negative"])
    # Two axes, each at √.95: 1 / (1 − √.95) on one degree of freedom is the width of a t.
    ratios = [(c["high"] - c["low"]) / (c["high90"] - c["low90"]) for c in decided]
    alone = np.tan(np.pi / 2 * 0.95**0.5) / np.tan(np.pi / 2 * 0.90)  # Student's t of one degree
    assert ratios == pytest.approx([alone] * 2, rel=1e-6)


def test_an_axis_that_cannot_be_measured_is_a_family_of_its_own(study: Design) -> None:
    """With seeds enough for a gate, one that was not run leaves the family as one that failed."""
    many = Design(study.path, study.said, study.corpus_path)
    many.__dict__["settings"] = study.settings.model_copy(update={"seeds": (0, 1) * 3})
    figures = Figures.of(study, pl.read_parquet(study.path / "findings.parquet"))
    passed = {axis: replace(poles, gate="passed") for axis, poles in figures.poles.items()}
    unrun = passed | {OTHER: replace(passed[OTHER], gate="not run")}
    for poles, size in ((passed, 2), (unrun, 1)):
        told = replace(figures, design=many, poles=poles).contrasts("constant", LIFE)[:2]
        assert [c.axis for c in told] == [BLOCK, OTHER]
        assert all(f"jointly over {size} contrasts" in c.method for c in told)


def test_each_axis_has_a_verdict(found: dict[str, Any]) -> None:
    said = [(v["axis"], v["toward"], v["position"]) for v in found["verdicts"]]
    assert said == [(BLOCK, "", "DEMONSTRATION"), (OTHER, "sung", "DEMONSTRATION")]
    moved = [line for line in found["answer"] if "against the same scenes shuffled" in line]
    assert len(moved) == 2
    assert f"on {OTHER}: drama first left the mind" in moved[1]
    assert "nearer to sung" in moved[1] or "farther from sung" in moved[1]


def test_a_measure_of_ones_own_is_contrasted(found: dict[str, Any], files: Files) -> None:
    (own,) = [c for c in found["contrasts"] if c["measure"] == f"{files.mine}:length"]
    assert (own["name"], own["unit"], own["axis"]) == ("F−S", "words", "samples")


def test_the_page_names_all_axes(study: Design) -> None:
    page = write_page(study.path).read_text()
    for said in (f"Poles of {OTHER}", f"Judge of {OTHER}", f"Style margin of {OTHER}"):
        assert said in page


def test_every_axis_has_turning_points(study: Design) -> None:
    points = turning_points_of(read_study(study.path))
    asked = [(one.measure, one.subject) for one in points.departures]
    assert asked == [("style_margin", BLOCK), ("style_margin", OTHER), ("bits_per_byte", "all")]


def test_what_was_fixed_stays(study: Design, files: Files, stories: Corpus) -> None:
    assert prepare(pico_settings(**files.named), stories, study.path).digest == study.digest
    files.mine.write_text(MINE.replace("words", "Words"))
    with pytest.raises(ArtefactError, match="is another measure than the study's"):
        assert Design.open(study.path).probes
    files.mine.write_text(MINE)
    assert Design.open(study.path).probes.digest == study.probes.digest


def test_what_cannot_be_asked_is_said_before_anything_is_made(
    stories: Corpus, files: Files, tmp_path: Path
) -> None:
    again = tmp_path / "again.yaml"
    again.write_text(AXIS.replace("dry–sung", "drama–technical"))
    with pytest.raises(InputError, match="two axes of the study are called drama–technical"):
        prepare(pico_settings(**ASKED, axes=(str(again),)), stories, tmp_path / "s")
    with pytest.raises(InputError, match="has no measure called 'mood'") as error:
        prepare(
            pico_settings(**ASKED, measures=(f"{files.mine}:mood", "voice")),
            stories,
            tmp_path / "s",
        )
    assert "'voice' is asked in any case" in str(error.value)
    assert not (tmp_path / "s").exists()
