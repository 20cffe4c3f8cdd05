"""Exploratory tests against statsmodels, sums over coordinates and all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pandas
import pytest
from scipy.spatial.distance import pdist, squareform
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.study.permanova import omnibus, order_spread, permanova


def table(arms: int, seeds: int, item: str = "") -> np.ndarray:
    draw = generator(0, "test permanova", f"{arms}/{seeds}/{item}").standard_normal
    return draw((arms, seeds)) + draw(seeds) + 0.7 * np.arange(arms)[:, None]


def cloud(arms: int = 3, seeds: int = 4, item: str = "") -> tuple[np.ndarray, list[str], list[int]]:
    """Points in 5 dimensions, their arms and their seeds."""
    points = np.stack([table(arms, seeds, f"{item}/{axis}").ravel() for axis in range(5)], axis=1)
    arm, seed = np.indices((arms, seeds)).reshape(2, -1)
    return points, [f"arm {a}" for a in arm], seed.tolist()


def squares_of(points: np.ndarray) -> np.ndarray:
    return squareform(pdist(points)) ** 2


def anova_of(values_AS: np.ndarray) -> tuple[float, float]:
    """F and p of the arms by statsmodels."""
    arm, seed = np.indices(values_AS.shape).reshape(2, -1)
    frame = pandas.DataFrame({"y": values_AS.ravel(), "arm": arm, "seed": seed})
    fit = ols("y ~ C(arm) + C(seed)", frame).fit()
    return tuple(anova_lm(fit).loc["C(arm)", ["F", "PR(>F)"]])


def test_the_omnibus_f_is_statsmodels():
    values_AS = table(4, 6)
    found = omnibus(values_AS, "FMLS", what="drama–technical")
    assert (found.statistic, found.p) == pytest.approx(anova_of(values_AS), abs=1e-6)
    assert 0 < found.share < 1
    assert "exploratory" in found.method


def test_on_a_line_the_pseudo_f_is_statsmodels_f():
    values_AS = table(4, 6)
    arm, seed = np.indices(values_AS.shape).reshape(2, -1)
    squares = squares_of(values_AS.reshape(-1, 1))
    found = permanova(squares, arm.astype(str), seed, what="line", seed=0)
    assert found.statistic == pytest.approx(anova_of(values_AS)[0], abs=1e-6)


def test_the_pseudo_f_sums_over_coordinates():
    points, arms, seeds = cloud()
    by_axis = points.T.reshape(5, 3, 4)
    of_arms = 4 * ((by_axis.mean(2) - by_axis.mean((1, 2))[:, None]) ** 2).sum()
    residual = by_axis - by_axis.mean(1, keepdims=True) - by_axis.mean(2, keepdims=True)
    of_rest = ((residual + by_axis.mean((1, 2), keepdims=True)) ** 2).sum()
    found = permanova(squares_of(points), arms, seeds, what="cloud", seed=0)
    assert found.statistic == pytest.approx((of_arms / 2) / (of_rest / 6), abs=1e-6)
    assert found.share == pytest.approx(of_arms / (of_arms + of_rest), abs=1e-6)


def test_p_is_that_of_all_permutations_within_seeds():
    points, arms, seeds = cloud(item="p")
    by_axis = points.T.reshape(5, 3, 4)

    def between(values: np.ndarray) -> float:
        return float(((values.mean(2) - values.mean((1, 2))[:, None]) ** 2).sum())

    every = itertools.product(itertools.permutations(range(3)), repeat=4)
    found = [
        between(np.stack([by_axis[:, order, s] for s, order in enumerate(orders)], axis=2))
        for orders in every
    ]
    exact = np.mean(np.array(found) >= between(by_axis) - 1e-9)
    said = permanova(squares_of(points), arms, seeds, what="cloud", seed=0).p
    assert said == pytest.approx(exact, abs=0.02)
    assert 0.01 < exact < 0.9  # else the comparison says little


def test_the_order_of_runs_does_not_matter():
    points, arms, seeds = cloud()
    order = generator(0, "test permanova", "order").permutation(len(arms))
    first = permanova(squares_of(points), arms, seeds, what="cloud", seed=0)
    again = permanova(
        squares_of(points[order]),
        [arms[k] for k in order],
        [seeds[k] for k in order],
        what="cloud",
        seed=0,
    )
    assert again.statistic == pytest.approx(first.statistic)


def test_runs_that_are_no_table_are_refused():
    points, arms, seeds = cloud()
    with pytest.raises(InputError, match="11 runs are not each of 3 arms at 4 seeds"):
        permanova(squares_of(points[1:]), arms[1:], seeds[1:], what="cloud", seed=0)


def test_lost_runs_leave_no_figure():
    values_AS = table(3, 6)
    values_AS[1, 2] = np.nan
    assert omnibus(values_AS, "FLS", what="x").reason == "a run has no figure"
    points, arms, seeds = cloud()
    points[3] = np.nan
    found = permanova(squares_of(points), arms, seeds, what="x", seed=0)
    assert (found.statistic, found.reason) == (None, "a run has no figure")


@pytest.mark.parametrize(
    "values_AS",
    [np.zeros((2, 6)), np.full((2, 6), 0.1), np.array([[0.1], [0.4]]) + np.linspace(0, 0.3, 6)],
)
def test_a_constant_difference_leaves_nothing_to_compare_with(values_AS: np.ndarray):
    found = omnibus(values_AS, "FS", what="x")
    assert (found.statistic, found.p, found.share) == (None, None, None)
    assert "the same at every seed" in found.reason
    arm, seed = np.indices((2, 6)).reshape(2, -1)
    squares = squares_of(values_AS.reshape(-1, 1))
    mapped = permanova(squares, [f"arm {a}" for a in arm], seed.tolist(), what="x", seed=0)
    assert (mapped.statistic, mapped.reason) == (None, found.reason)
    eight = np.repeat(values_AS, 4, axis=0)
    assert order_spread(eight, what="x").reason == found.reason


# The spread of random orders


def test_fewer_than_eight_orders_say_so():
    found = order_spread(table(7, 6), what="x")
    assert found.ratio is None
    assert found.reason == "7 random orders × 6 seeds, needs 8 × 2"


def test_the_ratio_is_that_of_the_components_of_variance():
    values_OS = table(10, 6)
    f, _ = anova_of(values_OS)
    found = order_spread(values_OS, what="x")
    assert found.ratio == pytest.approx((f - 1) / 6, abs=1e-6)
    assert found.low < found.ratio < found.high


def test_its_interval_covers():
    draw = generator(0, "test permanova", "orders").standard_normal
    held = []
    for _ in range(400):
        values_OS = draw((10, 6)) + np.sqrt(0.5) * draw((10, 1)) + draw((1, 6))
        found = order_spread(values_OS, what="x")
        held.append(found.low <= 0.5 <= found.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_no_spread_of_orders_is_no_less_than_nothing():
    draw = generator(0, "test permanova", "none").standard_normal((8, 30))
    assert order_spread(draw, what="x").low == 0
