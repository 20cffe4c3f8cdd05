"""Rungs: the minds that give an axis its unit, raised on its poles alone and on mixtures of them.

For each axis of a study and each seed: `pole-<name>` for either pole, and on the ladder `mix-25`,
`mix-50` and `mix-75`, by the share of the positive pole. Those of an axis that is not the one under
test carry its name: `mix-25@polite-rude`. They differ from the arms in what they read, and are
compared with none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from upbringing.character import Axis
from upbringing.corpus import Corpus, Tokens
from upbringing.order import Order, ladder_order
from upbringing.study.poles import LADDER, Poles, examine_poles
from upbringing.study.statistics import FloatArray

_SHARES = dict(zip(LADDER, (0.25, 0.5, 0.75), strict=True))


@dataclass(frozen=True)
class Rungs:
    """The rungs of one axis, by the names of their arms, with the share of the positive pole.

    Empty where the corpus has no text of a pole.
    """

    axis: Axis
    shares: Mapping[str, float]

    @classmethod
    def of(cls, axis: Axis, kinds: Collection[str], *, ladder: bool, is_first: bool) -> Rungs:
        """The rungs of an axis among the kinds that there are to read."""
        ends = (axis.positive, axis.negative)
        if any(not set(pole.kinds) & set(kinds) for pole in ends):
            return cls(axis, {})
        shares = {f"pole-{axis.positive.name}": 1.0, f"pole-{axis.negative.name}": 0.0}
        shares |= _SHARES if ladder else {}
        label = "" if is_first else f"@{axis.slug}"
        return cls(axis, {f"{rung}{label}": share for rung, share in shares.items()})

    def order(
        self, arm: str, corpus: Corpus, tokens: Tokens, *, num_tokens: int, seed: int
    ) -> Order:
        """What the minds of one rung read, `num_tokens` tokens or a little more."""
        share = self.shares[arm]
        kinds = set(corpus.kinds)
        sides = [
            (tuple(kind for kind in pole.kinds if kind in kinds), part)
            for pole, part in ((self.axis.positive, share), (self.axis.negative, 1 - share))
            if part
        ]
        lang = self.axis.lang
        return ladder_order(corpus, tokens, sides, lang=lang, num_tokens=num_tokens, seed=seed)

    def examine(self, values: Mapping[str, FloatArray]) -> Poles:
        """The gate, from the axis's primary measure of its rungs by arm, (num_seeds,) each."""
        if not self.shares:
            return Poles.not_raised(f"no text of a pole of {self.axis.name} to raise minds on")
        own = {arm: values[arm] for arm in self.shares}
        positive, negative, *ladder = own
        renamed = {positive: own[positive], negative: own[negative]}
        renamed |= {arm.partition("@")[0]: own[arm] for arm in ladder}
        return examine_poles(positive, negative, renamed)
