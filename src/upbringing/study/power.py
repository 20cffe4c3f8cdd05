"""Power: how likely a study of so many seeds is to see a difference, said before it is raised."""

from __future__ import annotations

import numpy as np
from scipy import stats

from upbringing.study.statistics import FEWEST_SEEDS, critical_value

PLANNED_EFFECT = 2.0  # seed SDs
PLANNED_POWER = 0.8


def power_line(num_seeds: int, num_contrasts: int) -> str | None:
    """What a person should know of a study's seeds while planning; None where they suffice."""
    chance = power(PLANNED_EFFECT, num_contrasts, num_seeds)
    if chance >= PLANNED_POWER:
        return None
    needed = seeds_needed(PLANNED_EFFECT, num_contrasts, PLANNED_POWER)
    return (
        f"underpowered: {num_seeds} seeds see a difference of {PLANNED_EFFECT:g} seed SDs in "
        f"{chance:.0%} of studies; needs {needed} for {PLANNED_POWER:.0%}"
    )


def power(effect_in_seed_sd: float, num_contrasts: int, num_seeds: int) -> float:
    """The chance that one contrast's simultaneous interval lies above zero.

    Its first arm is `effect_in_seed_sd` seed SDs above its second; a contrast of two arms has a
    spread of √2 seed SDs, so its t is noncentral, shifted by effect·√(S/2).
    """
    critical = critical_value(num_contrasts, num_seeds)
    shift = effect_in_seed_sd * np.sqrt(num_seeds / 2)
    return float(stats.nct.sf(critical, num_seeds - 1, shift))


def seeds_needed(
    effect_in_seed_sd: float, num_contrasts: int, wanted_power: float = 0.8
) -> int | None:
    """The fewest seeds, 6 to 60, that have `wanted_power`; None where 60 do not."""
    numbers = range(FEWEST_SEEDS, 61)
    return next(
        (n for n in numbers if power(effect_in_seed_sd, num_contrasts, n) >= wanted_power), None
    )
