"""The records of `findings.json`, as a page reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """JSON that we wrote ourselves: immutable; a newer writer may have added fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Schedule(Record):
    """A learning rate through life, and where its mass (the integral over age) lies."""

    age: tuple[float, ...] = Field(min_length=2)
    lr: tuple[float, ...] = Field(min_length=2)
    """Share of the peak rate at each age."""
    mass_by_sixth: tuple[float, ...] = Field(min_length=6, max_length=6)

    def mass_between(self, start: float, end: float) -> float:
        """The area under the rate (trapezoids) between two ages; 1 for a whole life at the peak."""
        age, lr = np.asarray(self.age), np.asarray(self.lr)
        area = np.concatenate([[0.0], np.cumsum(np.diff(age) * (lr[1:] + lr[:-1]) / 2)])
        at_start, at_end = np.interp([start, end], age, area)
        return float(at_end - at_start)


class Pole(Record):
    """The minds that were raised on one kind only."""

    arm: str
    mean: float | None
    values: tuple[float | None, ...] = ()


class Poles(Record):
    """The unit of character and whether it can be trusted at this size."""

    positive: Pole | None = None
    negative: Pole | None = None
    distance: float | None = None
    seed_sd: float | None = None
    gate: Literal["passed", "failed", "not run"]
    reason: str


class Contrast(Record):
    """A difference between two arms; no number where there is none to give."""

    average: str | None = None
    """Of averaged weights, by the average's name; None of the minds as they are."""

    schedule: str
    measure: str
    name: str
    estimate: float | None
    low: float | None
    high: float | None
    p: float | None
    num_seeds: int
    unit: str
    method: str
    reason: str | None = None
    axis: str
    """The subject of the measure: an axis, a kind."""


class Verdict(Record):
    """What the rules say of one schedule and axis."""

    average: str | None = None

    schedule: str
    axis: str
    measure: str
    position: str
    qualifiers: tuple[str, ...]
    reason: str
    sentence: str


class Cost(Record):
    """Held-out bits per byte of an arm minus those of the shuffles."""

    average: str | None = None

    schedule: str
    arm: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: str
    num_seeds: int
    method: str
    reason: str | None = None


class Washout(Record):
    """Whether the washout was strong enough to speak of what lasts."""

    valid: bool
    reason: str


class Sampling(Record):
    """How the samples were drawn and which are shown."""

    temperature: float
    num_tokens: int
    rule: str


class Axis(Record):
    """A dimension of character that was asked about, and its judge's examination."""

    name: str
    slug: str
    positive: str
    negative: str
    primary: str
    judge: Mapping[str, Any] | None


class Told(Record):
    """Contrasts, and sentences that say no more than they do."""

    contrasts: tuple[Contrast, ...]
    sentences: tuple[str, ...]


class SceneRead(Record):
    """A scene of the next block, and how much harder it is to read after the one than the other."""

    schedule: str
    scene: str
    kind: str
    difference: float


class Interpretation(Told):
    """How the block `next` was read after `first` and after `other`."""

    first: str
    other: str
    next: str
    scenes: tuple[SceneRead, ...]


class Hypothesis(Record):
    """What was expected before the first run, and what came of it."""

    text: str
    answer: str
    reason: str


class HalfLife(Record):
    """How much of a washout it takes to lose half of a contrast."""

    schedule: str
    axis: str
    name: str
    answer: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: str
    method: str
    reason: str


class Omnibus(Record):
    """Whether the arms differ at all, on an axis or on the map of minds."""

    what: str
    statistic: float | None
    p: float | None
    share: float | None
    method: str
    reason: str


class OrderSpread(Record):
    """How much random orders differ, in units of what is left of the seeds."""

    what: str
    ratio: float | None
    low: float | None
    high: float | None
    num_orders: int
    num_seeds: int
    reason: str


class Exploratory(Record):
    """What no verdict is read off."""

    omnibus: tuple[Omnibus, ...]
    order_spreads: tuple[OrderSpread, ...]


class Findings(Record):
    """`findings.json`, the fields that a report uses."""

    name: str
    preset: str | None
    is_demonstration: bool
    seeds: tuple[int, ...] = Field(min_length=1)
    lang: str
    block: str
    against: str | None
    axis: str
    primary: str
    axes: tuple[Axis, ...] = Field(min_length=1)
    """All that was asked about, that of the block first."""
    shape: str
    num_parameters: int
    num_tokens: int
    smallest_effect: float
    arms: Mapping[str, str]
    command: str
    schedules: Mapping[str, Schedule] = Field(min_length=1)
    averages: Mapping[str, str] = Field(default_factory=dict)
    """What each average of the weights is, by its name."""
    poles: Mapping[str, Poles]
    """By the name of the axis."""
    contrasts: tuple[Contrast, ...]
    verdicts: tuple[Verdict, ...]
    costs: tuple[Cost, ...]
    washout: Washout | None
    diverged: tuple[str, ...]
    deviations: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]
    half_lives: tuple[HalfLife, ...]
    interpretation: Interpretation | None
    doses: Told | None
    exploratory: Exploratory
    numerics: Mapping[str, object]
    digests: Mapping[str, str]
    sampling: Sampling
    answer: tuple[str, ...] = Field(min_length=1)

    @property
    def own_poles(self) -> Poles:
        """The poles of the block's axis."""
        return self.poles[self.axis]

    @property
    def decides(self) -> set[tuple[str, str]]:
        """The measures that decide, each with its axis."""
        return {(axis.primary, axis.name) for axis in self.axes}

    @property
    def stages(self) -> list[str]:
        """What a reading can be of, in the order in which a reader meets it."""
        return ["life", "washout", *self.averages]

    @property
    def conditions(self) -> list[tuple[str, str | None]]:
        """Under what arms are compared: each schedule as it is, and with each average."""
        return [(name, average) for name in self.schedules for average in (None, *self.averages)]
