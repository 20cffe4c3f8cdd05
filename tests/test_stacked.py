"""A stack of minds is its minds: the same losses, gradients and steps as each alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from upbringing.errors import InputError
from upbringing.training import Decoder, Shape
from upbringing.training.stacked import StackedDecoder
from upbringing.training.stacked_adamw import StackedAdamW, StackedHabits, StackedRates

SHAPE = Shape(16, 2, 2, 24, num_vocab=50, peak_lr=1e-2)
P, B, T = 3, 2, 12
PEAK_P = np.array([1e-2, 3e-3, 2e-2])
BETA2_P = np.array([0.95, 0.99, 0.9])
HABITS = StackedHabits(
    beta1_P=np.array([0.9, 0.8, 0.9]),
    weight_decay_P=np.array([0.1, 0.0, 0.5]),
    clip_norm_P=np.array([1.0, 0.2, 1e9]),
)


def minds_of(dtype: torch.dtype = torch.float32) -> list[Decoder]:
    return [Decoder(SHAPE, row_length=T, seed=seed).to(dtype) for seed in range(P)]


def tokens_of(seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 50, (P, B, T + 1)))


def optimizer_of(stack: StackedDecoder) -> StackedAdamW:
    return StackedAdamW(dict(stack.named_parameters()), HABITS, compiled=False)


def rates_of(stack: StackedDecoder, step: int) -> StackedRates:
    """A rate that falls, the same for all of a mind's parameters."""
    num_parameters = len(list(stack.parameters()))
    return StackedRates(
        lr_QP=np.tile(PEAK_P / (1 + 0.1 * step), (num_parameters, 1)),
        learns_QP=np.ones((num_parameters, P), dtype=np.bool_),
        beta2_P=BETA2_P,
    )


def all_finite(stack: StackedDecoder) -> Tensor:
    return torch.ones(stack.num_minds, dtype=torch.bool)


def alone(mind: Decoder, index: int) -> torch.optim.AdamW:
    """The library's optimiser for one of the minds."""
    matrices = [weight for weight in mind.parameters() if weight.ndim == 2]
    norms = [weight for weight in mind.parameters() if weight.ndim != 2]
    decay = float(HABITS.weight_decay_P[index])
    groups = [
        {"params": matrices, "weight_decay": decay},
        {"params": norms, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(float(HABITS.beta1_P[index]), float(BETA2_P[index])))


def lived_alone(mind: Decoder, index: int, num_steps: int) -> list[tuple[float, float]]:
    """Loss and gradient norm of each step of one mind by the library."""
    optimizer, history = alone(mind, index), []
    for step in range(num_steps):
        for group in optimizer.param_groups:
            group["lr"] = PEAK_P[index] / (1 + 0.1 * step)
        loss = mind.losses(tokens_of(step)[index]).mean()
        loss.backward()
        clip = float(HABITS.clip_norm_P[index])
        norm = torch.nn.utils.clip_grad_norm_(mind.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        history.append((float(loss.detach()), float(norm)))
    return history


def test_a_stack_is_its_minds_to_the_bit_and_gives_them_back() -> None:
    minds = minds_of()
    stack = StackedDecoder(minds)
    assert stack.num_minds == P
    assert [name for name, _ in stack.named_parameters()] == [
        name for name, _ in minds[0].named_parameters()
    ]
    for index, mind in enumerate(minds):
        other = Decoder(SHAPE, row_length=T, seed=99)
        other.load_state_dict(stack.weights_of(index))
        for (name, ours), theirs in zip(mind.named_parameters(), other.parameters(), strict=True):
            assert ours.equal(theirs), name


def test_minds_of_two_shapes_are_not_stacked() -> None:
    wider = Decoder(Shape(32, 2, 2, 24, 50, 0.0), row_length=T, seed=0)
    with pytest.raises(InputError, match="2 minds of 2 shapes"):
        StackedDecoder([minds_of()[0], wider])


@pytest.mark.parametrize(("within", "tied"), [(False, True), (True, True), (False, False)])
def test_losses_and_gradients_are_those_of_each_alone(within: bool, tied: bool) -> None:
    shape = replace(SHAPE, tied=tied)
    minds = [Decoder(shape, row_length=T, seed=seed).double() for seed in range(P)]
    stack, tokens_PBT1 = StackedDecoder(minds), tokens_of(0)
    positions_PBT = None
    if within:  # scenes of other lengths in each row
        begins = np.random.default_rng(1).random((P, B, T)) < 0.3
        positions_PBT = torch.from_numpy(positions_of(begins))
    losses_PBT = stack.losses(tokens_PBT1, positions_PBT)
    losses_PBT.sum().backward()
    for p, mind in enumerate(minds):
        losses_BT = mind.losses(tokens_PBT1[p], None if positions_PBT is None else positions_PBT[p])
        losses_BT.sum().backward()
        assert torch.allclose(losses_PBT[p], losses_BT, rtol=1e-12)
        for (name, weight), stacked in zip(
            mind.named_parameters(), stack.parameters(), strict=True
        ):
            assert torch.allclose(weight.grad, stacked.grad[p], rtol=1e-9), name


def positions_of(begins_PBT: np.ndarray) -> np.ndarray:
    places = np.zeros(begins_PBT.shape, dtype=np.int64)
    for t in range(1, T):
        places[..., t] = np.where(begins_PBT[..., t], 0, places[..., t - 1] + 1)
    return places


@pytest.mark.parametrize(("dtype", "num_steps"), [(torch.float64, 200), (torch.float32, 10)])
def test_a_stack_lives_the_lives_of_its_minds(dtype: torch.dtype, num_steps: int) -> None:
    minds = minds_of(dtype)
    stack = StackedDecoder(minds)
    optimizer, history = optimizer_of(stack), []
    for step in range(num_steps):
        loss_P = stack.losses(tokens_of(step)).mean((1, 2))
        loss_P.sum().backward()
        norm_P = optimizer.step(rates_of(stack, step), loss_P.isfinite())
        history.append(torch.stack([loss_P.detach(), norm_P], dim=1))
    ours_SP2 = torch.stack(history).numpy()
    for p, mind in enumerate(minds):
        expected_S2 = np.array(lived_alone(mind, p, num_steps))
        assert ours_SP2[:, p] == pytest.approx(expected_S2, rel=1e-5, abs=1e-5)
    assert (ours_SP2[-1, :, 0] != ours_SP2[0, :, 0]).all()


def test_what_does_not_learn_keeps_every_bit_and_counts_no_step() -> None:
    stack = StackedDecoder(minds_of())
    optimizer = optimizer_of(stack)
    names = list(optimizer.parameters)
    rates = rates_of(stack, 0)
    rates.learns_QP[names.index("layers.0.qkv"), 1] = False
    rates.learns_QP[:, 2] = False
    before = {name: weight.detach().clone() for name, weight in stack.named_parameters()}
    stack.losses(tokens_of(0)).mean((1, 2)).sum().backward()
    whole_1 = sum(
        float(weight.grad[1].square().sum())
        for name, weight in stack.named_parameters()
        if name != "layers.0.qkv"
    )
    norm_P = optimizer.step(rates, all_finite(stack))
    assert float(norm_P[1]) == pytest.approx(whole_1**0.5, rel=1e-5)
    assert float(norm_P[2]) == 0
    for q, (name, weight) in enumerate(stack.named_parameters()):
        moved_P = [not weight[p].equal(before[name][p]) for p in range(P)]
        assert moved_P == [True, name != "layers.0.qkv", False], name
        assert optimizer.count_QP[q].tolist() == [int(moved) for moved in moved_P]
        assert optimizer.exp_avg[name][2].count_nonzero() == 0


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_mind_that_diverges_disturbs_no_other_by_one_bit(poison: float) -> None:
    """The second mind is spoilt after two steps; the others go on as if nothing had happened."""

    def lived(spoilt: bool) -> tuple[StackedDecoder, StackedAdamW, list[Tensor]]:
        stack = StackedDecoder(minds_of())
        optimizer, losses = optimizer_of(stack), []
        for step in range(5):
            if spoilt and step == 2:
                with torch.no_grad():
                    stack.get_parameter("layers.1.down")[1, 3, 5] = poison
            loss_P = stack.losses(tokens_of(step)).mean((1, 2))
            loss_P.sum().backward()
            optimizer.step(rates_of(stack, step), loss_P.isfinite())
            losses.append(loss_P.detach())
        return stack, optimizer, losses

    (whole, whole_adamw, whole_losses), (hurt, hurt_adamw, hurt_losses) = lived(False), lived(True)
    others = [0, 2]
    for step, (expected_P, found_P) in enumerate(zip(whole_losses, hurt_losses, strict=True)):
        assert expected_P[others].equal(found_P[others])
        assert bool(found_P[1].isfinite()) == (step < 2)
    for name, weight in whole.named_parameters():
        assert weight[others].equal(hurt.get_parameter(name)[others]), name
        assert whole_adamw.exp_avg[name][others].equal(hurt_adamw.exp_avg[name][others]), name
        assert hurt_adamw.exp_avg_sq[name].isfinite().all()
        if name != "layers.1.down":
            assert hurt.get_parameter(name).isfinite().all()


def test_a_finite_loss_with_a_gradient_that_is_not_moves_nothing() -> None:
    stack = StackedDecoder(minds_of())
    optimizer = optimizer_of(stack)
    before = stack.embed.detach().clone()
    stack.losses(tokens_of(0)).mean((1, 2)).sum().backward()
    stack.embed.grad[0, 0, 0] = float("nan")
    norm_P = optimizer.step(rates_of(stack, 0), all_finite(stack))
    assert norm_P.isfinite().tolist() == [False, True, True]
    assert [stack.embed[p].equal(before[p]) for p in range(P)] == [True, False, False]


def test_under_autocast_the_weights_stay_in_full_precision() -> None:
    stack = StackedDecoder(minds_of())
    exact_PBT = stack.losses(tokens_of(0))
    with torch.autocast("cpu", torch.bfloat16):
        losses_PBT = stack.losses(tokens_of(0))
    losses_PBT.sum().backward()
    assert losses_PBT.dtype == stack.embed.grad.dtype == torch.float32
    assert torch.allclose(losses_PBT, exact_PBT, atol=0.05)
    assert not losses_PBT.equal(exact_PBT)


def test_rows_of_two_minds_are_never_mixed() -> None:
    """Each mind's losses follow from its own weights and its own tokens."""
    stack, tokens_PBT1 = StackedDecoder(minds_of()), tokens_of(0)
    alike = StackedDecoder([minds_of()[0]] * P)
    with torch.no_grad():
        for (p, q), swapped in zip(pairwise(range(P)), [[1, 0, 2], [0, 2, 1]], strict=True):
            ours, theirs = alike.losses(tokens_PBT1), alike.losses(tokens_PBT1[swapped])
            assert ours[p].equal(theirs[q])
        assert not stack.losses(tokens_PBT1)[1].equal(alike.losses(tokens_PBT1)[1])
