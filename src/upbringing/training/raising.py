"""Raising one mind: an order and a corpus on disk → a run, with what a person leaves unsaid."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from upbringing.corpus import TRAIN, Corpus, Tokens, load_tokenizer, tokenize, train_tokenizer
from upbringing.errors import InputError
from upbringing.order import Order, Rows, packing_named
from upbringing.training.levers import Timeline
from upbringing.training.loop import Moment, train
from upbringing.training.machine import Numerics, Precision, best_device, settle_process
from upbringing.training.model import shape_named
from upbringing.training.run import Recipe, Run
from upbringing.training.schedules import read_curve

_LINE_EVERY_S = 10.0


@dataclass(frozen=True)
class Life:
    """What a person says of one life; None is left to the shape or to the corpus."""

    shape: str = "300k"
    schedule: str = "linear"
    seed: int = 0
    batch_size: int = 8
    row_length: int = 128
    packing: str = "stream"
    attention: str = "across"
    peak_lr: float | None = None
    tokenizer: Path | None = None
    precision: str = "bf16"
    compiled: bool = False
    num_threads: int = 1

    def numerics(self) -> Numerics:
        """The numerics on this machine; raises `InputError` for an unknown precision."""
        if self.precision not in get_args(Precision):
            allowed = ", ".join(get_args(Precision))
            raise InputError(f"no precision is called {self.precision!r}", allowed=allowed)
        precision: Precision = "bf16" if self.precision == "bf16" else "fp32"
        return Numerics(precision, self.compiled, self.num_threads, best_device())


def raise_on_order(
    order: Path,
    corpus: Path,
    place: Path,
    life: Life,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Run:
    """Raise a mind on an order with its own levers, or continue the run at `place`.

    Without a tokenizer one is trained on the corpus's training scenes, of the shape's vocabulary.
    """
    numerics = life.numerics()
    read_curve(life.schedule)  # an unknown schedule fails here, before the long work
    settle_process(life.num_threads)
    opened = Corpus.open(corpus)
    packing, attention = packing_named(life.packing, life.attention)
    rows = Rows(
        Order.open(order, opened), _tokens(opened, life), life.row_length, packing, attention
    )
    recipe = Recipe.of(
        rows,
        shape_named(life.shape),
        seed=life.seed,
        schedule=life.schedule,
        batch_size=life.batch_size,
        timeline=Timeline.of_phases(rows, life.batch_size),
        numerics=numerics,
        peak_lr=life.peak_lr,
    )
    started = said = time.monotonic()

    def on_step(now: Moment) -> None:
        nonlocal said
        if time.monotonic() - said > _LINE_EVERY_S:
            said = time.monotonic()
            left = (said - started) * (now.total - now.done) / max(1, now.done)
            tell(f"  step {now.done} of {now.total}, loss {now.loss:.2f}, about {left:.0f} s left")

    return train(rows, recipe, place, sources={"corpus": corpus, "order": order}, on_step=on_step)


def _tokens(corpus: Corpus, life: Life) -> Tokens:
    if life.tokenizer is not None:
        return tokenize(corpus, load_tokenizer(life.tokenizer))
    texts = corpus.columns(["text", "split"]).filter(split=TRAIN)["text"].to_list()
    return tokenize(corpus, train_tokenizer(texts, shape_named(life.shape).num_vocab))
