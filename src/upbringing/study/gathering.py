"""Gathering: the profiles of a study's runs → its three tables.

study/findings.parquet   every reading of every run, by age
study/samples.parquet    every sample
study/ribbons.parquet    what each order lets read in each hundredth of life, by kind
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from upbringing.character import Profile
from upbringing.files import staged_file
from upbringing.order import ribbon
from upbringing.study.design import WASHOUT, Design, Plan
from upbringing.study.execution import LIFE, stage_folders
from upbringing.training import Run

NUM_BINS = 100  # of a ribbon: hundredths of life


def gather(
    design: Design, plans: Sequence[Plan] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The readings and samples of all plans or of some, each row with the run it belongs to.

    The stage of a row is `life`, `washout`, or the name of the average that was measured.
    """
    readings, samples = [], []
    for plan in design.plans if plans is None else plans:
        for stage, folder in _folders(design, plan).items():
            profile = Profile.open(folder / "profile")
            of_run = [
                pl.lit(_name(plan, stage, folder)).alias("run"),
                pl.lit(plan.arm).alias("arm"),
                pl.lit(plan.schedule).alias("schedule"),
                pl.lit(plan.seed, pl.Int64).alias("seed"),
                pl.lit(stage).alias("stage"),
            ]
            readings.append(profile.readings.select(*of_run, pl.all()))
            samples.append(profile.samples.select(*of_run, pl.all()))
    return pl.concat(readings), pl.concat(samples)


def ribbons(design: Design) -> pl.DataFrame:
    """Shares of kinds, by hundredth of life, of each arm's order."""
    frames = []
    for arm in design.settings.arms:
        for seed in design.settings.seeds:
            order = design.rows(f"{arm}-s{seed}", design.settings.row_length).order
            of_order = [pl.lit(arm).alias("arm"), pl.lit(seed, pl.Int64).alias("seed")]
            frames.append(ribbon(order, NUM_BINS).select(*of_order, pl.all()))
    return pl.concat(frames)


def lived_runs(design: Design) -> Iterator[Run]:
    """Every run of the study that was lived, washouts too."""
    for plan in design.plans:
        for stage, folder in _folders(design, plan).items():
            if stage in (LIFE, WASHOUT):
                yield Run.open(folder)


def _folders(design: Design, plan: Plan) -> dict[str, Path]:
    """Where what was measured of a plan lies, by stage; a life that diverged is all there is."""
    folders = stage_folders(design, plan)
    return {stage: folder for stage, folder in folders.items() if (folder / "profile").exists()}


def _name(plan: Plan, stage: str, folder: Path) -> str:
    """`F-constant-s0`, `F-constant-s0-washout`, `F-constant-s0-last-3`."""
    return folder.name if stage in (LIFE, WASHOUT) else f"{plan.name}-{folder.name}"


def write_table(table: pl.DataFrame, file: Path) -> None:
    """Write Parquet whole, in the place of what was there."""
    with staged_file(file) as draft:
        table.write_parquet(draft)
