"""Raising on a GPU: many small minds together, one larger mind, and a whole study's time.

    python benchmarks/raise_gpu.py            on a GPU
    python benchmarks/raise_gpu.py --small    tries the program out on the CPU

Minds are raised as a study raises them: bf16, compiled, fed from an order, every row hashed into a
ledger. A rate counts the tokens of the steps after warm-up, so neither compilation nor checkpoints.

1. The matrix peak: the fastest of several products of square bf16 matrices.
2. 32 minds of 3M in one pass against the same minds one after another, whose rate is that of one.
3. One mind of 124M: its matrix products by formula against the peak. A token costs 6 operations for
   each weight that multiplies (the embedding as head), and 6 · layers · width · row for attention,
   which is causal and so half of a square.
4. 8 orders × 8 seeds at 10M, 50 M tokens each, in passes of 16 minds: reckoned from one pass.

Each part's last line holds its figure, the target and whether it holds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from upbringing.corpus import Corpus, Tokens, tokenize, train_tokenizer
from upbringing.corpus.world import make_world
from upbringing.order import Rows, compile_order, parse_curriculum
from upbringing.training import SHAPES, Numerics, Recipe, Shape, settle_process, train
from upbringing.training.loop import Moment
from upbringing.training.population import Member, raise_population

SHUFFLE = "{name: shuffle, phases: [{name: life, scenes: rest, arrange: shuffle}]}"
NEVER_S = 1e9


@dataclass(frozen=True)
class Life:
    """What a part raises: rows of `row_length` tokens, so many a step, so many steps."""

    shape: Shape
    row_length: int
    batch_size: int
    num_steps: int


@dataclass(frozen=True)
class Plan:
    """How large all parts are."""

    device: str
    num_events: int
    num_vocab: int
    matrix_width: int
    num_together: int
    small: Life
    large: Life
    num_of_study: int
    num_a_pass: int
    of_study: Life
    tokens_of_study: float


FULL = Plan(
    device="cuda",
    num_events=20_000,
    num_vocab=4096,
    matrix_width=8192,
    num_together=32,
    small=Life(SHAPES["3m"], row_length=256, batch_size=16, num_steps=80),
    large=Life(SHAPES["124m"], row_length=1024, batch_size=32, num_steps=60),
    num_of_study=64,
    num_a_pass=16,
    of_study=Life(SHAPES["10m"], row_length=256, batch_size=32, num_steps=60),
    tokens_of_study=50e6,
)
_TINY = Life(replace(SHAPES["300k"], num_layers=1), row_length=32, batch_size=2, num_steps=14)
SMALL = Plan(
    device="cpu",
    num_events=60,
    num_vocab=512,
    matrix_width=128,
    num_together=3,
    small=_TINY,
    large=_TINY,
    num_of_study=4,
    num_a_pass=2,
    of_study=_TINY,
    tokens_of_study=1e4,
)
NUM_WARM = 10  # steps before time is taken: the first ones compile


@dataclass
class Clock:
    """Called after each step of a life; knows the rate of those after warm-up."""

    moments: list[tuple[float, int]] = field(default_factory=list)

    def __call__(self, moment: Moment) -> None:
        self.moments.append((time.perf_counter(), moment.num_tokens))

    def tokens_per_s(self) -> float:
        """Of one mind; the last step is left out, since it keeps a checkpoint."""
        (begin_s, begin), (end_s, end) = self.moments[NUM_WARM - 1], self.moments[-2]
        return (end - begin) / (end_s - begin_s)


@dataclass(frozen=True)
class Nursery:
    """A corpus in tokens, and where minds are raised on it."""

    folder: Path
    corpus: Corpus
    tokens: Tokens
    plan: Plan

    @classmethod
    def make(cls, folder: Path, plan: Plan) -> Nursery:
        corpus = make_world(folder / "corpus", langs=["en"], num_events=plan.num_events, seed=0)
        texts = corpus.columns(["text", "split"]).filter(split="train")["text"].to_list()
        return cls(folder, corpus, tokenize(corpus, train_tokenizer(texts, plan.num_vocab)), plan)

    def members(self, part: str, life: Life, num_orders: int, num_minds: int) -> list[Member]:
        """Minds on so many orders in turn, each from a seed of its own."""
        curriculum, place, members = parse_curriculum(SHUFFLE), self.folder / part, []
        orders = [compile_order(self.corpus, curriculum, seed=seed) for seed in range(num_orders)]
        for seed, order in enumerate(orders):
            order.save(place / "orders" / str(seed))
        for number in range(num_minds):
            of_order = number % num_orders
            rows = Rows(orders[of_order], self.tokens, life.row_length)
            recipe = Recipe.of(
                rows,
                life.shape,
                seed=number,
                schedule="linear",
                batch_size=life.batch_size,
                num_rows=life.num_steps * life.batch_size,
                numerics=Numerics(
                    compiled=self.plan.device != "cpu",
                    device=self.plan.device,
                    population=num_minds,
                ),
                ages=(1.0,),
            )
            assert recipe.num_rows <= rows.num_rows, "the corpus is too small for such a life"
            # The shape's own vocabulary: the head is a large part of what a small mind costs.
            recipe = replace(recipe, shape=life.shape)
            sources = {"corpus": self.corpus.path, "order": place / "orders" / str(of_order)}
            members.append(Member(rows, recipe, place / str(number), sources))
        return members


def together(members: list[Member]) -> float:
    """Tokens a second of all minds in one pass."""
    clock = Clock()
    members = [replace(members[0], on_step=clock), *members[1:]]
    raise_population(members, snapshot_every_s=NEVER_S)
    return clock.tokens_per_s() * len(members)


def alone(member: Member) -> float:
    """Tokens a second of one mind."""
    clock = Clock()
    recipe = replace(member.recipe, numerics=replace(member.recipe.numerics, population=1))
    place = member.place.with_name(f"{member.place.name} alone")
    train(
        member.rows,
        recipe,
        place,
        sources=member.sources,
        snapshot_every_s=NEVER_S,
        on_step=clock,
    )
    return clock.tokens_per_s()


def matrix_peak(plan: Plan) -> float:
    """Operations a second of a product of bf16 matrices, the fastest of ten runs of ten."""
    width = plan.matrix_width
    left = torch.randn(width, width, device=plan.device).bfloat16()
    right = torch.randn(width, width, device=plan.device).bfloat16()
    fastest_s = min(_timed(lambda: left @ right, 10, plan.device) for _ in range(10))
    return 2 * width**3 / fastest_s


def _timed(product: Callable[[], torch.Tensor], times: int, device: str) -> float:
    """Seconds of one of several calls in a row."""
    machine = torch.get_device_module(device)
    machine.synchronize()
    begin_s = time.perf_counter()
    for _ in range(times):
        product()
    machine.synchronize()
    return (time.perf_counter() - begin_s) / times


def operations_a_token(life: Life) -> float:
    """Forward and backward."""
    shape = life.shape
    norms = (2 * shape.num_layers + 1) * shape.width
    attention = shape.num_layers * shape.width * life.row_length
    return 6.0 * (shape.num_parameters - norms) + 6.0 * attention


def say(what: str, figure: float, target: float, unit: str, *, at_most: bool = False) -> None:
    holds = figure <= target if at_most else figure >= target
    bound = "at most" if at_most else "at least"
    verdict = "holds" if holds else "falls short"
    print(f"{what}: {figure:.2f}{unit}, target {bound} {target:g}{unit}: {verdict}", flush=True)


def many_small_minds(nursery: Nursery) -> None:
    plan = nursery.plan
    members = nursery.members("small", plan.small, num_orders=4, num_minds=plan.num_together)
    one = alone(members[0])
    print(f"one after another: {one:,.0f} tokens/s")
    all_of_them = together(members)
    print(f"{len(members)} together: {all_of_them:,.0f} tokens/s")
    say(f"{len(members)} minds together", all_of_them / one, 8.0, "×")


def one_large_mind(nursery: Nursery, peak: float) -> None:
    life = nursery.plan.large
    rate = alone(nursery.members("large", life, num_orders=1, num_minds=1)[0])
    done = rate * operations_a_token(life)
    millions = life.shape.num_parameters / 1e6
    print(f"{rate:,.0f} tokens/s, {done / 1e12:.3g} TFLOP/s")
    say(f"one mind of {millions:.3g}M", 100 * done / peak, 45.0, "% of the matrix peak")


def a_study(nursery: Nursery) -> None:
    plan = nursery.plan
    members = nursery.members("study", plan.of_study, num_orders=8, num_minds=plan.num_a_pass)
    rate = together(members)
    minutes = plan.num_of_study * plan.tokens_of_study / rate / 60
    print(f"passes of {plan.num_a_pass}: {rate:,.0f} tokens/s; reckoned, not lived to the end")
    what = f"{plan.num_of_study} minds of {plan.tokens_of_study / 1e6:g} M tokens"
    say(what, minutes, 15.0, " min", at_most=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="tiny minds on the CPU")
    plan = SMALL if parser.parse_args().small else FULL
    if plan.device == "cuda" and not torch.cuda.is_available():
        parser.exit(2, "there is no GPU; --small tries the program out on the CPU\n")
    settle_process(1 if plan.device == "cpu" else 4)
    name = torch.cuda.get_device_name() if plan.device == "cuda" else "CPU, a trial of the program"
    print(f"device: {name}, torch {torch.__version__}")
    peak = matrix_peak(plan)
    print(f"matrix peak: {peak / 1e12:.3g} TFLOP/s in bf16, {plan.matrix_width} wide")
    with tempfile.TemporaryDirectory() as folder:
        nursery = Nursery.make(Path(folder), plan)
        many_small_minds(nursery)
        one_large_mind(nursery, peak)
        a_study(nursery)


if __name__ == "__main__":
    main()
