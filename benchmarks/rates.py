"""Rates: which peak learning rate suits a shape under each schedule, on shuffled lives.

    python benchmarks/rates.py --shape 300k --tokens 300000 --seeds 2

Minds are raised on one shuffle of the built-in English world, a mind for each schedule, rate and
seed, and asked for held-out bits per byte (the mean over kinds). Prints a table with a row for each
schedule: the figure at each rate, and the best rate, by a parabola through the three around the
least; `≤` or `≥` where the least is the first or the last that was tried. No order under test is
looked at.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from upbringing.character.likelihood import bits_per_byte
from upbringing.character.probes import held_out_by_kind
from upbringing.corpus import Corpus, load_tokenizer, tokenize, train_tokenizer
from upbringing.corpus.world import make_world
from upbringing.order import Order, Rows, compile_order, parse_curriculum
from upbringing.training import (
    Numerics,
    Recipe,
    open_mind,
    settle_process,
    shape_named,
    train,
)

ROW_LENGTH, BATCH_SIZE = 128, 8
SHUFFLED = "{name: S, phases: [{name: life, scenes: rest}]}"
SCHEDULES = ("constant", "linear", "cosine", "wsd", "steep", "inverse_sqrt")


@dataclass(frozen=True)
class Task:
    """One mind."""

    schedule: str
    peak_lr: float
    seed: int


def raise_and_ask(task: Task, place: Path, shape: str, num_tokens: int) -> float:
    """Held-out bits per byte of one mind, the mean over kinds; NaN if it diverged."""
    settle_process(1)
    corpus = Corpus.open(place / "corpus")
    tokens = tokenize(corpus, load_tokenizer(place / "tokenizer"))
    order = Order.open(place / "order", corpus)
    recipe = Recipe.of(
        rows := Rows(order, tokens, ROW_LENGTH), shape_named(shape), seed=task.seed,
        schedule=task.schedule, peak_lr=task.peak_lr, numerics=Numerics(), batch_size=BATCH_SIZE,
        num_rows=num_tokens // ROW_LENGTH, ages=(1.0,),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=place) as name:
        sources = {"corpus": corpus.path, "order": place / "order"}
        run = train(rows, recipe, Path(name) / "run", sources=sources)
        if run.diverged_at is not None:
            return float("nan")
        passages = held_out_by_kind(corpus, tokens.tokenizer, 12_000)
        return float(np.mean([*bits_per_byte(open_mind(run.checkpoints[1.0]), passages).values()]))


def best_rate(rates: np.ndarray, figures: np.ndarray) -> str:
    """The rate at the least of a parabola over log rates, through the three around the least."""
    least = int(np.nanargmin(figures))
    around = slice(max(0, least - 1), least + 2)
    if len(rates[around]) < 3:
        return f"{'≥' if least else '≤'} {rates[least]:g}"
    if np.isnan(figures[around]).any():
        return f"{rates[least]:g}"
    curve, slope, _ = np.polyfit(np.log(rates[around]), figures[around], 2)
    return f"{np.exp(-slope / (2 * curve)):.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", default="300k")
    parser.add_argument("--tokens", type=int, default=300_000, help="of a life")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--schedules", nargs="*", default=list(SCHEDULES))
    parser.add_argument("--rates", nargs="*", type=float, default=[1e-3, 2e-3, 4e-3, 8e-3, 16e-3])
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    started = time.perf_counter()
    tasks = [
        Task(schedule, rate, seed)
        for schedule in asked.schedules
        for rate in asked.rates
        for seed in range(asked.seeds)
    ]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        corpus = make_world(place / "corpus", langs=["en"], num_events=25_000, seed=0)
        texts = corpus.columns(["text", "split"]).filter(split="train")["text"].to_list()
        tokenizer = train_tokenizer(texts, shape_named(asked.shape).num_vocab)
        (place / "tokenizer").mkdir()
        (place / "tokenizer" / "tokenizer.json").write_text(tokenizer.to_str())
        tokenize(corpus, tokenizer)
        compile_order(corpus, parse_curriculum(SHUFFLED)).save(place / "order")
        with ProcessPoolExecutor(asked.workers, get_context("spawn")) as pool:
            work = [pool.submit(raise_and_ask, t, place, asked.shape, asked.tokens) for t in tasks]
            found = np.array([one.result() for one in work])
    rates = np.array(asked.rates)
    figures = found.reshape(len(asked.schedules), len(rates), asked.seeds)
    seeds = f"{asked.seeds} seed{'s' * (asked.seeds > 1)}"
    print(f"{asked.shape}, lives of {asked.tokens:,} tokens, {seeds}, bits per byte\n")
    print(f"| schedule | {' | '.join(f'{rate:g}' for rate in rates)} | best | spread of seeds |")
    print(f"|---|{'---|' * len(rates)}---|---|")
    for schedule, of_rate in zip(asked.schedules, figures, strict=True):
        told = " | ".join(f"{mean:.4f}" for mean in of_rate.mean(1))
        spread = f"{np.nanmean(of_rate.std(1, ddof=1)):.4f}" if asked.seeds > 1 else "–"
        print(f"| {schedule} | {told} | {best_rate(rates, of_rate.mean(1))} | {spread} |")
    print(f"\n{len(tasks)} minds in {(time.perf_counter() - started) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
