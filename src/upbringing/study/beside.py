"""What stands beside the verdicts: half-lives, and what only explores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from upbringing.character import ALONG, Profile
from upbringing.character.between.model_map import map_of_bits
from upbringing.study.design import WASHOUT, Design, Dimension
from upbringing.study.execution import LIFE, WASHOUT_AGES, run_folder
from upbringing.study.figures import Figures
from upbringing.study.half_life import HalfLife, half_life
from upbringing.study.permanova import Omnibus, OrderSpread, omnibus, order_spread, permanova
from upbringing.study.poles import is_measurable
from upbringing.study.rules import PLACES
from upbringing.study.statistics import FloatArray


def half_lives(figures: Figures) -> list[HalfLife]:
    """How long what each place of the block left outlives a washout, in tokens of it.

    For each axis that can be measured, under every schedule, from the probes that are asked along a
    life. Empty without a washout.
    """
    design = figures.design
    washout = design.settings.washout
    if washout is None:
        return []
    places = [arm for arm in PLACES if arm in design.settings.arms]
    life = next(plan.recipe for plan in design.plans if plan.is_arm)
    num_tokens = round(washout.share * life.num_rows) * life.row_length
    lengths = [0.0, *(age * num_tokens for age in WASHOUT_AGES)]
    return [
        half_life(
            lengths,
            fading_curve(figures, dimension, schedule, arm)
            - fading_curve(figures, dimension, schedule, "S"),
            name=f"{arm}−S",
            unit="tokens",
            schedule=schedule,
            axis=dimension.axis.name,
            num_curves=len(places),
        )
        for schedule in design.settings.curves
        for dimension in design.dimensions
        if is_measurable(figures.poles[dimension.axis.name], len(design.settings.seeds))
        for arm in places
    ]


def explored(figures: Figures) -> list[Omnibus]:
    """Whether the arms differ at all under every schedule: on each axis, and on the model map."""
    design = figures.design
    found = []
    for schedule in design.settings.curves:
        for dimension in design.dimensions:
            table = figures.primary(dimension, schedule, LIFE)
            what = f"{dimension.axis.name}, {schedule}"
            one = omnibus(np.stack(list(table.values.values())), [*table.values], what=what)
            if figures.unit(table.axis) is None:
                reason = f"no unit of character: {figures.poles[table.axis].reason}"
                one = replace(one, reason=reason)
            found.append(one)
        found.append(_on_the_map(design, schedule))
    return found


def _on_the_map(design: Design, schedule: str) -> Omnibus:
    """Whether the arms lie apart on the map of minds, by what held-out passages cost each."""
    plans = [plan for plan in design.plans if plan.is_arm and plan.schedule == schedule]
    profiles = [Profile.open(run_folder(design, plan) / "profile") for plan in plans]
    if all(1.0 in profile.readings["age"] for profile in profiles):
        bits_RN = np.stack([profile.passages["bits"].to_numpy() for profile in profiles])
        num_bytes = profiles[0].passages["num_bytes"].to_list()
        squares_RR = map_of_bits(bits_RN, num_bytes).squared_distances
    else:  # a life that diverged is not asked at its end
        squares_RR = np.full((len(plans), len(plans)), np.nan)
    arms, seeds = [plan.arm for plan in plans], [plan.seed for plan in plans]
    return permanova(squares_RR, arms, seeds, what=f"model map, {schedule}", seed=0)


def spreads_of_orders(figures: Figures) -> list[OrderSpread]:
    """σ²order/σ²residual of the study's random orders under every schedule: on each axis, and in
    held-out bits per byte. Empty where it raised none.
    """
    design = figures.design
    orders = list(dict.fromkeys(p.arm for p in design.plans if p.role == "random order"))
    if not orders:
        return []
    asked = [(one.primary, one.axis.name, one.axis.name) for one in design.dimensions]
    asked.append(("bits_per_byte", "all", "held-out bits per byte"))
    found = []
    for schedule in design.settings.curves:
        for measure, subject, what in asked:
            values = figures.values(measure, subject, schedule, LIFE)
            values_OS = np.stack([values[order] for order in orders])
            found.append(order_spread(values_OS, what=f"{what}, {schedule}"))
    return found


def fading_curve(figures: Figures, dimension: Dimension, schedule: str, arm: str) -> FloatArray:
    """The primary measure of an arm, at the end of life and at each age of its washout, (A, S)."""
    readings = figures.readings.filter(
        measure=dimension.primary,
        subject=dimension.axis.name,
        schedule=schedule,
        scope=ALONG,
        arm=arm,
    )
    seeds = figures.design.settings.seeds
    by_place = {
        (stage, age, seed): value
        for stage, age, seed, value in readings.select("stage", "age", "seed", "value").iter_rows()
    }
    ages = [(LIFE, 1.0), *((WASHOUT, age) for age in WASHOUT_AGES)]
    unit = figures.unit(dimension.axis.name, along=True) or np.nan
    found = [[by_place.get((*at, seed), np.nan) for seed in seeds] for at in ages]
    return np.array(found) / unit
