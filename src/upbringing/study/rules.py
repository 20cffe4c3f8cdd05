"""The rules of a verdict, as data: fixed here, hashed into every design before its first run."""

from __future__ import annotations

from collections.abc import Collection

from upbringing.study.statistics import Pair

SMALLEST_EFFECT = 0.10  # δ, in pole distances
LARGEST_FREE_COST = 0.03  # bits per byte

POSITION_PAIRS: tuple[Pair, ...] = (
    ("F", "S"), ("M", "S"), ("L", "S"), ("F", "M"), ("L", "M"), ("F", "L"),
)  # fmt: skip
CONTROL_PAIRS: tuple[Pair, ...] = (("F", "O"), ("F", "D"))

BOTH_ENDS, PRIMACY, RECENCY, INTERIOR = "BOTH ENDS", "PRIMACY", "RECENCY", "INTERIOR"
NONE, UNRESOLVED = "NONE", "UNRESOLVED"
DEMONSTRATION, NOT_MEASURABLE = "DEMONSTRATION", "NOT MEASURABLE"

RULES = """\
BOTH ENDS   pos(F−S, L−S, F−M, L−M)
PRIMACY     pos(F−S, F−M, F−L)
RECENCY     pos(L−S, L−M, L−F)
INTERIOR    pos(M−S, M−F, M−L)
NONE        eq(F−S, M−S, L−S)
UNRESOLVED  otherwise; the first that holds
pos(c): simultaneous 95% lower bound > 0 and estimate ≥ 0.10 pole distances
eq(c):  90% interval inside ±0.10 pole distances
and for the place P that won:
SPECIFIC     pos(P−O)            PLACEBO-LIKE  eq(P−O)
BEYOND DOSE  pos(F−D)            DOSE ONLY     eq(F−D)          (P = F)
LASTING      pos(P−S) after a valid washout    FADED  eq(P−S)
AT A COST    upper bound of bits/byte(P) − bits/byte(S) above 0.03
MARGINS DISAGREE  a contrast that P won has another sign by sum or by PMI
Fewer than 6 seeds: DEMONSTRATION. Gate of the poles not passed: NOT MEASURABLE.
"""

PLACES = {"F": "first", "M": "in the middle", "L": "last"}

# In this order; every contrast named must be positive.
WINS = {
    BOTH_ENDS: ("F−S", "L−S", "F−M", "L−M"),
    PRIMACY: ("F−S", "F−M", "F−L"),
    RECENCY: ("L−S", "L−M", "L−F"),
    INTERIOR: ("M−S", "M−F", "M−L"),
}
POSITION_NAMES = tuple(f"{first}−{second}" for first, second in POSITION_PAIRS)
AGAINST_SHUFFLE = ("F−S", "M−S", "L−S")  # NONE: every one equivalent to zero
WINNERS = {BOTH_ENDS: ("F", "L"), PRIMACY: ("F",), RECENCY: ("L",), INTERIOR: ("M",)}


def pairs_for(arms: Collection[str]) -> tuple[Pair, ...]:
    """The contrasts that the rules ask for among `arms`, in a fixed order: one family."""
    return tuple(pair for pair in (*POSITION_PAIRS, *CONTROL_PAIRS) if set(pair) <= set(arms))
