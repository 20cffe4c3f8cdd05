"""Dose: the learning-rate mass that kinds of text get in an order, and an order weighed by another.

A target's mass is what its loss counts for in its step, times the rate of the step: lr · loss scale
/ (batch size · row length). A shuffled life whose losses are weighed by kind can give each group of
kinds the mass it has in a life of another order: the same dose, spread out.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.errors import InputError
from upbringing.order import Rows
from upbringing.training.levers import Steps

_ROWS_AT_ONCE = 1024


def lr_mass(rows: Rows, steps: Steps, kinds: Collection[str]) -> npt.NDArray[np.float64]:
    """The learning-rate mass of these kinds and of all others in a life, (2,)."""
    is_in = rows.order.corpus.columns(["kind"])["kind"].cast(pl.String).is_in(list(kinds))
    group = np.where(is_in.to_numpy(), 0, 1)
    of_row = np.repeat(
        steps.lr * steps.loss_scale / (steps.batch_size * rows.row_length), steps.num_rows
    )
    mass = np.zeros(2)
    for first in range(0, len(of_row), _ROWS_AT_ONCE):
        each = of_row[first : first + _ROWS_AT_ONCE]
        lengths = np.diff(rows.borders[first : first + len(each) + 1])
        counts_RT = np.arange(rows.row_length) < lengths[:, None]
        scenes = rows.order.sequence[rows.visits_of_targets(first, len(each))[counts_RT]]
        mass += np.bincount(group[scenes], weights=np.repeat(each, lengths), minlength=2)
    return mass


def dose_weights(rows: Rows, like: Rows, steps: Steps, kinds: Collection[str]) -> dict[str, float]:
    """Factors on the loss of each kind, by which `rows` give these kinds, and all others together,
    the mass that they have in `like`, under the same steps.

    Raises `InputError` where `rows` teach none of them, so that no factor gives them any.
    """
    there = lr_mass(rows, steps, kinds)
    if not there.all():
        what = "a block, or all else, that is read only where the rate or the loss is 0"
        raise InputError(what, do="let more of life learn, or leave D out of the arms")
    inside, outside = (lr_mass(like, steps, kinds) / there).tolist()
    all_kinds = rows.order.corpus.columns(["kind"])["kind"].cast(pl.String).unique().sort()
    return {kind: inside if kind in kinds else outside for kind in all_kinds}
