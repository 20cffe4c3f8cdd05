"""Gathering: the profiles of a study's runs → its three tables.

study/findings.parquet   every reading of every run, by age
study/samples.parquet    every sample
study/ribbons.parquet    what each order lets read in each hundredth of life, by kind
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from upbringing.character import Profile
from upbringing.files import storage
from upbringing.order import ribbon
from upbringing.study.design import Design, Plan
from upbringing.study.execution import has_washout, run_folder, washout_folder
from upbringing.training import Run

NUM_BINS = 100  # of a ribbon: hundredths of life
LIFE, WASHED = "life", "washout"


def gather(design: Design) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All readings and all samples, each row with the run it belongs to."""
    readings, samples = [], []
    for plan in design.plans:
        for stage, folder in _folders(design, plan).items():
            profile = Profile.open(folder / "profile")
            of_run = [
                pl.lit(folder.name).alias("run"),
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
        for folder in _folders(design, plan).values():
            yield Run.open(folder)


def _folders(design: Design, plan: Plan) -> dict[str, Path]:
    """Where a plan's runs lie, by stage; a life that diverged has no washout."""
    folders = {LIFE: run_folder(design, plan)}
    if has_washout(design, plan):
        folders[WASHED] = washout_folder(design, plan)
    return {stage: folder for stage, folder in folders.items() if (folder / "profile").exists()}


def write_table(table: pl.DataFrame, file: Path) -> None:
    """Write Parquet whole, in the place of what was there."""
    draft = file.with_name(f".{file.name}.draft-{os.getpid()}")
    try:
        with storage(file):
            table.write_parquet(draft)
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
