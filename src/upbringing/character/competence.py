"""Competence: how many bits a mind needs for held-out text, by kind."""

from __future__ import annotations

import numpy as np

from upbringing.character.asked import Asked
from upbringing.character.measures import Figures, measure


@measure(unit="bits/byte")
def bits_per_byte(asked: Asked) -> Figures:
    """Held-out bits per byte of each kind, and of `all` kinds: their mean.

    Unit: bits a UTF-8 byte; `likelihood` states the rule of windows and beginnings.
    Cost: one forward pass over the held-out text.
    Fails: where training text is close to held-out text, it is small without any understanding.
    """
    found = {
        kind: float(asked.held_out[kind].sum() / sum(p.num_bytes for p in passages))
        for kind, passages in asked.probes.held_out.items()
    }
    return found | {"all": float(np.mean(list(found.values())))}


@measure(unit="bits/byte")
def excess_bits_per_byte(asked: Asked) -> Figures:
    """For each axis, the positive kinds' mean of `bits_per_byte` minus all other kinds' mean.

    Below zero where the mind knows the positive pole better than the rest. None where one of the
    two is empty.
    Unit: bits a byte.
    Cost: that of `bits_per_byte`, with which it shares its passes.
    Fails: kinds differ in how hard they are, so only differences between minds mean anything.
    """
    by_kind = dict(bits_per_byte(asked))
    del by_kind["all"]
    figures = {}
    for axis in asked.probes.axes:
        own = [bits for kind, bits in by_kind.items() if kind in axis.positive.kinds]
        rest = [bits for kind, bits in by_kind.items() if kind not in axis.positive.kinds]
        if own and rest:
            figures[axis.positive.name] = float(np.mean(own) - np.mean(rest))
    return figures
