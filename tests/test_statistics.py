"""Contrasts against scipy, exact floors, coverage, and figures that are not there."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.study.power import power, seeds_needed
from upbringing.study.statistics import (
    Table,
    binomial_lower_bound,
    contrasts,
    costs,
    critical_value,
    family,
    seed_sd,
    step_down_p,
)

PAIRS = [("F", "S"), ("M", "S"), ("L", "S"), ("F", "M"), ("L", "M"), ("F", "L")]


def study(num_seeds: int, *, item: str = "", arms: str = "FMLS") -> dict[str, np.ndarray]:
    draws = generator(0, "test statistics", f"{num_seeds}/{item}").standard_normal
    by_seed = draws(num_seeds)
    return {arm: draws(num_seeds) + by_seed for arm in arms}


def test_one_contrast_is_scipys_paired_t():
    values = study(8)
    [found] = contrasts(values, [("F", "S")], seed=0)
    test = stats.ttest_rel(values["F"], values["S"])
    wide, narrow = test.confidence_interval(0.95), test.confidence_interval(0.90)
    assert found.estimate == pytest.approx((values["F"] - values["S"]).mean(), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((wide.low, wide.high), abs=1e-6)
    assert (found.low90, found.high90) == pytest.approx((narrow.low, narrow.high), abs=1e-6)
    assert (found.name, found.num_seeds, found.unit) == ("F−S", 8, "pole distances")


def test_simultaneous_intervals_are_bonferroni_and_the_90_is_not_adjusted():
    values = study(8)
    for found, (a, b) in zip(contrasts(values, PAIRS, seed=0), PAIRS, strict=True):
        test = stats.ttest_1samp(values[a] - values[b], 0)
        wide, narrow = test.confidence_interval(1 - 0.05 / 6), test.confidence_interval(0.90)
        assert (found.low, found.high) == pytest.approx((wide.low, wide.high), abs=1e-6)
        assert (found.low90, found.high90) == pytest.approx((narrow.low, narrow.high), abs=1e-6)


def test_p_of_one_contrast_is_scipys_sign_flip_test():
    values = study(7)
    [found] = contrasts(values, [("F", "S")], seed=0)
    reference = stats.permutation_test(
        (values["F"] - values["S"],),
        lambda d, axis: np.abs(stats.ttest_1samp(d, 0, axis=axis).statistic),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert found.p == pytest.approx(reference.pvalue, abs=1e-6)


@pytest.mark.parametrize(("num_seeds", "floor"), [(5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_p_has_the_floor_of_its_seeds(num_seeds: int, floor: float):
    values = {"F": 5 + study(num_seeds)["F"] / 10, "S": np.zeros(num_seeds)}
    [found] = contrasts(values, [("F", "S")], seed=0)
    assert found.p == floor


def test_step_down_is_written_out_by_hand():
    differences_SK = np.stack([study(5, item=str(k))["F"] + k for k in range(3)], axis=1)
    t_PK = np.array(
        [
            np.abs(stats.ttest_1samp(differences_SK * np.array(signs)[:, None], 0).statistic)
            for signs in itertools.product([1, -1], repeat=5)
        ]
    )
    by_size = np.argsort(-t_PK[0])
    expected, running = np.empty(3), 0.0
    for rank, k in enumerate(by_size):
        rivals = t_PK[:, by_size[rank:]].max(axis=1)
        running = max(running, float((rivals >= t_PK[0, k] - 1e-9).mean()))
        expected[k] = running
    assert step_down_p(differences_SK, seed=0) == pytest.approx(expected, abs=1e-12)


def test_beyond_twelve_seeds_flips_are_drawn_by_key():
    values = study(14)
    first, again = (contrasts(values, PAIRS, seed=1) for _ in range(2))
    other = contrasts(values, PAIRS, seed=2)
    assert first == again
    assert [c.p for c in first] != [c.p for c in other]
    assert [c.p for c in first] == pytest.approx([c.p for c in other], abs=0.03)
    assert "10000 sign flips" in first[0].method


@given(st.permutations(range(6)), st.integers(0, 50))
def test_a_family_does_not_care_for_the_order_of_seeds_or_pairs(order: list[int], item: int):
    values = study(6, item=str(item))
    shuffled = {arm: v[order] for arm, v in values.items()}
    forward = contrasts(values, PAIRS, seed=0)
    backward = contrasts(shuffled, PAIRS[::-1], seed=0)[::-1]
    for a, b in zip(forward, backward, strict=True):
        assert (a.name, a.p) == (b.name, b.p)
        assert (a.low, a.high) == pytest.approx((b.low, b.high))


def test_a_contrast_reads_both_ways():
    values = study(8)
    forth, back = contrasts(values, [("F", "L"), ("L", "F")], seed=0)
    turned = forth.reversed()
    assert turned.name == "L−F"
    assert (turned.estimate, turned.low, turned.high90, turned.p) == pytest.approx(
        (back.estimate, back.low, back.high90, back.p)
    )
    assert turned.reversed() == forth


def test_axes_join_one_family():
    tables = [Table(study(8, item=axis), "constant", axis, "bits") for axis in ("x", "y")]
    both = family(tables, PAIRS[:2], seed=0)
    alone = contrasts(tables[0].values, PAIRS[:2], seed=0)
    assert [(c.measure, c.name) for c in both] == [
        ("x", "F−S"), ("x", "M−S"), ("y", "F−S"), ("y", "M−S"),
    ]  # fmt: skip
    assert both[0].p >= alone[0].p
    assert both[0].high > alone[0].high
    assert both[0].high90 == pytest.approx(alone[0].high90)


def test_what_is_not_there_is_none_with_a_reason():
    [one] = contrasts({"F": np.array([1.0]), "S": np.array([0.5])}, [("F", "S")], seed=0)
    assert (one.estimate, one.low, one.p) == (0.5, None, None)
    assert one.reason == "one seed has no spread"

    values = study(6)
    values |= {"N": values["F"] + 0.25, "L": values["L"].copy()}
    values["L"][[1, 4]] = np.nan, np.inf
    same, lost, sound = contrasts(values, [("N", "F"), ("L", "S"), ("F", "S")], seed=0)
    assert same.estimate == pytest.approx(0.25)
    assert (same.low, same.high90, same.p) == (None, None, None)
    assert "same at every seed" in (same.reason or "")
    assert (lost.estimate, lost.low, lost.p) == (None, None, None)
    assert lost.reason == "L diverged at 2 of 6 seeds"
    assert sound.reason is None
    # The family is as large as it was planned, whatever came of it.
    half = (sound.high - sound.low) / 2
    assert half / stats.sem(values["F"] - values["S"]) == pytest.approx(critical_value(3, 6))


def test_records_hold_plain_numbers_for_json():
    found = contrasts(study(6), PAIRS, seed=0)[0]
    kinds = {type(value) for value in dataclasses.asdict(found).values()}
    assert kinds == {str, float, int, type(None)}


def test_all_problems_are_told_at_once():
    with pytest.raises(InputError) as error:
        contrasts({"F": np.zeros(3), "S": np.zeros(4)}, [("F", "S"), ("Q", "S")], seed=0)
    assert len(error.value.problems) == 2
    assert "no arm 'Q'" in str(error.value)


def test_costs_are_contrasts_against_the_shuffle():
    values = study(8)
    first, last = costs({k: values[k] for k in "FLS"}, seed=0, schedule="steep")
    assert [first.arm, last.arm, first.unit, first.schedule] == ["F", "L", "bits/byte", "steep"]
    test = stats.ttest_rel(values["F"], values["S"]).confidence_interval(0.975)
    assert (first.low, first.high) == pytest.approx((test.low, test.high))


def test_seed_sd_leaves_arm_and_seed_effects_out():
    arms, seeds = np.array([[0.0], [3.0], [7.0]]), np.array([1.0, -2.0, 5.0, 4.0])
    assert seed_sd(arms + seeds) == pytest.approx(0.0, abs=1e-12)
    noise = generator(0, "test statistics", "noise").standard_normal((4, 2000))
    assert seed_sd(0.3 * noise + arms[0] + seeds.repeat(500)) == pytest.approx(0.3, rel=0.03)
    assert seed_sd(noise[:1]) is None
    assert seed_sd(noise[:, :1]) is None


def test_binomial_bound_is_the_clopper_pearson_one():
    assert binomial_lower_bound(60, 1000) == pytest.approx(stats.beta.ppf(0.05, 60, 941), abs=1e-6)
    assert binomial_lower_bound(0, 1000) == 0


@pytest.mark.parametrize("num_seeds", [3, 6, 8, 10])
def test_simultaneous_intervals_cover(num_seeds: int):
    """2,000 studies without effect; vectorised with the critical value that `family` uses."""
    draws = generator(0, "test statistics", f"cover/{num_seeds}").standard_normal
    values_NAS = draws((2000, 4, num_seeds)) * np.array([1, 1, 2, 0.5])[:, None]
    differences = np.stack(
        [values_NAS[:, "FMLS".index(a)] - values_NAS[:, "FMLS".index(b)] for a, b in PAIRS], axis=1
    )
    t_NK = np.abs(stats.ttest_1samp(differences, 0, axis=2).statistic)
    assert 0.93 < (t_NK.max(axis=1) <= critical_value(6, num_seeds)).mean() < 0.97


def test_power_is_that_of_simulated_studies():
    """The figures of the design: .80 at S = 6 alone; .73 and .89 at S = 8 and 10 among four."""
    assert power(2, 1, 6) == pytest.approx(0.79, abs=0.01)
    assert power(2, 4, 8) == pytest.approx(0.72, abs=0.01)
    assert power(2, 4, 10) == pytest.approx(0.88, abs=0.01)
    draws = generator(0, "test statistics", "power").standard_normal((4000, 2, 8))
    t = stats.ttest_rel(draws[:, 0] + 2, draws[:, 1], axis=1).statistic
    assert power(2, 4, 8) == pytest.approx((t > critical_value(4, 8)).mean(), abs=0.025)


def test_seeds_needed_is_the_first_number_with_the_power():
    needed = seeds_needed(2, 4)
    assert needed == 9
    assert power(2, 4, needed) >= 0.8 > power(2, 4, needed - 1)
    assert seeds_needed(10, 1) == 6
    assert seeds_needed(0.1, 4) is None
