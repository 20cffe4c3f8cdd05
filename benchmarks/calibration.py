"""Does the verdict keep its promises? Simulated studies through the real statistics and rules.

    python benchmarks/calibration.py [--studies 2000]

A run's value, in pole distances, is its arm's mean + a seed effect common to the arms (SD 0.10) +
an independent normal residual (the seed SD, 0.10 unless said); the gate is passed; 8 seeds unless
said. Designs: two arms; F M L S; with O, N, D; eight axes, independent and correlated at .5; arms
with spreads of .5, 1, 2, 1 seed SDs; one run of a study 5 seed SDs off, up or down. Prints what was
promised, what came out, and whether it holds. Coverage, whose margin is narrow, is over ten times
as many studies.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from upbringing.identity import generator
from upbringing.study.half_life import NOTHING, half_life
from upbringing.study.poles import Pole, Poles
from upbringing.study.power import OUTLIER_SDS, Planned, power, promise, spread_of
from upbringing.study.rules import NONE, SMALLEST_EFFECT, WINS, pairs_for
from upbringing.study.simultaneous import critical_value
from upbringing.study.statistics import (
    POLE_DISTANCES,
    Contrast,
    Table,
    binomial_lower_bound,
    family,
    intervals,
)
from upbringing.study.verdict import Evidence, decide

FloatArray = npt.NDArray[np.float64]

SEED_SD, QUIET_SD = 0.10, 0.04
NUM_SEEDS = 8
EFFECT = 0.30
PASSED = Poles(Pole("+", 1.0, ()), Pole("−", 0.0, ()), 1.0, 0.1, "passed", "")
LEAST_P = 0.05 / 7  # of a uniformity test; one false alarm in 20 over the seven designs


@dataclass(frozen=True)
class Design:
    """How studies are made. `spreads`: of each arm, in seed SDs; `shared`: correlation of axes."""

    name: str
    arms: str
    num_axes: int = 1
    spreads: Mapping[str, float] = field(default_factory=dict)
    has_outlier: bool = False
    shared: float = 0.0

    def sd_of(self, arm: str) -> float:
        return SEED_SD * self.spreads.get(arm, 1.0)


DESIGNS = (
    Design("two arms", "FS"),
    Design("F M L S", "FMLS"),
    Design("with O, N, D", "FMLSOND"),
    Design("eight axes", "FMLS", num_axes=8),
    Design("eight axes, r = .5", "FMLS", num_axes=8, shared=0.5),
    Design("unequal spreads", "FMLS", spreads={"F": 0.5, "L": 2.0}),
    Design("an outlying run", "FMLS", has_outlier=True),
)


class Ledger:
    """Prints each promise with what came of it, and remembers those that do not hold."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.num_kept = 0
        self.heading = ""

    def begin(self, heading: str, what: str = "") -> None:
        self.heading = heading
        print(f"{heading}{what}")

    def note(self, promised: str, found: str, *, holds: bool) -> None:
        print(f"  {promised:58s} {found:34s} {'holds' if holds else 'DOES NOT HOLD'}", flush=True)
        if holds:
            self.num_kept += 1
        else:
            self.failed.append(f"{self.heading}: {promised}")


def drawn(
    design: Design,
    item: str,
    num_studies: int,
    truth: Mapping[str, float] | None = None,
    *,
    num_seeds: int = NUM_SEEDS,
    scale: float = 1.0,
) -> FloatArray:
    """Runs of studies, (num_studies, num_axes, num_arms, num_seeds).

    `truth` are means of arms on every axis, else 0.
    """
    draw = generator(0, "calibration", f"{design.name}/{item}/{num_seeds}")
    shape = (num_studies, design.num_axes, len(design.arms), num_seeds)
    values_NXAS = np.sqrt(1 - design.shared) * draw.standard_normal(shape)
    if design.shared:
        common_NAS = draw.standard_normal((num_studies, *shape[2:]))
        values_NXAS += np.sqrt(design.shared) * common_NAS[:, None]
    if design.has_outlier:
        arm_N, seed_N = (draw.integers(size, size=num_studies) for size in shape[2:])
        off_N = OUTLIER_SDS * draw.choice([-1, 1], num_studies)
        values_NXAS[np.arange(num_studies), :, arm_N, seed_N] += off_N[:, None]
    values_NXAS *= scale * np.array([design.sd_of(arm) for arm in design.arms])[:, None]
    values_NXAS += np.array([(truth or {}).get(arm, 0.0) for arm in design.arms])[:, None]
    values_NXAS += 0.10 * draw.standard_normal((num_studies, 1, 1, num_seeds))
    return values_NXAS


def simulated(design: Design, *what: Any, **how: Any) -> Iterator[list[Table]]:
    """The same studies, each as its tables."""
    for values_XAS in drawn(design, *what, **how):
        yield [
            Table(
                dict(zip(design.arms, values_AS, strict=True)), "", "", POLE_DISTANCES, axis=str(x)
            )
            for x, values_AS in enumerate(values_XAS)
        ]


def positions(design: Design, found: tuple[Contrast, ...]) -> list[str]:
    """The verdict on each axis."""
    by_axis = [[c for c in found if c.axis == str(x)] for x in range(design.num_axes)]
    return [decide(Evidence("", "", "X", PASSED, own)).position for own in by_axis]


def false_positions(design: Design, num_studies: int, ledger: Ledger) -> None:
    """Without effect, and where an arm that wins is no better than another one."""
    pairs = pairs_for(design.arms)
    cases: list[tuple[str, tuple[str, ...]]] = [("", tuple(WINS))]
    if "M" in design.arms:
        cases += [("FM", ("PRIMACY", "INTERIOR")), ("FML", tuple(WINS)), ("S", tuple(WINS))]
    for raised, false in cases:
        truth = dict.fromkeys(raised, EFFECT)
        num_false = sum(
            any(position in false for position in positions(design, intervals(tables, pairs)))
            for tables in simulated(design, f"false/{raised}", num_studies, truth)
        )
        bound = binomial_lower_bound(num_false, num_studies)
        what = f"false positions, {' '.join(raised)} above the others" if raised else "no effect"
        found = f"{num_false / num_studies:.4f}, bound {bound:.4f}"
        ledger.note(f"{what}: lower bound ≤ .05", found, holds=bound <= 0.05)


def uniform_p(design: Design, num_studies: int, ledger: Ledger) -> None:
    """The family's smallest p without effect, made continuous by its own step."""
    pairs = pairs_for(design.arms)
    step = 2.0 ** (1 - NUM_SEEDS)
    smallest = np.array(
        [
            min(c.p for c in family(tables, pairs, seed=0) if c.p is not None)
            for tables in simulated(design, "p", num_studies)
        ]
    )
    spread = generator(0, "calibration", f"{design.name}/steps").random(num_studies)
    test = stats.kstest(smallest - step * spread, "uniform")
    found = f"D = {test.statistic:.3f}, p = {test.pvalue:.2f}"
    ledger.note("p uniform (Kolmogorov–Smirnov)", found, holds=test.pvalue >= LEAST_P)
    num_small = int((smallest <= 0.05).sum())
    bound = binomial_lower_bound(num_small, num_studies)
    share = f"{num_small / num_studies:.3f}, bound {bound:.3f}"
    ledger.note("p ≤ .05 anywhere in the family: lower bound ≤ .05", share, holds=bound <= 0.05)


def coverage(design: Design, num_studies: int, ledger: Ledger) -> None:
    """How often all simultaneous intervals hold together, over ten times as many studies.

    Their ends are worked out for all studies at once, and compared with those of the first 20.
    """
    pairs = pairs_for(design.arms)
    first, second = np.array([[design.arms.index(arm) for arm in pair] for pair in pairs]).T
    covered = []
    for num_seeds in (6, 8, 12):
        values_NXAS = drawn(design, "coverage", 10 * num_studies, num_seeds=num_seeds)
        difference_NXKS = values_NXAS[:, :, first] - values_NXAS[:, :, second]
        error_NXK = difference_NXKS.std(axis=3, ddof=1) / np.sqrt(num_seeds)
        half_NXK = critical_value(pairs, num_seeds, design.num_axes) * error_NXK
        mean_NXK = difference_NXKS.mean(axis=3)
        covered.append((np.abs(mean_NXK) <= half_NXK).all(axis=(1, 2)).mean())
        studies = simulated(design, "coverage", 10 * num_studies, num_seeds=num_seeds)
        for tables, mean_XK, half_XK in zip(islice(studies, 20), mean_NXK, half_NXK, strict=False):
            lows = [contrast.low for contrast in intervals(tables, pairs)]
            np.testing.assert_allclose(lows, (mean_XK - half_XK).ravel())
    found = ", ".join(f"{share:.3f}" for share in covered)
    holds = all(0.93 <= share <= 0.97 for share in covered)
    ledger.note("intervals hold together in .93 to .97, S = 6, 8, 12", found, holds=holds)


def kept_power(design: Design, num_studies: int, ledger: Ledger) -> None:
    """Planted primacy against what `power` promised for such studies; of two arms F − S alone, of
    half the effect.
    """
    pairs = pairs_for(design.arms)
    effect = EFFECT if "M" in design.arms else EFFECT / 2
    studies = simulated(design, "power", num_studies, {"F": effect})
    if "M" not in design.arms:
        promised = power(effect / SEED_SD, pairs, NUM_SEEDS)
        hits = [(c.low or 0) > 0 for tables in studies for c in intervals(tables, pairs)]
        what = "F−S found"
    else:
        planned = Planned(tuple(design.arms), "PRIMACY", effect, design.num_axes)
        sds = {arm: design.sd_of(arm) for arm in design.arms} if design.spreads else SEED_SD
        outliers = int(design.has_outlier)
        promised = promise(
            planned, NUM_SEEDS, sds, num_outliers=outliers, num_studies=20_000
        ).position
        hits = [positions(design, intervals(tables, pairs))[0] == "PRIMACY" for tables in studies]
        what = "PRIMACY found"
    share = float(np.mean(hits))
    ledger.note(
        f"{what} as often as promised, to 3 points",
        f"{share:.3f}, promised {promised:.3f}",
        holds=abs(share - promised) <= 0.03,
    )


def false_none(design: Design, num_studies: int, ledger: Ledger) -> None:
    """A difference of exactly δ, up or down, between quiet arms (seed SD 0.04); by axis."""
    pairs = pairs_for(design.arms)
    for sign, arms in ((1, "F"), (-1, "F"), (1, "FML")):
        truth = dict.fromkeys(arms, sign * SMALLEST_EFFECT)
        scale = QUIET_SD / SEED_SD
        wrong = [
            position == NONE
            for tables in simulated(design, f"none/{sign}{arms}", num_studies, truth, scale=scale)
            for position in positions(design, intervals(tables, pairs))
        ]
        bound = binomial_lower_bound(sum(wrong), len(wrong))
        what = f"NONE said where {' '.join(arms)} lie {'+' if sign > 0 else '−'}δ off: bound ≤ .05"
        ledger.note(what, f"{np.mean(wrong):.4f}, bound {bound:.4f}", holds=bound <= 0.05)


def pilots(num_studies: int, ledger: Ledger) -> None:
    """The limit of a pilot's seed SD: what it promises is kept in 80% of pilots."""
    ledger.begin("pilots of F M L S at 4 seeds", ", seed SD 0.10")
    pairs = pairs_for("FMLS")
    true = power(EFFECT / SEED_SD, pairs, NUM_SEEDS)
    design = Design("pilot", "FMLS")
    spreads = [
        spread_of(np.stack(list(tables[0].values.values())))
        for tables in simulated(design, "pilot", num_studies, num_seeds=4)
    ]
    kept = {
        label: np.mean([power(EFFECT / sd, pairs, NUM_SEEDS) <= true for sd in sds])
        for label, sds in (
            ("estimate", [s.seed_sd for s in spreads]),
            ("limit", [s.upper for s in spreads]),
        )
    }
    found = f"{kept['limit']:.3f} (at the estimate {kept['estimate']:.3f})"
    holds = bool(abs(kept["limit"] - 0.80) <= 0.03)
    ledger.note("power promised at the 80% limit is kept in .80 of pilots", found, holds=holds)


def fading(num_studies: int, ledger: Ledger) -> None:
    """Half-lives of a fifth and of half a washout: P−S fades from 0.4, at 8 seeds."""
    ledger.begin("half-lives", ": P−S of 0.4 before the washout, seed SD 0.10, 8 seeds, 5 lengths")
    lengths = np.array([0.0, 0.1, 0.25, 0.5, 1.0])
    for true in (0.2, 0.5):
        draw = generator(0, "calibration", f"half-life/{true}")
        told, covered = 0, 0
        for _ in range(num_studies):
            left_S = 0.4 + SEED_SD * np.sqrt(2) * draw.standard_normal(NUM_SEEDS)
            noise_AS = SEED_SD / 2 * draw.standard_normal((len(lengths), NUM_SEEDS))
            washed_AS = left_S * 2.0 ** (-lengths / true)[:, None] + noise_AS
            found = half_life(lengths.tolist(), washed_AS, name="F−S", unit="washouts")
            if found.answer == NOTHING:
                continue
            told += 1
            covered += (found.low or 1.0) <= true <= (found.high or np.inf)
        share = covered / told
        what = f"a half-life of {true:g} washouts lies in its interval, .93 to .97"
        ledger.note(what, f"{share:.3f} of {told}", holds=0.93 <= share <= 0.97)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=2000)
    num_studies = parser.parse_args().studies
    start = time.perf_counter()
    print(f"$ python benchmarks/calibration.py --studies {num_studies}\n")
    ledger = Ledger()
    for design in DESIGNS:
        axes = "one axis" if design.num_axes == 1 else f"{design.num_axes} axes"
        ledger.begin(design.name, f": arms {' '.join(design.arms)}, {axes}")
        false_positions(design, num_studies, ledger)
        uniform_p(design, num_studies, ledger)
        coverage(design, num_studies, ledger)
        kept_power(design, num_studies, ledger)
        if "M" in design.arms:
            false_none(design, num_studies, ledger)
    pilots(num_studies, ledger)
    fading(num_studies, ledger)
    minutes = (time.perf_counter() - start) / 60
    print(f"\n{num_studies} studies a cell, {minutes:.1f} minutes on one core")
    verdict = "holds" if not ledger.failed else f"falls short: {'; '.join(ledger.failed)}"
    print(f"promises kept: {ledger.num_kept} of {ledger.num_kept + len(ledger.failed)}: {verdict}")


if __name__ == "__main__":
    main()
