"""Divergence: how unlike the next words are that minds expect behind the same words.

Shapes: R minds, B passages of a batch, T tokens, P contexts of a batch, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from upbringing.character.between.activations import Batch, FloatArray, batches
from upbringing.character.likelihood import Passage
from upbringing.errors import InputError
from upbringing.training import Mind
from upbringing.training.machine import finest

_PROBABILITIES_AT_ONCE = 1 << 24  # of all minds: an eighth of a gigabyte of fp64


@dataclass(frozen=True)
class Divergence:
    """`bits_RR` between each two minds, the mean over `num_contexts` contexts."""

    bits_RR: FloatArray
    num_contexts: int


@torch.inference_mode()
def jensen_shannon(
    minds: Sequence[Mind], passages: Sequence[Passage], *, most_contexts: int = 2_048
) -> Divergence:
    """The Jensen–Shannon divergence of the next-token distributions at the same contexts.

        JS(p, q) = H((p + q) / 2) − (H(p) + H(q)) / 2

    with H in bits. A context is all of a passage before a token of its text, up to the shortest row
    of the minds. Contexts are counted through all passages, and every k-th is taken, with the
    smallest k that leaves `most_contexts`; all of these weigh the same. Lin 1991
    (10.1109/18.61115); its square root is what `scipy.spatial.distance.jensenshannon` gives.

    Raises `InputError` for minds of unlike vocabularies.

    Unit: bits, from 0 (the same distribution) to 1 (no token in common).
    Cost: a forward pass of each mind, then R²/2 · contexts · V; all R minds are in memory.
    Fails: minds of two tokenizers cannot be compared; a difference in a rare context hardly shows;
    it does not say which of the minds is the better one.
    """
    sizes = {mind.num_vocab for mind in minds}
    if len(sizes) > 1:
        known = ", ".join(f"{size:,}" for size in sorted(sizes))
        raise InputError(f"the minds know {known} tokens: their next tokens are not the same ones")
    most_tokens = min(mind.row_length for mind in minds)
    lengths = [min(len(p.ids), most_tokens + 1) - p.num_given for p in passages]
    firsts = np.cumsum([0, *lengths])
    every = max(1, -(-int(firsts[-1]) // most_contexts))
    mixed_RR, num_contexts = np.zeros((len(minds), len(minds))), 0
    at_once = max(1, _PROBABILITIES_AT_ONCE // (len(minds) * sizes.pop()))
    for batch in batches(passages, most_tokens + 1, tokens_at_once=at_once):
        is_taken_BT = _taken(batch, firsts, every)
        num_contexts += int(is_taken_BT.sum())
        p_RPV = torch.stack([_next_tokens(mind, batch, is_taken_BT) for mind in minds])
        mixed_RR += _mixed_entropies(p_RPV)
    own_R = np.diag(mixed_RR)
    bits_RR = (mixed_RR - (own_R[:, None] + own_R) / 2) / max(num_contexts, 1)
    return Divergence(np.maximum(bits_RR, 0.0), num_contexts)


def _taken(batch: Batch, firsts: np.ndarray, every: int) -> Tensor:
    """Which inputs of a batch are contexts that are taken, (B, T − 1)."""
    is_context_BT = batch.is_text_BT[:, 1:]  # an input stands before the token that it predicts
    firsts_B = torch.tensor(firsts[list(batch.numbers)])
    place_BT = firsts_B[:, None] + is_context_BT.long().cumsum(1) - 1
    return is_context_BT & (place_BT % every == 0)


def _next_tokens(mind: Mind, batch: Batch, is_taken_BT: Tensor) -> Tensor:
    """Probabilities of the next token at the contexts that are taken, (P, V)."""
    logits_BTV = mind.logits(batch.tokens_BT[:, :-1].to(mind.device))
    taken_PV = logits_BTV[is_taken_BT.to(mind.device)]
    return taken_PV.to(finest(mind.device)).softmax(-1)


def _mixed_entropies(p_RPV: Tensor) -> FloatArray:
    """The entropy of the even mixture of each two minds in bits, summed over contexts: (R, R)."""
    num_minds = len(p_RPV)
    sums_RR = np.zeros((num_minds, num_minds))
    for i in range(num_minds):
        for j in range(i, num_minds):
            mixed_PV = (p_RPV[i] + p_RPV[j]) / 2  # of a mind with itself: itself, to the bit
            entropy = -torch.xlogy(mixed_PV, mixed_PV).sum().item() / np.log(2)
            sums_RR[i, j] = sums_RR[j, i] = entropy
    return sums_RR
