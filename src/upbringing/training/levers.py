"""Levers: what happens to a mind at which age, whatever it reads then.

A lever timeline says for each stretch of life the batch size, scales of rate and loss, and which
modules learn; a schedule says the share of the peak rate at each age. All are functions of age
alone, so a control can live another order under the same levers. `plan_steps` turns them into the
table of optimiser steps that a run carries out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from upbringing.order import Levers, Rows
from upbringing.training.schedules import Ages, Said, lr_share, read_curve, say_curve

BatchRule = Literal["sqrt", "linear", "none"]

_BATCH_RULES = {"sqrt": 0.5, "linear": 1.0, "none": 0.0}  # the power of the batch size


@dataclass(frozen=True)
class Priority:
    """How much each age counts: a curve over age, as a factor on the learning rate or on the loss.

    AdamW divides by the size of recent gradients, so a factor on the loss that lasts much longer
    than 1 / (1 − β₂) steps hardly changes how far a step goes: it says what counts beside what. A
    factor on the rate changes how far each step goes, and how much weights decay.
    """

    curve: Said
    weighs: Literal["rate", "loss"] = "rate"

    def __post_init__(self) -> None:
        # As JSON gives it back: a table's ages are text there.
        object.__setattr__(self, "curve", say_curve(read_curve(self.curve, of="priority")))


@dataclass(frozen=True)
class Segment:
    """A stretch of life from `from_age` (share of the tokens) to the next segment."""

    from_age: float
    levers: Levers

    @property
    def batch_size(self) -> int:
        """Rows of an optimiser step."""
        assert self.levers.batch_size is not None, "a timeline says every batch size"
        return self.levers.batch_size


@dataclass(frozen=True)
class Timeline:
    """The levers as step functions of age; the first segment starts at 0."""

    segments: tuple[Segment, ...]

    @classmethod
    def uniform(cls, batch_size: int) -> Timeline:
        """The same levers for the whole life."""
        return cls((Segment(0.0, Levers(batch_size=batch_size)),))

    @classmethod
    def of_stretches(cls, stretches: Mapping[float, Levers], batch_size: int) -> Timeline:
        """Levers by the age at which they begin; `batch_size` holds where they name none.

        Stretches that follow one another under the same levers are one.
        """
        segments: list[Segment] = []
        for age, said in sorted(stretches.items()):
            levers = said.model_copy(update={"batch_size": said.batch_size or batch_size})
            is_same = bool(segments) and levers.said() == segments[-1].levers.said()
            if not is_same or levers.begin_anew:
                segments.append(Segment(age, levers))
        return cls(tuple(segments))

    @classmethod
    def of_phases(cls, rows: Rows, batch_size: int) -> Timeline:
        """The levers that an order's phases ask for; a row is of the phase of its first token.

        `batch_size` holds where a phase names none.
        """
        stretches: dict[float, Levers] = {}
        for start, levers in rows.order.stretches:
            first_row = int(np.searchsorted(rows.borders[:-1], rows.starts[start]))
            if first_row < rows.num_rows:  # a phase may be too short to begin a row
                stretches[first_row / rows.num_rows] = levers
        return cls.of_stretches(stretches, batch_size)

    def first_rows(self, num_rows: int) -> list[int]:
        """The row with which each segment begins, in a life of `num_rows` rows."""
        return [round(segment.from_age * num_rows) for segment in self.segments]

    def segment_of(self, cut: Cut, num_rows: int) -> npt.NDArray[np.int64]:
        """The number of the segment of each step of a life of `num_rows` rows: (num_steps,)."""
        found = np.searchsorted(self.first_rows(num_rows), cut.first_row, side="right") - 1
        return found.astype(np.int64)

    def lr_scales(self, cut: Cut, num_rows: int) -> Ages:
        """What each step of a life of `num_rows` rows scales the rate by: (num_steps,)."""
        scales = np.array([segment.levers.lr_scale for segment in self.segments])
        return scales[self.segment_of(cut, num_rows)]

    @property
    def borders(self) -> tuple[float, ...]:
        """The ages at which levers change, 0 included."""
        return tuple(segment.from_age for segment in self.segments)

    @property
    def teaches_parts(self) -> bool:
        """Whether some stretch teaches parts of the mind, or at rates of their own."""
        return any(s.levers.modules or s.levers.lora for s in self.segments)

    def as_json(self) -> list[dict[str, Any]]:
        """Plain JSON; `from_json` is its inverse."""
        return [{"from_age": s.from_age, "levers": s.levers.said()} for s in self.segments]

    @classmethod
    def from_json(cls, said: Sequence[Mapping[str, Any]]) -> Timeline:
        """The timeline that `as_json` wrote."""
        return cls(tuple(Segment(s["from_age"], Levers(**s["levers"])) for s in said))


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

    age         share of the tokens that lies behind at its start
    lr          learning rate
    loss_scale  factor on the loss; a step at 0 is read, and nothing is learnt from it
    beta2       AdamW's decay of the second moment
    segment     number of the stretch of the timeline
    """

    age: Ages
    lr: Ages
    loss_scale: Ages
    beta2: Ages
    segment: npt.NDArray[np.int64]

    def until(self, diverged_at: int | None) -> Steps:
        """The steps that a run which diverged at that step has taken; all of them for None."""
        return self if diverged_at is None else self.first(diverged_at + 1)

    def after(self, age: float) -> int:
        """How many steps are done when `age` is reached; none at age 0."""
        if age == 0:
            return 0
        done = np.append(self.age[1:], 1.0)
        return int(np.searchsorted(done, age - 1e-12)) + 1


def cut_steps(num_rows: int, timeline: Timeline) -> Cut:
    """Cut a life of `num_rows` rows into optimiser steps; none crosses a border of the timeline."""
    sizes = [segment.batch_size for segment in timeline.segments]
    return Cut.of_stretches(num_rows, list(zip(timeline.first_rows(num_rows), sizes, strict=True)))


def plan_steps(
    num_rows: int,
    timeline: Timeline,
    *,
    schedule: Said,
    peak_lr: float,
    warmup_share: float,
    beta2: float = 0.95,
    batch_size: int | None = None,
    batch_rule: BatchRule = "none",
    priority: Priority | None = None,
) -> Steps:
    """The optimiser steps of a life of `num_rows` rows.

    The rate is peak · schedule(age) · lr_scale · priority(age) · (batch / `batch_size`)^p, times a
    linear warm-up over the first `warmup_share` of the steps, and over the first `rewarm` of a
    stretch; where both rise, the lower one holds. p is ½ by the rule `sqrt` (Malladi et al. 2022,
    2205.10287), 1 by `linear` (Goyal et al. 2017, 1706.02677), 0 by `none`. β₂ belongs to steps of
    `batch_size` rows, and is taken to the power batch / `batch_size`: the half-life of the second
    moment stays the same in tokens (Marek et al. 2025, 2507.07101).
    """
    cut = cut_steps(num_rows, timeline)
    age = cut.first_row / num_rows
    segment = timeline.segment_of(cut, num_rows)
    levers = [one.levers for one in timeline.segments]
    relative = cut.batch_size / (batch_size or cut.batch_size)
    count = lr_share(priority.curve, age) if priority else np.ones_like(age)
    weighs_rate = priority is not None and priority.weighs == "rate"
    scale = timeline.lr_scales(cut, num_rows) * relative ** _BATCH_RULES[batch_rule]
    num_warm = max(1, round(warmup_share * len(cut)))
    warmup = np.minimum(1.0, np.arange(1, len(cut) + 1) / num_warm)
    for number, one in enumerate(levers):
        own = np.flatnonzero(segment == number)
        rise = max(1, round(one.rewarm * len(own)))
        warmup[own] = np.minimum(warmup[own], np.arange(1, len(own) + 1) / rise)
    return Steps(
        **vars(cut),
        age=age,
        lr=peak_lr * lr_share(schedule, age) * scale * warmup * (count if weighs_rate else 1.0),
        loss_scale=np.array([one.loss_scale for one in levers])[segment]
        * (1.0 if weighs_rate else count),
        beta2=beta2**relative,
        segment=segment,
    )
