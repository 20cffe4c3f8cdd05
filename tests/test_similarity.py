"""CKA without bias and Procrustes: known truths, and other ways to the same figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from upbringing.character.between.similarity import debiased_cka, procrustes, shuffled
from upbringing.errors import InputError

N, D = 200, 400


def noise(seed: int, num_passages: int = N, width: int = D) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num_passages, width))


def biased_cka(x_ND: np.ndarray, y_ND: np.ndarray) -> float:
    """Kornblith et al. 2019, as it is."""
    x_ND, y_ND = x_ND - x_ND.mean(0), y_ND - y_ND.mean(0)
    sizes = np.linalg.norm(x_ND.T @ x_ND) * np.linalg.norm(y_ND.T @ y_ND)
    return float(np.linalg.norm(x_ND.T @ y_ND) ** 2 / sizes)


def song_hsic(gram_k: np.ndarray, gram_l: np.ndarray) -> float:
    """Song et al. 2012, equation 5, term by term."""
    n = len(gram_k)
    k, l_ = (gram - np.diag(np.diag(gram)) for gram in (gram_k, gram_l))
    ones = np.ones(n)
    inner = np.trace(k @ l_)
    sums = (ones @ k @ ones) * (ones @ l_ @ ones) / ((n - 1) * (n - 2))
    crossed = 2 / (n - 2) * (ones @ k @ l_ @ ones)
    return float((inner + sums - crossed) / (n * (n - 3)))


def test_noise_has_nothing_in_common_and_the_biased_figure_says_it_has() -> None:
    for seed in range(3):
        x_ND, y_ND = noise(2 * seed), noise(2 * seed + 1)
        assert biased_cka(x_ND, y_ND) == pytest.approx(0.67, abs=0.01)
        assert abs(debiased_cka([x_ND, y_ND])[0, 1]) < 0.02


def test_cka_is_the_estimator_of_song_et_al() -> None:
    x_ND, y_ND = noise(0, 30, 7), noise(1, 30, 5)
    y_ND[:, :5] += x_ND[:, :5]
    k, l_ = x_ND @ x_ND.T, y_ND @ y_ND.T
    by_hand = song_hsic(k, l_) / np.sqrt(song_hsic(k, k) * song_hsic(l_, l_))
    assert debiased_cka([x_ND, y_ND])[0, 1] == pytest.approx(by_hand, abs=1e-9)


def test_rotation_scale_and_shift_change_nothing() -> None:
    x_ND, other_ND = noise(0, 60, 12), noise(1, 60, 12)
    turned = 3.7 * x_ND @ ortho_group.rvs(12, random_state=0) + 5
    cka = debiased_cka([x_ND, turned, other_ND])
    assert cka[0, 1] == pytest.approx(1, abs=1e-9)
    assert cka[0, 2] == pytest.approx(cka[1, 2], abs=1e-9)
    distance = procrustes([x_ND, turned, other_ND])
    assert distance[0, 1] == pytest.approx(0, abs=1e-9)
    assert distance[0, 2] == pytest.approx(distance[1, 2], abs=1e-9)
    assert 0.5 < distance[0, 2] < 2
    stretched = x_ND * np.linspace(1, 9, 12)  # no rotation: it is seen
    assert debiased_cka([x_ND, stretched])[0, 1] < 0.9
    assert procrustes([x_ND, stretched])[0, 1] > 0.1


def test_procrustes_is_what_scipys_rotation_leaves() -> None:
    x_ND, y_ND = noise(0, 50, 9), noise(1, 50, 9)
    y_ND += x_ND
    a, b = (z - z.mean(0) for z in (x_ND, y_ND))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    rotation, _ = orthogonal_procrustes(a, b)
    left = np.linalg.norm(a @ rotation - b) ** 2
    assert procrustes([x_ND, y_ND])[0, 1] == pytest.approx(left, abs=1e-9)


def test_a_narrower_one_counts_as_filled_up_with_zeros() -> None:
    x_ND, y_ND = noise(0, 50, 9), noise(1, 50, 4)
    filled = np.hstack([y_ND, np.zeros((50, 5))])
    assert procrustes([x_ND, y_ND])[0, 1] == pytest.approx(procrustes([x_ND, filled])[0, 1])


def test_what_is_unrelated_at_these_sizes_is_seen_by_shuffling() -> None:
    """With more axes than passages the distance calls everything close; shuffled too."""
    x_ND = noise(0, 20, 50)
    pair = [x_ND, x_ND @ ortho_group.rvs(50, random_state=1)]
    assert procrustes(pair)[0, 1] == pytest.approx(0, abs=1e-9)
    chance = shuffled(pair)
    assert sorted(chance[0][:, 0]) == sorted(x_ND[:, 0])
    assert 0 < procrustes(chance)[0, 1] < 1
    np.testing.assert_array_equal(chance[1], shuffled(pair)[1])


def test_what_tells_nothing() -> None:
    with pytest.raises(InputError, match="3 passages tell nothing"):
        debiased_cka([noise(0, 3, 2)])
    with pytest.raises(InputError, match="representations of 5, 6 passages"):
        procrustes([noise(0, 5, 2), noise(1, 6, 2)])
    assert np.isnan(debiased_cka([np.ones((9, 3)), noise(0, 9, 3)])[0, 1])
