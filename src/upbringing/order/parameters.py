"""Types of the parameters of strategies: what a person may write there, and what is read for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from upbringing.corpus.measures import MEASURES
from upbringing.errors import InputError

DATE = "date"
"""The column of the documents' dates, which a corpus may have."""


def measurable() -> list[str]:
    """What scenes can be sorted and ranged by, those measures included that a person added."""
    return [*MEASURES, DATE]


def _is_measure(measure: str) -> str:
    name = measure.removeprefix("-")
    if name not in measurable():
        raise PydanticCustomError(
            "unknown_measure",
            "no measure is called {name}",
            {"name": name, "known": measurable()},
        )
    return measure


@dataclass(frozen=True)
class Reads:
    """Beside a parameter's type: the corpus columns that are read for a value of it."""

    columns: Callable[[Any], tuple[str, ...]]


Measure = Annotated[
    str, AfterValidator(_is_measure), Reads(lambda measure: (measure.removeprefix("-"),))
]
"""The name of a measure; with a minus before it, falling."""

Measures = Annotated[
    tuple[Measure, ...],
    BeforeValidator(lambda said: [said] if isinstance(said, str) else said),
    PlainSerializer(lambda measures: measures[0] if len(measures) == 1 else list(measures)),
    Field(min_length=1),
    Reads(lambda measures: tuple(measure.removeprefix("-") for measure in measures)),
]

Group = Annotated[Literal["kind", "lang", "work", "document"], Reads(lambda column: (column,))]
"""A column whose values are groups of scenes."""

Share = Annotated[float, Field(ge=0, le=1)]


def dated(dates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The dates, (n,); raises `InputError` where a scene has none."""
    num_without = int(np.isnan(dates).sum())
    if num_without:
        what = f"{num_without:,} of {len(dates):,} scenes have no date"
        raise InputError(what, do="select those that have one: `measures: {date: [null, null]}`")
    return dates
