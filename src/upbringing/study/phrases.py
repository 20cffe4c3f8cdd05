"""Phrases: figures of records as a sentence has them, and what a few seeds say instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from upbringing.study.statistics import Contrast

_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five")


def demonstration(num_seeds: int) -> str:
    """What a study with fewer than 6 seeds says instead of a verdict."""
    seeds = "seed" if num_seeds == 1 else "seeds"
    return f"{_NUMBERS[num_seeds]} {seeds}: a demonstration, no verdict."


def number(value: float, digits: int = 2) -> str:
    """A figure for a sentence, with a true minus sign and no negative zero."""
    rounded = round(value, digits) + 0.0
    return f"{rounded:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """As `number`, with a plus sign where it rounds to more than zero."""
    return f"{'+' if round(value, digits) > 0 else ''}{number(value, digits)}"


def figures(found: Mapping[str, Contrast], names: Sequence[str], *, at_90: bool = False) -> str:
    """Contrasts by name with their figures, in a row."""
    return "; ".join(
        figure(found[name], at_90=at_90) if name in found else f"{name} not tested"
        for name in names
    )


def figure(contrast: Contrast, *, at_90: bool = False) -> str:
    """`F−S 0.31 [0.22, 0.40]`, or why there is no figure."""
    if contrast.estimate is None:
        return f"{contrast.name} has no figure ({contrast.reason})"
    return f"{contrast.name} {amount(contrast, at_90=at_90)}"


def amount(contrast: Contrast, *, at_90: bool = False) -> str:
    """`0.31 [0.22, 0.40]`; the interval is the simultaneous 95% one unless said."""
    assert contrast.estimate is not None
    low, high = (contrast.low90, contrast.high90) if at_90 else (contrast.low, contrast.high)
    if low is None or high is None:
        return f"{number(contrast.estimate)} (no interval: {contrast.reason})"
    label = "90%: " if at_90 else ""
    return f"{number(contrast.estimate)} [{label}{number(low)}, {number(high)}]"
