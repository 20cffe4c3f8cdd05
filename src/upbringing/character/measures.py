"""Measures: what is said of one mind in figures, each a decorated function.

A measure takes an `Asked` mind and gives a figure for each subject: a kind, an axis, or whatever it
tells apart. Where there is nothing to ask it gives none. A measure of a life takes the readings of
all its ages instead. To add one, decorate a function with `@measure` or `@life_measure` in a file
of your own and name it by path, `mine.py:mood`, in a study's `measures:` or
with `upbringing measure --add`. Its docstring states its unit, its cost, and how it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from upbringing.character.asked import Asked
from upbringing.errors import InputError, Problem
from upbringing.own_files import SUFFIX, decorated_at, digest_of_file, name_of
from upbringing.settings import suggestion

Figures = Mapping[str, float]
"""Figures by subject."""


@dataclass(frozen=True)
class Measure:
    """One measure of the package or of a person.

    name    by which readings and settings have it; of a person's own, `mine.py:mood`
    unit    of its figures
    along   whether it is asked along a life too, or at the end alone
    ask     what it asks one mind; of a measure of a life nothing
    tell    what it makes of a life's readings along its ages; of a measure of one mind nothing
    judged  whether it is what a judge of voice heard
    named   whether it is asked only where it is named, because it takes long
    """

    name: str
    unit: str
    along: bool
    ask: Callable[[Asked], Figures] | None = None
    tell: Callable[[pl.DataFrame], Figures] | None = None
    judged: bool = False
    named: bool = False
    file_digest: str | None = None

    @property
    def stated(self) -> str:
        """What its docstring says: the figure, its unit, its cost, how it fails."""
        return (self.ask or self.tell).__doc__ or ""


@dataclass(frozen=True)
class Reading:
    """One figure about a mind: `value` in `unit` of `measure` on `subject`."""

    measure: str
    subject: str
    value: float
    unit: str


_MEASURES: dict[str, Measure] = {}


def measure(
    *, unit: str, along: bool = True, judged: bool = False, named: bool = False
) -> Callable[[Callable[[Asked], Figures]], Callable[[Asked], Figures]]:
    """Make a function of an `Asked` mind a measure, under its own name."""

    def add(function: Callable[[Asked], Figures]) -> Callable[[Asked], Figures]:
        name = name_of(function)
        _MEASURES[name] = Measure(name, unit, along, ask=function, judged=judged, named=named)
        return function

    return add


def life_measure(
    *, unit: str
) -> Callable[[Callable[[pl.DataFrame], Figures]], Callable[[pl.DataFrame], Figures]]:
    """Make a function of a life's readings (age, measure, subject, value) a measure, under its own
    name. It is asked of lives that were kept at two ages or more.
    """

    def add(function: Callable[[pl.DataFrame], Figures]) -> Callable[[pl.DataFrame], Figures]:
        name = name_of(function)
        _MEASURES[name] = Measure(name, unit, along=False, tell=function)
        return function

    return add


def by_judges() -> list[str]:
    """The measures that are what a judge of voice heard."""
    return [name for name, one in _MEASURES.items() if one.judged]


def measures(*, named: bool = False) -> dict[str, Measure]:
    """The measures of the package: those asked in any case, or those asked where `named`."""
    own = {name: one for name, one in _MEASURES.items() if SUFFIX not in name}
    return {name: one for name, one in own.items() if one.named == named}


def measures_named(names: Sequence[str], *, check: bool = False) -> tuple[Measure, ...]:
    """The measures that a person names: those of the package that are not asked in any case, those
    of their own, by path and function, `mine.py:mood`, and tasks of lm-evaluation-harness,
    `lm-eval:TASK`; with `check` these are loaded too, which takes seconds.

    Raises `InputError`, for all names at once, where a file cannot be run or has no such measure.
    """
    from upbringing.character.harness.running import check_harness_tasks

    found, problems = [], list[Problem]()
    for name in names:
        try:
            found.append(_named(name))
        except InputError as error:
            where = "measures"
            problems += [replace(one, where=one.where or where) for one in error.problems]
    if problems:
        raise InputError(problems)
    if check:
        check_harness_tasks(names)
    return tuple(found)


def _named(name: str) -> Measure:
    from upbringing.character.harness.running import harness_measure, is_harness_measure

    if is_harness_measure(name):
        return harness_measure(name)
    if f"{SUFFIX}:" in name:
        own = decorated_at(name, _MEASURES, "@measure")
        return replace(own, file_digest=digest_of_file(name.rpartition(":")[0]))
    known, in_any_case = measures(named=True), measures()
    if name in in_any_case:
        raise InputError(f"{name!r} is asked in any case", do="leave it out")
    if name not in known:
        raise InputError(
            f"{name!r} is no measure to be named",
            allowed=f"{', '.join(known)}, FILE.py:FUNCTION, lm-eval:TASK; {', '.join(in_any_case)} "
            "are asked in any case",
            do=suggestion(name, [*known, *in_any_case]),
        )
    return known[name]


def readings_of(asked: Asked, wanted: Sequence[Measure]) -> Iterator[Reading]:
    """What the measures say of one mind, in their order.

    Raises `InputError` where a person's own measure fails or gives no figures by subject.
    """
    for one in wanted:
        if one.ask is not None:
            yield from _readings(one, partial(one.ask, asked))


def readings_of_life(along: pl.DataFrame, wanted: Sequence[Measure]) -> Iterator[Reading]:
    """What the measures of a life say of one, from its readings along its ages.

    Raises `InputError` as `readings_of` does.
    """
    for one in wanted:
        if one.tell is not None:
            yield from _readings(one, partial(one.tell, along))


def _readings(one: Measure, figures: Callable[[], Figures]) -> Iterator[Reading]:
    try:
        found = {str(subject): float(value) for subject, value in figures().items()}
    except Exception as error:
        if one.file_digest is None:
            raise
        # Whatever a person's own code raises.
        raise InputError(f"{one.name} fails: {type(error).__name__}: {error}") from error
    for subject, value in found.items():
        yield Reading(one.name, subject, value, one.unit)
