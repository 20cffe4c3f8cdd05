"""A study folder, read and checked whole, before a word or a dot is drawn from it.

Takes a folder as `study` leaves it (`study.json`, `findings.json`, three Parquet tables, and the
digests of these); gives a `Study`. Promises that what later modules look up is there: the fields,
the columns, a primary measure at some age, a schedule for every run. Everything that is wrong is
one `ArtefactError`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import polars as pl
from pydantic import ValidationError

from upbringing.character import ALONG, WHOLE
from upbringing.errors import ArtefactError, Problem
from upbringing.files import read_json
from upbringing.report.records import Findings, Record
from upbringing.study.sealed import check_seal

R = TypeVar("R", bound=Record)

_RUN: dict[str, pl.DataType] = {
    "run": pl.String(),
    "arm": pl.String(),
    "schedule": pl.String(),
    "seed": pl.Int64(),
    "stage": pl.String(),
    "age": pl.Float64(),
}
_COLUMNS: dict[str, dict[str, pl.DataType]] = {
    "findings.parquet": _RUN
    | {
        "scope": pl.String(),
        "measure": pl.String(),
        "subject": pl.String(),
        "value": pl.Float64(),
        "unit": pl.String(),
    },
    "samples.parquet": _RUN
    | {
        "prompt": pl.Int64(),
        "opening": pl.String(),
        "sample_seed": pl.Int64(),
        "text": pl.String(),
        "voice": pl.Float64(),
    },
    "ribbons.parquet": {
        "arm": pl.String(),
        "seed": pl.Int64(),
        "bin": pl.Int64(),
        "kind": pl.String(),
        "share": pl.Float64(),
    },
}


class _Preregistration(Record):
    """`study.json`: the design as it was hashed before the first run."""

    digest: str


@dataclass(frozen=True)
class Scale:
    """How a value of the primary measure becomes a height: `(value − zero) / unit`."""

    zero: float
    unit: float
    label: str
    in_pole_distances: bool


@dataclass(frozen=True)
class Study:
    """A whole study: its record and its tables, checked."""

    folder: Path
    design_digest: str
    findings: Findings
    measures: pl.DataFrame
    """findings.parquet: a row a run, age, scope and measure."""
    samples: pl.DataFrame
    ribbons: pl.DataFrame

    @cached_property
    def scale(self) -> Scale:
        """Pole distances above the negative pole; natural units where the poles have none."""
        poles = self.findings.own_poles
        if poles.negative and poles.negative.mean is not None and (poles.distance or 0) > 0:
            assert poles.distance is not None
            return Scale(poles.negative.mean, poles.distance, "pole distances", True)
        unit = primary_rows(self.measures, self.findings)["unit"][0]
        return Scale(0.0, 1.0, unit.replace("_", " "), False)

    @cached_property
    def character(self) -> pl.DataFrame:
        """The primary measure along life: a run, arm, schedule, seed, stage and age a row.

        The `position` is the height of the `value` between the poles' minds, asked the same.
        """
        return _placed(primary_rows(self.along, self.findings), self._along_scale)

    @cached_property
    def ends(self) -> pl.DataFrame:
        """As `character`, at the end of life and in full, as it is and averaged: see the `stage`.

        A run that diverged on the way there has no row.
        """
        whole = self.measures.filter(pl.col("stage") != "washout", scope=WHOLE, age=1.0)
        return _placed(primary_rows(whole, self.findings), self.scale)

    @cached_property
    def along(self) -> pl.DataFrame:
        """Those of the `measures` that compare ages."""
        return self.measures.filter(scope=ALONG)

    @cached_property
    def _along_scale(self) -> Scale:
        """The `scale` by what is asked along a life."""
        poles = self.findings.own_poles
        if not self.scale.in_pole_distances or poles.positive is None or poles.negative is None:
            return self.scale
        ends = primary_rows(self.along, self.findings).filter(stage="life", age=1.0)
        high, low = (
            ends.filter(arm=pole.arm)["value"].mean() for pole in (poles.positive, poles.negative)
        )
        if not isinstance(high, float) or not isinstance(low, float) or high <= low:
            return self.scale
        return replace(self.scale, zero=low, unit=high - low)

    def moments(self, rows: pl.DataFrame) -> list[tuple[str, float]]:
        """(stage, age) of some rows: life by age, then the washout, then the averages."""
        found = rows.select("stage", "age").unique().rows()
        return sorted(found, key=lambda moment: (self.findings.stages.index(moment[0]), moment[1]))


def _placed(rows: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    return rows.with_columns(position=(pl.col("value") - scale.zero) / scale.unit)


def primary_rows(measures: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """The rows of the primary measure that hold a number, by arm, seed and age."""
    is_primary = (pl.col("measure") == findings.primary) & (pl.col("subject") == findings.axis)
    rows = measures.filter(is_primary & pl.col("value").is_finite())
    return rows.sort("arm", "schedule", "seed", "stage", "age")


def read_study(folder: Path) -> Study:
    """Read and check a study folder. Raises `ArtefactError` with everything that is wrong."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ArtefactError("is not a folder", where=str(folder), do="name a finished study")
    sealed = check_seal(folder)
    problems: list[Problem] = []
    preregistration = _read_record(folder / "study.json", _Preregistration, problems)
    findings = _read_record(folder / "findings.json", Findings, problems)
    tables = [_read_table(folder / name, problems) for name in _COLUMNS]
    if problems or preregistration is None or findings is None:
        raise ArtefactError(problems)
    if preregistration.digest != sealed.inputs["design"]:
        raise ArtefactError(
            "is another design than the findings are of",
            where=str(folder / "study.json"),
            do="put the file back",
        )
    measures, samples, ribbons = (table for table in tables if table is not None)
    _check_together(folder, findings, measures, samples)
    return Study(folder, preregistration.digest, findings, measures, samples, ribbons)


def _read_record(file: Path, model: type[R], problems: list[Problem]) -> R | None:
    try:
        return model.model_validate(read_json(file))
    except ArtefactError as error:
        problems += error.problems
    except ValidationError as error:
        for mistake in error.errors():
            spot = ".".join(map(str, mistake["loc"]))
            problems.append(Problem(f"{spot}: {mistake['msg']}", str(file)))
    return None


def _read_table(file: Path, problems: list[Problem]) -> pl.DataFrame | None:
    columns = _COLUMNS[file.name]
    try:
        table = pl.read_parquet(file, glob=False)
        kept = table.select(pl.col(name).cast(kind) for name, kind in columns.items())
        # Ages are shares of whole batches; equal ones must be found equal.
        return kept.with_columns(pl.col("age").round(4)) if "age" in columns else kept
    except FileNotFoundError:
        problems.append(Problem("no such file", str(file), do="run the study again"))
    except pl.exceptions.ColumnNotFoundError as error:
        missing = str(error).splitlines()[0]
        problems.append(Problem(f"lacks a column: {missing}", str(file), ", ".join(columns)))
    except (pl.exceptions.PolarsError, OSError) as error:
        problems.append(Problem(f"cannot be read: {error}", str(file), do="run the study again"))
    return None


def _check_together(
    folder: Path, findings: Findings, measures: pl.DataFrame, samples: pl.DataFrame
) -> None:
    problems = []
    if primary_rows(measures, findings).is_empty():
        what = f"holds no {findings.primary} of the axis {findings.axis!r}"
        problems.append(Problem(what, str(folder / "findings.parquet"), do="run the study again"))
    described = {"schedule": list(findings.schedules), "stage": findings.stages}
    problems += [
        Problem(
            f"has rows of the {column} {name!r}, which findings.json does not describe",
            str(folder / file),
            ", ".join(known),
        )
        for file, table in (("findings.parquet", measures), ("samples.parquet", samples))
        for column, known in described.items()
        for name in table.filter(~pl.col(column).is_in(known))[column].unique().sort()
    ]
    if problems:
        raise ArtefactError(problems)
