"""Strategies that lead from easy to hard, once or again and again, by a measure of the scenes."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from upbringing.order.parameters import Measure, Reads, Share
from upbringing.order.places import Inside, Selected, arrangement
from upbringing.order.sorting import Ranks

Count = Annotated[int, Field(ge=1, le=1_000_000)]
How = Literal["linear", "root", "quadratic", "step"]
Pace = Annotated[
    Measure | Literal["random"],
    Reads(lambda by: () if by == "random" else (by.removeprefix("-"),)),
]

_FULL = float(1 << 52)


@arrangement()
def pacing(
    scenes: Selected,
    by: Pace,
    how: How = "linear",
    start: Share = 0.1,
    steps: Count = 5,
) -> Ranks:
    """Each scene at a random age after the one at which the mind is ready for it.

    Competence c(age) rises from `start` to 1: linearly, as a root, quadratically or in `steps`
    (Platanios et al. 2019, 1903.09848); a scene that is harder than a share q of all is released
    when c reaches q, and met at a uniformly random age from then on. `by: random` is the random
    curriculum with the same pacing (Wu et al. 2021, 2012.03107).
    """
    if by == "random":
        order = scenes.positions({"shuffle": {}}).astype(np.float64)
        hard = (order + 0.5) / len(scenes)
    else:
        hard = scenes.quantiles(by)
    released = _release(hard, how, start, steps)
    chance = scenes.other_lots("pacing").astype(np.float64) / 2.0**64
    return ((released + chance * (1 - released)) * _FULL).astype(np.uint64)


def _release(
    hard: npt.NDArray[np.float64], how: How, start: float, steps: int
) -> npt.NDArray[np.float64]:
    """The age at which competence reaches `hard`, shape (n,)."""
    above = np.maximum(hard - start, 0.0)
    if start == 1:
        return np.zeros_like(hard)
    if how == "root":
        return np.maximum(hard**2 - start**2, 0.0) / (1 - start**2)
    linear = above / (1 - start)
    if how == "quadratic":
        return np.sqrt(linear)
    return np.floor(linear * steps) / steps if how == "step" else linear


@arrangement()
def warm_up(scenes: Selected, by: Measure, share: Share = 0.3, inside: Inside = "shuffle") -> Ranks:
    """A dealt share of the scenes first, sorted by a measure; then all others as `inside` says."""
    is_early = scenes.other_lots("warm up").astype(np.float64) < share * 2.0**64
    early, late = (scenes.positions(arrange) for arrange in ({"sort": {"by": (by,)}}, inside))
    return np.where(is_early, early, np.uint64(1 << 32) | late)


@arrangement()
def cyclic(
    scenes: Selected,
    by: Measure,
    sweeps: Count = 4,
    turn: Literal["up", "down", "alternate"] = "up",
    levels: Count | None = None,
    jitter: Share = 0.0,
) -> Ranks:
    """Sweeps through a measure, each over every `sweeps`-th of the sorted scenes.

    `up` gives folds (saw teeth), `alternate` a zigzag; with `levels` a sweep climbs in that many
    stairs, shuffled on each; `jitter` moves a scene by up to that share of a sweep.
    """
    position = scenes.positions({"sort": {"by": (by,)}})
    inside, sweep = np.divmod(position, np.uint64(sweeps))
    place = (inside.astype(np.float64) + 0.5) * sweeps / (len(scenes) + sweeps)
    falls = {"up": False, "down": True, "alternate": sweep % np.uint64(2) == 1}[turn]
    place = np.where(falls, 1 - place, place)
    if jitter:
        chance = scenes.other_lots("jitter").astype(np.float64) / 2.0**63 - 1
        place = np.clip(place + jitter * chance, 0, 1)
    if levels is not None:
        stair = np.minimum(np.floor(place * levels), levels - 1)
        place = (stair + scenes.lots.astype(np.float64) / 2.0**64) / levels
    return sweep << np.uint64(40) | (place * 2.0**39).astype(np.uint64)


@arrangement()
def arc(scenes: Selected, by: Measure, peak: Share = 0.5) -> Ranks:
    """Up to the height of a measure at the age `peak`, and down again; no scene is met twice."""
    position = scenes.positions({"sort": {"by": (by,)}}).astype(np.float64)
    # Of the sorted scenes a share `peak`, evenly spaced, is for the way up.
    rises = np.floor((position + 1) * peak) > np.floor(position * peak)
    n = len(scenes)
    return np.where(rises, position, 2.0 * n - position).astype(np.uint64)
