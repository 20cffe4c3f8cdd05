"""Openings: shared by all kinds, evenly, and always the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from stories import story_scenes

from upbringing.character.openings import openings_of, shared_openings
from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import InputError

TEXTS = {
    "drama": ["When the rain fell. He had gone. He had come! O night? She was there."],
    "report": ["He had gone.\nHe had come. When the sun rose. He had slept… She was here."],
}


def test_the_most_even_beginnings_come_first() -> None:
    # shares of drama's and the report's five beginnings:
    # He had 2/5, 3/5 → .4; She was 1/5, 1/5 → .2; When the 1/5, 1/5 → .2; O night only in drama
    assert shared_openings(TEXTS, 9) == ["He had", "She was", "When the"]
    assert shared_openings(TEXTS, 1) == ["He had"]


def test_a_beginning_that_one_kind_owns_loses_to_an_even_one() -> None:
    texts = {"a": ["He had. " * 9 + "She was. " * 3], "b": ["He had. " + "She was. " * 3]}
    # He had: min(9/12, 1/4) = .25; She was: min(3/12, 3/4) = .25 → the alphabet decides
    assert shared_openings(texts, 2) == ["He had", "She was"]
    texts["b"] = ["He had. " + "She was. " * 4]  # He had: min(.75, .2); She was: min(.25, .8)
    assert shared_openings(texts, 2) == ["She was", "He had"]


def test_the_order_of_kinds_and_texts_does_not_matter() -> None:
    turned = {kind: texts[::-1] for kind, texts in reversed(TEXTS.items())}
    assert shared_openings(turned, 9) == shared_openings(TEXTS, 9)


def test_russian_and_apostrophes_are_words() -> None:
    texts = {"a": ["Она молчала. Don't you see."], "b": ["Ответ. Она молчала долго. Don't you."]}
    assert shared_openings(texts, 9) == ["Don't you", "Она молчала"]


def test_kinds_that_share_no_beginning_are_refused() -> None:
    with pytest.raises(InputError, match="no two words begin a sentence in every kind"):
        shared_openings({"a": ["He had."], "b": ["She was."]}, 3)


def test_parallels_bring_their_own_openings(stories: Corpus) -> None:
    assert stories.parallels is not None
    known = stories.parallels["opening"].unique().to_list()
    chosen = openings_of(stories, "en", 4)
    assert len(set(chosen)) == 4
    assert set(chosen) <= set(known)
    assert openings_of(stories, "en", 4) == chosen
    assert openings_of(stories, "en", 2) == chosen[:2]
    assert sorted(openings_of(stories, "en", 99)) == sorted(known)


def test_without_parallels_the_scenes_share_theirs(tmp_path: Path) -> None:
    plain = write_corpus(tmp_path / "corpus", story_scenes(), recipe={}, inputs={})
    assert sorted(openings_of(plain, "en", 9)) == ["He looked", "When the"]


def test_a_language_without_parallels_takes_those_of_its_scenes(
    stories: Corpus, tmp_path: Path
) -> None:
    both = write_corpus(
        tmp_path / "corpus",
        story_scenes(lang="xx"),
        recipe={},
        inputs={},
        parallels=stories.parallels,
    )
    assert "He looked" in openings_of(both, "xx", 9)
