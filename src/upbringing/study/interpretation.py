"""Interpretation: after block X or another in its place, the same next block B is read. What of it
is read otherwise, and how does the mind go on from openings that leave both ways open?

Takes a study with `next` (arms F and O, `order.arms`) and its readings; gives contrasts F−O, one
family under each schedule, and sentences that say no more than these:

    prequential   bits a byte of B as it was met, from the losses of the steps that read it: the
                  length of a code that learns while it reads (Dawid 1984)
    own_scenes    bits a byte of scenes of B in the mind that is about to read it
    of the profile, before B, after B and at the end of life: held-out text of B's kinds, the
                  measure that decides about the axis, and the lean of open openings

X and what stands in its place are read later in the other arm, so that at the end of life both have
read the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from upbringing.character import ALONG
from upbringing.character.interpretation import interpretation as lean
from upbringing.character.likelihood import bits, passage
from upbringing.identity import keyed_hash
from upbringing.order import Rows
from upbringing.study.design import Design
from upbringing.study.execution import LIFE, run_folder
from upbringing.study.phrases import number
from upbringing.study.statistics import (
    BITS_PER_BYTE,
    FEWEST_SEEDS,
    Contrast,
    FloatArray,
    Table,
    family,
)
from upbringing.training import Run, open_mind

FIRST_ARMS = ("F", "O")
"""The arms that begin with X, and with another in its place."""
PREQUENTIAL, OWN_SCENES = "prequential", "own_scenes"
BEFORE, WHILE, AFTER, AT_THE_END = "before", "while", "after", "at the end"
NUM_SCENES = 48
NUM_SHOWN = 5
LARGEST_SHIFT = 0.01
"""How far apart B may begin in the two arms, as a share of life, without a word about it."""

_NEXT = 1  # the phase of B in both arms


@dataclass(frozen=True)
class SceneRead:
    """A scene of B, and how many bits a byte more it needs after X than after the other: a mean
    over seeds, of minds that are about to read it.
    """

    schedule: str
    scene: str
    kind: str
    difference: float


@dataclass(frozen=True)
class Interpretation:
    """What `interpretation` found.

    first, other, next  names of X, of what stands in its place, and of B
    ages                at which B begins and ends, in F and in O
    scenes              of those asked, the ones that are read most differently
    """

    first: str
    other: str
    next: str
    ages: Mapping[str, tuple[float, float]]
    contrasts: tuple[Contrast, ...]
    scenes: tuple[SceneRead, ...]
    sentences: tuple[str, ...]


def borders_of(rows: Rows) -> tuple[float, float]:
    """The ages at which the next block begins and ends in the rows of F or of O."""
    span = rows.order.phases[_NEXT]
    begin, end = rows.starts[[span.start, span.stop]] / (rows.num_rows * rows.row_length)
    return round(float(begin), 4), round(float(end), 4)


def interpretation(design: Design, readings: pl.DataFrame) -> Interpretation | None:
    """How the next block was read, and what came of it; None for a study without one.

    `readings` are those of all its runs (`gathering.gather`). The minds before B are opened, and
    read `NUM_SCENES` scenes each.
    """
    if not design.settings.next:
        return None
    study = _Study(design, readings)
    contrasts: list[Contrast] = []
    scenes: list[SceneRead] = []
    for schedule in design.settings.curves:
        own_scenes = {arm: study.own_scenes(arm, schedule) for arm in FIRST_ARMS}
        contrasts += family(list(study.tables(schedule, own_scenes)), [FIRST_ARMS], seed=0)
        scenes += study.most_different(schedule, own_scenes)
    first, other = study.begun_with
    told = [sentence_of(contrast, first, other, study.next) for contrast in contrasts]
    return Interpretation(
        first,
        other,
        study.next,
        study.ages,
        tuple(contrasts),
        tuple(scenes),
        (*told, *study.provisos()),
    )


@dataclass(frozen=True)
class _Study:
    """A study with a next block."""

    design: Design
    readings: pl.DataFrame

    @property
    def next(self) -> str:
        return "+".join(self.design.settings.next or ())

    @cached_property
    def rows(self) -> dict[str, Rows]:
        """Of the first seed: the borders, and what lies between them, are those of every seed."""
        seed, length = self.design.settings.seeds[0], self.design.settings.row_length
        return {arm: self.design.rows(f"{arm}-s{seed}", length) for arm in FIRST_ARMS}

    @cached_property
    def ages(self) -> dict[str, tuple[float, float]]:
        return {arm: borders_of(rows) for arm, rows in self.rows.items()}

    @cached_property
    def begun_with(self) -> tuple[str, str]:
        """The kinds that F begins with, and those that O does."""
        first, other = (
            "+".join(self._scenes(arm, 0)["kind"].unique().sort()) for arm in FIRST_ARMS
        )
        return first, other

    @cached_property
    def scenes(self) -> pl.DataFrame:
        """A fixed lot of the scenes of B."""
        scenes = self._scenes("F", _NEXT).sort("key")
        lots = keyed_hash(scenes["key"].to_numpy(), 0, "interpretation")
        return scenes[np.sort(lots.argsort()[:NUM_SCENES])]

    def _scenes(self, arm: str, phase: int) -> pl.DataFrame:
        order = self.rows[arm].order
        span = order.phases[phase]
        columns = ["id", "key", "kind", "text", "num_bytes"]
        return order.corpus.columns(columns)[order.sequence[span.start : span.stop]]

    def tables(self, schedule: str, own_scenes: Mapping[str, FloatArray]) -> Iterator[Table]:
        """Every figure of F and O under a schedule, in the order in which it is told."""
        met = {arm: self._each_seed(arm, schedule, self._prequential) for arm in FIRST_ARMS}
        yield self._table(met, schedule, WHILE, PREQUENTIAL, BITS_PER_BYTE, self.next)
        unread = {arm: bits_NS.mean(0) for arm, bits_NS in own_scenes.items()}
        yield self._table(unread, schedule, BEFORE, OWN_SCENES, BITS_PER_BYTE, self.next)
        axis = self.design.axis.name
        for measure, subjects, about in (
            ("bits_per_byte", self.design.settings.next or (), self.next),
            (self.design.primary, (axis,), axis),
            (lean.__name__, (axis,), axis),
        ):
            of = self.readings.filter(
                pl.col("subject").is_in(subjects),
                measure=measure, schedule=schedule, stage=LIFE, scope=ALONG,
            )  # fmt: skip
            for moment in () if of.is_empty() else (BEFORE, AFTER, AT_THE_END):
                values = {arm: self._at(of, arm, moment) for arm in FIRST_ARMS}
                yield self._table(values, schedule, moment, measure, of["unit"][0], about)

    def _at(self, readings: pl.DataFrame, arm: str, moment: str) -> FloatArray:
        """The mean over subjects at a moment, (num_seeds,); NaN for a run that has none."""
        begin, end = self.ages[arm]
        age = {BEFORE: begin, AFTER: end, AT_THE_END: 1.0}[moment]
        found = readings.filter(arm=arm, age=age).group_by("seed").agg(pl.col("value").mean())
        by_seed = dict(found.iter_rows())
        return np.array([by_seed.get(seed, np.nan) for seed in self.design.settings.seeds])

    def _table(
        self, values: Mapping[str, FloatArray], schedule: str, moment: str, measure: str,
        unit: str, about: str,
    ) -> Table:  # fmt: skip
        when = moment if moment == AT_THE_END else f"{moment} {self.next}"
        return Table(values, f"{schedule}, {when}", measure, unit, axis=about)

    def _each_seed(
        self, arm: str, schedule: str, figure: Callable[[str, Run], FloatArray | float]
    ) -> FloatArray:
        """A figure of each run of an arm, the seeds on the last axis."""
        found = []
        for seed in self.design.settings.seeds:
            name = f"{arm}-{schedule}-s{seed}"
            plan = next(plan for plan in self.design.plans if plan.name == name)
            found.append(figure(arm, Run.open(run_folder(self.design, plan))))
        return np.stack(found, axis=-1)

    def _prequential(self, arm: str, run: Run) -> float:
        """Bits a byte of B as it was met, in the steps that read nothing else."""
        if run.diverged_at is not None:
            return float("nan")
        rows, steps = self.rows[arm], run.recipe.steps
        span = rows.order.phases[_NEXT]
        begin, end = (int(place) for place in rows.starts[[span.start, span.stop]])
        first, size = steps.first_row * rows.row_length, steps.num_rows * rows.row_length
        inside = (first >= begin) & (first + size <= end)
        if not inside.any():  # B is smaller than a step
            return float("nan")
        losses = run.metrics["loss"].to_numpy()[inside]
        per_token = np.average(losses, weights=steps.num_rows[inside]) / np.log(2)
        num_bytes = int(rows.order.num_bytes[span.start : span.stop].sum())
        return float(per_token * (end - begin) / num_bytes)

    def own_scenes(self, arm: str, schedule: str) -> FloatArray:
        """Bits a byte of each scene in the minds of an arm before B: (num_scenes, num_seeds)."""
        tokenizer = self.design.tokens.tokenizer
        passages = [passage(tokenizer, text) for text in self.scenes["text"]]
        num_bytes_N = self.scenes["num_bytes"].to_numpy()

        def read(arm: str, run: Run) -> FloatArray:
            folder = run.checkpoints.get(self.ages[arm][0])
            if folder is None:  # the life diverged before it
                return np.full(len(passages), np.nan)
            needed: FloatArray = bits(open_mind(folder), passages) / num_bytes_N
            return needed

        return self._each_seed(arm, schedule, read)

    def most_different(
        self, schedule: str, own_scenes: Mapping[str, FloatArray]
    ) -> list[SceneRead]:
        """The scenes that are read most differently, the largest difference first."""
        difference_N = (own_scenes["F"] - own_scenes["O"]).mean(axis=1)
        if not np.isfinite(difference_N).all():
            return []
        strongest = np.argsort(-np.abs(difference_N), kind="stable")[:NUM_SHOWN]
        ids, kinds = self.scenes["id"], self.scenes["kind"]
        return [
            SceneRead(schedule, ids[n], kinds[n], float(difference_N[n]))
            for n in strongest.tolist()
        ]

    def provisos(self) -> Iterator[str]:
        """What every sentence must be read with."""
        begins = [begin for begin, _ in self.ages.values()]
        if abs(begins[0] - begins[1]) > LARGEST_SHIFT:
            yield (
                f"{self.next} begins at age {begins[0]:.2f} in F and at {begins[1]:.2f} in O: the "
                "two blocks before it are not of one size, and so its own place differs too."
            )
        num_seeds = len(self.design.settings.seeds)
        if num_seeds < FEWEST_SEEDS:
            yield f"{num_seeds} seeds are a demonstration: nothing of this is decided."


def sentence_of(contrast: Contrast, first: str, other: str, following: str) -> str:
    """What a contrast says, and no more."""
    schedule, _, when = contrast.schedule.rpartition(", ")
    what = {
        PREQUENTIAL: f"the cost of {following} as it was met",
        OWN_SCENES: f"the cost of scenes of {following} that are read next",
        "bits_per_byte": f"the cost of held-out {following}",
        lean.__name__: f"the lean of open openings on {contrast.axis}",
    }.get(contrast.measure, f"the {contrast.measure.replace('_', ' ')} on {contrast.axis}")
    begun = f"{schedule.capitalize()} rate, {when}: with {first} first, {what}"
    if contrast.estimate is None:
        return f"{begun} has no figure against {other} first ({contrast.reason})."
    direction = "higher" if contrast.estimate >= 0 else "lower"
    unit = "" if contrast.unit == "share" else f" {contrast.unit}"
    size = f"{number(abs(contrast.estimate), 3)}{unit}"
    moved = f"{begun} was {size} {direction} than with {other} first"
    if contrast.low is None or contrast.high is None:
        return f"{moved} (no interval: {contrast.reason})."
    none_too = ", no difference included" if contrast.low <= 0 <= contrast.high else ""
    return f"{moved} (95%: {number(contrast.low, 3)} to {number(contrast.high, 3)}{none_too})."
