"""The sentences of turning points, each made of one record and saying no more than it.

What too few seeds show is shown, not decided; one life is compared with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from upbringing.report import words
from upbringing.report.records import Findings
from upbringing.study.statistics import FEWEST_SEEDS
from upbringing.study.turns import Acquisition, Departure, Distance, Forgetting, Rise, Turns


def life_lines(turns: Turns) -> list[str]:
    """The turning points of one life, which is compared with nothing."""
    if len(turns.ages) < 2:
        return ["kept at fewer than two ages: what it forgot and acquired is not known"]
    told = []
    if turns.forgotten is None:
        told.append("no kind got worse from one kept age to the next")
    else:
        told.append(f"its largest forgetting: {_rise(turns.forgotten)}")
    for one in turns.acquired:
        if one.is_seen:
            told.append(
                f"{one.kind}: half of what it gained was reached by age {words.number(one.age)}"
                f"{_reading(one.read)}"
            )
        else:
            told.append(f"{one.kind}: at its best at age {words.number(one.age)}, the first kept")
    return told


def departure_sentence(found: Departure, findings: Findings) -> str:
    """When an arm was off its shuffles in one measure on average, if it is decided that it was."""
    who = f"{_arm(found.arm, findings)}, {words.measure(found.measure)} of {found.subject}"
    at = {one.age: one for one in found.course}
    if found.largest is None or found.age is None:
        return f"{who}: no age has a figure for every seed."
    if found.largest.estimate == 0:
        return f"{who}: the same as the shuffles at every age, on average."
    if not found.is_decided:
        return (
            f"{who}: on average farthest from the shuffles at age"
            f" {words.number(found.age)} ({_distance(found, found.largest)}){_before(found.read)}."
            f" {_few(found.num_seeds)}"
        )
    if not found.outside:
        num_ages = len(found.course)
        return f"{who}: not shown to be off the shuffles, on average, at any of {num_ages} ages."
    if found.since is None:
        ages = ", ".join(words.number(age) for age in found.outside)
        return (
            f"{who}: on average off the shuffles at age {ages}, and not to the end"
            f" ({_distance(found, at[found.age])} at age {words.number(found.age)})"
            f"{_before(found.read)}."
        )
    return (
        f"{who}: on average off the shuffles from age {words.number(found.since)} on"
        f" ({_distance(found, at[found.since])} then){_before(found.read)}."
    )


def forgetting_sentence(found: Forgetting, findings: Findings) -> str:
    """What an arm forgot most, and whether that is more than its shuffles did."""
    who = _arm(found.arm, findings)
    if found.reason is not None:
        return f"{who}: forgetting has no figure ({found.reason})."
    if found.largest is None:
        return f"{who}: no kind got worse, on average, from one kept age to the next."
    beside = f"; the shuffles then {words.number(found.shuffled, 3, sign=True)}"
    told = f"{who}: the largest forgetting was {_rise(found.largest)}{beside}."
    if found.num_seeds < FEWEST_SEEDS:
        return f"{told} {_few(found.num_seeds)}"
    sure = f"p {words.p_value(found.p)}"
    if found.is_more:
        return f"{told} That is more than the shuffles ({sure})."
    return f"{told} It is not decided that this is more than the shuffles ({sure})."


def acquisition_sentence(found: Sequence[Acquisition], findings: Findings) -> str:
    """What an arm acquired first, of its acquisitions by age."""
    first = found[0]
    who, own = _arm(first.arm, findings), first.acquired
    if first.num_unseen == first.num_seeds:
        unseen = [one.acquired.kind for one in found if one.num_unseen == one.num_seeds]
        return (
            f"{who}: {', '.join(unseen)} {'was' if len(unseen) == 1 else 'were'} at"
            f" {'its' if len(unseen) == 1 else 'their'} best at age {words.number(own.age)}, the"
            f" first kept: acquired by then, or never."
        )
    told = (
        f"{who}: {own.kind} was acquired first, at age {words.number(own.age)} on average"
        f" (the shuffles: {words.number(first.shuffled)}){_reading(own.read)}."
    )
    if first.num_seeds < FEWEST_SEEDS:
        return f"{told} {_few(first.num_seeds)}"
    sure = f"p {words.p_value(first.p)}"
    if first.is_other:
        return f"{told} That is another age than the shuffles' ({sure})."
    return f"{told} It is not decided that the age differs from the shuffles' ({sure})."


def _arm(name: str, findings: Findings) -> str:
    meaning = words.arm(name, findings)
    return name if meaning == name else f"{name} ({meaning})"


def _rise(rise: Rise) -> str:
    ages = f"from age {words.number(rise.start)} to {words.number(rise.end)}"
    return (
        f"{rise.kind} {words.number(rise.bits, 3, sign=True)} bits/byte {ages}{_reading(rise.read)}"
    )


def _distance(found: Departure, at: Distance) -> str:
    p = "" if at.p is None or not found.is_decided else f", p {words.p_value(at.p)}"
    return f"{words.number(at.estimate, 3, sign=True)} {words.unit(found.unit)}{p}"


def _few(num_seeds: int) -> str:
    seeds = "seed" if num_seeds == 1 else "seeds"
    return f"{num_seeds} {seeds}: shown, not decided."


def _reading(read: Mapping[str, float]) -> str:
    return f", while it read {kinds_read(read)}" if read else ""


def _before(read: Mapping[str, float]) -> str:
    return f"; since the kept age before it had read {kinds_read(read)}" if read else ""


def kinds_read(read: Mapping[str, float]) -> str:
    """`drama 80%, chat 20%`."""
    return ", ".join(f"{kind} {words.percent(share)}" for kind, share in read.items())
