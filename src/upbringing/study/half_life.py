"""Half-life: after how much washout half of an effect is left.

Takes P−S at the end of life and at several lengths of washout, by seed. Fits A·2^(−length/h) to
the mean of the seeds; the interval is the jackknife's, over whole seeds. An answer that is no
number is one: there was no effect to fade, it fades more slowly or sooner than was measured, or it
turned to the other side, which no half-life describes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, stats

from upbringing.errors import InputError
from upbringing.study.statistics import FEWEST_SEEDS, FloatArray

FADES = "fades"
LONGER = "longer than measured"
SHORTER = "shorter than the first washout age"
TURNED = "turned to the other side"
NOTHING = "no effect to fade"
UNKNOWN = "cannot be told"

_MOST_DECAY = 30.0  # the search ends where e^(−30) is left at the shortest length
_GONE = 0.01  # a fit that leaves less at the shortest length is led by noise there


@dataclass(frozen=True)
class HalfLife:
    """The length of washout after which half of P−S is left, in `unit`.

    `estimate`, `low`, `high`: None where that half-life is longer than the longest washout
    measured, shorter than the shortest (which is then `high`), or there is none; `answer` and
    `reason` then say which. The interval holds at 95%, jointly over `num_curves`.
    """

    schedule: str
    axis: str
    name: str
    answer: str
    estimate: float | None
    low: float | None
    high: float | None
    longest: float
    unit: str
    num_seeds: int
    method: str
    reason: str


def half_life(
    lengths_A: Sequence[float],
    difference_AS: FloatArray,
    *,
    name: str,
    unit: str,
    schedule: str = "",
    axis: str = "",
    num_curves: int = 1,
) -> HalfLife:
    """The half-life of a difference that was measured at rising lengths of washout, from 0 on.

    `difference_AS`: P−S by length and seed, shape (num_lengths, num_seeds). There is an effect to
    fade if P−S at length 0 lies above zero by its t interval. The rate of decay r = ln 2/h is
    fitted by least squares to the mean of the seeds; its interval is t on S−1 degrees of freedom
    with the jackknife's standard error (Efron and Tibshirani 1993, 11.5). Below zero the effect
    grows. Where P−S is surely below zero at some length (t, Bonferroni over the lengths) it turned.
    Where the fit, or one that leaves a seed out, leaves less than 1% at the shortest length, no
    rate is told; that half is gone by then is said if it is sure by t.

    Raises `InputError` for lengths that do not rise from 0, fewer than three, or another shape.
    """
    lengths = np.asarray(lengths_A, dtype=np.float64)
    num_seeds = difference_AS.shape[-1]
    if (
        len(lengths) < 3
        or lengths[0] != 0
        or (np.diff(lengths) <= 0).any()
        or difference_AS.shape != (len(lengths), num_seeds)
    ):
        raise InputError(
            f"lengths {list(lengths_A)} with differences of shape {difference_AS.shape}",
            allowed="three rising lengths or more, the first 0, and a row of seeds for each",
        )
    longest = float(lengths[-1])
    method = (
        f"least squares on the mean of {num_seeds} seeds, 95% by the jackknife over seeds, jointly "
        f"over {num_curves}"
    )

    nothing = HalfLife(
        schedule, axis, name, UNKNOWN, None, None, None, longest, unit, num_seeds, method, ""
    )
    plain = _without_a_fit(lengths, difference_AS, name, unit, num_curves)
    if plain is not None:
        answer, reason = plain
        return replace(nothing, answer=answer, reason=reason)

    rate = decay_rate(lengths, difference_AS.mean(axis=1))
    without_S = [
        decay_rate(lengths, np.delete(difference_AS, seed, axis=1).mean(axis=1))
        for seed in range(num_seeds)
    ]
    if max(rate, *without_S) * lengths[1] >= -np.log(_GONE):
        shortest = f"after {lengths[1]:,.0f} {unit}, the shortest washout measured"
        if _lies_above(difference_AS[0] / 2 - difference_AS[1], num_curves):
            reason = f"less than half is left {shortest}"
            return replace(nothing, answer=SHORTER, high=float(lengths[1]), reason=reason)
        return replace(nothing, reason=f"too little is left {shortest}, to fit a rate to")
    critical = float(stats.t.ppf(1 - 0.025 / num_curves, num_seeds - 1))
    error = float(np.sqrt((num_seeds - 1) * np.var(without_S)))
    slowest, fastest = rate - critical * error, rate + critical * error
    estimate, low, high = (_half_life(r, longest) for r in (rate, fastest, slowest))
    found = replace(nothing, answer=FADES, estimate=estimate, low=low, high=high)
    if estimate is not None:
        return found
    left = min(1.0, float(np.exp(-slowest * longest)))
    return replace(found, answer=LONGER, reason=f"as much as {left:.0%} may be left")


def decay_rate(lengths_A: FloatArray, mean_A: FloatArray) -> float:
    """The r of the A·e^(−r·length) nearest to the means, by least squares over A and r.

    For each r the best A is known in closed form (variable projection: Golub and Pereyra 1973), so
    that one number is left to search, from growth by e to the decay that leaves e^(−30) at the
    shortest length.
    """
    scaled_A = lengths_A / lengths_A[-1]

    def fit(rate_R: FloatArray) -> FloatArray:
        """How much of the means each rate explains, (num_rates,)."""
        curve_RA = np.exp(-np.multiply.outer(rate_R, scaled_A))
        explained: FloatArray = (curve_RA @ mean_A) ** 2 / (curve_RA**2).sum(axis=-1)
        return explained

    fastest = _MOST_DECAY / scaled_A[1]
    grid_R = np.concatenate([np.linspace(-1, 4, 51), np.geomspace(4.2, fastest, 60)])
    best = int(fit(grid_R).argmax())
    around = float(grid_R[max(best - 1, 0)]), float(grid_R[min(best + 1, len(grid_R) - 1)])
    found = optimize.minimize_scalar(
        lambda rate: -float(fit(np.array(rate))),
        bounds=around,
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.x / lengths_A[-1])


def _without_a_fit(
    lengths_A: FloatArray, difference_AS: FloatArray, name: str, unit: str, num_curves: int
) -> tuple[str, str] | None:
    """The answer, with its reason, where there is no curve of decay to fit."""
    num_seeds = difference_AS.shape[1]
    if not np.isfinite(difference_AS).all():
        return UNKNOWN, "a run has no figure"
    if num_seeds < FEWEST_SEEDS:
        return UNKNOWN, f"{num_seeds} seeds, an interval needs {FEWEST_SEEDS}"
    if not _lies_above(difference_AS[0], num_curves):
        return NOTHING, f"{name} before the washout is not surely above zero"
    num_later = len(lengths_A) - 1
    for length, later_S in zip(lengths_A[1:], difference_AS[1:], strict=True):
        if _lies_above(-later_S, num_curves * num_later):
            return TURNED, f"{name} lies surely below zero after {length:,.0f} {unit} of washout"
    return None


def _lies_above(values_S: FloatArray, num_tests: int) -> bool:
    """Whether the lower end of the mean's t interval, 95% jointly over the tests, is above zero."""
    critical = stats.t.ppf(1 - 0.025 / num_tests, len(values_S) - 1)
    return bool(values_S.mean() > critical * stats.sem(values_S))


def _half_life(rate: float, longest: float) -> float | None:
    """ln 2/r, or None where that is beyond the longest length."""
    return float(np.log(2) / rate) if rate > np.log(2) / longest else None
