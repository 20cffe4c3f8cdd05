"""Turns: the records of turning points, each with what was being read then.

A p of 0.05 or less is what decides, and only with the seeds that a verdict needs: a record of fewer
shows and does not decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from upbringing.study.statistics import FEWEST_SEEDS

LEVEL = 0.05


@dataclass(frozen=True)
class Distance:
    """How far an arm stands from its shuffles at an age: the mean over seeds of the difference.

    `p`: two-sided, adjusted over the family. None where a run has no reading there.
    """

    age: float
    estimate: float | None
    p: float | None

    @property
    def is_outside(self) -> bool:
        """Whether the arm is off the shuffles on average."""
        return self.p is not None and self.p <= LEVEL


@dataclass(frozen=True)
class Departure:
    """One arm beside the shuffles in one measure, along life.

    `read`: shares of the kinds in the stretch that ends at `age`.
    """

    schedule: str
    arm: str
    measure: str
    subject: str
    unit: str
    course: tuple[Distance, ...]
    num_seeds: int
    read: Mapping[str, float]

    @property
    def is_decided(self) -> bool:
        """Whether there are seeds enough to say that it is off the shuffles."""
        return self.num_seeds >= FEWEST_SEEDS

    @property
    def outside(self) -> tuple[float, ...]:
        """The ages at which it is off the shuffles on average."""
        return tuple(at.age for at in self.course if at.is_outside) if self.is_decided else ()

    @property
    def since(self) -> float | None:
        """The first age from which it is off them on one side to the end; None without."""
        return staying_since(self.course) if self.is_decided else None

    @property
    def largest(self) -> Distance | None:
        """Where it is farthest from the shuffles."""
        known = [at for at in self.course if at.estimate is not None]
        return max(known, key=lambda at: abs(at.estimate or 0.0)) if known else None

    @property
    def age(self) -> float | None:
        """The turning point: `since`, else the first age off them, else where it is farthest."""
        return turn_of(self.course, is_decided=self.is_decided)


@dataclass(frozen=True)
class Rise:
    """Bits per byte of a kind rose between two kept ages, one after the other: it was forgotten.

    `read`: shares of the kinds between the two.
    """

    kind: str
    start: float
    end: float
    bits: float
    read: Mapping[str, float]


@dataclass(frozen=True)
class Forgetting:
    """The largest rise of an arm, on average over its seeds; None where no kind rose, or for the
    `reason`.

    `shuffled` is what the shuffles did with that kind at that time; `p` is of the difference,
    adjusted over the family.
    """

    schedule: str
    arm: str
    largest: Rise | None
    shuffled: float | None
    p: float | None
    num_seeds: int
    reason: str | None = None

    @property
    def is_more(self) -> bool:
        """Whether it is decided that the arm forgot more than its shuffles did."""
        if self.largest is None or self.shuffled is None or self.p is None:
            return False
        is_sure = self.num_seeds >= FEWEST_SEEDS and self.p <= LEVEL
        return is_sure and self.largest.bits > self.shuffled


@dataclass(frozen=True)
class Acquired:
    """The age at which half of a kind's gain was reached (`learning_curves.half_gain`).

    `is_seen` is False where the kind was at its best at the first kept age. `read`: shares of the
    kinds in the stretch between kept ages in which it happened.
    """

    kind: str
    age: float
    is_seen: bool
    read: Mapping[str, float]


@dataclass(frozen=True)
class Acquisition:
    """When an arm acquired a kind, on average over its seeds, beside its shuffles.

    `num_unseen`: lives of the arm in which it was at its best at the first kept age. `p` is of the
    difference, adjusted over the family.
    """

    schedule: str
    arm: str
    acquired: Acquired
    shuffled: float | None
    p: float | None
    num_unseen: int
    num_seeds: int

    @property
    def is_other(self) -> bool:
        """Whether it is decided that the age differs from the shuffles'."""
        return self.num_seeds >= FEWEST_SEEDS and self.p is not None and self.p <= LEVEL


@dataclass(frozen=True)
class TurningPoints:
    """Those of a study: an arm's acquisitions are sorted by age."""

    departures: tuple[Departure, ...]
    forgetting: tuple[Forgetting, ...]
    acquisition: tuple[Acquisition, ...]


@dataclass(frozen=True)
class Turns:
    """Those of one life, kept at these ages: its largest rise, if any; its acquisitions by age."""

    ages: tuple[float, ...]
    forgotten: Rise | None
    acquired: tuple[Acquired, ...]


def staying_since(course: Sequence[Distance]) -> float | None:
    """`Departure.since`, where it is decided."""
    since = None
    for at in reversed(course):
        side = np.sign(at.estimate or 0.0)
        if not at.is_outside or side != np.sign(course[-1].estimate or 0.0):
            break
        since = at.age
    return since


def turn_of(course: Sequence[Distance], *, is_decided: bool) -> float | None:
    """`Departure.age`."""
    known = [at for at in course if at.estimate is not None]
    if not known:
        return None
    outside = [at.age for at in course if at.is_outside] if is_decided else []
    if outside:
        since = staying_since(course)
        return outside[0] if since is None else since
    return max(known, key=lambda at: abs(at.estimate or 0.0)).age
