"""The model map: squared distances are KL where it can be worked out, and the plane is MDS."""

from __future__ import annotations

import numpy as np
import pytest
from minds import TableMind
from sklearn.manifold import ClassicalMDS

from upbringing.character.between.model_map import map_of_bits, model_map, orders_against_seeds
from upbringing.character.likelihood import Passage
from upbringing.errors import InputError

V = 12


def near(p_VV: np.ndarray, size: float, seed: int) -> np.ndarray:
    """The table with every probability changed by about `size` of itself."""
    draws = np.random.default_rng(seed).normal(size=p_VV.shape)
    changed = p_VV * np.exp(size * draws)
    return changed / changed.sum(1, keepdims=True)


def texts_of(p_VV: np.ndarray, lengths: np.ndarray, seed: int) -> list[Passage]:
    """Texts that a table writes, of one token a byte, behind token 0."""
    rng, cumulative = np.random.default_rng(seed), p_VV.cumsum(1)
    texts = []
    for length in lengths:
        ids = [0]
        for draw in rng.random(length):
            ids.append(min(int(np.searchsorted(cumulative[ids[-1]], draw)), V - 1))
        texts.append(Passage(tuple(ids), 1, int(length)))
    return texts


def kl_a_byte(p_VV: np.ndarray, q_VV: np.ndarray) -> float:
    """The divergence rate of two tables in bits: over the states that p itself comes to."""
    values, vectors = np.linalg.eig(p_VV.T)
    stays_V = np.real(vectors[:, np.argmax(np.real(values))])
    stays_V /= stays_V.sum()
    return float(stays_V @ (p_VV * np.log2(p_VV / q_VV)).sum(1))


@pytest.fixture(scope="module")
def origin() -> np.ndarray:
    rows = np.random.default_rng(5).gamma(2.0, size=(V, V)) + 0.05
    return rows / rows.sum(1, keepdims=True)


@pytest.mark.parametrize("lengths", ["of one length", "of many"])
def test_squared_distance_is_kl_in_bits_a_byte(origin: np.ndarray, lengths: str) -> None:
    rng = np.random.default_rng(0)
    sizes = np.full(3000, 60) if lengths == "of one length" else rng.integers(10, 110, 3000)
    tables = [near(origin, size, seed) for seed, size in enumerate((0.05, 0.1, 0.1, 0.2))]
    found = model_map(
        [TableMind(p_VV, 200).as_mind() for p_VV in tables], texts_of(origin, sizes, 1)
    )
    for i in range(4):
        for j in range(4):
            exact = (kl_a_byte(tables[i], tables[j]) + kl_a_byte(tables[j], tables[i])) / 2
            assert found.squared_distances[i, j] == pytest.approx(exact, rel=0.1, abs=1e-12)


def test_a_mind_that_is_better_everywhere_stands_at_the_same_place() -> None:
    rng = np.random.default_rng(0)
    num_bytes = rng.integers(10, 1000, 400)
    needed = rng.normal(2, 0.1, 400) * num_bytes
    found = map_of_bits([needed, needed + 0.3 * num_bytes], num_bytes.tolist())
    assert found.squared_distances[0, 1] == pytest.approx(0, abs=1e-12)
    assert found.bits_per_byte_R[1] - found.bits_per_byte_R[0] == pytest.approx(0.3)
    # Centred by text and not by byte, the lengths alone would set them apart.
    apart = np.var(0.3 * num_bytes) * np.log(2) / 2 / num_bytes.mean()
    assert apart > 1


def test_a_text_weighs_one_by_its_bytes() -> None:
    """Texts of 1, 2 and 5 bytes; one mind needs 2, 1 and 1 bits more than the other: half a bit a
    byte, and 1.5, 0 and −1.5 besides."""
    found = map_of_bits([[3, 9, 11], [5, 10, 12]], [1, 2, 5])
    by_hand = (1.5**2 / 1 + 0 / 2 + 1.5**2 / 5) / 3 * np.log(2) / 2
    assert found.squared_distances[0, 1] == pytest.approx(by_hand)


def test_what_minds_know_of_kinds_is_a_part_of_its_own() -> None:
    """One mind is better at drama, the other at the rest; within kinds they differ by chance."""
    rng = np.random.default_rng(0)
    num_bytes = rng.integers(100, 1000, 300)
    kinds = np.array(["drama", "rest", "rest"])[rng.integers(0, 3, 300)]
    chance = rng.normal(size=(2, 300)) * np.sqrt(num_bytes)
    shift = np.where(kinds == "drama", -0.2, 0.1) * num_bytes
    plain, found = (map_of_bits(900 + chance + x, num_bytes.tolist()) for x in (0, [shift, -shift]))
    within = found.within(kinds.tolist())
    assert found.squared_distances[0, 1] > 10 * plain.squared_distances[0, 1]
    assert within.squared_distances[0, 1] == pytest.approx(
        plain.within(kinds.tolist()).squared_distances[0, 1]
    )
    differing = found.points_RN[0] - found.points_RN[1]
    left = within.points_RN[0] - within.points_RN[1]
    assert left @ (differing - left) == pytest.approx(0, abs=1e-9)
    for kind in ("drama", "rest"):
        of_kind = kinds == kind
        assert left[of_kind] @ np.sqrt(num_bytes[of_kind]) == pytest.approx(0, abs=1e-9)


def test_with_texts_of_one_length_it_is_the_published_figure() -> None:
    """KL in bits a byte is Var(log p − log q) / (2 · bytes · ln 2), logarithms natural."""
    needed = np.random.default_rng(0).gamma(9.0, 20, size=(3, 50))
    found = map_of_bits(needed, [128] * 50).squared_distances
    nats = needed * np.log(2)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        by_hand = np.var(nats[i] - nats[j]) / (2 * 128 * np.log(2))
        assert found[i, j] == pytest.approx(by_hand, rel=1e-9)


def test_the_plane_is_classical_scaling_with_fixed_signs() -> None:
    rng = np.random.default_rng(3)
    needed = rng.normal(size=(6, 40)) * np.array([[1], [2], [3], [1], [2], [5]]) + 300
    found = map_of_bits(needed, rng.integers(50, 90, 40).tolist())
    distances = np.sqrt(found.squared_distances)
    theirs = ClassicalMDS(n_components=2, metric="precomputed").fit_transform(distances)
    np.testing.assert_allclose(np.abs(found.layout), np.abs(theirs), atol=1e-6)
    assert (found.layout[np.abs(found.layout).argmax(0), [0, 1]] > 0).all()
    again = map_of_bits(needed[::-1], rng.integers(50, 90, 40).tolist())
    assert (again.layout[np.abs(again.layout).argmax(0), [0, 1]] > 0).all()
    spread = np.square(found.layout).sum(0) / np.square(found.points_RN).sum()
    np.testing.assert_allclose(spread, found.shares)


def test_one_mind_and_two_equal_ones_have_a_place() -> None:
    assert map_of_bits([[3.0, 4.0]], [2, 2]).layout.tolist() == [[0, 0]]
    two = map_of_bits([[3.0, 4.0], [3.0, 4.0]], [2, 2])
    assert (two.shares, two.squared_distances.tolist()) == ((0.0, 0.0), [[0, 0], [0, 0]])


def test_orders_and_seeds_are_told_apart() -> None:
    """Two orders and three seeds: pairs that share a seed, an order, or neither."""
    orders, seeds = ["F", "F", "F", "S", "S", "S"], [0, 1, 2] * 2
    place = np.array([0.0, 1, 2, 10, 11, 12])
    found = orders_against_seeds((place[:, None] - place) ** 2, orders, seeds)
    assert (found.num_orders, found.num_seeds, found.num_both) == (3, 6, 6)
    assert found.orders == 100
    assert found.seeds == pytest.approx((1 + 4 + 1) / 3)
    assert found.ratio == pytest.approx(50)
    halves = orders_against_seeds(np.ones((6, 6)), orders, seeds, ["a", "b", "a"] * 2)
    assert (halves.num_orders, halves.num_seeds, halves.num_both) == (3, 2, 2)
    alone = orders_against_seeds(np.array([[0, np.nan], [np.nan, 0]]), ["F", "S"], [0, 0])
    assert (alone.orders, alone.seeds, alone.ratio) == (None, None, None)


def test_what_makes_no_map() -> None:
    with pytest.raises(InputError, match="a map needs texts"):
        map_of_bits([[1.0]], [0])
    with pytest.raises(InputError, match="a probability of 0"):
        map_of_bits([[np.inf, 1.0]], [1, 1])
