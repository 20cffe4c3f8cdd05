"""Overlap: does a probe share a run of words with any training text?

Takes texts. Words are runs of letters and digits in lower case, so a shared run cannot hide behind
punctuation or layout. Gives the probes that share a run of eight words or more with any text: an
exact check, which also bounds every shared substring to fewer than eight whole words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.identity import Keys

NUM_WORDS = 8


@dataclass(frozen=True)
class Runs:
    """A 64-bit hash of every run of words inside one text, and the text's index; both (num_runs,).

    Two different runs share a hash with probability 2^-64; hashes compare within one process only.
    """

    hashes: Keys
    text: npt.NDArray[np.int64]


def runs_of(texts: Sequence[str], num_words: int = NUM_WORDS) -> Runs:
    """All runs of `num_words` words, text by text."""
    words = pl.Series(texts, dtype=pl.String).str.to_lowercase().str.extract_all(r"\w+")
    lengths = words.list.len().to_numpy().astype(np.int64)
    keys = words.explode(empty_as_null=False).hash().to_numpy()
    num_runs = max(len(keys) - num_words + 1, 0)
    rolled = np.zeros(num_runs, dtype=np.uint64)
    for place in range(num_words):
        rolled = rolled * np.uint64(0x9E3779B97F4A7C15) + keys[place : place + num_runs]
    text = np.repeat(np.arange(len(lengths)), lengths)
    inside = text[:num_runs] == text[num_words - 1 :]
    return Runs(rolled[inside], text[:num_runs][inside])


def overlapping(
    texts: Sequence[str], probes: Sequence[str], num_words: int = NUM_WORDS
) -> npt.NDArray[np.bool_]:
    """Which probes share a run of `num_words` words with any of the texts, shape (num_probes,)."""
    known, asked = runs_of(texts, num_words), runs_of(probes, num_words)
    shared = np.zeros(len(probes), dtype=bool)
    shared[asked.text[np.isin(asked.hashes, known.hashes)]] = True
    return shared
