"""Steering: does adding a trait's direction to a mind's stream make it speak more like that pole?

A direction that only tells the poles apart need not be one that the mind uses. Here it is added, α
times, to the stream behind its layer at every token, and what the mind finds likely is measured
again. Turner et al. 2023 (2308.10248), Rimsky et al. 2024 (2312.06681).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from upbringing.character.between.activations import FloatArray, added
from upbringing.character.between.direction import Direction
from upbringing.character.likelihood import Passage, bits
from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.training import Mind

_ALPHAS = (-1.0, -0.5, 0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Steering:
    """What adding α directions does, per unit of α, in bits a byte.

    α = 1 adds as much as lies between the means of the poles.

    margin_slope    how the style margin, the pull toward the positive pole, changes
    positive_slope  how the bits of the positive texts change; below 0 they become likelier
    random_slopes   `margin_slope` of random directions of the same length
    cost            bits a byte that all texts together need more, the mean of α = 1 and α = −1
    margins         the style margin at each of `alphas`
    """

    layer: int
    margin_slope: float
    positive_slope: float
    random_slopes: tuple[float, ...]
    cost: float
    alphas: tuple[float, ...]
    margins: tuple[float, ...]

    @property
    def share_below(self) -> float:
        """The share of random directions that move the margin less, either way."""
        return float(np.mean(np.abs(self.random_slopes) < abs(self.margin_slope)))


def steer(
    mind: Mind,
    direction: Direction,
    positive: Sequence[Passage],
    negative: Sequence[Passage],
    *,
    num_random: int = 8,
    seed: int = 0,
) -> Steering:
    """Add a direction to the stream behind its layer, and random ones of its length.

    `positive` and `negative` are the texts of the poles, of which the direction was not made; pairs
    where they are of the same events. The margin is the mean bits a byte of the negative texts
    minus that of the positive ones. Slopes are of the least-squares line over α.

    Raises `InputError` without texts of both poles.

    Unit: bits a byte for each pole distance that is added.
    Cost: 5 + 2·`num_random` forward passes over the texts.
    Fails: far from 0 the mind leaves what it was trained on and all text becomes unlikely: read
    `cost` beside the slope; a random direction mostly points where no text lies, so the control is
    of the length and not of how likely the place is; in a mind of few layers the effect may be of
    the output vocabulary alone.
    """
    if not (positive and negative):
        raise InputError("steering is measured on texts of both poles")
    passages = [*positive, *negative]
    num_bytes = np.array([passage.num_bytes for passage in passages])

    def rates(vector_D: FloatArray) -> FloatArray:
        """Bits a byte of each text while the vector is added."""
        with added(mind, direction.layer, vector_D):
            needed_N: FloatArray = bits(mind, passages) / num_bytes
        return needed_N

    def margin(rates_N: FloatArray) -> float:
        return float(rates_N[len(positive) :].mean() - rates_N[: len(positive)].mean())

    rates_AN = np.stack([rates(alpha * direction.vector_D) for alpha in _ALPHAS])
    margins = [margin(rates_N) for rates_N in rates_AN]
    random_slopes = []
    for number in range(num_random):
        draw_D = generator(seed, "steering", str(number)).standard_normal(len(direction.vector_D))
        draw_D *= np.linalg.norm(direction.vector_D) / np.linalg.norm(draw_D)
        random_slopes.append((margin(rates(draw_D)) - margin(rates(-draw_D))) / 2)
    all_A = rates_AN.mean(1)
    return Steering(
        direction.layer,
        _slope(margins),
        _slope(rates_AN[:, : len(positive)].mean(1)),
        tuple(random_slopes),
        float((all_A[0] + all_A[-1]) / 2 - all_A[_ALPHAS.index(0.0)]),
        _ALPHAS,
        tuple(margins),
    )


def _slope(figures_A: Sequence[float] | FloatArray) -> float:
    return float(np.polyfit(_ALPHAS, np.asarray(figures_A), 1)[0])
