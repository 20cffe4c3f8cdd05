"""Levers: what happens to a mind at which age, whatever it reads then.

A lever timeline says for each stretch of life the batch size and a scale of the learning rate; a
schedule says the share of the peak rate at each age. Both are functions of age alone, so a control
can live another order under the same levers. `plan_steps` turns them into the table of optimiser
steps that a run carries out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from upbringing.errors import InputError
from upbringing.order import Rows

Ages = npt.NDArray[np.float64]

SCHEDULES: Mapping[str, Callable[[Ages], Ages]] = {
    "constant": np.ones_like,
    "linear": lambda ages: 1 - ages,
    "steep": lambda ages: np.exp(-8 * ages),
}


def lr_share(schedule: str, ages: Ages) -> Ages:
    """The share of the peak learning rate at each age, warm-up left aside; shape as `ages`.

    Raises `InputError` for an unknown schedule.
    """
    if schedule not in SCHEDULES:
        raise InputError(f"no schedule is called {schedule!r}", allowed=", ".join(SCHEDULES))
    return SCHEDULES[schedule](ages)


@dataclass(frozen=True)
class Segment:
    """A stretch of life from `from_age` (share of the tokens) to the next segment."""

    from_age: float
    batch_size: int
    lr_scale: float = 1.0


@dataclass(frozen=True)
class Timeline:
    """The levers as step functions of age; the first segment starts at 0."""

    segments: tuple[Segment, ...]

    @classmethod
    def uniform(cls, batch_size: int) -> Timeline:
        """The same levers for the whole life."""
        return cls((Segment(0.0, batch_size),))

    @classmethod
    def of_phases(cls, rows: Rows, batch_size: int) -> Timeline:
        """The levers that an order's phases ask for; a row is of the phase of its first token.

        `batch_size` holds where a phase names none.
        """
        segments: dict[float, Segment] = {}
        for span in rows.order.phases:
            first_row = int(np.searchsorted(rows.borders[:-1], rows.starts[span.start]))
            if first_row < rows.num_rows:  # a phase may be too short to begin a row
                age = first_row / rows.num_rows
                segments[age] = Segment(age, span.batch_size or batch_size, span.lr_scale)
        merged: list[Segment] = []
        for segment in segments.values():
            if not merged or merged[-1] != Segment(merged[-1].from_age, *_levers(segment)):
                merged.append(segment)
        return cls(tuple(merged))

    def first_rows(self, num_rows: int) -> list[int]:
        """The row with which each segment begins, in a life of `num_rows` rows."""
        return [round(segment.from_age * num_rows) for segment in self.segments]

    def lr_scales(self, cut: Cut, num_rows: int) -> Ages:
        """What each step of a life of `num_rows` rows scales the rate by: (num_steps,)."""
        segment = np.searchsorted(self.first_rows(num_rows), cut.first_row, side="right") - 1
        return np.array([s.lr_scale for s in self.segments])[segment]

    @classmethod
    def from_recipe(cls, segments: list[dict[str, Any]]) -> Timeline:
        """The inverse of `dataclasses.asdict(timeline)["segments"]`."""
        return cls(tuple(Segment(**segment) for segment in segments))


def _levers(segment: Segment) -> tuple[int, float]:
    return segment.batch_size, segment.lr_scale


@dataclass(frozen=True)
class Cut:
    """A life cut into optimiser steps, arrays of shape (num_steps,).

    first_row, num_rows  the rows of the order that share the step
    batch_size           rows that the step is padded to
    """

    first_row: npt.NDArray[np.int64]
    num_rows: npt.NDArray[np.int64]
    batch_size: npt.NDArray[np.int64]

    @staticmethod
    def of_stretches(num_rows: int, stretches: Sequence[tuple[int, int]]) -> Cut:
        """`num_rows` rows in stretches of (first row, batch size); no step crosses their borders.

        The last step of a stretch may have fewer rows than the others.
        """
        borders = [*(first for first, _ in stretches), num_rows]
        pieces = [
            np.arange(begin, end, size)
            for (_, size), (begin, end) in zip(stretches, pairwise(borders), strict=True)
        ]
        first_row = np.concatenate(pieces).astype(np.int64)
        sizes = [size for _, size in stretches]
        return Cut(
            first_row=first_row,
            num_rows=np.diff(np.append(first_row, num_rows)),
            batch_size=np.repeat(sizes, [len(piece) for piece in pieces]),
        )

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """As few stretches as give these steps."""
        is_new = np.diff(self.batch_size, prepend=0) != 0
        is_new[1:] |= (self.num_rows < self.batch_size)[:-1]
        begins = np.flatnonzero(is_new)
        return [(int(self.first_row[n]), int(self.batch_size[n])) for n in begins]

    def __len__(self) -> int:
        return len(self.first_row)

    def first(self, num_steps: int) -> Self:
        """The first `num_steps` steps."""
        return type(self)(*(getattr(self, field.name)[:num_steps] for field in fields(self)))


@dataclass(frozen=True)
class Steps(Cut):
    """The optimiser steps of a life with what holds in each, arrays of shape (num_steps,).

    age  share of the tokens that lies behind at its start
    lr   learning rate
    """

    age: Ages
    lr: Ages

    def until(self, diverged_at: int | None) -> Steps:
        """The steps that a run which diverged at that step has taken; all of them for None."""
        return self if diverged_at is None else self.first(diverged_at + 1)

    def after(self, age: float) -> int:
        """How many steps are done when `age` is reached."""
        done = np.append(self.age[1:], 1.0)
        return int(np.searchsorted(done, age - 1e-12)) + 1


def cut_steps(num_rows: int, timeline: Timeline) -> Cut:
    """Cut a life of `num_rows` rows into optimiser steps; none crosses a border of the timeline."""
    sizes = [segment.batch_size for segment in timeline.segments]
    return Cut.of_stretches(num_rows, list(zip(timeline.first_rows(num_rows), sizes, strict=True)))


def plan_steps(
    num_rows: int, timeline: Timeline, *, schedule: str, peak_lr: float, warmup_share: float
) -> Steps:
    """The optimiser steps of a life of `num_rows` rows.

    The rate is peak · schedule(age) · lr_scale, times a linear warm-up over the first
    `warmup_share` of the steps.
    """
    cut = cut_steps(num_rows, timeline)
    age = cut.first_row / num_rows
    scale = timeline.lr_scales(cut, num_rows)
    num_warm = max(1, round(warmup_share * len(cut)))
    warmup = np.minimum(1.0, np.arange(1, len(cut) + 1) / num_warm)
    return Steps(**vars(cut), age=age, lr=peak_lr * lr_share(schedule, age) * scale * warmup)
