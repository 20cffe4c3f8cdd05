"""Cut short: when a life has spent its learning rate, by all that decides about its rates."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from stories import pico_settings

from upbringing.corpus import Corpus
from upbringing.order import NO_LEVERS, Levers
from upbringing.study import prepare
from upbringing.study.cut_short import cut_short
from upbringing.training import Priority, Said, Timeline
from upbringing.training.levers import Steps, plan_steps

NUM_STEPS = 1000


def steps_of(
    schedule: Said, *, late: Levers = NO_LEVERS, priority: Priority | None = None
) -> Steps:
    timeline = Timeline.of_stretches({0.0: NO_LEVERS, 0.5: late}, 4)
    return plan_steps(
        4 * NUM_STEPS, timeline, schedule=schedule, peak_lr=1, warmup_share=0, priority=priority
    )


def test_a_steep_life_has_spent_its_rate_early_by_its_closed_form() -> None:
    (age,) = cut_short(steps_of("steep"))
    assert age == pytest.approx(-math.log(1 - 0.99 * (1 - math.exp(-8))) / 8, abs=2e-3)


@pytest.mark.parametrize("weighs", ["rate", "loss"])
def test_a_priority_may_spend_it_early(weighs: str) -> None:
    """All of it by half of life: 99% where the triangle that is left is a hundredth, at 0.45."""
    priority = Priority({0: 1, 0.5: 0}, weighs)  # type: ignore[arg-type]
    assert cut_short(steps_of("constant", priority=priority)) == pytest.approx((0.45,), abs=2e-3)


@pytest.mark.parametrize("late", [{"lr_scale": 0}, {"loss_scale": 0}])
def test_a_lever_may_spend_it_early(late: dict[str, float]) -> None:
    assert cut_short(steps_of("constant", late=Levers(**late))) == pytest.approx((0.495,), abs=2e-3)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "wsd"])
def test_others_spend_it_late(schedule: str) -> None:
    assert cut_short(steps_of(schedule)) == ()


def test_a_study_looks_at_the_age_at_which_its_lives_have_spent_their_rate(
    stories: Corpus, tmp_path: Path
) -> None:
    settings = pico_settings(schedules=("constant",), levers=[{"from": 0.5, "lr_scale": 0}])
    design = prepare(settings, stories, tmp_path / "study")
    for plan in design.plans:
        further = set(plan.recipe.ages) - set(settings.ages)
        assert further == (set(cut_short(plan.recipe.steps)) if plan.is_arm else set())
        assert not plan.is_arm or max(further) <= 0.5
    plain = prepare(pico_settings(schedules=("constant",)), stories, tmp_path / "plain")
    assert {plan.recipe.ages for plan in plain.plans if plan.is_arm} == {settings.ages}
