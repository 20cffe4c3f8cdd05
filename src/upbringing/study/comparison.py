"""The comparison class: arms may differ in the order of their visits and in nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from upbringing.errors import ComparisonError, Problem
from upbringing.order import Rows
from upbringing.training import Recipe


@dataclass(frozen=True)
class Conditions:
    """What arms that are compared must share."""

    visits: str
    num_tokens: int
    num_rows: int
    row_length: int
    num_steps: int
    lever_timeline: str
    shape: str
    peak_lr: float
    numerics: str

    @classmethod
    def of(cls, rows: Rows, recipe: Recipe) -> Conditions:
        """The conditions of one run."""
        return cls(
            visits=rows.order.visits_digest,
            num_tokens=rows.num_tokens,
            num_rows=recipe.num_rows,
            row_length=recipe.row_length,
            num_steps=len(recipe.steps),
            lever_timeline=str(recipe.timeline.segments),
            shape=str(recipe.shape),
            peak_lr=recipe.peak_lr,
            numerics=str(recipe.numerics),
        )


def check_comparison_class(arms: Mapping[str, tuple[Rows, Recipe]]) -> None:
    """Prove that the arms of one seed and schedule are permutations under equal conditions.

    Raises `ComparisonError` that names every arm, every field in which it differs from the first
    arm, and for visits a scene that only one of the two meets.
    """
    (reference, (rows, recipe)), *others = arms.items()
    expected = Conditions.of(rows, recipe)
    problems = []
    for arm, (its_rows, its_recipe) in others:
        found = Conditions.of(its_rows, its_recipe)
        for field in fields(Conditions):
            ours, theirs = getattr(expected, field.name), getattr(found, field.name)
            if ours != theirs:
                detail = (
                    _difference(rows, its_rows)
                    if field.name == "visits"
                    else f"{ours} against {theirs}"
                )
                what = f"arms {reference} and {arm} differ in {field.name}: {detail}"
                problems.append(Problem(what, do="make it equal, or compare other arms"))
    if problems:
        raise ComparisonError(problems)


def _difference(ours: Rows, theirs: Rows) -> str:
    ids = ours.order.corpus.columns(["id"])["id"]
    size = len(ids)
    surplus = np.bincount(ours.order.sequence, minlength=size) - np.bincount(
        theirs.order.sequence, minlength=size
    )
    row = int(np.flatnonzero(surplus)[0])
    more, fewer = int((surplus > 0).sum()), int((surplus < 0).sum())
    return (
        f"{more} scenes are met more often by the first, {fewer} by the second; "
        f"scene {ids[row]} {abs(int(surplus[row]))} time(s)"
    )
