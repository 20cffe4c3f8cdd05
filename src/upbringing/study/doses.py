"""Doses: what an order did to style and to knowledge, on one scale (claim C5).

The minds of the ladder have read the block's kinds in known amounts. Their figures by amount are
two curves, of the style that decides about the axis and of the knowledge of the facts that these
kinds tell. An arm's figure is read backwards through each curve: so much of the block, read in an
even mixture, gives as much. Both are then in the same unit, `blocks`: 1 is what each arm reads of
the block in its life. The difference of two arms is what their order was worth.

A dose is a name for the size of an effect, and not what was read: the rest of a rung's life is the
other pole, the rest of an arm's all else. What lies beyond a curve's ends has no dose. A curve that
rises too little against its seeds, or with too few rungs, measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from upbringing.character.knowledge import knowledge_by_kind
from upbringing.study.design import Design
from upbringing.study.execution import LIFE
from upbringing.study.figures import Figures
from upbringing.study.phrases import number
from upbringing.study.poles import FEWEST_SEED_SDS, is_measurable
from upbringing.study.rules import pairs_for
from upbringing.study.statistics import (
    FEWEST_SEEDS,
    Contrast,
    FloatArray,
    Pair,
    Table,
    family,
    seed_sd,
)

BLOCKS = "blocks"
STYLE, KNOWLEDGE, DIFFERENCE = "style", "knowledge", "style − knowledge"
FEWEST_RUNGS = 3
BEYOND = "beyond the scale"


@dataclass(frozen=True)
class Curve:
    """Figures by dose, of minds that were raised on an even mixture.

    doses   of each rung, rising, in blocks: (num_rungs,)
    values  of each rung's minds: (num_rungs, num_seeds)
    """

    doses: FloatArray
    values: FloatArray

    @classmethod
    def of(cls, by_dose: Mapping[float, FloatArray]) -> Curve:
        """The curve of the figures of each rung's minds, (num_seeds,) each, by dose."""
        doses = sorted(by_dose)
        return cls(np.array(doses), np.array([by_dose[dose] for dose in doses]))

    @property
    def fault(self) -> str | None:
        """Why nothing can be measured by it, or None."""
        if len(self.doses) < FEWEST_RUNGS:
            return f"{len(self.doses)} rungs make no curve, {FEWEST_RUNGS} do: raise the ladder"
        if not np.isfinite(self.values).all():
            return "a mind of the ladder has no figure"
        spread, rise = seed_sd(self.values), float(np.ptp(self._risen(self.values.mean(axis=1))))
        if rise == 0 or (spread and rise < FEWEST_SEED_SDS * spread):
            apart = f"{rise / spread:.1f} seed SDs" if spread else "not at all"
            return f"the ladder rises {apart}, {FEWEST_SEED_SDS:.0f} are needed"
        return None

    def dose_of(self, figure: float, values: FloatArray | None = None) -> float:
        """The dose that gives a figure; NaN beyond the ends. `values` in place of the curve's own.

        The rungs' means are made to rise (isotonic regression), and joined by a monotone cubic
        (PCHIP: Fritsch and Butland 1984). Doses that give the same have their mean.
        """
        level_D = self._risen((self.values if values is None else values).mean(axis=1))
        if not level_D[0] <= figure <= level_D[-1]:
            return float("nan")
        levels, which = np.unique(level_D, return_inverse=True)
        if len(levels) < 2:
            return float("nan")
        doses = np.bincount(which, self.doses) / np.bincount(which)
        return float(PchipInterpolator(levels, doses)(figure))

    @staticmethod
    def _risen(mean_D: FloatArray) -> FloatArray:
        risen: FloatArray = isotonic_regression(mean_D).x
        return risen

    def of_each_seed(self, figure_S: FloatArray) -> FloatArray:
        """An arm's dose as one number a seed: (num_seeds,).

        Jackknife pseudo-values (Tukey 1958): S·d − (S − 1)·d₋ᵢ, where d is the dose of the arm's
        mean, and d₋ᵢ the same without seed i in the arm and in the curve. So how little is known of
        the curve is in their spread too. Their mean, the estimate, is not d but d less its bias as
        the jackknife finds it. NaN where one of these is beyond the scale.
        """
        num_seeds = len(figure_S)
        whole = self.dose_of(float(figure_S.mean()))
        without = [
            self.dose_of(float(np.delete(figure_S, i).mean()), np.delete(self.values, i, axis=1))
            for i in range(num_seeds)
        ]
        return num_seeds * whole - (num_seeds - 1) * np.array(without)


@dataclass(frozen=True)
class Doses:
    """What an order was worth, in blocks: contrasts of style, of knowledge, and of the one minus
    the other, one family under each schedule; `sentences` say no more than these.
    """

    contrasts: tuple[Contrast, ...]
    sentences: tuple[str, ...]


def doses(figures: Figures) -> Doses | None:
    """The doses of the arms of a study at the end of life, on its first axis; None where no ladder
    was raised or the corpus tells no facts.

    All are read off the rungs of the first schedule, as the pole distance is. On an axis that
    cannot be measured there are no figures.
    """
    if not figures.design.settings.ladder or figures.design.corpus.questions is None:
        return None
    settings, first = figures.design.settings, next(iter(figures.design.settings.curves))
    rungs = _rungs(figures.design)

    def curve(measure: str) -> Curve:
        values = _values(figures, measure, first)
        return Curve.of({dose: values[arm] for arm, dose in rungs.items()})

    curves = {measure: curve(measure) for measure in (STYLE, KNOWLEDGE)}
    pairs = pairs_for(settings.arms)
    contrasts: list[Contrast] = []
    for schedule in settings.curves:
        arms = {
            measure: {arm: _values(figures, measure, schedule)[arm] for arm in settings.arms}
            for measure in curves
        }
        contrasts += on_one_scale(curves, arms, pairs, schedule)
    poles = figures.poles[figures.design.axis.name]
    if not is_measurable(poles, len(settings.seeds)):
        why = f"character cannot be measured at this scale: {poles.reason}"
        contrasts = [_without_figures(contrast, why) for contrast in contrasts]
    told = tuple(sentences(contrasts, "+".join(settings.block)))
    return Doses(tuple(contrasts), told)


def on_one_scale(
    curves: Mapping[str, Curve],
    arms: Mapping[str, Mapping[str, FloatArray]],
    pairs: Sequence[Pair],
    schedule: str,
) -> list[Contrast]:
    """Contrasts in blocks of `style`, of `knowledge`, and of the difference of the two.

    `arms` are the figures of each arm's minds by measure, (num_seeds,) each.
    """
    by_seed, reasons = {}, {}
    for measure, curve in curves.items():
        by_seed[measure], reasons[measure] = _by_seed(curve, arms[measure])
    by_seed[DIFFERENCE] = {
        arm: by_seed[STYLE][arm] - by_seed[KNOWLEDGE][arm] for arm in by_seed[STYLE]
    }
    reasons[DIFFERENCE] = {
        arm: f"{measure} of {why}" for measure in curves for arm, why in reasons[measure].items()
    }
    tables = [
        Table(values, schedule, measure, BLOCKS, axis=measure)
        for measure, values in by_seed.items()
    ]
    return [_with_reason(contrast, reasons) for contrast in family(tables, pairs, seed=0)]


def _by_seed(
    curve: Curve, figures: Mapping[str, FloatArray]
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """The dose of each arm by seed, and why an arm has none."""
    doses, reasons = {}, {}
    for arm, figure_S in figures.items():
        lost = int((~np.isfinite(figure_S)).sum())
        if curve.fault or lost:
            reasons[arm] = curve.fault or f"{lost} runs of {arm} have no figure"
            doses[arm] = np.full(len(figure_S), np.nan)
            continue
        doses[arm] = curve.of_each_seed(figure_S)
        if not np.isfinite(doses[arm]).all():
            reasons[arm] = f"{arm} is {BEYOND}"
    return doses, reasons


def _with_reason(contrast: Contrast, reasons: Mapping[str, Mapping[str, str]]) -> Contrast:
    own = reasons[contrast.measure]
    why = dict.fromkeys(own[arm] for arm in contrast.name.split("−") if arm in own)
    return replace(contrast, reason="; ".join(why)) if why else contrast


def _without_figures(contrast: Contrast, reason: str) -> Contrast:
    ends: dict[str, Any] = dict.fromkeys(("low", "high", "low90", "high90"))
    return replace(contrast, estimate=None, **ends, p=None, method="none", reason=reason)


def _rungs(design: Design) -> dict[str, float]:
    """The rungs of the first axis, with the blocks that their minds read."""
    rows = design.rows(f"S-s{design.settings.seeds[0]}", design.settings.row_length)
    kinds = rows.order.corpus.columns(["kind"])["kind"].gather(rows.order.sequence)
    of_block = kinds.is_in(design.axis.positive.kinds).to_numpy()
    num_tokens = np.diff(rows.starts)
    share = float(num_tokens[of_block].sum() / num_tokens.sum())
    return {arm: part / share for arm, part in design.dimensions[0].rungs.shares.items()}


def _values(figures: Figures, measure: str, schedule: str) -> dict[str, FloatArray]:
    """The figures of all minds under a schedule at the end of life, by arm."""
    axis = figures.design.axis
    if measure == STYLE:
        return figures.values(figures.design.primary, axis.name, schedule, LIFE)
    of_kinds = [
        figures.values(knowledge_by_kind.__name__, kind, schedule, LIFE)
        for kind in axis.positive.kinds
    ]
    return {arm: np.mean([by_arm[arm] for by_arm in of_kinds], axis=0) for arm in of_kinds[0]}


def sentences(contrasts: Sequence[Contrast], block: str) -> Iterator[str]:
    """What the contrasts say, a sentence for each pair under each schedule, and no more."""
    by_pair: dict[tuple[str, str], dict[str, Contrast]] = {}
    for contrast in contrasts:
        by_pair.setdefault((contrast.schedule, contrast.name), {})[contrast.measure] = contrast
    for (schedule, name), found in by_pair.items():
        first, second = name.split("−")
        told = [
            f"{what} {_worth(found[measure], block)}"
            for measure, what in ((STYLE, "style"), (KNOWLEDGE, "knowledge of its facts"))
        ]
        which = _which(found[STYLE], found[KNOWLEDGE])
        yield f"{schedule.capitalize()} rate, {first} against {second}: {'; '.join(told)}{which}."
    num_seeds = contrasts[0].num_seeds if contrasts else 0
    if num_seeds < FEWEST_SEEDS:
        yield f"{num_seeds} seeds are a demonstration: nothing of this is decided."


def _worth(contrast: Contrast, block: str) -> str:
    if contrast.estimate is None:
        return f"has no dose ({contrast.reason})"
    more = "more" if contrast.estimate >= 0 else "less"
    size = number(abs(contrast.estimate))
    worth = f"differs by as much as reading {block} {size} times {more}"
    if contrast.low is None or contrast.high is None:
        return f"{worth} (no interval: {contrast.reason})"
    none_too = ", no difference included" if contrast.low <= 0 <= contrast.high else ""
    return f"{worth} (95%: {number(contrast.low)} to {number(contrast.high)}{none_too})"


def _which(style: Contrast, knowledge: Contrast) -> str:
    """Which of the two moved farther, where their intervals tell and the seeds decide."""
    if style.num_seeds < FEWEST_SEEDS:
        return ""
    of_style, of_knowledge = _reach(style), _reach(knowledge)
    if of_style is None or of_knowledge is None:
        return ""
    if of_style[0] > of_knowledge[1]:
        return ": the order moved style farther than knowledge"
    if of_knowledge[0] > of_style[1]:
        return ": the order moved knowledge farther than style"
    return ": which of the two it moved farther is not told"


def _reach(contrast: Contrast) -> tuple[float, float] | None:
    """The least and the largest size that the interval holds."""
    if contrast.low is None or contrast.high is None:
        return None
    least = max(contrast.low, -contrast.high, 0.0)
    return least, max(contrast.high, -contrast.low)
