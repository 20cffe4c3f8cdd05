"""NumPy token file: the inputs of all rows end to end, as OLMo-core maps them into memory.

    tokens.bin      (R · T,) uint16 or uint32, no header: instance k of T tokens is row k
    label_mask.bin  (R · T,) bool, no header: False for a token that counts as nobody's target

OLMo-core takes an instance's labels from the instance itself, so the target of a row's last input,
the first token of the next row, is not predicted there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.exports.laid import Counts, Laid, Tokens
from upbringing.exports.reading import mapped

TOKENS, MASK = "tokens.bin", "label_mask.bin"


def write(folder: Path, laid: Laid) -> None:
    """Both files."""
    with (folder / TOKENS).open("wb") as tokens, (folder / MASK).open("wb") as mask:
        for tokens_RT1, counts_RT in laid.blocks():
            tokens.write(tokens_RT1[:, :-1].astype(laid.dtype).tobytes())
            mask.write(_mask(counts_RT).tobytes())


def read(folder: Path, laid: Laid) -> Iterator[npt.NDArray[Any]]:
    """Rows of T tokens, and for each whether it counts as a target: (R, 2 · T)."""
    T = laid.row_length
    tokens = mapped(folder / TOKENS, laid.dtype, T)
    mask = mapped(folder / MASK, np.dtype(np.bool_), T)
    for first in range(0, max(len(tokens), len(mask)), 1024):
        part = slice(first, first + 1024)
        yield np.hstack([tokens[part].astype(np.int64), mask[part]])


def held(tokens_RT1: Tokens, counts_RT: Counts) -> npt.NDArray[Any]:
    """What `read` gives for rows of an order."""
    return np.hstack([tokens_RT1[:, :-1], _mask(counts_RT)])


def _mask(counts_RT: Counts) -> Counts:
    """Whether each input is a target that counts; the first of a row is nobody's in it."""
    first = np.ones((len(counts_RT), 1), dtype=np.bool_)
    return np.hstack([first, counts_RT[:, :-1]])
