"""Exploratory tests over all arms at once: an omnibus F, PERMANOVA, and the spread of orders.

They say that arms differ, never which; no verdict is read off them (an omnibus rejects where only a
control differs). Runs are permuted whole, within their seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.study.statistics import FloatArray

NUM_PERMUTATIONS = 9_999
FEWEST_ORDERS = 8
_BLOCK = 1_000  # permutations at a time
_NIL = 1e-12  # of a sum of squares, what rounding may leave

LOST = "a run has no figure"
ONE = "one arm or one seed"
NO_REST = "the arms differ by the same at every seed, so nothing is left to compare with"


@dataclass(frozen=True)
class Omnibus:
    """Do the arms differ at all? `share` of the spread within seeds that lies between arms.

    Figures are None where there is none, and `reason` says why.
    """

    what: str
    statistic: float | None
    p: float | None
    share: float | None
    arms: tuple[str, ...]
    num_seeds: int
    method: str
    reason: str = ""


@dataclass(frozen=True)
class OrderSpread:
    """σ²order/σ²residual: how much random orders differ beside what is left of the seeds.

    `low`, `high`: exact 95% interval by F, cut off at 0.
    """

    what: str
    ratio: float | None
    low: float | None
    high: float | None
    num_orders: int
    num_seeds: int
    reason: str = ""


def omnibus(values_AS: FloatArray, arms: Sequence[str], *, what: str) -> Omnibus:
    """F of arms in the two-way layout arms × seeds without replicates (Fisher); p by F."""
    num_arms, num_seeds = values_AS.shape
    method = f"two-way F, {num_arms} arms × {num_seeds} seeds; exploratory"
    nothing = Omnibus(what, None, None, None, tuple(arms), num_seeds, method)
    if min(num_arms, num_seeds) < 2:
        return replace(nothing, reason=ONE)
    if not np.isfinite(values_AS).all():
        return replace(nothing, reason=LOST)
    of_arms, of_rest = _squares(values_AS)
    if not of_rest:
        return replace(nothing, reason=NO_REST)
    statistic = _f(of_arms, of_rest, num_seeds)
    p = float(stats.f.sf(statistic, num_arms - 1, (num_arms - 1) * (num_seeds - 1)))
    share = of_arms / (of_arms + of_rest)
    return Omnibus(what, statistic, p, share, tuple(arms), num_seeds, method)


def permanova(
    square_RR: FloatArray, arm_R: Sequence[str], seed_R: Sequence[int], *, what: str, seed: int
) -> Omnibus:
    """Do the arms differ on a map of which only distances are known (Anderson 2001)?

    `square_RR`: squared distances between runs, each arm once at each seed. Pseudo-F of the two-way
    layout: sums of squares by Gower's centred matrix (McArdle and Anderson 2001). p: arms permuted
    within seeds, 9,999 keyed draws and the one found; its floor is 1/(arms!^seeds) or 1/10,000.

    Raises `InputError` for runs that are not arms × seeds.
    """
    arms, seeds = tuple(dict.fromkeys(arm_R)), tuple(dict.fromkeys(seed_R))
    num_arms, num_seeds = len(arms), len(seeds)
    place = {run: k for k, run in enumerate(zip(arm_R, seed_R, strict=True))}
    if len(place) != len(arm_R) or len(place) != num_arms * num_seeds:
        raise InputError(f"{len(arm_R)} runs are not each of {num_arms} arms at {num_seeds} seeds")
    method = (
        f"PERMANOVA, {num_arms} arms × {num_seeds} seeds, {NUM_PERMUTATIONS:,} permutations of "
        "arms within seeds; exploratory"
    )
    by_seed_R = [place[arm, one] for one in seeds for arm in arms]
    inner_RR = _gower(square_RR)[np.ix_(by_seed_R, by_seed_R)]
    nothing = Omnibus(what, None, None, None, arms, num_seeds, method)
    if min(num_arms, num_seeds) < 2:
        return replace(nothing, reason=ONE)
    if not np.isfinite(inner_RR).all():
        return replace(nothing, reason=LOST)
    inner_SASA = inner_RR.reshape(num_seeds, num_arms, num_seeds, num_arms)
    of_all = float(np.trace(inner_RR))
    within = of_all - float(np.einsum("sasb->", inner_SASA)) / num_arms
    if within - _between_arms(inner_SASA, _as_they_are(num_arms, num_seeds))[0] <= _NIL * of_all:
        return replace(nothing, reason=NO_REST)
    draw = generator(seed, "permanova", what)
    order_PSA = _as_they_are(num_arms, num_seeds).repeat(1 + NUM_PERMUTATIONS, axis=0)
    order_PSA[1:] = draw.permuted(order_PSA[1:], axis=2)
    blocks = np.array_split(order_PSA, 1 + NUM_PERMUTATIONS // _BLOCK)
    between_P = np.concatenate([_between_arms(inner_SASA, block) for block in blocks])
    found = float(between_P[0])
    p = float((between_P >= found * (1 - 1e-12)).mean())
    statistic = _f(found, within - found, num_seeds)
    return Omnibus(what, statistic, p, found / within, arms, num_seeds, method)


def order_spread(values_OS: FloatArray, *, what: str) -> OrderSpread:
    """σ²order/σ²residual of random orders × seeds, (F − 1)/S with its exact interval.

    Only over 8 orders or more that are all random: fewer leave the interval without an end that
    says anything.
    """
    num_orders, num_seeds = values_OS.shape
    nothing = OrderSpread(what, None, None, None, num_orders, num_seeds)
    if not np.isfinite(values_OS).all():
        return replace(nothing, reason=LOST)
    if num_orders < FEWEST_ORDERS or num_seeds < 2:
        reason = f"{num_orders} random orders × {num_seeds} seeds, needs {FEWEST_ORDERS} × 2"
        return replace(nothing, reason=reason)
    of_orders, of_rest = _squares(values_OS)
    if not of_rest:
        return replace(nothing, reason=NO_REST)
    statistic = _f(of_orders, of_rest, num_seeds)
    df = num_orders - 1, (num_orders - 1) * (num_seeds - 1)
    low, high = (statistic / float(stats.f.ppf(q, *df)) for q in (0.975, 0.025))
    ratio, low, high = (max(0.0, (f - 1) / num_seeds) for f in (statistic, low, high))
    return OrderSpread(what, ratio, low, high, num_orders, num_seeds)


def _squares(values_AS: FloatArray) -> tuple[float, float]:
    """Sums of squares between arms, and of what is left of arms and seeds; 0 where that is no more
    than rounding leaves.
    """
    num_seeds = values_AS.shape[1]
    centred_AS = values_AS - values_AS.mean(axis=0)
    of_arms = num_seeds * float((centred_AS.mean(axis=1) ** 2).sum())
    within = float((centred_AS**2).sum())
    rounding = max(_NIL * within, _NIL**2 * float((values_AS**2).sum()))
    return of_arms, within - of_arms if within - of_arms > rounding else 0.0


def _f(of_arms: float, of_rest: float, num_seeds: int) -> float:
    """Mean squares of arms over those of the rest; the arms' degrees of freedom cancel."""
    return of_arms / (of_rest / (num_seeds - 1))


def _gower(square_RR: FloatArray) -> FloatArray:
    """Inner products of the points about their centre, from squared distances (Gower 1966)."""
    half_RR = -0.5 * np.asarray(square_RR, dtype=np.float64)
    rows = half_RR.mean(axis=1, keepdims=True)
    centred: FloatArray = half_RR - rows - rows.T + half_RR.mean()
    return centred


def _as_they_are(num_arms: int, num_seeds: int) -> npt.NDArray[np.int64]:
    """The one order of arms in which every run is that of its own arm, (1, num_seeds, num_arms)."""
    return np.tile(np.arange(num_arms), (1, num_seeds, 1))


def _between_arms(inner_SASA: FloatArray, order_PSA: npt.NDArray[np.int64]) -> FloatArray:
    """Sums of squares between arms, (num_permutations,), where the p-th has run `order[p, s, a]` of
    seed s as arm a.
    """
    num_seeds, num_arms = order_PSA.shape[1:]
    seed_S1, seed_1S = np.ogrid[:num_seeds, :num_seeds]
    total_P = np.zeros(len(order_PSA))
    for a in range(num_arms):
        run_PS = order_PSA[:, :, a]
        inner_PSS = inner_SASA[seed_S1, run_PS[:, :, None], seed_1S, run_PS[:, None, :]]
        total_P += inner_PSS.sum(axis=(1, 2))
    total_P /= num_seeds
    return total_P
