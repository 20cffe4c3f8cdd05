"""Words are never stronger than the record they are made from, whatever the record holds.

A vocabulary of claims, each with what must be so before it may be said; then many records, and
every sentence made of them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence

import fake_study
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.report import turning_words
from upbringing.report.page import badges
from upbringing.report.records import Findings
from upbringing.study.answer import answer
from upbringing.study.poles import Pole, Poles, Washout
from upbringing.study.rules import (
    BOTH_ENDS,
    DEMONSTRATION,
    INTERIOR,
    NONE,
    NOT_MEASURABLE,
    PRIMACY,
    RECENCY,
    SMALLEST_EFFECT,
    UNRESOLVED,
    WINS,
    pairs_for,
)
from upbringing.study.statistics import FEWEST_SEEDS, Contrast, Cost
from upbringing.study.turns import Acquired, Acquisition, Departure, Distance, Forgetting, Rise
from upbringing.study.verdict import Evidence, Verdict, decide

WON = (BOTH_ENDS, PRIMACY, RECENCY, INTERIOR)

# What may be said (a pattern), and when: a function of the verdict.
Allowed = Callable[[Verdict], bool]
CLAIMS: dict[str, tuple[str, Allowed]] = {
    "it moved": (r"\bmoved\b|further toward|\bchanged the mind", lambda v: v.position in WON),
    "no effect": (
        r"does not matter|no effect(?! included)|no difference|made no",
        lambda v: v.position == NONE,
    ),
    "it is specific": (
        r"more than another kind|more than any other kind|\bspecific\b",
        lambda v: "SPECIFIC" in v.qualifiers,
    ),
    "it is no more than a placebo": (
        r"[Aa]nother kind in the same place did as much|placebo",
        lambda v: "PLACEBO-LIKE" in v.qualifiers,
    ),
    "it is beyond dose": (
        r"more than the same learning-rate mass|beyond (its )?dose",
        lambda v: "BEYOND DOSE" in v.qualifiers,
    ),
    "it is dose": (
        r"same learning-rate mass spread out did as much|only (its )?dose",
        lambda v: "DOSE ONLY" in v.qualifiers,
    ),
    "it lasts": (r"still there|\blasts\b|\blasted\b|surviv", lambda v: "LASTING" in v.qualifiers),
    "it faded": (r"\bfaded\b|the shuffle was as far|gone", lambda v: "FADED" in v.qualifiers),
    "it costs": (r"\bmay cost\b|\bcosts? more\b", lambda v: "AT A COST" in v.qualifiers),
    "a demonstration": (r"demonstration", lambda v: v.position == DEMONSTRATION),
    "not measurable": (r"cannot be measured", lambda v: v.position == NOT_MEASURABLE),
    "it matters": (r"\bIt matters", lambda v: v.position in (*WON, UNRESOLVED)),
    "unsettled": (r"do not settle", lambda v: v.position == UNRESOLVED),
}  # fmt: skip


def claims_in(text: str) -> set[str]:
    return {name for name, (pattern, _) in CLAIMS.items() if re.search(pattern, text)}


def too_strong(text: str, verdicts: Sequence[Verdict]) -> set[str]:
    """The claims that a text makes and none of the verdicts it stands beside allows."""
    return {name for name in claims_in(text) if not any(CLAIMS[name][1](v) for v in verdicts)}


def numbers_in(text: str) -> set[str]:
    """The figures of a text, without their signs and without arms' and percentages' names."""
    plain = re.sub(r"\b9[05]%", "", text)
    return set(re.findall(r"\d+(?:\.\d+)?", plain))


def rounded(values: Iterable[float | int | None]) -> set[str]:
    known = [value for value in values if value is not None]
    return {f"{abs(value):.{digits}f}" for value in known for digits in (0, 2, 3)}


# Evidence of all kinds

REASONS = ("F has no figure at 1 of 8 seeds", "one seed has no spread")
MEANS = st.sampled_from([-0.4, 0.0, 0.04, 0.12, 0.35, 0.7])
HALVES = st.sampled_from([0.01, 0.05, 0.2, 0.6])


@st.composite
def contrasts(
    draw: st.DrawFn, arms: Sequence[str], num_seeds: int, measure: str = "style_margin"
) -> list[Contrast]:
    means = {arm: draw(MEANS) for arm in arms}
    found = []
    for first, second in pairs_for(arms):
        estimate, half = means[first] - means[second], draw(HALVES)
        missing = draw(st.integers(0, 11))
        low, high = (None, None) if missing < 2 else (estimate - half, estimate + half)
        found.append(
            Contrast(
                schedule="constant",
                measure=measure,
                name=f"{first}−{second}",
                estimate=None if missing == 0 else estimate,
                low=low,
                high=high,
                low90=None if low is None else estimate - half / 2,
                high90=None if high is None else estimate + half / 2,
                p=None if low is None else 0.01,
                num_seeds=num_seeds,
                unit="pole distances",
                method="t",
                reason=draw(st.sampled_from(REASONS)) if missing < 2 else None,
            )
        )
    return found


@st.composite
def costs(draw: st.DrawFn, arms: Sequence[str], num_seeds: int) -> list[Cost]:
    found = []
    for arm in arms:
        estimate, half = draw(st.sampled_from([-0.02, 0.0, 0.1])), draw(HALVES)
        low, high = (estimate - half, estimate + half) if draw(st.booleans()) else (None, None)
        reason = None if low is not None else "one seed has no spread"
        found.append(
            Cost("constant", arm, estimate, low, high, "bits/byte", num_seeds, "t", reason)
        )
    return found


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    arms = ["S", *sorted(draw(st.sets(st.sampled_from("FMLOD"), min_size=1)))]
    num_seeds = draw(st.integers(2, 12))
    gate = draw(st.sampled_from(["passed", "passed", "passed", "failed", "not run"]))
    poles = Poles(
        Pole("pole-drama", 1.0, ()), Pole("pole-rest", 0.0, ()), 1.0, 0.1, gate,
        "the poles are 2.0 seed SDs apart",
    )  # fmt: skip
    washout = draw(
        st.sampled_from([None, Washout(True, "30% of the recency is left"), Washout(False, "weak")])
    )
    if not pairs_for(arms):
        arms = ["S", "F"]
    return Evidence(
        schedule="constant",
        measure="style_margin",
        block="drama",
        poles=poles,
        contrasts=draw(contrasts(arms, num_seeds)),
        costs=draw(costs([arm for arm in arms if arm != "S"], num_seeds)),
        washout=washout,
        washed=draw(contrasts(arms, num_seeds)) if washout and draw(st.booleans()) else (),
        companions=draw(contrasts(arms, num_seeds, "style_margin_sum")),
    )


def figures_of(one: Evidence) -> set[str]:
    """Every figure that a sentence may hold, as it would be written."""
    of_contrasts = [
        value
        for contrast in (*one.contrasts, *one.washed, *one.companions)
        for value in (
            contrast.estimate, contrast.low, contrast.high, contrast.low90, contrast.high90
        )
    ]  # fmt: skip
    of_costs = [value for cost in one.costs for value in (cost.estimate, cost.low, cost.high)]
    counts = [one.contrasts[0].num_seeds, FEWEST_SEEDS]
    said = [one.poles.reason, *REASONS, *([one.washout.reason] if one.washout else [])]
    return (
        rounded([*of_contrasts, *of_costs, *counts, SMALLEST_EFFECT])
        | {number for text in said for number in numbers_in(text)}
        | {str(count) for count in counts}
    )


# Verdicts


@given(evidence())
def test_a_verdict_says_no_more_than_its_position_and_qualifiers(one: Evidence) -> None:
    verdict = decide(one)
    assert too_strong(verdict.sentence, [verdict]) == set()
    if verdict.position in (DEMONSTRATION, NOT_MEASURABLE):
        assert verdict.qualifiers == ()


@given(evidence())
def test_a_position_stands_on_every_contrast_it_names(one: Evidence) -> None:
    """Worked out again from the records alone, by SCIENCE's rules."""
    verdict = decide(one)
    by_name = {c.name: c for both in one.contrasts for c in (both, both.reversed())}
    enough = one.contrasts[0].num_seeds >= FEWEST_SEEDS and one.poles.gate == "passed"
    if verdict.position in WON:
        assert enough
        for name in WINS[verdict.position]:
            low, estimate = by_name[name].low, by_name[name].estimate
            assert low is not None
            assert estimate is not None
            assert low > 0
            assert estimate >= SMALLEST_EFFECT
    if verdict.position == NONE:
        assert enough
        for name in ("F−S", "M−S", "L−S"):
            low90, high90 = by_name[name].low90, by_name[name].high90
            assert low90 is not None
            assert high90 is not None
            assert -SMALLEST_EFFECT < low90 <= high90 < SMALLEST_EFFECT
    washed = {c.name: c for both in one.washed for c in (both, both.reversed())}
    if "LASTING" in verdict.qualifiers:
        assert one.washout is not None
        assert one.washout.valid
        assert any((contrast.low or 0) > 0 for contrast in washed.values())


@given(evidence())
def test_that_it_matters_is_said_where_a_contrast_is_sure(one: Evidence) -> None:
    """Also without a place that wins; and then the sentence says that none does."""
    verdict = decide(one)
    if "it matters" in claims_in(verdict.sentence):
        assert any(
            contrast.low is not None and contrast.low > 0 and contrast.estimate is not None
            and contrast.estimate >= SMALLEST_EFFECT
            for both in one.contrasts
            for contrast in (both, both.reversed())
            if set(contrast.name.split("−")) <= set("FMLS")
        )  # fmt: skip
        assert verdict.position in WON or "no place wins" in verdict.sentence


@given(evidence())
def test_every_figure_of_a_verdict_is_of_its_records(one: Evidence) -> None:
    verdict = decide(one)
    assert numbers_in(verdict.sentence) <= figures_of(one)
    assert numbers_in(verdict.reason) <= figures_of(one)


WINNING = {
    BOTH_ENDS: {"F": 0.5, "M": 0.0, "L": 0.5, "S": 0.0},
    PRIMACY: {"F": 0.5, "M": 0.0, "L": 0.0, "S": 0.0, "O": 0.0, "D": 0.0},
    RECENCY: {"F": 0.0, "M": 0.0, "L": 0.5, "S": 0.0},
    INTERIOR: {"F": 0.0, "M": 0.5, "L": 0.0, "S": 0.0},
    NONE: {"F": 0.0, "M": 0.0, "L": 0.0, "S": 0.0},
    UNRESOLVED: {"F": 0.095, "M": 0.0, "L": 0.0, "S": 0.0},
}
PASSED = Poles(Pole("a", 1.0, ()), Pole("b", 0.0, ()), 1.0, 0.1, "passed", "fine")


def sure(means: dict[str, float], num_seeds: int = 8) -> Evidence:
    """Evidence with narrow intervals."""
    found = [
        Contrast(
            schedule="constant", measure="style_margin", name=f"{a}−{b}",
            estimate=(e := means[a] - means[b]), low=e - 0.02, high=e + 0.02,
            low90=e - 0.01, high90=e + 0.01, p=0.01, num_seeds=num_seeds,
            unit="pole distances", method="t",
        )
        for a, b in pairs_for(means)
    ]  # fmt: skip
    return Evidence("constant", "style_margin", "drama", PASSED, found)


@pytest.mark.parametrize("position", WINNING)
def test_what_is_so_is_said(position: str) -> None:
    """The vocabulary is that of the sentences: a claim that holds is found in them."""
    verdict = decide(sure(WINNING[position]))
    assert verdict.position == position
    claim = {NONE: "no effect", UNRESOLVED: "unsettled"}.get(position, "it moved")
    assert claim in claims_in(verdict.sentence)
    few = decide(sure(WINNING[position], num_seeds=FEWEST_SEEDS - 1))
    assert claims_in(few.sentence) == {"a demonstration"}
    closed = dataclasses.replace(
        sure(WINNING[position]), poles=dataclasses.replace(PASSED, gate="failed")
    )
    assert claims_in(decide(closed).sentence) == {"not measurable"}


def test_every_qualifier_is_said() -> None:
    one = sure(WINNING[PRIMACY])
    lasting = dataclasses.replace(one, washout=Washout(True, "fine"), washed=one.contrasts)
    said = claims_in(decide(lasting).sentence)
    assert {"it is specific", "it is beyond dose", "it lasts"} <= said
    means = WINNING[PRIMACY] | {"O": 0.5, "D": 0.5}
    gone = dataclasses.replace(
        sure(means), washout=Washout(True, "fine"), washed=sure(WINNING[NONE]).contrasts,
        costs=[Cost("constant", "F", 0.1, 0.05, 0.15, "bits/byte", 8, "t")],
    )  # fmt: skip
    said = claims_in(decide(gone).sentence)
    wanted = {"it is no more than a placebo", "it is dose", "it faded", "it costs"}
    assert wanted <= said


# Answers


@given(st.lists(evidence(), min_size=1, max_size=2), st.lists(st.just("F-constant-s1"), max_size=1))
def test_an_answer_says_no_more_than_its_verdicts(
    many: list[Evidence], diverged: list[str]
) -> None:
    found = [
        dataclasses.replace(
            one,
            schedule=name,
            contrasts=[dataclasses.replace(c, schedule=name) for c in one.contrasts],
            costs=[dataclasses.replace(c, schedule=name) for c in one.costs],
        )
        for one, name in zip(many, ("constant", "steep"), strict=False)
    ]
    verdicts = [decide(one) for one in found]
    lines = answer(
        block="drama",
        contrasts=[c for one in found for c in one.contrasts],
        verdicts=verdicts,
        costs=[cost for one in found for cost in one.costs],
        diverged=diverged,
    )
    allowed = set.union(*(figures_of(one) for one in found)) | {str(len(diverged)), "1"}
    for line in lines:
        beside = [v for v in verdicts if line.startswith(v.schedule.capitalize())] or verdicts
        assert too_strong(line, beside) == set()
        assert numbers_in(line) <= allowed
        if "left the mind" in line:  # an estimate never stands alone, and its words are its sign
            assert "−" not in line
            assert line.count("left the mind") <= line.count("(95%") + line.count("(no interval")
    for verdict in verdicts:
        is_said = any(verdict.sentence in line for line in lines)
        assert is_said


@given(contrasts(["F", "M", "L", "S"], 8))
def test_an_interval_that_holds_zero_says_so(found: list[Contrast]) -> None:
    one = dataclasses.replace(sure(WINNING[NONE]), contrasts=found)
    (line, *_) = answer(block="drama", contrasts=found, verdicts=[decide(one)], costs=[])
    for clause, name in zip(line.split("; "), ("F−S", "M−S", "L−S"), strict=True):
        contrast = next(c for c in found if c.name == name)
        has_zero = contrast.low is not None and contrast.low <= 0 <= (contrast.high or 0)
        assert ("no effect included" in clause) == has_zero
        is_little = contrast.estimate is not None and abs(contrast.estimate) < SMALLEST_EFFECT
        assert ("that counts as an effect" in clause) == is_little


# The page


def findings_with(verdicts: Sequence[Verdict], *, is_demonstration: bool) -> Findings:
    said = fake_study.findings() | {
        "verdicts": [dataclasses.asdict(verdict) for verdict in verdicts],
        "is_demonstration": is_demonstration,
    }
    return Findings.model_validate(said)


@given(evidence())
def test_a_badge_is_the_verdict(one: Evidence) -> None:
    verdict = decide(one)
    is_few = one.contrasts[0].num_seeds < FEWEST_SEEDS
    said = badges(findings_with([verdict], is_demonstration=is_few))
    for badge in said:
        if is_few:
            assert "no verdict" in badge
            assert not any(position.lower() in badge for position in (*WON, NONE.lower()))
        else:
            assert verdict.position.lower() in badge
            assert all(qualifier.lower() in badge for qualifier in verdict.qualifiers)


# Turning points

FAKE = findings_with([], is_demonstration=True)
FIGURES = st.sampled_from([None, -0.31, 0.0, 0.42])
PS = st.sampled_from([None, 0.008, 0.05, 0.06, 0.9])
READ = st.sampled_from([{}, {"drama": 1.0}, {"drama": 0.25, "chat": 0.75}])
SEEDS = st.integers(2, 12)
AGES = (0.12, 0.5, 1.0)


@st.composite
def departures(draw: st.DrawFn) -> Departure:
    course = []
    for age in AGES:
        estimate = draw(FIGURES)
        course.append(Distance(age, estimate, None if estimate is None else draw(PS)))
    return Departure(
        "constant", "F", "style_margin", "drama–technical", "bits/byte", tuple(course),
        draw(SEEDS), draw(READ),
    )  # fmt: skip


@st.composite
def forgettings(draw: st.DrawFn) -> Forgetting:
    if draw(st.integers(0, 3)) == 0:
        return Forgetting(
            "constant",
            "F",
            None,
            None,
            None,
            draw(SEEDS),
            draw(st.sampled_from([None, REASONS[0]])),
        )
    rise = Rise("chat", 0.12, 0.5, draw(st.sampled_from([0.02, 0.42])), draw(READ))
    return Forgetting("constant", "F", rise, draw(FIGURES), draw(PS), draw(SEEDS))


@st.composite
def acquisitions(draw: st.DrawFn) -> list[Acquisition]:
    num_seeds = draw(SEEDS)
    ages = sorted(draw(st.lists(st.sampled_from([0.12, 0.31, 0.77]), min_size=1, max_size=3)))
    return [
        Acquisition(
            "constant",
            "F",
            Acquired(kind, age, draw(st.booleans()), draw(READ)),
            draw(st.sampled_from([None, 0.5])),
            draw(PS),
            draw(st.integers(0, num_seeds)),
            num_seeds,
        )
        for kind, age in zip(("drama", "chat", "report"), ages, strict=False)
    ]


DECIDED = r"\bon average off the shuffles (from|at) age|That is more|That is another age"


def turn_numbers(num_seeds: int, read: Iterable[float], *values: float | None) -> set[str]:
    shares = {f"{100 * share:.0f}" for share in read}
    ps = {"0.008", "0.05", "0.06", "0.9"}
    return rounded(values) | shares | ps | {str(num_seeds)}


@given(departures())
def test_a_departure_is_said_where_it_is_decided(one: Departure) -> None:
    said = turning_words.departure_sentence(one, FAKE)
    if re.search(DECIDED, said):
        assert one.num_seeds >= FEWEST_SEEDS
        assert any(at.p is not None and at.p <= 0.05 for at in one.course)
    if re.search(r"from age [\d.]+ on", said):
        after = [at for at in one.course if at.age >= (one.since or 2)]
        assert after
        assert all(at.p is not None and at.p <= 0.05 for at in after)
        assert len({(at.estimate or 0) > 0 for at in after}) == 1
    figures = [value for at in one.course for value in (at.age, at.estimate)]
    allowed = turn_numbers(one.num_seeds, one.read.values(), *figures, len(AGES))
    assert numbers_in(said) <= allowed | {str(len(AGES))}
    assert (one.num_seeds < FEWEST_SEEDS) <= (
        "shown, not decided" in said
        or "no age has a figure" in said
        or all(not at.estimate for at in one.course)
    )


@given(forgettings())
def test_forgetting_is_more_where_it_is_decided(one: Forgetting) -> None:
    said = turning_words.forgetting_sentence(one, FAKE)
    if re.search(DECIDED, said):
        assert one.num_seeds >= FEWEST_SEEDS
        assert one.p is not None
        assert one.p <= 0.05
        assert one.largest is not None
        assert one.shuffled is not None
        assert one.largest.bits > one.shuffled
    if one.largest is None:
        assert "forgetting was" not in said
        assert (one.reason is None) == ("no kind got worse" in said)
    elif one.num_seeds < FEWEST_SEEDS:
        assert "shown, not decided" in said
    read = one.largest.read.values() if one.largest else ()
    values = [0.12, 0.5, one.shuffled, one.largest.bits if one.largest else None]
    allowed = turn_numbers(one.num_seeds, read, *values) | numbers_in(one.reason or "")
    assert numbers_in(said) <= allowed


@given(acquisitions())
def test_acquisition_is_another_age_where_it_is_decided(many: list[Acquisition]) -> None:
    said = turning_words.acquisition_sentence(many, FAKE)
    first = many[0]
    if re.search(DECIDED, said):
        assert first.num_seeds >= FEWEST_SEEDS
        assert first.p is not None
        assert first.p <= 0.05
    if "acquired first" in said:
        assert first.num_unseen < first.num_seeds
        assert first.num_seeds >= FEWEST_SEEDS or "shown, not decided" in said
    values = [first.acquired.age, first.shuffled]
    allowed = turn_numbers(first.num_seeds, first.acquired.read.values(), *values)
    assert numbers_in(said) <= allowed
