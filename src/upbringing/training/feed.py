"""The feed: batch k of a life, as a function of k alone.

Takes the rows of an order and the table of steps, gives tensors. Nothing is kept between batches,
so the first batch after a resume costs what any batch costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from upbringing.order import Rows
from upbringing.training.levers import Steps


@dataclass(frozen=True)
class Batch:
    """One optimiser step's rows, padded to its batch size B.

    tokens_BT1   (B, T + 1) int64
    weights_BT   (B, T) float32: 1 where a target counts, 0 in padding
    num_rows     rows that are real
    """

    tokens_BT1: Tensor
    weights_BT: Tensor
    num_rows: int


@dataclass(frozen=True)
class Feed:
    """The batches of a life, by step."""

    rows: Rows
    steps: Steps

    def batch(self, step: int) -> Batch:
        """The batch of a step; the same for the same step, whenever it is asked for."""
        first, num_rows = int(self.steps.first_row[step]), int(self.steps.num_rows[step])
        batch_size = int(self.steps.batch_size[step])
        tokens_RT1, counts_RT = self.rows.gather(first, num_rows)
        tokens_BT1 = np.full((batch_size, tokens_RT1.shape[1]), self.rows.tokens.end_of_text)
        tokens_BT1[:num_rows] = tokens_RT1
        weights_BT = np.zeros((batch_size, counts_RT.shape[1]), dtype=np.float32)
        weights_BT[:num_rows] = counts_RT
        return Batch(torch.from_numpy(tokens_BT1), torch.from_numpy(weights_BT), num_rows)
