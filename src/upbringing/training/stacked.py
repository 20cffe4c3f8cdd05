"""The stacked mind: P decoders of one shape in one pass, none of which sees another.

Takes P `Decoder`s, gives their losses by batched matrix products and each of them back. Every
parameter has the name that it has in `Decoder` and a leading axis P, so a mind is a slice of each.
A small mind alone leaves a GPU idle between kernels; P of them ask for as many kernels as one.

Shapes: P minds, B batch, T tokens of a row, D width, H heads, K width of a head, M width of the
MLP, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from upbringing.errors import InputError
from upbringing.training.attention import attend, rotate
from upbringing.training.feed import visible
from upbringing.training.minds import cross_entropy
from upbringing.training.model import NORM_EPSILON, Decoder


class StackedLayer(nn.Module):
    """`Layer` P times side by side."""

    attention_norm: nn.Parameter
    qkv: nn.Parameter
    out: nn.Parameter
    mlp_norm: nn.Parameter
    gate_up: nn.Parameter
    down: nn.Parameter

    def __init__(self, layers: Sequence[nn.Module], num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        _stack_parameters(self, layers)

    def forward(
        self, stream_PBTD: Tensor, cos: Tensor, sin: Tensor, sees_BTT: Tensor | None
    ) -> Tensor:
        """The streams after this layer; `cos`, `sin` and `sees_BTT` run over P · B rows."""
        P, B, T, D = stream_PBTD.shape
        normed_PBTD = _norm(stream_PBTD, self.attention_norm)
        heads_BTHK = _linear(normed_PBTD, self.qkv).view(P * B, T, 3 * self.num_heads, -1)
        q, k, v = heads_BTHK.transpose(1, 2).chunk(3, dim=1)
        mixed_BHTK = attend(rotate(q, cos, sin), rotate(k, cos, sin), v, sees_BTT)
        mixed_PBTD = mixed_BHTK.transpose(1, 2).reshape(P, B, T, D)
        stream_PBTD = stream_PBTD + _linear(mixed_PBTD, self.out)
        gate, up = _linear(_norm(stream_PBTD, self.mlp_norm), self.gate_up).chunk(2, dim=-1)
        return stream_PBTD + _linear(F.silu(gate) * up, self.down)


class StackedDecoder(nn.Module):
    """`Decoder` P times side by side; raises `InputError` for decoders of several shapes."""

    embed: nn.Parameter
    head: nn.Parameter
    final_norm: nn.Parameter
    cos_TK: Tensor
    sin_TK: Tensor
    first_id_P11: Tensor

    def __init__(self, minds: Sequence[Decoder]) -> None:
        super().__init__()
        # A checkpoint knows nothing of the rate that suits its shape.
        kinds = {(replace(mind.shape, peak_lr=0.0), mind.row_length) for mind in minds}
        if len(kinds) != 1:
            raise InputError(
                f"{len(minds)} minds of {len(kinds)} shapes or row lengths",
                allowed="one shape and one row length in a population",
            )
        self.shape, self.row_length = kinds.pop()
        _stack_parameters(self, minds)
        self.layers = nn.ModuleList(
            StackedLayer(layers, self.shape.num_heads)
            for layers in zip(*(mind.layers for mind in minds), strict=True)
        )
        self.register_buffer("cos_TK", minds[0].cos_TK, persistent=False)
        self.register_buffer("sin_TK", minds[0].sin_TK, persistent=False)
        first_id = torch.arange(len(minds))[:, None, None] * self.shape.num_vocab
        self.register_buffer("first_id_P11", first_id, persistent=False)

    @property
    def num_minds(self) -> int:
        """P."""
        return len(self.embed)

    def weights_of(self, index: int) -> dict[str, Tensor]:
        """The weights of one mind by their names in `Decoder`: views, so copying in works too."""
        return {name: weight.detach()[index] for name, weight in self.named_parameters()}

    def logits(self, tokens_PBT: Tensor, positions_PBT: Tensor | None = None) -> Tensor:
        """Next-token logits of each mind on its own tokens, (P, B, T, V).

        With `positions_PBT`, the place of each token in its scene, attention stays within scenes.
        """
        T = tokens_PBT.shape[-1]
        stream_PBTD = F.embedding(tokens_PBT + self.first_id_P11, self.embed.flatten(0, 1))
        cos, sin, sees_BTT = self.cos_TK[:T], self.sin_TK[:T], None
        if positions_PBT is not None:
            positions_BT = positions_PBT.flatten(0, 1)
            cos, sin = self.cos_TK[positions_BT][:, None], self.sin_TK[positions_BT][:, None]
            sees_BTT = visible(positions_BT)
        for layer in self.layers:
            stream_PBTD = layer(stream_PBTD, cos, sin, sees_BTT)
        head = self.embed if self.shape.tied else self.head
        return _linear(_norm(stream_PBTD, self.final_norm), head)

    def losses(self, tokens_PBT1: Tensor, positions_PBT: Tensor | None = None) -> Tensor:
        """Cross-entropy in nats of each next token, (P, B, T); `tokens_PBT1` is (P, B, T + 1)."""
        logits_PBTV = self.logits(tokens_PBT1[..., :-1], positions_PBT)
        return cross_entropy(logits_PBTV, tokens_PBT1[..., 1:])


def _stack_parameters(stack: nn.Module, modules: Sequence[nn.Module]) -> None:
    """Give the stack the modules' own parameters, one behind another; not those of their parts."""
    for name, _ in modules[0].named_parameters(recurse=False):
        weights = [module.get_parameter(name).detach() for module in modules]
        stack.register_parameter(name, nn.Parameter(torch.stack(weights)))


def _linear(x_PBTD: Tensor, weight_PMD: Tensor) -> Tensor:
    """Each mind's rows by its own matrix, (P, B, T, M)."""
    P, B, T, D = x_PBTD.shape
    return torch.bmm(x_PBTD.view(P, B * T, D), weight_PMD.mT).view(P, B, T, -1)


def _norm(x_PBTD: Tensor, weight_PD: Tensor) -> Tensor:
    return F.rms_norm(x_PBTD, x_PBTD.shape[-1:], eps=NORM_EPSILON) * weight_PD[:, None, None]
