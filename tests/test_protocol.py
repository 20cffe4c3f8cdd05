"""The mini-protocol: text in, a page out; the same call again finds that nothing is left to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from stories import pico_settings, write_texts

from upbringing.corpus import Corpus, Fields
from upbringing.errors import InputError, ResumeError
from upbringing.protocol import TextSource, WorldSource, raise_minds, state_line
from upbringing.study import Design, StudySettings, prepare


def settings_for_texts(**changes: Any) -> StudySettings:
    said: dict[str, Any] = {
        "arms": ("F", "S"),
        "schedules": ("constant",),
        "against": None,
        "washout": None,
        "tokens": None,
    }
    return pico_settings(**said | changes)


class Told(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


def test_from_texts_to_a_page_and_then_nothing_is_left(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts")
    (texts / "drama" / "picture.txt").write_bytes(b"\x89PNG\0\0")
    source = TextSource([texts])
    told = Told()
    settings = settings_for_texts(tokens=2500)
    raised = raise_minds(source, settings, tmp_path / "out", num_workers=1, tell=told)
    assert raised.page == tmp_path / "out" / "study" / "report.html"
    assert raised.page.read_text(encoding="utf-8").startswith("<!doctype html>")
    corpus = Corpus.open(tmp_path / "out" / "corpus")
    assert told == [
        f"corpus: {corpus.num_scenes} scenes (drama, poetry, technical)",
        "skipped 1 of 37 texts:",
        f"  {texts}/drama/picture.txt: is binary\n    allowed: text in UTF-8",
        told[3],
        told[4],
        "raising them",
    ]
    assert told[4].startswith("underpowered: 2 seeds see ")
    assert told[3].startswith("study: 8 minds of ")
    assert told[3].endswith("F, S × constant × 2 seeds, the poles")

    runs = tmp_path / "out" / "study" / "runs"
    before = {file: file.stat().st_mtime_ns for file in runs.rglob("*")}
    told = Told()
    again = raise_minds(source, settings, tmp_path / "out", tell=told)
    assert {file: file.stat().st_mtime_ns for file in runs.rglob("*")} == before
    assert again.findings == raised.findings
    assert told[0] == (
        f"corpus: {corpus.num_scenes} scenes, there already ({tmp_path / 'out' / 'corpus'})"
    )
    assert told[-1] == "all minds are raised already: nothing is left to train"


def stopped_before_training(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upbringing.protocol.execute", stopped_before_training)


def prepared(source: TextSource, settings: StudySettings, place: Path) -> tuple[Design, Told]:
    """What is designed, and what was told until the first mind would be raised."""
    told = Told()
    with pytest.raises(KeyboardInterrupt):
        raise_minds(source, settings, place, tell=told)
    return Design.open(place / "study"), told


@pytest.mark.usefixtures("no_training")
def test_of_several_languages_the_one_with_most_text_is_taken_and_said(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts", russian=3)
    design, told = prepared(TextSource([texts]), settings_for_texts(), tmp_path / "out")
    assert design.said["lang"] == "en"
    assert told[1] == ("language: en, which has the most text here (also ru; choose with --lang)")
    with pytest.raises(InputError, match="several languages"):
        prepare(settings_for_texts(), design.corpus, tmp_path / "study")  # a study is not told


@pytest.mark.usefixtures("no_training")
def test_bytes_decide_and_not_the_alphabet(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts", russian=400)
    told = Told()
    # Of Russian there is drama alone, so that the study cannot be; the language is said before.
    with pytest.raises(InputError, match="the block is the whole corpus"):
        raise_minds(TextSource([texts]), settings_for_texts(), tmp_path / "out", tell=told)
    assert told[1].startswith("left out: 4 scenes")  # the same sentences again and again
    assert told[2].startswith("language: ru, which has the most text here (also en;")


@pytest.mark.usefixtures("no_training")
def test_a_language_asked_for_is_taken_without_a_word(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts", russian=400)
    design, told = prepared(TextSource([texts]), settings_for_texts(lang="en"), tmp_path / "out")
    assert design.said["lang"] == "en"
    assert not [line for line in told if line.startswith("language")]


@pytest.mark.usefixtures("no_training")
def test_short_texts_are_a_life_as_they_are(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts")
    design, told = prepared(
        TextSource([texts]), settings_for_texts(tokens=300_000), tmp_path / "out"
    )
    assert design.settings.tokens is None
    life = next(line for line in told if line.startswith("life"))
    assert life.endswith("tokens, all there are to train on (300,000 asked for)")
    number = int(life.split()[1].replace(",", ""))
    assert 0 <= design.said["num_tokens"] - number < 32  # the last row is filled up


@pytest.mark.usefixtures("no_training")
def test_other_texts_in_the_same_place_are_refused(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts")
    out = tmp_path / "out"
    prepared(TextSource([texts]), settings_for_texts(), out)
    prepared(TextSource([texts]), settings_for_texts(), out)  # the same again is the same
    for other in (
        TextSource([texts / "drama", texts / "poetry"]),
        TextSource([texts], fields=Fields(text="body")),
        TextSource([texts], lang="ru"),
        TextSource([texts], repair=True),
        WorldSource(),
    ):
        with pytest.raises(ResumeError, match="a corpus of other texts, or of texts read otherwi"):
            raise_minds(other, settings_for_texts(), out)
    (texts / "drama" / "0.txt").write_text("He looked away. When the rain fell.")
    with pytest.raises(ResumeError, match="a corpus of other texts"):
        raise_minds(TextSource([texts]), settings_for_texts(), out)


@pytest.mark.usefixtures("no_training")
def test_what_a_killed_ingest_left_is_cleared_away(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts")
    draft = tmp_path / "out" / ".corpus.draft-1"
    draft.mkdir(parents=True)
    prepared(TextSource([texts]), settings_for_texts(), tmp_path / "out")
    assert not draft.exists()


@pytest.mark.usefixtures("no_training")
def test_the_built_in_world(tmp_path: Path) -> None:
    source = WorldSource(num_events=700)
    settings = settings_for_texts(against="technical", row_length=128, tokens=20_000)
    told = Told()
    with pytest.raises(KeyboardInterrupt):
        raise_minds(source, settings, tmp_path / "out", tell=told)
    assert "scenes of the built-in world (chat, drama, " in told[0]
    assert Design.open(tmp_path / "out" / "study").primary == "style_margin"
    with pytest.raises(KeyboardInterrupt):
        raise_minds(source, settings, tmp_path / "out")
    with pytest.raises(ResumeError):
        raise_minds(WorldSource(num_events=701), settings, tmp_path / "out")


def test_the_state_line(pico: Design, pico_copy: Path) -> None:
    assert state_line(pico) == "all minds are raised already: nothing is left to train"
    shutil.rmtree(pico_copy / "runs" / "F-steep-s1")
    assert state_line(Design.open(pico_copy)) == "15 raised already, the others continue"
    shutil.rmtree(pico_copy / "runs")
    assert state_line(Design.open(pico_copy)) == "raising them"
