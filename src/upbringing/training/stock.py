"""Stock names: what a checkpoint calls its weights → the parts of a mind that they belong to."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from upbringing.training.minds import Mind
from upbringing.training.parts import Labels


@torch.no_grad()
def stock_labels(mind: Mind) -> Labels:
    """The parts of each weight of a mind's checkpoint, by the name that it has there.

    A checkpoint may hold a weight of the mind in pieces, or several as one. To see which is in
    which, every weight of the mind is filled with its number; the mind is spoilt by that.
    """
    parts = [(), *mind.parts.values()]
    for buffer in mind.buffers():
        buffer.zero_()  # number 0: of no part
    for number, weight in enumerate(mind.parameters(), start=1):
        weight.fill_(number)
    return {
        name: tuple(dict.fromkeys(part for n in _numbers_in(weight) for part in parts[n]))
        for name, weight in mind.stock_weights().items()
    }


def _numbers_in(weight: Tensor) -> list[int]:
    """The numbers with which the weights were filled that it is made of, rising."""
    flat = weight.flatten().numpy()
    firsts = np.flatnonzero(np.diff(flat, prepend=-1))  # of each row of equal ones
    return sorted(set(flat[firsts].astype(int).tolist()))
