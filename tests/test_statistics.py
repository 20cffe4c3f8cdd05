"""Each statistic against another implementation; exact floors, and figures that are not there."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.study.sign_flips import step_down_p
from upbringing.study.simultaneous import critical_value
from upbringing.study.statistics import (
    Table,
    binomial_lower_bound,
    contrasts,
    costs,
    family,
    intervals,
    seed_sd,
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


def test_simultaneous_intervals_are_wider_and_the_90_is_not_adjusted():
    values = study(8)
    for found, (a, b) in zip(contrasts(values, PAIRS, seed=0), PAIRS, strict=True):
        test = stats.ttest_1samp(values[a] - values[b], 0)
        error = stats.sem(values[a] - values[b])
        narrow = test.confidence_interval(0.90)
        assert found.high - found.estimate == pytest.approx(critical_value(PAIRS, 8) * error)
        assert (found.low90, found.high90) == pytest.approx((narrow.low, narrow.high), abs=1e-6)


@pytest.mark.parametrize("mean", [0.0, 0.03, -0.06])
def test_the_90_interval_is_inside_delta_where_statsmodels_calls_it_equivalent(mean: float):
    values = {arm: 0.05 * v for arm, v in study(8, item=str(mean)).items()}
    values["F"] += mean
    [found] = contrasts(values, [("F", "S")], seed=0)
    for delta in (0.02, 0.05, 0.1, 0.2):
        p, _, _ = ttost_paired(values["F"], values["S"], -delta, delta)
        assert (found.low90 > -delta and found.high90 < delta) == (p < 0.05)
    # At the margin itself p is 5%: the ends of the interval are where one of the two tests turns.
    _, lower, _ = ttost_paired(values["F"], values["S"], found.low90, 9.0)
    _, _, upper = ttost_paired(values["F"], values["S"], -9.0, found.high90)
    assert (lower[1], upper[1]) == pytest.approx((0.05, 0.05), abs=1e-6)


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
    assert lost.reason == "L has no figure at 2 of 6 seeds"
    assert sound.reason is None
    # The family is as large as it was planned, whatever came of it.
    half = (sound.high - sound.low) / 2
    expected = critical_value([("N", "F"), ("L", "S"), ("F", "S")], 6)
    assert half / stats.sem(values["F"] - values["S"]) == pytest.approx(expected)


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
    half = critical_value([("F", "S"), ("L", "S")], 8) * stats.sem(values["F"] - values["S"])
    assert (first.high - first.low) / 2 == pytest.approx(half)


def test_seed_sd_leaves_arm_and_seed_effects_out():
    arms, seeds = np.array([[0.0], [3.0], [7.0]]), np.array([1.0, -2.0, 5.0, 4.0])
    assert seed_sd(arms + seeds) == pytest.approx(0.0, abs=1e-12)
    noise = generator(0, "test statistics", "noise").standard_normal((4, 2000))
    assert seed_sd(0.3 * noise + arms[0] + seeds.repeat(500)) == pytest.approx(0.3, rel=0.03)
    assert seed_sd(noise[:1]) is None
    assert seed_sd(noise[:, :1]) is None


def test_seed_sd_is_the_residual_of_statsmodels_two_way_anova():
    table_AS = np.stack(list(study(6).values()))
    arm, seed = np.indices(table_AS.shape).reshape(2, -1)
    frame = pandas.DataFrame({"y": table_AS.ravel(), "arm": arm, "seed": seed})
    residual = anova_lm(ols("y ~ C(arm) + C(seed)", frame).fit()).loc["Residual", "mean_sq"]
    assert seed_sd(table_AS) == pytest.approx(np.sqrt(residual), abs=1e-6)


def test_binomial_bound_is_the_clopper_pearson_one():
    low, _ = proportion_confint(60, 1000, alpha=0.1, method="beta")
    assert binomial_lower_bound(60, 1000) == pytest.approx(low, abs=1e-6)
    assert binomial_lower_bound(0, 1000) == 0


# How wide intervals must be to hold together


def test_one_contrast_has_students_critical_value():
    assert critical_value([("F", "S")], 8) == pytest.approx(stats.t.ppf(0.975, 7), abs=1e-9)
    of_eight = (1 + 0.95 ** (1 / 8)) / 2
    assert critical_value([("F", "S")], 8, 8) == pytest.approx(stats.t.ppf(of_eight, 7), abs=1e-9)


def test_contrasts_without_a_common_arm_are_independent():
    expected = stats.t.ppf((1 + np.sqrt(0.95)) / 2, 9)
    assert critical_value([("F", "S"), ("L", "M")], 10) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("num_seeds", [3, 6, 8, 12])
@pytest.mark.parametrize("spreads", [(1, 1, 1, 1), (1, 1, 2, 0.5)])
def test_simultaneous_intervals_cover(num_seeds: int, spreads: tuple[float, ...]):
    """10,000 studies without effect, runs drawn one by one: another way than the Wishart's."""
    draws = generator(0, "test statistics", f"cover/{num_seeds}").standard_normal
    values_NAS = draws((10_000, 4, num_seeds)) * np.array(spreads)[:, None]
    differences = np.stack(
        [values_NAS[:, "FMLS".index(a)] - values_NAS[:, "FMLS".index(b)] for a, b in PAIRS], axis=1
    )
    largest_N = np.abs(stats.ttest_1samp(differences, 0, axis=2).statistic).max(axis=1)
    assert (largest_N <= critical_value(PAIRS, num_seeds)).mean() == pytest.approx(0.95, abs=0.01)


def test_it_is_between_students_and_bonferronis_and_grows_with_the_family():
    few, all_ = critical_value(PAIRS[:3], 8), critical_value(PAIRS, 8)
    assert stats.t.ppf(0.975, 7) < few < all_ < stats.t.ppf(1 - 0.025 / 6, 7)
    assert all_ < critical_value(PAIRS, 8, 4) < stats.t.ppf(1 - 0.025 / 24, 7)


def test_it_does_not_care_for_names_or_directions():
    renamed = [(b.lower(), a.lower()) for a, b in PAIRS]
    assert critical_value(renamed, 8) == pytest.approx(critical_value(PAIRS, 8), rel=0.005)


def test_some_tables_of_a_family_have_the_intervals_of_all():
    tables = [Table(study(8, item=axis), "", axis, "bits", axis=axis) for axis in ("x", "y", "z")]
    joint = family(tables, PAIRS, seed=0)
    alone = intervals(tables[:1], PAIRS, num_tables=3)
    assert [(c.axis, c.low) for c in joint[:6]] == [(c.axis, c.low) for c in alone]
    assert {c.p for c in alone} == {None}
