"""Turning points: where an arm goes off its shuffles, forgets most, and first acquires.

Takes a study's readings of one scope, as `gathering` writes them, and its ribbons; gives records,
each with what was being read then. Every arm is compared with the shuffle of the same seed, age by
age. The p of a record holds for its whole family: under one schedule all arms, measures and ages
(departures), all arms, kinds and stretches (forgetting), all arms and kinds (acquisition). A study
of fewer than six seeds shows and does not decide. One life without a study has `turns_of_life`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.character.learning_curves import ALL, MEASURE, curves, half_gain
from upbringing.study.reading import Ribbons, shares_between
from upbringing.study.sign_flips import step_down_p
from upbringing.study.simultaneous import FloatArray
from upbringing.study.statistics import FEWEST_SEEDS
from upbringing.study.turns import (
    Acquired,
    Acquisition,
    Departure,
    Distance,
    Forgetting,
    Rise,
    TurningPoints,
    Turns,
    turn_of,
)

LIFE, SHUFFLE = "life", "S"


def turning_points(
    readings: pl.DataFrame,
    ribbons: pl.DataFrame,
    measures: Sequence[tuple[str, str]],
    *,
    arms: Sequence[str],
    seed: int = 0,
) -> TurningPoints:
    """The turning points of every arm under every schedule of a study.

    `readings`: arm, schedule, seed, stage, age, measure, subject, value, unit, of one scope; of
    `ribbons`: arm, seed, bin, kind, share. `measures` are (measure, subject), whose departures are
    looked for; `arms` the arms to look at. Lives without a shuffle of their seed are left out.
    """
    lives = readings.filter(stage=LIFE)
    departures: list[Departure] = []
    forgotten: list[Forgetting] = []
    acquired: list[Acquisition] = []
    for schedule in lives["schedule"].unique(maintain_order=True):
        under = _Schedule(schedule, lives.filter(schedule=schedule), Ribbons(ribbons), tuple(arms))
        departures += under.departures(measures, seed)
        forgotten += under.forgetting(seed)
        acquired += under.acquisition(seed)
    return TurningPoints(tuple(departures), tuple(forgotten), tuple(acquired))


def turns_of_life(readings: pl.DataFrame, ribbon: pl.DataFrame) -> Turns:
    """The turning points of one life: of `readings` age, measure, subject, value, of one scope; of
    `ribbon` bin, kind, share (`order.ribbon`).
    """
    found = list(curves(readings))
    rises = [
        Rise(kind, float(a), float(b), float(y - x), shares_between(ribbon, float(a), float(b)))
        for kind, ages, bits in found
        for (a, x), (b, y) in pairwise(zip(ages, bits, strict=True))
        if y > x
    ]
    acquired = []
    for kind, ages, bits in found:
        age, is_seen = half_gain(ages, bits)
        read = shares_between(ribbon, *_stretch(ages.tolist(), age))
        acquired.append(Acquired(kind, age, is_seen, read))
    return Turns(
        tuple(sorted({age for _, ages, _ in found for age in ages.tolist()})),
        max(rises, key=lambda rise: rise.bits, default=None),
        tuple(sorted(acquired, key=lambda one: (one.age, one.kind))),
    )


@dataclass(frozen=True)
class _Schedule:
    """The lives under one schedule, as curves by seed (S) and kept age (A)."""

    name: str
    rows: pl.DataFrame
    ribbons: Ribbons
    asked: tuple[str, ...]

    @cached_property
    def seeds(self) -> list[int]:
        return self.rows.filter(arm=SHUFFLE)["seed"].unique().sort().to_list()

    @cached_property
    def ages(self) -> list[float]:
        return self.rows["age"].unique().sort().to_list()

    @cached_property
    def arms(self) -> list[str]:
        """Those that have a life here; none where there is no shuffle to compare with."""
        there = set(self.rows["arm"]) if self.seeds else set()
        return [arm for arm in self.asked if arm != SHUFFLE and arm in there]

    def curves(self, arm: str, measure: str, subject: str) -> FloatArray:
        """Its values, (S, A); NaN where a run has no reading."""
        own = self.rows.filter(arm=arm, measure=measure, subject=subject)
        values_SA = np.full((len(self.seeds), len(self.ages)), np.nan)
        for seed, age, value in own.select("seed", "age", "value").iter_rows():
            if seed in self.seeds:
                values_SA[self.seeds.index(seed), self.ages.index(age)] = value
        return values_SA

    @cached_property
    def kinds(self) -> list[str]:
        of_kinds = self.rows.filter(
            pl.col("measure") == MEASURE,
            pl.col("subject") != ALL,
        )
        return of_kinds["subject"].unique().sort().to_list()

    def is_asked(self, measure: str, subject: str) -> npt.NDArray[np.bool_]:
        """At which ages anyone has a reading of it, (A,)."""
        there = self.rows.filter(measure=measure, subject=subject)["age"].unique().to_list()
        return np.array([age in there for age in self.ages])

    def departures(self, measures: Sequence[tuple[str, str]], seed: int) -> Iterator[Departure]:
        asked = [one for one in measures if self.is_asked(*one).any()]
        keys = [(arm, *one) for arm in self.arms for one in asked]
        found = [self.curves(*key) - self.curves(SHUFFLE, key[1], key[2]) for key in keys]
        if not found:
            return
        p_KA = _adjusted(np.concatenate(found, axis=1), seed).reshape(len(keys), -1)
        for (arm, measure, subject), differences_SA, p_A in zip(keys, found, p_KA, strict=True):
            course = tuple(
                Distance(age, _number(estimate), _number(p))
                for age, estimate, p, is_asked in zip(
                    self.ages,
                    differences_SA.mean(0),
                    p_A,
                    self.is_asked(measure, subject),
                    strict=True,
                )
                if is_asked
            )
            turn = turn_of(course, is_decided=len(self.seeds) >= FEWEST_SEEDS)
            unit = self.rows.filter(measure=measure, subject=subject)["unit"][0]
            read = self.ribbons.read(arm, *self._until(turn)) if turn is not None else {}
            yield Departure(self.name, arm, measure, subject, unit, course, len(self.seeds), read)

    def forgetting(self, seed: int) -> Iterator[Forgetting]:
        kinds = self.kinds
        if len(self.ages) < 2 or not kinds or not self.arms:
            return
        rises_by_arm = {arm: self._rises(arm, kinds) for arm in (SHUFFLE, *self.arms)}
        columns = [rises_by_arm[arm] - rises_by_arm[SHUFFLE] for arm in self.arms]
        p_XC = _adjusted(np.concatenate(columns, axis=1), seed).reshape(len(self.arms), -1)
        stretches = [(kind, *ages) for kind in kinds for ages in pairwise(self.ages)]
        for arm, p_C in zip(self.arms, p_XC, strict=True):
            mean_C = rises_by_arm[arm].mean(0)
            lost = self.lost(arm)
            at = int(np.argmax(mean_C))
            if lost or mean_C[at] <= 0:
                yield Forgetting(self.name, arm, None, None, None, len(self.seeds), lost)
                continue
            kind, start, end = stretches[at]
            largest = Rise(kind, start, end, float(mean_C[at]), self.ribbons.read(arm, start, end))
            shuffled = _number(rises_by_arm[SHUFFLE].mean(0)[at])
            yield Forgetting(self.name, arm, largest, shuffled, _number(p_C[at]), len(self.seeds))

    def lost(self, arm: str) -> str | None:
        """Which lives of the arm or of the shuffles have no reading at some age."""
        lost = []
        for one in (arm, SHUFFLE):
            curves_XSA = np.stack([self.curves(one, MEASURE, kind) for kind in self.kinds])
            number = int((~np.isfinite(curves_XSA)).any(axis=(0, 2)).sum())
            if number:
                lost.append(f"{one} has no figure at {number} of {len(self.seeds)} seeds")
        return ", ".join(lost) or None

    def _rises(self, arm: str, kinds: Sequence[str]) -> FloatArray:
        """What each kind's bits rose by in each stretch, (S, kinds × stretches)."""
        curves = [self.curves(arm, MEASURE, kind) for kind in kinds]
        return np.concatenate([np.diff(values_SA, axis=1) for values_SA in curves], axis=1)

    def acquisition(self, seed: int) -> Iterator[Acquisition]:
        kinds = self.kinds
        if len(self.ages) < 2 or not kinds or not self.arms:
            return
        ages = {arm: self._acquired(arm, kinds) for arm in (SHUFFLE, *self.arms)}
        columns = [ages[arm][0] - ages[SHUFFLE][0] for arm in self.arms]
        p_XK = _adjusted(np.concatenate(columns, axis=1), seed).reshape(len(self.arms), -1)
        for arm, p_K in zip(self.arms, p_XK, strict=True):
            (ages_SK, seen_SK), records = ages[arm], []
            for k, kind in enumerate(kinds):
                age = _number(ages_SK[:, k].mean())
                if age is None:
                    continue
                read = self.ribbons.read(arm, *_stretch(self.ages, age))
                records.append(
                    Acquisition(
                        self.name,
                        arm,
                        Acquired(kind, age, bool(seen_SK[:, k].any()), read),
                        _number(ages[SHUFFLE][0][:, k].mean()),
                        _number(p_K[k]),
                        int((~seen_SK[:, k]).sum()),
                        len(self.seeds),
                    )
                )
            yield from sorted(records, key=lambda one: (one.acquired.age, one.acquired.kind))

    def _acquired(self, arm: str, kinds: Sequence[str]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """The age of acquisition by seed and kind, (S, K), NaN of a life that was not lived to its
        end, and whether it was seen.
        """
        ages_SK = np.full((len(self.seeds), len(kinds)), np.nan)
        seen_SK = np.zeros(ages_SK.shape, dtype=bool)
        for k, kind in enumerate(kinds):
            for s, bits_A in enumerate(self.curves(arm, MEASURE, kind)):
                if np.isfinite(bits_A).all():
                    ages_SK[s, k], seen_SK[s, k] = half_gain(np.array(self.ages), bits_A)
        return ages_SK, seen_SK

    def _until(self, age: float) -> tuple[float, float]:
        """From the kept age before, or birth, to `age`."""
        return max((known for known in self.ages if known < age), default=0.0), age


def _stretch(ages: Sequence[float], age: float) -> tuple[float, float]:
    """The two kept ages around `age`, or birth and the first of them."""
    ends = [0.0, *ages]
    return next(((a, b) for a, b in pairwise(ends) if age <= b), (ends[-2], ends[-1]))


def _adjusted(differences_SK: FloatArray, seed: int) -> FloatArray:
    """Adjusted p of each column, (K,); NaN for a column with a gap or without any spread."""
    p_K = np.full(differences_SK.shape[1], np.nan)
    spread_K = np.ptp(differences_SK, axis=0)
    size_K = np.abs(differences_SK).max(axis=0)
    sound_K = np.isfinite(size_K) & (spread_K > 1e-12 * np.maximum(size_K, 1e-12))
    if sound_K.any():
        p_K[sound_K] = step_down_p(differences_SK[:, sound_K], seed=seed)
    return p_K


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
