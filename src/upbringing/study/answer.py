"""Records → the few plain lines that the command ends with and the page begins with.

Takes the records of `findings.json` and nothing else. Every line states an estimate with its
interval or the reason why there is none, and none is stronger than the verdict it stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence

from upbringing.study.half_life import FADES, LONGER, SHORTER, TURNED, HalfLife
from upbringing.study.phrases import number, signed
from upbringing.study.preregistration import Answered, sentence
from upbringing.study.rules import DEMONSTRATION, NOT_MEASURABLE, PLACES, SMALLEST_EFFECT
from upbringing.study.statistics import Contrast, Cost
from upbringing.study.verdict import Verdict

_TOLD = (FADES, LONGER, SHORTER, TURNED)


def answer(
    *,
    block: str,
    contrasts: Sequence[Contrast],
    verdicts: Sequence[Verdict],
    costs: Sequence[Cost],
    diverged: Sequence[str] = (),
    half_lives: Sequence[HalfLife] = (),
    hypotheses: Sequence[Answered] = (),
    deviations: Sequence[str] = (),
) -> list[str]:
    """What the order did under each schedule and in each average, what it cost, what is concluded.

    `contrasts` may hold several measures; those of each verdict's measure and axis are read. The
    verdicts give the schedules with their averages and axes, and their order; `diverged` holds
    names of runs. Hypotheses and deviations are those of the preregistration.
    """
    lines = []
    for rate in dict.fromkeys(map(_rate, verdicts)):
        under = [verdict for verdict in verdicts if _rate(verdict) == rate]
        for verdict in under:
            if verdict.position != NOT_MEASURABLE:
                own = [c for c in contrasts if _rate(c) == rate and _is_of(c, verdict)]
                lines += _movements(block, rate, verdict, own)
        lines += _costs(block, rate, [cost for cost in costs if _rate(cost) == rate])
        lines += [
            f"{rate}, {verdict.position}: {verdict.sentence}"
            for verdict in under
            if verdict.position not in (DEMONSTRATION, NOT_MEASURABLE)
        ]
        faded = [one for one in half_lives if _rate(one) == rate]
        lines += [_faded(block, rate, one) for one in faded if one.answer in _TOLD]
    if diverged:
        runs = "run" if len(diverged) == 1 else "runs"
        lines.append(
            f"{len(diverged)} {runs} diverged, so the arm has no figure: {', '.join(diverged)}."
        )
    if any(verdict.position != NOT_MEASURABLE for verdict in verdicts):
        lines.append("The unit is the distance between minds raised on one pole only.")
    closing = [v.sentence for v in verdicts if v.position in (DEMONSTRATION, NOT_MEASURABLE)]
    lines += dict.fromkeys(closing)
    lines += map(sentence, hypotheses)
    lines += [f"Deviation from what was written down: {what}." for what in deviations]
    return lines


def _rate(of: Verdict | Contrast | Cost | HalfLife) -> str:
    """`Constant rate`; of an average `Constant rate, last 3`."""
    rate = f"{of.schedule.capitalize()} rate"
    average = None if isinstance(of, HalfLife) else of.average
    return f"{rate}, {average}" if average else rate


def _is_of(contrast: Contrast, verdict: Verdict) -> bool:
    """Whether a verdict was read off such contrasts."""
    return (contrast.measure, contrast.axis) == (verdict.measure, verdict.axis)


def _movements(block: str, rate: str, verdict: Verdict, contrasts: Sequence[Contrast]) -> list[str]:
    """One line: where each place of the block moved the mind, against the shuffle."""
    by_name = {contrast.name: contrast for contrast in contrasts}
    pole = verdict.toward or block
    told = [
        f"{block} {place} {_movement(pole, by_name[name])}"
        for arm, place in PLACES.items()
        if (name := f"{arm}−S") in by_name
    ]
    if not told:
        return []
    axis = f" on {verdict.axis}" if verdict.toward else ""
    return [f"{rate}, against the same scenes shuffled{axis}: {'; '.join(told)}."]


def _movement(pole: str, contrast: Contrast) -> str:
    if contrast.estimate is None:
        return f"has no figure ({contrast.reason})"
    direction = "nearer to" if contrast.estimate >= 0 else "farther from"
    distance = abs(contrast.estimate)
    moved = f"left the mind {number(distance)} {direction} {pole}{_too_little(distance)}"
    if contrast.low is None or contrast.high is None:
        return f"{moved} (no interval: {contrast.reason})"
    if contrast.low <= 0 <= contrast.high:
        reach = f"{number(-contrast.low)} farther to {number(contrast.high)} nearer"
        return f"{moved} (95%: {reach}, no effect included)"
    least, most = sorted((abs(contrast.low), abs(contrast.high)))
    return f"{moved} (95%: {number(least)} to {number(most)})"


def _too_little(distance: float) -> str:
    """That an estimate is too small to count as an effect, where it is."""
    if distance >= SMALLEST_EFFECT:
        return ""
    least = number(SMALLEST_EFFECT)
    below = "just under" if number(distance) == least else "less than"
    return f", {below} the {least} that counts as an effect"


def _faded(block: str, rate: str, one: HalfLife) -> str:
    """One line: how much washout takes half of a difference to the shuffle away."""
    left = f"what {block} {PLACES[one.name[0]]} left"
    if one.answer == TURNED:
        turned = f"{left} turned to the other side ({one.reason})"
        return f"{rate}, on {one.axis}: {turned}, so it has no half-life."
    what = f"{rate}, on {one.axis}: of {left}"
    if one.answer == SHORTER:
        gone = f"{one.high:,.0f} {one.unit} of washout, the shortest measured"
        return f"{what}, less than half is left after {gone}."
    low = f"{one.low:,.0f}" if one.low is not None else f"over {one.longest:,.0f}"
    if one.estimate is None:
        outlived = f"{one.longest:,.0f} {one.unit} of washout"
        return f"{what}, more than half outlives {outlived} (95%: a half-life of {low} or more)."
    high = f"to {one.high:,.0f}" if one.high is not None else f"to more than {one.longest:,.0f}"
    gone = f"{one.estimate:,.0f} {one.unit} of washout"
    return f"{what}, half is gone after {gone} (95%: {low} {high})."


def _costs(block: str, rate: str, costs: Sequence[Cost]) -> list[str]:
    """One line: held-out bits per byte of each place of the block, minus the shuffle's."""
    by_arm = {cost.arm: cost for cost in costs}
    told = [
        f"{block} {place} {_price(by_arm[arm])}" for arm, place in PLACES.items() if arm in by_arm
    ]
    if not told:
        return []
    return [f"{rate}, what it cost in held-out bits per byte: {'; '.join(told)}."]


def _price(cost: Cost) -> str:
    if cost.estimate is None:
        return f"has no figure ({cost.reason})"
    price = signed(cost.estimate, 3)
    if cost.low is None or cost.high is None:
        return f"{price} (no interval: {cost.reason})"
    zero_too = ", zero included" if cost.low <= 0 <= cost.high else ""
    return f"{price} (95%: {signed(cost.low, 3)} to {signed(cost.high, 3)}{zero_too})"
