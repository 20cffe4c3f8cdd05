"""Spans: the phases of an order as stretches of its positions, with their levers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from upbringing.errors import InputError, Problem
from upbringing.order.levers import NO_LEVERS, Levers


@dataclass(frozen=True)
class PhaseSpan:
    """A phase in an order: positions `start` to `stop` (exclusive), and its levers.

    apart  scenes that are linked come so many positions after one another, and packing must see to
           it that they share no row, or where it is 1, that they may; None where nothing is linked
    later  where the passes after the first begin, with their levers, where these differ
    """

    name: str
    start: int
    stop: int
    levers: Levers = NO_LEVERS
    apart: int | None = None
    later: tuple[tuple[int, Levers], ...] = ()

    @property
    def stretches(self) -> tuple[tuple[int, Levers], ...]:
        """The position at which each stretch of levers begins, with them."""
        return ((self.start, self.levers), *self.later)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` is its inverse."""
        later = [[begin, levers.said()] for begin, levers in self.later]
        return {**vars(self), "levers": self.levers.said(), "later": later}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> PhaseSpan:
        """The span that `as_json` wrote."""
        later = tuple((begin, Levers(**levers)) for begin, levers in said["later"])
        return cls(**{**said, "levers": Levers(**said["levers"]), "later": later})


def check_spans(spans: tuple[PhaseSpan, ...], num_visits: int) -> None:
    """Raise `InputError` unless the phases follow one another from the first visit to the last."""
    begin, end = PhaseSpan("the beginning", 0, 0), PhaseSpan("the end", num_visits, num_visits)
    problems = [
        Problem(f"{later.name!r} starts at {later.start}, and {span.name!r} stops at {span.stop}")
        for span, later in pairwise((begin, *spans, end))
        if span.stop != later.start
    ]
    problems += [
        Problem(f"{span.name!r} stops before it starts") for span in spans if span.stop < span.start
    ]
    if problems:
        raise InputError(problems)
