"""Activations: what the layers of a mind hold while it reads, and how to add to it.

A layer's activation is the stream behind it, which the next layer reads. It is taken by hooks on
the list of layers that a mind's body keeps, so a mind of ours and one of Hugging Face are read in
one way.

Shapes: N passages, B passages of a batch, T tokens, D width, L layers, M tokens of all passages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from upbringing.character.likelihood import Passage
from upbringing.errors import InputError
from upbringing.training import Mind

Which = Literal["mean", "last", "every"]
FloatArray = npt.NDArray[np.float64]

_TOKENS_AT_ONCE = 4_096


@dataclass(frozen=True)
class Batch:
    """Passages read together: which they are (B,), their tokens (B, T), which are text (B, T).

    Behind the end of a passage tokens are 0 and no text.
    """

    numbers: tuple[int, ...]
    tokens_BT: Tensor
    is_text_BT: Tensor


def batches(
    passages: Sequence[Passage], most_tokens: int, *, tokens_at_once: int = _TOKENS_AT_ONCE
) -> Iterator[Batch]:
    """All passages, each cut behind its first `most_tokens` ids, the longest ones first.

    Text is what a passage scores: not the end-of-text token, nor what is given. Raises `InputError`
    for a passage of which none is left.
    """
    lost = sum(p.num_given >= min(most_tokens, len(p.ids)) for p in passages)
    if lost:
        raise InputError(
            f"{lost} of {len(passages)} passages have no text in their first {most_tokens:,} tokens"
        )
    ids = [passage.ids[:most_tokens] for passage in passages]
    queue = sorted(range(len(passages)), key=lambda number: -len(ids[number]))
    while queue:
        longest = len(ids[queue[0]])
        num_taken = max(1, tokens_at_once // longest)
        numbers, queue = queue[:num_taken], queue[num_taken:]
        tokens_BT = torch.zeros(len(numbers), longest, dtype=torch.long)
        is_text_BT = torch.zeros(len(numbers), longest, dtype=torch.bool)
        for row, number in enumerate(numbers):
            end = len(ids[number])
            tokens_BT[row, :end] = torch.tensor(ids[number])
            is_text_BT[row, passages[number].num_given : end] = True
        yield Batch(tuple(numbers), tokens_BT, is_text_BT)


def layers_of(mind: Mind) -> nn.ModuleList:
    """The layers, first to last: the first list of modules that is as long as there are layers.

    Raises `InputError` for a mind that keeps no such list.
    """
    parts = {part for of in mind.parts.values() for part in of if part.startswith("layers.")}
    for module in mind.body.modules():
        if parts and isinstance(module, nn.ModuleList) and len(module) == len(parts):
            return module
    raise InputError(f"a {type(mind.body).__name__} keeps no list of its layers")


@torch.inference_mode()
def activations(
    mind: Mind,
    passages: Sequence[Passage],
    which: Which = "mean",
    *,
    most_tokens: int | None = None,
) -> npt.NDArray[np.float32]:
    """The stream behind each layer over the text of each passage.

    `mean` of its tokens or its `last` token: (L, N, D); `every` token, one passage after another:
    (L, M, D). A passage is cut to `most_tokens`, by default the mind's row length.

    Unit: that of the stream, which is another one in every mind.
    Cost: one forward pass; `every` keeps L·M·D numbers.
    Fails: a mean hides where in a text something stands; tokens of one passage are not independent
    of each other; what is cut off is not seen.
    """
    found: dict[int, Tensor] = {}
    with _kept(layers_of(mind)) as streams:
        for batch in batches(passages, most_tokens or mind.row_length):
            streams.clear()
            mind.logits(batch.tokens_BT.to(mind.device))
            streams_BLTD = torch.stack(streams, dim=1).float()
            for row, number in enumerate(batch.numbers):
                text_LTD = streams_BLTD[row][:, batch.is_text_BT[row].to(mind.device)]
                found[number] = _of_text(text_LTD, which).cpu()
    in_order = [found[number] for number in range(len(passages))]
    joined = torch.cat(in_order, dim=1) if which == "every" else torch.stack(in_order, dim=1)
    return joined.numpy()


def _of_text(text_LTD: Tensor, which: Which) -> Tensor:
    if which == "mean":
        return text_LTD.mean(1)
    return text_LTD[:, -1] if which == "last" else text_LTD


@contextmanager
def _kept(layers: nn.ModuleList) -> Iterator[list[Tensor]]:
    """Inside, every forward pass adds the stream behind each layer to the list."""
    streams: list[Tensor] = []

    def keep(_module: nn.Module, _given: Any, gives: Any) -> None:
        streams.append(gives[0] if isinstance(gives, tuple) else gives)

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield streams
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def added(mind: Mind, layer: int, vector_D: npt.NDArray[Any]) -> Iterator[None]:
    """Inside, `vector_D` is added to the stream behind a layer, at every token that is read."""
    vector = torch.as_tensor(vector_D, dtype=torch.float32, device=mind.device)

    def add(_module: nn.Module, _given: Any, gives: Any) -> Any:
        if isinstance(gives, tuple):
            return (gives[0] + vector.to(gives[0].dtype), *gives[1:])
        return gives + vector.to(gives.dtype)

    handle = layers_of(mind)[layer].register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()
