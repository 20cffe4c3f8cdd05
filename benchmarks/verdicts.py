"""Does the verdict keep its promises? Simulated studies through the real contrasts and rules.

    python benchmarks/verdicts.py [--studies 1000]

Assumptions, in pole distances: a run's value = its arm's mean + a seed effect shared by all arms
(SD 0.10) + an independent normal residual (the seed SD). Gate passed. No effect: all arms equal.
Planted primacy: F lies 3 seed SDs above M, L and S. The promises hold where the effect exceeds the
smallest effect of interest; at small seed SDs, 3 seed SDs lie under δ = 0.10 and must not be found.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
from scipy import stats

from upbringing.identity import generator
from upbringing.study.poles import Pole, Poles
from upbringing.study.power import power, seeds_needed
from upbringing.study.statistics import binomial_lower_bound, contrasts
from upbringing.study.verdict import Evidence, decide, pairs_for

NUM_SEEDS = 8
SEED_SDS = (0.02, 0.04, 0.05, 0.08, 0.10, 0.15)
WINS = ("BOTH ENDS", "PRIMACY", "RECENCY", "INTERIOR")
PASSED = Poles(Pole("pole-drama", 1.0, ()), Pole("pole-rest", 0.0, ()), 1.0, 0.1, "passed", "")


def simulate(
    num_studies: int,
    num_seeds: int,
    seed_sd: float,
    raised: str = "",
    effect: float = 3.0,
    arms: str = "FMLS",
) -> tuple[Counter[str], float, list[float]]:
    """Positions found, coverage of the simultaneous intervals, and the p of F−S of each study.

    The arms named in `raised` lie `effect` seed SDs above the others.
    """
    item = f"{num_seeds}/{seed_sd}/{raised}/{effect}/{arms}"
    draws = generator(0, "simulated studies", item).standard_normal
    residual_NAS = seed_sd * draws((num_studies, len(arms), num_seeds))
    values_NAS = residual_NAS + 0.10 * draws((num_studies, 1, num_seeds))
    truth = {arm: effect * seed_sd if arm in raised else 0.0 for arm in arms}
    values_NAS += np.array([truth[arm] for arm in arms])[:, None]
    positions: Counter[str] = Counter()
    covered, p_of_first = 0, []
    for values_AS in values_NAS:
        values = dict(zip(arms, values_AS, strict=True))
        found = contrasts(values, pairs_for(arms), seed=0)
        verdict = decide(Evidence("constant", "style_margin", "drama", PASSED, found))
        positions[verdict.position] += 1
        covered += all(
            c.low <= truth[c.name[0]] - truth[c.name[2]] <= c.high
            for c in found
            if c.low is not None and c.high is not None
        )
        p_of_first.append(found[0].p or 0.0)
    return positions, covered / num_studies, p_of_first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    num_studies = parser.parse_args().studies
    null_bounds, powers = by_seed_sd(num_studies)
    null_bounds += partial_nulls(num_studies)
    coverages = coverage(num_studies)
    uniformity(num_studies)
    planning()
    holds = max(null_bounds) <= 0.05 and min(powers) >= 0.80
    holds = holds and min(coverages) >= 0.93 and max(coverages) <= 0.97
    print(
        f"\nfalse wins: bound {max(null_bounds):.3f} (target ≤ .05); primacy of 3 seed SDs at "
        f"effect ≥ 0.15: {min(powers):.2f} (target ≥ .80); coverage {min(coverages):.3f} to "
        f"{max(coverages):.3f} (target .93 to .97): {'holds' if holds else 'falls short'}"
    )


def by_seed_sd(num_studies: int) -> tuple[list[float], list[float]]:
    """Bounds of the rate of wins without effect; power where 3 seed SDs are 1.5 δ or more."""
    bounds, powers = [], []
    print(f"S = {NUM_SEEDS}, arms F M L S, {num_studies} studies a cell")
    print("seed SD | no effect: wins, bound, NONE | 3 seed SDs, PRIMACY found")
    for seed_sd in SEED_SDS:
        null, _, _ = simulate(num_studies, NUM_SEEDS, seed_sd)
        planted, _, _ = simulate(num_studies, NUM_SEEDS, seed_sd, "F")
        num_wins = sum(null[win] for win in WINS)
        bounds.append(binomial_lower_bound(num_wins, num_studies))
        found = planted["PRIMACY"] / num_studies
        if 3 * seed_sd >= 0.15:
            powers.append(found)
        print(
            f"   {seed_sd:.2f} | {num_wins / num_studies:.3f}, {bounds[-1]:.3f}, "
            f"{null['NONE'] / num_studies:.3f} | {3 * seed_sd:.2f}, {found:.3f}"
        )
    return bounds, powers


def partial_nulls(num_studies: int) -> list[float]:
    """Bounds of the rate at which a place wins that is no better than another one."""
    bounds = []
    print("\npartial nulls, seed SD 0.10: arms 3 seed SDs above the others, false wins")
    for raised, false in (("FM", ("PRIMACY", "INTERIOR")), ("FML", WINS), ("S", WINS)):
        positions, _, _ = simulate(num_studies, NUM_SEEDS, 0.10, raised)
        num_false = sum(positions[win] for win in false)
        bounds.append(binomial_lower_bound(num_false, num_studies))
        print(f"{raised:3s}: {num_false / num_studies:.3f}, bound {bounds[-1]:.3f}")
    return bounds


def coverage(num_studies: int) -> list[float]:
    """Joint coverage of the 95% intervals; and the least adjusted p that turned up."""
    print("\ncoverage of the simultaneous 95% intervals, seed SD 0.10, no effect")
    coverages = []
    for num_seeds in (3, 6, 8, 10, 12):
        for arms in ("FMLS", "FMLSOD"):
            _, covered, p_values = simulate(num_studies, num_seeds, 0.10, arms=arms)
            coverages.append(covered)
            print(f"S = {num_seeds:2d}, {arms:6s}: {covered:.3f}; least p {min(p_values):.4f}")
    return coverages


def uniformity(num_studies: int) -> None:
    """One contrast without effect, S = 12: its p against the uniform distribution."""
    draws = generator(0, "simulated studies", "uniform").standard_normal((num_studies, 2, 12))
    found = [contrasts({"F": a, "S": b}, [("F", "S")], seed=0)[0].p for a, b in draws]
    test = stats.kstest([p for p in found if p is not None], "uniform")
    print(f"\np of one contrast against uniform: D = {test.statistic:.3f}, p = {test.pvalue:.2f}")


def planning() -> None:
    """Seeds for power .8 of one contrast among several (closed form)."""
    print("\neffect in seed SDs: seeds needed in a family of 1, 4, 6, 8 contrasts")
    for effect in (1.0, 1.5, 2.0, 3.0):
        print(f"{effect:.1f}: {', '.join(str(seeds_needed(effect, k)) for k in (1, 4, 6, 8))}")
    powers = {n: power(2, 4, n) for n in (8, 10)}
    print(f"power at 2 seed SDs, 4 contrasts: S = 8 {powers[8]:.2f}, S = 10 {powers[10]:.2f}")


if __name__ == "__main__":
    main()
