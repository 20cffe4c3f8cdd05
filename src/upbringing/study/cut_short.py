"""Cut short: the age at which a life has spent its learning rate, where that is early.

What a life was like when almost all of its learning-rate mass (`dose`) was spent stands beside what
it is at its end: if both are the same, what came after did nothing. No further life is raised for
it: a life that ends there is this one until then.
"""

from __future__ import annotations

import math

import numpy as np

from upbringing.training.levers import Steps

SPENT = 0.99
"""The share of the learning-rate mass that is almost all of it."""

_EARLY = 0.75


def cut_short(steps: Steps) -> tuple[float, ...]:
    """The age by which a life of these steps has spent its mass (`SPENT`), by its schedule, its
    priority and its levers, cut to four digits as kept ages are; none where that is late in life.
    """
    mass = (steps.lr * steps.loss_scale * steps.num_rows / steps.batch_size).cumsum()
    last = int(np.searchsorted(mass, SPENT * mass[-1]))
    age = math.floor(1e4 * np.append(steps.age, 1.0)[last + 1]) / 1e4
    return (age,) if age < _EARLY else ()
