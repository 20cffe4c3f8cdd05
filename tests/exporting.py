"""What the tests of exports share: a corpus with all that can go wrong, an order of it, exports.

Scenes are met several times and in no order of the corpus, one is longer than any row, texts are
Russian and hold what formats escape, phases have names that a table must escape.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from conftest import tiny_scenes

from upbringing.corpus import (
    Corpus,
    Tokens,
    load_tokenizer,
    tokenize,
    train_tokenizer,
    write_corpus,
)
from upbringing.exports import ExportOptions, export_order
from upbringing.order import Levers, Order, PhaseSpan, Rows

ROW_LENGTH = 24
ODD = (
    'Он сказал: «Ночь, улица, фонарь».\n\tИ "ничего" \\ больше.\u2028\u0085',
    'surrogate 😀, NUL-free, tab\t, quote " and \\u0041 as it stands',
    "очень длинная сцена, " * 40,
)


@dataclass(frozen=True)
class World:
    """A corpus, an order of it, both on disk, and the order's tokens."""

    place: Path
    order: Order
    tokens: Tokens

    @property
    def corpus(self) -> Corpus:
        return self.order.corpus

    @property
    def ids(self) -> list[str]:
        """The ids of the visits, in order."""
        return self.corpus.columns(["id"])["id"].gather(np.asarray(self.order.sequence)).to_list()

    @property
    def texts(self) -> list[str]:
        """The texts of the visits, in order."""
        return self.corpus.columns(["text"])["text"].gather(self.order.sequence).to_list()

    def rows(self, **options: Any) -> Rows:
        """Their rows."""
        return Rows(self.order, self.tokens, ROW_LENGTH, **options)

    def export(self, place: Path, format_: str, **options: Any) -> Path:
        """An export of the order; formats of tokens have what they need."""
        if format_ not in ("jsonl", "parquet", "hf"):
            options = {
                "tokenizer": self.place / "tokenizer.json",
                "row_length": ROW_LENGTH,
            } | options
        if format_ == "mds":
            options = {"ranks": 4} | options
        export_order(self.order, place, ExportOptions(format_, **options))
        return place


def make_world(place: Path, num_visits: int = 150) -> World:
    """A world at `place`: corpus, order, tokenizer.json."""
    scenes = tiny_scenes(60)
    texts = [*ODD, *scenes["text"].to_list()[len(ODD) :]]
    scenes = scenes.with_columns(text=pl.Series(texts), split=pl.lit("train"))
    corpus = write_corpus(place / "corpus", scenes, recipe={}, inputs={})
    train_tokenizer(texts, 300).save(str(place / "tokenizer.json"))
    rows = np.random.default_rng(3).integers(0, corpus.num_scenes, num_visits)
    rows[: len(ODD)] = np.arange(len(ODD))[:num_visits]
    first = num_visits // 3
    phases = [
        PhaseSpan("one | two", 0, first, Levers(batch_size=4)),
        PhaseSpan("жизнь", first, num_visits),
    ]
    order = Order.from_rows(
        corpus, rows, phases=[span for span in phases if span.stop > span.start]
    )
    order.save(place / "order")
    tokens = tokenize(corpus, load_tokenizer(place / "tokenizer.json"))
    return World(place, order, tokens)
