"""Which characters can be measured at which size: the gate of every axis of the built-in world.

    python benchmarks/gates.py --lang en --shape 300k           all axes, 6 seeds
    python benchmarks/gates.py --lang ru --shape 1m --axes polite–rude --seeds 8

For each axis, minds are raised on its two poles alone and on mixtures of 25, 50 and 75 per cent, on
shuffles at a constant rate; each is asked for the style margin of 200 same-event pairs. The gate is
that of a study: poles 3 seed SDs apart or more, the right way round, and a rising ladder. Prints a
table, an axis as soon as its minds are there; they are raised side by side, a process of one thread
each, and not kept.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np

from upbringing.character import Axis, Probes, ProbeSettings
from upbringing.character.profile import style
from upbringing.corpus import Corpus, load_tokenizer, tokenize, train_tokenizer, write_tokenizer
from upbringing.corpus.world import make_world
from upbringing.order import Rows, ladder_order
from upbringing.study.poles import LADDER, examine_poles
from upbringing.training import (
    Numerics,
    Recipe,
    read_checkpoint,
    settle_process,
    shape_named,
    train,
)

AXES = {
    "scenic–dry": ("poetry", "technical"),
    "reactive–reflective": ("chat", "philosophy"),
    "polite–rude": ("courtesy", "rude"),
    "dramatic–calm": ("drama", "calm"),
    "ironic–literal": ("mirror", "literal"),
    "archetypal–mundane": ("myth", "mundane"),
    "logical–associative": ("philosophy", "invalid"),
}
ROW_LENGTH = 128
BATCH_SIZE = 4
SHARES = {"negative": 0.0, "mix-25": 0.25, "mix-50": 0.5, "mix-75": 0.75, "positive": 1.0}


@dataclass(frozen=True)
class Task:
    """One mind: raised on a share of an axis's positive pole, asked about that axis."""

    axis: str
    rung: str
    seed: int


def raise_and_ask(task: Task, place: Path, lang: str, shape: str, num_tokens: int) -> float:
    """The style margin of one mind, in bits per byte."""
    settle_process(1)
    corpus = Corpus.open(place / "corpus")
    tokens = tokenize(corpus, load_tokenizer(place / "tokenizer"))
    positive, negative = AXES[task.axis]
    share = SHARES[task.rung]
    sides = [((positive,), share), ((negative,), 1 - share)]
    order = ladder_order(
        corpus, tokens, [side for side in sides if side[1]],
        lang=lang, num_tokens=num_tokens, seed=task.seed,
    )  # fmt: skip
    rows = Rows(order, tokens, ROW_LENGTH)
    recipe = Recipe.of(
        rows, shape_named(shape), seed=task.seed, schedule="constant", numerics=Numerics(),
        batch_size=BATCH_SIZE, num_rows=num_tokens // ROW_LENGTH, ages=(1.0,),
    )  # fmt: skip
    probes = Probes(
        corpus, Axis((positive,), (negative,), lang), tokens.tokenizer,
        ProbeSettings(num_pairs=200), judge=None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=place) as name:
        order.save(Path(name) / "order")
        sources = {"corpus": corpus.path, "order": Path(name) / "order"}
        run = train(rows, recipe, Path(name) / "run", sources=sources)
        if run.diverged_at is not None:
            return float("nan")
        readings = style(read_checkpoint(run.checkpoints[1.0]), probes)
    return next(r.value for r in readings if r.measure == "style_margin")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lang", default="en")
    parser.add_argument("--shape", default="300k")
    parser.add_argument("--tokens", type=int, default=150_000, help="of a life")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--axes", nargs="*", default=list(AXES))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    tasks = [Task(a, r, s) for a in asked.axes for r in SHARES for s in range(asked.seeds)]
    start = time.perf_counter()
    print(
        f"{asked.lang}, {asked.shape}, lives of {asked.tokens:,} tokens, {asked.seeds} seeds\n\n"
        "| axis | poles | ladder, bits/byte | distance | gate |\n|---|---|---|---|---|",
        flush=True,
    )
    passed = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        corpus = make_world(place / "corpus", langs=[asked.lang], num_events=25_000, seed=0)
        texts = corpus.scenes.filter(split="train")["text"].to_list()
        num_vocab = shape_named(asked.shape).num_vocab
        (place / "tokenizer").mkdir()
        write_tokenizer(place / "tokenizer", train_tokenizer(texts, num_vocab))
        tokenize(corpus, load_tokenizer(place / "tokenizer"))  # once, for all processes
        life = (place, asked.lang, asked.shape, asked.tokens)
        with ProcessPoolExecutor(asked.workers, mp.get_context("spawn")) as pool:
            futures = {task: pool.submit(raise_and_ask, task, *life) for task in tasks}
            for axis in asked.axes:
                margins = {task: f.result() for task, f in futures.items() if task.axis == axis}
                passed.append(print_axis(axis, margins, asked.seeds))
    minutes = (time.perf_counter() - start) / 60
    print(f"\n{len(tasks)} minds in {minutes:.0f} minutes on {asked.workers} processes")
    verdict = "holds" if all(passed) else "falls short"
    print(f"axes that can be measured: {sum(passed)} of {len(passed)}, target all: {verdict}")


def print_axis(axis: str, margins: dict[Task, float], num_seeds: int) -> bool:
    """Print a row of the table; say whether the gate opened."""
    values = {
        rung: np.array([margins[Task(axis, rung, seed)] for seed in range(num_seeds)])
        for rung in SHARES
    }
    named = {"positive": values["positive"], "negative": values["negative"]}
    poles = examine_poles("positive", "negative", named | {rung: values[rung] for rung in LADDER})
    ladder = " · ".join(f"{np.mean(values[rung]):+.3f}" for rung in SHARES)
    distance = "–" if poles.distance is None else f"{poles.distance:.3f}"
    ends = " – ".join(AXES[axis])
    print(f"| {axis} | {ends} | {ladder} | {distance} | {poles.gate}: {poles.reason} |", flush=True)
    return poles.gate == "passed"


if __name__ == "__main__":
    main()
