"""Concluded studies, opened again: the figures of their runs for a plan or a table over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from upbringing.errors import InputError, Problem
from upbringing.study.design import Design, Dimension, study_folder
from upbringing.study.execution import LIFE
from upbringing.study.factorial import Cell
from upbringing.study.figures import Figures
from upbringing.study.poles import is_measurable
from upbringing.study.sealed import check_seal
from upbringing.study.statistics import Table
from upbringing.training import shape_named

_NOT_CONDITIONS = {
    *("block", "against", "schedules", "shape"),  # the factors
    *("arms", "seeds"),  # compared as the table's own
    *("name", "preset", "hypotheses", "exclusions"),  # words
}


def figures_of(study: Path) -> Figures:
    """The figures of a concluded study; raises `ArtefactError` if it is none, or damaged."""
    design = Design.open(study_folder(study))
    check_seal(design.path)
    return Figures.of(design, pl.read_parquet(design.path / "findings.parquet", glob=False))


def pilot_table(study: Path, *, axis: str | None, schedule: str | None) -> Table:
    """A pilot's primary measure at the end of life, by arm and seed, in pole distances.

    The first axis and schedule unless they are named. Raises `InputError` for names that the study
    lacks, for poles that give no unit and for runs without a figure.
    """
    figures = figures_of(study)
    schedules = tuple(figures.design.settings.curves)
    schedule = schedule or schedules[0]
    if schedule not in schedules:
        raise InputError(
            f"no schedule {schedule!r}", where=str(study), allowed=", ".join(schedules)
        )
    dimension = _dimension(figures.design, axis)
    table = figures.primary(dimension, schedule, LIFE)
    if not all(np.isfinite(values).all() for values in table.values.values()):
        poles = figures.poles[dimension.axis.name]
        raise InputError(
            "has no spread to plan by: a run has no figure, or its poles give no unit",
            where=str(study),
            allowed=f"poles that lie apart ({poles.reason}), runs that reach their end",
        )
    return table


def cells_of(studies: Sequence[Path], *, axis: str | None = None) -> list[Cell]:
    """The cells of concluded studies, one a schedule, in pole distances.

    Without an axis that of each block: from drama to technical and from poetry to technical are
    then one axis, from the block to technical.

    Raises `InputError` for axes that are lacking or whose poles failed their gate, all at once.
    """
    cells, problems = [], []
    for study in studies:
        figures = figures_of(study)
        settings = figures.design.settings
        try:
            dimension = _dimension(figures.design, axis)
        except InputError as error:
            problems += [replace(problem, where=str(study)) for problem in error.problems]
            continue
        poles = figures.poles[dimension.axis.name]
        if not is_measurable(poles, len(settings.seeds)):
            what = f"{dimension.axis.name} cannot be measured there: {poles.reason}"
            problems.append(Problem(what, str(study)))
            continue
        block = "+".join(settings.block)
        name = dimension.axis.name if axis else f"block–{dimension.axis.negative.name}"
        for schedule in settings.curves:
            table = replace(figures.primary(dimension, schedule, LIFE), axis=name)
            label = ", ".join((block, schedule, settings.shape))
            table = replace(table, schedule=label)
            cell = Cell(block, schedule, settings.shape, settings.seeds, table, str(study))
            own = conditions(figures.design, schedule)
            if axis:
                own["axis"] = dimension.axis.as_json()
            cells.append(replace(cell, conditions=own))
    if problems:
        raise InputError(problems)
    return cells


def conditions(design: Design, schedule: str) -> dict[str, Any]:
    """All that a study's figures under a schedule come from, besides block, schedule and shape.

    What is left to the shape, its vocabulary and peak rate, belongs to the shape, and is null.
    """
    settings, shape = design.settings, shape_named(design.settings.shape)
    said = settings.model_dump(mode="json", exclude=_NOT_CONDITIONS)
    vocabulary, peak = settings.vocabulary, settings.peak_of(schedule)
    return said | {
        "vocabulary": None if vocabulary == shape.num_vocab else vocabulary,
        "peak_lr": None if peak == shape.peak_lr else peak,
        "lang": design.said["lang"],
        "corpus": design.said["digests"]["corpus"],
    }


def _dimension(design: Design, axis: str | None) -> Dimension:
    """An axis of a study by its name; the first without one."""
    named = {dimension.axis.name: dimension for dimension in design.dimensions}
    if axis is None:
        return design.dimensions[0]
    if axis not in named:
        raise InputError(f"no axis {axis!r}", where=str(design.path), allowed=", ".join(named))
    return named[axis]
