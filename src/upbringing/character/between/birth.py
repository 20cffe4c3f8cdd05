"""Birth: which minds began as one, so that their weights can be compared one by one.

Two minds of one initialisation share the axes of their streams; of two others each weight has a
meaning of its own, and a distance between weights, a path from one to the other or the cosine of
two directions says nothing about how alike they are.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from upbringing.errors import ComparisonError
from upbringing.identity import digest_json
from upbringing.training import Recipe


def birth_of(recipe: Recipe) -> str:
    """The weights at age 0, as a digest: of shape and seed, or of the checkpoint that is raised on.

    A mind that is raised on from another life's checkpoint counts as born there.
    """
    if recipe.starts_from is not None:
        return recipe.starts_from
    assert recipe.shape is not None, "a life without a parent has a shape"
    return digest_json({"shape": asdict(replace(recipe.shape, peak_lr=0.0)), "seed": recipe.seed})


def check_one_birth(births: tuple[str, str], what: str) -> None:
    """Raise `ComparisonError` for minds that did not begin as one."""
    if births[0] != births[1]:
        raise ComparisonError(
            f"{what} has no meaning between minds of two initialisations: their weights stand for "
            "other things in other places",
            allowed="minds of one seed and shape, or raised further from one checkpoint",
        )
