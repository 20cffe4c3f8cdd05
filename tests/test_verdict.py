"""The rule table, its order, the yardsticks, the words; and 1,000 simulated studies through it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from upbringing.identity import generator
from upbringing.study.answer import answer
from upbringing.study.half_life import HalfLife
from upbringing.study.poles import (
    Gate,
    Pole,
    Poles,
    Washout,
    examine_poles,
    examine_washout,
    is_measurable,
)
from upbringing.study.preregistration import Answered
from upbringing.study.rules import POSITION_PAIRS, pairs_for
from upbringing.study.statistics import Contrast, Cost, binomial_lower_bound, contrasts
from upbringing.study.verdict import Evidence, Verdict, decide, is_equivalent, is_positive

PASSED = Poles(Pole("pole-drama", 1.0, ()), Pole("pole-rest", 0.0, ()), 1.0, 0.1, "passed", "fine")
WINS = ["BOTH ENDS", "PRIMACY", "RECENCY", "INTERIOR"]


def contrast(name: str, estimate: float, half: float = 0.05, *, num_seeds: int = 8) -> Contrast:
    """A contrast whose joint interval is ±half and whose 90% interval is ±half/2."""
    return Contrast(
        "constant", "style_margin", name, estimate,
        estimate - half, estimate + half, estimate - half / 2, estimate + half / 2,
        0.01, num_seeds, "pole distances", "t",
    )  # fmt: skip


def from_means(half: float = 0.05, **means: float) -> list[Contrast]:
    """The contrasts of arms with these means."""
    return [contrast(f"{a}−{b}", means[a] - means[b], half) for a, b in pairs_for(means)]


def judged(found: list[Contrast], **more: object) -> Verdict:
    evidence = Evidence("constant", "style_margin", "drama", PASSED, found)
    return decide(dataclasses.replace(evidence, **more))


def cost(arm: str, high: float | None) -> Cost:
    return Cost("constant", arm, 0.01, 0.0, high, "bits/byte", 8, "t")


# The rules


@pytest.mark.parametrize(
    ("means", "position"),
    [
        ({"F": 0.3, "M": 0.0, "L": 0.3, "S": 0.0}, "BOTH ENDS"),
        ({"F": 0.3, "M": 0.0, "L": 0.0, "S": 0.0}, "PRIMACY"),
        ({"F": 0.0, "M": 0.0, "L": 0.3, "S": 0.0}, "RECENCY"),
        ({"F": 0.0, "M": 0.3, "L": 0.0, "S": 0.0}, "INTERIOR"),
        ({"F": 0.03, "M": -0.04, "L": 0.0, "S": 0.0}, "NONE"),
        ({"F": 0.3, "M": 0.3, "L": 0.3, "S": 0.0}, "UNRESOLVED"),
        ({"F": -0.3, "M": 0.0, "L": 0.0, "S": 0.0}, "UNRESOLVED"),
        ({"F": 0.09, "M": 0.0, "L": 0.0, "S": 0.0}, "UNRESOLVED"),  # sure, but under δ
    ],
)
def test_positions(means: dict[str, float], position: str):
    assert judged(from_means(**means)).position == position


def test_the_first_rule_that_holds_wins():
    # F over L, and both over the rest: BOTH ENDS and PRIMACY hold, BOTH ENDS stands first.
    assert judged(from_means(F=0.6, M=0.0, L=0.3, S=0.0)).position == "BOTH ENDS"
    assert judged(from_means(F=0.3, M=0.0, L=0.6, S=0.0)).position == "BOTH ENDS"
    assert judged(from_means(F=0.6, M=0.0, L=0.05, S=0.0)).position == "PRIMACY"


@pytest.mark.parametrize("missing", ["F−S", "F−M", "F−L"])
def test_each_named_contrast_is_needed(missing: str):
    found = from_means(F=0.3, M=0.0, L=0.0, S=0.0)
    weak = [contrast(c.name, c.estimate, 0.5) if c.name == missing else c for c in found]
    absent = [c for c in found if c.name != missing]
    assert judged(found).position == "PRIMACY"
    assert judged(weak).position == "UNRESOLVED"
    verdict = judged(absent)
    assert verdict.position == "UNRESOLVED"
    assert f"{missing} not tested" in verdict.reason


def test_borders_of_positive_and_equivalent():
    assert is_positive(contrast("F−S", 0.10, 0.09))
    assert not is_positive(contrast("F−S", 0.10, 0.10))  # the bound must lie above zero
    assert not is_positive(contrast("F−S", 0.0999, 0.01))
    assert is_equivalent(contrast("F−S", 0.0, 0.19))
    assert not is_equivalent(contrast("F−S", 0.0, 0.20))
    assert not is_equivalent(contrast("F−S", 0.06, 0.09))
    assert not is_positive(None)
    assert not is_equivalent(None)


def test_a_diverged_arm_has_no_figure_and_no_verdict():
    values = {arm: generator(0, "diverged", arm).standard_normal(8) for arm in "FMLS"}
    values["F"][3] = np.nan
    verdict = judged(list(contrasts(values, POSITION_PAIRS, seed=0)))
    assert verdict.position == "UNRESOLVED"
    assert "F−S has no figure (F has no figure at 1 of 8 seeds)" in verdict.reason


def test_few_seeds_are_a_demonstration_whatever_they_show():
    found = [dataclasses.replace(c, num_seeds=3) for c in from_means(F=0.9, M=0.0, L=0.0, S=0.0)]
    verdict = judged(found)
    assert verdict.position == "DEMONSTRATION"
    assert verdict.qualifiers == ()
    assert verdict.sentence == "Three seeds: a demonstration, no verdict."
    five = [dataclasses.replace(c, num_seeds=5) for c in found]
    six = [dataclasses.replace(c, num_seeds=6) for c in found]
    assert [judged(five).position, judged(six).position] == ["DEMONSTRATION", "PRIMACY"]


@pytest.mark.parametrize("gate", ["failed", "not run"])
def test_a_closed_gate_is_not_measurable(gate: str):
    poles = dataclasses.replace(PASSED, gate=gate, reason="the poles are 2.0 seed SDs apart")
    verdict = judged(from_means(F=0.9, M=0.0, L=0.0, S=0.0), poles=poles)
    assert (verdict.position, verdict.reason) == ("NOT MEASURABLE", poles.reason)
    assert "2.0 seed SDs apart" in verdict.sentence


# The qualifiers


def test_without_controls_nothing_is_guessed():
    verdict = judged(from_means(F=0.3, M=0.0, L=0.0, S=0.0))
    assert [q.split(":")[0] for q in verdict.qualifiers] == [
        "specificity not tested", "dose not tested", "lasting not tested", "cost not tested",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("control", "qualifier"), [(0.0, "SPECIFIC"), (0.3, "PLACEBO-LIKE"), (0.2, "specificity")]
)
def test_specificity(control: float, qualifier: str):
    verdict = judged(from_means(half=0.1, F=0.3, M=0.0, L=0.0, S=0.0, O=control))
    assert verdict.qualifiers[0].split(" unresolved")[0] == qualifier


@pytest.mark.parametrize(
    ("control", "qualifier"), [(0.0, "BEYOND DOSE"), (0.3, "DOSE ONLY"), (0.2, "dose")]
)
def test_dose(control: float, qualifier: str):
    verdict = judged(from_means(half=0.1, F=0.3, M=0.0, L=0.0, S=0.0, D=control))
    assert verdict.qualifiers[1].split(" unresolved")[0] == qualifier


def test_dose_is_asked_of_the_first_place_alone():
    verdict = judged(from_means(F=0.0, M=0.0, L=0.3, S=0.0, D=0.0))
    assert verdict.position == "RECENCY"
    assert not any("dose" in q.lower() for q in verdict.qualifiers)


@pytest.mark.parametrize(
    ("after", "valid", "qualifier"),
    [
        (0.3, True, "LASTING"),
        (0.0, True, "FADED"),
        (0.1, True, "lasting unresolved: F−S 0.10 [−0.02, 0.22]"),
        (0.3, False, "lasting not tested: washout too weak: 80% of the recency is left"),
    ],
)
def test_lasting(after: float, valid: bool, qualifier: str):
    washout = Washout(valid, "washout too weak: 80% of the recency is left")
    verdict = judged(
        from_means(F=0.3, M=0.0, L=0.0, S=0.0),
        washout=washout,
        washed=[contrast("F−S", after, 0.12)],
    )
    assert qualifier in verdict.qualifiers


def test_both_ends_qualify_together():
    found = from_means(F=0.3, M=0.0, L=0.3, S=0.0)
    washed = [contrast("F−S", 0.3), contrast("L−S", 0.0)]
    more = {"washout": Washout(True, ""), "costs": [cost("F", 0.01), cost("L", 0.09)]}
    verdict = judged(found, washed=washed, **more)
    assert any(q.startswith("lasting unresolved") for q in verdict.qualifiers)
    assert "AT A COST" in verdict.qualifiers
    both = judged(found, washed=[washed[0], contrast("L−S", 0.3)], **more)
    assert "LASTING" in both.qualifiers


@pytest.mark.parametrize(("high", "costly"), [(0.03, False), (0.031, True)])
def test_cost_is_told_by_its_upper_bound(high: float, costly: bool):
    verdict = judged(from_means(F=0.3, M=0.0, L=0.0, S=0.0), costs=[cost("F", high)])
    assert ("AT A COST" in verdict.qualifiers) == costly
    assert "cost not tested" not in verdict.qualifiers


# The yardsticks


def ladder(*means: float, num_seeds: int = 6, spread: float = 0.1) -> dict[str, np.ndarray]:
    arms = ["pole-rest", "mix-25", "mix-50", "mix-75", "pole-drama"]
    noise = generator(0, "ladder", str(num_seeds)).standard_normal((5, num_seeds))
    noise -= noise.mean(axis=1, keepdims=True)
    return {arm: mean + spread * row for arm, mean, row in zip(arms, means, noise, strict=True)}


@pytest.mark.parametrize(
    ("values", "gate", "reason"),
    [
        (ladder(0, 0.3, 0.5, 0.8, 1), "passed", "the ladder rises, 6 seeds"),
        (ladder(0, 0.3, 0.2, 0.8, 1), "failed", "no rise mix-25 → mix-50"),
        (ladder(0, 0.3, 0.5, 0.8, 1, spread=0.5), "failed", "the gate needs 3"),
        (ladder(1, 0.8, 0.5, 0.3, 0), "failed", "the wrong way round"),
        (ladder(0, 0.3, 0.5, 0.8, 1, num_seeds=5), "not run", "5 seeds, the gate needs 6"),
        (ladder(1, 0.8, 0.5, 0.3, 0, num_seeds=3), "failed", "the wrong way round"),
    ],
)
def test_gate(values: dict[str, np.ndarray], gate: str, reason: str):
    poles = examine_poles("pole-drama", "pole-rest", values)
    assert poles.gate == gate
    assert reason in poles.reason
    assert poles.distance == pytest.approx(poles.positive.mean - poles.negative.mean)


def test_poles_without_a_ladder_or_with_a_lost_run():
    values = ladder(0, 0.3, 0.5, 0.8, 1)
    bare = examine_poles(
        "pole-drama", "pole-rest", {k: v for k, v in values.items() if "pole" in k}
    )
    assert (bare.gate, bare.reason[:9]) == ("not run", "no ladder")
    values["pole-drama"][2] = np.inf
    lost = examine_poles("pole-drama", "pole-rest", values)
    assert (lost.gate, lost.distance, lost.positive.mean) == ("failed", None, None)
    assert lost.reason == "a run of pole-drama diverged"
    json.dumps(dataclasses.asdict(lost), allow_nan=False)


@pytest.mark.parametrize(
    ("gate", "num_seeds", "measurable"),
    [
        ("passed", 6, True),
        ("failed", 6, False),
        ("failed", 3, False),
        ("not run", 6, False),
        ("not run", 5, True),
    ],
)
def test_what_is_measurable_is_what_has_a_verdict(gate: Gate, num_seeds: int, measurable: bool):
    poles = dataclasses.replace(PASSED, gate=gate)
    assert is_measurable(poles, num_seeds) == measurable
    few = [contrast("F−S", 0.3, num_seeds=num_seeds)]
    assert (judged(few, poles=poles).position != "NOT MEASURABLE") == measurable


@pytest.mark.parametrize(
    ("before", "after", "valid"), [(0.4, 0.2, True), (0.4, 0.3, False), (0.04, 0.0, False)]
)
def test_washout_must_halve_the_recency(before: float, after: float, valid: bool):
    assert examine_washout(contrast("L−S", before), contrast("L−S", after)).valid == valid


def test_a_washout_is_told_by_what_it_was_judged_on():
    """At a constant rate alone: under another, drama last need not lead."""
    told = examine_washout(contrast("L−S", 0.4), contrast("L−S", 0.1)).reason
    assert told == "25% of L−S at constant rate is left"


# The words


def test_sentences_say_what_the_records_say():
    verdict = judged(from_means(F=0.31, M=0.0, L=0.0, S=0.0, O=0.0), costs=[cost("F", 0.012)])
    assert verdict.sentence == (
        "Read first, drama moved the mind further toward drama than shuffled "
        "(by 0.31 [0.26, 0.36] pole distances) and than read in the middle or last. "
        "It did so more than another kind in the same place. "
        "Dose not tested: the same learning-rate mass without the place was not raised. "
        "Lasting not tested: no washout."
    )


def test_answer_of_a_demonstration():
    shown = [
        contrast("F−S", -0.12, 0.3, num_seeds=3),
        contrast("L−S", 0.31, 0.2, num_seeds=3),
        contrast("F−L", -0.43, 0.2, num_seeds=3),
        dataclasses.replace(contrast("F−S", 9.9), measure="bits_per_byte"),
    ]
    verdict = judged(shown)
    lines = answer(
        block="drama",
        contrasts=shown,
        verdicts=[verdict],
        costs=[dataclasses.replace(cost("L", 0.05), estimate=0.031, low=-0.001)],
        diverged=["F-steep-s2"],
    )
    assert lines == [
        (
            "Constant rate, against the same scenes shuffled: "
            "drama first left the mind 0.12 farther from drama "
            "(95%: 0.42 farther to 0.18 nearer, no effect included); "
            "drama last left the mind 0.31 nearer to drama (95%: 0.11 to 0.51)."
        ),
        (
            "Constant rate, what it cost in held-out bits per byte: "
            "drama last +0.031 (95%: −0.001 to +0.050, zero included)."
        ),
        "1 run diverged, so the arm has no figure: F-steep-s2.",
        "The unit is the distance between minds raised on one pole only.",
        "Three seeds: a demonstration, no verdict.",
    ]


@pytest.mark.parametrize(
    ("estimate", "half", "told"),
    [
        (-0.526, 0.022, "0.53 farther from drama (95%: 0.50 to 0.55)"),
        (0.163, 0.139, "0.16 nearer to drama (95%: 0.02 to 0.30)"),
        (0.1, 0.2, "0.10 nearer to drama (95%: 0.10 farther to 0.30 nearer, no effect included)"),
        (
            0.076,
            0.025,
            "0.08 nearer to drama, less than the 0.10 that counts as an effect (95%: 0.05 to 0.10)",
        ),
        (
            -0.0999,
            0.05,
            (
                "0.10 farther from drama, just under the 0.10 that counts as an effect "
                "(95%: 0.05 to 0.15)"
            ),
        ),
    ],
)
def test_estimate_and_interval_have_one_sign(estimate: float, half: float, told: str):
    shown = [contrast("F−S", estimate, half, num_seeds=3)]
    line = answer(block="drama", contrasts=shown, verdicts=[judged(shown)], costs=[])[0]
    assert line.endswith(f": drama first left the mind {told}.")


def test_answer_states_no_distance_that_is_not_measurable():
    shown = from_means(F=0.31, M=0.0, L=0.0, S=0.0)
    poles = dataclasses.replace(PASSED, gate="failed", reason="the poles are 1.0 seed SDs apart")
    lines = answer(block="drama", contrasts=shown, verdicts=[judged(shown, poles=poles)], costs=[])
    assert len(lines) == 1
    assert lines[0].startswith("No verdict: the poles are 1.0 seed SDs apart")


def test_answer_gives_each_schedule_its_verdict():
    first = from_means(F=0.31, M=0.0, L=0.0, S=0.0)
    steep = [dataclasses.replace(c, schedule="steep") for c in from_means(F=0, M=0, L=0.3, S=0)]
    verdicts = [judged(first), judged(steep, schedule="steep")]
    lines = answer(block="drama", contrasts=[*first, *steep], verdicts=verdicts, costs=[])
    assert [line.split(":")[0] for line in lines] == [
        "Constant rate, against the same scenes shuffled",
        "Constant rate, PRIMACY",
        "Steep rate, against the same scenes shuffled",
        "Steep rate, RECENCY",
        "The unit is the distance between minds raised on one pole only.",
    ]


# Several axes


def test_a_verdict_on_another_axis_names_it():
    scenic = {"axis": "dry–scenic", "toward": "scenic"}
    won = judged(from_means(F=0.31, M=0.0, L=0.0, S=0.0), **scenic)
    assert won.sentence.startswith(
        "Read first, drama moved the mind further toward scenic, on dry–scenic, than shuffled "
    )
    assert (won.axis, won.toward) == ("dry–scenic", "scenic")
    nothing = judged(from_means(F=0.0, M=0.0, L=0.0, S=0.0), **scenic)
    assert nothing.sentence.endswith("of the shuffled one on average on dry–scenic.")
    open_ = judged(from_means(half=0.9, F=0.05, M=0.0, L=0.0, S=0.0), **scenic)
    assert open_.sentence == (
        "8 seeds do not settle whether it matters when drama is read on dry–scenic."
    )
    shut = dataclasses.replace(PASSED, gate="failed", reason="too close")
    assert (
        "No verdict on dry–scenic: too close"
        in judged([contrast("F−S", 0)], poles=shut, **scenic).sentence
    )


def test_the_axis_of_the_block_itself_is_not_named():
    verdict = judged(from_means(F=0.31, M=0.0, L=0.0, S=0.0), axis="drama–technical")
    assert "drama–technical" not in verdict.sentence
    assert verdict.axis == "drama–technical"


def test_answer_tells_axes_apart():
    own = [dataclasses.replace(c, axis="d–t") for c in from_means(F=0.31, M=0.0, L=0.0, S=0.0)]
    other = [dataclasses.replace(c, axis="dry–scenic") for c in from_means(F=0, M=0, L=0.4, S=0)]
    verdicts = [
        judged(own, axis="d–t"),
        judged(other, axis="dry–scenic", toward="scenic"),
    ]
    lines = answer(
        block="drama", contrasts=[*own, *other], verdicts=verdicts, costs=[cost("F", 0.1)]
    )
    assert [line.split(":")[0] for line in lines] == [
        "Constant rate, against the same scenes shuffled",
        "Constant rate, against the same scenes shuffled on dry–scenic",
        "Constant rate, what it cost in held-out bits per byte",
        "Constant rate, PRIMACY",
        "Constant rate, RECENCY",
        "The unit is the distance between minds raised on one pole only.",
    ]
    assert "drama last left the mind 0.40 nearer to scenic" in lines[1]
    assert "drama first left the mind 0.31 nearer to drama" in lines[0]


# What is sure without a verdict


def test_a_sure_difference_is_not_called_unsettled():
    verdict = judged(from_means(F=-0.3, M=0.0, L=0.0, S=0.0))
    assert verdict.position == "UNRESOLVED"
    assert verdict.sentence == (
        "It matters when drama is read (first against shuffled −0.30 [−0.35, −0.25]; first against "
        "in the middle −0.30 [−0.35, −0.25]; first against last −0.30 [−0.35, −0.25] pole "
        "distances), but no place wins against all others."
    )


def test_half_lives_hypotheses_and_deviations_are_told():
    found = from_means(F=0.31, M=0.0, L=0.0, S=0.0)
    faded = HalfLife(
        "constant", "d–t", "F−S", "fades", 2100.4, 1500.0, None, 9000.0, "tokens", 8, "", ""
    )
    lives = [
        faded,
        dataclasses.replace(faded, name="M−S", answer="no effect to fade", estimate=None),
        dataclasses.replace(faded, name="L−S", answer="longer than measured", estimate=None),
        dataclasses.replace(faded, schedule="steep"),
    ]
    faded_sooner = dataclasses.replace(
        faded, answer="shorter than the first washout age", estimate=None, low=None, high=900.0
    )
    turned = dataclasses.replace(
        faded, name="L−S", answer="turned to the other side", estimate=None, low=None,
        reason="L−S lies surely below zero after 900 tokens of washout",
    )  # fmt: skip
    lives += [faded_sooner, turned]
    lines = answer(
        block="drama",
        contrasts=found,
        verdicts=[judged(found)],
        costs=[],
        half_lives=lives,
        hypotheses=[Answered("it lasts", "held", "PRIMACY expected, found PRIMACY")],
        deviations=["torch was 1.0"],
    )
    assert lines[2:] == [
        (
            "Constant rate, on d–t: of what drama first left, half is gone after 2,100 tokens of "
            "washout (95%: 1,500 to more than 9,000)."
        ),
        (
            "Constant rate, on d–t: of what drama last left, more than half outlives 9,000 tokens "
            "of washout (95%: a half-life of 1,500 or more)."
        ),
        (
            "Constant rate, on d–t: of what drama first left, less than half is left after 900 "
            "tokens of washout, the shortest measured."
        ),
        (
            "Constant rate, on d–t: what drama last left turned to the other side (L−S lies surely "
            "below zero after 900 tokens of washout), so it has no half-life."
        ),
        "The unit is the distance between minds raised on one pole only.",
        "Hypothesis held: it lasts (PRIMACY expected, found PRIMACY).",
        "Deviation from what was written down: torch was 1.0.",
    ]


# The whole, on simulated studies


def positions(seed_sd: float, effect: float, *, num_studies: int = 1000) -> list[str]:
    """Verdicts of studies with 8 seeds, a seed effect common to the arms, F raised by `effect`."""
    draws = generator(0, "test verdict", f"{seed_sd}/{effect}").standard_normal
    values_NAS = seed_sd * draws((num_studies, 4, 8)) + 0.1 * draws((num_studies, 1, 8))
    values_NAS[:, 0] += effect
    return [
        judged(list(contrasts(dict(zip("FMLS", v, strict=True)), POSITION_PAIRS, seed=0))).position
        for v in values_NAS
    ]


@pytest.mark.parametrize("seed_sd", [0.02, 0.06, 0.15])
def test_without_effect_no_place_wins(seed_sd: float):
    found = positions(seed_sd, 0.0)
    assert binomial_lower_bound(sum(p in WINS for p in found), len(found)) <= 0.05


@pytest.mark.parametrize("seed_sd", [0.06, 0.15])
def test_a_primacy_of_three_seed_sds_is_found(seed_sd: float):
    found = positions(seed_sd, 3 * seed_sd)
    assert found.count("PRIMACY") >= 0.80 * len(found)


def test_no_effect_is_said_where_seeds_are_quiet_enough():
    assert positions(0.02, 0.0, num_studies=200).count("NONE") > 180
    assert positions(0.02, 0.06, num_studies=200).count("PRIMACY") == 0  # under δ: not claimed


def test_style_margins_that_disagree_qualify_a_win():
    found = from_means(F=0.31, M=0.0, L=0.0, S=0.0)
    by_sum = [dataclasses.replace(c, measure="style_margin_sum") for c in found]
    by_pmi = [
        dataclasses.replace(c, measure="style_margin_pmi", estimate=-0.01)
        if c.name == "F−S"
        else dataclasses.replace(c, measure="style_margin_pmi")
        for c in found
    ]
    agreed = judged(found, companions=by_sum)
    assert (agreed.position, "in doubt" in agreed.sentence) == ("PRIMACY", False)
    doubted = judged(found, companions=[*by_sum, *by_pmi])
    assert "MARGINS DISAGREE: F−S by style_margin_pmi" in doubted.qualifiers
    assert "the direction is in doubt" in doubted.sentence
