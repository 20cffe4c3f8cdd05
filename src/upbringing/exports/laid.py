"""Laid rows: the rows of an order, filled up to what another trainer takes at once.

Trainers drop what does not fill a batch, or feed some rows twice to fill it. So that neither
happens, rows that hold end-of-text and count nothing are laid behind the last row of the order.

Shapes: R rows, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.corpus import Tokens as CorpusTokens
from upbringing.order import Order, Rows, packing_named

Tokens = npt.NDArray[np.int64]
Counts = npt.NDArray[np.bool_]

_TOKENS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Laid:
    """The rows of an order and fillers behind them, to a multiple of `multiple` rows."""

    rows: Rows
    multiple: int = 1

    @property
    def num_rows(self) -> int:
        """Rows and fillers."""
        return -(-self.rows.num_rows // self.multiple) * self.multiple

    @property
    def row_length(self) -> int:
        """T, the inputs of a row."""
        return self.rows.row_length

    @property
    def dtype(self) -> np.dtype[Any]:
        """How tokens are stored: uint16, or uint32 where the vocabulary is larger."""
        return np.dtype(self.rows.tokens.ids.dtype).newbyteorder("<")

    def at(self, first: int, num_rows: int) -> tuple[Tokens, Counts]:
        """Rows `first` to `first + num_rows`: tokens (R, T + 1) and which targets count (R, T)."""
        real = max(0, min(num_rows, self.rows.num_rows - first))
        end = self.rows.tokens.end_of_text
        tokens_RT1 = np.full((num_rows, self.row_length + 1), end, dtype=np.int64)
        counts_RT = np.zeros((num_rows, self.row_length), dtype=np.bool_)
        if real:
            tokens_RT1[:real], counts_RT[:real] = self.rows.gather(first, real)
        return tokens_RT1, counts_RT

    def blocks(self, first: int = 0, stop: int | None = None) -> Iterator[tuple[Tokens, Counts]]:
        """Rows `first` to `stop`, by default all, some at a time."""
        stop = self.num_rows if stop is None else stop
        at_once = max(1, _TOKENS_AT_ONCE // self.row_length)
        for begin in range(first, stop, at_once):
            yield self.at(begin, min(at_once, stop - begin))

    def scenes(self, row: int) -> str:
        """A row by the scenes in which it begins and ends."""
        if row >= self.rows.num_rows:
            return "a filler behind the last row"
        low, high = self.rows.visits_of_row(row)
        rows = self.rows.order.sequence[[low, high - 1]]
        first, last = self.rows.order.corpus.scenes_at(rows, ["id"])["id"]
        return f"scene {first}" if first == last else f"scenes {first} … {last}"


def lay(
    order: Order, tokens: CorpusTokens, row_length: int, packing: str | None, multiple: int
) -> Laid:
    """The rows of an order, `stream` packing by default, filled to a multiple of so many.

    Raises `InputError` for scenes that they cannot hold.
    """
    named, attention = packing_named(packing or "stream", "across")
    return Laid(Rows(order, tokens, row_length, named, attention), multiple)
