from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.errors import InputError
from upbringing.order import Rows
from upbringing.training import SCHEDULES, Segment, Timeline, lr_share
from upbringing.training.levers import Steps, plan_steps


@st.composite
def lives(draw: st.DrawFn) -> tuple[int, Timeline]:
    """A number of rows, and a timeline whose segments begin at some of them."""
    num_rows = draw(st.integers(1, 200))
    inner = draw(st.sets(st.integers(1, num_rows), max_size=4)) - {num_rows}
    levers = st.tuples(st.integers(1, 20), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
    return num_rows, Timeline(
        tuple(Segment(row / num_rows, *draw(levers)) for row in sorted({0} | inner))
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


@given(lives(), st.sampled_from(sorted(SCHEDULES)))
def test_the_rate_is_peak_times_schedule_times_scale_times_warm_up(
    life: tuple[int, Timeline], schedule: str
) -> None:
    num_rows, timeline = life
    steps = planned(life, schedule)
    num_warm = max(1, round(0.1 * len(steps)))
    for n, (first, lr) in enumerate(zip(steps.first_row, steps.lr, strict=True)):
        age = first / num_rows
        segment = [s for s in timeline.segments if round(s.from_age * num_rows) <= first][-1]
        share = {"constant": 1.0, "linear": 1 - age, "steep": math.exp(-8 * age)}[schedule]
        assert lr == pytest.approx(0.5 * share * segment.lr_scale * min(1, (n + 1) / num_warm))
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
    with pytest.raises(InputError, match="allowed: constant, linear, steep"):
        lr_share("cosine", ages)


def test_steps_by_eye() -> None:
    timeline = Timeline((Segment(0, 2), Segment(0.5, 3, 0.1)))
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
    assert [(s.batch_size, s.lr_scale) for s in timeline.segments] == [(3, 0.5), (5, 1), (7, 1)]
    for first, num, size in zip(steps.first_row, steps.num_rows, steps.batch_size, strict=True):
        for row in range(first, first + num):
            visit, _ = rows.visits_of_row(row)
            assert size == (rows.order.phase_at(visit).batch_size or 5)


def test_phases_with_the_same_levers_are_one_segment(rows: Rows) -> None:
    spans = tuple(replace(span, batch_size=None, lr_scale=1.0) for span in rows.order.phases)
    same = replace(rows, order=replace(rows.order, phases=spans))
    assert Timeline.of_phases(same, 5) == Timeline.uniform(5)


def test_a_phase_too_short_to_begin_a_row_has_no_segment(rows: Rows) -> None:
    long = replace(rows, row_length=rows.num_tokens)
    assert Timeline.of_phases(long, 5).segments == (Segment(0.0, 3, 0.5),)
