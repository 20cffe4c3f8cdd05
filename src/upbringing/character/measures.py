"""Measures: what is said of one mind in figures, each a decorated function.

A measure takes an `Asked` mind and gives a figure for each subject: a kind, an axis, or whatever it
tells apart. Where there is nothing to ask it gives none. To add one, decorate a function with
`@measure` in a file of your own and name it by path, `mine.py:mood`, in a study's `measures:` or
with `upbringing measure --add`. Its docstring states its unit, its cost, and how it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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
    """

    name: str
    unit: str
    along: bool
    ask: Callable[[Asked], Figures]
    file_digest: str | None = None


@dataclass(frozen=True)
class Reading:
    """One figure about a mind: `value` in `unit` of `measure` on `subject`."""

    measure: str
    subject: str
    value: float
    unit: str


_MEASURES: dict[str, Measure] = {}


def measure(
    *, unit: str, along: bool = True
) -> Callable[[Callable[[Asked], Figures]], Callable[[Asked], Figures]]:
    """Make a function of an `Asked` mind a measure, under its own name."""

    def add(function: Callable[[Asked], Figures]) -> Callable[[Asked], Figures]:
        module = function.__module__
        name = f"{module}:{function.__name__}" if module.endswith(SUFFIX) else function.__name__
        _MEASURES[name] = Measure(name, unit, along, function)
        return function

    return add


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
    one = _MEASURES[name]
    return Measure(one.name, one.unit, one.along, one.ask, digest_of_file(path))


def readings_of(asked: Asked, wanted: Sequence[Measure]) -> Iterator[Reading]:
    """What the measures say of one mind, in their order.

    Raises `InputError` where a person's own measure fails or gives no figures by subject.
    """
    for one in wanted:
        for subject, value in _figures(one, asked).items():
            yield Reading(one.name, subject, value, one.unit)


def _figures(one: Measure, asked: Asked) -> Figures:
    if one.file_digest is None:
        return one.ask(asked)
    try:
        return {str(subject): float(value) for subject, value in one.ask(asked).items()}
    except Exception as error:  # whatever a person's own code raises
        raise InputError(f"{one.name} fails: {type(error).__name__}: {error}") from error
