"""Order memory: can it be read off a mind's activations when it met a scene?

Krasheninnikov et al. 2025 (2509.14223) found that a linear probe tells early from late material in
the activations of a fine-tuned model. Here the scenes are those that a life met once, and three
other explanations are kept out or beside:

    kind     the age that is guessed is the rank among scenes of one kind, so a kind says nothing
    text     the same probe reads the same mind at birth, and minds that met the scenes in another
             order, where there are any: what they give, the text alone gives away
    chance   the same probe is given ages that are shuffled within kinds

Shapes: N scenes, D width, S shuffles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from upbringing.character.between.activations import FloatArray
from upbringing.errors import InputError
from upbringing.identity import generator

FEWEST_SCENES = 30
_FEWEST_OF_KIND = 4
_NUM_FOLDS = 5
_MEAN_RANK = 0.5
_PENALTIES = np.logspace(0, 6, 13)


@dataclass(frozen=True)
class OrderMemory:
    """How well the age of meeting is guessed for scenes that the probe was not made from.

    spearman       rank correlation of guess and age within kinds
    r_squared      share of the variance of age within kinds that is explained; below 0 it is worse
                   than no guess
    auc            how often a scene of the last third of its kind is guessed later than one of the
                   first third
    shuffled_mean  `spearman` where ages are shuffled within kinds, the mean
    shuffled_high  what 95% of the shuffles stay below
    p              (1 + shuffles as high) / (1 + shuffles); None where scenes of one document are
                   among them, since those are not exchangeable
    """

    spearman: float
    r_squared: float
    auc: float
    shuffled_mean: float
    shuffled_high: float
    p: float | None
    num_scenes: int


def order_memory(
    activations_ND: npt.NDArray[Any],
    ages_N: npt.ArrayLike,
    kinds_N: Sequence[str],
    documents_N: Sequence[str],
    *,
    num_shuffles: int = 99,
    seed: int = 0,
) -> OrderMemory:
    """Guess the age at which each scene was met, by ridge regression, five times a fifth held out.

    Scenes of one document are held out together. The penalty is chosen inside what a probe is made
    from. Kinds of fewer than 4 scenes are left out.

    Raises `InputError` for fewer than 30 scenes of that, or all of one document.

    Unit: none; `spearman` from −1 to 1, 0 no memory; `auc` from 0 to 1, 0.5 no memory.
    Cost: five singular value decompositions of N × D; the activations are the cost.
    Fails: text that was laid by a measure, a date or a topic gives its age away to any reader: only
    what is above the mind at birth, and above minds of another order, is memory; a probe needs more
    scenes than the width; it shows that a trace is there, not that the mind uses it.
    """
    kinds, names, counts = np.asarray(kinds_N), *np.unique(kinds_N, return_counts=True)
    is_kept = np.isin(kinds, names[counts >= _FEWEST_OF_KIND])
    activations_ND = np.asarray(activations_ND, dtype=np.float64)[is_kept]
    kinds, documents = kinds[is_kept], np.asarray(documents_N)[is_kept]
    num_documents = len(set(documents.tolist()))
    if len(kinds) < FEWEST_SCENES or num_documents < _NUM_FOLDS:
        raise InputError(
            f"{len(kinds)} scenes of {num_documents} documents are too few to find an order in",
            allowed=f"{FEWEST_SCENES} or more, of {_NUM_FOLDS} documents, {_FEWEST_OF_KIND} a kind",
        )
    targets_N = _within(np.asarray(ages_N, dtype=np.float64)[is_kept], kinds)
    shuffles_NS = [_shuffled(targets_N, kinds, seed, number) for number in range(num_shuffles)]
    targets_NS = np.column_stack([targets_N, *shuffles_NS])
    guesses_NS = _guesses(activations_ND, targets_NS, kinds, documents)
    guessed_N = guesses_NS[:, 0]
    found, *by_chance = _spearman(guesses_NS, targets_NS)
    is_end = (targets_N < 1 / 3) | (targets_N > 2 / 3)
    return OrderMemory(
        spearman=float(found),
        r_squared=float(r2_score(targets_N, guessed_N)),
        auc=float(roc_auc_score(targets_N[is_end] > _MEAN_RANK, guessed_N[is_end])),
        shuffled_mean=float(np.mean(by_chance)),
        shuffled_high=float(np.quantile(by_chance, 0.95)),
        p=(1 + int(np.sum(np.array(by_chance) >= found))) / (1 + num_shuffles)
        if num_documents == len(documents)
        else None,
        num_scenes=len(kinds),
    )


def _within(ages_N: FloatArray, kinds: npt.NDArray[Any]) -> FloatArray:
    """The rank of each age among those of its kind, from above 0 to below 1; ties share theirs."""
    ranks_N = np.zeros(len(ages_N))
    for kind in np.unique(kinds):
        own = kinds == kind
        ranks_N[own] = (rankdata(ages_N[own]) - 0.5) / own.sum()
    return ranks_N


def _shuffled(targets_N: FloatArray, kinds: npt.NDArray[Any], seed: int, number: int) -> FloatArray:
    draws, shuffled_N = generator(seed, "order memory", str(number)), targets_N.copy()
    for kind in np.unique(kinds):
        own = kinds == kind
        shuffled_N[own] = draws.permutation(targets_N[own])
    return shuffled_N


def _guesses(
    activations_ND: FloatArray,
    targets_NS: FloatArray,
    kinds: npt.NDArray[Any],
    documents: npt.NDArray[Any],
) -> FloatArray:
    """A guess at each target of each scene, by a probe that has not seen its document: (N, S).

    A probe is made from what a scene differs in from the others of its kind. Else it would learn
    that a kind is late of which the early scenes are held out, and guess these wrong.
    """
    codes = np.unique(kinds, return_inverse=True)[1]
    guesses_NS = np.zeros_like(targets_NS)
    for made_from, held_out in GroupKFold(_NUM_FOLDS).split(activations_ND, groups=documents):
        of_kind_ND, of_kind_NS = (
            _kind_means(x[made_from], codes[made_from], codes.max() + 1)[codes]
            for x in (activations_ND, targets_NS)
        )
        own_ND, own_NS = activations_ND - of_kind_ND, targets_NS - of_kind_NS
        scale = StandardScaler(with_mean=False).fit(own_ND[made_from])
        probe = RidgeCV(_PENALTIES, alpha_per_target=True, fit_intercept=False)
        probe.fit(scale.transform(own_ND[made_from]), own_NS[made_from])
        guesses_NS[held_out] = _MEAN_RANK + probe.predict(scale.transform(own_ND[held_out]))
    return guesses_NS


def _kind_means(x_ND: FloatArray, codes_N: npt.NDArray[np.int64], num_kinds: int) -> FloatArray:
    """The mean of each kind, (K, D); of a kind that is not there, that of all."""
    is_kind_NK = codes_N[:, None] == np.arange(num_kinds)
    sums_KD, counts_K = is_kind_NK.T.astype(np.float64) @ x_ND, is_kind_NK.sum(0)
    means_KD: FloatArray = np.where(
        counts_K[:, None] > 0, sums_KD / np.maximum(counts_K, 1)[:, None], x_ND.mean(0)
    )
    return means_KD


def _spearman(guesses_NS: FloatArray, targets_NS: FloatArray) -> FloatArray:
    """Spearman's rank correlation of each column of the two: (S,)."""
    a_NS, b_NS = (rankdata(x_NS, axis=0) for x_NS in (guesses_NS, targets_NS))
    a_NS, b_NS = a_NS - a_NS.mean(0), b_NS - b_NS.mean(0)
    sizes_S = np.sqrt(np.square(a_NS).sum(0) * np.square(b_NS).sum(0))
    correlation_S: FloatArray = (a_NS * b_NS).sum(0) / np.where(sizes_S > 0, sizes_S, 1.0)
    return correlation_S
