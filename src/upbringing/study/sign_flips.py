"""Sign flips of whole seeds: p of several contrasts jointly, by what the seeds would say otherwise.

Takes differences by seed; without effect each seed's are as likely with the other sign. Nothing is
assumed normal.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from upbringing.identity import generator

FloatArray = npt.NDArray[np.float64]

MOST_SEEDS_ENUMERATED = 12  # 2**12 sign patterns; beyond that, NUM_FLIPS of them are drawn
NUM_FLIPS = 10_000


def step_down_p(differences_SK: FloatArray, *, seed: int) -> FloatArray:
    """Adjusted two-sided p of each column by joint sign flips, shape (num_contrasts,).

    The statistic is q = S·mean²/Σd², a rising function of |t| alone (t² = (S−1)·q/(1−q)) that has
    no division by a spread which a flip can make zero; so max-q is max-t.
    """
    num_seeds = len(differences_SK)
    squares_K = (differences_SK**2).sum(axis=0)
    signs_PS = _sign_patterns(num_seeds, seed)
    share_PK = (signs_PS @ differences_SK) ** 2 / (num_seeds * squares_K)
    observed_K = share_PK[0]  # the first pattern flips nothing

    strongest_first = np.argsort(-observed_K, kind="stable")
    # For each rank, the largest statistic among this contrast and all that are weaker.
    rivals_PK = np.maximum.accumulate(share_PK[:, strongest_first[::-1]], axis=1)[:, ::-1]
    as_large_K = (rivals_PK >= observed_K[strongest_first] - 1e-12).mean(axis=0)
    adjusted_K: FloatArray = np.empty(len(observed_K))
    adjusted_K[strongest_first] = np.maximum.accumulate(as_large_K)
    return adjusted_K


def flips_in_words(num_seeds: int) -> str:
    """How p comes about, for a record's method."""
    enumerated = num_seeds <= MOST_SEEDS_ENUMERATED
    flips = f"all {2**num_seeds}" if enumerated else f"{NUM_FLIPS}"
    return f"p by {flips} sign flips of seeds, step-down max-t"


@lru_cache(maxsize=4)
def _sign_patterns(num_seeds: int, seed: int) -> FloatArray:
    """±1, shape (num_patterns, num_seeds); the first row flips nothing."""
    if num_seeds <= MOST_SEEDS_ENUMERATED:
        bits_PS = np.arange(2**num_seeds)[:, None] >> np.arange(num_seeds) & 1
    else:
        bits_PS = generator(seed, "sign flips").integers(0, 2, (NUM_FLIPS + 1, num_seeds))
        bits_PS[0] = 0
    signs_PS: FloatArray = 1.0 - 2.0 * bits_PS.astype(np.float64)
    return signs_PS
