"""Interpretation: which way a mind goes on from an opening that leaves both ways open.

`voice` is the mean of what the judge hears. One half of it may be a mind that speaks between the
poles, or one that speaks as this pole here and as that one there; the two figures below tell them
apart. Both count only the continuations of which the judge is sure, at odds of three to one.
"""

from __future__ import annotations

import numpy as np

from upbringing.character.asked import Asked
from upbringing.character.measures import Figures, measure

SURE = 0.75
"""The least probability of a pole at which a continuation falls to it."""


@measure(unit="share", judged=True)
def interpretation(asked: Asked) -> Figures:
    """For each axis with a judge, the share of continuations of neutral openings that fall to the
    positive pole minus the share that fall to the negative one.

    Unit: a share, from −1 (all fall to the negative pole) to 1.
    Cost: none beyond `voice`, whose samples and judge it shares.
    Fails: as `voice` does; and a judge with little to go by is sure of nothing, so that it is near
    0 whatever the mind says. `decided` shows that.
    """
    return {
        name: float((known >= SURE).mean() - (known <= 1 - SURE).mean())
        for name, known in _heard(asked).items()
    }


@measure(unit="share", judged=True)
def decided(asked: Asked) -> Figures:
    """For each axis with a judge, the share of continuations that fall to one of the poles.

    Unit: a share.
    Cost: none beyond `voice`, whose samples and judge it shares.
    Fails: the longer a continuation, the surer the judge: compare minds that are sampled alike.
    """
    return {
        name: float((np.abs(known - 0.5) >= SURE - 0.5).mean())
        for name, known in _heard(asked).items()
    }


def _heard(asked: Asked) -> dict[str, np.ndarray]:
    """What the judge of each axis hears in the samples of its openings."""
    return {name: heard[~np.isnan(heard)] for name, heard in asked.voices.items()}
