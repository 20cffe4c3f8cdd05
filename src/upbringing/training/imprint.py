"""The imprint: how much of the last weights comes from each age, predicted from the steps alone.

Takes the optimiser steps of a life and its weight decay; gives a density over age. A step of AdamW
is w ← (1 − lr·λ)·w + lr·u, so the last weights are a weighted sum of all updates u, and that of
step t has the weight lr_t · Π_{s>t} (1 − lr_s·λ) (Bergsma et al. 2025, 2509.25380, who read the
same sum as a moving average). Updates are taken to be of one size, and a token of a batch of B to
have a B-th of its step's; what later text does to earlier text is left out, and so is momentum,
which spreads a step over some ten. Only matrices decay, so norms are predicted with λ = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upbringing.errors import InputError
from upbringing.training.levers import Steps

FloatArray = npt.NDArray[np.float64]

_ALIKE = 0.01  # of the highest density


@dataclass(frozen=True)
class Imprint:
    """A density over age: 1 on average, so that 2 is twice what an even life would leave.

    borders  (num_steps + 1,) ages at which steps begin, and 1
    density  (num_steps,) of each step; over all ages it integrates to 1
    """

    borders: FloatArray
    density: FloatArray

    @classmethod
    def of(cls, steps: Steps, weight_decay: float) -> Imprint:
        """The imprint of the ages of a life of these steps.

        Raises `InputError` for a life that learns at no age, and for a decay that takes more than
        a whole weight in a step.
        """
        rate = steps.lr * (steps.loss_scale > 0)  # a step at 0 is left out, decay and all
        if weight_decay * rate.max() > 1:
            raise InputError(
                f"under a weight decay of {weight_decay:g} a step of rate {rate.max():g} takes "
                "more than all of a weight away",
                allowed=f"a weight decay from 0 to {1 / rate.max():g}",
            )
        # Of each step, what the decay of all later ones leaves.
        left = np.append(np.cumprod((1 - rate * weight_decay)[:0:-1])[::-1], 1.0)
        of_token = rate * left / steps.batch_size
        borders = np.append(steps.age, 1.0)
        whole = float(of_token @ np.diff(borders))
        if not whole:
            raise InputError("nothing is learnt at any age: the rate or the loss is 0 all life")
        return cls(borders, of_token / whole)

    def mean(self, begin: FloatArray, end: FloatArray) -> FloatArray:
        """The mean density from each age `begin` to a later age `end`; arrays of one shape."""
        before = np.append(0.0, np.cumsum(self.density * np.diff(self.borders)))
        low, high = (np.interp(age, self.borders, before) for age in (begin, end))
        mean: FloatArray = (high - low) / (end - begin)
        return mean

    def tabled(self, num_bins: int) -> FloatArray:
        """The mean density in each of `num_bins` equal stretches of life: (num_bins,)."""
        edges = np.linspace(0, 1, num_bins + 1)
        return self.mean(edges[:-1], edges[1:])

    @property
    def peak_age(self) -> float:
        """The age of the highest density: the middle of its step."""
        at = int(self.density.argmax())
        return float(self.borders[at : at + 2].mean())

    @property
    def peak(self) -> tuple[float, float]:
        """From which age to which it comes within a hundredth of the highest."""
        high = np.flatnonzero(self.density >= (1 - _ALIKE) * self.density.max())
        return float(self.borders[high[0]]), float(self.borders[high[-1] + 1])
