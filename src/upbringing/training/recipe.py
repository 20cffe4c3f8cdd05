"""The recipe: all that the result of a run depends on, besides the versions of the libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from upbringing.errors import InputError
from upbringing.identity import digest_json
from upbringing.order import Attention, Packing, Rows
from upbringing.training.levers import BatchRule, Priority, Steps, Timeline, plan_steps
from upbringing.training.machine import Numerics
from upbringing.training.model import Shape
from upbringing.training.schedules import Said, read_curve, say_curve

DEFAULT_AGES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Recipe:
    """All that a run's result depends on, besides the versions of the libraries.

    order, corpus, tokenizer  digests of what is read
    schedule                  a curve over age, as `schedules.read_curve` reads it
    batch_size, batch_rule    rows of an optimiser step where no lever says otherwise, and how the
                              rate follows where one does (`levers.plan_steps`)
    priority                  how much each age counts, if not all the same
    loss_by_kind              factors on the loss of scenes of these kinds, others at 1
    num_rows                  rows of the life, at most the order's; age counts in these
    ages                      ages at which a checkpoint is kept, rising, the last one 1
    emas                      half-lives, shares of the life, of the moving averages that are kept
    shape                     None for a mind of another make
    starts_from               digest of the checkpoint that the life begins with, if any
    beta2                     AdamW's, for steps of `batch_size` rows
    """

    order: str
    corpus: str
    tokenizer: str
    shape: Shape | None
    seed: int
    schedule: Said
    peak_lr: float
    batch_size: int
    timeline: Timeline
    row_length: int
    num_rows: int
    numerics: Numerics
    packing: Packing = "stream"
    attention: Attention = "across"
    ages: tuple[float, ...] = DEFAULT_AGES
    emas: tuple[float, ...] = ()
    starts_from: str | None = None
    batch_rule: BatchRule = "sqrt"
    priority: Priority | None = None
    loss_by_kind: Mapping[str, float] = field(default_factory=dict)
    warmup_share: float = 0.02
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        # As JSON gives it back: a table's ages are text there.
        object.__setattr__(self, "schedule", say_curve(read_curve(self.schedule)))

    @classmethod
    def of(
        cls,
        rows: Rows,
        shape: Shape | None,
        *,
        seed: int,
        schedule: Said,
        numerics: Numerics,
        batch_size: int,
        timeline: Timeline | None = None,
        peak_lr: float | None = None,
        num_rows: int | None = None,
        ages: tuple[float, ...] = DEFAULT_AGES,
    ) -> Recipe:
        """The recipe for a life on `rows`; the shape takes the tokenizer's vocabulary.

        Without a timeline the levers are the same for the whole life.
        """
        return cls(
            order=rows.order.digest,
            corpus=rows.order.corpus.digest,
            tokenizer=rows.tokens.digest,
            shape=shape and replace(shape, num_vocab=rows.tokens.num_vocab),
            seed=seed,
            schedule=schedule,
            peak_lr=_usual_lr(shape) if peak_lr is None else peak_lr,
            batch_size=batch_size,
            timeline=timeline or Timeline.uniform(batch_size),
            row_length=rows.row_length,
            num_rows=num_rows or rows.num_rows,
            numerics=numerics,
            packing=rows.packing,
            attention=rows.attention,
            ages=ages,
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` is its inverse."""
        timeline = self.timeline.as_json()
        plain = replace(self, timeline=Timeline(()), loss_by_kind=dict(self.loss_by_kind))
        return asdict(plain) | {
            "ages": list(self.ages),
            "emas": list(self.emas),
            "timeline": timeline,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Recipe:
        """The recipe that `as_json` wrote."""
        typed = {
            "shape": Shape(**said["shape"]) if said["shape"] else None,
            "timeline": Timeline.from_json(said["timeline"]),
            "priority": Priority(**said["priority"]) if said["priority"] else None,
            "numerics": Numerics(**said["numerics"]),
            "ages": tuple(said["ages"]),
            "emas": tuple(said["emas"]),
        }
        return cls(**{**said, **typed})

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe as canonical JSON."""
        return digest_json(digestible(self.as_json()))

    @property
    def steps(self) -> Steps:
        """The table of optimiser steps."""
        return plan_steps(
            self.num_rows,
            self.timeline,
            schedule=self.schedule,
            peak_lr=self.peak_lr,
            warmup_share=self.warmup_share,
            beta2=self.beta2,
            batch_size=self.batch_size,
            batch_rule=self.batch_rule,
            priority=self.priority,
        )

    @property
    def kept_ages(self) -> tuple[float, ...]:
        """Where a checkpoint is kept: `ages`, and the timeline's borders where parts learn."""
        if not self.timeline.teaches_parts:
            return self.ages
        borders = (row / self.num_rows for row in self.timeline.first_rows(self.num_rows))
        return tuple(sorted({*self.ages, *borders}))


def _usual_lr(shape: Shape | None) -> float:
    if shape is None or not shape.peak_lr:
        what = "a mind that is raised further has no learning rate of its own"
        raise InputError(what, do="say which: `peak_lr`, or --peak-lr")
    return shape.peak_lr


def digestible(value: Any) -> Any:
    """JSON with tuples as lists, as a file gives it back."""
    if isinstance(value, dict):
        return {key: digestible(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [digestible(item) for item in value]
    return value
