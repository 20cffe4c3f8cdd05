"""Birth: the mind that a life begins with, drawn from its seed or opened from a checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch

from upbringing.errors import ArtefactError
from upbringing.files import folder_digest
from upbringing.training.checkpoint import open_mind
from upbringing.training.machine import device_named
from upbringing.training.minds import Mind
from upbringing.training.model import Decoder
from upbringing.training.recipe import Recipe


def born(recipe: Recipe, parent: Path | None) -> Mind:
    """The mind at age 0, on its device; `parent` is the checkpoint that `starts_from` names.

    Raises `ArtefactError` where it is another one, `InputError` where it cannot be opened and where
    the device is not there.
    """
    if (folder_digest(parent) if parent else None) != recipe.starts_from:
        raise ArtefactError("is not what the life starts from", where=str(parent))
    device = torch.device(device_named(recipe.numerics.device))
    if parent:
        mind = open_mind(parent, recipe.row_length)
    else:
        assert recipe.shape is not None, "a life without a parent has a shape"
        mind = Decoder(recipe.shape, row_length=recipe.row_length, seed=recipe.seed)
    return mind.to(device, recipe.numerics.weights)
