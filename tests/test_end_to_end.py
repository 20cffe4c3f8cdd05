"""From a folder of one's own texts to a page, by the installed command, as a newcomer would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from stories import write_texts

from upbringing.files import read_json

RAISE = (
    "raise", "texts", "--first", "drama", "--tokens", "2500", "--seeds", "2", "--arms", "F,L,S",
    "--schedules", "constant", "-o", "out",
)  # fmt: skip


def upbringing(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("upbringing"), *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("newcomer")
    write_texts(place / "texts", russian=2)
    return place


@pytest.fixture(scope="module")
def first(place: Path) -> subprocess.CompletedProcess[str]:
    return upbringing(place, *RAISE)


def test_raise_says_what_it_does_and_what_came_out(
    first: subprocess.CompletedProcess[str], place: Path
) -> None:
    assert (first.returncode, first.stderr) == (0, "")
    lines = first.stdout.splitlines()
    assert re.fullmatch(r"corpus: \d+ scenes \(drama, poetry, technical\)", lines[0])
    assert lines[1].startswith("language: en, which has the most text here (also ru;")
    plan = r"study: 10 minds of [\d,]+ parameters, [\d,]+ tokens each; F, L, S × constant × 2 seeds"
    assert re.match(plan, lines[2])
    assert "raising them" in lines
    findings = read_json(place / "out" / "study" / "findings.json")
    end = "\n".join(["", *findings["answer"], "", "out/study/report.html", ""])
    assert first.stdout.endswith(end)
    assert str(place) not in first.stdout
    assert findings["answer"][-1].endswith((": a demonstration, no verdict.", "at this scale."))


def test_the_page_and_the_tables_are_there(
    first: subprocess.CompletedProcess[str], place: Path
) -> None:
    study = place / "out" / "study"
    page = (study / "report.html").read_text(encoding="utf-8")
    assert "drama first" in page
    assert str(place) not in page
    readings = pl.read_parquet(study / "findings.parquet")
    assert readings.filter(pl.col("arm").is_in(["F", "L", "S"]))["age"].n_unique() >= 5
    findings = read_json(study / "findings.json")
    assert findings["command"] == f"upbringing {' '.join(RAISE)}"
    assert (findings["primary"], findings["axis"]) == ("voice", "drama–rest")
    assert not list((place / "out").rglob(".*"))


def test_the_same_command_again_has_nothing_to_train(
    first: subprocess.CompletedProcess[str], place: Path
) -> None:
    runs = place / "out" / "study" / "runs"
    before = {file: file.stat().st_mtime_ns for file in runs.rglob("*")}
    findings = read_json(place / "out" / "study" / "findings.json")
    again = upbringing(place, *RAISE)
    assert (again.returncode, again.stderr) == (0, "")
    lines = again.stdout.splitlines()
    assert re.fullmatch(r"corpus: \d+ scenes, there already \(out/corpus\)", lines[0])
    assert "all minds are raised already: nothing is left to train" in lines
    assert {file: file.stat().st_mtime_ns for file in runs.rglob("*")} == before
    assert read_json(place / "out" / "study" / "findings.json") == findings


def test_what_was_raised_can_be_verified_and_talked_to(
    first: subprocess.CompletedProcess[str], place: Path
) -> None:
    verified = upbringing(place, "verify", "out")
    assert verified.returncode == 0
    assert verified.stdout.count("consumed its order, row by row") == 10 + 6
    asked = ("talk", "out", "--prompt", "When the", "--num-tokens", "10", "--age", "0.25")
    talked = upbringing(place, *asked)
    assert talked.returncode == 0
    assert "F-constant-s0, age 0.25, seed 0" in talked.stdout
    assert upbringing(place, *asked).stdout == talked.stdout
