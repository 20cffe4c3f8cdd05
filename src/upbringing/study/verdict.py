"""Contrasts → a verdict: which place of the block moved the mind, by rules fixed beforehand.

Takes the records of one schedule (contrasts in pole distances, costs, poles, washout) and gives a
`Verdict` whose sentence says no more than its position and qualifiers do. The first rule that holds
is the verdict; what was not raised is "not tested", never guessed. F, M, L: the block first, in the
middle, last; S: shuffled; O: another kind in F's place; D: shuffled, with F's dose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from upbringing.study.phrases import amount, demonstration, figure, figures, number
from upbringing.study.poles import Poles, Washout, is_measurable
from upbringing.study.rules import (
    AGAINST_SHUFFLE,
    DEMONSTRATION,
    LARGEST_FREE_COST,
    NONE,
    NOT_MEASURABLE,
    PLACES,
    POSITION_NAMES,
    SMALLEST_EFFECT,
    UNRESOLVED,
    WINNERS,
    WINS,
)
from upbringing.study.statistics import FEWEST_SEEDS, Contrast, Cost

_WITHIN = f", to within {SMALLEST_EFFECT:.2f} pole distances"
_PLACES = {**PLACES, "S": "shuffled"}


@dataclass(frozen=True)
class Evidence:
    """What one schedule of a study brings before the rules, or an average of its minds' weights.

    `contrasts` and `washed` (after the washout) are of the primary measure in pole distances;
    `costs` in bits per byte. `companions` are the same contrasts by the other style margins, whose
    signs must agree. `block` is the kind under test, as a reader knows it. `toward` is what the
    positive pole of an axis is called where that is not the block; sentences then name the axis.
    """

    schedule: str
    measure: str
    block: str
    poles: Poles
    contrasts: Sequence[Contrast]
    costs: Sequence[Cost] = ()
    washout: Washout | None = None
    washed: Sequence[Contrast] = ()
    companions: Sequence[Contrast] = ()
    average: str | None = None
    axis: str = ""
    toward: str = ""


@dataclass(frozen=True)
class Verdict:
    """A position on one axis, what qualifies it, the figures behind it, and both in a sentence."""

    schedule: str
    measure: str
    position: str
    qualifiers: tuple[str, ...]
    reason: str
    sentence: str
    average: str | None = None
    axis: str = ""
    toward: str = ""


def decide(evidence: Evidence) -> Verdict:
    """The first rule that holds, with its qualifiers."""
    found = by_name(evidence.contrasts)
    num_seeds = evidence.contrasts[0].num_seeds
    poles = evidence.poles
    if not is_measurable(poles, num_seeds):
        return _plain(
            evidence,
            NOT_MEASURABLE,
            poles.reason,
            f"No verdict{_on(evidence)}: {poles.reason}, so character cannot be measured at this "
            "scale.",
        )
    if num_seeds < FEWEST_SEEDS:
        reason = f"{num_seeds} seeds, a verdict needs {FEWEST_SEEDS}"
        return _plain(evidence, DEMONSTRATION, reason, demonstration(num_seeds))

    position = _position(found)
    if position == NONE:
        sentence = (
            f"It does not matter when {evidence.block} is read: first, in the middle or last, the "
            f"mind ends within {SMALLEST_EFFECT:.2f} pole distances of the shuffled one on average"
            f"{_on(evidence)}."
        )
        return _plain(evidence, NONE, figures(found, AGAINST_SHUFFLE, at_90=True), sentence)
    if position == UNRESOLVED:
        reason = f"no rule holds: {figures(found, POSITION_NAMES)}"
        return _plain(evidence, UNRESOLVED, reason, _unresolved(evidence, found, num_seeds))

    judged = [
        _specificity(found, WINNERS[position]),
        _dose(found, WINNERS[position]),
        _duration(evidence, WINNERS[position]),
        _cost(evidence, WINNERS[position]),
        _agreement(evidence, position),
    ]
    sentences = [_win(evidence, position, found), *(clause for _, clause in judged)]
    return Verdict(
        evidence.schedule,
        evidence.measure,
        position,
        tuple(qualifier for qualifier, _ in judged if qualifier),
        figures(found, WINS[position]),
        " ".join(sentence for sentence in sentences if sentence),
        evidence.average,
        evidence.axis,
        evidence.toward,
    )


def is_positive(contrast: Contrast | None) -> bool:
    """Simultaneous 95% lower bound above zero and an estimate of at least δ."""
    if contrast is None or contrast.estimate is None or contrast.low is None:
        return False
    return contrast.low > 0 and contrast.estimate >= SMALLEST_EFFECT


def is_equivalent(contrast: Contrast | None) -> bool:
    """90% interval inside ±δ: two one-sided tests at 5% (Schuirmann 1987)."""
    if contrast is None or contrast.low90 is None or contrast.high90 is None:
        return False
    return contrast.low90 > -SMALLEST_EFFECT and contrast.high90 < SMALLEST_EFFECT


def _position(found: Mapping[str, Contrast]) -> str:
    for position, names in WINS.items():
        if all(is_positive(found.get(name)) for name in names):
            return position
    if all(is_equivalent(found.get(name)) for name in AGAINST_SHUFFLE):
        return NONE
    return UNRESOLVED


def _specificity(found: Mapping[str, Contrast], winners: Sequence[str]) -> tuple[str, str]:
    return _qualify(
        [found.get(f"{arm}−O") for arm in winners],
        subject="specificity",
        missing="another kind in the same place was not raised",
        positive=("SPECIFIC", "It did so more than another kind in the same place."),
        equivalent=("PLACEBO-LIKE", f"Another kind in the same place did as much{_WITHIN}."),
    )


def _dose(found: Mapping[str, Contrast], winners: Sequence[str]) -> tuple[str, str]:
    if "F" not in winners:
        return "", ""  # dose is anchored to the first place alone
    return _qualify(
        [found.get("F−D")],
        subject="dose",
        missing="the same learning-rate mass without the place was not raised",
        positive=("BEYOND DOSE", "First did more than the same learning-rate mass spread out."),
        equivalent=("DOSE ONLY", f"The same learning-rate mass spread out did as much{_WITHIN}."),
    )


def _duration(evidence: Evidence, winners: Sequence[str]) -> tuple[str, str]:
    washout = evidence.washout
    washed = by_name(evidence.washed) if washout and washout.valid else {}
    return _qualify(
        [washed.get(f"{arm}−S") for arm in winners],
        subject="lasting",
        missing=washout.reason if washout and not washout.valid else "no washout",
        positive=("LASTING", "After the washout the difference to the shuffle was still there."),
        equivalent=("FADED", f"After the washout the shuffle was as far{_WITHIN}."),
    )


def _cost(evidence: Evidence, winners: Sequence[str]) -> tuple[str, str]:
    cost_of = {cost.arm: cost for cost in evidence.costs}
    highs = [cost_of[arm].high if arm in cost_of else None for arm in winners]
    known = [high for high in highs if high is not None]
    if known and max(known) > LARGEST_FREE_COST:
        most = f"as much as {number(max(known), 3)} bits per byte against the shuffle"
        return "AT A COST", f"It may cost {most}."
    if len(known) < len(winners):
        return "cost not tested", "What it cost in bits per byte was not tested."
    return "", ""


def _agreement(evidence: Evidence, position: str) -> tuple[str, str]:
    """The style margin by bytes, by sum and by PMI must tell the same direction."""
    against = [
        f"{contrast.name} by {contrast.measure}"
        for contrast in evidence.companions
        for read in (contrast, contrast.reversed())
        if read.name in WINS[position] and read.estimate is not None and read.estimate <= 0
    ]
    if not against:
        return "", ""
    return (
        f"MARGINS DISAGREE: {', '.join(against)}",
        "The style margins do not all point the same way, so the direction is in doubt.",
    )


def _qualify(
    contrasts: Sequence[Contrast | None],
    *,
    subject: str,
    missing: str,
    positive: tuple[str, str],
    equivalent: tuple[str, str],
) -> tuple[str, str]:
    """The qualifier and its sentence; it must hold for every winning place."""
    if None in contrasts:
        return f"{subject} not tested: {missing}", f"{subject.capitalize()} not tested: {missing}."
    if all(is_positive(contrast) for contrast in contrasts):
        return positive
    if all(is_equivalent(contrast) for contrast in contrasts):
        return equivalent
    shown = "; ".join(figure(contrast) for contrast in contrasts if contrast)
    return f"{subject} unresolved: {shown}", f"{subject.capitalize()} unresolved."


def _unresolved(evidence: Evidence, found: Mapping[str, Contrast], num_seeds: int) -> str:
    """Whether nothing is settled, or a difference is sure and no place wins by it."""
    sure = [
        f"{_PLACES[name[0]]} against {_PLACES[name[-1]]} {amount(found[name])}"
        for name in POSITION_NAMES
        if name in found
        if is_positive(found[name]) or is_positive(found[name].reversed())
    ]
    if not sure:
        return (
            f"{num_seeds} seeds do not settle whether it matters when {evidence.block} is "
            f"read{_on(evidence)}."
        )
    return (
        f"It matters when {evidence.block} is read{_on(evidence)} ({'; '.join(sure)} pole "
        "distances), but no place wins against all others."
    )


def _on(evidence: Evidence) -> str:
    """` on dry–scenic`, where an axis is not that of the block itself."""
    return f" on {evidence.axis}" if evidence.toward else ""


def _win(evidence: Evidence, position: str, found: Mapping[str, Contrast]) -> str:
    block, winners = evidence.block, WINNERS[position]
    pole = f"{evidence.toward}, on {evidence.axis}," if evidence.toward else block
    gains = " and ".join(amount(found[f"{arm}−S"]) for arm in winners)
    where = " and ".join(PLACES[arm] for arm in winners)
    losers = " or ".join(place for arm, place in PLACES.items() if arm not in winners)
    return (
        f"Read {where}, {block} moved the mind further toward {pole} than shuffled "
        f"(by {gains} pole distances) and than read {losers}."
    )


def _plain(evidence: Evidence, position: str, reason: str, sentence: str) -> Verdict:
    return Verdict(
        evidence.schedule,
        evidence.measure,
        position,
        (),
        reason,
        sentence,
        evidence.average,
        evidence.axis,
        evidence.toward,
    )


def by_name(contrasts: Sequence[Contrast]) -> dict[str, Contrast]:
    """Every contrast under its name and, read the other way, under its reverse."""
    both_ways = [c for contrast in contrasts for c in (contrast, contrast.reversed())]
    return {contrast.name: contrast for contrast in both_ways}
