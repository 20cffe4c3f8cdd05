"""Cut short: the age at which a life of a steep schedule has spent its learning rate.

What a life was like when almost all of its learning-rate mass was spent stands beside what it is at
its end: if both are the same, what came after did nothing. No further life is raised for it: a life
that ends there is this one until then.
"""

from __future__ import annotations

from upbringing.training import age_of_mass
from upbringing.training.schedules import Said

SPENT = 0.99
"""The share of the learning-rate mass that is almost all of it."""

_EARLY = 0.75


def cut_short(schedule: Said) -> tuple[float, ...]:
    """The age by which a schedule has spent its mass (`SPENT`); none where that is late in life."""
    age = age_of_mass(schedule, SPENT)
    return (age,) if age < _EARLY else ()
