"""Packing: an order in tokens, as rows of fixed length; whatever the packing, nothing is reordered.

The visits' tokens are laid end to end, and after the last of them the end-of-text token that begins
every scene. This stream is cut into rows: the inputs of a row are a stretch of it of at most T
tokens, its targets the tokens that follow each of them. So each token of the stream but the first
is predicted exactly once; what a stretch leaves free is padding, which does not count.

    stream  rows of T tokens, cut anywhere; only the last one may be shorter
    whole   no scene is cut: a row ends before the first scene that would not fit into it
    single  one scene a row

Tokens stay where they are: a row is gathered when it is asked for, as a function of its number
alone. Shapes: R rows, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from upbringing.corpus import Tokens
from upbringing.errors import InputError, Problem
from upbringing.order.order import Order
from upbringing.order.spans import PhaseSpan

Packing = Literal["stream", "whole", "single"]
Attention = Literal["across", "within"]
"""Whether a token sees what stands before it in its row, or only what is of its own scene."""

Integers = npt.NDArray[np.int64]

_VISITS_AT_ONCE = 1 << 14  # so few that what is made of them stays in the processor's cache


@dataclass(frozen=True)
class Rows:
    """The rows of an order. `row_length` is T; `num_rows` covers every token.

    Raises `InputError` for scenes that do not fit into a row that must hold them whole, and where
    rows do not keep what the order links: in a context window, or only in time.
    """

    order: Order
    tokens: Tokens
    row_length: int
    packing: Packing = "stream"
    attention: Attention = "across"

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise InputError(problems)

    @cached_property
    def starts(self) -> Integers:
        """Where each visit begins in the stream, and where the last one ends: (num_visits + 1,)."""
        lengths = np.diff(self.tokens.offsets).astype(np.uint32)
        starts = np.zeros(self.order.num_visits + 1, dtype=np.int64)
        for low in range(0, self.order.num_visits, _VISITS_AT_ONCE):
            visits = self.order.sequence[low : low + _VISITS_AT_ONCE]
            starts[low + 1 : low + 1 + len(visits)] = lengths[visits]
        return starts.cumsum(out=starts)

    @cached_property
    def borders(self) -> Integers:
        """Where the inputs of each row begin in the stream, and where the last end: (R + 1,)."""
        if self.packing == "single":
            return self.starts
        if self.packing == "stream":
            return np.append(np.arange(0, self.num_tokens, self.row_length), self.num_tokens)
        # The first visit of the next row, for a row that would begin with each visit.
        following = np.searchsorted(self.starts, self.starts[:-1] + self.row_length, "right") - 1
        firsts = [0]
        while firsts[-1] < self.order.num_visits:
            firsts.append(int(following[firsts[-1]]))
        return self.starts[firsts]

    @property
    def num_tokens(self) -> int:
        """Tokens of all visits."""
        return int(self.starts[-1])

    @property
    def num_rows(self) -> int:
        """Rows of the whole life."""
        return len(self.borders) - 1

    def gather(self, first: int, num_rows: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
        """Rows `first` to `first + num_rows`: tokens (R, T + 1) and which targets count (R, T)."""
        T = self.row_length
        borders = self.borders[first : first + num_rows + 1]
        stream = self._stream(int(borders[0]), int(borders[-1]) + 1)
        tokens_RT1 = np.full((num_rows, T + 1), self.tokens.end_of_text, dtype=np.int64)
        if len(stream) == num_rows * T + 1:  # full rows, of which a mask would take as long again
            tokens_RT1[:, :-1] = stream[:-1].reshape(num_rows, T)
            tokens_RT1[:, -1] = stream[T::T]
            return tokens_RT1, np.ones((num_rows, T), dtype=np.bool_)
        lengths = np.diff(borders)
        counts_RT = np.arange(T) < lengths[:, None]
        tokens_RT1[:, :-1][counts_RT] = stream[:-1]
        tokens_RT1[np.arange(num_rows), lengths] = stream[borders[1:] - borders[0]]
        return tokens_RT1, counts_RT

    def positions(self, first: int, num_rows: int) -> Integers:
        """The place of each input in its scene, as far as the row shows it: (R, T).

        It is 0 where a scene begins in a row, and where padding does; so the number of zeros up to
        an input tells the scenes of a row apart, and where `attention` is `within` a token sees
        those of its own number. These are the position ids by which FlashAttention's variable
        lengths are found in Hugging Face models.
        """
        borders = self.borders[first : first + num_rows + 1, None]
        places = np.arange(self.row_length)
        at = borders[:-1] + places
        scene = np.searchsorted(self.starts, at.ravel(), "right").reshape(at.shape) - 1
        begins = np.maximum(self.starts[scene], borders[:-1])
        return np.where(at < borders[1:], at - begins, at - borders[1:])

    def visits_of_targets(self, first: int, num_rows: int) -> Integers:
        """The visit whose token each target of these rows is, (R, T); of padding, the last one's.

        The token that ends the stream is of the last visit.
        """
        borders = self.borders[first : first + num_rows + 1, None]
        at = np.minimum(borders[:-1] + np.arange(self.row_length), borders[1:] - 1) + 1
        found: Integers = np.searchsorted(self.starts, at.ravel(), "right").reshape(at.shape) - 1
        return np.minimum(found, self.order.num_visits - 1)

    def _stream(self, begin: int, end: int) -> npt.NDArray[Any]:
        """The tokens at stream positions `begin` to `end`."""
        low, high = self.visits_between(begin, end)
        visits = self.order.sequence[low:high]
        first, stop = self.tokens.offsets[visits], self.tokens.offsets[1:][visits]
        first[:1] += begin - self.starts[low]
        stop[-1:] -= max(int(self.starts[high]) - end, 0)
        # Bytes are sliced and joined in half the time of arrays, or of an index of every token.
        ids = self.tokens.ids.data
        parts = [ids[a:b] for a, b in zip(first.tolist(), stop.tolist(), strict=True)]
        stream = np.frombuffer(b"".join(parts), dtype=self.tokens.ids.dtype)
        return np.append(stream, self.tokens.end_of_text) if end > self.num_tokens else stream

    def visits_between(self, begin: int, end: int) -> tuple[int, int]:
        """The visits (from, to exclusive) whose tokens lie at stream positions begin to end."""
        low = int(np.searchsorted(self.starts, begin, side="right")) - 1
        high = int(np.searchsorted(self.starts, end, side="left"))
        return low, min(high, self.order.num_visits)

    def num_visits_in(self, num_rows: int) -> int:
        """How many visits the first rows take their inputs from."""
        return self.visits_between(0, int(self.borders[num_rows]))[1]

    def visits_of_row(self, row: int) -> tuple[int, int]:
        """The visits (from, to exclusive) that a row's first input and its targets come from."""
        return self.visits_between(int(self.borders[row]), int(self.borders[row + 1]) + 1)

    def row_of_visit(self, visit: int) -> int:
        """The row in whose inputs a visit begins."""
        return int(self.rows_at(self.starts[visit]))

    def rows_at(self, places: Any) -> Any:
        """The row whose inputs hold a place of the stream; shape as `places`."""
        return np.searchsorted(self.borders, places, side="right") - 1

    def _problems(self) -> Iterator[Problem]:
        """What these rows cannot hold, or do not keep."""
        if self.packing != "stream":
            lengths = np.diff(self.starts)
            num_long = int((lengths > self.row_length).sum())
            if num_long:
                yield Problem(
                    f"{num_long:,} scenes are longer than a row of {self.row_length:,} tokens, the "
                    f"longest has {lengths.max():,}; `{self.packing}` packing cuts none",
                    do="take longer rows or `stream` packing, or ingest with a smaller --largest",
                )
                return
        for span in self.order.phases:
            if span.apart == 1:
                yield from self._parted(span)
            elif span.apart is not None:
                yield from self._shared(span, span.apart)

    def _parted(self, span: PhaseSpan) -> Iterator[Problem]:
        """Rows that show no scene together with the one it is linked to."""
        if self.packing == "single" or self.attention == "within":
            how = "one scene a row" if self.packing == "single" else "attention within scenes"
            yield Problem(
                f"phase {span.name!r} links scenes within a context window, and {how} shows none "
                "together",
                do="take another packing or attention, or say `linked: time` in its `chain`",
            )

    def _shared(self, span: PhaseSpan, apart: int) -> Iterator[Problem]:
        """Rows that hold two scenes which are linked in time only."""
        num_pairs = max(span.stop - span.start - apart, 0)
        visits = np.arange(span.start, span.start + num_pairs)
        last = self.rows_at(self.starts[visits + 1] - 1)
        first = self.rows_at(self.starts[visits + apart] - 1)  # it may be the row's last target
        num_shared = int((first <= last).sum())
        if num_shared:
            yield Problem(
                f"{num_shared:,} of {num_pairs:,} pairs of scenes that phase {span.name!r} links "
                f"in time, {apart} places apart, share a row of {self.row_length:,} tokens",
                do="take shorter rows, a larger `apart` in its `chain`, or `linked: context`",
            )


def packing_named(packing: str, attention: str) -> tuple[Packing, Attention]:
    """The two by name; raises `InputError` with the known ones otherwise."""
    said = {"packing": (packing, get_args(Packing)), "attention": (attention, get_args(Attention))}
    problems = [
        Problem(f"no {what} is called {name!r}", allowed=", ".join(known))
        for what, (name, known) in said.items()
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    return cast(Packing, packing), cast(Attention, attention)
