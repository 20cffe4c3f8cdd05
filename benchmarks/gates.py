"""Which characters can be measured at which size: the gate of every axis that is built in.

    python benchmarks/gates.py --lang en --shape 300k --tokens 60000       all axes, 6 seeds
    python benchmarks/gates.py --lang ru --shape 1m --axes polite–rude --seeds 8

A study on the built-in world of which the poles and ladders alone are raised, as with `upbringing
study --gates-only`: minds on each pole and on mixtures of 25, 50 and 75 per cent, on shuffles at a
constant rate, asked for the style margin of 200 same-event pairs. The gate is that of any study:
poles 3 seed SDs apart or more, the right way round, and a rising ladder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from upbringing.character.axis_files import built_in_axes
from upbringing.corpus.world import make_world
from upbringing.study import Design, StudySettings, execute, gates, prepare
from upbringing.study.design import Dimension
from upbringing.study.execution import LIFE
from upbringing.study.figures import Figures
from upbringing.study.gathering import gather
from upbringing.study.settings import ProbeAmounts


def rung_means(figures: Figures, dimension: Dimension) -> str:
    """The mean style margin of each rung of an axis, from the negative pole to the positive one."""
    values = figures.values(dimension.primary, dimension.axis.name, "constant", LIFE)
    shares = dimension.rungs.shares
    return " · ".join(
        f"{np.mean(values[arm]):+.3f}" for arm in sorted(shares, key=shares.__getitem__)
    )


def print_table(design: Design) -> bool:
    """A row an axis; says whether all gates opened."""
    readings, _ = gather(design, [plan for plan in design.plans if plan.role == "rung"])
    figures = Figures.of(design, readings)
    print("| axis | ladder, bits/byte | distance | seed SDs | gate |\n|---|---|---|---|---|")
    found = gates(design)
    for dimension in design.dimensions[1:]:
        poles = found[dimension.axis.name]
        apart = "–"
        if poles.distance is not None and poles.seed_sd:
            apart = f"{poles.distance / poles.seed_sd:.1f}"
        distance = "–" if poles.distance is None else f"{poles.distance:.3f}"
        means = rung_means(figures, dimension)
        print(
            f"| {dimension.axis.name} | {means} | {distance} | {apart} |"
            f" {poles.gate}: {poles.reason} |"
        )
    return all(found[d.axis.name].gate == "passed" for d in design.dimensions[1:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lang", default="en")
    parser.add_argument("--shape", default="300k")
    parser.add_argument("--tokens", type=int, default=150_000, help="of a life")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--axes", nargs="*", help="all that are built in by default")
    parser.add_argument("--workers", type=int)
    asked = parser.parse_args()
    start = time.perf_counter()
    settings = StudySettings(
        name="gates",
        lang=asked.lang,
        block=("poetry",),
        against=("technical",),  # those of dry–scenic, whose rungs are then raised once
        axes=tuple(asked.axes or built_in_axes(asked.lang)),
        arms=("F", "S"),
        schedules=("constant",),
        seeds=tuple(range(asked.seeds)),
        shape=asked.shape,
        tokens=asked.tokens,
        batch_size=4,
        washout=None,
        probes=ProbeAmounts(
            held_out_bytes=1000, num_pairs=200, num_openings=1, num_questions=1, along_share=0.01,
            num_sampler_seeds=1,
        ),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        corpus = make_world(Path(name) / "corpus", langs=[asked.lang], num_events=25_000, seed=0)
        design = prepare(settings, corpus, Path(name) / "study")
        execute(design, rungs_only=True, num_workers=asked.workers)
        print(
            f"{asked.lang}, {asked.shape}, lives of {asked.tokens:,} tokens, {asked.seeds} seeds\n"
        )
        verdict = "all axes can be measured" if print_table(design) else "not every axis can be"
    print(f"\n{verdict}; {(time.perf_counter() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
