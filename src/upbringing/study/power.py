"""Power: how likely a study of so many seeds is to reach its verdict, said before it is raised.

Takes what is planned (arms, seeds, an effect, a position) and the spread between seeds, from a
pilot or as a guess; simulates whole studies through the real intervals and rules. The closed form
of one contrast stands beside it. What is promised holds for runs as they are assumed: an arm's mean
plus a seed effect common to the arms plus an independent normal residual.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from upbringing.errors import InputError, Problem
from upbringing.identity import generator
from upbringing.order import ARMS
from upbringing.study.poles import Pole, Poles
from upbringing.study.rules import AGAINST_SHUFFLE, NONE, WINNERS, WINS, pairs_for
from upbringing.study.simultaneous import critical_value
from upbringing.study.statistics import (
    FEWEST_SEEDS,
    POLE_DISTANCES,
    FloatArray,
    Pair,
    Table,
    intervals,
    seed_sd,
)
from upbringing.study.verdict import Evidence, by_name, decide, is_equivalent, is_positive

PLANNED_EFFECT = 2.0  # seed SDs
PLANNED_POWER = 0.8
MOST_SEEDS = 60
OUTLIER_SDS = 5.0  # how far off an outlying run lies, in seed SDs
UPPER_CONFIDENCE = 0.8  # of the limit of a pilot's seed SD that a plan should survive (Browne 1995)

_PASSED = Poles(Pole("+", 1.0, ()), Pole("−", 0.0, ()), 1.0, None, "passed", "assumed")


@dataclass(frozen=True)
class Spread:
    """The seed SD, √MS residual in pole distances, and how far it may lie above its estimate.

    `upper`: one-sided 80% confidence limit by χ² with `num_df` degrees of freedom; a guess, which
    has none, is its own limit.
    """

    seed_sd: float
    upper: float
    num_df: int | None = None


@dataclass(frozen=True)
class Planned:
    """What is to be found: `position` when its arms lie `effect` above the others (none for NONE).

    `effect` is in pole distances; `num_axes` are the axes that share the family.
    """

    arms: tuple[str, ...]
    position: str
    effect: float
    num_axes: int = 1


@dataclass(frozen=True)
class Promise:
    """The chance of a study's verdict, and of each contrast that it needs.

    `position`: share of simulated studies with that verdict. `contrasts`: share in which each
    contrast is as the rule wants it. `one_contrast`: the chance that the interval of one contrast
    lies above zero, in closed form; None for NONE.
    """

    num_seeds: int
    seed_sd: float
    num_outliers: int
    position: float
    contrasts: Mapping[str, float]
    one_contrast: float | None
    num_studies: int


def spread_of(values_AS: FloatArray) -> Spread:
    """The spread of a pilot, arms × seeds in pole distances.

    Raises `InputError` where nothing is left over when arm and seed means are taken out.
    """
    sd, (num_arms, num_seeds) = seed_sd(values_AS), values_AS.shape
    if sd is None or not np.isfinite(sd):
        raise InputError(
            f"{num_arms} arms at {num_seeds} seeds have no spread to plan by",
            allowed="two arms and two seeds or more, none diverged",
        )
    num_df = (num_arms - 1) * (num_seeds - 1)
    upper = sd * np.sqrt(num_df / stats.chi2.ppf(1 - UPPER_CONFIDENCE, num_df))
    return Spread(sd, float(upper), num_df)


def promise(
    planned: Planned,
    num_seeds: int,
    sd: float | Mapping[str, float],
    *,
    num_outliers: int = 0,
    num_studies: int = 2_000,
) -> Promise:
    """The chance of the planned verdict with so many seeds, by whole simulated studies.

    `sd` is the seed SD, of every arm or of each. `num_outliers` runs, drawn anew in each study, lie
    `OUTLIER_SDS` seed SDs up or down. The draws are keyed by the number of seeds alone, so that
    scenarios differ by what they are and not by luck.

    Raises `InputError` for a position or arms that cannot be planned, all problems at once.
    """
    needed = _check(planned)
    pairs = pairs_for(planned.arms)
    raised = WINNERS.get(planned.position, ())
    values_NAS = simulated(
        planned.arms, num_seeds, sd, num_studies=num_studies, num_outliers=num_outliers
    )
    values_NAS += planned.effect * np.isin(planned.arms, raised)[:, None]
    num_found, num_met = 0, dict.fromkeys(needed, 0)
    meets = is_equivalent if planned.position == NONE else is_positive
    for values_AS in values_NAS:
        table = Table(dict(zip(planned.arms, values_AS, strict=True)), "", "", POLE_DISTANCES)
        found = intervals([table], pairs, num_tables=planned.num_axes)
        verdict = decide(Evidence("", "", "the block", _PASSED, found))
        num_found += verdict.position == planned.position
        both_ways = by_name(found)
        for name in needed:
            num_met[name] += meets(both_ways[name])
    mean_sd = _mean_sd(planned.arms, sd)
    return Promise(
        num_seeds,
        mean_sd,
        num_outliers,
        num_found / num_studies,
        {name: met / num_studies for name, met in num_met.items()},
        power(planned.effect / mean_sd, pairs, num_seeds, planned.num_axes) if raised else None,
        num_studies,
    )


def simulated(
    arms: Sequence[str],
    num_seeds: int,
    sd: float | Mapping[str, float],
    *,
    num_studies: int,
    num_outliers: int = 0,
    seed: int = 0,
) -> FloatArray:
    """Runs without effect, in pole distances, shape (num_studies, num_arms, num_seeds)."""
    sd_A = np.array([sd[arm] if isinstance(sd, Mapping) else sd for arm in arms])
    draw = generator(seed, "planned studies", str(num_seeds))
    shape, num_runs = (num_studies, len(arms), num_seeds), len(arms) * num_seeds
    values_NAS: FloatArray = draw.standard_normal(shape)
    common_N1S = _mean_sd(arms, sd) * draw.standard_normal((num_studies, 1, num_seeds))
    if num_outliers:
        lots_NR = draw.permuted(np.tile(np.arange(num_runs), (num_studies, 1)), axis=1)
        off_NR = OUTLIER_SDS * draw.choice([-1.0, 1.0], lots_NR.shape)
        values_NAS += np.where(lots_NR < num_outliers, off_NR, 0.0).reshape(shape)
    values_NAS *= sd_A[:, None]
    values_NAS += common_N1S
    return values_NAS


def fewest_seeds(
    planned: Planned, sd: float, *, num_studies: int, wanted: float = PLANNED_POWER
) -> int | None:
    """The fewest seeds, 6 to 60, whose studies reach the verdict so often; None where 60 do not.

    By bisection: the chance grows with the seeds.
    """
    return _first(lambda n: promise(planned, n, sd, num_studies=num_studies).position >= wanted)


def power(
    effect_in_seed_sd: float, pairs: Sequence[Pair], num_seeds: int, num_tables: int = 1
) -> float:
    """The chance that one contrast's simultaneous interval lies above zero.

    Its first arm is `effect_in_seed_sd` seed SDs above its second; a contrast of two arms has a
    spread of √2 seed SDs, so its t is noncentral, shifted by effect·√(S/2).
    """
    critical = critical_value(pairs, num_seeds, num_tables)
    shift = effect_in_seed_sd * np.sqrt(num_seeds / 2)
    return float(stats.nct.sf(critical, num_seeds - 1, shift))


def seeds_needed(
    effect_in_seed_sd: float,
    pairs: Sequence[Pair],
    num_tables: int = 1,
    wanted: float = PLANNED_POWER,
) -> int | None:
    """The fewest seeds, 6 to 60, at which one contrast has such `power`; None where 60 do not."""
    return _first(lambda n: power(effect_in_seed_sd, pairs, n, num_tables) >= wanted)


def power_line(num_seeds: int, pairs: Sequence[Pair], num_tables: int = 1) -> str | None:
    """What a person should know of a study's seeds while planning; None where they suffice."""
    chance = power(PLANNED_EFFECT, pairs, num_seeds, num_tables)
    if chance >= PLANNED_POWER:
        return None
    needed = seeds_needed(PLANNED_EFFECT, pairs, num_tables)
    return (
        f"underpowered: {num_seeds} seeds see a difference of {PLANNED_EFFECT:g} seed SDs in "
        f"{chance:.0%} of studies; needs {needed} for {PLANNED_POWER:.0%}"
    )


def _first(suffices: Callable[[int], bool]) -> int | None:
    """The fewest seeds from 6 to 60 that suffice, where more always do if fewer do."""
    enough = range(FEWEST_SEEDS, MOST_SEEDS + 1)
    place = bisect_left(enough, True, key=suffices)
    return enough[place] if place < len(enough) else None


def _check(planned: Planned) -> tuple[str, ...]:
    """The contrasts that the position needs."""
    wanted = {**WINS, NONE: AGAINST_SHUFFLE}
    problems = []
    if planned.position not in wanted:
        problems.append(Problem(f"no position {planned.position!r}", None, ", ".join(wanted)))
    needed = wanted.get(planned.position, ())
    if not 0 <= planned.effect < np.inf:
        problems.append(Problem(f"an effect of {planned.effect:g}", None, "0 or more, finite"))
    named = dict.fromkeys(arm for name in needed for arm in name.split("−"))
    missing = [arm for arm in named if arm not in planned.arms]
    if missing:
        what = f"{planned.position} cannot be found without the arms {', '.join(missing)}"
        problems.append(Problem(what, do=f"plan with the arms {', '.join(named)}, or more"))
    unknown = [arm for arm in planned.arms if arm not in ARMS]
    if unknown:
        problems.append(Problem(f"no arm {', '.join(unknown)}", allowed=", ".join(ARMS)))
    if problems:
        raise InputError(problems)
    return needed


def _mean_sd(arms: Sequence[str], sd: float | Mapping[str, float]) -> float:
    """One seed SD for all arms, the root of the mean variance."""
    if not isinstance(sd, Mapping):
        return sd
    return float(np.sqrt(np.mean([sd[arm] ** 2 for arm in arms])))
