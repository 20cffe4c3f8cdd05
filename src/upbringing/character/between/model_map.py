"""The model map: minds as points, by how likely each finds the same texts.

Oyama et al. 2025 (2502.16173) take the vector of a model's log-likelihoods of N fixed texts, centre
the matrix of all models twice, and find that the squared distance of two models is N times twice
their Kullback–Leibler divergence in nats a text. Why: with d(s) = log p(s) − log q(s) and p near q,
1 = Σ q·exp(d) gives E[d] + ½·Var[d] ≈ 0, hence KL ≈ ½·Var[d]; the variance over texts is what twice
centring leaves.

Their texts are of one length. Ours are scenes of many, and a mind that is better by δ bits a byte
is better by δ·bytes on each: with unlike lengths that alone would be variance. So what each mind
needs on average is taken away as bits a byte, not as bits a text, and a text of b bytes weighs 1/b,
since the variance of d grows with length. With texts of one length nothing is changed. Coordinates
are scaled so that

    ‖point of p − point of q‖² ≈ KL(p ‖ q) in bits a byte, over text like the one that was asked.

This holds for text that both minds could have written. Where one mind knows a kind of text better
and the other another kind, d has another mean in each kind, which is no divergence of next tokens,
and adds up over a text. `within` takes that part away; the two parts sum to the whole.

Shapes: R minds, N texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.character.between.activations import FloatArray
from upbringing.character.likelihood import Passage, bits
from upbringing.errors import InputError
from upbringing.training import Mind


@dataclass(frozen=True)
class ModelMap:
    """Where R minds stand.

    points_RN        their coordinates, with the mean of all minds at 0
    bits_per_byte_R  what each needs for all texts together, which the points leave out
    num_bytes_N      how long the texts are
    """

    points_RN: FloatArray
    bits_per_byte_R: FloatArray
    num_bytes_N: FloatArray

    @cached_property
    def squared_distances(self) -> FloatArray:
        """(R, R), about the Kullback–Leibler divergence in bits a byte."""
        gram_RR = self.points_RN @ self.points_RN.T
        own_R = np.diag(gram_RR)
        distances_RR: FloatArray = np.maximum(own_R[:, None] + own_R - 2 * gram_RR, 0.0)
        np.fill_diagonal(distances_RR, 0.0)
        return distances_RR

    def within(self, kinds: Sequence[str]) -> ModelMap:
        """The map without what each mind needs of each kind of text on average, bits a byte.

        `kinds` are those of the texts, (N,). Squared distances fall by those of the kinds' means.
        """
        is_kind_NK = np.asarray(kinds)[:, None] == np.unique(kinds)
        axes_NK = is_kind_NK * np.sqrt(self.num_bytes_N)[:, None]
        axes_NK /= np.linalg.norm(axes_NK, axis=0)
        left_RN = self.points_RN - self.points_RN @ axes_NK @ axes_NK.T
        return replace(self, points_RN=left_RN)

    @property
    def layout(self) -> FloatArray:
        """The points in a plane, (R, 2), by classical multidimensional scaling (Torgerson 1952).

        These are the two principal axes of the points. Each is signed so that its coordinate of the
        largest size is positive.
        """
        return self._axes[0]

    @property
    def shares(self) -> tuple[float, float]:
        """The share of all squared distance that each axis of the plane holds."""
        return self._axes[1]

    @cached_property
    def _axes(self) -> tuple[FloatArray, tuple[float, float]]:
        u_RK, sizes_K, _ = np.linalg.svd(self.points_RN, full_matrices=False)
        plane_R2 = np.zeros((len(u_RK), 2))
        num_axes = min(2, len(sizes_K))
        plane_R2[:, :num_axes] = u_RK[:, :num_axes] * sizes_K[:num_axes]
        largest_2 = np.abs(plane_R2).argmax(0)
        signs_2 = np.where(plane_R2[largest_2, [0, 1]] < 0, -1.0, 1.0)
        total = float((sizes_K**2).sum())
        shares = [float(size**2 / total) if total else 0.0 for size in sizes_K[:2]]
        first, second = [*shares, 0.0, 0.0][:2]
        return plane_R2 * signs_2, (first, second)


def model_map(minds: Sequence[Mind], passages: Sequence[Passage]) -> ModelMap:
    """The map of minds by the same passages, which none of them has read.

    Unit: squared distances are bits a byte of the passages' text.
    Cost: one forward pass of each mind over all passages, one mind after another.
    Fails: the approximation holds for minds that are near each other, on texts that they could have
    written; between minds that are far apart, or know other kinds of text best, the figure lies
    above their divergence (`ModelMap.within` is then nearer), and orders more than measures. With N
    texts a squared distance varies by about √(2 / N) of itself. Two axes of almost one size may
    turn into each other when a mind is added.
    """
    sizes = [passage.num_bytes for passage in passages]
    return map_of_bits(np.stack([bits(mind, passages) for mind in minds]), sizes)


def map_of_bits(bits_RN: npt.ArrayLike, num_bytes_N: Sequence[int]) -> ModelMap:
    """The map of minds that need so many bits, −log₂ p, for texts of so many bytes.

    Raises `InputError` for empty texts and for bits that are no numbers.
    """
    needed_RN = np.asarray(bits_RN, dtype=np.float64)
    bytes_N = np.asarray(num_bytes_N, dtype=np.float64)
    if not len(bytes_N) or bytes_N.min() <= 0:
        raise InputError("a map needs texts, and each needs a byte or more")
    if not np.isfinite(needed_RN).all():
        raise InputError("a mind gives a text a probability of 0, or none at all")
    rates_R = needed_RN.sum(1) / bytes_N.sum()
    own_RN = (needed_RN - rates_R[:, None] * bytes_N) / np.sqrt(bytes_N)
    points_RN = (own_RN - own_RN.mean(0)) * np.sqrt(np.log(2) / 2 / len(bytes_N))
    return ModelMap(points_RN, rates_R, bytes_N)


@dataclass(frozen=True)
class OrdersAgainstSeeds:
    """The mean of a figure over three sorts of pairs; None where no such pair has it.

    orders  of minds of one seed, raised on other orders
    seeds   of minds of other seeds, raised on one order (of an arm: each on its own draw of it)
    both    of minds that differ in both
    """

    orders: float | None
    seeds: float | None
    both: float | None
    num_orders: int
    num_seeds: int
    num_both: int

    @property
    def ratio(self) -> float | None:
        """`orders` in units of `seeds`; None where one of them is not known, or seeds are one."""
        if self.orders is None or not self.seeds:
            return None
        return self.orders / self.seeds


def orders_against_seeds(
    figures_RR: npt.NDArray[Any],
    orders: Sequence[str],
    seeds: Sequence[int],
    groups: Sequence[str] | None = None,
) -> OrdersAgainstSeeds:
    """What another order changes beside what another seed changes, in the figure's own unit.

    Of squared distances, `orders` holds twice the variance of orders and of what is left over,
    `seeds` twice the variance of seeds and of what is left over, in an additive design. Only minds
    of one of the `groups` are paired: of one schedule, say. A figure that is nan is left out.

    Unit: that of the figures.
    Cost: none beside that of the figures.
    Fails: it describes these minds and tests nothing: pairs share minds and are not independent. An
    order that draws anew for each seed, as a shuffle does, counts its draw among the seeds.
    """
    same_order, same_seed, same_group = (
        np.equal.outer(labels, labels)
        for labels in map(np.asarray, (orders, seeds, groups or [""] * len(orders)))
    )
    is_pair = np.triu(same_group, 1) & np.isfinite(figures_RR)
    means: list[float | None] = []
    numbers: list[int] = []
    for is_meant in (same_seed & ~same_order, same_order & ~same_seed, ~(same_order | same_seed)):
        found = figures_RR[is_meant & is_pair]
        numbers.append(len(found))
        means.append(float(found.mean()) if len(found) else None)
    return OrdersAgainstSeeds(means[0], means[1], means[2], numbers[0], numbers[1], numbers[2])
