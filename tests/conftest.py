"""What the tests share: a small corpus with four kinds, its tokens, and the smallest of minds."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from command import upbringing
from hypothesis import settings
from stories import pico_settings, story_parallels, story_scenes

from upbringing.corpus import Corpus, Tokens, tokenize, train_tokenizer, write_corpus
from upbringing.order import Order, Rows, compile_order, parse_curriculum
from upbringing.study import Design, conclude, execute, prepare
from upbringing.training import settle_process

# No test is about time, and a machine with other work to do is slow now and then.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

__all__ = ["upbringing"]  # a fixture

KINDS = ("chat", "drama", "poetry", "technical")
ROW_LENGTH = 16

LEVERED = """
name: levered
seed: 5
phases:
  - {name: childhood, scenes: {kind: drama}, batch_size: 3, lr_scale: 0.5}
  - {name: youth, scenes: {kind: [poetry, chat]}, arrange: {sort: num_bytes}}
  - {name: maturity, scenes: rest, batch_size: 7}
"""


def tiny_scenes(num_scenes: int = 80) -> pl.DataFrame:
    """Scenes of 10 to 40 words drawn from a vocabulary of each kind; every tenth is held out."""
    rng = np.random.default_rng(7)
    rows = []
    for number in range(num_scenes):
        kind = KINDS[number % 4]
        words = rng.integers(0, 60, size=int(rng.integers(10, 40)))
        rows.append(
            {
                "id": f"{kind}/{number:04d}",
                "text": " ".join(f"{kind[:2]}{word}" for word in words) + ".",
                "kind": kind,
                "lang": "en",
                "work": f"work {number % 8}",
                "source": "test",
                "document": f"document {number // 4}",
                "place": number % 4,
                "split": "held_out" if number % 10 == 9 else "train",
            }
        )
    return pl.DataFrame(rows)


def ids_of(order: Order) -> list[str]:
    """The ids of the scenes that an order visits, in order."""
    return order.corpus.columns(["id"])["id"].gather(np.asarray(order.sequence)).to_list()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other make tiny minds many times slower."""
    settle_process(1)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place: Path = tmp_path_factory.mktemp("tiny") / "corpus"
    return write_corpus(place, tiny_scenes(), recipe={"made": "by a test"}, inputs={})


@pytest.fixture(scope="session")
def tokens(corpus: Corpus) -> Tokens:
    return tokenize(corpus, train_tokenizer(corpus.scenes["text"].to_list(), 300))


@pytest.fixture(scope="session")
def rows(corpus: Corpus, tokens: Tokens) -> Rows:
    """The rows of an order with three phases of three batch sizes."""
    return Rows(compile_order(corpus, parse_curriculum(LEVERED)), tokens, ROW_LENGTH)


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus with parallels, so that style can be measured."""
    place = tmp_path_factory.mktemp("stories") / "corpus"
    recipe = {"made": "by a test"}
    return write_corpus(
        place, story_scenes(), recipe=recipe, inputs={}, parallels=story_parallels()
    )


@pytest.fixture(scope="session")
def pico(stories: Corpus) -> Design:
    """A concluded study of 16 minds and their washouts, raised in this process."""
    design = prepare(pico_settings(), stories, stories.path.parent / "study")
    execute(design, num_workers=1)
    conclude(design)
    return design


@pytest.fixture
def pico_copy(pico: Design, tmp_path: Path) -> Path:
    """A copy of the concluded study beside its corpus, to do as one likes with."""
    shutil.copytree(pico.path.parent, tmp_path / "whole")
    return tmp_path / "whole" / "study"


@pytest.fixture(scope="session")
def home(
    tmp_path_factory: pytest.TempPathFactory, corpus: Corpus, tokens: Tokens, rows: Rows
) -> Path:
    """A folder with corpus, order and tokenizer, for lives."""
    place = tmp_path_factory.mktemp("home")
    shutil.copytree(corpus.path, place / "corpus")
    rows.order.save(place / "order")
    tokens.tokenizer.save(str(place / "tokenizer.json"))
    return place
