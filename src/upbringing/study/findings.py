"""Findings: profiles → tables → records, and the answer in words.

    study/*.parquet       the tables (`gathering`)
    study/findings.json   poles, contrasts, costs, verdicts, the answer: what a page shows

Made anew from the runs each time: the runs are the data, this is arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from upbringing.errors import ArtefactError
from upbringing.files import read_json, write_json
from upbringing.study.answer import answer
from upbringing.study.cut_short import cut_short
from upbringing.study.design import WASHOUT, Design
from upbringing.study.execution import LIFE, is_done
from upbringing.study.facts import deviations_of, facts_of
from upbringing.study.gathering import gather, lived_runs, ribbons, write_table
from upbringing.study.poles import Poles, Washout, examine_poles, examine_washout
from upbringing.study.rules import pairs_for
from upbringing.study.statistics import (
    POLE_DISTANCES,
    Contrast,
    Cost,
    FloatArray,
    Pair,
    Table,
    costs,
    family,
)
from upbringing.study.verdict import Evidence, Verdict, decide

COMPANIONS = ("style_margin_sum", "style_margin_pmi")
CUT_SHORT = "cut short"
"""What is read at the age at which a steep schedule has spent its rate."""

_NOT_WASHED = Washout(valid=False, reason="an averaged mind is not washed out")
_UNITS = {
    "excess_bits_per_byte": "bits/byte",
    "style_margin_sum": "bits",
    "style_margin_pmi": "bits/byte",
}


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
    readings, samples = gather(design)
    findings = _findings(design, readings)
    write_table(readings, design.path / "findings.parquet")
    write_table(samples, design.path / "samples.parquet")
    write_table(ribbons(design), design.path / "ribbons.parquet")
    write_json(design.path / "findings.json", findings)
    return findings


def _findings(design: Design, readings: pl.DataFrame) -> dict[str, Any]:
    settings = design.settings
    diverged = [run.path.name for run in lived_runs(design) if run.diverged_at is not None]
    poles = _poles(design, readings)
    washout = _washout(design, readings, poles)
    contrasts: list[Contrast] = []
    spent: list[Cost] = []
    verdicts: list[Verdict] = []
    washouts: dict[str, Any] = {}
    for schedule in settings.curves:
        for average in (None, *(average.name for average in design.averages)):
            stage = average or LIFE
            own = _contrasts(design, readings, poles, schedule, stage)
            is_washed = bool(settings.washout) and average is None
            washed = _contrasts(design, readings, poles, schedule, WASHOUT) if is_washed else ()
            price = _costs(design, readings, schedule, stage)
            evidence = Evidence(
                schedule=schedule,
                average=average,
                measure=design.primary,
                block="+".join(settings.block),
                poles=poles,
                contrasts=[c for c in own if c.measure == design.primary],
                costs=price,
                washout=_NOT_WASHED if average else washout,
                washed=[c for c in washed if c.measure == design.primary],
                companions=[c for c in own if c.measure in COMPANIONS],
            )
            verdicts.append(decide(evidence))
            contrasts += [*own, *washed]
            spent += price
        if washout:
            washouts[schedule] = asdict(washout)
        if cut_short(settings.curves[schedule]):
            contrasts += _contrasts(design, readings, poles, schedule, CUT_SHORT)
    contrasts += _interactions(design, readings, poles)
    return {
        **facts_of(design),
        "poles": asdict(poles),
        "contrasts": [asdict(contrast) for contrast in contrasts],
        "verdicts": [asdict(verdict) for verdict in verdicts],
        "costs": [asdict(cost) for cost in spent],
        "washout": washouts,
        "diverged": diverged,
        "deviations": deviations_of(design),
        "answer": _answer(design, contrasts, verdicts, spent, diverged),
    }


def _answer(
    design: Design,
    contrasts: Sequence[Contrast],
    verdicts: Sequence[Verdict],
    spent: Sequence[Cost],
    diverged: Sequence[str],
) -> list[str]:
    block = "+".join(design.settings.block)
    return answer(
        block=block, contrasts=contrasts, verdicts=verdicts, costs=spent, diverged=diverged
    )


def _values(
    design: Design, readings: pl.DataFrame, *, measure: str, subject: str, schedule: str, stage: str
) -> dict[str, FloatArray]:
    """Each arm's figure at the end of a stage, (num_seeds,); NaN for a run that has none."""
    seeds, age = design.settings.seeds, 1.0
    if stage == CUT_SHORT:
        stage, (age,) = LIFE, cut_short(design.settings.curves[schedule])
    found = readings.filter(
        measure=measure, subject=subject, schedule=schedule, stage=stage, age=age
    )
    by_run = {(arm, seed): v for arm, seed, v in found.select("arm", "seed", "value").iter_rows()}
    arms = dict.fromkeys(plan.arm for plan in design.plans if plan.schedule == schedule)
    return {arm: np.array([by_run.get((arm, seed), np.nan) for seed in seeds]) for arm in arms}


def _poles(design: Design, readings: pl.DataFrame) -> Poles:
    """The yardstick, from the primary measure of pole and ladder minds.

    What a judge heard that did not pass is shown, and no figure is made of it.
    """
    values = _values(
        design,
        readings,
        measure=design.primary,
        subject=design.axis.name,
        schedule=next(iter(design.settings.curves)),
        stage=LIFE,
    )
    positive = f"pole-{'+'.join(design.axis.positive)}"
    poles = examine_poles(positive, f"pole-{design.axis.negative_name}", values)
    judge = design.said["judge"]
    if design.primary == "voice" and not judge["passed"]:
        reason = f"the judge of voice did not pass ({judge['reason']})"
        return replace(poles, distance=None, seed_sd=None, gate="failed", reason=reason)
    return poles


def _tables(
    design: Design, readings: pl.DataFrame, poles: Poles, schedule: str, stage: str
) -> list[Table]:
    """The arms' measures: the primary one in pole distances, all others in units of their own."""
    label = f"{schedule}, {stage}" if stage in (WASHOUT, CUT_SHORT) else schedule
    average = None if stage in (LIFE, WASHOUT, CUT_SHORT) else stage
    block = "+".join(design.axis.positive)
    wanted = [(design.primary, design.axis.name), ("excess_bits_per_byte", block)]
    if design.primary == "style_margin":
        wanted += [(measure, design.axis.name) for measure in COMPANIONS]
    tables = []
    for measure, subject in wanted:
        values = _values(
            design, readings, measure=measure, subject=subject, schedule=schedule, stage=stage
        )
        arms = {arm: values[arm] for arm in design.settings.arms}
        if measure == design.primary:
            unit = _unit(poles) or np.nan
            arms = {arm: value / unit for arm, value in arms.items()}
            tables.append(Table(arms, label, measure, POLE_DISTANCES, average))
        else:
            tables.append(Table(arms, label, measure, _UNITS[measure], average))
    return tables


def _unit(poles: Poles) -> float | None:
    """The pole distance; None where the poles do not lie apart, the right way round."""
    return poles.distance if poles.distance and poles.distance > 0 else None


def _contrasts(
    design: Design, readings: pl.DataFrame, poles: Poles, schedule: str, stage: str
) -> list[Contrast]:
    """The rules' contrasts, each measure a family of its own."""
    pairs = pairs_for(design.settings.arms)
    tables = _tables(design, readings, poles, schedule, stage)
    return [c for table in tables for c in _family(table, pairs, poles)]


def _family(table: Table, pairs: Sequence[Pair], poles: Poles) -> list[Contrast]:
    """The contrasts of one table; without a unit of character there are no figures in it."""
    found = family([table], pairs, seed=0)
    if table.unit == POLE_DISTANCES and _unit(poles) is None:
        return [replace(c, reason=f"no unit of character: {poles.reason}") for c in found]
    return list(found)


def _interactions(design: Design, readings: pl.DataFrame, poles: Poles) -> list[Contrast]:
    """What another schedule changes against the first one, and an average against none.

    Per-seed differences of contrasts.
    """
    first, *others = design.settings.curves

    def primary(schedule: str, stage: str = LIFE) -> Table:
        return _tables(design, readings, poles, schedule, stage)[0]

    changes = (
        [
            replace(_change(primary(schedule), primary(first)), schedule=f"{schedule} − {first}")
            for schedule in others
        ]
        + [
            replace(_change(primary(schedule, name), primary(schedule)), average=f"{name} − none")
            for schedule in design.settings.curves
            for name in (average.name for average in design.averages)
        ]
        + [
            replace(
                _change(primary(schedule), primary(schedule, CUT_SHORT)),
                schedule=f"{schedule} − {schedule}, {CUT_SHORT}",
            )
            for schedule, curve in design.settings.curves.items()
            if cut_short(curve)
        ]
    )
    pairs = pairs_for(design.settings.arms)
    return [contrast for change in changes for contrast in _family(change, pairs, poles)]


def _change(table: Table, base: Table) -> Table:
    """What a table has above another, arm by arm and seed by seed."""
    values = {arm: table.values[arm] - base.values[arm] for arm in table.values}
    return replace(table, values=values)


def _costs(design: Design, readings: pl.DataFrame, schedule: str, stage: str) -> tuple[Cost, ...]:
    values = _values(
        design, readings, measure="bits_per_byte", subject="all", schedule=schedule, stage=stage
    )
    arms = {arm: values[arm] for arm in design.settings.arms}
    average = None if stage == LIFE else stage
    return costs(arms, seed=0, schedule=schedule, average=average)


def _washout(design: Design, readings: pl.DataFrame, poles: Poles) -> Washout | None:
    """Whether the washout is strong enough, judged on L at constant rate."""
    if not design.settings.washout:
        return None
    if "L" not in design.settings.arms or "constant" not in design.settings.curves:
        return Washout(valid=False, reason="no arm L at constant rate to judge it by")
    before, after = (
        next(
            c
            for c in _contrasts(design, readings, poles, "constant", stage)
            if (c.measure, c.name) == (design.primary, "L−S")
        )
        for stage in (LIFE, WASHOUT)
    )
    return examine_washout(before, after)


def open_findings(study: Path) -> Mapping[str, Any]:
    """`findings.json` of a concluded study; raises `ArtefactError` if there is none."""
    found: Mapping[str, Any] = read_json(Path(study) / "findings.json")
    return found
