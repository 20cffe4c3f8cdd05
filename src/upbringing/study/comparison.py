"""The comparison class: arms may differ in the order of their visits and in nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from upbringing.errors import ComparisonError, Problem
from upbringing.order import Rows
from upbringing.training import Recipe

DECLARED = {"D": ("loss_by_kind",)}
"""The factors, besides the order, in which an arm differs by what it is."""


def conditions_of(rows: Rows, recipe: Recipe) -> dict[str, str]:
    """What arms that are compared must share: their visits, and all of the recipe but the order."""
    shared = [field.name for field in fields(Recipe) if field.name != "order"]
    return {
        "visits": rows.order.visits_digest,
        "num_tokens": str(rows.num_tokens),
        "num_steps": str(len(recipe.steps)),
        **{name: str(getattr(recipe, name)) for name in shared},
    }


def check_comparison_class(arms: Mapping[str, tuple[Rows, Recipe]]) -> None:
    """Prove that the arms of one seed and schedule are permutations under equal conditions, but for
    the factors that are declared.

    Raises `ComparisonError` that names every arm, every field in which it differs from the first
    arm, and for visits a scene that only one of the two meets.
    """
    (reference, (rows, recipe)), *others = arms.items()
    expected = conditions_of(rows, recipe)
    problems = []
    for arm, (its_rows, its_recipe) in others:
        found = conditions_of(its_rows, its_recipe)
        for name, ours in expected.items():
            declared = {*DECLARED.get(reference, ()), *DECLARED.get(arm, ())}
            if ours != (theirs := found[name]) and name not in declared:
                detail = (
                    _difference(rows, its_rows) if name == "visits" else f"{ours} against {theirs}"
                )
                what = f"arms {reference} and {arm} differ in {name}: {detail}"
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
