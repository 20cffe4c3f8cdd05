"""Landscape: how far apart two minds of one initialisation are, and what lies between them.

    distance  of the weights, by part of the mind
    barrier   how much worse the minds between two minds are, on the straight line of their weights

`loss_path` is the line itself, between any two minds of one shape; the two measures refuse minds
that did not begin as one.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from upbringing.character.between.activations import FloatArray
from upbringing.character.between.birth import check_one_birth
from upbringing.character.likelihood import Passage, bits
from upbringing.errors import ComparisonError
from upbringing.training import Mind

ALL = "all"


def weight_distance(first: Mind, second: Mind, births: tuple[str, str]) -> dict[str, float]:
    """‖a − b‖ / √((‖a‖² + ‖b‖²) / 2) of the weights of each part, and of `all` of them.

    A weight counts in every part that it belongs to, a tied embedding so in `embed` and in `head`.
    `births` are `birth_of` the two. Raises `ComparisonError` where they differ, or the shapes do.

    Unit: none; 0 the same weights, √2 what two random ones of one size have, 2 each the other's
    opposite.
    Cost: one reading of the weights; no forward pass.
    Fails: weights may move and change nothing, or hardly move and change much: it is about weights
    and not about what a mind says. Parts of another size are not on one scale of importance.
    """
    check_one_birth(births, "a distance of weights")
    ours, theirs = _weights(first, second)
    names_by_part: dict[str, list[str]] = {}
    for name, parts in first.parts.items():
        for part in (*parts, ALL):
            names_by_part.setdefault(part, []).append(name)
    distances = {}
    for part in sorted(names_by_part, key=_by_depth):
        moved = sizes = 0.0
        for name in names_by_part[part]:
            a, b = ours[name].double(), theirs[name].double()
            moved += float((a - b).square().sum())
            sizes += float(a.square().sum() + b.square().sum()) / 2
        distances[part] = float(np.sqrt(moved / sizes)) if sizes else 0.0
    return distances


@dataclass(frozen=True)
class Barrier:
    """The loss on the line from one mind (0) to another (1), at even steps.

    height    the most that the loss lies above the line between the ends' losses, bits a byte
    at        where on the way that is
    losses_P  the losses at the points, ends included, bits a byte
    """

    height: float
    at: float
    losses_P: FloatArray


def loss_barrier(
    first: Mind,
    second: Mind,
    passages: Sequence[Passage],
    births: tuple[str, str],
    *,
    num_points: int = 9,
) -> Barrier:
    """The barrier max over t of L(t) − ((1 − t)·L(0) + t·L(1)), on `loss_path`.

    Frankle et al. 2020 (1912.05671) compare with the mean of the ends' losses, Entezari et al. 2022
    (2110.06296) with the line between them; this is the latter. `births` are `birth_of` the two.
    Raises `ComparisonError` where they differ, or the shapes do.

    Unit: bits a byte of the passages' text; 0 where the minds are of one basin, never below.
    Cost: `num_points` forward passes over the passages, and the memory of a third mind.
    Fails: a narrow ridge between two points is missed; a barrier says that the straight way is
    blocked, not that there is no other; minds that have hardly learnt have none.
    """
    check_one_birth(births, "a path from weights to weights")
    return barrier_of(loss_path(first, second, passages, num_points=num_points))


def loss_path(
    first: Mind, second: Mind, passages: Sequence[Passage], *, num_points: int = 9
) -> FloatArray:
    """Bits a byte of the minds (1 − t)·first + t·second for `num_points` even t from 0 to 1.

    Raises `ComparisonError` for minds of unlike shapes.
    """
    ours, theirs = _weights(first, second)
    between = copy.deepcopy(first)
    num_bytes = sum(passage.num_bytes for passage in passages)
    losses = []
    for t in np.linspace(0, 1, num_points):
        with torch.no_grad():
            for name, weight in between.named_parameters():
                weight.copy_(torch.lerp(ours[name], theirs[name].to(ours[name].device), float(t)))
        losses.append(bits(between, passages).sum() / num_bytes)
    return np.array(losses)


def barrier_of(losses_P: FloatArray) -> Barrier:
    """The highest point of a path above the line between its ends."""
    shares_P = np.linspace(0, 1, len(losses_P))
    above_P = losses_P - ((1 - shares_P) * losses_P[0] + shares_P * losses_P[-1])
    highest = int(above_P.argmax())
    return Barrier(max(0.0, float(above_P[highest])), float(shares_P[highest]), losses_P)


def _weights(first: Mind, second: Mind) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The weights of both by name; raises `ComparisonError` where they are not the same ones."""
    ours = {name: weight.detach() for name, weight in first.named_parameters()}
    theirs = {name: weight.detach() for name, weight in second.named_parameters()}
    shapes = [{name: weight.shape for name, weight in of.items()} for of in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise ComparisonError("minds of two shapes have no weights in common")
    return ours, theirs


def _by_depth(part: str) -> tuple[int, int, str]:
    """All, the embedding, the layers by number, the head, then what runs through the layers."""
    if part.startswith("layers."):
        return 2, int(part.removeprefix("layers.")), part
    return {ALL: 0, "embed": 1, "head": 3}.get(part, 4), 0, part
