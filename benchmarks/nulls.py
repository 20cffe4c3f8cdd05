"""Real nulls: studies of two arms that differ in nothing but the keys of their draws.

    python benchmarks/nulls.py [--first 0] [--studies 20] [--seeds 8] [--events 600] [--workers 2]

Both arms of a study are shuffles of one life, by different keys; at each seed they begin with the
same weights. Minds of 300k parameters on the built-in world, asked for the style margin of drama
against technical on 64 same-event pairs. What must hold: p-values are uniform, at most 4 of 20 lie
below .05, and the same arm raised twice gives the same bits.

    python benchmarks/nulls.py --orders-only

Raises no mind: thousands of such studies of which the figure is a fixed function of the order. They
tell whether the keys of draws, or the test, would make p-values other than uniform.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
from scipy import stats

from upbringing.character import Asked, Axis, AxisProbes, Probes, ProbeSettings
from upbringing.character.style import style_margin
from upbringing.corpus import (
    Corpus,
    Tokens,
    load_tokenizer,
    tokenize,
    train_tokenizer,
    write_tokenizer,
)
from upbringing.corpus.world import make_world
from upbringing.identity import generator, keyed_hash, keys_of
from upbringing.order import Rows, Selection, compile_order
from upbringing.study.lives import stream
from upbringing.study.statistics import contrasts
from upbringing.training import (
    Numerics,
    Recipe,
    read_checkpoint,
    settle_process,
    shape_named,
    train,
)

ARMS = ("A", "B")
KINDS = ("drama", "technical")
SHAPE = "300k"
ROW_LENGTH = 128
BATCH_SIZE = 4
MOST_SMALL = 4  # of 20 p-values below .05: more come by chance in 3 of 1,000 such runs


NUM_OF_ORDERS = 4_000
NUM_SCENES = 600


@dataclass(frozen=True)
class Task:
    """One mind. Its seed gives its first weights; study, arm and seed the key of its order."""

    study: int
    arm: str
    seed: int

    @property
    def order_seed(self) -> int:
        return 10_000 * self.study + 1_000 * ARMS.index(self.arm) + self.seed

    @property
    def weights_seed(self) -> int:
        return 10_000 * self.study + self.seed


@cache
def opened(place: Path) -> tuple[Corpus, Tokens, Probes]:
    """What every mind of a process reads and is asked."""
    settle_process(1)
    corpus = Corpus.open(place / "corpus")
    tokens = tokenize(corpus, load_tokenizer(place / "tokenizer"))
    axis = AxisProbes(Axis.between(KINDS[:1], KINDS[1:], "en"), None)
    return corpus, tokens, Probes(corpus, (axis,), tokens.tokenizer, ProbeSettings())


def raise_and_ask(task: Task, place: Path) -> tuple[float, str]:
    """The style margin of one mind, in bits per byte, and the digest of its run."""
    corpus, tokens, probes = opened(place)
    life = stream("null", Selection(lang=("en",)))
    rows = Rows(compile_order(corpus, life, seed=task.order_seed), tokens, ROW_LENGTH)
    recipe = Recipe.of(
        rows, shape_named(SHAPE), seed=task.weights_seed, schedule="linear", numerics=Numerics(),
        batch_size=BATCH_SIZE, ages=(1.0,),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=place) as name:
        rows.order.save(Path(name) / "order")
        sources = {"corpus": corpus.path, "order": Path(name) / "order"}
        run = train(rows, recipe, Path(name) / "run", sources=sources)
        if run.diverged_at is not None:
            return float("nan"), run.digest
        margins = style_margin(Asked(read_checkpoint(run.checkpoints[1.0]), probes))
        return margins[probes.axis.name], run.digest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0, help="the number of the first study")
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--events", type=int, default=600, help="a scene each, thus a life")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--orders-only", action="store_true")
    asked = parser.parse_args()
    if asked.orders_only:
        of_orders(asked.seeds)
        return
    start = time.perf_counter()
    print(
        f"$ python benchmarks/nulls.py --first {asked.first} --studies {asked.studies} "
        f"--seeds {asked.seeds} --events {asked.events}\n"
    )
    studies = range(asked.first, asked.first + asked.studies)
    tasks = [Task(t, a, s) for t in studies for a in ARMS for s in range(asked.seeds)]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        num_tokens = make_place(place, asked.events)
        print(f"{SHAPE}, lives of {num_tokens:,} tokens, {len(tasks)} minds", flush=True)
        with ProcessPoolExecutor(asked.workers, mp.get_context("spawn")) as pool:
            again = pool.submit(raise_and_ask, tasks[0], place)
            raised = dict(
                zip(tasks, pool.map(raise_and_ask, tasks, [place] * len(tasks)), strict=True)
            )
            is_same = again.result() == raised[tasks[0]]
    p_T = np.array([p_of(raised, study, asked.seeds) for study in studies])
    minutes = (time.perf_counter() - start) / 60
    print(f"\n{len(tasks) + 1} minds in {minutes:.1f} minutes on {asked.workers} processes")
    conclude(p_T, asked.seeds, is_same=is_same)


def of_orders(num_seeds: int) -> None:
    """Print whether studies of figures that are functions of the order alone have uniform p."""
    keys = keys_of([f"scene {number}" for number in range(NUM_SCENES)])
    worth_NF = generator(0, "nulls", "worth").standard_normal((NUM_SCENES, 6))
    age_N = np.linspace(0, 1, NUM_SCENES)
    weight_by_age = {
        "age": age_N,
        "its square": age_N**2,
        "late by e⁸": np.exp(-8 * (1 - age_N)),
        "the last tenth": age_N > 0.9,
        "twelve waves": np.sin(24 * np.pi * age_N),
        "a wave": np.sin(2 * np.pi * age_N),
    }
    weights_NF = np.column_stack(list(weight_by_age.values()))

    def figures(study: int, arm: str, seed: int) -> np.ndarray:
        key = Task(study, arm, seed).order_seed
        met_N = np.argsort(keyed_hash(keys, key, "order/null"))
        return np.einsum("nf,nf->f", worth_NF[met_N], weights_NF)

    p_TF = np.ones((NUM_OF_ORDERS, len(weight_by_age)))
    for study in range(NUM_OF_ORDERS):
        of_arms = [[figures(study, arm, seed) for seed in range(num_seeds)] for arm in ARMS]
        for place, (a_S, b_S) in enumerate(zip(*np.moveaxis(of_arms, 2, 1), strict=True)):
            values = dict(zip(ARMS, (a_S, b_S), strict=True))
            [found] = contrasts(values, [ARMS], seed=0, unit="")
            p_TF[study, place] = found.p
    print(f"{NUM_OF_ORDERS:,} studies of figures that weigh {NUM_SCENES} scenes by")
    tests = [kolmogorov(p_T, num_seeds).pvalue for p_T in p_TF.T]
    for name, test, p_T in zip(weight_by_age, tests, p_TF.T, strict=True):
        print(f"  {name}: KS p = {test:.2f}, {(p_T < 0.05).mean():.3f} below .05")
    holds = min(tests) >= 0.05 / len(tests)
    print(f"p uniform in all {len(tests)}: {'holds' if holds else 'falls short'}")


def kolmogorov(p_T: np.ndarray, num_seeds: int) -> Any:
    """Against the uniform, each p made continuous by its own step."""
    step = 2.0 ** (1 - num_seeds)
    return stats.kstest(p_T - step * generator(0, "nulls", "steps").random(len(p_T)), "uniform")


def make_place(place: Path, num_events: int) -> int:
    """A world and its tokenizer in a folder; gives the tokens of a life on it."""
    corpus = make_world(
        place / "corpus", langs=["en"], num_events=num_events, seed=0,
        voices=("plain", "technical", "drama", "chat"),
    )  # fmt: skip
    texts = corpus.scenes.filter(split="train")["text"].to_list()
    (place / "tokenizer").mkdir()
    write_tokenizer(place / "tokenizer", train_tokenizer(texts, shape_named(SHAPE).num_vocab))
    tokens = tokenize(corpus, load_tokenizer(place / "tokenizer"))  # once, for all processes
    order = compile_order(corpus, stream("null", Selection(lang=("en",))), seed=0)
    return Rows(order, tokens, ROW_LENGTH).num_tokens


def p_of(raised: dict[Task, tuple[float, str]], study: int, num_seeds: int) -> float:
    """Print one study, and give its p."""
    values = {
        arm: np.array([raised[Task(study, arm, seed)][0] for seed in range(num_seeds)])
        for arm in ARMS
    }
    [found] = contrasts(values, [ARMS], seed=0, unit="bits/byte")
    if found.p is None or found.estimate is None:
        print(f"study {study:2d}: no figure, {found.reason}")
        return float("nan")
    print(
        f"study {study:2d}: A−B {found.estimate:+.4f} bits/byte "
        f"({found.low:+.4f} to {found.high:+.4f}), p = {found.p:.4f}"
    )
    return found.p


def conclude(p_T: np.ndarray, num_seeds: int, *, is_same: bool) -> None:
    """Print whether the p-values are those of nothing, made continuous by their own step."""
    test = kolmogorov(p_T, num_seeds)
    num_small = int((p_T < 0.05).sum())
    lines = [
        (f"p uniform: D = {test.statistic:.3f}, p = {test.pvalue:.2f}", test.pvalue >= 0.05),
        (
            f"p below .05 in {num_small} of {len(p_T)}, at most {MOST_SMALL}",
            num_small <= MOST_SMALL,
        ),
        ("the same arm twice: the same bits", is_same),
    ]
    for said, holds in lines:
        print(f"{said}: {'holds' if holds else 'does not hold'}")
    verdict = "holds" if all(holds for _, holds in lines) else "falls short"
    print(f"real nulls: {sum(holds for _, holds in lines)} of {len(lines)}: {verdict}")


if __name__ == "__main__":
    main()
