"""What stands beside the verdicts of a real study: half-lives, and tests that only explore."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from stories import pico_settings

from upbringing.character import Profile
from upbringing.corpus import Corpus
from upbringing.report import write_page
from upbringing.study import Design, conclude, execute, open_findings, prepare
from upbringing.study.beside import explored, fading_curve, half_lives
from upbringing.study.figures import Figures
from upbringing.study.permanova import order_spread

AXIS = "drama–technical"


@pytest.fixture(scope="module")
def found(pico: Design) -> dict[str, Any]:
    return dict(open_findings(pico.path))


def test_every_place_has_a_half_life_under_every_schedule(pico: Design, found: dict[str, Any]):
    lives = found["half_lives"]
    assert [(one["schedule"], one["name"]) for one in lives] == [
        ("constant", "F−S"), ("constant", "L−S"), ("steep", "F−S"), ("steep", "L−S"),
    ]  # fmt: skip
    assert {one["answer"] for one in lives} == {"cannot be told"}
    assert {one["reason"] for one in lives} == {"2 seeds, an interval needs 6"}
    assert {one["axis"] for one in lives} == {AXIS}
    life = pico.plans[0].recipe
    assert lives[0]["longest"] == round(0.25 * life.num_rows) * life.row_length


def test_what_was_washed_is_read_along_the_washout(pico: Design):
    readings = pl.read_parquet(pico.path / "findings.parquet")
    figures = Figures.of(pico, readings)
    unit = figures.unit(AXIS, along=True)
    washed_AS = fading_curve(figures, pico.dimensions[0], "constant", "L") * unit
    assert washed_AS.shape == (5, 2)
    own = readings.filter(
        arm="L", schedule="constant", seed=1, scope="along", measure="style_margin", subject=AXIS
    )
    before = own.filter(stage="life", age=1.0)["value"].item()
    after = own.filter(stage="washout").sort("age")["value"].to_list()
    assert washed_AS[:, 1].tolist() == pytest.approx([before, *after])


def test_the_omnibus_is_of_the_primary_measure(pico: Design, found: dict[str, Any]):
    shown = found["exploratory"]["omnibus"]
    assert [one["what"] for one in shown] == [
        f"{AXIS}, constant", "model map, constant", f"{AXIS}, steep", "model map, steep",
    ]  # fmt: skip
    assert shown[0]["arms"] == ["F", "L", "S"]
    assert 0 <= shown[0]["p"] <= 1
    assert stats.f.sf(shown[0]["statistic"], 2, 2) == pytest.approx(shown[0]["p"])


def test_the_map_is_of_what_passages_cost_the_minds(pico: Design, found: dict[str, Any]):
    shown = found["exploratory"]["omnibus"][1]
    runs = [f"{arm}-constant-s{seed}" for arm in "FLS" for seed in (0, 1)]
    read = [Profile.open(pico.path / "runs" / run / "profile").passages for run in runs]
    bytes_N = read[0]["num_bytes"].to_numpy()
    bits_RN = np.stack([one["bits"].to_numpy() for one in read])
    rate_R = bits_RN.sum(1) / bytes_N.sum()
    points_RSN = ((bits_RN - rate_R[:, None] * bytes_N) / np.sqrt(bytes_N)).reshape(3, 2, -1)
    centred = points_RSN - points_RSN.mean(0)
    of_arms = 2 * (centred.mean(1) ** 2).sum()
    assert shown["statistic"] == pytest.approx(of_arms / ((centred**2).sum() - of_arms))
    assert shown["p"] >= 1 / 6**2  # of two seeds, three arms each


def test_a_study_without_random_orders_says_nothing_of_their_spread(found: dict[str, Any]):
    assert found["exploratory"]["order_spreads"] == []


def test_random_orders_are_raised_at_every_seed_and_their_spread_is_told(
    stories: Corpus, tmp_path: Path
):
    settings = pico_settings(random_orders=8, schedules=("constant",), arms=("F", "S"))
    settings = settings.model_copy(update={"ladder": False, "washout": None})
    design = prepare(settings, stories, tmp_path / "study")
    drawn = [plan for plan in design.plans if plan.role == "random order"]
    assert [plan.name for plan in drawn] == [
        f"random-{number}-constant-s{seed}" for seed in (0, 1) for number in range(1, 9)
    ]
    assert {plan.recipe.ages for plan in drawn} == {(1.0,)}
    own = [design.rows(f"random-{number}", 32).order for number in range(1, 9)]
    arms = [design.rows(f"S-s{seed}", 32).order for seed in (0, 1)]
    assert len({order.digest for order in [*own, *arms]}) == 10
    assert len({order.visits_digest for order in [*own, *arms]}) == 1
    execute(design)
    found = conclude(design)["exploratory"]["order_spreads"]
    assert [one["what"] for one in found] == [
        f"{AXIS}, constant", "held-out bits per byte, constant",
    ]  # fmt: skip
    readings = pl.read_parquet(design.path / "findings.parquet")
    rates = readings.filter(measure="bits_per_byte", subject="all", scope="whole", stage="life")
    by_run = {(arm, seed): v for arm, seed, v in rates.select("arm", "seed", "value").iter_rows()}
    values_OS = np.array([[by_run[f"random-{n}", seed] for seed in (0, 1)] for n in range(1, 9)])
    shown = order_spread(values_OS, what=found[1]["what"])
    assert found[1] == asdict(shown)
    assert (shown.num_orders, shown.num_seeds, shown.reason) == (8, 2, "")
    page = write_page(design.path).read_text("utf-8")
    assert "8 random orders × 2 seeds" in page
    assert '"arm": "random-1"' not in page  # it is no arm


def test_poles_the_wrong_way_round_are_said_and_no_lost_run(pico: Design):
    figures = Figures.of(pico, pl.read_parquet(pico.path / "findings.parquet"))
    turned = replace(figures.poles[AXIS], distance=-0.1, gate="failed", reason="the wrong way")
    first, mapped = explored(replace(figures, poles={AXIS: turned}))[:2]
    assert (first.statistic, first.reason) == (None, "no unit of character: the wrong way")
    assert mapped.reason == ""


def test_an_axis_without_its_ladder_has_no_half_lives(pico: Design):
    """At six seeds and more it has no verdict, so nothing else is concluded of it."""
    figures = Figures.of(pico, pl.read_parquet(pico.path / "findings.parquet"))
    many = Design(pico.path, pico.said, pico.corpus_path)
    many.__dict__["settings"] = pico.settings.model_copy(update={"seeds": tuple(range(6))})
    unrun = replace(figures.poles[AXIS], gate="not run", reason="no ladder")
    assert half_lives(replace(figures, poles={AXIS: unrun}))
    assert not half_lives(replace(figures, design=many, poles={AXIS: unrun}))
