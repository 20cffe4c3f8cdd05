from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus, Tokens
from upbringing.errors import InputError, SettingsError
from upbringing.order import NO_LEVERS, Levers, Rows, compile_order, parse_curriculum
from upbringing.training import (
    CURVES,
    Life,
    Priority,
    Said,
    Segment,
    Timeline,
    curve_label,
    lr_share,
)
from upbringing.training.levers import Steps, plan_steps
from upbringing.training.schedules import read_curve, say_curve

NAMED = sorted(set(CURVES) - {"table"})


@st.composite
def lives(draw: st.DrawFn) -> tuple[int, Timeline]:
    """A number of rows, and a timeline whose segments begin at some of them."""
    num_rows = draw(st.integers(1, 200))
    inner = draw(st.sets(st.integers(1, num_rows), max_size=4)) - {num_rows}
    levers = st.builds(
        Levers, batch_size=st.integers(1, 20), lr_scale=st.sampled_from([0.0, 0.5, 1.0, 2.0])
    )
    return num_rows, Timeline(
        tuple(Segment(row / num_rows, draw(levers)) for row in sorted({0} | inner))
    )


def planned(life: tuple[int, Timeline], schedule: str = "linear") -> Steps:
    return plan_steps(*life, schedule=schedule, peak_lr=0.5, warmup_share=0.1)


@given(lives())
def test_steps_hold_every_row_once_in_order(life: tuple[int, Timeline]) -> None:
    steps = planned(life)
    rows = [
        row
        for first, num in zip(steps.first_row, steps.num_rows, strict=True)
        for row in range(first, first + num)
    ]
    assert rows == list(range(life[0]))


@given(lives())
def test_no_step_crosses_a_border_and_each_has_its_segments_levers(
    life: tuple[int, Timeline],
) -> None:
    num_rows, timeline = life
    steps = planned(life)
    borders = [round(segment.from_age * num_rows) for segment in timeline.segments]
    for first, num, size in zip(steps.first_row, steps.num_rows, steps.batch_size, strict=True):
        owner = max(n for n, border in enumerate(borders) if border <= first)
        stop = [*borders, num_rows][owner + 1]
        assert size == timeline.segments[owner].batch_size
        assert num == min(size, stop - first)


@given(lives(), st.sampled_from(NAMED))
def test_the_rate_is_peak_times_schedule_times_scale_times_warm_up(
    life: tuple[int, Timeline], schedule: str
) -> None:
    num_rows, timeline = life
    steps = planned(life, schedule)
    num_warm = max(1, round(0.1 * len(steps)))
    for n, (first, lr) in enumerate(zip(steps.first_row, steps.lr, strict=True)):
        age = first / num_rows
        segment = [s for s in timeline.segments if round(s.from_age * num_rows) <= first][-1]
        share = {
            "constant": 1.0,
            "linear": 1 - age,
            "cosine": (1 + math.cos(math.pi * age)) / 2,
            "wsd": min(1, (1 - age) / 0.2),
            "steep": math.exp(-8 * age),
            "inverse_sqrt": math.sqrt(0.05 / max(age, 0.05)),
        }[schedule]
        scale = segment.levers.lr_scale * min(1, (n + 1) / num_warm)
        assert lr == pytest.approx(0.5 * share * scale)
        assert steps.age[n] == age


@given(lives(), st.floats(0.001, 1))
def test_an_age_is_reached_after_the_first_step_that_ends_at_or_beyond_it(
    life: tuple[int, Timeline], age: float
) -> None:
    steps = planned(life)
    ends = (steps.first_row + steps.num_rows) / life[0]
    after = steps.after(age)
    assert ends[after - 1] >= age - 1e-9
    assert after == 1 or ends[after - 2] < age
    assert steps.after(1.0) == len(steps)


def test_schedules_by_eye() -> None:
    ages = np.array([0, 0.5, 1])
    assert lr_share("constant", ages).tolist() == [1, 1, 1]
    assert lr_share("linear", ages).tolist() == [1, 0.5, 0]
    assert lr_share("steep", ages) == pytest.approx([1, math.exp(-4), math.exp(-8)])
    assert lr_share("cosine", ages) == pytest.approx([1, 0.5, 0])
    assert lr_share({"cosine": 0.2}, ages) == pytest.approx([1, 0.6, 0.2])
    assert lr_share({"wsd": {"decay": 1.0, "to": 0.5}}, ages) == pytest.approx([1, 0.75, 0.5])
    assert lr_share({"inverse_sqrt": 0.25}, ages) == pytest.approx([1, math.sqrt(0.5), 0.5])
    assert lr_share({0.25: 1, 0.75: 0}, ages) == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize(
    ("said", "short", "label"),
    [
        ("wsd", "wsd", "wsd"),
        ({"wsd": {"decay": 0.2}}, "wsd", "wsd"),
        ({"wsd": 0.1}, {"wsd": {"decay": 0.1}}, "wsd-decay0.1"),
        ({"linear": {"to": 0.1}}, {"linear": {"to": 0.1}}, "linear-to0.1"),
        ({1: 0, "0": 1}, {"0": 1.0, "1": 0.0}, "table-0=1-1=0"),
        ({"table": {"0": 1, "1": 0}}, {"0": 1.0, "1": 0.0}, "table-0=1-1=0"),
        (
            {0.1234567: 1, 0.1234568: 0},
            {"0.1234567": 1.0, "0.1234568": 0.0},
            "table-0.123457=1-0.123457=0",
        ),
    ],
)
def test_a_curve_is_said_the_shortest_way_and_read_again(
    said: object, short: object, label: str
) -> None:
    curve = read_curve(said)
    assert say_curve(curve) == short
    assert read_curve(say_curve(curve)) == curve
    assert curve_label(say_curve(curve)) == label


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("slow", "no schedule is called 'slow'"),
        ({"wsd": {"decay": 2}}, "schedule 'wsd': decay"),
        ({"wsd": {"dacay": 0.2}}, "schedule 'wsd'"),
        ({"constant": 3}, "takes no setting"),
        ({"linear": 0.1, "wsd": 0.2}, "one name with its settings"),
        ([1, 2], "one name with its settings"),
        ({0: 1, 1: -1}, "schedule 'table'"),
        ({0: 1, 2: 0}, "ages go from 0 to 1, the end of life, and 2 is none"),
        ({"table": {0: 1, -0.5: 0}}, "ages go from 0 to 1, the end of life, and -0.5 is none"),
        ({0: 0, 1: 0}, "0 at every age, so that nothing is learnt"),
    ],
)
def test_what_is_no_curve_is_refused(said: object, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_curve(said)


@pytest.mark.parametrize("said", ["slow", [1, 2], {0: 1, 2: 0}, {"wsd": 3}])
def test_a_priority_that_is_no_curve_is_not_called_a_schedule(said: Said) -> None:
    with pytest.raises(InputError, match="priority") as caught:
        Priority(said)
    assert "schedule" not in str(caught.value)
    with pytest.raises(InputError, match="priority") as caught:
        Life(priority=said).check()
    assert "schedule" not in str(caught.value)


def test_priority_weighs_the_rate_or_the_loss_of_each_age() -> None:
    said = {"timeline": Timeline.uniform(1), "schedule": "linear", "peak_lr": 1, "warmup_share": 0}
    plain = plan_steps(4, **said)
    rate = plan_steps(4, **said, priority=Priority({0: 1, 1: 0}))
    loss = plan_steps(4, **said, priority=Priority({0: 1, 1: 0}, "loss"))
    assert rate.lr == pytest.approx(plain.lr * np.array([1, 0.75, 0.5, 0.25]))
    assert rate.loss_scale.tolist() == [1, 1, 1, 1]
    assert loss.lr.tolist() == plain.lr.tolist()
    assert loss.loss_scale == pytest.approx([1, 0.75, 0.5, 0.25])


def test_a_batch_size_takes_the_rate_along_and_keeps_the_half_life_in_tokens() -> None:
    timeline = Timeline.of_stretches(
        {0.0: NO_LEVERS, 0.5: Levers(batch_size=8), 0.9: Levers(batch_size=1)}, 4
    )
    by_rule = {
        rule: plan_steps(
            80, timeline, schedule="constant", peak_lr=1, warmup_share=0, beta2=0.9,
            batch_size=4, batch_rule=rule,
        )
        for rule in ("sqrt", "linear", "none")
    }  # fmt: skip
    ends = {rule: (steps.lr[9], steps.lr[10], steps.lr[-1]) for rule, steps in by_rule.items()}
    assert ends["sqrt"] == pytest.approx((1, math.sqrt(2), 0.5))
    assert ends["linear"] == pytest.approx((1, 2, 0.25))
    assert ends["none"] == pytest.approx((1, 1, 1))
    for steps in by_rule.values():
        assert steps.beta2[[9, 10, -1]] == pytest.approx([0.9, 0.81, 0.9**0.25])
        half_life = math.log(0.5) / np.log(steps.beta2) * steps.batch_size  # in rows
        assert half_life == pytest.approx(half_life[0])


def test_the_order_of_a_table_of_parts_counts() -> None:
    one, other = (
        Levers(modules=dict(pairs))
        for pairs in ([("layers.0", 0), ("mlp", 0.5)], [("mlp", 0.5), ("layers.0", 0)])
    )
    assert one.said() != other.said()
    assert list(Levers(**other.said()).modules or {}) == ["mlp", "layers.0"]
    timeline = Timeline.of_stretches({0.0: one, 0.5: other}, 4)
    assert len(timeline.segments) == 2


def test_a_stretch_may_warm_up_again() -> None:
    timeline = Timeline.of_stretches({0.0: NO_LEVERS, 0.5: Levers(rewarm=0.5)}, 1)
    steps = plan_steps(8, timeline, schedule="constant", peak_lr=1, warmup_share=0)
    assert steps.lr == pytest.approx([1, 1, 1, 1, 0.5, 1, 1, 1])


@pytest.mark.parametrize(
    ("levers", "weights", "rises", "num_segments"),
    [
        ("passes: 3, rewarm: 0.5", [1, 1, 1], 0.5, 1),
        ("passes: 3, moments: anew", [1, 1, 1], 0, 1),
        ("passes: {count: 3, priority: 0.5}, moments: anew", [1, 0.5, 0.25], 0, 3),
        ("passes: {count: 3, priority: 0.5}, rewarm: 0.2", [1, 0.5, 0.25], 0.2, 3),
        ("passes: {count: 3, priority: [1, 1, 2]}, rewarm: 0.5", [1, 1, 2], 0.5, 2),
        # The rise ends with the first pass, where the rate changes anyway.
        ("passes: {count: 3, priority: [1, 2, 2]}, rewarm: 0.5", [1, 2, 2], 1 / 3, 2),
    ],
)
def test_a_phase_of_several_passes_is_warmed_up_once_over_a_share_of_it(
    corpus: Corpus, tokens: Tokens, levers: str, weights: list[float], rises: float,
    num_segments: int,
) -> None:  # fmt: skip
    life = f"{{name: x, phases: [{{name: a, scenes: rest, {levers}}}]}}"
    rows = Rows(compile_order(corpus, parse_curriculum(life)), tokens, 16)
    timeline, num_rows = Timeline.of_phases(rows, 1), rows.num_rows
    rates = plan_steps(num_rows, timeline, schedule="constant", peak_lr=1, warmup_share=0).lr
    passes = rows.starts[:: rows.order.num_visits // 3][:3]
    later = np.searchsorted(rows.borders[:-1], passes[1:])
    due = np.repeat(weights, np.diff([0, *later, num_rows]))
    num_rising = int((rates < due - 1e-9).sum()) + 1
    assert num_rising == pytest.approx(max(1, rises * num_rows), abs=1)
    assert rates == pytest.approx(due * np.minimum(1, np.arange(1, num_rows + 1) / num_rising))
    assert len(timeline.segments) == num_segments
    assert [one.levers.moments for one in timeline.segments[1:]] == ["keep"] * (num_segments - 1)


def test_where_two_warm_ups_meet_the_rate_rises_in_a_line() -> None:
    said = {"schedule": "constant", "peak_lr": 1, "warmup_share": 0.25}
    for rewarm, due in ((0.5, [0.25, 0.5, 0.75, 1]), (0.125, [0.5, 1, 1, 1])):
        timeline = Timeline.of_stretches({0.0: Levers(rewarm=rewarm)}, 1)
        assert plan_steps(8, timeline, **said).lr[:4] == pytest.approx(due)


MISNAMED = """
name: misnamed
phases:
  - {name: a, scenes: {kind: drama}, modules: [layers.0-3, layers.2-, "*.qkv", lm_head.weight]}
  - {name: b, scenes: {kind: chat}, modules: [layer.0-3, mlp]}
  - {name: c, scenes: {kind: poetry}, modules: {atention: 0}}
  - {name: d, scenes: rest, lora: {rank: 2, modules: [layer.0]}}
"""


def test_parts_that_no_mind_has_are_refused_where_they_stand() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_curriculum(MISNAMED)
    told = [problem.what.partition("; allowed: ")[::2] for problem in caught.value.problems]
    assert [what for what, _ in told] == [
        "phases.1.modules: no part of a mind is called 'layer.0-3'",
        "phases.2.modules.atention: no part of a mind is called 'atention'",
        "phases.3.lora.modules.0: no part of a mind is called 'layer.0'",
    ]
    assert all(allowed.startswith("embed, head, attention, mlp, norms, ") for _, allowed in told)


def test_stretches_under_one_adapter_are_one() -> None:
    adapted = Levers(lora={"rank": 2})
    assert len(Timeline.of_stretches({0.0: adapted, 0.5: adapted}, 4).segments) == 1


def test_steps_by_eye() -> None:
    timeline = Timeline.of_stretches({0: NO_LEVERS, 0.5: Levers(batch_size=3, lr_scale=0.1)}, 2)
    steps = plan_steps(10, timeline, schedule="constant", peak_lr=1, warmup_share=0.4)
    assert steps.first_row.tolist() == [0, 2, 4, 5, 8]
    assert steps.num_rows.tolist() == [2, 2, 1, 3, 2]
    assert steps.batch_size.tolist() == [2, 2, 2, 3, 3]
    assert steps.lr == pytest.approx([0.5, 1, 1, 0.1, 0.1])
    assert steps.until(None) is steps
    assert steps.until(2).first_row.tolist() == [0, 2, 4]
    assert steps.first(0).first_row.tolist() == []


def test_a_row_is_of_the_phase_of_its_first_token(rows: Rows) -> None:
    timeline = Timeline.of_phases(rows, 5)
    steps = plan_steps(rows.num_rows, timeline, schedule="constant", peak_lr=1, warmup_share=0)
    assert [(s.batch_size, s.levers.lr_scale) for s in timeline.segments] == [
        (3, 0.5),
        (5, 1),
        (7, 1),
    ]
    for first, num, size in zip(steps.first_row, steps.num_rows, steps.batch_size, strict=True):
        for row in range(first, first + num):
            visit, _ = rows.visits_of_row(row)
            assert size == (rows.order.phase_at(visit).levers.batch_size or 5)


def test_phases_with_the_same_levers_are_one_segment(rows: Rows) -> None:
    spans = tuple(replace(span, levers=NO_LEVERS) for span in rows.order.phases)
    same = replace(rows, order=replace(rows.order, phases=spans))
    assert Timeline.of_phases(same, 5) == Timeline.uniform(5)


def test_a_phase_too_short_to_begin_a_row_has_no_segment(rows: Rows) -> None:
    long = replace(rows, row_length=rows.num_tokens)
    assert Timeline.of_phases(long, 5).segments == (
        Segment(0.0, Levers(batch_size=3, lr_scale=0.5)),
    )
