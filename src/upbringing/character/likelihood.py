"""Likelihood: how many bits a mind needs for a text.

The rule for every figure in bits: a text is read alone, after one end-of-text token, in windows of
the row length that do not overlap; each window after the first begins with the token before it. The
forward pass is fp32.

Shapes: N texts, T tokens of a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from upbringing.corpus import end_of_text_id
from upbringing.training import Mind

_TOKENS_AT_ONCE = 8_192
_LOGITS_AT_ONCE = 1 << 27  # half a gigabyte of fp32, where a vocabulary is large


@dataclass(frozen=True)
class Passage:
    """Token ids of a text behind an end-of-text token, of which `num_given` are not scored."""

    ids: tuple[int, ...]
    num_given: int
    num_bytes: int


def passage(tokenizer: Tokenizer, text: str, given: str = "") -> Passage:
    """The passage that scores `text` after `given`; bytes are those of `text` in UTF-8."""
    opening = [end_of_text_id(tokenizer), *_encode(tokenizer, given)]
    return Passage((*opening, *_encode(tokenizer, text)), len(opening), len(text.encode()))


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids if text else []
    return ids


@torch.inference_mode()
def bits(mind: Mind, passages: Sequence[Passage]) -> npt.NDArray[np.float64]:
    """−log₂ p of the scored tokens of each passage, shape (N,); what comes twice is read once."""
    distinct = {one: number for number, one in enumerate(dict.fromkeys(passages))}
    windows = [w for one, n in distinct.items() for w in _windows(n, one, mind.row_length)]
    windows.sort(key=lambda window: len(window[1]), reverse=True)  # little padding
    at_once = min(_TOKENS_AT_ONCE, _LOGITS_AT_ONCE // mind.num_vocab)
    totals = np.zeros(len(distinct))
    start = 0
    while start < len(windows):
        longest = len(windows[start][1])
        stop = start + max(1, at_once // longest)
        batch = windows[start:stop]
        tokens_NT = torch.zeros(len(batch), longest, dtype=torch.long)
        scored_NT = np.zeros((len(batch), longest - 1), dtype=bool)
        for row, (_, ids, first_scored) in enumerate(batch):
            tokens_NT[row, : len(ids)] = torch.tensor(ids)
            scored_NT[row, first_scored - 1 : len(ids) - 1] = True
        losses_NT = mind.losses(tokens_NT.to(mind.device)).double().numpy(force=True)
        np.add.at(totals, [n for n, _, _ in batch], (losses_NT * scored_NT).sum(1) / np.log(2))
        start = stop
    return totals[[distinct[one] for one in passages]]


def bits_per_byte(mind: Mind, by_kind: Mapping[str, Sequence[Passage]]) -> dict[str, float]:
    """Bits a byte that the passages of each kind need together."""
    needed = bits(mind, [passage for scored in by_kind.values() for passage in scored])
    figures = {}
    start = 0
    for kind, scored in by_kind.items():
        total = needed[start : start + len(scored)].sum()
        figures[kind] = float(total / sum(passage.num_bytes for passage in scored))
        start += len(scored)
    return figures


def _windows(number: int, passage: Passage, size: int) -> list[tuple[int, tuple[int, ...], int]]:
    """(passage number, ids, first scored index) of each window that scores something."""
    ids = passage.ids
    return [
        (number, ids[start : start + size + 1], max(1, passage.num_given - start))
        for start in range(0, len(ids) - 1, size)
        if start + size + 1 > passage.num_given and passage.num_given < len(ids)
    ]
