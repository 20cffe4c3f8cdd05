"""Kinds: of which kind is what a life reads now. A look-up, for people who watch."""

from __future__ import annotations

import polars as pl

from upbringing.order import Rows
from upbringing.training.levers import Steps

MIXED = "mixed"


class KindsRead:
    """The kind of scene that each of `steps` reads of `rows`."""

    def __init__(self, rows: Rows, steps: Steps) -> None:
        self._rows, self._steps = rows, steps
        self._kinds = rows.order.corpus.columns(["kind"])["kind"].cast(pl.Categorical)

    def at(self, step: int) -> str:
        """The kind that step `step` reads, `mixed` where its inputs hold several."""
        first = int(self._steps.first_row[step])
        begin, end = self._rows.borders[[first, first + int(self._steps.num_rows[step])]]
        low, high = self._rows.visits_between(int(begin), int(end))
        kinds = self._kinds.gather(self._rows.order.sequence[low:high]).unique()
        return str(kinds[0]) if len(kinds) == 1 else MIXED
