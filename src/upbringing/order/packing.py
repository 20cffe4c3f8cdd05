"""Packing: an order in tokens, as rows of fixed length; stream packing, nothing reordered.

The visits' tokens are laid end to end. Row r holds tokens r·T to r·T + T inclusive: T inputs and
their T targets, one token shared with the next row, so each token but the first is predicted
exactly once. The last row is padded with the end-of-text token and masked. Tokens stay where they
are: a row is gathered when it is asked for, as a function of its number alone.

Scenes that a phase links within a context window (`chain`) are neighbours in the stream, and share
rows as far as they fit. Those that it links in time only must share none: rows that are too long
for that are refused.

Shapes: R rows, T tokens of a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.corpus import Tokens
from upbringing.errors import InputError, Problem
from upbringing.order.order import Order, PhaseSpan


@dataclass(frozen=True)
class Rows:
    """The rows of an order. `row_length` is T; `num_rows` covers every token.

    Raises `InputError` where scenes that are linked in time would share a row.
    """

    order: Order
    tokens: Tokens
    row_length: int

    def __post_init__(self) -> None:
        problems = [found for span in self.order.phases if (found := self._sharing(span))]
        if problems:
            raise InputError(problems)

    def _sharing(self, span: PhaseSpan) -> Problem | None:
        """What is wrong with a phase some of whose visits share a row and must not."""
        num_pairs = 0 if span.apart is None else span.stop - span.start - span.apart
        if span.apart is None or num_pairs <= 0:
            return None
        visits = np.arange(span.start, span.start + num_pairs)
        # A row begins with the last token of the row before.
        first = (self.starts[visits + span.apart] - 1) // self.row_length
        last = (self.starts[visits + 1] - 1) // self.row_length
        num_shared = int((first <= last).sum())
        if not num_shared:
            return None
        return Problem(
            f"{num_shared:,} of {num_pairs:,} pairs of scenes that phase {span.name!r} links in "
            f"time, {span.apart} places apart, share a row of {self.row_length:,} tokens",
            do="take shorter rows, a larger `apart` in its `chain`, or `linked: context`",
        )

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where each visit begins in the stream of tokens, and its end: (num_visits + 1,)."""
        lengths = np.diff(self.tokens.offsets)[self.order.sequence]
        return np.concatenate([[0], lengths.cumsum()])

    @property
    def num_tokens(self) -> int:
        """Tokens of the whole stream."""
        return int(self.starts[-1])

    @property
    def num_rows(self) -> int:
        """Rows that hold at least one target."""
        return -(-(self.num_tokens - 1) // self.row_length)

    def gather(self, first: int, num_rows: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Rows `first` to `first + num_rows`: tokens (R, T + 1) and which targets count (R, T)."""
        T = self.row_length
        begin = first * T
        end = min((first + num_rows) * T + 1, self.num_tokens)
        stream = self._stream(begin, end)
        padded = np.full(num_rows * T + 1, self.tokens.end_of_text, dtype=stream.dtype)
        padded[: len(stream)] = stream
        rows_RT1 = np.lib.stride_tricks.sliding_window_view(padded, T + 1)[::T]
        counts_RT = np.arange(1, num_rows * T + 1).reshape(num_rows, T) < len(stream)
        return rows_RT1, counts_RT

    def _stream(self, begin: int, end: int) -> npt.NDArray[Any]:
        """The tokens at stream positions `begin` to `end`."""
        low, high = self.visits_between(begin, end)
        visits = self.order.sequence[low:high]
        source = self.tokens.offsets[visits]
        starts = self.starts[low : high + 1]
        shift = np.repeat(source - starts[:-1], np.diff(starts))[begin - starts[0] :]
        index = np.arange(begin, end)
        gathered: npt.NDArray[Any] = self.tokens.ids[index + shift[: end - begin]]
        return gathered

    def visits_between(self, begin: int, end: int) -> tuple[int, int]:
        """The visits (from, to exclusive) whose tokens lie at stream positions begin to end."""
        low = int(np.searchsorted(self.starts, begin, side="right")) - 1
        high = int(np.searchsorted(self.starts, end, side="left"))
        return low, high

    def visits_of_row(self, row: int) -> tuple[int, int]:
        """The visits (from, to exclusive) that a row's targets and first input come from."""
        end = min((row + 1) * self.row_length + 1, self.num_tokens)
        return self.visits_between(row * self.row_length, end)

    def row_of_visit(self, visit: int) -> int:
        """The row in which a visit begins."""
        return int(self.starts[visit]) // self.row_length
