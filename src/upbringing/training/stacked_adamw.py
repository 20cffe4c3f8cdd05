"""AdamW for a stack of minds: each has its own rates, its own clipping and its own count of steps.

Takes stacked parameters with their gradients, moves each mind by the formula of
`torch.optim.AdamW` (Loshchilov and Hutter 2019, 1711.05101) after its gradient is clipped. Promises
that a mind which is not to move keeps every bit of weights and moments, whatever its gradient is,
and that no mind's figures enter another's: what is left out is chosen by `torch.where`, since zero
times NaN is NaN.

Shapes: Q parameters, P minds. A parameter, its gradient and its moments are (P, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    learns_QP  whether it moves at all: False is frozen, or a mind that takes no part
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
    count_QP             steps that each parameter of each mind has moved
    """

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], habits: StackedHabits, *, compiled: bool
    ) -> None:
        self.parameters, self.habits = dict(parameters), habits
        self.exp_avg = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.exp_avg_sq = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self.count_QP = np.zeros((len(parameters), len(habits.beta1_P)), dtype=np.int64)
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
        self.count_QP += rates.learns_QP
        like = weights[0]
        norm_P = self._update(
            weights,
            [weight.grad for weight in weights],
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
        count_QP = np.maximum(1, self.count_QP)  # where nothing has moved, nothing is moved
        beta1_QP = np.broadcast_to(self.habits.beta1_P, count_QP.shape)
        beta2_QP = np.broadcast_to(rates.beta2_P, count_QP.shape)
        return np.stack(
            [
                1 - rates.lr_QP * self._decay_QP,
                rates.lr_QP / (1 - beta1_QP**count_QP),
                np.sqrt(1 - beta2_QP**count_QP),
                beta1_QP,
                beta2_QP,
                np.broadcast_to(self.habits.clip_norm_P, count_QP.shape),
            ]
        )


def _update(
    weights: list[Tensor],
    gradients: list[Tensor],
    exp_avgs: list[Tensor],
    exp_avg_sqs: list[Tensor],
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
