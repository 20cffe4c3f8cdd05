"""Findings: the tables' form, and every kind of figure worked out once by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from lives import lose_the_loss
from scipy import stats
from stories import pico_settings, say_in, story_scenes

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import ArtefactError
from upbringing.files import read_json, write_json
from upbringing.report import write_page
from upbringing.study import Design, conclude, execute, open_findings, prepare
from upbringing.study.rules import BOTH_ENDS, INTERIOR, NONE, PRIMACY, RECENCY, UNRESOLVED
from upbringing.study.simultaneous import critical_value

Figures = dict[str, Any]
AXIS = "drama–technical"


@pytest.fixture(scope="module")
def found(pico: Design) -> Figures:
    return dict(open_findings(pico.path))


@pytest.fixture(scope="module")
def readings(pico: Design) -> pl.DataFrame:
    return pl.read_parquet(pico.path / "findings.parquet")


def ends(
    readings: pl.DataFrame, arm: str, measure: str, schedule: str = "constant", stage: str = "life"
) -> np.ndarray:
    """A measure at the end of a stage, by seed; the subject is the axis, the block or all kinds."""
    subject = {"style_margin": AXIS, "bits_per_byte": "all", "excess_bits_per_byte": "drama"}
    rows = readings.filter(
        arm=arm, measure=measure, subject=subject[measure], schedule=schedule, stage=stage
    ).filter(scope="whole")
    return rows.sort("seed")["value"].to_numpy()


def contrast(found: Figures, schedule: str, measure: str, name: str) -> Figures:
    chosen = [
        c
        for c in found["contrasts"]
        if (c["schedule"], c["measure"], c["name"]) == (schedule, measure, name)
    ]
    assert len(chosen) == 1
    return dict(chosen[0])


def test_the_tables_are_long(readings: pl.DataFrame, pico: Design) -> None:
    of_run = {
        "run": pl.String,
        "arm": pl.String,
        "schedule": pl.String,
        "seed": pl.Int64,
        "stage": pl.String,
        "age": pl.Float64,
    }
    assert readings.schema == of_run | {
        "scope": pl.String,
        "measure": pl.String,
        "subject": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
    }
    assert not readings.select("run", "age", "scope", "measure", "subject").is_duplicated().any()
    assert readings["run"].n_unique() == 16 + 12
    assert readings.filter(stage="washout")["run"].str.ends_with("-washout").all()
    every = ["bits_per_byte", "excess_bits_per_byte", "style_margin", "voice"]
    asked = readings.filter(pl.col("measure").is_in(every)).group_by("run", "age", "scope")
    assert asked.len()["len"].unique().to_list() == [7]
    assert readings.filter(scope="whole")["age"].unique().to_list() == [1.0]
    ages = readings.group_by("stage").agg(pl.col("age").unique().sort()).sort("stage")
    assert ages["age"].to_list() == [[0.5, 0.6021, 1.0], [0.1, 0.25, 0.5, 1.0]]
    poles = readings.filter(pl.col("arm").str.starts_with("pole-"))
    assert (poles["age"].unique().to_list(), poles["stage"].unique().to_list()) == ([1.0], ["life"])

    samples = pl.read_parquet(pico.path / "samples.parquet")
    assert samples.schema == of_run | {
        "prompt": pl.Int64,
        "opening": pl.String,
        "sample_seed": pl.Int64,
        "text": pl.String,
        "voice": pl.Float64,
    }
    by_age = samples.group_by("run", "age").len()
    assert by_age.filter(age=1.0)["len"].unique().to_list() == [3 * 2]
    assert by_age.filter(pl.col("age") < 1)["len"].unique().to_list() == [2 * 2]  # a part
    asked = samples.select("prompt", "opening", "sample_seed").unique()
    assert asked.height == 3 * 2  # every mind is asked the same


def test_the_ribbons_share_out_every_hundredth(pico: Design) -> None:
    ribbons = pl.read_parquet(pico.path / "ribbons.parquet")
    assert ribbons.columns == ["arm", "seed", "bin", "kind", "share"]
    sums = ribbons.group_by("arm", "seed", "bin").agg(pl.col("share").sum())
    np.testing.assert_allclose(sums["share"], 1.0)
    assert sorted(ribbons["arm"].unique()) == ["F", "L", "S"]
    begin = ribbons.filter(bin=0).sort("arm", "seed")
    assert begin.filter(arm="F")["kind"].to_list() == ["drama"] * 2
    assert begin.filter(arm="L")["kind"].to_list() == ["technical"] * 2


def unit_of(found: Figures) -> dict[str, Any]:
    """The poles of the axis under test."""
    return found["poles"][found["axis"]]


def examined(found: Figures) -> dict[str, Any]:
    """The examination of its judge."""
    return found["axes"][0]["judge"]


def test_the_poles_are_the_unit(found: Figures, readings: pl.DataFrame) -> None:
    values = {
        side: ends(readings, f"pole-{kind}", "style_margin")
        for side, kind in (("positive", "drama"), ("negative", "technical"))
    }
    for side, expected in values.items():
        assert unit_of(found)[side]["values"] == pytest.approx(expected.tolist())
        assert unit_of(found)[side]["mean"] == pytest.approx(expected.mean())
    distance = values["positive"].mean() - values["negative"].mean()
    assert distance > 1  # bits per byte; a mind of drama prefers drama
    assert unit_of(found)["distance"] == pytest.approx(distance)
    assert unit_of(found)["gate"] == "not run"
    assert unit_of(found)["reason"] == "2 seeds, the gate needs 6"


@pytest.mark.parametrize("schedule", ["constant", "steep"])
def test_a_contrast_by_hand(found: Figures, readings: pl.DataFrame, schedule: str) -> None:
    first, shuffled = (ends(readings, arm, "style_margin", schedule) for arm in ("F", "S"))
    differences = (first - shuffled) / unit_of(found)["distance"]
    record = contrast(found, schedule, "style_margin", "F−S")
    assert record["estimate"] == pytest.approx(differences.mean())
    error = differences.std(ddof=1) / np.sqrt(2)
    half = critical_value([("F", "S"), ("L", "S"), ("F", "L")], 2) * error
    assert record["low"] == pytest.approx(differences.mean() - half)
    assert record["high"] == pytest.approx(differences.mean() + half)
    assert record["high90"] == pytest.approx(differences.mean() + stats.t.ppf(0.95, 1) * error)
    assert (record["num_seeds"], record["unit"]) == (2, "pole distances")


def test_excess_and_washout_are_families_of_their_own(
    found: Figures, readings: pl.DataFrame
) -> None:
    last, shuffled = (ends(readings, arm, "excess_bits_per_byte") for arm in ("L", "S"))
    record = contrast(found, "constant", "excess_bits_per_byte", "L−S")
    assert record["estimate"] == pytest.approx((last - shuffled).mean())
    assert record["unit"] == "bits/byte"

    last, shuffled = (ends(readings, arm, "style_margin", stage="washout") for arm in ("L", "S"))
    record = contrast(found, "constant, washout", "style_margin", "L−S")
    unit = unit_of(found)["distance"]
    assert record["estimate"] == pytest.approx((last - shuffled).mean() / unit)


def test_an_interaction_is_a_difference_of_contrasts(found: Figures) -> None:
    for name in ("F−S", "L−S", "F−L"):
        steep, constant = (
            contrast(found, schedule, "style_margin", name)["estimate"]
            for schedule in ("steep", "constant")
        )
        record = contrast(found, "steep − constant", "style_margin", name)
        assert record["estimate"] == pytest.approx(steep - constant)
        assert record["unit"] == "pole distances"


def test_a_life_cut_short_is_compared_in_what_is_asked_along_it(
    found: Figures, readings: pl.DataFrame
) -> None:
    of = readings.filter(measure="style_margin", subject=AXIS, stage="life", scope="along")
    ages = of.filter(schedule="steep", arm="F")["age"].unique().sort().to_list()

    def mean(arm: str, age: float, schedule: str = "steep") -> float:
        at = of.filter(arm=arm, schedule=schedule, age=age)["value"].mean()
        assert isinstance(at, float)
        return at

    unit = mean("pole-drama", 1.0, "constant") - mean("pole-technical", 1.0, "constant")
    spent = ages[1]  # kept besides .5 and 1
    moved = [mean("F", age) - mean("S", age) for age in (1.0, spent)]
    record = contrast(found, "steep − steep, cut short", "style_margin", "F−S")
    assert record["estimate"] == pytest.approx((moved[0] - moved[1]) / unit)


def test_costs_by_hand(found: Figures, readings: pl.DataFrame) -> None:
    assert [(c["schedule"], c["arm"]) for c in found["costs"]] == [
        (schedule, arm) for schedule in ("constant", "steep") for arm in ("F", "L")
    ]
    for cost in found["costs"]:
        own, shuffled = (
            ends(readings, arm, "bits_per_byte", cost["schedule"]) for arm in (cost["arm"], "S")
        )
        assert cost["estimate"] == pytest.approx((own - shuffled).mean())
        wide = critical_value([("F", "S"), ("L", "S")], 2)
        half = wide * (own - shuffled).std(ddof=1) / np.sqrt(2)
        assert cost["high"] - cost["estimate"] == pytest.approx(half)


def test_the_schedules_say_where_learning_is_spent(found: Figures) -> None:
    steep, constant = (found["schedules"][name] for name in ("steep", "constant"))
    assert len(steep["age"]) == len(steep["lr"]) == 101
    assert constant["mass_by_sixth"] == pytest.approx([1 / 6] * 6)
    edges = np.exp(-8 * np.linspace(0, 1, 7))
    assert steep["mass_by_sixth"] == pytest.approx(
        (-np.diff(edges) / (1 - edges[-1])).tolist(), abs=1e-5
    )


def test_what_the_page_is_told(found: Figures, pico: Design) -> None:
    assert found["is_demonstration"] is True
    assert (found["block"], found["against"], found["axis"]) == ("drama", "technical", AXIS)
    assert found["arms"]["F"] == "drama first, technical at the far end"
    assert found["digests"]["design"] == pico.digest
    assert found["numerics"]["num_threads"] == 1
    assert found["sampling"]["rule"].startswith("each opening is continued once")
    assert found["washout"].keys() == {"valid", "reason"}
    assert (found["diverged"], found["deviations"]) == ([], [])
    assert examined(found)["passed"] is True
    assert write_page(pico.path).exists()


def test_under_six_seeds_nothing_is_decided(found: Figures) -> None:
    positions = (BOTH_ENDS, PRIMACY, RECENCY, INTERIOR, NONE, UNRESOLVED)
    said = " ".join(found["answer"])
    assert not [word for word in positions if word in said]
    assert found["answer"][-1] == "Two seeds: a demonstration, no verdict."
    assert [v["position"] for v in found["verdicts"]] == ["DEMONSTRATION"] * 2


def test_missing_runs_are_named(pico_copy: Path) -> None:
    shutil.rmtree(pico_copy / "runs" / "L-steep-s1" / "profile")
    with pytest.raises(ArtefactError, match="1 runs are not done: L-steep-s1\n    run the study"):
        conclude(Design.open(pico_copy))


def test_a_damaged_run_is_named(pico_copy: Path) -> None:
    weights = pico_copy / "runs" / "L-steep-s1" / "checkpoints" / "age_0.5000" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match=r"L-steep-s1/.*model\.safetensors: is damaged"):
        conclude(Design.open(pico_copy))


def test_other_versions_are_deviations(pico_copy: Path) -> None:
    said = read_json(pico_copy / "study.json")
    now = said["made_by"]["versions"]["torch"]
    said["made_by"]["versions"]["torch"] = "1.0"
    write_json(pico_copy / "study.json", said)
    found = conclude(Design.open(pico_copy))
    assert found["deviations"] == [f"torch was 1.0 when the study was designed, and is {now} now"]


@pytest.fixture
def diverged(pico_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Design:
    """The study, with one life that loses its loss at step 2, before its first checkpoint."""
    design = Design.open(pico_copy)
    for name in ("F-constant-s1", "F-constant-s1-washout"):
        shutil.rmtree(pico_copy / "runs" / name)
    with monkeypatch.context() as patch:
        lose_the_loss(patch, "F-constant-s1", at_step=2)
        execute(design, num_workers=1)
    return design


def test_a_life_that_diverged_is_shown_and_not_dropped(diverged: Design) -> None:
    found = conclude(diverged)
    assert found["diverged"] == ["F-constant-s1"]
    assert not (diverged.path / "runs" / "F-constant-s1-washout").exists()
    for name in ("F−S", "F−L"):
        record = contrast(found, "constant", "style_margin", name)
        assert record["estimate"] is None
        assert record["reason"] == "F has no figure at 1 of 2 seeds"
    assert contrast(found, "constant", "style_margin", "L−S")["estimate"] is not None
    assert contrast(found, "steep", "style_margin", "F−S")["estimate"] is not None
    assert "1 run diverged, so the arm has no figure: F-constant-s1." in found["answer"]
    assert write_page(diverged.path).exists()
    execute(diverged, num_workers=1)  # it is done


def a_small_study(
    place: Path, corpus: Corpus, *, against: str | None = None, tokens: int | None = 1200
) -> Figures:
    settings = pico_settings(
        against=against, arms=("F", "S"), schedules=("constant",), washout=None, tokens=tokens
    )
    design = prepare(settings, corpus, place)
    execute(design, num_workers=1)
    found = conclude(design)
    assert write_page(design.path).exists()
    return found


def test_kinds_that_a_judge_cannot_tell_apart_are_not_measurable(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    mixed = [say_in(str(kind), 5, rng) for kind in rng.permutation(story_scenes()["kind"])]
    scenes = story_scenes().with_columns(text=pl.Series(mixed))
    corpus = write_corpus(tmp_path / "corpus", scenes, recipe={}, inputs={})
    found = a_small_study(tmp_path / "study", corpus)
    assert found["primary"] == "voice"
    assert examined(found)["passed"] is False
    reason = f"the judge of voice did not pass ({examined(found)['reason']})"
    assert "AUC" in reason
    assert (unit_of(found)["gate"], unit_of(found)["reason"]) == ("failed", reason)
    assert [v["position"] for v in found["verdicts"]] == ["NOT MEASURABLE"]
    assert found["answer"][-1] == (
        f"No verdict: {reason}, so character cannot be measured at this scale."
    )
    record = contrast(found, "constant", "voice", "F−S")
    assert (record["estimate"], record["reason"]) == (None, f"no unit of character: {reason}")
    heard = {"interpretation", "decided"}  # by the same judge
    assert not [c for c in found["contrasts"] if c["measure"] in heard]
    excess = contrast(found, "constant", "excess_bits_per_byte", "F−S")
    assert excess["estimate"] is not None
    assert "held-out bits per byte" in found["answer"][0]


def test_a_judge_that_cannot_be_trained_is_not_measurable(tmp_path: Path) -> None:
    scenes = story_scenes().filter(
        (pl.col("kind") != "drama") | ((pl.col("place") == 0) & pl.col("id").str.contains("/[07]/"))
    )
    short = pl.when(kind="drama").then(pl.lit("When the door opened, he wept. He looked up."))
    scenes = scenes.with_columns(text=short.otherwise("text"))
    corpus = write_corpus(tmp_path / "corpus", scenes, recipe={}, inputs={})
    found = a_small_study(tmp_path / "study", corpus, tokens=None)  # the one scene is in the life
    assert examined(found)["reason"] == (
        "too little to learn from, 1 pieces of text on the positive side"
    )
    assert examined(found)["reason"] in unit_of(found)["reason"]
    assert found["verdicts"][0]["position"] == "NOT MEASURABLE"


def test_poles_the_wrong_way_round_give_no_figures(stories: Corpus, tmp_path: Path) -> None:
    """The parallels tell drama's events in technical words and the other way round."""
    assert stories.parallels is not None
    kinds = {"drama": "technical", "technical": "drama", "poetry": "poetry"}
    turned = stories.parallels.with_columns(pl.col("kind").replace_strict(kinds))
    corpus = write_corpus(
        tmp_path / "corpus", story_scenes(), recipe={}, inputs={}, parallels=turned
    )
    found = a_small_study(tmp_path / "study", corpus, against="technical")
    assert unit_of(found)["distance"] < 0
    assert unit_of(found)["gate"] == "failed"
    record = contrast(found, "constant", "style_margin", "F−S")
    assert record["estimate"] is None
    assert record["reason"].startswith("no unit of character: the poles stand the wrong way round")
    assert found["verdicts"][0]["position"] == "NOT MEASURABLE"
