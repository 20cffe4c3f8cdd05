"""Changes: how far each part of a mind has moved from one age to the next."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import polars as pl
from safetensors.torch import load_file

_SCHEMA = {
    "from_age": pl.Float64,
    "to_age": pl.Float64,
    "weight": pl.String,
    "relative_change": pl.Float64,
}


def weight_changes(checkpoints: Path) -> pl.DataFrame:
    """‖w(to) − w(from)‖ / ‖w(from)‖ (Frobenius) of each weight between ages that were kept.

    from_age, to_age, weight (its stock name), relative_change; infinite for what was 0 and moved.
    """
    folders = {float(f.name.removeprefix("age_")): f for f in sorted(checkpoints.glob("age_*"))}
    found = []
    for begin, end in pairwise(sorted(folders)):
        before, after = (load_file(folders[age] / "model.safetensors") for age in (begin, end))
        for name, weight in before.items():
            moved, size = float((after[name] - weight).norm()), float(weight.norm())
            relative = moved / size if size else (float("inf") if moved else 0.0)
            found.append((begin, end, name, relative))
    return pl.DataFrame(found, schema=_SCHEMA, orient="row")
