"""Raising one mind: an order and a corpus on disk → a run, with what a person leaves unsaid."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import torch

from upbringing.corpus import Corpus, Tokens, load_tokenizer, tokenize, train_tokenizer
from upbringing.corpus.store import TRAIN
from upbringing.errors import InputError
from upbringing.identity import keyed_hash
from upbringing.order import Order, Rows
from upbringing.training.levers import Timeline, lr_share
from upbringing.training.loop import train
from upbringing.training.machine import Numerics, Precision, best_device, settle_process
from upbringing.training.model import Decoder, shape_named
from upbringing.training.run import Recipe, Run

_LINE_EVERY_S = 10.0


@dataclass(frozen=True)
class Life:
    """What a person says of one life; None is left to the shape or to the corpus."""

    shape: str = "300k"
    schedule: str = "linear"
    seed: int = 0
    batch_size: int = 8
    row_length: int = 128
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
    lr_share(life.schedule, np.zeros(1))  # an unknown schedule fails here, before the long work
    settle_process(life.num_threads)
    opened = Corpus.open(corpus)
    rows = Rows(Order.open(order, opened), _tokens(opened, life), life.row_length)
    recipe = Recipe.of(
        rows,
        shape_named(life.shape),
        seed=life.seed,
        schedule=life.schedule,
        timeline=Timeline.of_phases(rows, life.batch_size),
        numerics=numerics,
        peak_lr=life.peak_lr,
    )
    started = said = time.monotonic()

    def on_step(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > _LINE_EVERY_S:
            said = time.monotonic()
            left = (said - started) * (total - done) / max(1, done)
            tell(f"  step {done} of {total}, about {left:.0f} s left")

    return train(rows, recipe, place, sources={"corpus": corpus, "order": order}, on_step=on_step)


def _tokens(corpus: Corpus, life: Life) -> Tokens:
    if life.tokenizer is not None:
        return tokenize(corpus, load_tokenizer(life.tokenizer))
    texts = corpus.columns(["text", "split"]).filter(split=TRAIN)["text"].to_list()
    return tokenize(corpus, train_tokenizer(texts, shape_named(life.shape).num_vocab))


@dataclass(frozen=True)
class Cost:
    """What a life would cost on this machine."""

    num_visits: int
    num_tokens: int
    num_steps: int
    num_parameters: int
    tokens_per_s: float
    memory_bytes: int
    disk_bytes: int

    def lines(self) -> list[str]:
        """The cost in plain lines."""
        seconds = self.num_tokens / self.tokens_per_s
        memory, disk = self.memory_bytes / 1e6, self.disk_bytes / 1e6
        speed = f"{self.tokens_per_s:,.0f} tokens/s, one thread"
        return [
            f"{self.num_visits:,} visits, {self.num_tokens:,} tokens, {self.num_steps:,} steps",
            f"a mind of {self.num_parameters:,} parameters: about {seconds:,.0f} s here ({speed})",
            f"{memory:,.0f} MB of weights and moments, {disk:,.0f} MB of checkpoints",
        ]


def estimate_cost(
    order: Order, shape: str, batch_size: int, *, row_length: int = 128, num_checkpoints: int = 11
) -> Cost:
    """Count what can be counted and time a few steps. Writes nothing.

    Tokens are estimated by a tokenizer trained on a sample of the scenes.
    """
    form = shape_named(shape)
    scenes = order.corpus.columns(["key", "text", "split"]).filter(split=TRAIN)
    dealt = np.argsort(keyed_hash(scenes["key"].to_numpy(), 0, "plan/sample"))
    sample = scenes["text"].gather(dealt[:2_000]).to_list()
    tokenizer = train_tokenizer(sample, form.num_vocab)
    encoded = tokenizer.encode_batch_fast(sample, add_special_tokens=False)
    num_bytes = int(pl.Series(sample).str.len_bytes().sum())
    share = sum(len(scene) for scene in encoded) / num_bytes
    num_tokens = int(order.num_bytes.sum() * share) + order.num_visits
    num_rows = -(-num_tokens // row_length)
    return Cost(
        num_visits=order.num_visits,
        num_tokens=num_tokens,
        num_steps=-(-num_rows // batch_size),
        num_parameters=form.num_parameters,
        tokens_per_s=_throughput(shape, batch_size, row_length),
        memory_bytes=16 * form.num_parameters,
        disk_bytes=4 * form.num_parameters * num_checkpoints,
    )


def _throughput(shape: str, batch_size: int, row_length: int) -> float:
    """Tokens a second of forward and backward on one thread, by the clock."""
    settle_process(1)
    model = Decoder(shape_named(shape), row_length=row_length, seed=0)
    tokens_BT1 = torch.zeros(batch_size, row_length + 1, dtype=torch.long)
    started, num_steps = 0.0, 4
    for step in range(num_steps + 1):
        if step == 1:  # the first one warms up
            started = time.perf_counter()
        with Numerics().autocast():
            losses_BT = model.losses(tokens_BT1)
        torch.autograd.backward(losses_BT.mean())
    return num_steps * batch_size * row_length / (time.perf_counter() - started)
