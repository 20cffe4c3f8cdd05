"""Knowledge: whether a mind has kept a fact that it met once, and how long.

A fact is asked for by its beginning, `Sabir Perro keeps`; the right completion stands among all the
values that such a fact may have. A mind that knows only which values are common gets nothing for
it: what counts is how much cheaper this value is behind this name.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.character.asked import Asked
from upbringing.character.measures import Figures, measure

MET, NOT_MET, NEVER_TOLD = "met", "not met", "never told"
SINCE = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""Borders of how long ago a fact was met: the retention curve has a figure for each stretch."""


@measure(unit="bits")
def knowledge_margin(asked: Asked) -> Figures:
    """Mean margin (`margins`) of facts that one training scene tells, those `met` by now and those
    `not met` yet, and of facts `never told`, which are in held-out text alone.

    What was met is known of a life that began with the mind. Of one that began with another's, and
    of an average of several ages, there is `never told` alone.

    Unit: bits by which a fact's name makes a wrong value less likely than the right one. A mind
    that does not know the fact has 0, whatever values it likes.
    Cost: one forward pass over every value of every fact, about ten tokens each.
    Fails: a small mind keeps little of what it met once, so that all is noise around 0; `never
    told` shows how much. It asks for words as they stood, not for what follows from them.
    """
    is_told_Q = _is_told(asked)
    groups = {NEVER_TOLD: ~is_told_Q}
    since = asked.since_met
    if since is not None:
        is_met_Q = np.array([times.size > 0 for times in since], dtype=bool)
        groups = {MET: is_met_Q, NOT_MET: is_told_Q & ~is_met_Q} | groups
    return _means(asked, groups)


@measure(unit="bits")
def knowledge_by_kind(asked: Asked) -> Figures:
    """Mean margin (`margins`) of the facts that training scenes of each kind tell, met or not.

    Unit: bits a fact, as those of `knowledge_margin`.
    Cost: that of `knowledge_margin`, with which it shares its passes.
    Fails: as `knowledge_margin` does; a kind has few facts, so its figure is a noisy one.
    """
    is_told_Q = _is_told(asked)
    kind_Q = np.array([question.kind for question in asked.probes.questions], dtype=object)
    kinds = sorted(set(kind_Q[is_told_Q]))
    return _means(asked, {kind: is_told_Q & (kind_Q == kind) for kind in kinds})


@measure(unit="bits")
def knowledge_retention(asked: Asked) -> Figures:
    """Mean margin (`margins`) of facts met once, by how long ago, in shares of life: `0.1–0.2`.

    There is none where it is not known what the mind met (`knowledge_margin`).

    Unit: bits a fact, as those of `knowledge_margin`.
    Cost: that of `knowledge_margin`, with which it shares its passes.
    Fails: as `knowledge_margin` does; it counts life, so that under a rate that falls what was met
    early was also met at a higher rate.
    """
    since = asked.since_met
    if since is None:
        return {}
    once_Q = np.array([times[0] if times.size == 1 else np.nan for times in since])
    stretches = pairwise(SINCE)
    return _means(
        asked, {_ago(low, high): (low <= once_Q) & (once_Q < high) for low, high in stretches}
    )


def retention_curve(readings: pl.DataFrame) -> pl.DataFrame:
    """The readings of `knowledge_retention`, of a profile or of many, as a curve.

    Gives their rows with `since_from` and `since_to`: how long ago the facts were met, in shares of
    life; the age at which they were met is `age` minus that.
    """
    stretches = pl.DataFrame(
        {
            "subject": [_ago(low, high) for low, high in pairwise(SINCE)],
            "since_from": SINCE[:-1],
            "since_to": SINCE[1:],
        }
    )
    own = readings.filter(measure=knowledge_retention.__name__)
    return own.join(stretches, on="subject", how="inner", maintain_order="left")


def _ago(begin: float, end: float) -> str:
    return f"{begin:g}–{end:g}"


def _is_told(asked: Asked) -> npt.NDArray[np.bool_]:
    return np.array([question.is_told for question in asked.probes.questions], dtype=bool)


def _means(asked: Asked, groups: Mapping[str, npt.NDArray[np.bool_]]) -> Figures:
    """The mean margin of each group of facts, of those that have one."""
    margin_Q = asked.margins
    known_Q = np.isfinite(margin_Q)
    return {
        name: float(margin_Q[group_Q & known_Q].mean())
        for name, group_Q in groups.items()
        if (group_Q & known_Q).any()
    }
