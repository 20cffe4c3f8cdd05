"""Changes: how far each part of a mind moved while each stretch of its levers lasted.

Takes checkpoints at the borders of the stretches; gives a row a stretch and weight, and of these
the figures of a part. An age is here as the name of a checkpoint has it, of four digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl
import torch
from safetensors.torch import load_file

from upbringing.order import Levers
from upbringing.training.checkpoint import WEIGHTS, open_mind
from upbringing.training.recipe import Recipe
from upbringing.training.stock import stock_labels

WHOLE = "all"
"""All weights, as a part of the mind."""

_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "from_age": pl.Float64,
    "to_age": pl.Float64,
    "weight": pl.String,
    "parts": pl.List(pl.String),
    "norm": pl.Float64,
    "change": pl.Float64,
}


@dataclass(frozen=True)
class Stretch:
    """A stretch of the lever timeline, from its first row to the next one's."""

    from_age: float
    to_age: float
    levers: Levers


def border_ages(recipe: Recipe) -> list[float]:
    """The ages at which the stretches of a life begin and end, shares of its rows, not rounded.

    None for a life of one stretch in which all parts learn alike.
    """
    rows = sorted({*recipe.timeline.first_rows(recipe.num_rows), recipe.num_rows})
    if len(rows) == 2 and not recipe.timeline.teaches_parts:
        return []
    return [row / recipe.num_rows for row in rows]


def stretches_of(recipe: Recipe) -> list[Stretch]:
    """The stretches of a life in their order, without those too short for ages of their own."""
    timeline, num_rows = recipe.timeline, recipe.num_rows
    ages = [round(row / num_rows, 4) for row in (*timeline.first_rows(num_rows), num_rows)]
    return [
        Stretch(begin, end, segment.levers)
        for segment, (begin, end) in zip(timeline.segments, pairwise(ages), strict=True)
        if begin < end
    ]


def weight_changes(stretches: Sequence[Stretch], minds: Mapping[float, Path]) -> pl.DataFrame:
    """How far each weight moved in each stretch at both ends of which there is a checkpoint.

    from_age, to_age, weight (its stock name), parts (those of a mind that it belongs to), norm and
    change: ‖w(from)‖ and ‖w(to) − w(from)‖ (Frobenius).
    """
    found = []
    labels = stock_labels(open_mind(next(iter(minds.values())))) if minds else {}
    for stretch in stretches:
        if not {stretch.from_age, stretch.to_age} <= minds.keys():
            continue
        ages = (stretch.from_age, stretch.to_age)
        before, after = (load_file(minds[age] / WEIGHTS) for age in ages)
        for name, weight in before.items():
            sizes = (
                float(torch.linalg.vector_norm(of, dtype=torch.float64))
                for of in (weight, after[name] - weight)
            )
            found.append((*ages, name, list(labels[name]), *sizes))
    return pl.DataFrame(found, schema=_SCHEMA, orient="row")


def changes_by_part(changes: pl.DataFrame) -> pl.DataFrame:
    """from_age, to_age, part, relative_change: √Σ change² / √Σ norm² over the weights of a part.

    0 where none of them moved, infinite where all were 0 and one moved. A weight of two parts, as
    an embedding that is the head too, counts in both; the part `all` has every weight.
    """
    of_part = changes.explode("parts").rename({"parts": "part"}).drop_nulls("part")
    of_all = changes.drop("parts").with_columns(part=pl.lit(WHOLE))
    change, norm = (pl.col(name).pow(2).sum().sqrt() for name in ("change", "norm"))
    return (
        pl.concat([of_part, of_all], how="diagonal")
        .group_by("from_age", "to_age", "part", maintain_order=True)
        .agg(relative_change=pl.when(change > 0).then(change / norm).otherwise(0.0))
    )
