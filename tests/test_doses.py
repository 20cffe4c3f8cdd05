"""Doses: known truths come back in blocks, intervals hold them, and what is beyond is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from stories import pico_settings

from upbringing.corpus.world import make_world
from upbringing.study import Design, prepare
from upbringing.study.doses import (
    DIFFERENCE,
    KNOWLEDGE,
    STYLE,
    Curve,
    doses,
    on_one_scale,
    sentences,
)
from upbringing.study.figures import Figures
from upbringing.study.gathering import gather
from upbringing.study.statistics import Contrast

RUNGS = (0.0, 1.5, 3.0, 4.5, 6.0)  # blocks, of a block that is a sixth of life
NUM_SEEDS = 8


def style_of(dose: float) -> float:
    return -0.4 + 0.13 * dose


def knowledge_of(dose: float) -> float:
    return 3.0 * (1 - np.exp(-dose / 4))


def simulated(of, noise: float, rng: np.random.Generator, **doses: float):
    """A curve of minds by the rungs, and the figures of arms whose true doses are given."""
    curve = Curve.of({dose: of(dose) + noise * rng.standard_normal(NUM_SEEDS) for dose in RUNGS})
    arms = {arm: of(dose) + noise * rng.standard_normal(NUM_SEEDS) for arm, dose in doses.items()}
    return curve, arms


def by_measure(contrasts: list[Contrast], name: str = "F−S") -> dict[str, Contrast]:
    return {contrast.measure: contrast for contrast in contrasts if contrast.name == name}


def compared(style, knowledge) -> dict[str, Contrast]:
    curves, arms = {STYLE: style[0], KNOWLEDGE: knowledge[0]}, {}
    arms = {STYLE: style[1], KNOWLEDGE: knowledge[1]}
    return by_measure(on_one_scale(curves, arms, [("F", "S")], "constant"))


def test_a_curve_is_read_backwards() -> None:
    curve = Curve.of({dose: np.full(3, style_of(dose)) for dose in RUNGS})
    for dose in (0.0, 0.4, 1.5, 2.2, 6.0):
        assert curve.dose_of(style_of(dose)) == pytest.approx(dose, abs=1e-9)
    bent = Curve.of({dose: np.full(3, knowledge_of(dose)) for dose in RUNGS})
    for dose in (0.0, 0.4, 1.5, 2.2, 6.0):
        assert bent.dose_of(knowledge_of(dose)) == pytest.approx(dose, abs=0.06)


def test_what_is_beyond_the_scale_has_no_dose() -> None:
    curve = Curve.of({dose: np.full(3, style_of(dose)) for dose in RUNGS})
    assert np.isnan(curve.dose_of(style_of(-0.01)))
    assert np.isnan(curve.dose_of(style_of(6.01)))
    assert np.isnan(curve.dose_of(np.nan))


def test_a_rung_that_falls_is_levelled() -> None:
    curve = Curve.of({0.0: np.zeros(2), 1.0: np.full(2, 2.0), 2.0: np.ones(2), 3.0: np.full(2, 3)})
    assert curve.dose_of(1.5) == pytest.approx(1.5)  # the mean of the two that give the same
    level = [curve.dose_of(figure) for figure in np.linspace(0, 3, 30)]
    assert (np.diff(level) > 0).all()


def test_a_known_truth_comes_back() -> None:
    rng = np.random.default_rng(1)
    style = simulated(style_of, 1e-4, rng, F=1.9, S=1.0)
    knowledge = simulated(knowledge_of, 1e-4, rng, F=1.2, S=1.0)
    found = compared(style, knowledge)
    assert found[STYLE].estimate == pytest.approx(0.9, abs=0.01)
    assert found[KNOWLEDGE].estimate == pytest.approx(0.2, abs=0.02)
    assert found[DIFFERENCE].estimate == pytest.approx(0.7, abs=0.02)
    assert {contrast.unit for contrast in found.values()} == {"blocks"}


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    truth = {STYLE: 0.8, KNOWLEDGE: 0.5, DIFFERENCE: 0.3}
    num_studies, num_held = 300, 0
    for _ in range(num_studies):
        style = simulated(style_of, 0.05, rng, F=2.8, S=2.0)
        knowledge = simulated(lambda dose: 0.4 * dose, 0.1, rng, F=2.5, S=2.0)
        found = compared(style, knowledge)
        num_held += all(c.low <= truth[name] <= c.high for name, c in found.items())
    assert 0.925 <= num_held / num_studies <= 0.995


def test_the_curve_itself_is_uncertain_and_the_interval_knows() -> None:
    """Arms without any spread: all that is uncertain is the scale."""
    rng = np.random.default_rng(3)
    curve, _ = simulated(style_of, 0.05, rng)
    sharp = {"F": np.full(NUM_SEEDS, style_of(4.0)), "S": np.full(NUM_SEEDS, style_of(1.0))}
    found = compared((curve, sharp), (curve, sharp))
    assert found[STYLE].high - found[STYLE].low > 0.1


def test_a_curve_that_does_not_rise_measures_nothing() -> None:
    rng = np.random.default_rng(4)
    style = simulated(style_of, 0.01, rng, F=2.0, S=1.0)
    flat = simulated(lambda _: 0.0, 0.1, rng, F=2.0, S=1.0)
    found = compared(style, flat)
    assert found[STYLE].estimate == pytest.approx(1, abs=0.2)
    for measure in (KNOWLEDGE, DIFFERENCE):
        assert found[measure].estimate is None
        assert "seed SDs, 3 are needed" in str(found[measure].reason)


@pytest.mark.parametrize(
    ("rungs", "figure", "reason"),
    [
        (RUNGS[::4], 0.0, "2 rungs make no curve, 3 do: raise the ladder"),
        (RUNGS, 0.39, "F is beyond the scale"),
        (RUNGS, np.nan, "8 runs of F have no figure"),
    ],
)
def test_why_there_is_no_dose(rungs: tuple[float, ...], figure: float, reason: str) -> None:
    rng = np.random.default_rng(5)
    noise = 0.002 * rng.standard_normal((5, NUM_SEEDS))
    curve = Curve.of({d: style_of(d) + noise[n] for n, d in enumerate(rungs)})
    arms = {"F": np.full(NUM_SEEDS, figure), "S": style_of(2.0) + noise[0]}
    found = compared((curve, arms), (curve, arms))
    if figure == 0.39:
        arms["F"] += 0.02
        found = compared((curve, arms), (curve, arms))
    assert found[STYLE].estimate is None
    assert found[STYLE].reason == reason
    assert reason in str(found[DIFFERENCE].reason)


def test_a_mind_of_the_ladder_that_diverged_leaves_no_scale() -> None:
    curve = Curve.of({dose: np.array([style_of(dose), np.nan]) for dose in RUNGS})
    assert curve.fault == "a mind of the ladder has no figure"


def test_sentences_say_which_moved_farther_only_where_intervals_tell() -> None:
    rng = np.random.default_rng(6)
    style = simulated(style_of, 0.005, rng, F=3.0, S=2.0)
    knowledge = simulated(knowledge_of, 0.005, rng, F=2.1, S=2.0)
    pairs = [("F", "S")]
    curves, arms = {STYLE: style[0], KNOWLEDGE: knowledge[0]}, (style[1], knowledge[1])
    arms = {STYLE: style[1], KNOWLEDGE: knowledge[1]}
    (said,) = sentences(on_one_scale(curves, arms, pairs, "constant"), "drama")
    assert said.startswith("Constant rate, F against S: style differs by as much as reading drama ")
    assert said.endswith(": the order moved style farther than knowledge.")
    turned = {STYLE: knowledge[0], KNOWLEDGE: style[0]}
    arms = {STYLE: knowledge[1], KNOWLEDGE: style[1]}
    (said,) = sentences(on_one_scale(turned, arms, pairs, "constant"), "drama")
    assert said.endswith(": the order moved knowledge farther than style.")
    arms = {STYLE: style[1], KNOWLEDGE: style[1]}
    (said,) = sentences(
        on_one_scale({STYLE: style[0], KNOWLEDGE: style[0]}, arms, pairs, "constant"), "drama"
    )
    assert said.endswith(": which of the two it moved farther is not told.")


def test_few_seeds_do_not_say_which_moved_farther() -> None:
    rng = np.random.default_rng(6)
    style = simulated(style_of, 0.001, rng, F=3.0, S=2.0)
    knowledge = simulated(knowledge_of, 0.001, rng, F=2.1, S=2.0)
    few = {
        measure: (Curve(curve.doses, curve.values[:, :5]), {a: v[:5] for a, v in arms.items()})
        for measure, (curve, arms) in {STYLE: style, KNOWLEDGE: knowledge}.items()
    }
    curves = {measure: curve for measure, (curve, _) in few.items()}
    arms = {measure: of for measure, (_, of) in few.items()}
    said, last = sentences(on_one_scale(curves, arms, [("F", "S")], "constant"), "drama")
    assert "it moved" not in said
    assert "the order moved" not in said
    assert last == "5 seeds are a demonstration: nothing of this is decided."


def test_a_study_without_facts_has_no_doses(pico: Design) -> None:
    assert doses(Figures.of(pico, gather(pico)[0])) is None


def test_a_studys_readings_come_back_in_blocks(tmp_path: Path) -> None:
    """Minds whose figures are given, as of known doses."""
    corpus = make_world(
        tmp_path / "corpus", num_events=300, seed=0, voices=("drama", "technical", "poetry")
    )
    settings = pico_settings(
        ladder=True, seeds=6, washout=None, schedules=("constant",), row_length=128
    )
    design = prepare(settings, corpus, tmp_path / "study")
    order = design.rows("S-s0", 128).order
    frame = corpus.columns(["kind"])[order.sequence]
    lengths = np.diff(design.rows("S-s0", 128).starts)
    share = lengths[(frame["kind"] == "drama").to_numpy()].sum() / lengths.sum()
    true = {"style_margin": {"F": 1.4, "L": 0.6, "S": 1.0}}
    true["knowledge_by_kind"] = {"F": 1.1, "L": 0.9, "S": 1.0}
    subjects = {"style_margin": "drama–technical", "knowledge_by_kind": "drama"}
    rungs = {arm: part / share for arm, part in design.dimensions[0].rungs.shares.items()}
    assert sorted(rungs.values()) == pytest.approx([0, *(n / 4 / share for n in (1, 2, 3, 4))])
    rng = np.random.default_rng(7)
    rows = [
        {
            "arm": arm, "seed": seed, "measure": measure, "subject": subjects[measure],
            "value": 2 * dose - 1 + 0.01 * rng.standard_normal(),
        }
        for measure, of_arms in true.items()
        for arm, dose in (of_arms | rungs).items()
        for seed in design.settings.seeds
    ]  # fmt: skip
    readings = pl.DataFrame(rows).with_columns(
        schedule=pl.lit("constant"), stage=pl.lit("life"), age=1.0, scope=pl.lit("whole"),
        unit=pl.lit("bits"),
    )  # fmt: skip
    figures = Figures.of(design, readings)
    found = doses(figures)
    assert found is not None
    for measure, of_arms in ((STYLE, true["style_margin"]), (KNOWLEDGE, true["knowledge_by_kind"])):
        for name in ("F−S", "L−S", "F−L"):
            first, second = name.split("−")
            contrast = by_measure(list(found.contrasts), name)[measure]
            assert contrast.estimate == pytest.approx(of_arms[first] - of_arms[second], abs=0.03)
    assert "style differs by as much as reading drama 0.4" in found.sentences[0]
    assert all("farther than knowledge" in sentence for sentence in found.sentences)

    failed = replace(figures.poles["drama–technical"], gate="not run", reason="no ladder")
    untold = doses(replace(figures, poles={"drama–technical": failed}))
    assert untold is not None
    assert {(c.estimate, c.low, c.p) for c in untold.contrasts} == {(None, None, None)}
    why = "character cannot be measured at this scale: no ladder"
    assert {c.reason for c in untold.contrasts} == {why}
    assert f"style has no dose ({why})" in untold.sentences[0]
