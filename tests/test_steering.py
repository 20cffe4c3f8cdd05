"""Steering: along what the head reads the margin moves, along random directions it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from upbringing.character.between.direction import Direction
from upbringing.character.between.steering import steer
from upbringing.character.likelihood import Passage, bits
from upbringing.errors import InputError
from upbringing.training import Decoder, Shape

SHAPE = Shape(64, 2, 2, 96, num_vocab=40, peak_lr=1e-3, tied=False)
POSITIVE = [
    Passage((0, *(5 + n % 10 for n in range(start, start + 8))), 1, 8) for start in range(6)
]
NEGATIVE = [
    Passage((0, *(20 + n % 10 for n in range(start, start + 8))), 1, 8) for start in range(6)
]


@pytest.fixture(scope="module")
def mind() -> Decoder:
    """Its head gives tokens 5 to 14 more, and 20 to 29 less, the more of one axis there is."""
    mind = Decoder(SHAPE, row_length=16, seed=0)
    assert mind.head is not None
    with torch.no_grad():
        mind.embed.mul_(50)
        mind.head[5:15, 7] += 0.5
        mind.head[20:30, 7] -= 0.5
    return mind


def along(axis: int, layer: int = 1) -> Direction:
    return Direction(layer, np.eye(64)[axis], 1.0, 0.1, 0.2, 9, "b")


def test_the_axis_that_is_read_moves_the_margin(mind: Decoder) -> None:
    found = steer(mind, along(7), POSITIVE, NEGATIVE)
    assert found.margin_slope > 0.2
    assert found.positive_slope < -0.1
    assert found.share_below == 1
    assert len(found.random_slopes) == 8
    assert np.mean(np.abs(found.random_slopes)) < found.margin_slope / 3
    assert found.margins[0] < found.margins[2] < found.margins[-1]
    plain = [bits(mind, side).mean() / 8 for side in (NEGATIVE, POSITIVE)]
    assert found.margins[2] == pytest.approx(plain[0] - plain[1], abs=1e-9)
    back = steer(mind, Direction(1, -np.eye(64)[7], 1.0, 0.1, 0.2, 9, "b"), POSITIVE, NEGATIVE)
    assert back.margin_slope == pytest.approx(-found.margin_slope, abs=1e-9)
    assert back.random_slopes == found.random_slopes


def test_another_axis_does_not(mind: Decoder) -> None:
    found = steer(mind, along(8), POSITIVE, NEGATIVE)
    assert abs(found.margin_slope) < 0.05


def test_texts_of_both_poles_are_needed(mind: Decoder) -> None:
    with pytest.raises(InputError, match="texts of both poles"):
        steer(mind, along(7), POSITIVE, [])
