"""The mind: one Llama-architecture decoder, saved as a stock Llama checkpoint.

Takes token ids, gives next-token losses. About a hundred lines of our own, because a small decoder
written plainly trains faster than a library's general one, and one that we own can be stacked.
Source of the architecture: Touvron et al. 2023 (2302.13971): pre-norm RMSNorm, rotary positions
(2104.09864), SwiGLU (2002.05202), no biases; the embedding is the head too unless it is untied.

Shapes: B batch, T tokens of a row, D width, H heads, K width of a head, M width of the MLP,
V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.training.attention import ROPE_BASE, Memory, attend, rotate, rotations
from upbringing.training.feed import visible
from upbringing.training.minds import Mind

NORM_EPSILON = 1e-5

_PARTS = {
    "attention_norm": "norms",
    "qkv": "attention",
    "out": "attention",
    "mlp_norm": "norms",
    "gate_up": "mlp",
    "down": "mlp",
    "final_norm": "norms",
    "head": "head",
}


@dataclass(frozen=True)
class Shape:
    """The form of a mind, with the peak rate that suits it.

    `tied` says that one matrix is both embedding and head.
    """

    width: int
    num_layers: int
    num_heads: int
    mlp_width: int
    num_vocab: int
    peak_lr: float
    tied: bool = True

    @property
    def num_parameters(self) -> int:
        """Weights of the mind; an embedding that is tied serves as the head too."""
        layer = 4 * self.width**2 + 3 * self.width * self.mlp_width + 2 * self.width
        ends = (1 if self.tied else 2) * self.num_vocab * self.width
        return ends + self.num_layers * layer + self.width

    @property
    def dwarf(self) -> Shape:
        """The smallest shape whose weights have the same names."""
        return replace(self, width=2, num_heads=1, mlp_width=1, num_vocab=1)


SHAPES = {
    "300k": Shape(80, 2, 4, 216, num_vocab=2048, peak_lr=2e-3),
    "1m": Shape(128, 4, 4, 344, num_vocab=2048, peak_lr=2e-3),
    "3m": Shape(192, 5, 6, 512, num_vocab=4096, peak_lr=1e-3),
    "10m": Shape(320, 6, 5, 864, num_vocab=8192, peak_lr=5e-4),
    "30m": Shape(512, 8, 8, 1376, num_vocab=16384, peak_lr=1e-3),
    "124m": Shape(768, 12, 12, 2048, num_vocab=50_304, peak_lr=6e-4),
}
USUAL_SHAPE = "300k"


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

    def stock_weights(self) -> dict[str, Tensor]:
        """The layer's weights under the names of Hugging Face's Llama; views."""
        q, k, v = self.qkv.data.chunk(3)
        gate, up = self.gate_up.data.chunk(2)
        return {
            "input_layernorm": self.attention_norm.data,
            "self_attn.q_proj": q,
            "self_attn.k_proj": k,
            "self_attn.v_proj": v,
            "self_attn.o_proj": self.out.data,
            "post_attention_layernorm": self.mlp_norm.data,
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": self.down.data,
        }


class Decoder(Mind):
    """The whole mind. `forward` gives hidden states, `logits` and `losses` what they mean."""

    head: nn.Parameter | None
    cos_TK: Tensor
    sin_TK: Tensor

    def __init__(self, shape: Shape, *, row_length: int, seed: int) -> None:
        super().__init__()
        self.shape, self.row_length, self.num_vocab = shape, row_length, shape.num_vocab
        self.embed = nn.Parameter(torch.empty(shape.num_vocab, shape.width))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_layers))
        self.final_norm = nn.Parameter(torch.ones(shape.width))
        head = None if shape.tied else nn.Parameter(torch.empty(shape.num_vocab, shape.width))
        self.register_parameter("head", head)
        cos_TK, sin_TK = rotations(row_length, shape.width // shape.num_heads)
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
        return self._head(self(tokens_BT, positions_BT))

    def _head(self, hidden_BTD: Tensor) -> Tensor:
        return F.linear(hidden_BTD, self.embed if self.head is None else self.head)

    def new_memory(self) -> Sequence[Memory]:
        """One `Memory` a layer."""
        return [Memory() for _ in self.layers]

    def next_logits(self, tokens_B: Tensor, memory: Sequence[Memory]) -> Tensor:
        """Logits (B, V) of what follows one more token of each text; `memory` is added to."""
        here = slice(memory[0].num_read, memory[0].num_read + 1)
        stream_BTD = F.embedding(tokens_B[:, None], self.embed)
        for layer, of_layer in zip(self.layers, memory, strict=True):
            stream_BTD = layer(stream_BTD, self.cos_TK[here], self.sin_TK[here], of_layer)
        return self._head(_norm(stream_BTD, self.final_norm)[:, 0])

    @property
    def body(self) -> nn.Module:
        """The decoder itself."""
        return self

    def _parts_of(self, name: str, weight: nn.Parameter) -> tuple[str, ...]:
        if weight is self.embed:
            return ("embed", "head") if self.head is None else ("embed",)
        layer, _, own = name.rpartition(".")
        return (layer, _PARTS[own]) if layer else (_PARTS[own],)

    def stock_weights(self) -> dict[str, Tensor]:
        """The weights under the names of Hugging Face's Llama; views, so copying in works too."""
        weights = {"model.embed_tokens.weight": self.embed, "model.norm.weight": self.final_norm}
        if self.head is not None:
            weights["lm_head.weight"] = self.head
        stock = {name: weight.data for name, weight in weights.items()}
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            own = layer.stock_weights()
            stock |= {f"model.layers.{number}.{name}.weight": own[name] for name in own}
        return stock

    def stock_config(self, end_of_text: int) -> dict[str, Any]:
        """The configuration of a stock Llama."""
        return stock_config(self.shape, self.row_length, end_of_text)


def _norm(x_BTD: Tensor, weight_D: Tensor) -> Tensor:
    return F.rms_norm(x_BTD, (x_BTD.shape[-1],), weight_D, NORM_EPSILON)


def stock_config(shape: Shape, row_length: int, end_of_text: int) -> dict[str, Any]:
    """The configuration of a stock Llama of that shape."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.num_vocab,
        "hidden_size": shape.width,
        "intermediate_size": shape.mlp_width,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_heads,
        "head_dim": shape.width // shape.num_heads,
        "max_position_embeddings": row_length,
        "hidden_act": "silu",
        "rms_norm_eps": NORM_EPSILON,
        "rope_theta": ROPE_BASE,
        "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_BASE},
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": shape.tied,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "dtype": "float32",
    }
