"""Attention: rotary positions, what a token sees, and the memory of a text under way.

Takes queries, keys and values, gives their mixture. Rotary positions: Su et al. 2021 (2104.09864).

Shapes: B rows, H heads, T tokens, K width of a head.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

ROPE_BASE = 10_000.0


class Memory:
    """Keys and values of the tokens read so far, for one layer, while text is generated."""

    def __init__(self) -> None:
        self.k_BHTK: Tensor | None = None
        self.v_BHTK: Tensor | None = None

    @property
    def num_read(self) -> int:
        """Tokens of each text."""
        return 0 if self.k_BHTK is None else self.k_BHTK.shape[2]

    def attend(self, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor) -> Tensor:
        """Attention of the one newest token (T = 1) over all read so far, itself included."""
        self.k_BHTK = k_BHTK if self.k_BHTK is None else torch.cat([self.k_BHTK, k_BHTK], dim=2)
        self.v_BHTK = v_BHTK if self.v_BHTK is None else torch.cat([self.v_BHTK, v_BHTK], dim=2)
        scores = q_BHTK @ self.k_BHTK.transpose(2, 3) / math.sqrt(q_BHTK.shape[-1])
        return scores.softmax(-1) @ self.v_BHTK


def attend(q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, sees_BTT: Tensor | None) -> Tensor:
    """Causal attention. On a CPU written out: PyTorch's fused kernel is 4 times slower in bf16."""
    if q_BHTK.device.type != "cpu":
        mask = None if sees_BTT is None else sees_BTT[:, None]
        return F.scaled_dot_product_attention(
            q_BHTK, k_BHTK, v_BHTK, attn_mask=mask, is_causal=mask is None
        )
    B, H, T, K = q_BHTK.shape
    if sees_BTT is None:
        hidden = torch.full((T, T), -math.inf, dtype=q_BHTK.dtype).triu(1).expand(B * H, T, T)
    else:
        hidden = torch.zeros(B, T, T, dtype=q_BHTK.dtype).masked_fill(~sees_BTT, -math.inf)
        hidden = hidden.repeat_interleave(H, 0)
    scores = torch.baddbmm(
        hidden,
        q_BHTK.flatten(0, 1),
        k_BHTK.flatten(0, 1).transpose(1, 2),
        alpha=1 / math.sqrt(K),
    )
    return torch.bmm(scores.softmax(-1), v_BHTK.flatten(0, 1)).view(B, H, T, K)


def rotations(num_positions: int, head_width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles of each place and axis, (num_positions, head_width) each."""
    frequencies = ROPE_BASE ** -(torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
    angles = torch.outer(torch.arange(num_positions, dtype=torch.float32), frequencies)
    angles_TK = torch.cat([angles, angles], dim=-1)
    return angles_TK.cos(), angles_TK.sin()


def rotate(x_BHTK: Tensor, cos_TK: Tensor, sin_TK: Tensor) -> Tensor:
    """Rotary positions: each pair of a head's axes is turned by an angle that its place gives."""
    left, right = x_BHTK.chunk(2, dim=-1)
    turned = torch.cat([-right, left], dim=-1)
    return x_BHTK * cos_TK.to(x_BHTK.dtype) + turned * sin_TK.to(x_BHTK.dtype)
