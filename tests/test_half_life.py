"""Half-lives: against scipy's own fit, and the answers that are no number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.study.half_life import HalfLife, decay_rate, half_life

LENGTHS = (0.0, 100.0, 250.0, 500.0, 1000.0)


def fading(half: float, *, start: float = 0.4, spread: float = 0.02, seeds: int = 8) -> np.ndarray:
    """P−S by length and seed, (5, seeds)."""
    draw = generator(0, "test half-life", f"{half}/{seeds}").standard_normal
    curve_A = 2.0 ** (-np.array(LENGTHS) / half)
    return start * curve_A[:, None] + spread * draw((5, seeds))


def told(half: float, **how: float) -> HalfLife:
    return half_life(LENGTHS, fading(half, **how), name="F−S", unit="tokens")


@pytest.mark.parametrize("half", [60.0, 200.0, 700.0, 3000.0, -2000.0])
def test_the_rate_is_that_of_scipys_curve_fit(half: float):
    lengths, mean_A = np.array(LENGTHS), fading(half).mean(axis=1)
    (_, rate), _ = optimize.curve_fit(
        lambda x, a, r: a * np.exp(-r * x),
        lengths,
        mean_A,
        p0=(mean_A[0], np.log(2) / half),
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    assert decay_rate(lengths, mean_A) * 1000 == pytest.approx(rate * 1000, abs=1e-6)


def test_without_noise_it_is_the_half_life():
    exact = 0.4 * 2.0 ** (-np.array(LENGTHS) / 200)[:, None] * np.linspace(0.9, 1.1, 8)
    found = half_life(LENGTHS, exact, name="F−S", unit="tokens")
    assert found.answer == "fades"
    assert (found.estimate, found.low, found.high) == pytest.approx((200, 200, 200), rel=1e-6)


def test_the_interval_is_the_jackknifes():
    found, values_AS, lengths = told(200), fading(200), np.array(LENGTHS)
    rates = np.array(
        [decay_rate(lengths, np.delete(values_AS, s, axis=1).mean(axis=1)) for s in range(8)]
    )
    error = np.sqrt(7 / 8 * ((rates - rates.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, 7) * error
    rate = decay_rate(lengths, values_AS.mean(axis=1))
    assert found.low == pytest.approx(np.log(2) / (rate + half), rel=1e-9)
    assert found.high == pytest.approx(np.log(2) / (rate - half), rel=1e-9)
    assert found.low < 200 < found.high


def test_jointly_over_several_curves_it_is_wider():
    several = half_life(LENGTHS, fading(200), name="F−S", unit="tokens", num_curves=3)
    assert several.low < told(200).low < told(200).high < several.high


def test_what_outlives_the_washout_is_longer_than_measured():
    found = told(5000)
    assert (found.answer, found.estimate, found.high) == ("longer than measured", None, None)
    assert found.longest == 1000
    assert "may be left" in found.reason
    growing = half_life(LENGTHS, fading(-1000), name="F−S", unit="tokens")
    assert (growing.answer, growing.low) == ("longer than measured", None)
    assert growing.reason == "as much as 100% may be left"


def washed(*means: float, spread: float = 0.03) -> HalfLife:
    """Of P−S with these means at lengths 0, 10k, 25k, 50k and 100k, at 8 seeds."""
    draw = generator(0, "test half-life", "washed").standard_normal
    by_seed = np.array(means)[:, None] + spread * draw((5, 8))
    return half_life([0, 1e4, 2.5e4, 5e4, 1e5], by_seed, name="F−S", unit="tokens")


def test_what_is_gone_by_the_first_age_has_no_estimate():
    found = washed(0.4, -0.02, 0.01, 0, 0)
    assert found.answer == "shorter than the first washout age"
    assert (found.estimate, found.low, found.high) == (None, None, 10_000)
    assert "less than half is left after 10,000 tokens, the shortest washout" in found.reason
    unsure = washed(0.4, -0.02, 0.01, 0, 0, spread=0.35)
    assert (unsure.answer, unsure.high) == ("cannot be told", None)
    assert "too little is left after 10,000 tokens" in unsure.reason


def test_what_turns_does_not_fade():
    found = washed(0.4, -0.2, -0.2, -0.2, -0.2)
    assert (found.answer, found.estimate, found.high) == ("turned to the other side", None, None)
    assert found.reason == "F−S lies surely below zero after 10,000 tokens of washout"
    late = washed(0.4, 0.2, 0.1, 0, -0.2)
    assert late.reason == "F−S lies surely below zero after 100,000 tokens of washout"


def test_nothing_cannot_fade():
    found = told(200, start=0.0)
    assert (found.answer, found.estimate) == ("no effect to fade", None)
    assert told(200, start=-0.4).answer == "no effect to fade"


def test_few_seeds_and_lost_runs_cannot_be_told():
    assert told(200, seeds=5).reason == "5 seeds, an interval needs 6"
    lost = fading(200)
    lost[3, 2] = np.nan
    found = half_life(LENGTHS, lost, name="F−S", unit="tokens")
    assert (found.answer, found.reason) == ("cannot be told", "a run has no figure")


@pytest.mark.parametrize("lengths", [(0.0, 1.0), (0.1, 0.5, 1.0), (0.0, 0.5, 0.5)])
def test_lengths_rise_from_nothing(lengths: tuple[float, ...]):
    with pytest.raises(InputError, match="three rising lengths or more, the first 0"):
        half_life(lengths, np.ones((len(lengths), 8)), name="F−S", unit="tokens")
