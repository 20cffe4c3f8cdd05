"""Power: against statsmodels and simulated studies, from a pilot, and at the command line."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from command import Command
from scipy import stats
from statsmodels.stats.power import TTestPower

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.study import Design
from upbringing.study.power import (
    Planned,
    fewest_seeds,
    power,
    power_line,
    promise,
    seeds_needed,
    simulated,
    spread_of,
)
from upbringing.study.rules import POSITION_PAIRS, pairs_for
from upbringing.study.simultaneous import critical_value

ONE, FOUR = [("F", "S")], POSITION_PAIRS[:4]
PRIMACY = Planned(("F", "M", "L", "S"), "PRIMACY", 0.3)


def test_one_contrast_has_statsmodels_power():
    """An effect of 2 seed SDs is one of √2 SDs of the paired differences."""
    for num_seeds in (4, 6, 8, 12):
        reference = TTestPower().power(np.sqrt(2), num_seeds, alpha=0.025, alternative="larger")
        assert power(2, ONE, num_seeds) == pytest.approx(reference, abs=1e-6)
    alpha = float(stats.t.sf(critical_value(FOUR, 8), 7))
    reference = TTestPower().power(np.sqrt(2), 8, alpha=alpha, alternative="larger")
    assert power(2, FOUR, 8) == pytest.approx(reference, abs=1e-6)


def test_seeds_needed_is_the_first_number_with_the_power():
    needed = seeds_needed(2, FOUR)
    assert needed is not None
    assert power(2, FOUR, needed) >= 0.8 > power(2, FOUR, needed - 1)
    assert seeds_needed(10, ONE) == 6
    assert seeds_needed(0.1, FOUR) is None
    assert seeds_needed(2, FOUR, num_tables=8) > needed


def test_a_study_is_told_that_it_is_underpowered():
    assert power_line(12, FOUR) is None
    line = power_line(3, FOUR)
    assert line is not None
    assert line.startswith("underpowered: 3 seeds see a difference of 2 seed SDs in ")
    assert f"needs {seeds_needed(2, FOUR)} for 80%" in line


# What is promised


def test_each_contrast_is_promised_as_the_closed_form_has_it():
    """δ plays no part where the effect is far above it."""
    found = promise(dataclasses.replace(PRIMACY, effect=3.0), 8, 1.0, num_studies=2_000)
    closed = power(3.0, pairs_for(PRIMACY.arms), 8)
    assert found.one_contrast == pytest.approx(closed)
    for chance in found.contrasts.values():
        assert chance == pytest.approx(closed, abs=0.03)
    assert found.position < min(found.contrasts.values())
    assert list(found.contrasts) == ["F−S", "F−M", "F−L"]


def test_what_is_promised_grows_with_seeds_and_falls_with_spread_axes_and_outliers():
    plain = promise(PRIMACY, 8, 0.12, num_studies=200).position
    assert plain < promise(PRIMACY, 12, 0.12, num_studies=200).position
    assert plain > promise(PRIMACY, 8, 0.18, num_studies=200).position
    assert plain > promise(PRIMACY, 8, 0.12, num_outliers=1, num_studies=200).position
    several = dataclasses.replace(PRIMACY, num_axes=8)
    assert plain > promise(several, 8, 0.12, num_studies=200).position


def test_none_is_promised_by_equivalence_alone():
    nothing = Planned(("F", "M", "L", "S"), "NONE", 0.0)
    quiet, loud = (promise(nothing, 8, sd, num_studies=300) for sd in (0.02, 0.2))
    assert quiet.position > 0.95
    assert loud.position < 0.05
    assert quiet.one_contrast is None


def test_under_six_seeds_no_verdict_is_promised():
    assert promise(PRIMACY, 5, 0.01, num_studies=20).position == 0


def test_the_fewest_seeds_keep_their_word():
    needed = fewest_seeds(PRIMACY, 0.12, num_studies=100)
    assert needed is not None
    assert promise(PRIMACY, needed, 0.12, num_studies=100).position >= 0.8
    assert promise(PRIMACY, needed - 1, 0.12, num_studies=100).position < 0.8
    assert fewest_seeds(PRIMACY, 2.0, num_studies=20) is None


def test_simulated_runs_are_as_they_are_said_to_be():
    sds = {"F": 0.1, "M": 0.3, "S": 0.1}
    values_NAS = simulated(("F", "M", "S"), 8, sds, num_studies=4_000)
    within = values_NAS - values_NAS.mean(axis=0)
    spread_A = (within - within.mean(axis=1, keepdims=True)).std(axis=(0, 2))
    assert spread_A[1] > 1.5 * spread_A[0]
    assert (values_NAS[:, 0] - values_NAS[:, 2]).std() == pytest.approx(0.1 * np.sqrt(2), rel=0.02)


def test_an_outlying_run_is_one_run_of_each_study():
    clean, struck = (simulated(("F", "S"), 8, 0.1, num_studies=50, num_outliers=n) for n in (0, 1))
    moved_NAS = np.abs(struck - clean)
    assert (np.sort(moved_NAS.reshape(50, -1), axis=1)[:, :-1] == 0).all()
    assert moved_NAS.max(axis=(1, 2)) == pytest.approx(0.5)


def test_all_that_cannot_be_planned_is_told_at_once():
    with pytest.raises(InputError) as error:
        promise(Planned(("F", "S", "Q"), "PRIMACY", 0.3), 8, 0.1)
    said = str(error.value)
    assert "PRIMACY cannot be found without the arms M, L" in said
    assert "no arm Q" in said
    with pytest.raises(InputError, match="no position 'FIRST'"):
        promise(dataclasses.replace(PRIMACY, position="FIRST"), 8, 0.1)


# The pilot


def test_a_pilots_spread_has_its_chi_square_limit():
    values_AS = 0.1 * generator(0, "test power", "pilot").standard_normal((4, 5))
    spread = spread_of(values_AS)
    assert spread.num_df == 12
    limit = spread.seed_sd * np.sqrt(12 / stats.chi2.isf(0.8, 12))
    assert spread.upper == pytest.approx(limit, abs=1e-12)
    with pytest.raises(InputError, match="no spread to plan by"):
        spread_of(values_AS[:1])


def test_power_from_a_pilot_at_the_command_line(upbringing: Command, pico: Design):
    said = upbringing("power", pico.path, "--seeds", "6", "--position", "NONE", "--arms", "F,M,L,S")
    assert said.code == 0
    assert "degrees of freedom" in said.out
    assert "planned: NONE; arms F, M, L, S; one axis" in said.out
    assert "NONE needs " in said.out


def test_power_without_a_pilot(upbringing: Command):
    said = upbringing("power", "--seed-sd", "0.05", "--seeds", "6,8", "--effect", "0.4")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()]
    assert [row[0] for row in rows if row and row[0] in ("6", "8")] == ["6", "8"]
    assert "PRIMACY needs" in said.out
    told = " ".join(said.out.split())
    assert "of 1,000 simulated studies each, ±3 points, the seeds needed of 500 at each" in told


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ((), "comes from a pilot or from --seed-sd"),
        (("--seed-sd", "0.1", "--seeds", "six"), "--seeds is 'six'"),
        (("--seed-sd", "0.1", "--position", "FIRST"), "no position 'FIRST'"),
        (("--seed-sd", "0.1", "--effect", "inf"), "an effect of inf"),
        (("--seed-sd", "inf"), "--seed-sd is inf"),
        (("nowhere",), "study.json"),
    ],
)
def test_what_power_cannot_do_is_said(upbringing: Command, options: tuple[str, ...], what: str):
    said = upbringing("power", *options)
    assert said.code == 2
    assert what in said.err
