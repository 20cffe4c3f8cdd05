"""Findings of an imprint: what minds know → curves over age, beside the predicted ones, in words.

imprint(age) = how well a packet is known that was met at that age − how well packets are known
that the same mind never met. A seed gives one curve, the mean over both of its squares, in which
packets and lives cancel; intervals are t over seeds, each for itself. Made anew from the runs each
time: the runs are the data, this is arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from upbringing.errors import ArtefactError
from upbringing.files import made_by, read_json, write_json
from upbringing.order.words import count
from upbringing.study.imprint import ImprintDesign, ImprintLife
from upbringing.study.packets import TEXT, UNITS
from upbringing.study.statistics import FloatArray
from upbringing.training import Imprint

NUM_BINS = 100  # of the predicted curve


@dataclass(frozen=True)
class Figure:
    """A mean over seeds with its 95% interval; None where there is none, and `reason` says why."""

    estimate: float | None
    low: float | None
    high: float | None
    by_seed: tuple[float | None, ...]
    reason: str | None = None

    @classmethod
    def of(cls, values_S: FloatArray) -> Figure:
        """The figure of one number a seed; NaN for a seed of which a life diverged."""
        by_seed = tuple(float(value) if np.isfinite(value) else None for value in values_S)
        if None in by_seed:
            return cls(None, None, None, by_seed, "a life diverged")
        mean, num_seeds = float(values_S.mean()), len(values_S)
        if num_seeds < 2:
            return cls(mean, None, None, by_seed, "one seed has no spread")
        critical = float(stats.t.ppf(0.975, num_seeds - 1))
        half = critical * float(values_S.std(ddof=1)) / np.sqrt(num_seeds)
        return cls(mean, mean - half, mean + half, by_seed)


@dataclass(frozen=True)
class Point:
    """One slot: the mean age at which packets were read in it, and what is left of them.

    predicted  mean density over these stretches of age, 1 for an even life
    """

    age: float
    predicted: float
    measured: Figure


@dataclass(frozen=True)
class CurveOver:
    """One measure of minds on one schedule, by age.

    agreement  Spearman's rank correlation of measured and predicted, over the slots
    """

    schedule: str
    measure: str
    unit: str
    points: tuple[Point, ...]
    agreement: Figure
    sentence: str


def conclude_imprint(design: ImprintDesign) -> dict[str, Any]:
    """Write the findings of an imprint whose runs are all done; gives `findings.json`.

    Raises `ArtefactError` that names the runs that are missing.
    """
    missing = design.todo()
    if missing:
        raise ArtefactError(
            f"{len(missing)} runs are not done: {', '.join(missing[:8])}",
            where=str(design.path),
            do="run the same command again: it continues",
        )
    knows = {name: read_json(design.known(life))["knows"] for name, life in design.lives.items()}
    measures = next((tuple(known) for known in knows.values() if known), (TEXT,))
    schedules = tuple(design.settings.curves)
    curves = [_curve(design, knows, s, measure) for measure in measures for s in schedules]
    first = {life.schedule: life for life in reversed(design.lives.values())}
    findings = {
        "settings": dict(design.said["settings"]),
        "lang": design.said["lang"],
        "num_lives": len(design.lives),
        "num_tokens": first[schedules[0]].recipe.num_rows * design.settings.row_length,
        "predicted": {schedule: _predicted(first[schedule]) for schedule in schedules},
        "curves": [asdict(curve) for curve in curves],
        "diverged": [name for name, known in knows.items() if known is None],
        "answer": [curve.sentence for curve in curves],
        "digests": {"design": design.digest, **design.said["digests"]},
        "command": made_by()["command"],
    }
    write_json(design.path / "findings.json", findings)
    return findings


def imprint_of(life: ImprintLife) -> Imprint:
    """The predicted imprint of a life."""
    return Imprint.of(life.recipe.steps, life.recipe.weight_decay)


def _predicted(life: ImprintLife) -> dict[str, Any]:
    """The whole predicted curve, a figure for each hundredth of life."""
    imprint = imprint_of(life)
    return {
        "density": imprint.tabled(NUM_BINS).tolist(),
        "peak_age": imprint.peak_age,
        "weight_decay": life.recipe.weight_decay,
        "peak_lr": life.recipe.peak_lr,
        "num_steps": len(life.recipe.steps),
    }


def _curve(
    design: ImprintDesign, knows: Mapping[str, Any], schedule: str, measure: str
) -> CurveOver:
    lives = [life for life in design.lives.values() if life.schedule == schedule]
    num_seeds, num_ages = design.settings.num_seeds, design.settings.num_ages
    measured_SK, predicted_K, age_K = np.zeros((num_seeds, num_ages)), *np.zeros((2, num_ages))
    predicted = imprint_of(lives[0])
    for life in lives:
        known = knows[life.name][measure] if knows[life.name] else {}
        never = [value for name, value in known.items() if name not in life.met]
        for name, met in life.met.items():
            gained = known[name] - np.mean(never) if known else np.nan
            measured_SK[life.seed, met.slot] += gained * num_seeds / len(lives)
            stretch = (np.array(met.begin), np.array(met.end))
            predicted_K[met.slot] += predicted.mean(*stretch) / len(lives)
            age_K[met.slot] += np.mean(stretch) / len(lives)
    points = tuple(
        Point(float(age), float(density), Figure.of(values_S))
        for age, density, values_S in zip(age_K, predicted_K, measured_SK.T, strict=True)
    )
    agreement = Figure.of(np.array([_rank_correlation(row, predicted_K) for row in measured_SK]))
    sentence = _sentence(schedule, measure, points, agreement)
    return CurveOver(schedule, measure, UNITS[measure], points, agreement, sentence)


def _rank_correlation(measured_K: FloatArray, predicted_K: FloatArray) -> float:
    """NaN where a life diverged."""
    if not np.isfinite(measured_K).all():
        return float("nan")
    return float(stats.spearmanr(measured_K, predicted_K).statistic)


def _sentence(schedule: str, measure: str, points: Sequence[Point], agreement: Figure) -> str:
    if agreement.estimate is None:
        return f"{schedule}, {measure}: {agreement.reason}"
    strongest = max(points, key=lambda point: point.measured.estimate or 0.0)
    weakest = min(points, key=lambda point: point.measured.estimate or 0.0)
    said = " and least ".join(
        f"at age {point.age:.2f} ({_said(point.measured, 3)} {UNITS[measure]})"
        for point in (strongest, weakest)
    )
    high = max(points, key=lambda point: point.predicted)
    low = min(points, key=lambda point: point.predicted)
    return (
        f"{schedule}, {measure}: most is left {said}. Predicted: most at age {high.age:.2f}, "
        f"{high.predicted / low.predicted:.2f} times as much as at {low.age:.2f}. Rank correlation "
        f"over {len(points)} ages: {_said(agreement, 2)} over "
        f"{count(len(agreement.by_seed), 'seed')}: {_judged(agreement)}"
    )


def _said(figure: Figure, digits: int) -> str:
    """`0.045, 0.038 to 0.053`."""
    ends = [figure.estimate, figure.low, figure.high]
    mean, low, high = (None if end is None else f"{end:.{digits}f}" for end in ends)
    return f"{mean}, {low} to {high}" if low else f"{mean}"


def _judged(agreement: Figure) -> str:
    """What the interval says, and no more."""
    if agreement.low is None or agreement.high is None:
        return f"{agreement.reason}, so nothing is shown."
    if agreement.low > 0:
        return "it rises where it was predicted to rise."
    if agreement.high < 0:
        return "it falls where it was predicted to rise."
    return "neither that it follows the prediction nor that it opposes it is shown."
