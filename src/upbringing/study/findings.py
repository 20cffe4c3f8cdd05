"""Findings: profiles → tables → records, and the answer in words.

    study/findings.parquet   every reading of every run, by age
    study/samples.parquet    every sample
    study/ribbons.parquet    what each order lets read in each hundredth of life, by kind
    study/findings.json      poles, contrasts, costs, verdicts, the answer: what a page shows

Made anew from the runs each time: the runs are the data, this is arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from upbringing.character import Profile
from upbringing.errors import ArtefactError
from upbringing.files import made_by, read_json, storage, write_json
from upbringing.order import ribbon
from upbringing.study.answer import answer
from upbringing.study.design import Design, Plan
from upbringing.study.execution import has_washout, is_done, run_folder, washout_folder
from upbringing.study.poles import Poles, Washout, examine_poles, examine_washout
from upbringing.study.statistics import (
    FEWEST_SEEDS,
    POLE_DISTANCES,
    Contrast,
    Cost,
    FloatArray,
    Table,
    costs,
    family,
)
from upbringing.study.verdict import SMALLEST_EFFECT, Evidence, Verdict, decide, pairs_for
from upbringing.training import Run, lr_share

NUM_BINS = 100  # of a ribbon: hundredths of life
LIFE, WASHED = "life", "washout"


def conclude(design: Design) -> dict[str, Any]:
    """Write the findings of a study whose runs are all done; gives `findings.json`.

    Raises `ArtefactError` that names the runs that are missing.
    """
    missing = [plan.name for plan in design.plans if not is_done(design, plan)]
    if missing:
        raise ArtefactError(
            f"{len(missing)} runs are not done: {', '.join(missing[:8])}",
            where=str(design.path),
            do="run the study again: it continues",
        )
    readings, samples = _gather(design)
    findings = _findings(design, readings)
    with storage(design.path):
        readings.write_parquet(design.path / "findings.parquet")
        samples.write_parquet(design.path / "samples.parquet")
        _ribbons(design).write_parquet(design.path / "ribbons.parquet")
    write_json(design.path / "findings.json", findings)
    return findings


def _gather(design: Design) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All readings and all samples, each row with the run it belongs to."""
    readings, samples = [], []
    for plan in design.plans:
        folders = {LIFE: run_folder(design, plan)}
        if has_washout(design, plan):
            folders[WASHED] = washout_folder(design, plan)
        for stage, folder in folders.items():
            if not (folder / "profile").exists():
                continue  # a life that diverged has no washout
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


def _findings(design: Design, readings: pl.DataFrame) -> dict[str, Any]:
    settings = design.settings
    diverged = [plan.name for plan in design.plans if _diverged_at(design, plan) is not None]
    poles = _poles(design, readings)
    contrasts: list[Contrast] = []
    spent: list[Cost] = []
    verdicts: list[Verdict] = []
    washouts: dict[str, Any] = {}
    for schedule in settings.schedules:
        own = _contrasts(design, readings, poles, schedule, LIFE)
        washed = _contrasts(design, readings, poles, schedule, WASHED) if settings.washout else ()
        washout = _washout(design, readings, poles)
        price = _costs(design, readings, schedule)
        primary = [c for c in own if c.measure == design.primary]
        evidence = Evidence(
            schedule=schedule,
            measure=design.primary,
            block="+".join(settings.block),
            poles=poles,
            contrasts=primary,
            costs=price,
            washout=washout,
            washed=[c for c in washed if c.measure == design.primary],
        )
        verdicts.append(decide(evidence))
        contrasts += [*own, *washed]
        spent += price
        if washout:
            washouts[schedule] = asdict(washout)
    contrasts += _interactions(design, readings, poles)
    return {
        **_facts(design),
        "poles": asdict(poles),
        "contrasts": [asdict(contrast) for contrast in contrasts],
        "verdicts": [asdict(verdict) for verdict in verdicts],
        "costs": [asdict(cost) for cost in spent],
        "washout": washouts,
        "diverged": diverged,
        "deviations": _deviations(design),
        "answer": _answer(design, contrasts, verdicts, spent, diverged),
    }


def _answer(
    design: Design,
    contrasts: Sequence[Contrast],
    verdicts: Sequence[Verdict],
    spent: Sequence[Cost],
    diverged: Sequence[str],
) -> list[str]:
    lives = [c for c in contrasts if not c.schedule.endswith(WASHED)]
    block = "+".join(design.settings.block)
    return answer(block=block, contrasts=lives, verdicts=verdicts, costs=spent, diverged=diverged)


def _facts(design: Design) -> dict[str, Any]:
    """What a page says of how the study was made."""
    settings, said = design.settings, design.said
    return {
        "name": settings.name,
        "preset": settings.preset,
        "is_demonstration": len(settings.seeds) < FEWEST_SEEDS,
        "seeds": list(settings.seeds),
        "lang": said["lang"],
        "block": "+".join(settings.block),
        "against": "+".join(settings.against) if settings.against else None,
        "axis": design.axis.name,
        "primary": design.primary,
        "shape": settings.shape,
        "num_parameters": said["num_parameters"],
        "num_tokens": said["num_tokens"],
        "smallest_effect": SMALLEST_EFFECT,
        "arms": said["arms"],
        "command": made_by()["command"],
        "schedules": {name: _schedule(name) for name in settings.schedules},
        "judge": said["judge"],
        "numerics": asdict(design.plans[0].recipe.numerics),
        "digests": {"design": design.digest, **said["digests"]},
        "sampling": design.probes.settings.sampling.as_json(),
    }


def _schedule(name: str) -> dict[str, Any]:
    """A schedule's curve, and the share of its learning-rate mass that each sixth of life gets."""
    age = np.linspace(0, 1, 101)
    fine = (np.arange(6_000) + 0.5) / 6_000
    mass = lr_share(name, fine).reshape(6, -1).sum(1)
    return {
        "age": age.tolist(),
        "lr": lr_share(name, age).tolist(),
        "mass_by_sixth": (mass / mass.sum()).tolist(),
    }


def _diverged_at(design: Design, plan: Plan) -> int | None:
    return Run.open(run_folder(design, plan)).diverged_at


def _deviations(design: Design) -> list[str]:
    """Libraries that changed between the design and the findings."""
    then = read_json(design.path / "study.json")["made_by"]["versions"]
    now = made_by()["versions"]
    return [
        f"{name} was {then.get(name)} when the study was designed, and is {now[name]} now"
        for name in now
        if then.get(name) != now[name]
    ]


def _values(
    design: Design, readings: pl.DataFrame, *, measure: str, subject: str, schedule: str, stage: str
) -> dict[str, FloatArray]:
    """Each arm's figure at the end of a stage, (num_seeds,); NaN for a run that has none."""
    seeds = design.settings.seeds
    found = readings.filter(
        measure=measure, subject=subject, schedule=schedule, stage=stage, age=1.0
    )
    by_run = {(arm, seed): v for arm, seed, v in found.select("arm", "seed", "value").iter_rows()}
    arms = dict.fromkeys(plan.arm for plan in design.plans if plan.schedule == schedule)
    return {arm: np.array([by_run.get((arm, seed), np.nan) for seed in seeds]) for arm in arms}


def _poles(design: Design, readings: pl.DataFrame) -> Poles:
    """The yardstick, from the primary measure of pole and ladder minds."""
    values = _values(
        design,
        readings,
        measure=design.primary,
        subject=design.axis.name,
        schedule=design.settings.schedules[0],
        stage=LIFE,
    )
    positive = f"pole-{'+'.join(design.axis.positive)}"
    return examine_poles(positive, f"pole-{design.axis.negative_name}", values)


def _tables(
    design: Design, readings: pl.DataFrame, poles: Poles, schedule: str, stage: str
) -> list[Table]:
    """The arms' measures: the primary one in pole distances, the excess in bits per byte."""
    label = schedule if stage == LIFE else f"{schedule}, {stage}"
    block = "+".join(design.axis.positive)
    wanted = [(design.primary, design.axis.name), ("excess_bits_per_byte", block)]
    tables = []
    for measure, subject in wanted:
        values = _values(
            design, readings, measure=measure, subject=subject, schedule=schedule, stage=stage
        )
        arms = {arm: values[arm] for arm in design.settings.arms}
        if measure == design.primary:
            unit = poles.distance if poles.distance else np.nan
            arms = {arm: value / unit for arm, value in arms.items()}
            tables.append(Table(arms, label, measure, POLE_DISTANCES))
        else:
            tables.append(Table(arms, label, measure, "bits/byte"))
    return tables


def _contrasts(
    design: Design, readings: pl.DataFrame, poles: Poles, schedule: str, stage: str
) -> list[Contrast]:
    """The rules' contrasts, each measure a family of its own."""
    pairs = pairs_for(design.settings.arms)
    tables = _tables(design, readings, poles, schedule, stage)
    return [c for table in tables for c in family([table], pairs, seed=0)]


def _interactions(design: Design, readings: pl.DataFrame, poles: Poles) -> list[Contrast]:
    """What another schedule changes: per-seed differences of contrasts, against the first one."""
    first, *others = design.settings.schedules
    pairs = pairs_for(design.settings.arms)
    base = _tables(design, readings, poles, first, LIFE)[0]
    found: list[Contrast] = []
    for schedule in others:
        table = _tables(design, readings, poles, schedule, LIFE)[0]
        change = {arm: table.values[arm] - base.values[arm] for arm in table.values}
        label = f"{schedule} − {first}"
        found += family([Table(change, label, table.measure, table.unit)], pairs, seed=0)
    return found


def _costs(design: Design, readings: pl.DataFrame, schedule: str) -> tuple[Cost, ...]:
    values = _values(
        design,
        readings,
        measure="bits_per_byte",
        subject="all",
        schedule=schedule,
        stage=LIFE,
    )
    arms = {arm: values[arm] for arm in design.settings.arms}
    return costs(arms, seed=0, schedule=schedule)


def _washout(design: Design, readings: pl.DataFrame, poles: Poles) -> Washout | None:
    """Whether the washout is strong enough, judged on L at constant rate."""
    if not design.settings.washout:
        return None
    if "L" not in design.settings.arms or "constant" not in design.settings.schedules:
        return Washout(valid=False, reason="no arm L at constant rate to judge it by")
    before, after = (
        next(
            c
            for c in _contrasts(design, readings, poles, "constant", stage)
            if (c.measure, c.name) == (design.primary, "L−S")
        )
        for stage in (LIFE, WASHED)
    )
    return examine_washout(before, after)


def _ribbons(design: Design) -> pl.DataFrame:
    """Shares of kinds, by hundredth of life, of each arm's order."""
    frames = []
    for arm in design.settings.arms:
        for seed in design.settings.seeds:
            order = design.rows(f"{arm}-s{seed}", design.settings.row_length).order
            of_order = [pl.lit(arm).alias("arm"), pl.lit(seed, pl.Int64).alias("seed")]
            frames.append(ribbon(order, NUM_BINS).select(*of_order, pl.all()))
    return pl.concat(frames)


def open_findings(study: Path) -> Mapping[str, Any]:
    """`findings.json` of a concluded study; raises `ArtefactError` if there is none."""
    found: Mapping[str, Any] = read_json(Path(study) / "findings.json")
    return found
