"""What the tests share: a small corpus with four kinds, and its tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from upbringing.corpus import Corpus, Tokens, tokenize, train_tokenizer, write_corpus

KINDS = ("chat", "drama", "poetry", "technical")


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


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place: Path = tmp_path_factory.mktemp("tiny") / "corpus"
    return write_corpus(place, tiny_scenes(), recipe={"made": "by a test"}, inputs={})


@pytest.fixture(scope="session")
def tokens(corpus: Corpus) -> Tokens:
    return tokenize(corpus, train_tokenizer(corpus.scenes["text"].to_list(), 300))
