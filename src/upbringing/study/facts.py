"""Facts: how a study was made, as its page and its findings state it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from upbringing.files import made_by
from upbringing.study.design import WASHOUT, Design, Dimension
from upbringing.study.execution import LIFE, stage_folders
from upbringing.study.preregistration import deviations
from upbringing.study.rules import SMALLEST_EFFECT
from upbringing.study.statistics import FEWEST_SEEDS
from upbringing.training import Said, lr_share


def facts_of(design: Design) -> dict[str, Any]:
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
        "averages": {average.name: average.words for average in design.averages},
        "schedules": {name: _schedule(said) for name, said in settings.curves.items()},
        "axes": [_axis(dimension) for dimension in design.dimensions],
        "numerics": asdict(design.plans[0].recipe.numerics),
        "digests": {"design": design.digest, **said["digests"]},
        "sampling": design.probes.settings.sampling.as_json(),
    }


def _axis(dimension: Dimension) -> dict[str, Any]:
    """An axis as a page states it; the judge's examination where it has a judge."""
    axis = dimension.axis
    return {
        "name": axis.name,
        "slug": axis.slug,
        "positive": axis.positive.name,
        "negative": axis.negative.name,
        "primary": dimension.primary,
        "judge": dimension.examination,
    }


def _schedule(said: Said) -> dict[str, Any]:
    """A schedule's curve, and the share of its learning-rate mass that each sixth of life gets."""
    age = np.linspace(0, 1, 101)
    fine = (np.arange(6_000) + 0.5) / 6_000
    mass = lr_share(said, fine).reshape(6, -1).sum(1)
    return {
        "age": age.tolist(),
        "lr": lr_share(said, age).tolist(),
        "mass_by_sixth": (mass / mass.sum()).tolist(),
    }


def deviations_of(
    design: Design, *, diverged: Sequence[str], measures: Collection[str]
) -> list[str]:
    """What was not as the design had it: `diverged` are runs, `measures` those that were read."""
    stages = (LIFE, WASHOUT)
    folders = [stage_folders(design, plan) for plan in design.plans]
    runs = [of[stage].name for of in folders for stage in stages if stage in of]
    return deviations(
        design.path, design.said, design.digest, runs=runs, diverged=diverged, measures=measures
    )
