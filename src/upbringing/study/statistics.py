"""Arms × seeds → contrasts with intervals: the statistics of a study, as records.

Takes one number for each run, gathered in `Table`s of arms × seeds: the run is the unit, never a
text, a sample or a checkpoint. Gives frozen records with an estimate, intervals, an adjusted p, the
number of seeds and the method in words. A figure that does not exist (one seed, no spread, a run
without one) is None and the record says why. Formulas and calibration: `docs/statistics.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from upbringing.errors import InputError, Problem
from upbringing.study.sign_flips import flips_in_words, step_down_p
from upbringing.study.simultaneous import critical_value

FloatArray = npt.NDArray[np.float64]
Pair = tuple[str, str]

POLE_DISTANCES = "pole distances"
BITS_PER_BYTE = "bits/byte"

FEWEST_SEEDS = 6  # the fewest whose sign-flip floor, 2/2^S, lies under .05


@dataclass(frozen=True)
class Table:
    """One measure of every run under one schedule, of the minds as they are or of an average.

    `values[arm]` has shape (num_seeds,), the same seeds in the same places for every arm; a run
    without a figure, because it diverged or the measure has none of it, has NaN or an infinity.
    """

    values: Mapping[str, FloatArray]
    schedule: str
    measure: str
    unit: str
    average: str | None = None
    axis: str = ""


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
    axis: str = ""

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

    The `intervals`, with p: sign flips of whole seeds, all 2^S patterns up to 12 seeds, else 10,000
    keyed draws; studentised step-down max-t (Westfall and Young 1993, algorithm 2.8), so its floor
    is 2/2^S. Raises `InputError` as `intervals` does.
    """
    found = list(intervals(tables, pairs))
    sound = [place for place, record in enumerate(found) if record.low is not None]
    if sound:
        difference_SK = _differences(tables, pairs, sound)
        for place, p in zip(sound, step_down_p(difference_SK, seed=seed), strict=True):
            method = f"{found[place].method}; {flips_in_words(len(difference_SK))}"
            found[place] = replace(found[place], p=float(p), method=method)
    return tuple(found)


def intervals(
    tables: Sequence[Table], pairs: Sequence[Pair], *, num_tables: int | None = None
) -> tuple[Contrast, ...]:
    """A contrast for every pair in every table, without p.

    Simultaneous intervals: t on seed pairs with S−1 degrees of freedom, each with the
    `critical_value` of the whole family. A contrast that turns out to have no figure widens them as
    any other. `num_tables` is that of the family where only some of its tables are given.

    Raises `InputError` for an arm that is not there and for unequal numbers of seeds.
    """
    num_seeds = _check(tables, pairs)
    num_tables = num_tables or len(tables)
    of_family = [(table, pair) for table in tables for pair in pairs]
    reasons = [_reason(table, pair) for table, pair in of_family]
    sound = [place for place, reason in enumerate(reasons) if reason is None]
    ends_of: dict[int, list[float]] = {}
    if sound:
        difference_SK = _differences(tables, pairs, sound)
        mean_K = difference_SK.mean(axis=0)
        error_K = difference_SK.std(axis=0, ddof=1) / np.sqrt(num_seeds)
        half_K = critical_value(pairs, num_seeds, num_tables) * error_K
        half90_K = _critical_90(num_seeds) * error_K
        ends_KE = np.stack([mean_K - half_K, mean_K + half_K, mean_K - half90_K, mean_K + half90_K])
        ends_of = dict(zip(sound, ends_KE.T.tolist(), strict=True))
    num_contrasts = num_tables * len(pairs)
    method = f"t on {num_seeds} seed pairs, 95% jointly over {num_contrasts} contrasts"
    return tuple(
        _contrast(table, pair, reasons[place], ends_of.get(place), method)
        for place, (table, pair) in enumerate(of_family)
    )


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


def _differences(
    tables: Sequence[Table], pairs: Sequence[Pair], places: Sequence[int]
) -> FloatArray:
    """a − b by seed of some contrasts of a family, shape (num_seeds, num_places)."""
    of_family = [(table, pair) for table in tables for pair in pairs]
    values = [[of_family[k][0].values[arm] for arm in of_family[k][1]] for k in places]
    return np.array([np.subtract(*pair) for pair in values], dtype=np.float64).T


def _contrast(
    table: Table, pair: Pair, reason: str | None, ends: Sequence[float] | None, method: str
) -> Contrast:
    """The record, with its four ends or with the reason for none."""
    first, second = (np.asarray(table.values[arm], dtype=np.float64) for arm in pair)
    low, high, low90, high90 = ends or (None, None, None, None)
    return Contrast(
        schedule=table.schedule,
        measure=table.measure,
        name=f"{pair[0]}−{pair[1]}",
        estimate=float((first - second).mean()) if _are_finite(first, second) else None,
        low=low,
        high=high,
        low90=low90,
        high90=high90,
        p=None,
        num_seeds=len(first),
        unit=table.unit,
        method=method if ends else "none",
        reason=reason,
        average=table.average,
        axis=table.axis,
    )


def _reason(table: Table, pair: Pair) -> str | None:
    """Why a contrast has no interval; None where it has one."""
    first, second = (table.values[arm] for arm in pair)
    num_seeds = len(first)
    if not _are_finite(first, second):
        num_lost = {arm: int((~np.isfinite(table.values[arm])).sum()) for arm in pair}
        gaps = [(arm, number) for arm, number in num_lost.items() if number]
        return ", ".join(f"{arm} has no figure at {n} of {num_seeds} seeds" for arm, n in gaps)
    if num_seeds < 2:
        return "one seed has no spread"
    if np.ptp(first - second) <= 1e-12 * max(np.abs(first).max(), np.abs(second).max()):
        return "the difference is the same at every seed, so it has no spread"
    return None


def _are_finite(first_S: FloatArray, second_S: FloatArray) -> bool:
    return bool(np.isfinite(first_S).all() and np.isfinite(second_S).all())


@lru_cache(maxsize=64)
def _critical_90(num_seeds: int) -> float:
    return float(stats.t.ppf(0.95, num_seeds - 1))


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


def _negative(value: float | None) -> float | None:
    return None if value is None else -value
