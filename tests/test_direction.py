"""A planted direction is found, a random one is not; cosines only within one birth."""

from __future__ import annotations

import numpy as np
import pytest

from upbringing.character.between.direction import Direction, direction_cosine, trait_directions
from upbringing.errors import ComparisonError, InputError

WIDTH = 64


def texts(num_texts: int, seed: int, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """Activations of one layer, (1, N, D)."""
    return np.random.default_rng(seed).normal(size=(1, num_texts, WIDTH)) + shift


def planted(size: float) -> np.ndarray:
    axis = np.random.default_rng(9).normal(size=WIDTH)
    return size * axis / np.linalg.norm(axis)


@pytest.mark.parametrize("size", [1.0, 3.0])
def test_a_planted_direction_is_found_at_its_size(size: float) -> None:
    (found,) = trait_directions(texts(400, 0, planted(size)), texts(400, 1), birth="b")
    assert found.d_prime == pytest.approx(size, abs=0.2)
    assert found.is_found
    unit = found.vector_D / np.linalg.norm(found.vector_D)
    assert unit @ planted(1.0) > 0.75
    (swapped,) = trait_directions(texts(400, 1), texts(400, 0, planted(size)), birth="b")
    assert swapped.d_prime == pytest.approx(found.d_prime, abs=1e-9)
    np.testing.assert_allclose(swapped.vector_D, -found.vector_D)


def test_where_there_is_none_none_is_found() -> None:
    """On what it was made from any direction looks like one; held out it does not."""
    found = [
        trait_directions(texts(60, 2 * seed), texts(60, 2 * seed + 1), birth="b")[0]
        for seed in range(20)
    ]
    assert abs(np.mean([one.d_prime for one in found])) < 0.15
    assert sum(one.is_found for one in found) <= 3
    above, below = texts(60, 0)[0], texts(60, 1)[0]
    vector = above.mean(0) - below.mean(0)
    a, b = above @ vector, below @ vector
    seen = (a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    assert seen > 1


def test_what_a_group_shares_is_no_trait() -> None:
    """Each of 12 works has a pole and a shift of its own: its 40 texts are one telling of it."""
    rng = np.random.default_rng(0)
    works = rng.normal(size=(12, WIDTH)) * 2
    own = np.repeat(np.arange(12), 40)
    activations = works[own] + rng.normal(size=(480, WIDTH)) * 0.3
    is_above = own % 2 == 0
    sides = [activations[None, is_above], activations[None, ~is_above]]
    names = [[f"work {n}" for n in own[side]] for side in (is_above, ~is_above)]
    (apart,) = trait_directions(*sides, (names[0], names[1]), birth="b")
    (mixed,) = trait_directions(*sides, birth="b")
    assert mixed.is_found
    assert mixed.d_prime > 2
    assert not apart.is_found
    assert apart.d_prime < 1
    assert (apart.num_groups, mixed.num_groups) == (12, 240)


def test_every_layer_has_its_own() -> None:
    above = np.concatenate([texts(80, 0), texts(80, 1, planted(2.0))])
    below = np.concatenate([texts(80, 2), texts(80, 3)])
    first, second = trait_directions(above, below, birth="b")
    assert (first.layer, second.layer) == (0, 1)
    assert not first.is_found
    assert second.is_found


def test_a_pole_of_two_works_is_never_without_a_text() -> None:
    """Texts of other numbers, works of one pole each: no mean is of nothing, however they fall."""
    names = [f"b{n % 9}" for n in range(90)], [f"a{n % 2}" for n in range(7)]
    (found,) = trait_directions(texts(90, 0, planted(4.0)), texts(7, 1), names, birth="b")
    assert found.d_prime > 2
    assert np.isfinite([found.chance_d_prime, found.random_d_prime]).all()
    assert found.num_groups == 11


def test_too_few_groups() -> None:
    with pytest.raises(InputError, match="here are 4"):
        trait_directions(texts(4, 0), texts(4, 1), birth="b")
    names = list("abcdefgh"), ["z"] * 8
    with pytest.raises(InputError, match="2 of each pole"):
        trait_directions(texts(8, 0), texts(8, 1), names, birth="b")


def test_cosines_within_one_birth() -> None:
    def pointing(vector: list[float], birth: str = "one", layer: int = 0) -> Direction:
        return Direction(layer, np.array(vector), 1.0, 0.1, 0.2, 9, birth)

    assert direction_cosine(pointing([3, 4]), pointing([6, 8])) == pytest.approx(1)
    assert direction_cosine(pointing([1, 0]), pointing([0, 2])) == 0
    assert direction_cosine(pointing([1, 0]), pointing([0, 0])) == 0
    with pytest.raises(ComparisonError, match="the cosine of two directions has no meaning"):
        direction_cosine(pointing([1, 0]), pointing([1, 0], "other"))
    with pytest.raises(InputError, match="layer 0 has other axes than layer 1"):
        direction_cosine(pointing([1, 0]), pointing([1, 0], layer=1))
