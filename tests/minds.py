"""Minds whose every probability is known: bytes that follow bytes by a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from tokenizers import Tokenizer

from upbringing.corpus import train_tokenizer
from upbringing.training import Mind

NUM_BYTES = 257


def byte_tokenizer() -> Tokenizer:
    """A tokenizer whose tokens are single bytes; 0 is the end of text."""
    return train_tokenizer(["."], NUM_BYTES)


def ids_of_text(tokenizer: Tokenizer, text: str) -> list[int]:
    return [*tokenizer.encode(text, add_special_tokens=False).ids]


class TableMind:
    """p(next | previous) = `p_VV[previous, next]`; it has what the measures use of a `Mind`."""

    def __init__(self, p_VV: np.ndarray, row_length: int = 32) -> None:
        self.p_VV, self.row_length = p_VV / p_VV.sum(1, keepdims=True), row_length
        self.num_vocab, self.device = len(p_VV), torch.device("cpu")
        self.log_p_VV = torch.from_numpy(np.log(self.p_VV))

    def losses(self, tokens_BT1: torch.Tensor) -> torch.Tensor:
        return -self.log_p_VV[tokens_BT1[:, :-1], tokens_BT1[:, 1:]]

    def new_memory(self) -> None:
        """One token back is all that it sees."""

    def next_logits(self, tokens_B: torch.Tensor, memory: None) -> torch.Tensor:
        del memory
        return self.log_p_VV[tokens_B]

    def as_mind(self) -> Mind:
        return cast(Mind, self)

    def bits(self, ids: Sequence[int], num_given: int) -> float:
        """By hand: −log₂ p of all ids but the given ones."""
        return -sum(math.log2(self.p_VV[ids[i - 1], ids[i]]) for i in range(num_given, len(ids)))


def random_table(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.4, size=(NUM_BYTES, NUM_BYTES)) + 1e-4
