"""Direction: where in a mind's streams one pole lies from the other, and how clearly.

The direction of a trait in a layer is the mean activation of texts of the positive pole minus that
of the negative pole's (as in Marks and Tegmark 2023, 2310.06824). How far apart the poles are along
it is told on texts that it was not made from.

Shapes: L layers, N and M texts of the two poles, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.character.between.activations import FloatArray
from upbringing.character.between.birth import check_one_birth
from upbringing.errors import InputError
from upbringing.identity import generator

_NUM_FOLDS = 5
_NUM_RANDOM = 200
_NUM_DEALT = 99


@dataclass(frozen=True)
class Direction:
    """A trait's direction in one layer.

    vector_D        from the mean of the negative pole to that of the positive one, all texts
    d_prime         how far apart the poles are along it, on texts that it was not made from
    chance_d_prime  what d′ stays below in 95% of cases where poles are dealt anew to the groups
    random_d_prime  the |d′| that 95% of random directions stay below: high where the poles differ
                    along most axes, so that hardly any direction is special
    num_groups      groups of texts, each of which was kept together
    birth           `birth_of` the mind's recipe, or any name that minds of one initialisation share
    """

    layer: int
    vector_D: FloatArray
    d_prime: float
    chance_d_prime: float
    random_d_prime: float
    num_groups: int
    birth: str

    @property
    def is_found(self) -> bool:
        """Whether the poles are further apart than in 95% of cases where they are dealt anew."""
        return self.d_prime > self.chance_d_prime


def trait_directions(
    positive_LND: npt.NDArray[Any],
    negative_LMD: npt.NDArray[Any],
    groups: tuple[Sequence[str], Sequence[str]] | None = None,
    *,
    birth: str,
) -> list[Direction]:
    """The direction from the negative pole to the positive one in each layer, with its d′.

        d′ = (mean of s⁺ − mean of s⁻) / √((var s⁺ + var s⁻) / 2)

    of the texts' places s along a direction (Green and Swets 1966). Five times a fifth of the
    groups is held out, the direction made from the others, and the texts held out are placed along
    it, from the middle between the poles. `groups` name the group of each text, N and M of them:
    the event of a same-content pair, or the work. By default the i-th texts of both poles are one.
    By chance: where the poles of each group that has both are swapped or not, and those of the
    other groups are permuted.

    Raises `InputError` for fewer than 5 groups, or 2 of a pole.

    Unit: standard deviations of a pole's texts; a linear reader of that one number is right in
    Φ(d′/2) of cases where both poles scatter alike.
    Cost: five hundred means; the activations are the cost, one forward pass over the texts.
    Fails: whatever else differs between the poles is in it, unless pairs tell of the same event; at
    few groups it scatters by about √(2/N); a layer that holds no such axis gives about 0; a large
    d′ says that the mind knows the difference, not that it has the trait.
    """
    own, other = groups or (_numbered(positive_LND), _numbered(negative_LMD))
    _check(own, other)
    groups_T = np.unique([*own, *other], return_inverse=True)[1]
    is_positive = np.arange(len(groups_T)) < len(own)
    dealt_CT = _dealt_anew(is_positive, groups_T)
    texts_LTD = np.concatenate([positive_LND, negative_LMD], axis=1).astype(np.float64)
    directions = []
    for layer, texts_TD in enumerate(texts_LTD):
        by_chance = [_held_out_d_prime(texts_TD, dealt, groups_T) for dealt in dealt_CT]
        directions.append(
            Direction(
                layer,
                _difference(texts_TD, is_positive)[0],
                _held_out_d_prime(texts_TD, is_positive, groups_T),
                float(np.quantile(by_chance, 0.95)),
                _random_d_prime(texts_TD, is_positive, layer),
                int(groups_T.max()) + 1,
                birth,
            )
        )
    return directions


def direction_cosine(first: Direction, second: Direction) -> float:
    """The cosine of the directions of one trait in two minds.

    Raises `ComparisonError` for minds of two initialisations, whose streams have no axis in common,
    and `InputError` for two layers.

    Unit: none; 1 the same direction, 0 what two random ones have, give or take 1/√D.
    Cost: none.
    Fails: minds of one initialisation drift apart while they learn, so a low cosine is no proof of
    another trait; a mean that a few large axes rule gives a high one for nothing.
    """
    check_one_birth((first.birth, second.birth), "the cosine of two directions")
    if first.layer != second.layer:
        raise InputError(f"layer {first.layer} has other axes than layer {second.layer}")
    sizes = np.linalg.norm(first.vector_D) * np.linalg.norm(second.vector_D)
    return float(first.vector_D @ second.vector_D / sizes) if sizes else 0.0


def _check(own: Sequence[str], other: Sequence[str]) -> None:
    """Raise `InputError` for fewer groups than can be held out."""
    num_groups = len({*own, *other})
    if num_groups < _NUM_FOLDS or min(len({*own}), len({*other})) < 2:
        raise InputError(
            f"a direction is held out on groups of texts, and here are {num_groups}",
            allowed=f"{_NUM_FOLDS} or more, 2 of each pole",
        )


def _numbered(texts_LND: npt.NDArray[Any]) -> list[str]:
    return [str(number) for number in range(texts_LND.shape[1])]


def _difference(
    texts_TD: FloatArray, is_positive: npt.NDArray[np.bool_]
) -> tuple[FloatArray, float]:
    """From the mean of the negative texts to that of the positive ones; the middle along it."""
    above_D, below_D = texts_TD[is_positive].mean(0), texts_TD[~is_positive].mean(0)
    vector_D: FloatArray = above_D - below_D
    return vector_D, float((above_D + below_D) @ vector_D / 2)


def _held_out_d_prime(
    texts_TD: FloatArray, is_positive: npt.NDArray[np.bool_], groups_T: npt.NDArray[np.int64]
) -> float:
    """d′ of the texts, each placed along the direction of the groups that it is not in."""
    folds_T, places_T = _folds(is_positive, groups_T), np.zeros(len(texts_TD))
    for fold in range(_NUM_FOLDS):
        is_held_out = folds_T == fold
        vector_D, middle = _difference(texts_TD[~is_held_out], is_positive[~is_held_out])
        size = np.linalg.norm(vector_D) or 1.0
        places_T[is_held_out] = (texts_TD[is_held_out] @ vector_D - middle) / size
    return _d_prime(places_T, is_positive)


def _folds(
    is_positive: npt.NDArray[np.bool_], groups_T: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The fold of each text, (T,): groups are dealt in turns, those of one pole together."""
    order = np.argsort(_shares(is_positive, groups_T), kind="stable")
    return (np.argsort(order) % _NUM_FOLDS)[groups_T]


def _shares(is_positive: npt.NDArray[np.bool_], groups_T: npt.NDArray[np.int64]) -> FloatArray:
    """The share of positive texts in each group, (G,)."""
    shares_G: FloatArray = np.bincount(groups_T, weights=is_positive) / np.bincount(groups_T)
    return shares_G


def _dealt_anew(
    is_positive: npt.NDArray[np.bool_], groups_T: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which texts are positive where poles are dealt to groups by chance: (C, T)."""
    shares_G = _shares(is_positive, groups_T)
    is_mixed_G = (shares_G > 0) & (shares_G < 1)
    dealt = []
    for number in range(_NUM_DEALT):
        draws = generator(0, "poles dealt anew", str(number))
        is_swapped_G, pole_G = draws.random(len(shares_G)) < 0.5, shares_G > 0.5
        pole_G[~is_mixed_G] = draws.permutation(pole_G[~is_mixed_G])
        swapped_T = is_positive ^ is_swapped_G[groups_T]
        dealt.append(np.where(is_mixed_G[groups_T], swapped_T, pole_G[groups_T]))
    return np.stack(dealt)


def _d_prime(places_T: FloatArray, is_positive: npt.NDArray[np.bool_]) -> float:
    above, below = places_T[is_positive], places_T[~is_positive]
    spread = np.sqrt((above.var(ddof=1) + below.var(ddof=1)) / 2)
    return float((above.mean() - below.mean()) / spread) if spread else 0.0


def _random_d_prime(texts_TD: FloatArray, is_positive: npt.NDArray[np.bool_], layer: int) -> float:
    draws = generator(0, "random directions", str(layer))
    places_TR = texts_TD @ draws.standard_normal((texts_TD.shape[1], _NUM_RANDOM))
    found = [abs(_d_prime(places_T, is_positive)) for places_T in places_TR.T]
    return float(np.quantile(found, 0.95))
