"""Style: which of two tellings of the same event a mind finds likelier, and how it speaks itself.

The margin on same-content pairs a, b behind an opening c, three ways that must agree in sign. All
are positive in a mind of the positive pole.
"""

from __future__ import annotations

import numpy as np

from upbringing.character.asked import Asked
from upbringing.character.measures import Figures, measure


@measure(unit="bits/byte")
def style_margin(asked: Asked) -> Figures:
    """For each axis, the mean over pairs of log₂p(a∣c)/bytes(a) − log₂p(b∣c)/bytes(b).

    Unit: bits a byte of what follows the opening.
    Cost: one forward pass over both texts of every pair.
    Fails: where the two sides differ in more than manner; pairs are told of one event for that.
    """
    figures = {}
    for name, (a, b) in asked.pairs.items():
        bytes_a, bytes_b = _sizes(asked, name)
        figures[name] = float((b / bytes_b - a / bytes_a).mean())
    return figures


@measure(unit="bits")
def style_margin_sum(asked: Asked) -> Figures:
    """For each axis, the mean over pairs of log₂p(a∣c) − log₂p(b∣c).

    Unit: bits a pair.
    Cost: that of `style_margin`, with which it shares its passes.
    Fails: the longer side loses, whatever its manner.
    """
    return {name: float((b - a).mean()) for name, (a, b) in asked.pairs.items()}


@measure(unit="bits/byte", along=False)
def style_margin_pmi(asked: Asked) -> Figures:
    """For each axis, `style_margin` of log₂p(a∣c) − log₂p(a): what the opening adds.

    Unit: bits a byte.
    Cost: another forward pass over both texts of every pair, alone; at the end of life only.
    Fails: a mind too small to use an opening gives noise around zero.
    """
    figures = {}
    for name, (a, b) in asked.pairs.items():
        a_alone, b_alone = asked.pairs_alone[name]
        bytes_a, bytes_b = _sizes(asked, name)
        figures[name] = float(((a_alone - a) / bytes_a - (b_alone - b) / bytes_b).mean())
    return figures


@measure(unit="probability", judged=True)
def voice(asked: Asked) -> Figures:
    """For each axis with a judge, the mean probability that a sample speaks as its positive pole.

    Unit: a probability, calibrated on texts of about 400 characters.
    Cost: every opening is continued once for each sampler seed.
    Fails: a judge of a person's own texts hears topic as well as manner; of one that does not pass
    its examination a study makes no figure.
    """
    return {name: float(np.nanmean(heard)) for name, heard in asked.voices.items()}


def _sizes(asked: Asked, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 bytes of both sides of each pair, (num_pairs,) each."""
    pairs = asked.probes.pairs[axis]
    return (
        np.array([pair.positive.num_bytes for pair in pairs]),
        np.array([pair.negative.num_bytes for pair in pairs]),
    )
