"""The mind: one Llama-architecture decoder, saved as a stock Llama checkpoint.

Takes token ids, gives next-token losses. About a hundred lines of our own, because a small decoder
written plainly trains faster than a library's general one, and one that we own can be stacked.
Source of the architecture: Touvron et al. 2023 (2302.13971): pre-norm RMSNorm, rotary positions
(2104.09864), SwiGLU (2002.05202), no biases, tied embeddings.

Shapes: B batch, T tokens of a row, D width, H heads, K width of a head, M width of the MLP,
V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.training.feed import visible

NORM_EPSILON = 1e-5
ROPE_BASE = 10_000.0


@dataclass(frozen=True)
class Shape:
    """The form of a mind, all but its vocabulary, with the peak rate that suits it."""

    width: int
    num_layers: int
    num_heads: int
    mlp_width: int
    num_vocab: int
    peak_lr: float

    @property
    def num_parameters(self) -> int:
        """Weights of the mind; the embedding serves as the head too."""
        layer = 4 * self.width**2 + 3 * self.width * self.mlp_width + 2 * self.width
        return self.num_vocab * self.width + self.num_layers * layer + self.width


SHAPES = {
    "300k": Shape(80, 2, 4, 216, num_vocab=2048, peak_lr=2e-3),
    "1m": Shape(128, 4, 4, 344, num_vocab=2048, peak_lr=2e-3),
    "3m": Shape(192, 5, 6, 512, num_vocab=4096, peak_lr=2e-3),
    "10m": Shape(320, 6, 5, 864, num_vocab=8192, peak_lr=1.5e-3),
    "30m": Shape(512, 8, 8, 1376, num_vocab=16384, peak_lr=1e-3),
    "124m": Shape(768, 12, 12, 2048, num_vocab=50_304, peak_lr=6e-4),
}


def shape_named(name: str) -> Shape:
    """One of `SHAPES`; raises `InputError` with the known names otherwise."""
    if name not in SHAPES:
        raise InputError(f"no shape is called {name!r}", allowed=", ".join(SHAPES))
    return SHAPES[name]


class Layer(nn.Module):
    """Attention, then the gated MLP, each on a normed copy of the stream and added to it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.num_heads = shape.num_heads
        self.attention_norm = nn.Parameter(torch.ones(shape.width))
        self.qkv = nn.Parameter(torch.empty(3 * shape.width, shape.width))
        self.out = nn.Parameter(torch.empty(shape.width, shape.width))
        self.mlp_norm = nn.Parameter(torch.ones(shape.width))
        self.gate_up = nn.Parameter(torch.empty(2 * shape.mlp_width, shape.width))
        self.down = nn.Parameter(torch.empty(shape.width, shape.mlp_width))

    def forward(
        self,
        stream_BTD: Tensor,
        cos: Tensor,
        sin: Tensor,
        memory: Memory | None = None,
        sees_BTT: Tensor | None = None,
    ) -> Tensor:
        """The stream after this layer.

        `cos` and `sin` are (T, K), or (B, 1, T, K) where each row has positions of its own;
        `memory` is given where text is generated, `sees_BTT` where a token does not see all before.
        """
        B, T, D = stream_BTD.shape
        normed_BTD = _norm(stream_BTD, self.attention_norm)
        heads_BTHK = F.linear(normed_BTD, self.qkv).view(B, T, 3 * self.num_heads, -1)
        q, k, v = heads_BTHK.transpose(1, 2).chunk(3, dim=1)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed_BHTK = attend(q, k, v, sees_BTT) if memory is None else memory.attend(q, k, v)
        stream_BTD = stream_BTD + F.linear(mixed_BHTK.transpose(1, 2).reshape(B, T, D), self.out)
        gate, up = F.linear(_norm(stream_BTD, self.mlp_norm), self.gate_up).chunk(2, dim=-1)
        return stream_BTD + F.linear(F.silu(gate) * up, self.down)


class Memory:
    """Keys and values of the tokens read so far, for one layer, while text is generated."""

    def __init__(self) -> None:
        self.k_BHTK: Tensor | None = None
        self.v_BHTK: Tensor | None = None

    def attend(self, q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor) -> Tensor:
        """Attention of the one newest token (T = 1) over all read so far, itself included."""
        self.k_BHTK = k_BHTK if self.k_BHTK is None else torch.cat([self.k_BHTK, k_BHTK], dim=2)
        self.v_BHTK = v_BHTK if self.v_BHTK is None else torch.cat([self.v_BHTK, v_BHTK], dim=2)
        scores = q_BHTK @ self.k_BHTK.transpose(2, 3) / math.sqrt(q_BHTK.shape[-1])
        return scores.softmax(-1) @ self.v_BHTK


class Decoder(nn.Module):
    """The whole mind. `forward` gives hidden states, `logits` and `losses` what they mean."""

    cos_TK: Tensor
    sin_TK: Tensor

    def __init__(self, shape: Shape, *, row_length: int, seed: int) -> None:
        super().__init__()
        self.shape, self.row_length = shape, row_length
        self.embed = nn.Parameter(torch.empty(shape.num_vocab, shape.width))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_layers))
        self.final_norm = nn.Parameter(torch.ones(shape.width))
        cos_TK, sin_TK = _rotations(row_length, shape.width // shape.num_heads)
        self.register_buffer("cos_TK", cos_TK, persistent=False)
        self.register_buffer("sin_TK", sin_TK, persistent=False)
        self._draw_weights(seed)

    @torch.no_grad()
    def _draw_weights(self, seed: int) -> None:
        """Normal(0, 0.02), what writes to the stream scaled by 1/√(2·layers) (GPT-2).

        Each tensor is drawn from its own key, so a weight depends on the seed and its name alone.
        """
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                writes = name.endswith((".out", ".down"))
                scale = 0.02 / math.sqrt(2 * self.shape.num_layers) if writes else 0.02
                draw = generator(seed, "weights", name).standard_normal(weight.shape, dtype="f4")
                weight.copy_(torch.from_numpy(draw) * scale)

    def forward(self, tokens_BT: Tensor, positions_BT: Tensor | None = None) -> Tensor:
        """Hidden states after the last norm, (B, T, D).

        With `positions_BT`, the place of each token in its scene, attention stays within scenes.
        """
        T = tokens_BT.shape[1]
        stream_BTD = F.embedding(tokens_BT, self.embed)
        cos, sin, sees_BTT = self.cos_TK[:T], self.sin_TK[:T], None
        if positions_BT is not None:
            cos, sin = self.cos_TK[positions_BT][:, None], self.sin_TK[positions_BT][:, None]
            sees_BTT = visible(positions_BT)
        for layer in self.layers:
            stream_BTD = layer(stream_BTD, cos, sin, sees_BTT=sees_BTT)
        return _norm(stream_BTD, self.final_norm)

    def logits(self, tokens_BT: Tensor, positions_BT: Tensor | None = None) -> Tensor:
        """Next-token logits, (B, T, V)."""
        return F.linear(self(tokens_BT, positions_BT), self.embed)

    def next_logits(self, tokens_B: Tensor, position: int, memories: Sequence[Memory]) -> Tensor:
        """Logits (B, V) of what follows one more token of each text, at `position` from 0.

        `memories` holds one `Memory` a layer, fresh at position 0, and is added to.
        """
        here = slice(position, position + 1)
        stream_BTD = F.embedding(tokens_B[:, None], self.embed)
        for layer, memory in zip(self.layers, memories, strict=True):
            stream_BTD = layer(stream_BTD, self.cos_TK[here], self.sin_TK[here], memory)
        return F.linear(_norm(stream_BTD, self.final_norm)[:, 0], self.embed)

    def losses(self, tokens_BT1: Tensor, positions_BT: Tensor | None = None) -> Tensor:
        """Cross-entropy in nats of each next token, (B, T); `tokens_BT1` is (B, T + 1)."""
        return cross_entropy(self.logits(tokens_BT1[:, :-1], positions_BT), tokens_BT1[:, 1:])


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Nats of each target, shaped as `targets`, in fp32 or finer; `logits` are (..., V)."""
    exact = torch.promote_types(logits.dtype, torch.float32)
    flat = F.cross_entropy(logits.flatten(0, -2).to(exact), targets.flatten(), reduction="none")
    return flat.view(targets.shape)


def _norm(x_BTD: Tensor, weight_D: Tensor) -> Tensor:
    return F.rms_norm(x_BTD, (x_BTD.shape[-1],), weight_D, NORM_EPSILON)


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


def _rotations(num_positions: int, head_width: int) -> tuple[Tensor, Tensor]:
    frequencies = ROPE_BASE ** -(torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
    angles = torch.outer(torch.arange(num_positions, dtype=torch.float32), frequencies)
    angles_TK = torch.cat([angles, angles], dim=-1)
    return angles_TK.cos(), angles_TK.sin()


def rotate(x_BHTK: Tensor, cos_TK: Tensor, sin_TK: Tensor) -> Tensor:
    """Rotary positions: each pair of a head's axes is turned by an angle that its place gives."""
    left, right = x_BHTK.chunk(2, dim=-1)
    turned = torch.cat([-right, left], dim=-1)
    return x_BHTK * cos_TK.to(x_BHTK.dtype) + turned * sin_TK.to(x_BHTK.dtype)
