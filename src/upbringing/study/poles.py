"""The yardsticks of a study: the pole distance with its gate, and the washout with its test.

Takes the values of the pole and ladder minds (one number a run) and the contrasts of the washout.
Gives records that say whether character can be measured at this size, and whether a washout was
strong enough to mean anything. A yardstick that fails is said to fail; no verdict is read off it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from upbringing.study.statistics import FEWEST_SEEDS, Contrast, FloatArray, seed_sd

LADDER = ("mix-25", "mix-50", "mix-75")  # shares of the positive pole, in per cent
FEWEST_SEED_SDS = 3.0

Gate = Literal["passed", "failed", "not run"]


@dataclass(frozen=True)
class Pole:
    """Minds raised on one pole alone. `mean` is None where a run diverged."""

    arm: str
    mean: float | None
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Poles:
    """The unit of character, `distance` in the measure's own unit, and whether it may be used.

    `seed_sd` is √MS residual over the poles and the ladder, in the same unit.
    """

    positive: Pole
    negative: Pole
    distance: float | None
    seed_sd: float | None
    gate: Gate
    reason: str

    @classmethod
    def not_raised(cls, reason: str) -> Poles:
        """No minds of the poles, so no unit and no gate to pass."""
        none = Pole("none", None, ())
        return cls(none, none, None, None, "failed", reason)


@dataclass(frozen=True)
class Washout:
    """Whether the washout removed enough for what is left after it to be called lasting."""

    valid: bool
    reason: str


def examine_poles(positive: str, negative: str, values: Mapping[str, FloatArray]) -> Poles:
    """Open the gate, or say why not.

    `values` holds the primary measure of the two pole arms and, where they were raised, of the
    `LADDER` arms, each (num_seeds,). The gate: poles at least 3 seed SDs apart with the right sign,
    means rising along the ladder, at least 6 seeds. Poles of the wrong sign fail at any number.
    """
    rungs = [arm for arm in (negative, *LADDER, positive) if arm in values]
    table_AS = np.stack([np.asarray(values[arm], dtype=np.float64) for arm in rungs])
    ends = _pole(positive, values[positive]), _pole(negative, values[negative])
    if not np.isfinite(table_AS).all():
        lost = ", ".join(
            arm for arm, row in zip(rungs, table_AS, strict=True) if not np.isfinite(row).all()
        )
        return Poles(*ends, None, None, "failed", f"a run of {lost} diverged")
    means = table_AS.mean(axis=1)
    distance = float(means[-1] - means[0])
    spread = seed_sd(table_AS)
    gate, reason = _gate(rungs, means, distance, spread, num_seeds=table_AS.shape[1])
    return Poles(*ends, distance, spread, gate, reason)


def is_measurable(poles: Poles, num_seeds: int) -> bool:
    """Whether figures of the axis may be concluded from: it passed its gate, or the seeds are too
    few for one and only demonstrate.
    """
    return poles.gate == "passed" or (poles.gate == "not run" and num_seeds < FEWEST_SEEDS)


def examine_washout(before: Contrast, after: Contrast) -> Washout:
    """Judge a washout by L−S at constant rate, at the end of life and after the washout.

    It is valid only if it at least halves what it finds there.
    """
    if before.estimate is None or after.estimate is None:
        lost = before.reason if before.estimate is None else after.reason
        return Washout(valid=False, reason=f"{before.name} has no figure: {lost}")
    if before.low is None or before.low <= 0:
        nothing = f"{before.name} at constant rate is not above 0"
        return Washout(valid=False, reason=f"nothing to wash out: {nothing}")
    share = abs(after.estimate) / before.estimate
    left = f"{share:.0%} of {before.name} at constant rate is left"
    if share > 0.5:
        return Washout(valid=False, reason=f"washout too weak: {left}")
    return Washout(valid=True, reason=left)


def _pole(arm: str, values: FloatArray) -> Pole:
    finite = [float(value) if np.isfinite(value) else None for value in values]
    mean = float(np.mean(values)) if None not in finite else None
    return Pole(arm, mean, tuple(finite))


def _gate(
    rungs: list[str], means: FloatArray, distance: float, spread: float | None, num_seeds: int
) -> tuple[Gate, str]:
    if distance <= 0:
        return "failed", f"the poles stand the wrong way round (distance {distance:.3g})"
    if num_seeds < FEWEST_SEEDS:
        return "not run", f"{num_seeds} seeds, the gate needs {FEWEST_SEEDS}"
    if spread is not None and distance < FEWEST_SEED_SDS * spread:
        apart = f"{distance / spread:.1f} seed SDs apart"
        return "failed", f"the poles are {apart}, the gate needs {FEWEST_SEED_SDS:.0f}"
    missing = [arm for arm in LADDER if arm not in rungs]
    if missing:
        return "not run", f"no ladder ({', '.join(missing)} not raised)"
    falls = [f"{a} → {b}" for (a, x), (b, y) in pairwise(zip(rungs, means, strict=True)) if y <= x]
    if falls:
        return "failed", f"the ladder is not monotone: no rise {', '.join(falls)}"
    apart = f"{distance / spread:.1f} seed SDs apart" if spread else "apart without any spread"
    return "passed", f"the poles are {apart}, the ladder rises, {num_seeds} seeds"
