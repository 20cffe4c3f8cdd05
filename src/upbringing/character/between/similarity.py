"""Similarity: do two minds place the same passages alike, however their axes are turned?

Takes representations of the same N passages, one a mind, (N, D); the widths may differ.

Shapes: R representations, N passages, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.character.between.activations import FloatArray
from upbringing.errors import InputError
from upbringing.identity import generator

Representations = Sequence[npt.NDArray[Any]]

FEWEST_PASSAGES = 4


def debiased_cka(representations: Representations) -> FloatArray:
    """Linear centred kernel alignment of each two representations, without its bias: (R, R).

    CKA (Kornblith et al. 2019, 1905.00414) is HSIC(K, L) / √(HSIC(K, K)·HSIC(L, L)) of the Gram
    matrices. HSIC is taken by its unbiased estimator (Song et al. 2012, JMLR 13), as by Nguyen et
    al. 2021 (2010.15327) and Murphy et al. 2024 (2405.01012): the inner product of the Gram
    matrices, each centred so that all rows sum to 0 without its diagonal, over N(N − 3).

    Raises `InputError` for fewer than 4 passages, and where their numbers differ.

    Unit: none; 1 the same but for rotation, scale and shift, 0 nothing in common; a figure below 0
    is chance.
    Cost: R·N² numbers in memory, R²·N² multiplications.
    Fails: a few passages far from all others decide alone (Davari et al. 2022, 2210.16156); on
    noise it varies by about 1.4 / N; passages must be independent, so tokens of one text are not; a
    layer that holds the same for every passage has no figure, nan.
    """
    num_passages = _check(representations)
    centred_RNN = np.stack([_u_centred(x_ND @ x_ND.T) for x_ND in map(_as_fp64, representations)])
    flat_RM = centred_RNN.reshape(len(representations), num_passages**2)
    products_RR = flat_RM @ flat_RM.T
    norms_R = np.sqrt(np.diag(products_RR))
    with np.errstate(invalid="ignore", divide="ignore"):
        cka_RR: FloatArray = products_RR / (norms_R[:, None] * norms_R)
    return cka_RR


def procrustes(representations: Representations) -> FloatArray:
    """The orthogonal Procrustes distance of each two representations, squared: (R, R).

    Each is centred and scaled to a Frobenius norm of 1. What is left between X and Y after the best
    rotation of one (Schönemann 1966, 10.1007/BF02289451) is then 2 − 2·‖XᵀY‖*, with the nuclear
    norm (Ding et al. 2021, 2108.01661). The narrower of two counts as filled up with zeros.

    Raises `InputError` as `debiased_cka` does.

    Unit: none; 0 the same but for rotation, scale and shift, 2 nothing in common.
    Cost: R²/2 singular value decompositions of D × D.
    Fails: it is biased toward 0 where passages are not many times the width, so that unrelated
    representations may seem close: read it beside the same figure of `shuffled` ones.
    """
    _check(representations)
    shapes = [_normed(x_ND) for x_ND in map(_as_fp64, representations)]
    distances_RR = np.zeros((len(shapes), len(shapes)))
    for i, x_ND in enumerate(shapes):
        for j in range(i + 1, len(shapes)):
            overlap = np.linalg.svd(x_ND.T @ shapes[j], compute_uv=False).sum()
            distances_RR[i, j] = distances_RR[j, i] = max(0.0, 2 - 2 * overlap)
    return distances_RR


def shuffled(representations: Representations, seed: int = 0) -> list[npt.NDArray[Any]]:
    """Each with its passages in a random order of its own: what is unrelated, at these sizes."""
    return [
        x_ND[generator(seed, "shuffled passages", str(number)).permutation(len(x_ND))]
        for number, x_ND in enumerate(representations)
    ]


def _check(representations: Representations) -> int:
    """The number of passages, which all must have."""
    numbers = {len(x_ND) for x_ND in representations}
    if len(numbers) > 1:
        found = ", ".join(map(str, sorted(numbers)))
        raise InputError(f"representations of {found} passages are not of the same ones")
    num_passages = numbers.pop()
    if num_passages < FEWEST_PASSAGES:
        raise InputError(
            f"{num_passages} passages tell nothing", allowed=f"{FEWEST_PASSAGES} or more"
        )
    return num_passages


def _as_fp64(x_ND: npt.NDArray[Any]) -> FloatArray:
    return x_ND.astype(np.float64)


def _u_centred(gram_NN: FloatArray) -> FloatArray:
    """The Gram matrix centred without its diagonal (Székely and Rizzo 2014, 10.1214/14-AOS1255).

    The inner product of two of these is N(N − 3) times Song et al.'s estimator.
    """
    n = len(gram_NN)
    np.fill_diagonal(gram_NN, 0.0)
    sums_N = gram_NN.sum(1) / (n - 2)
    centred_NN: FloatArray = gram_NN - sums_N[:, None] - sums_N + sums_N.sum() / (n - 1)
    np.fill_diagonal(centred_NN, 0.0)
    return centred_NN


def _normed(x_ND: FloatArray) -> FloatArray:
    centred_ND = x_ND - x_ND.mean(0)
    norm = np.linalg.norm(centred_ND)
    normed_ND: FloatArray = centred_ND / norm if norm else centred_ND
    return normed_ND
