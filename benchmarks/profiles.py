"""How long does it take to ask a mind everything, and to ask it along its life?

    python benchmarks/profiles.py                 1m and 10m, on one core
    python benchmarks/profiles.py --shapes 1m --tokens 400000

Minds of each shape are asked all the default probes on all built-in axes, in English, and the part
that is asked along a life; seconds are those of a core's work, by part. Then a mind is raised for a
while, and the time of a life of 2 M tokens is worked out from it.
Targets: all of it in 20 s (1m) and in 120 s (10m); along a life, at its default ages, at most half
of what raising it takes. A mind that is asked here has just been born: what it says does not change
how long it takes, as long as it seldom ends a text.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

from upbringing.character import Asked, Probes, probes_of
from upbringing.character.axis_files import built_in_axes, find_axes
from upbringing.character.measures import Measure, measures, readings_of
from upbringing.corpus import Corpus, Tokens, tokenize, train_tokenizer
from upbringing.corpus.world import make_world
from upbringing.order import Curriculum, Phase, Rows, compile_order
from upbringing.training import (
    DEFAULT_AGES,
    Decoder,
    Numerics,
    Recipe,
    settle_process,
    shape_named,
    train,
)

TARGETS = {"1m": 20.0, "10m": 120.0}
VOCABULARY = {"1m": 2048, "10m": 4096}
ROW_LENGTH, LIFE = 128, 2_000_000
LARGEST_SHARE = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", default="1m,10m")
    parser.add_argument("--tokens", type=int, default=200_000, help="of the life that is timed")
    asked = parser.parse_args()
    settle_process(1)
    holds = True
    with tempfile.TemporaryDirectory() as name:
        corpus = make_world(Path(name) / "corpus", num_events=20_000, seed=0)
        texts = corpus.columns(["text", "split"]).filter(split="train")["text"].to_list()
        axes = find_axes(list(built_in_axes("en")), "en", corpus)
        for shape in asked.shapes.split(","):
            tokens = tokenize(corpus, train_tokenizer(texts, VOCABULARY[shape]))
            probes = probes_of(corpus, axes, tokens.tokenizer)
            form = replace(shape_named(shape), num_vocab=tokens.num_vocab)
            mind = Decoder(form, row_length=ROW_LENGTH, seed=0)
            every = list(measures().values())
            whole = ask(mind, probes, every, shape)
            along = ask(mind, probes.along, [m for m in every if m.along], f"{shape}, along")
            life = raise_for(corpus, tokens, shape, asked.tokens, Path(name) / shape)
            share = along * len(DEFAULT_AGES) / life
            holds &= whole <= TARGETS[shape] and share <= LARGEST_SHARE
            print(
                f"{shape}: all in {whole:.1f} s (target {TARGETS[shape]:.0f}); along a life "
                f"{along:.1f} s at each of {len(DEFAULT_AGES)} ages, {share:.2f} of the "
                f"{life:.0f} s that raising it on {LIFE:,} tokens takes (target {LARGEST_SHARE})"
            )
    print("holds" if holds else "does not hold")


def ask(mind: Decoder, probes: Probes, wanted: list[Measure], name: str) -> float:
    """Seconds of a profile, printed by what the measures share and by what each takes beyond it."""
    asked = Asked(mind, probes)
    assert probes.held_out
    assert probes.pairs
    assert probes.questions  # made once for all minds
    shared: dict[str, Callable[[], Any]] = {
        "held-out text and pairs": lambda: asked.held_out,
        "answers": lambda: asked.answers,
        "samples": lambda: asked.samples,
        "voices": lambda: asked.voices,
    }
    seconds = {part: timed(work) for part, work in shared.items()}
    for measure in wanted:
        own = timed(lambda measure=measure: list(readings_of(asked, [measure])))
        if own > 0.01:
            seconds[measure.name] = own
    told = ", ".join(f"{part} {took:.2f}" for part, took in seconds.items())
    print(f"{name}: {told}", flush=True)
    return sum(seconds.values())


def timed(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def raise_for(corpus: Corpus, tokens: Tokens, shape: str, num_tokens: int, place: Path) -> float:
    """Seconds of a life of `LIFE` tokens, from those of a shorter one."""
    life = Curriculum(name="life", phases=(Phase(name="life", scenes="rest"),))
    order = compile_order(corpus, life)
    order.save(place / "order")
    rows = Rows(order, tokens, ROW_LENGTH)
    recipe = Recipe.of(
        rows, shape_named(shape), seed=0, schedule="constant", numerics=Numerics(), batch_size=8,
        num_rows=num_tokens // ROW_LENGTH, ages=(1.0,),
    )  # fmt: skip
    sources = {"corpus": corpus.path, "order": place / "order"}
    took = timed(lambda: train(rows, recipe, place / "run", sources=sources))
    return took * LIFE / num_tokens


if __name__ == "__main__":
    main()
