"""Records → the few plain lines that the command ends with and the page begins with.

Takes the records of `findings.json` and nothing else. Every line states an estimate with its
interval or the reason why there is none, and none is stronger than the verdict it stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence

from upbringing.study.rules import DEMONSTRATION, NOT_MEASURABLE, PLACES
from upbringing.study.statistics import Contrast, Cost
from upbringing.study.verdict import Verdict, number


def answer(
    *,
    block: str,
    contrasts: Sequence[Contrast],
    verdicts: Sequence[Verdict],
    costs: Sequence[Cost],
    diverged: Sequence[str] = (),
) -> list[str]:
    """What the order did under each schedule and in each average, what it cost, what is concluded.

    `contrasts` may hold several measures; those of each verdict's measure are read. The verdicts
    give the schedules with their averages, and their order; `diverged` holds names of runs.
    """
    lines = []
    for verdict in verdicts:
        rate = _rate(verdict)
        own = [c for c in contrasts if _rate(c) == rate and c.measure == verdict.measure]
        if verdict.position != NOT_MEASURABLE:
            lines += _movements(block, rate, own)
        lines += _costs(block, rate, [cost for cost in costs if _rate(cost) == rate])
        if verdict.position not in (DEMONSTRATION, NOT_MEASURABLE):
            lines.append(f"{rate}, {verdict.position}: {verdict.sentence}")
    if diverged:
        runs = "run" if len(diverged) == 1 else "runs"
        lines.append(
            f"{len(diverged)} {runs} diverged, so the arm has no figure: {', '.join(diverged)}."
        )
    if any(verdict.position != NOT_MEASURABLE for verdict in verdicts):
        lines.append("The unit is the distance between minds raised on one pole only.")
    closing = [v.sentence for v in verdicts if v.position in (DEMONSTRATION, NOT_MEASURABLE)]
    lines += dict.fromkeys(closing)
    return lines


def _rate(of: Verdict | Contrast | Cost) -> str:
    """`Constant rate`; of an average `Constant rate, last 3`."""
    rate = f"{of.schedule.capitalize()} rate"
    return f"{rate}, {of.average}" if of.average else rate


def _movements(block: str, rate: str, contrasts: Sequence[Contrast]) -> list[str]:
    """One line: where each place of the block moved the mind, against the shuffle."""
    by_name = {contrast.name: contrast for contrast in contrasts}
    told = [
        f"{block} {place} {_movement(block, by_name[name])}"
        for arm, place in PLACES.items()
        if (name := f"{arm}−S") in by_name
    ]
    if not told:
        return []
    return [f"{rate}, against the same scenes shuffled: {'; '.join(told)}."]


def _movement(block: str, contrast: Contrast) -> str:
    if contrast.estimate is None:
        return f"has no figure ({contrast.reason})"
    direction = "nearer to" if contrast.estimate >= 0 else "farther from"
    moved = f"left the mind {number(abs(contrast.estimate))} {direction} {block}"
    if contrast.low is None or contrast.high is None:
        return f"{moved} (no interval: {contrast.reason})"
    none_too = ", no effect included" if contrast.low <= 0 <= contrast.high else ""
    return f"{moved} (95%: {number(contrast.low)} to {number(contrast.high)}{none_too})"


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
    sign = "+" if cost.estimate >= 0 else ""
    price = f"{sign}{number(cost.estimate, 3)}"
    if cost.low is None or cost.high is None:
        return f"{price} (no interval: {cost.reason})"
    return f"{price} (95%: {number(cost.low, 3)} to {number(cost.high, 3)})"
