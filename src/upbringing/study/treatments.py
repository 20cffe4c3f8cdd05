"""Treatments of the lives of a study: schedules, levers, averages of weights, as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from upbringing.errors import InputError
from upbringing.order import Levers, Names
from upbringing.settings import Settings, mistake
from upbringing.training import SHAPES, Decoder, Said, read_curve, say_curve
from upbringing.training.averaging import Average, Last, Moving, Soup, lacking, slug
from upbringing.training.parts import weights_of
from upbringing.training.stock import stock_labels


def _as_curve(said: Any, *, of: str) -> Said:
    try:
        return say_curve(read_curve(said, of=of))
    except InputError as error:
        problem = error.problems[0]
        allowed = f"; allowed: {problem.allowed}" if problem.allowed else ""
        raise ValueError(f"{problem.what}{allowed}") from error


Schedule = Annotated[Any, BeforeValidator(partial(_as_curve, of="schedule"))]
Share = Annotated[float, Field(gt=0, le=1)]


class StretchSettings(Levers):
    """Levers from an age on."""

    age: Annotated[float, Field(ge=0, lt=1, alias="from")]


class PrioritySettings(Settings):
    """How much each age counts: a curve, as a factor on the rate or on the loss."""

    curve: Annotated[Any, BeforeValidator(partial(_as_curve, of="priority"))]
    weighs: Literal["rate", "loss"] = "rate"


class AverageSettings(Settings):
    """The weights of several ages as one mind: `last`, `soup` or `ema`.

    last   the mean of so many of the last `ages`
    soup   two of `ages`: the mind at the second with `share` (a half) of that at the first in it,
           in all weights or in `modules`
    ema    a moving average, its half-life a share of the life
    """

    last: Annotated[int, Field(ge=2)] | None = None
    soup: tuple[Share, Share] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    modules: Names | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        said = [self.last, self.soup, self.ema]
        if said.count(None) != len(said) - 1:
            raise ValueError("an average is one of last, soup and ema")
        if self.soup is None and (self.share, self.modules) != (None, None):
            raise ValueError("`share` and `modules` are of a soup")
        if self.soup is not None and self.soup[0] >= self.soup[1]:
            raise ValueError("the two ages of a soup rise")
        return self

    @property
    def average(self) -> Average:
        """What it asks for."""
        if self.last is not None:
            return Last(self.last)
        if self.soup is not None:
            return Soup(*self.soup, self.share or 0.5, self.modules or ())
        assert self.ema is not None
        return Moving(self.ema)


def unfit_averages(said: Any, study: Mapping[str, Any]) -> list[InitErrorDetails]:
    """What is wrong with averages as they stand in a file, each that is one by itself; `study` are
    the settings that are valid.
    """
    mistakes, met = [], set[str]()
    for number, one in enumerate(said if isinstance(said, (list, tuple)) else ()):
        try:
            average = AverageSettings.model_validate(one).average
        except ValidationError:
            continue  # the study's validation tells it
        wrong = _unfit(average, study)
        if slug(average) in met:
            wrong.append("may stand here once")
        mistakes += [mistake((number,), f"{average.name}: {what}") for what in wrong]
        met.add(slug(average))
    return mistakes


def _unfit(average: Average, study: Mapping[str, Any]) -> list[str]:
    """What the minds of a study lack for an average; `study` are its settings that can be."""
    lack = lacking(average, study["ages"]) if "ages" in study else None
    wrong = [lack] if lack else []
    if isinstance(average, Soup) and average.modules and {"shape", "tied"} <= study.keys():
        shape = replace(SHAPES[study["shape"]].dwarf, tied=study["tied"])
        labels = stock_labels(Decoder(shape, row_length=1, seed=0))
        try:
            weights_of(average.modules, labels)
        except InputError as error:
            wrong += [str(problem) for problem in error.problems]
    return wrong
