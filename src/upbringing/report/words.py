"""Figures and names as a person reads them, and what every word on the page means.

Takes numbers and the short names of a study; gives plain text (never markup), the same on the page
and in the terminal.
"""

from __future__ import annotations

import math
import re

from upbringing.character.measures import measures
from upbringing.report.records import Findings
from upbringing.study.cut_short import SPENT

ARM_ORDER = ["F", "M", "L", "O", "D", "S", "N"]

GLOSSARY = {
    "Mind, run": "One model raised on one order of the text from one seed.",
    "Seed": "Fixes the initial weights, the draw inside each stretch of text and the sampler. Arms"
    " share their seeds, so a contrast compares like with like.",
    "Arm": "One way to order the same text. Every arm reads the same scenes the same number of"
    " times; only their places differ.",
    "F": "The block comes first.",
    "M": "The block comes in the middle.",
    "L": "The block comes last.",
    "S": "The shuffles: every scene at a random place, a fresh shuffle for each seed. What any"
    " other order is compared with.",
    "O": "Another kind in the place that the block has in F.",
    "N": "The blocks of F, filled with scenes at random: a shuffle in disguise, where nothing"
    " should be found.",
    "D": "A shuffle whose loss gives the block as much learning-rate mass as it gets in F: dose"
    " without position.",
    "Block": "The kind of text whose place is varied.",
    "Contrast": "F−S is the mean over seeds of F's figure minus that of S with the same seed.",
    "Age": "The share of its life's tokens that a mind has read: 0 at birth, 1 at the end.",
    "Kept age": "An age at which the mind was kept and asked. What happened between two of them is"
    " not seen.",
    "Schedule": "The learning rate as a function of age. Its mass is the area under it: where"
    " learning was spent.",
    "Schedule − schedule": "The same contrast under the one minus that under the other.",
    "Cut short": f"A life at the age by which it had spent {SPENT:.0%} of its learning-rate mass;"
    " “− cut short” is what changed between then and its end.",
    "Average": "The weights that a mind had at several ages, made into one mind at the end of its"
    " life. Each is compared with the same average of its own shuffles.",
    "Pole": "Minds raised on one kind of text only: the most of that character that this size of"
    " model and this amount of text can have.",
    "Pole distance": "The difference between the two poles, the unit of character: 0 is a mind"
    " raised on the negative pole only, 1 on the positive.",
    "Gate": "A character counts as measurable at a size only if its poles lie at least three seed"
    " standard deviations apart and mixtures lie between them in order.",
    "Judge": "A classifier that tells the two voices apart. It may be used only if it does so on"
    " works that it never saw, and hears no difference once the words are shuffled.",
    "AUC, Brier": "How a judge did. AUC: how often it ranks a text of the one voice above one of"
    " the other, 0.5 for guessing. Brier: the mean squared error of its probabilities, 0 for none.",
    "Washout": "Each finished mind reads on, in one identical shuffled stream at a re-warmed rate."
    " What survives it lasts. It is valid if it takes at least half of L−S at a constant rate.",
    "Half-life": "How much of the washout it takes to lose half of a difference.",
    "Position": "A verdict by rules fixed beforehand. PRIMACY, INTERIOR, RECENCY, BOTH ENDS: read"
    " there, the block moved minds more than elsewhere. NONE: no place differs from a shuffle by"
    " the smallest effect. UNRESOLVED: none of these was shown.",
    "Interval": "Simultaneous 95% interval over seeds, unless a row says otherwise.",
    "p": "How often a difference as large comes out when the signs of whole seeds are flipped."
    " With n seeds that cannot be less than 2 in 2ⁿ: 0.25 for 3, 0.031 for 6.",
    "Step-down max-t": "How p is corrected for all contrasts of a family: the strongest is held"
    " against the strongest of every flip, the next against the strongest of those left.",
    "Smallest effect": "Effects smaller than this many pole distances count as none.",
}
"""Terms of the pages, in the order in which a reader meets them; of measures see `MEASURES`."""

MEASURES = {
    "style_margin": "The same event told in two voices: how many bits per byte less one telling"
    " costs the mind than the other.",
    "style_margin_sum": "The style margin in bits for the whole telling, not for each byte.",
    "style_margin_pmi": "The style margin minus what it is without the opening: what the opening"
    " adds.",
    "voice": "The probability that a tested judge gives one voice to what the mind writes after"
    " neutral openings.",
    "bits_per_byte": "The mean number of bits a mind needs for a byte of text it never read. Lower"
    " is better.",
    "knowledge_margin": "By how many bits the name of a fact makes a wrong value of it less likely"
    " than the right one: of facts met by now, not met yet, and never told.",
    "knowledge_by_kind": "The knowledge margin of the facts that scenes of each kind tell, met or"
    " not.",
    "knowledge_retention": "The knowledge margin of facts met once, by how long ago, in shares of"
    " life.",
    "sentence_length": "Words from one end of a sentence to the next.",
    "excess_bits_per_byte": "Bits per byte on the block minus the mean on the other kinds.",
}
"""What measures are, where the page can say it more plainly than their own documentation."""


def glossary(findings: Findings) -> dict[str, str]:
    """The terms that the page of these findings uses, each with what it means."""
    schedules = " ".join(contrast.schedule for contrast in findings.contrasts)
    is_used = dict.fromkeys(set(ARM_ORDER) - {*findings.arms}, False) | {
        "Schedule − schedule": " − " in schedules,
        "Cut short": "cut short" in schedules,
        "Average": bool(findings.averages),
        "Judge": any(axis.judge for axis in findings.axes),
        "AUC, Brier": any(axis.judge and axis.judge["figures"] for axis in findings.axes),
        "Washout": findings.washout is not None,
        "Half-life": bool(findings.half_lives),
        "Position": not findings.is_demonstration,
    }
    terms = {term: text for term, text in GLOSSARY.items() if is_used.get(term, True)}
    asked = dict.fromkeys([findings.primary, *(c.measure for c in findings.contrasts)])
    asked["bits_per_byte"] = None  # what an order costs
    return terms | {measure(name).capitalize(): _measured(name) for name in asked}


def _measured(name: str) -> str:
    """What a measure is: the first paragraph of its own documentation, if there is no plainer."""
    if name in MEASURES:
        return MEASURES[name]
    known = measures() | measures(named=True)
    if name not in known:
        return "A measure of this study's own."
    first = re.split(r"\n\s*\n|\bUnit:", known[name].stated)[0]
    named = re.sub(r" \(`\w+`\)", "", " ".join(first.split()))
    return re.sub(r"`([^`]+)`", lambda found: measure(found[1]), named)


def least_p(num_seeds: int) -> float:
    """The smallest two-sided p that flipping the signs of so many seeds can give."""
    return 2.0 ** (1 - num_seeds)


def seeds(num_seeds: int) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{num_seeds} seed{'' if num_seeds == 1 else 's'}"


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """`0.31`, `−0.31`, `+0.31` with `sign`; an en dash where there is no number."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    is_zero = float(text) == 0
    return text.lstrip("+-") if is_zero else text.replace("-", "−")


def figure(value: object) -> str:
    """A recorded figure of whatever type: `0.968`, `yes`, `cpu`, `–` for none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return "–" if value is None else str(value)


def interval(low: float | None, high: float | None, *, digits: int = 2) -> str:
    """`−0.10 to 0.42` on one line, or an en dash where there is none."""
    if low is None or high is None:
        return "–"
    return f"{number(low, digits)}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{number(high, digits)}"


def p_value(p: float | None) -> str:
    """`0.25`, `0.008`, `< 0.001`."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def percent(share: float) -> str:
    """`68%`, `0.4%`: one decimal below one percent."""
    return f"{share:.1%}" if 0 < share < 0.01 else f"{share:.0%}"


def count(n: int) -> str:
    """`300 thousand`, `1.3 million`, `960`."""
    for size, word in ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand")):
        if n >= size:
            return f"{n / size:.3g} {word}"
    return str(n)


def unit(name: str) -> str:
    """`bits_per_byte` → `bits/byte`; other units with spaces for underscores."""
    return {"bits_per_byte": "bits/byte"}.get(name, name.replace("_", " "))


def measure(name: str) -> str:
    """`style_margin` → `style margin`."""
    return name.replace("_", " ")


def age(age: float, stage: str = "life") -> str:
    """`age 0.05`, `washout 0.50`, or the name of an average of the weights: `last 3`."""
    called = {"life": "age", "washout": "washout"}
    return f"{called[stage]} {age:.2f}" if stage in called else stage


def rate(schedule: str, average: str | None = None) -> str:
    """`steep learning rate`; of averaged weights `steep learning rate, last 3`."""
    return f"{schedule} learning rate{f', {average}' if average else ''}"


def arm(name: str, findings: Findings) -> str:
    """`drama first, technical last` for F; `raised on drama only` for a pole."""
    if name in findings.arms:
        return findings.arms[name]
    if name == "pole-rest":
        return f"raised without {findings.block}"
    if name.startswith("random-"):
        return "a random order, the same at every seed"
    rung, _, axis = name.partition("@")
    if rung.startswith("pole-"):
        return f"raised on {rung.removeprefix('pole-')} only"
    if rung.startswith("mix-"):
        pole = next((a.positive for a in findings.axes if a.slug == axis), findings.block)
        return f"{rung.removeprefix('mix-')}% {pole}"
    return name


def contrast(name: str, findings: Findings) -> str:
    """`drama last against shuffled` for L−S: of each arm's description what concerns the block."""
    return " against ".join(_place(side, findings) for side in name.split("−"))


def _place(arm_name: str, findings: Findings) -> str:
    clauses = arm(arm_name, findings).split(", ")
    return next((clause for clause in clauses if findings.block in clause), clauses[0])


def arm_rank(name: str) -> tuple[int, str]:
    """A sort key: F M L O D S N, mixtures, poles."""
    if name in ARM_ORDER:
        return ARM_ORDER.index(name), name
    return len(ARM_ORDER) + name.startswith("pole-"), name
