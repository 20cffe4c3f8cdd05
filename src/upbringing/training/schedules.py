"""Schedules: the share of the peak learning rate at each age; curves over age in general.

A curve is said by a name, a name with its settings, or a table of ages:

    linear                              from 1 to 0
    {linear: {to: 0.1}}
    {wsd: {decay: 0.2}}
    {0: 1, 0.5: 0.3, 1: 0}              lines between the knots

Each curve is a typed class whose fields are its settings; what stands without a name is the first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError, field_validator

from upbringing.errors import InputError
from upbringing.identity import digest_json
from upbringing.settings import Settings

Ages = npt.NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]

Said: TypeAlias = str | Mapping[str, Any]
"""A curve as plain JSON: what `say_curve` gives."""

_MOST_KNOTS_IN_A_LABEL = 3


class Curve(Settings, ABC):
    """A function of age; `at` takes ages in [0, 1] and gives factors of the same shape."""

    @abstractmethod
    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""


class Constant(Curve):
    """1 at every age."""

    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""
        return np.ones_like(ages)


class Linear(Curve):
    """From 1 to `to` in a line."""

    to: Share = 0.0

    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""
        return 1 - (1 - self.to) * ages


class Cosine(Curve):
    """From 1 to `to` by half a cosine (Loshchilov and Hutter 2017, 1608.03983)."""

    to: Share = 0.0

    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""
        return self.to + (1 - self.to) * (1 + np.cos(np.pi * ages)) / 2


class Wsd(Curve):
    """1, then a line to `to` over the last `decay` of life (Hu et al. 2024, 2404.06395)."""

    decay: Annotated[float, Field(gt=0, le=1)] = 0.2
    to: Share = 0.0

    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""
        left = np.minimum(1.0, (1 - ages) / self.decay)
        return self.to + (1 - self.to) * left


class Steep(Curve):
    """exp(−fall · age)."""

    fall: Annotated[float, Field(gt=0, le=100)] = 8.0

    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""
        return np.exp(-self.fall * ages)


class InverseSqrt(Curve):
    """1 up to the age `after`, then √(after / age) (Vaswani et al. 2017, 1706.03762)."""

    after: Annotated[float, Field(gt=0, le=1)] = 0.05

    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""
        return np.sqrt(self.after / np.maximum(ages, self.after))


class Table(Curve):
    """Lines between knots: a factor for each of several ages; beyond them, that of the nearest."""

    knots: Annotated[dict[float, Annotated[float, Field(ge=0)]], Field(min_length=1)]

    @field_validator("knots")
    @classmethod
    def _rises(cls, knots: dict[float, float]) -> dict[float, float]:
        beyond = [age for age in knots if not 0 <= age <= 1]
        if beyond:
            raise ValueError(f"ages go from 0 to 1, the end of life, and {beyond[0]:g} is none")
        if not any(knots.values()):
            raise ValueError("0 at every age, so that nothing is learnt")
        return dict(sorted(knots.items()))

    def at(self, ages: Ages) -> Ages:
        """The factor at each age."""
        return np.interp(ages, list(self.knots), list(self.knots.values()))


CURVES: Mapping[str, type[Curve]] = {
    "constant": Constant,
    "linear": Linear,
    "cosine": Cosine,
    "wsd": Wsd,
    "steep": Steep,
    "inverse_sqrt": InverseSqrt,
    "table": Table,
}


def read_curve(said: Any, *, of: str = "schedule") -> Curve:
    """A curve by its YAML. Raises `InputError` for what is none; `of` says there what it is for."""
    if isinstance(said, Curve):
        return said
    name, setting = _named(said, of)
    if name not in CURVES:
        raise InputError(f"no {of} is called {name!r}", allowed=", ".join(CURVES))
    curve = CURVES[name]
    fields = list(curve.model_fields)
    if setting is None:
        given = {}
    elif isinstance(setting, Mapping) and (not fields or set(setting) <= set(fields)):
        given = dict(setting)
    elif fields:
        given = {fields[0]: setting}
    else:
        raise InputError(f"{name!r} takes no setting")
    try:
        return curve.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ").lower()
        raise InputError(f"{of} {name!r}: {where}: {what}") from error


def _named(said: Any, of: str) -> tuple[str, Any]:
    if isinstance(said, str):
        return said, None
    if isinstance(said, Mapping) and said and all(map(_is_number, said)):
        return "table", said
    if isinstance(said, Mapping) and len(said) == 1:
        name, setting = next(iter(said.items()))
        return str(name), setting
    raise InputError(
        f"a {of} is a name, one name with its settings, or a table of ages",
        allowed=", ".join(CURVES),
    )


def _is_number(key: Any) -> bool:
    try:
        float(key)
    except (TypeError, ValueError):
        return False
    return True


def say_curve(curve: Curve) -> Said:
    """The shortest plain JSON that reads as this curve."""
    name = next(name for name, kind in CURVES.items() if type(curve) is kind)
    setting = curve.model_dump(mode="json", exclude_defaults=True)
    if isinstance(curve, Table):
        return {str(age).removesuffix(".0"): factor for age, factor in curve.knots.items()}
    return {name: setting} if setting else name


def curve_label(said: Said) -> str:
    """A name for a curve, fit for a file and a page: `wsd`, `wsd-decay0.1`, `table-0=1-1=0.2`."""
    curve = read_curve(said)
    if isinstance(curve, Table):
        knots = [f"{age:g}={factor:g}" for age, factor in curve.knots.items()]
        short = len(knots) <= _MOST_KNOTS_IN_A_LABEL
        return "-".join(["table", *(knots if short else [digest_json(say_curve(curve))[:8]])])
    name, *_ = [said] if isinstance(said, str) else said
    settings = curve.model_dump(exclude_defaults=True)
    return "-".join([name, *(f"{key}{value:g}" for key, value in settings.items())])


def lr_share(schedule: Said, ages: Ages) -> Ages:
    """The share of the peak learning rate at each age, warm-up left aside; shape as `ages`.

    Raises `InputError` for an unknown schedule.
    """
    return read_curve(schedule).at(ages)
