"""The page of a corpus: sizes by kind, texts side by side, and nothing that could run."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import polars as pl
import pytest

from upbringing.corpus import Corpus, write_corpus
from upbringing.corpus.world import make_world
from upbringing.report import write_corpus_page

VOICES = ("plain", "drama", "poetry")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place = tmp_path_factory.mktemp("page") / "world"
    return make_world(
        place, langs=["en", "ru"], num_events=900, seed=3, voices=VOICES, num_probes=4
    )


def shown(text: str) -> str:
    """A text as it stands in the page."""
    return escape(text)


def test_an_event_is_told_in_every_voice_beside_the_others(world: Corpus) -> None:
    page = write_corpus_page(world).read_text("utf-8")
    assert world.parallels is not None
    for lang in ("en", "ru"):
        told = world.parallels.filter(lang=lang)
        first = told.filter(event=told["event"][0])
        places = [page.index(f"<h3>{kind}</h3>", page.index(f"voices-{lang}")) for kind in VOICES]
        assert places == sorted(places)
        for opening, text in first.select("opening", "text").iter_rows():
            assert f"<summary>{shown(opening)}</summary>" in page
            assert shown(text.removeprefix(opening).strip()) in page


def test_a_story_stands_whole_and_in_its_order(world: Corpus) -> None:
    page = write_corpus_page(world).read_text("utf-8")
    scenes = world.scenes.filter(lang="en")
    longer = scenes.filter(pl.len().over("document") > 1)
    story = longer.filter(document=longer["document"][0]).sort("place")
    places = [page.index(shown(text)) for text in story["text"]]
    assert len(places) >= 4
    assert places == sorted(places)


def test_facts_and_feasts_are_asked(world: Corpus) -> None:
    page = write_corpus_page(world).read_text("utf-8")
    assert world.questions is not None
    for lang in ("en", "ru"):
        asked = world.questions.filter(lang=lang)
        once = pl.col("kind").is_not_null()
        for some in (asked.filter(once), asked.filter(~once)):
            for prompt, answer in some[:1].select("prompt", "answer").iter_rows():
                assert shown(prompt) in page
                assert f"<td>{shown(answer)}</td>" in page


def test_without_text_there_is_none(world: Corpus) -> None:
    page = write_corpus_page(world, with_text=False).read_text("utf-8")
    assert world.parallels is not None
    texts = [*world.scenes["text"][:50], *world.parallels["text"]]
    assert not [text for text in texts if shown(text[:60]) in page]
    assert "plain" in page


def test_texts_of_ones_own_are_escaped_and_nothing_runs(tmp_path: Path) -> None:
    scenes = pl.DataFrame(
        {
            "id": ["a", "b"],
            "text": ["<script>alert(1)</script>", "I am & you <b>are</b>"],
            "kind": ["<kind>", "other"],
            "lang": ["en", "en"],
            "work": ["w", "w"],
            "source": ["s", "s"],
            "document": ["a", "b"],
            "place": [0, 0],
            "split": ["train", "train"],
        }
    )
    corpus = write_corpus(tmp_path / "corpus", scenes, recipe={"texts": "own"}, inputs={})
    page = write_corpus_page(corpus).read_text("utf-8")
    assert "<script" not in page
    assert re.search(r"script-src 'none'", page)
    assert shown("<script>alert(1)</script>") in page
    assert "&lt;kind&gt;" in page
