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
from upbringing.own_files import SUFFIX, digest_of_file, run_file
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
    """

    name: str
    unit: str
    along: bool
    ask: Callable[[Asked], Figures] | None = None
    tell: Callable[[pl.DataFrame], Figures] | None = None
    judged: bool = False
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
    *, unit: str, along: bool = True, judged: bool = False
) -> Callable[[Callable[[Asked], Figures]], Callable[[Asked], Figures]]:
    """Make a function of an `Asked` mind a measure, under its own name."""

    def add(function: Callable[[Asked], Figures]) -> Callable[[Asked], Figures]:
        name = _name(function)
        _MEASURES[name] = Measure(name, unit, along, ask=function, judged=judged)
        return function

    return add


def life_measure(
    *, unit: str
) -> Callable[[Callable[[pl.DataFrame], Figures]], Callable[[pl.DataFrame], Figures]]:
    """Make a function of a life's readings (age, measure, subject, value) a measure, under its own
    name. It is asked of lives that were kept at two ages or more.
    """

    def add(function: Callable[[pl.DataFrame], Figures]) -> Callable[[pl.DataFrame], Figures]:
        name = _name(function)
        _MEASURES[name] = Measure(name, unit, along=False, tell=function)
        return function

    return add


def _name(function: Callable[..., Figures]) -> str:
    module = function.__module__
    return f"{module}:{function.__name__}" if module.endswith(SUFFIX) else function.__name__


def by_judges() -> list[str]:
    """The measures that are what a judge of voice heard."""
    return [name for name, one in _MEASURES.items() if one.judged]


def measures() -> dict[str, Measure]:
    """Every measure of the package, by its name."""
    return {name: one for name, one in _MEASURES.items() if SUFFIX not in name}


def own_measures(names: Sequence[str], *, check: bool = False) -> tuple[Measure, ...]:
    """Measures of a person's own, by path and function, `mine.py:mood`, and tasks of
    lm-evaluation-harness, `lm-eval:TASK`; with `check` these are loaded too, which takes seconds.

    Raises `InputError`, for all names at once, where a file cannot be run or has no such measure.
    """
    from upbringing.character.harness.running import check_harness_tasks

    found, problems = [], []
    for name in names:
        try:
            found.append(_own(name))
        except ValueError as error:
            problems.append(Problem(f"{name}: {error}", "measures"))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if check:
        check_harness_tasks(names)
    return tuple(found)


def _own(name: str) -> Measure:
    from upbringing.character.harness.running import harness_measure, is_harness_measure

    if is_harness_measure(name):
        return harness_measure(name)
    file, is_path, _ = name.rpartition(f"{SUFFIX}:")
    if not is_path:
        known = list(measures())
        raise InputError(
            f"{name!r} names no measure of your own",
            where="measures",
            allowed=f"FILE.py:FUNCTION, lm-eval:TASK; {', '.join(known)} are asked in any case",
            do=suggestion(name, known),
        )
    path = f"{file}{SUFFIX}"
    run_file(path)
    if name not in _MEASURES:
        inside = [known for known in _MEASURES if known.startswith(f"{path}:")]
        what = f"{path} has no measure called {name.removeprefix(f'{path}:')!r}"
        raise InputError(
            what,
            where="measures",
            allowed=", ".join(inside) or "functions that are decorated with @measure",
        )
    return replace(_MEASURES[name], file_digest=digest_of_file(path))


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
