"""Facts: how a study was made, as its page and its findings state it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from upbringing.files import made_by, read_json
from upbringing.study.design import Design
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
        "judge": said["judge"],
        "numerics": asdict(design.plans[0].recipe.numerics),
        "digests": {"design": design.digest, **said["digests"]},
        "sampling": design.probes.settings.sampling.as_json(),
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


def deviations_of(design: Design) -> list[str]:
    """Libraries that changed between the design and the findings."""
    then = read_json(design.path / "study.json")["made_by"]["versions"]
    now = made_by()["versions"]
    return [
        f"{name} was {then.get(name)} when the study was designed, and is {now[name]} now"
        for name in now
        if then.get(name) != now[name]
    ]
