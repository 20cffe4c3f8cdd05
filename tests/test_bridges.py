"""Bridges and returns: which two scenes meet, and that nothing comes between them."""

from __future__ import annotations

import numpy as np
import pytest

from upbringing.identity import keys_of
from upbringing.order import bridges
from upbringing.order.bridges import nearest_bridge
from upbringing.order.motif import returns
from upbringing.order.nearest import UNIT


def points_of(seed: int, num_points: int) -> np.ndarray:
    """Points among which many pairs are equally near."""
    return np.random.default_rng(seed).integers(-1, 2, size=(num_points, 3)).astype(np.float32)


@pytest.mark.parametrize("seed", range(8))
def test_a_bridge_is_the_nearest_pair_and_the_first_by_key(seed: int) -> None:
    one, two = points_of(seed, 60), points_of(seed + 100, 80)
    keys = keys_of([f"one {n}" for n in range(60)]), keys_of([f"two {n}" for n in range(80)])
    products = one.astype(int) @ two.T.astype(int)
    nearest = [tuple(pair) for pair in np.argwhere(products == products.max())]
    assert len(nearest) > 1
    bridge = nearest_bridge(one, keys[0], two, keys[1])
    assert (bridge.leaves, bridge.arrives) == min(
        nearest, key=lambda pair: (keys[0][pair[0]], keys[1][pair[1]])
    )
    assert bridge.cosine == products.max() / UNIT**2


def test_a_bridge_does_not_depend_on_the_order_of_rows() -> None:
    one, two = points_of(1, 500), points_of(2, 400)
    keys = keys_of([f"one {n}" for n in range(500)]), keys_of([f"two {n}" for n in range(400)])
    bridge = nearest_bridge(one, keys[0], two, keys[1])
    rows = np.random.default_rng(3).permutation(500), np.random.default_rng(4).permutation(400)
    other = nearest_bridge(one[rows[0]], keys[0][rows[0]], two[rows[1]], keys[1][rows[1]])
    assert (rows[0][other.leaves], rows[1][other.arrives]) == (bridge.leaves, bridge.arrives)


def test_of_very_many_scenes_the_same_few_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridges, "MOST_LOOKED_AT", 20)
    one, keys = points_of(5, 300), keys_of([f"scene {n}" for n in range(300)])
    bridge = nearest_bridge(one, keys, one, keys)
    rows = np.random.default_rng(6).permutation(300)
    other = nearest_bridge(one[rows], keys[rows], one[rows], keys[rows])
    assert rows[other.leaves] == bridge.leaves
    assert rows[other.arrives] == bridge.arrives


def test_a_return_never_comes_between_two_scenes_of_a_bridge() -> None:
    # Five returns of 1 byte: 105 in all. The fourth, at age .45, would begin at byte 44.25.
    assert returns(1, [60, 40], [1]).ages == (0.0, 0.05, 0.2, 0.45, 0.8)
    moved = returns(1, [45, 55], [2])
    assert moved.last < 0.8
    total = 105
    begins = [age * total - number for number, age in enumerate(moved.ages)]
    assert not any(43 < begin <= 45 for begin in begins)
