"""Measures: each says what it is in, what it costs and how it fails; a person's own by its path."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from command import Command
from minds import TableMind, byte_tokenizer, random_table

from upbringing.character import (
    Asked,
    Axis,
    AxisProbes,
    Measure,
    Probes,
    ProbeSettings,
    Sampling,
    measures,
    measures_named,
)
from upbringing.character.axis_files import save_axis
from upbringing.character.measures import Reading, readings_of
from upbringing.corpus import Corpus
from upbringing.errors import InputError
from upbringing.study import Design
from upbringing.training import Run

AXIS = Axis.between(("drama",), ("technical",), "en")

MINE = r'''
"""What a person measures."""

from upbringing.character import Asked, measure


@measure(unit="stops", along=False)
def mood(asked: Asked) -> dict[str, float]:
    """Full stops a sample."""
    texts = asked.samples["text"]
    return {"all": texts.str.count_matches(r"\.").mean()}


@measure(unit="bits")
def broken(asked: Asked) -> dict[str, float]:
    return {"all": asked.nothing}


def undecorated(asked: Asked) -> dict[str, float]:
    return {}
'''


@pytest.fixture
def probes(stories: Corpus) -> Probes:
    settings = ProbeSettings(100, 1, 2, sampling=Sampling(num_tokens=8, num_seeds=2))
    return Probes(stories, (AxisProbes(AXIS, None),), byte_tokenizer(), settings)


ALL = measures() | measures(named=True)


@pytest.mark.parametrize("measure", ALL.values(), ids=list(ALL))
def test_every_measure_states_its_unit_its_cost_and_how_it_fails(measure: Measure) -> None:
    lines = [line.strip() for line in measure.stated.splitlines()]
    stated = [line.partition(" ")[0] for line in lines]
    assert [word for word in stated if word in {"Unit:", "Cost:", "Fails:"}] == [
        "Unit:", "Cost:", "Fails:",
    ]  # fmt: skip
    assert measure.unit
    assert measure.file_digest is None


def test_a_persons_own_measure_is_named_by_its_path(
    probes: Probes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    before = list(measures())
    (mood,) = measures_named(["mine.py:mood"])
    assert (mood.name, mood.unit, mood.along) == ("mine.py:mood", "stops", False)
    assert list(measures()) == before
    asked = Asked(TableMind(random_table(), row_length=64).as_mind(), probes)
    stops = asked.samples["text"].str.count_matches(r"\.").mean()
    assert list(readings_of(asked, [mood])) == [Reading("mine.py:mood", "all", stops, "stops")]
    (broken,) = measures_named(["mine.py:broken"])
    with pytest.raises(InputError, match=r"mine\.py:broken fails: AttributeError"):
        list(readings_of(asked, [broken]))


def test_a_measure_whose_file_has_changed_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    (before,) = measures_named(["mine.py:mood"])
    assert measures_named(["mine.py:mood"])[0].file_digest == before.file_digest
    Path("mine.py").write_text(MINE.replace("stops", "full stops"))
    (after,) = measures_named(["mine.py:mood"])
    assert (after.unit, after.file_digest != before.file_digest) == ("full stops", True)


def test_all_that_cannot_be_measured_by_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    Path("wrong.py").write_text("1 / 0")
    names = ["mine.py:undecorated", "wrong.py:mood", "none.py:mood", "voise"]
    with pytest.raises(InputError) as caught:
        measures_named(names)
    problems = [str(problem) for problem in caught.value.problems]
    assert "mine.py has no measure called 'undecorated'" in problems[0]
    assert "allowed: mine.py:mood, mine.py:broken" in problems[0]
    assert "wrong.py cannot be run: ZeroDivisionError" in problems[1]
    assert "there is no file 'none.py'" in problems[2]
    assert (
        "allowed: trait_clarity, steering, order_memory, FILE.py:FUNCTION, lm-eval:TASK"
        in problems[3]
    )
    assert "did you mean 'voice'?" in problems[3]


@pytest.fixture
def unmeasured(pico: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at `study/runs/run` of the working directory, which nobody has asked anything."""
    shutil.copytree(pico.path / "runs" / "S-constant-s0", tmp_path / "study" / "runs" / "run")
    shutil.rmtree(tmp_path / "study" / "runs" / "run" / "profile")
    shutil.copytree(pico.path / "orders", tmp_path / "study" / "orders")
    (tmp_path / "corpus").symlink_to(pico.corpus.path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("unmeasured")
def test_a_run_is_measured_on_axes_by_name_and_by_file(upbringing: Command) -> None:
    file = save_axis(replace(AXIS, name="feeling"), Path("axes"))
    run = "study/runs/run"
    said = upbringing("measure", run, "poetry", "technical", "--axis", file)
    assert said.code == 0, said.err
    rows = [line.split() for line in said.lines]
    subjects = {row[1] for row in rows if row[0] == "style_margin"}
    assert subjects == {"poetry–technical", "feeling"}
    again = upbringing("measure", run, "--axis", file)
    assert (again.code, "was measured with other probes" in again.err) == (2, True)
    twice = upbringing("measure", run, "--axis", file, "--axis", file)
    assert (twice.code, "two axes are called feeling" in twice.err) == (2, True)
    nowhere = upbringing("measure", run, "--axis", "rude-polit")
    assert (nowhere.code, "polite–rude" in nowhere.err) == (2, True)


@pytest.mark.usefixtures("unmeasured")
def test_a_run_is_measured_by_it_through_the_front_door(
    upbringing: Command, tmp_path: Path
) -> None:
    Path("mine.py").write_text(MINE)
    asked = ("measure", "study/runs/run", "drama", "technical", "--add", "mine.py:mood")
    said = upbringing(*asked)
    assert said.code == 0, said.err
    rows = [line.split() for line in said.lines]
    (mine,) = (row for row in rows if row[0] == "mine.py:mood")
    assert (mine[1], mine[-1], len(mine)) == ("all", "stops", 2 + 2 + 1 + 1)
    assert mine[2:4] == ["–", "–"]  # it is asked at the end alone
    assert any(line.startswith("held-out drama, beside its own words: ") for line in said.lines)
    assert upbringing(*asked).out == said.out
    profiled = Run.open(tmp_path / "study" / "runs" / "run").path / "profile" / "profile.json"
    assert "mine.py:mood" in profiled.read_text()
    Path("mine.py").write_text(MINE.replace("stops", "full stops"))
    again = upbringing(*asked)
    assert (again.code, "was measured with other probes" in again.err) == (2, True)
    wrong = upbringing("measure", "study/runs/run", "drama", "technical", "--add", "mine.py:mod")
    assert (wrong.code, "no measure called 'mod'" in wrong.err) == (2, True)


def test_the_measure_of_the_documents_can_be_asked(
    probes: Probes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```", document(), re.DOTALL | re.MULTILINE)
    Path("mine.py").write_text(code)
    (mood,) = measures_named(["mine.py:mood"])
    asked = Asked(TableMind(random_table(), row_length=64).as_mind(), probes)
    assert [reading.subject for reading in readings_of(asked, [mood])] == ["all"]


def document() -> str:
    return (Path(__file__).parent.parent / "docs" / "measures.md").read_text(encoding="utf-8")


def stated(measure: Measure) -> list[str]:
    """What a measure's docstring says: what it is, its unit, its cost, how it fails."""
    text = " ".join(measure.stated.split())
    parts = re.split(r" (?:Unit|Cost|Fails): ", text)
    when = "along" if measure.along else "end, where named" if measure.named else "end"
    return [f"`{measure.name}`", *parts, when]


def test_the_documents_list_every_measure_in_its_own_words() -> None:
    """Where a measure is new or says something else, the table below is the new one."""
    table = "\n".join(f"| {' | '.join(stated(one))} |" for one in ALL.values())
    assert table in document(), table
