"""Arms × seeds → contrasts with intervals: the statistics of a study, as records.

Takes one number for each run, gathered in `Table`s of arms × seeds: the run is the unit, never a
text, a sample or a checkpoint. Gives frozen records with an estimate, intervals, an adjusted p, the
number of seeds and the method in words. A figure that does not exist (one seed, no spread, a run
that diverged) is None and the record says why. Formulas and calibration: `docs/statistics.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from upbringing.errors import InputError, Problem
from upbringing.identity import generator

FloatArray = npt.NDArray[np.float64]
Pair = tuple[str, str]

POLE_DISTANCES = "pole distances"
BITS_PER_BYTE = "bits/byte"

MOST_SEEDS_ENUMERATED = 12  # 2**12 sign patterns; beyond that, NUM_FLIPS of them are drawn
NUM_FLIPS = 10_000
FEWEST_SEEDS = 6  # the fewest whose sign-flip floor, 2/2^S, lies under .05


@dataclass(frozen=True)
class Table:
    """One measure of every run under one schedule, of the minds as they are or of an average.

    `values[arm]` has shape (num_seeds,), the same seeds in the same places for every arm; a run
    that diverged has NaN or an infinity there.
    """

    values: Mapping[str, FloatArray]
    schedule: str
    measure: str
    unit: str
    average: str | None = None


@dataclass(frozen=True)
class Contrast:
    """The mean over seeds of one arm minus another, and how sure it is.

    `low`, `high`: simultaneous 95% interval over the family. `low90`, `high90`: unadjusted 90%
    interval, for two one-sided tests of equivalence. `p`: two-sided, adjusted over the family.
    A figure is None where there is none, and `reason` then says why.
    """

    schedule: str
    measure: str
    name: str
    estimate: float | None
    low: float | None
    high: float | None
    low90: float | None
    high90: float | None
    p: float | None
    num_seeds: int
    unit: str
    method: str
    reason: str | None = None
    average: str | None = None

    def reversed(self) -> Contrast:
        """The same contrast read the other way: b − a."""
        first, second = self.name.split("−")
        return replace(
            self,
            name=f"{second}−{first}",
            estimate=_negative(self.estimate),
            low=_negative(self.high),
            high=_negative(self.low),
            low90=_negative(self.high90),
            high90=_negative(self.low90),
        )


@dataclass(frozen=True)
class Cost:
    """Held-out bits per byte of an arm minus those of its shuffles; more is worse."""

    schedule: str
    arm: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: str
    num_seeds: int
    method: str
    reason: str | None = None
    average: str | None = None


def contrasts(
    values: Mapping[str, FloatArray],
    pairs: Sequence[Pair],
    *,
    seed: int,
    schedule: str = "",
    measure: str = "",
    unit: str = POLE_DISTANCES,
) -> tuple[Contrast, ...]:
    """`family` of one table: a contrast for each (a, b) of `pairs`, in their order."""
    return family([Table(values, schedule, measure, unit)], pairs, seed=seed)


def family(tables: Sequence[Table], pairs: Sequence[Pair], *, seed: int) -> tuple[Contrast, ...]:
    """Every pair in every table as one family: p and intervals hold for all of them jointly.

    p: sign flips of whole seeds, all 2^S patterns up to 12 seeds, else 10,000 keyed draws;
    studentised step-down max-t (Westfall and Young 1993, algorithm 2.8), so its floor is 2/2^S.
    Intervals: t on seed pairs with S−1 degrees of freedom, each at 1 − .05/K (Bonferroni): the
    critical value of max |t| at the estimated correlation undercovers (docs/statistics.md).
    K counts every contrast asked for, also one that turns out to have no figure.

    Raises `InputError` for an arm that is not there and for unequal numbers of seeds.
    """
    num_seeds = _check(tables, pairs)
    records, differences = zip(
        *(_bare_contrast(table, pair) for table in tables for pair in pairs), strict=True
    )
    filled = list(records)
    sound = [place for place, record in enumerate(records) if record.reason is None]
    if sound:
        differences_SK = np.stack([differences[place] for place in sound], axis=1)
        error_K = differences_SK.std(axis=0, ddof=1) / np.sqrt(num_seeds)
        half_K = critical_value(len(records), num_seeds) * error_K
        half90_K = float(stats.t.ppf(0.95, num_seeds - 1)) * error_K
        p_K = step_down_p(differences_SK, seed=seed)
        for k, place in enumerate(sound):
            mean = float(differences_SK[:, k].mean())
            filled[place] = replace(
                records[place],
                low=float(mean - half_K[k]),
                high=float(mean + half_K[k]),
                low90=float(mean - half90_K[k]),
                high90=float(mean + half90_K[k]),
                p=float(p_K[k]),
                method=_method(num_seeds, len(records)),
            )
    return tuple(filled)


def costs(
    values: Mapping[str, FloatArray],
    *,
    seed: int,
    schedule: str,
    average: str | None = None,
    against: str = "S",
) -> tuple[Cost, ...]:
    """What each arm costs against its shuffles, in held-out bits per byte; one family.

    `values[arm]`: bits per byte of each run, shape (num_seeds,). The intervals are simultaneous.
    """
    pairs = [(arm, against) for arm in values if arm != against]
    table = Table(values, schedule, "bits_per_byte", BITS_PER_BYTE, average)
    shared = [field.name for field in fields(Cost) if field.name != "arm"]
    return tuple(
        Cost(arm=arm, **{name: getattr(c, name) for name in shared})
        for (arm, _), c in zip(pairs, family([table], pairs, seed=seed), strict=True)
    )


def step_down_p(differences_SK: FloatArray, *, seed: int) -> FloatArray:
    """Adjusted two-sided p of each column by joint sign flips, shape (num_contrasts,).

    The statistic is q = S·mean²/Σd², a rising function of |t| alone (t² = (S−1)·q/(1−q)) that has
    no division by a spread which a flip can make zero; so max-q is max-t.
    """
    num_seeds = len(differences_SK)
    squares_K = (differences_SK**2).sum(axis=0)
    signs_PS = _sign_patterns(num_seeds, seed)
    share_PK = (signs_PS @ differences_SK) ** 2 / (num_seeds * squares_K)
    observed_K = share_PK[0]  # the first pattern flips nothing

    strongest_first = np.argsort(-observed_K, kind="stable")
    # For each rank, the largest statistic among this contrast and all that are weaker.
    rivals_PK = np.maximum.accumulate(share_PK[:, strongest_first[::-1]], axis=1)[:, ::-1]
    as_large_K = (rivals_PK >= observed_K[strongest_first] - 1e-12).mean(axis=0)
    adjusted_K: FloatArray = np.empty(len(observed_K))
    adjusted_K[strongest_first] = np.maximum.accumulate(as_large_K)
    return adjusted_K


def critical_value(num_contrasts: int, num_seeds: int) -> float:
    """t beyond which a contrast's simultaneous 95% interval leaves zero out."""
    return float(stats.t.ppf(1 - 0.025 / num_contrasts, num_seeds - 1))


def seed_sd(table_AS: FloatArray) -> float | None:
    """√MS residual of arms × seeds: the spread left when arm and seed means are taken out.

    None with fewer than two arms or two seeds, where nothing is left over.
    """
    num_arms, num_seeds = table_AS.shape
    if num_arms < 2 or num_seeds < 2:
        return None
    by_arm = table_AS.mean(axis=1, keepdims=True)
    by_seed = table_AS.mean(axis=0, keepdims=True)
    residual_AS = table_AS - by_arm - by_seed + table_AS.mean()
    return float(np.sqrt((residual_AS**2).sum() / ((num_arms - 1) * (num_seeds - 1))))


def binomial_lower_bound(num_hits: int, num_trials: int) -> float:
    """One-sided exact 95% lower bound of a rate (Clopper and Pearson 1934)."""
    test = stats.binomtest(num_hits, num_trials, alternative="greater")
    return float(test.proportion_ci(confidence_level=0.95, method="exact").low)


def _bare_contrast(table: Table, pair: Pair) -> tuple[Contrast, FloatArray]:
    """The record with its estimate alone, or with the reason for none; and the differences."""
    first, second = (np.asarray(table.values[arm], dtype=np.float64) for arm in pair)
    num_seeds = len(first)
    num_lost = {arm: int((~np.isfinite(table.values[arm])).sum()) for arm in pair}
    lost = [f"{arm} diverged at {n} of {num_seeds} seeds" for arm, n in num_lost.items() if n]
    differences = np.full(num_seeds, np.nan) if lost else first - second
    reason = None
    if lost:
        reason = ", ".join(lost)
    elif num_seeds < 2:
        reason = "one seed has no spread"
    elif np.ptp(differences) <= 1e-12 * max(np.abs(first).max(), np.abs(second).max()):
        reason = "the difference is the same at every seed, so it has no spread"
    record = Contrast(
        schedule=table.schedule,
        measure=table.measure,
        name=f"{pair[0]}−{pair[1]}",
        estimate=None if lost else float(differences.mean()),
        low=None,
        high=None,
        low90=None,
        high90=None,
        p=None,
        num_seeds=num_seeds,
        unit=table.unit,
        method="none",
        reason=reason,
        average=table.average,
    )
    return record, differences


def _check(tables: Sequence[Table], pairs: Sequence[Pair]) -> int:
    """The number of seeds, the same for every arm that a pair names."""
    problems = []
    counts = set()
    for table in tables:
        known = ", ".join(table.values)
        missing = dict.fromkeys(arm for pair in pairs for arm in pair if arm not in table.values)
        problems += [Problem(f"no arm {arm!r}", table.schedule, known) for arm in missing]
        counts |= {np.shape(values) for values in table.values.values()}
    if not pairs or not tables:
        problems.append(Problem("a family of contrasts needs a pair of arms"))
    if len(counts) > 1 or any(len(shape) != 1 or shape[0] < 1 for shape in counts):
        problems.append(
            Problem(f"shapes {sorted(counts)}", allowed="one number a seed, the same seeds an arm")
        )
    if problems:
        raise InputError(problems)
    return int(counts.pop()[0])


def _method(num_seeds: int, num_contrasts: int) -> str:
    enumerated = num_seeds <= MOST_SEEDS_ENUMERATED
    flips = f"all {2**num_seeds}" if enumerated else f"{NUM_FLIPS}"
    return (
        f"t on {num_seeds} seed pairs, 95% jointly over {num_contrasts} contrasts; "
        f"p by {flips} sign flips of seeds, step-down max-t"
    )


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


@lru_cache(maxsize=4)
def _sign_patterns(num_seeds: int, seed: int) -> FloatArray:
    """±1, shape (num_patterns, num_seeds); the first row flips nothing."""
    if num_seeds <= MOST_SEEDS_ENUMERATED:
        bits_PS = np.arange(2**num_seeds)[:, None] >> np.arange(num_seeds) & 1
    else:
        bits_PS = generator(seed, "sign flips").integers(0, 2, (NUM_FLIPS + 1, num_seeds))
        bits_PS[0] = 0
    signs_PS: FloatArray = 1.0 - 2.0 * bits_PS.astype(np.float64)
    return signs_PS
