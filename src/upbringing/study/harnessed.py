"""Harnessed: results of lm-evaluation-harness as readings of runs and as contrasts of a study.

    readings.parquet    run, arm, schedule, seed, stage, age, measure, subject, value, unit
    contrasts.parquet   of a study's runs: its rules' contrasts of every figure at the end of life
    readings.json       manifest

Arm, schedule and seed are empty for runs of no study, and of several with one name each is called
by its path. As in a study, each measure is a family of
its own under each schedule, over its subjects.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from upbringing.character.harness.results import Result, read_results
from upbringing.errors import InputError, Problem
from upbringing.files import file_digest, staged, write_manifest
from upbringing.study.design import WASHOUT, Design, Plan, study_folder
from upbringing.study.execution import LIFE, stage_folders
from upbringing.study.rules import pairs_for
from upbringing.study.statistics import Contrast, Table, family

FORMAT = "readings/1"

_READINGS = {
    "run": pl.String(),
    "arm": pl.String(),
    "schedule": pl.String(),
    "seed": pl.Int64(),
    "stage": pl.String(),
    "age": pl.Float64(),
    "measure": pl.String(),
    "subject": pl.String(),
    "value": pl.Float64(),
    "unit": pl.String(),
}
_AGE = re.compile(r"age_(\d\.\d+)")


@dataclass(frozen=True)
class Harnessed:
    """What was imported: readings, contrasts where they are a whole study's, and notes in words."""

    readings: pl.DataFrame
    contrasts: tuple[Contrast, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Mind:
    """Which mind a result is of: a run's, at an age, or an average of the run's ages.

    Two are the same run where `run` is the same: in a study the name of its folder.
    """

    run: str
    folder: Path
    age: float
    average: str | None


def import_results(sources: Sequence[Path], place: Path, *, study: Path | None = None) -> Harnessed:
    """Read results files, or folders of them, and write their readings to `place`.

    The study is the one that the runs lie in, or `study` where they were evaluated elsewhere.
    Raises `InputError`, for all files at once, for results that are of no checkpoint of a run, of a
    run that the study lacks, of the same mind twice, or of tasks with other items.
    """
    results = read_results(sources)
    minds = _minds(results)
    design = _design(minds, study)
    if design is None:
        minds = _named_apart(minds)
    _check_alike(results, minds)
    readings = pl.DataFrame(_rows(results, minds, design), _READINGS, orient="row")
    notes = [note for result in results for note in result.notes]
    contrasts: tuple[Contrast, ...] = ()
    if design is not None:
        contrasts, missing = _contrasts(design, readings)
        if missing:
            notes.append(f"no contrasts, since at age 1 there is no {'; no '.join(missing[:8])}")
    with staged(place) as draft:
        readings.write_parquet(draft / "readings.parquet")
        if contrasts:
            table = pl.DataFrame([asdict(c) for c in contrasts], infer_schema_length=None)
            table.write_parquet(draft / "contrasts.parquet")
        write_manifest(
            draft,
            FORMAT,
            recipe={"from": "lm-eval", "notes": notes},
            inputs={str(n): file_digest(result.file) for n, result in enumerate(results)},
        )
    return Harnessed(readings, contrasts, tuple(notes))


def harness_tables(
    readings: pl.DataFrame, arms: Sequence[str], seeds: Sequence[int]
) -> Iterator[Table]:
    """Each figure at the end of life as a `Table` for `family`, by schedule, measure and subject.

    A run without the figure has NaN there.
    """
    ends = readings.filter(stage=LIFE, age=1.0).sort("schedule", "measure", "subject")
    groups = ends.group_by("schedule", "measure", "subject", "unit", maintain_order=True)
    for (schedule, measure, subject, unit), rows in groups:
        found = {(arm, s): v for arm, s, v in rows.select("arm", "seed", "value").iter_rows()}
        values = {arm: np.array([found.get((arm, s), np.nan) for s in seeds]) for arm in arms}
        yield Table(values, str(schedule), str(measure), str(unit), axis=str(subject))


def _contrasts(design: Design, readings: pl.DataFrame) -> tuple[tuple[Contrast, ...], list[str]]:
    """The contrasts, or what is missing for them."""
    settings = design.settings
    own = readings.filter(pl.col("arm").is_in(settings.arms))
    tables = list(harness_tables(own, settings.arms, settings.seeds))
    missing = [
        f"{table.measure} of {table.axis} for {arm}-{table.schedule}-s{seed}"
        for table in tables
        for arm, values in table.values.items()
        for seed, value in zip(settings.seeds, values, strict=True)
        if not np.isfinite(value)
    ]
    if missing or not tables:
        return (), missing
    families = groupby(tables, key=lambda table: (table.schedule, table.measure))
    pairs = pairs_for(settings.arms)
    return tuple(c for _, own in families for c in family(list(own), pairs, seed=0)), []


def _minds(results: Sequence[Result]) -> list[_Mind]:
    minds, problems = [], []
    for result in results:
        folder = Path(result.checkpoint)
        age = _AGE.fullmatch(folder.name)
        if age and folder.parent.name == "checkpoints":
            run = folder.parent.parent
            minds.append(_Mind(run.name, run, float(age[1]), None))
        elif folder.parent.name == "averages":
            run = folder.parent.parent
            minds.append(_Mind(run.name, run, 1.0, folder.name))
        else:
            what = f"{result.checkpoint} is no mind of a run"
            allowed = "RUN/checkpoints/age_… or RUN/averages/…"
            problems.append(Problem(what, str(result.file), allowed))
    if problems:
        raise InputError(problems)
    return minds


def _named_apart(minds: Sequence[_Mind]) -> list[_Mind]:
    """The minds; where runs in several folders have one name, each run by its folder's path."""
    folders = {mind.folder.resolve() for mind in minds}
    names = Counter(folder.name for folder in folders)
    return [
        mind if names[mind.run] == 1 else replace(mind, run=str(mind.folder.resolve()))
        for mind in minds
    ]


def _design(minds: Sequence[_Mind], study: Path | None) -> Design | None:
    """The study that the runs are of, if they are of one."""
    if study is not None:
        return Design.open(study_folder(study))
    places = {mind.folder.parent.parent for mind in minds}
    found = [place for place in sorted(places) if (place / "study.json").exists()]
    if len(found) > 1:
        what = f"the results are of {len(found)} studies: {', '.join(map(str, found))}"
        raise InputError(what, do="import each study's by themselves")
    return Design.open(found[0]) if found else None


def _check_alike(results: Sequence[Result], minds: Sequence[_Mind]) -> None:
    """Raise `InputError` for a mind that is there twice, and for tasks with other items."""
    seen: dict[tuple[str, float, str | None, str, str], Path] = {}
    items: dict[tuple[str, str], tuple[str, Path]] = {}
    problems = []
    for result, mind in zip(results, minds, strict=True):
        for one in result.readings:
            key = (mind.run, mind.age, mind.average, one.measure, one.subject)
            first = seen.setdefault(key, result.file)
            if first != result.file:
                what = f"{one.measure} of {one.subject} is in {first} too, of the same mind"
                problems.append(Problem(what, str(result.file), do="leave one of them out"))
        for (measure, subject), digest in result.items.items():
            known, first = items.setdefault((measure, subject), (digest, result.file))
            if known != digest:
                what = f"{measure} of {subject} was asked with other items than in {first}"
                problems.append(Problem(what, str(result.file), do="give all minds one export"))
    if problems:
        raise InputError(problems)


def _rows(
    results: Sequence[Result], minds: Sequence[_Mind], design: Design | None
) -> list[tuple[object, ...]]:
    known = {} if design is None else dict(_plans(design))
    rows: list[tuple[object, ...]] = []
    problems = []
    for result, mind in zip(results, minds, strict=True):
        own: tuple[object, ...] = (None, None, None)
        stage = mind.average or LIFE
        if design is not None:
            if (mind.run, mind.average) not in known:
                what = f"the study {design.path} has no run {mind.run!r}"
                problems.append(Problem(what, str(result.file)))
                continue
            plan, stage = known[mind.run, mind.average]
            own = (plan.arm, plan.schedule, plan.seed)
        name = f"{mind.run}-{mind.average}" if mind.average else mind.run
        rows += [
            (name, *own, stage, mind.age, one.measure, one.subject, one.value, one.unit)
            for one in result.readings
        ]
    if problems:
        raise InputError(problems)
    return rows


def _plans(design: Design) -> Iterator[tuple[tuple[str, str | None], tuple[Plan, str]]]:
    """Each run of the study by the name of its folder, and of an average's; with its stage."""
    for plan in design.plans:
        for stage, folder in stage_folders(design, plan).items():
            if stage in (LIFE, WASHOUT):
                yield (folder.name, None), (plan, stage)
            else:
                yield (plan.name, folder.name), (plan, stage)
