"""The dose arm: a shuffle whose losses are weighed so that the block gets the mass it has first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stories import pico_settings

from upbringing.corpus import Corpus, Tokens
from upbringing.errors import ComparisonError, InputError, SettingsError
from upbringing.order import Levers, Rows, compile_order, parse_curriculum
from upbringing.settings import parse_settings
from upbringing.study import Design, StudySettings, prepare
from upbringing.study.comparison import check_comparison_class
from upbringing.study.cut_short import cut_short
from upbringing.training import Timeline
from upbringing.training.dose import dose_weights, lr_mass
from upbringing.training.feed import Feed
from upbringing.training.levers import Steps, plan_steps


def rows_of(corpus: Corpus, tokens: Tokens, phases: str) -> Rows:
    order = compile_order(corpus, parse_curriculum(f"name: a\nphases: {phases}"))
    return Rows(order, tokens, 16)


@pytest.fixture
def shuffled(corpus: Corpus, tokens: Tokens) -> Rows:
    return rows_of(corpus, tokens, "[{name: life, scenes: rest}]")


@pytest.fixture
def drama_first(corpus: Corpus, tokens: Tokens) -> Rows:
    phases = "[{name: a, scenes: {kind: drama}}, {name: b, scenes: rest}]"
    return rows_of(corpus, tokens, phases)


def steps_of(rows: Rows, schedule: str = "steep") -> Steps:
    return plan_steps(
        rows.num_rows, Timeline.uniform(4), schedule=schedule, peak_lr=0.1, warmup_share=0.02
    )


def mass_fed(rows: Rows, steps: Steps, weights: dict[str, float]) -> dict[str, float]:
    """The mass of drama and of the rest, from the batches as they are fed, target by target."""
    feed = Feed(rows, steps, weights)
    kinds = rows.order.corpus.columns(["kind"])["kind"].to_list()
    starts = rows.starts.tolist()
    mass = {"drama": 0.0, "others": 0.0}
    place = 0
    for step in range(len(steps)):
        batch = feed.batch(step)
        scales = batch.scales_BT if batch.scales_BT is not None else batch.weights_BT
        each = steps.lr[step] / (steps.batch_size[step] * rows.row_length)
        for scale in scales[batch.weights_BT != 0].tolist():
            place += 1
            visit = min(np.searchsorted(starts, place, "right") - 1, rows.order.num_visits - 1)
            kind = kinds[rows.order.sequence[visit]]
            mass["drama" if kind == "drama" else "others"] += each * scale
    return mass


def test_the_mass_is_what_is_fed(drama_first: Rows) -> None:
    steps = steps_of(drama_first)
    due = mass_fed(drama_first, steps, {})
    assert lr_mass(drama_first, steps, ["drama"]) == pytest.approx(list(due.values()))


def test_the_dose_arm_has_the_mass_of_the_first_place(drama_first: Rows, shuffled: Rows) -> None:
    steps = steps_of(shuffled)
    weights = dose_weights(shuffled, drama_first, steps, ["drama"])
    assert weights["drama"] > 2
    assert weights["chat"] == weights["poetry"] < 1
    due = mass_fed(drama_first, steps, {})
    assert mass_fed(shuffled, steps, weights) == pytest.approx(due, rel=1e-6)


def test_where_nothing_is_learnt_there_is_no_dose(drama_first: Rows, shuffled: Rows) -> None:
    unheard = plan_steps(
        shuffled.num_rows, Timeline.of_stretches({0.0: Levers(lr_scale=0)}, 4),
        schedule="constant", peak_lr=0.1, warmup_share=0.02,
    )  # fmt: skip
    with pytest.raises(InputError, match="read only where the rate or the loss is 0"):
        dose_weights(shuffled, drama_first, unheard, ["drama"])


def test_a_study_with_a_dose_arm(stories: Corpus, tmp_path: Path) -> None:
    peaks = {"steep": 0.016, "wsd-decay0.1": 0.002}
    settings = pico_settings(arms=("F", "S", "D"), schedules=("steep", {"wsd": 0.1}), peak_lr=peaks)
    design = prepare(settings, stories, tmp_path / "study")
    assert Design.open(tmp_path / "study").settings.curves == {
        "steep": "steep", "wsd-decay0.1": {"wsd": {"decay": 0.1}},
    }  # fmt: skip
    plans = {plan.name: plan for plan in design.plans}
    for schedule in ("steep", "wsd-decay0.1"):
        first, dose, shuffle = (plans[f"{arm}-{schedule}-s0"] for arm in "FDS")
        assert not shuffle.recipe.loss_by_kind
        assert dose.recipe.peak_lr == shuffle.recipe.peak_lr == peaks[schedule]
        rows = {p.arm: design.rows(p.order, p.recipe.row_length) for p in (first, dose, shuffle)}
        assert rows["D"].order.sequence.tolist() == rows["S"].order.sequence.tolist()
        weights = dose_weights(rows["S"], rows["F"], shuffle.recipe.steps, settings.block)
        assert dose.recipe.loss_by_kind == pytest.approx(weights)
    ages = plans["F-steep-s0"].recipe.ages
    assert set(ages) - set(settings.ages) == set(cut_short(plans["F-steep-s0"].recipe.steps))
    assert set(plans["F-wsd-decay0.1-s0"].recipe.ages) == set(settings.ages)


def test_only_the_dose_arm_may_have_a_dose(stories: Corpus, tmp_path: Path) -> None:
    design = prepare(pico_settings(arms=("D", "F", "S")), stories, tmp_path / "study")
    of_seed = [plan for plan in design.plans if plan.seed == 0 and plan.is_arm]
    plans = {plan.arm: plan for plan in of_seed if plan.schedule == "constant"}
    arms = {arm: (design.rows(p.order, p.recipe.row_length), p.recipe) for arm, p in plans.items()}
    check_comparison_class(arms)
    rows, recipe = arms["S"]
    arms = {"F": arms["F"], "S": (rows, replace(recipe, loss_by_kind={"drama": 2.0}))}
    with pytest.raises(ComparisonError, match="arms F and S differ in loss_by_kind"):
        check_comparison_class(arms)


@pytest.mark.parametrize(
    ("levers", "problem"),
    [
        ([{"from": 0.5, "modules": ["layers.9"]}], "no weight is matched by 'layers.9'"),
        ([{"from": 0.5, "modules": ["embed"]}], "'embed' is named and 'head' is not"),
        ([{"from": 0.5, "lora": {"rank": 2, "modules": ["norms"]}}], "is a matrix of a layer"),
    ],
)
def test_levers_that_such_minds_cannot_have_are_refused_before_a_study_is_made(
    stories: Corpus, tmp_path: Path, levers: list[dict[str, object]], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        prepare(pico_settings(levers=levers), stories, tmp_path / "study")
    assert not (tmp_path / "study").exists()


LEVERED = """
name: levers
block: drama
seeds: 2
batch_size: 4
levers:
  - {from: 0.25, batch_size: 8}
  - {from: 0.5, modules: [attention, mlp], lr_scale: 0.5}
priority: {curve: {0: 1, 1: 0.5}, weighs: loss}
"""


def test_a_study_says_levers_by_age() -> None:
    settings = parse_settings(LEVERED, StudySettings, name="study.yaml")
    said = [(s.from_age, s.levers.said()) for s in settings.timeline.segments]
    frozen = {"modules": ["attention", "mlp"], "lr_scale": 0.5, "batch_size": 4}
    assert said == [(0.0, {"batch_size": 4}), (0.25, {"batch_size": 8}), (0.5, frozen)]
    assert settings.priority is not None
    assert settings.priority.curve == {"0": 1.0, "1": 0.5}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("levers: [{from: 0.5}, {from: 0.2}]", r"study.yaml:6:1: levers: the ages of levers rise"),
        ("levers: [{from: 0.5, rate: 2}]", r"study.yaml:6:22: unknown key 'levers.0.rate'"),
        ("schedules: [constant, slow]", r"no schedule is called 'slow'"),
        ("schedules: [wsd, {wsd: 0.2}]", r"each may stand here once"),
        ("arms: [L, S, D]", r"D has the dose of F: add F to the arms"),
        ("schedules: [{0: 0, 1: 0}]", r"schedule 'table': knots: 0 at every age"),
        ("priority: {curve: {0: -1}}", r"priority 'table'"),
        ("priority: {curve: {0: 1, 2: 0}}", r"ages go from 0 to 1, the end of life, and 2 is"),
        ("peak_lr: {steep: 0.1}", "a peak for each schedule: constant, steep; or one for all"),
    ],
)
def test_what_a_study_cannot_say(line: str, problem: str) -> None:
    text = f"name: levers\nblock: drama\nseeds: 2\n\n\n{line}\n"
    with pytest.raises(SettingsError, match=problem):
        parse_settings(text, StudySettings, name="study.yaml")
