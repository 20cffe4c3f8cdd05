"""Kept minds: poles and ladders are raised once a corpus; another study takes them in, whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stories import pico_settings

from upbringing.corpus import Corpus
from upbringing.study import Design, execute, gates, kept, prepare
from upbringing.training import Run

ONE_SEED_LESS = {"arms": ("F", "S"), "schedules": ("constant",), "washout": None}


@pytest.fixture
def own(stories: Corpus, tmp_path: Path) -> Corpus:
    """The corpus without what other studies keep in it."""
    shutil.copytree(stories.path, tmp_path / "corpus", ignore=shutil.ignore_patterns("rungs"))
    return Corpus.open(tmp_path / "corpus")


def rungs_of(design: Design) -> list[Path]:
    return [design.path / "runs" / plan.name for plan in design.plans if not plan.is_arm]


def raised(corpus: Corpus, place: Path, **changes: object) -> Design:
    design = prepare(pico_settings(**ONE_SEED_LESS | changes), corpus, place)
    execute(design, rungs_only=True, num_workers=1)
    return design


def test_a_second_study_takes_in_what_the_first_has_raised(own: Corpus, tmp_path: Path) -> None:
    first = raised(own, tmp_path / "first")
    second = raised(own, tmp_path / "second", against=None, arms=("F", "L", "S"))
    third = raised(own, tmp_path / "third", arms=("F", "L", "S"))
    ours, theirs = rungs_of(third), rungs_of(first)
    assert [run.name for run in ours] == [run.name for run in theirs]
    for mine, yours in zip(ours, theirs, strict=True):
        weights = "checkpoints/age_1.0000/model.safetensors"
        assert (mine / weights).stat().st_ino == (yours / weights).stat().st_ino
        assert Run.open(mine).digest == Run.open(yours).digest
        assert Run.open(mine).verify() == Run.open(yours).verify()  # from sources of its own
        assert (mine / "profile").exists()
    # Against the rest the negative pole is another text, and the positive one the same.
    names = {run.name.split("-constant")[0] for run in rungs_of(second)}
    assert names == {"pole-drama", "pole-rest"}
    assert len(list((own.path / "rungs").iterdir())) == len(theirs) + 2


def test_a_kept_mind_that_is_damaged_is_raised_and_kept_anew(own: Corpus, tmp_path: Path) -> None:
    first = raised(own, tmp_path / "first")
    (damaged, *_) = sorted((own.path / "rungs").iterdir())
    shutil.rmtree(first.path)  # what follows is of the kept ones alone
    (damaged / "metrics.parquet").unlink()
    second = raised(own, tmp_path / "second")
    assert [Run.open(run).verify() for run in rungs_of(second)]
    assert Run.open(damaged)


def test_minds_of_other_versions_or_code_are_not_taken_in(
    own: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = raised(own, tmp_path / "first")
    monkeypatch.setattr(kept, "_digest_of_code", lambda: "another")
    second = raised(own, tmp_path / "second")
    weights = "checkpoints/age_1.0000/model.safetensors"
    for ours, theirs in zip(rungs_of(second), rungs_of(first), strict=True):
        assert (ours / weights).stat().st_ino != (theirs / weights).stat().st_ino


def test_a_corpus_that_cannot_keep_is_no_hindrance(own: Corpus, tmp_path: Path) -> None:
    (own.path / "rungs").write_text("in the way")
    assert [Run.open(run).verify() for run in rungs_of(raised(own, tmp_path / "first"))]


def test_gates_come_before_the_arms(own: Corpus, tmp_path: Path) -> None:
    design = raised(own, tmp_path / "study")
    assert not [
        plan for plan in design.plans if plan.is_arm and (design.path / "runs" / plan.name).exists()
    ]
    (found,) = gates(design).items()
    assert found[0] == "drama–technical"
    assert (found[1].gate, found[1].reason) == ("not run", "2 seeds, the gate needs 6")
    assert found[1].distance is not None
    assert found[1].distance > 1
