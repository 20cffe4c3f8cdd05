"""Figures: the readings of a study's runs → poles, contrasts, costs and changes, as records.

Readings are a frame of run, arm, schedule, seed, stage, age, scope, measure, subject, value, unit.
Primary measures are in pole distances, all others in units of their own. The primary measures of
all axes that can be measured are one family under each schedule; every other measure is a family of
its own, over its subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from upbringing.character import ALONG, WHOLE, by_judges
from upbringing.study.cut_short import cut_short
from upbringing.study.design import WASHOUT, Design, Dimension
from upbringing.study.execution import LIFE
from upbringing.study.poles import Poles, Washout, examine_washout, is_measurable
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

COMPANIONS = ("style_margin_sum", "style_margin_pmi")
CUT_SHORT = "cut short"
"""What is read at the age at which a life has spent its rate, where that is early."""
LIFE_ALONG = "life, along"
"""The end of life by what is asked along it: what compares with a life cut short."""

_ALONG = (CUT_SHORT, LIFE_ALONG)
_CONTRASTED_ELSEWHERE = {"bits_per_byte"}  # as costs


@dataclass(frozen=True)
class Figures:
    """All that is worked out from the readings of one study. `poles` are by the names of axes."""

    design: Design
    readings: pl.DataFrame
    poles: Mapping[str, Poles]

    @classmethod
    def of(cls, design: Design, readings: pl.DataFrame) -> Figures:
        """The figures of a study whose runs are all done.

        What a judge heard that did not pass its examination is no figure.
        """
        unheard = [d.axis.name for d in design.dimensions if not d.is_heard]
        is_unheard = pl.col("measure").is_in(by_judges()) & pl.col("subject").is_in(unheard)
        bare = cls(design, readings.filter(~is_unheard), {})
        return replace(bare, poles={d.axis.name: bare._poles(d) for d in design.dimensions})

    def contrasts(self, schedule: str, stage: str) -> list[Contrast]:
        """The rules' contrasts at the end of a stage, the primary ones first."""
        found = self._primary_family([self.primary(d, schedule, stage) for d in self._dimensions])
        for tables in self._others(schedule, stage):
            found += family(tables, self._pairs, seed=0)
        return found

    def interactions(self) -> list[Contrast]:
        """What another schedule changes against the first one, an average against none, and the
        rest of life against one cut short: per-seed differences of contrasts.
        """
        first, *others = self.design.settings.curves
        found = []
        for schedule in others:
            label = f"{schedule} − {first}"
            changes = self._changes((schedule, LIFE), (first, LIFE))
            found += [replace(change, schedule=label) for change in changes]
        for schedule in self.design.settings.curves:
            for average in self.design.averages:
                label = f"{average.name} − none"
                changes = self._changes((schedule, average.name), (schedule, LIFE))
                found += [replace(change, average=label) for change in changes]
        for schedule in self.design.settings.curves:
            if self.cut_short(schedule):
                label = f"{schedule} − {schedule}, {CUT_SHORT}"
                changes = self._changes((schedule, LIFE_ALONG), (schedule, CUT_SHORT))
                found += [replace(change, schedule=label) for change in changes]
        return found

    def cut_short(self, schedule: str) -> tuple[float, ...]:
        """The age at which lives under a schedule have spent their rate; none where it is late."""
        plans = (plan for plan in self.design.plans if plan.is_arm and plan.schedule == schedule)
        return cut_short(next(plans).recipe.steps)

    def costs(self, schedule: str, stage: str) -> tuple[Cost, ...]:
        """Held-out bits per byte of each arm against its shuffle."""
        values = self.values("bits_per_byte", "all", schedule, stage)
        arms = {arm: values[arm] for arm in self.design.settings.arms}
        return costs(arms, seed=0, schedule=schedule, average=None if stage == LIFE else stage)

    def washout(self) -> Washout | None:
        """Whether the washout is strong enough, judged on L at constant rate, on the first axis."""
        settings = self.design.settings
        if not settings.washout:
            return None
        if "L" not in settings.arms or "constant" not in settings.curves:
            return Washout(valid=False, reason="no arm L at constant rate to judge it by")
        before, after = (
            next(
                c
                for c in self._primary_family(
                    [self.primary(self._dimensions[0], "constant", stage)]
                )
                if c.name == "L−S"
            )
            for stage in (LIFE, WASHOUT)
        )
        return examine_washout(before, after)

    def values(
        self, measure: str, subject: str, schedule: str, stage: str
    ) -> dict[str, FloatArray]:
        """Each arm's figure at the end of a stage, (num_seeds,); NaN for a run that has none."""
        seeds, age, scope = self.design.settings.seeds, 1.0, WHOLE
        if stage == CUT_SHORT:
            (age,) = self.cut_short(schedule)
        if stage in _ALONG:
            stage, scope = LIFE, ALONG
        found = self.readings.filter(
            measure=measure, subject=subject, schedule=schedule, stage=stage, age=age, scope=scope
        )
        rows = found.select("arm", "seed", "value").iter_rows()
        by_run = {(arm, seed): value for arm, seed, value in rows}
        arms = dict.fromkeys(plan.arm for plan in self.design.plans if plan.schedule == schedule)
        return {arm: np.array([by_run.get((arm, seed), np.nan) for seed in seeds]) for arm in arms}

    def primary(self, dimension: Dimension, schedule: str, stage: str) -> Table:
        """The arms' primary measure of an axis, in pole distances; NaN where there is no unit."""
        name = dimension.axis.name
        unit = self.unit(name, along=stage in _ALONG) or np.nan
        table = self._table(dimension.primary, name, schedule, stage, POLE_DISTANCES)
        return replace(table, values={arm: value / unit for arm, value in table.values.items()})

    def _poles(self, dimension: Dimension) -> Poles:
        """An axis's yardstick, from the primary measure of pole and ladder minds."""
        first, name = next(iter(self.design.settings.curves)), dimension.axis.name
        poles = dimension.rungs.examine(self.values(dimension.primary, name, first, LIFE))
        if dimension.primary in by_judges() and not dimension.is_heard:
            why = dimension.examination["reason"] if dimension.examination else "there is none"
            reason = f"the judge of voice did not pass ({why})"
            return replace(poles, distance=None, seed_sd=None, gate="failed", reason=reason)
        return poles

    def unit(self, axis: str, *, along: bool = False) -> float | None:
        """The pole distance of an axis, in full or by what is asked along a life.

        None where the poles do not lie apart, the right way round.
        """
        distance = self.poles[axis].distance
        if along and distance is not None:
            (dimension,) = (d for d in self._dimensions if d.axis.name == axis)
            first = next(iter(self.design.settings.curves))
            ends = self.values(dimension.primary, axis, first, LIFE_ALONG)
            distance = dimension.rungs.examine(ends).distance
        return distance if distance and distance > 0 else None

    def _table(self, measure: str, subject: str, schedule: str, stage: str, unit: str) -> Table:
        values = self.values(measure, subject, schedule, stage)
        arms = {arm: values[arm] for arm in self.design.settings.arms}
        label = f"{schedule}, {stage}" if stage in (WASHOUT, CUT_SHORT) else schedule
        average = None if stage in (LIFE, WASHOUT, *_ALONG) else stage
        return Table(arms, label, measure, unit, average, subject)

    def _others(self, schedule: str, stage: str) -> Iterator[list[Table]]:
        """The tables of every measure that does not decide, by measure."""
        decide = {(d.primary, d.axis.name) for d in self._dimensions}
        stage_of_runs = LIFE if stage == CUT_SHORT else stage
        scope = ALONG if stage == CUT_SHORT else WHOLE
        known = (
            self.readings.filter(schedule=schedule, stage=stage_of_runs, scope=scope)
            .select("measure", "subject", "unit")
            .unique(maintain_order=True)
        )
        for (measure,), rows in known.group_by("measure", maintain_order=True):
            subjects = [
                (subject, unit)
                for subject, unit in rows.select("subject", "unit").iter_rows()
                if (measure, subject) not in decide
            ]
            if subjects and measure not in _CONTRASTED_ELSEWHERE:
                yield [
                    self._table(str(measure), subject, schedule, stage, unit)
                    for subject, unit in subjects
                ]

    def _changes(self, of: tuple[str, str], base: tuple[str, str]) -> list[Contrast]:
        """What each axis's primary measure has above that of another stage or schedule."""
        tables = []
        for dimension in self._dimensions:
            now, before = self.primary(dimension, *of), self.primary(dimension, *base)
            values = {arm: now.values[arm] - before.values[arm] for arm in now.values}
            tables.append(replace(now, values=values))
        return self._primary_family(tables)

    def _primary_family(self, tables: Sequence[Table]) -> list[Contrast]:
        """The contrasts of all axes that can be measured, as one family; of each other alone.

        Without a unit of character there are no figures.
        """
        num_seeds = len(self.design.settings.seeds)
        joint = [table for table in tables if is_measurable(self.poles[table.axis], num_seeds)]
        alone = [table for table in tables if not is_measurable(self.poles[table.axis], num_seeds)]
        found = list(family(joint, self._pairs, seed=0)) if joint else []
        for table in alone:
            contrasts = family([table], self._pairs, seed=0)
            if self.unit(table.axis) is None:
                reason = f"no unit of character: {self.poles[table.axis].reason}"
                contrasts = tuple(replace(contrast, reason=reason) for contrast in contrasts)
            found += contrasts
        return found

    @property
    def _dimensions(self) -> tuple[Dimension, ...]:
        return self.design.dimensions

    @property
    def _pairs(self) -> tuple[Pair, ...]:
        return pairs_for(self.design.settings.arms)
