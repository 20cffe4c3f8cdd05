"""What a life would cost: counted by hand where it can be, and nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lives import rows_of

from upbringing.errors import InputError
from upbringing.order import Levers, Order, PhaseSpan
from upbringing.training import Timeline, estimate_cost
from upbringing.training.cost import Cost, Stretch
from upbringing.training.levers import plan_steps


@pytest.fixture(scope="module")
def order(home: Path) -> Order:
    return rows_of(home).order


def phased(order: Order, *phases: PhaseSpan) -> Order:
    """The same visits under other phases."""
    return Order.from_rows(order.corpus, order.sequence, phases=phases)


def test_a_cost_is_counted_and_writes_nothing(home: Path, order: Order) -> None:
    before = sorted(home.rglob("*"))
    cost = estimate_cost(phased(order), "300k", 16, row_length=64)
    assert sorted(home.rglob("*")) == before
    assert cost.num_visits == 72
    # Its tokenizer has more words than that of the fixture, and every token is a byte or more.
    assert order.num_visits * 2 < cost.num_tokens < rows_of(home).num_tokens
    assert cost.num_rows == -(-(cost.num_tokens - 1) // 64)
    assert cost.num_steps == -(-cost.num_rows // 16)
    assert cost.num_parameters == 319_120
    assert cost.state_bytes == 4 * 4 * 319_120
    assert (cost.checkpoint_bytes, cost.resume_bytes) == (11 * 4 * 319_120, 3 * 4 * 319_120)
    assert cost.seconds > 0
    twice = Order.from_rows(order.corpus, np.tile(order.sequence, 2))
    double = estimate_cost(twice, "300k", 16, row_length=64)
    assert double.num_tokens == pytest.approx(2 * cost.num_tokens, abs=2)
    assert double.num_visits == 144


def test_parts_that_a_mind_of_the_shape_lacks_are_warned_of(order: Order) -> None:
    spans = (
        PhaseSpan("a", 0, 20, Levers(modules=["layers.2-"])),
        PhaseSpan("b", 20, 72, Levers(modules=["attention"])),
    )
    (warning,) = estimate_cost(phased(order, *spans), "300k", 8, row_length=64).warnings
    assert warning.startswith(
        "a mind of shape 300k cannot live it: no weight is matched by 'layers.2-'\n    allowed: "
    )


def test_what_a_step_keeps_grows_with_its_rows(order: Order) -> None:
    small, large = (estimate_cost(phased(order), "300k", rows, row_length=64) for rows in (2, 8))
    # Activations and logits; whatever the rows, the weights in half precision.
    assert small.step_bytes > 2 * 64 * 2048 * 2
    assert 3 * small.step_bytes < large.step_bytes < 4 * small.step_bytes


def test_steps_are_those_of_the_trainers_timeline(home: Path, order: Order) -> None:
    """Counted in the real tokens of the rows, the stretches are the timeline's segments."""
    rows = rows_of(home)
    timeline = Timeline.of_phases(rows, 5)
    steps = plan_steps(rows.num_rows, timeline, schedule="constant", peak_lr=1.0, warmup_share=0.02)
    cost = estimate_cost(order, "300k", 5, row_length=rows.row_length)
    scale = cost.num_rows / rows.num_rows
    assert len(timeline.segments) == 3
    assert cost.num_steps == pytest.approx(len(steps) * scale, abs=3)


def test_phases_under_the_same_levers_share_steps(order: Order) -> None:
    one = estimate_cost(phased(order, PhaseSpan("life", 0, 72)), "300k", 7, row_length=64)
    apart = [PhaseSpan(f"day {day}", day, day + 1) for day in range(72)]
    assert estimate_cost(phased(order, *apart), "300k", 7, row_length=64).num_steps == one.num_steps
    levers = [PhaseSpan(f"day {n}", n, n + 1, Levers(lr_scale=1.0 - n % 2)) for n in range(72)]
    many = estimate_cost(phased(order, *levers), "300k", 7, row_length=64)
    assert many.num_rows - 5 < many.num_steps <= many.num_rows  # days of a row or none


@pytest.mark.parametrize(
    ("num_rows", "batch_size", "says"),
    [
        (5, 8, "youth is shorter than one step: about 5 of 8 rows"),
        (0, 8, "youth is shorter than one step: about 0 of 8 rows"),
        (17, 16, "the last step of youth holds only about 1 of 16 rows"),
        (16, 16, None),  # full
        (24, 16, None),  # half full
        (16 * 100 + 1, 16, None),  # an estimate of 1,601 rows may be wrong by more than that
    ],
)
def test_a_tiny_last_step_is_told(num_rows: int, batch_size: int, says: str | None) -> None:
    assert Stretch(("youth",), num_rows, batch_size).warning == says


def test_the_lines_say_what_is_what() -> None:
    cost = Cost(
        num_visits=540,
        num_tokens=100_000,
        num_rows=782,
        num_steps=98,
        num_parameters=319_120,
        seconds=4.0,
        state_bytes=5_105_920,
        step_bytes=20_000_000,
        num_checkpoints=11,
        checkpoint_bytes=14_041_280,
        resume_bytes=3_829_440,
        device="cpu",
        warnings=(),
    )
    assert cost.lines() == [
        "540 visits, about 100,000 tokens in 782 rows, 98 steps",
        "time    about 4 s here, a mind of 319,120 parameters (25,000 tokens/s on one CPU thread)",
        "memory  5.1 MB of weights, gradients and moments, 20.0 MB for a step",
        "disk    14.0 MB of 11 checkpoints, 3.8 MB to resume from",
    ]
    hours = Cost(**{**vars(cost), "seconds": 9000.0, "device": "cuda"}).lines()[1]
    assert "about 2.5 h here" in hours
    assert "tokens/s on cuda" in hours
    assert "about 12.0 min" in Cost(**{**vars(cost), "seconds": 720.0}).lines()[1]
    assert "about 3.0 days" in Cost(**{**vars(cost), "seconds": 259_200.0}).lines()[1]


def test_an_unknown_shape_is_refused(order: Order) -> None:
    with pytest.raises(InputError, match="no shape is called '7b'"):
        estimate_cost(order, "7b", 8)
