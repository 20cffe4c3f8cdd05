"""What stands beside the verdicts of a real study: half-lives, and tests that only explore."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from upbringing.character import Profile
from upbringing.study import Design, open_findings
from upbringing.study.beside import explored, fading_curve, half_lives
from upbringing.study.figures import Figures

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


def test_random_orders_that_seeds_do_not_share_have_no_ratio(found: dict[str, Any]):
    spread = found["exploratory"]["order_spread"]
    assert (spread["ratio"], spread["num_orders"], spread["num_seeds"]) == (None, 2, 1)
    assert spread["reason"] == (
        "each random order of a study is read at one seed, so orders and seeds are not told apart: "
        "raise 8 random orders or more, each at the same 2 seeds or more, and give their values to "
        "study.permanova.order_spread"
    )


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
