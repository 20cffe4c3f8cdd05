"""AdamW for a stack of minds: each has its own rates, its own clipping and its own count of steps.

Takes stacked parameters with their gradients, moves each mind by the formula of
`torch.optim.AdamW` (Loshchilov and Hutter 2019, 1711.05101) after its gradient is clipped. Promises
that a mind which is not to move keeps every bit of weights and moments, whatever its gradient is,
and that no mind's figures enter another's: what is left out is chosen by `torch.where`, since zero
times NaN is NaN.

Shapes: Q parameters, P minds. A parameter, its gradient and its moments are (P, ...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

EPSILON = 1e-8


@dataclass(frozen=True)
class StackedRates:
    """What holds in one step.

    lr_QP      learning rate of each parameter of each mind
    learns_QP  whether it moves at all: False where it is frozen, or its mind takes no part
    beta2_P    AdamW's β₂ of each mind
    """

    lr_QP: Floats
    learns_QP: Bools
    beta2_P: Floats


@dataclass(frozen=True)
class StackedHabits:
    """What holds for each mind's whole life, arrays of shape (P,); decay is of matrices only."""

    beta1_P: Floats
    weight_decay_P: Floats
    clip_norm_P: Floats


class StackedAdamW:
    """The optimiser and its state.

    exp_avg, exp_avg_sq  moments by the parameter's name, (P, ...)
    count_QP             steps each parameter of each mind has moved since its moments began
    beta2s_QP            product of β₂ over these steps; 1 − it is the second moment's bias, also
                         where β₂ changes with the batch size
    """

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], habits: StackedHabits, *, compiled: bool
    ) -> None:
        self.parameters, self.habits = dict(parameters), habits
        self.exp_avg = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.exp_avg_sq = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.count_QP = np.zeros((len(parameters), len(habits.beta1_P)))
        self.beta2s_QP = np.ones_like(self.count_QP)
        is_matrix_Q = np.array([p.ndim == 3 for p in parameters.values()])
        self._decay_QP = is_matrix_Q[:, None] * habits.weight_decay_P
        self._update = torch.compile(_update, dynamic=False) if compiled else _update

    @torch.no_grad()
    def step(self, rates: StackedRates, is_finite_P: Tensor) -> Tensor:
        """Move the minds that learn and whose loss and gradient are finite; drops the gradients.

        `is_finite_P` says it of the loss. Gives each mind's gradient norm before clipping, (P,),
        over the parameters that learn.
        """
        weights = list(self.parameters.values())
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        like = weights[0]
        norm_P = self._update(
            weights,
            gradients,
            list(self.exp_avg.values()),
            list(self.exp_avg_sq.values()),
            torch.as_tensor(self._factors(rates), dtype=like.dtype, device=like.device),
            torch.as_tensor(rates.learns_QP, device=like.device),
            is_finite_P,
        )
        for weight in weights:
            weight.grad = None
        return norm_P

    def _factors(self, rates: StackedRates) -> Floats:
        """What `_update` multiplies by, (6, Q, P), reckoned in double precision.

        A mind that diverges in this step is counted as if it moved; it never moves again.
        """
        learns_QP = rates.learns_QP
        self.count_QP += learns_QP
        beta1_QP = np.broadcast_to(self.habits.beta1_P, learns_QP.shape)
        beta2_QP = np.broadcast_to(rates.beta2_P, learns_QP.shape)
        self.beta2s_QP *= np.where(learns_QP, beta2_QP, 1.0)
        bias1_QP = np.where(learns_QP, 1 - beta1_QP**self.count_QP, 1.0)
        return np.stack(
            [
                1 - rates.lr_QP * self._decay_QP,
                rates.lr_QP / bias1_QP,
                np.sqrt(np.where(learns_QP, 1 - self.beta2s_QP, 1.0)),
                beta1_QP,
                beta2_QP,
                np.broadcast_to(self.habits.clip_norm_P, learns_QP.shape),
            ]
        )

    def begin_anew(self, index: int) -> None:
        """Forget the moments of a mind."""
        for moments in (self.exp_avg, self.exp_avg_sq):
            for moment in moments.values():
                moment[index].zero_()
        self.count_QP[:, index], self.beta2s_QP[:, index] = 0, 1

    def state(self, index: int) -> dict[str, Tensor]:
        """All that the optimiser knows of a mind; `restore` is the inverse."""
        tensors = {f"exp_avg.{name}": m[index] for name, m in self.exp_avg.items()}
        tensors |= {f"exp_avg_sq.{name}": m[index] for name, m in self.exp_avg_sq.items()}
        clocks = {"count": self.count_QP, "beta2s": self.beta2s_QP}
        return tensors | {key: torch.tensor(clock[:, index]) for key, clock in clocks.items()}

    def restore(self, index: int, tensors: Mapping[str, Tensor]) -> None:
        """Put a mind's state back, to the bit."""
        for key, moments in (("exp_avg", self.exp_avg), ("exp_avg_sq", self.exp_avg_sq)):
            for name, moment in moments.items():
                moment[index].copy_(tensors[f"{key}.{name}"])
        self.count_QP[:, index] = tensors["count"].numpy()
        self.beta2s_QP[:, index] = tensors["beta2s"].numpy()


def _update(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    exp_avgs: Sequence[Tensor],
    exp_avg_sqs: Sequence[Tensor],
    factors_6QP: Tensor,
    learns_QP: Tensor,
    is_finite_P: Tensor,
) -> Tensor:
    """Move in place, give the gradient norms; one function, so that a compiler can fuse it."""
    norms_QP = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
    norm_P: Tensor = torch.linalg.vector_norm(norms_QP.where(learns_QP, 0.0), dim=0)
    moves_QP = learns_QP & is_finite_P & norm_P.isfinite()
    clip_P = (factors_6QP[5, 0] / (norm_P + 1e-6)).clamp(max=1.0)
    for q, (weight, gradient, exp_avg, exp_avg_sq) in enumerate(
        zip(weights, gradients, exp_avgs, exp_avg_sqs, strict=True)
    ):
        along = (-1, *[1] * (weight.ndim - 1))
        moves = moves_QP[q].view(along)
        shrink, rate, root, beta1, beta2, _ = (f.view(along) for f in factors_6QP[:, q])
        clipped = gradient * clip_P.view(along)
        first = exp_avg * beta1 + clipped * (1 - beta1)
        second = exp_avg_sq * beta2 + clipped.square() * (1 - beta2)
        moved = weight * shrink - rate * first / (second.sqrt() / root + EPSILON)
        exp_avg.copy_(first.where(moves, exp_avg))
        exp_avg_sq.copy_(second.where(moves, exp_avg_sq))
        weight.copy_(moved.where(moves, weight))
    return norm_P
