"""Measuring: one mind, on axes and by measures that a person names, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from upbringing.character import Profile, measure_run, measures_named, probes_of
from upbringing.character.axis_files import find_axes
from upbringing.character.probes import Probes, axis_between, lang_read
from upbringing.character.surface import marks_of_pole
from upbringing.corpus import Corpus
from upbringing.errors import InputError
from upbringing.terminal.console import printable, say, wide
from upbringing.training import Run


def measure_mind(
    place: Path,
    poles: tuple[list[str], list[str]] | None,
    axes: Sequence[str],
    measures: Sequence[str],
    lang: str | None,
) -> None:
    """Profile a run on the axis between two poles, on further axes and by further measures.

    Poles are kinds of its corpus; axes are files or names of those built in; measures are
    `FILE.py:FUNCTION` or `lm-eval:TASK`. Without `lang` it is asked in the language that it read.
    Raises `InputError` where no axis is named, or one twice.
    """
    run = Run.open(place)
    probes = probes_on_axes(run, poles, axes, measures, lang)
    profile = measure_run(run, probes)
    for one in probes.asked:
        if one.judge is None:
            say(f"{one.axis.name}: no voice is heard: {one.no_judge}")
    wide.print(_table(profile))
    for pole in (probes.axis.positive, probes.axis.negative):
        found = [f"{name} {value:.3f}" for name, value in marks_of_pole(probes, pole).items()]
        if found:
            say(f"held-out {pole.name}, beside its own words: {', '.join(found)}")


def probes_on_axes(
    run: Run,
    poles: tuple[list[str], list[str]] | None,
    axes: Sequence[str],
    measures: Sequence[str],
    lang: str | None,
) -> Probes:
    """What `measure_mind` asks a run."""
    corpus = Corpus.open(run.sources["corpus"])
    extra = measures_named(measures, check=True)
    spoken = lang or lang_read(run, corpus)
    found = []
    if poles:
        found.append(axis_between(corpus, tuple(poles[0]), tuple(poles[1]), spoken))
    found += find_axes(axes, spoken, corpus)
    names = [axis.name for axis in found]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise InputError(f"two axes are called {twice[0]}", do="name it once")
    if not found:
        raise InputError("no axis is named", do="say two poles, kinds of text, or --axis")
    return probes_of(corpus, found, run.tokens(corpus).tokenizer, extra=extra)


def _table(profile: Profile) -> Table:
    """A run's readings: a row a measure and subject, a column an age.

    The column "in full" has what was asked at the end with all the probes.
    """
    ages = profile.readings["age"].unique().sort().to_list()
    moments = [*((age, "along") for age in ages), (max(ages, default=1.0), "whole")]
    table = Table("measure", "of", *(f"{age:g}" for age in ages), "in full", "unit", box=None)
    rows = profile.readings.group_by("measure", "subject", "unit", maintain_order=True)
    for (measure, subject, unit), readings in rows:
        found = {(a, scope): v for a, scope, v in readings["age", "scope", "value"].iter_rows()}
        values = [f"{found[at]:.3f}" if at in found else "–" for at in moments]
        table.add_row(
            Text(printable(str(measure))), Text(printable(str(subject))), *values, str(unit)
        )
    return table
