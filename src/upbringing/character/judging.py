"""A judge for an axis: trained on a corpus's training scenes, examined on text it never saw.

Where the corpus tells the axis's kinds in parallels, the examination is on those: the same events
in both manners, on topics that no scene has. Elsewhere it is on the corpus's held-out scenes, also
where the axis brings pairs of its own: the judge will hear minds that read this corpus.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl
from threadpoolctl import threadpool_limits

from upbringing.character.axes import Axis
from upbringing.character.examination import BASELINE, JudgeReport
from upbringing.character.voice import Judge, train_judge
from upbringing.corpus import HELD_OUT, LEFT_OUT, TRAIN, Corpus
from upbringing.corpus.held_out import UNITS
from upbringing.errors import InputError

NOT_SEPARATED = "topic and manner are not separated"


@dataclass(frozen=True)
class Judging:
    """A judge, and whether its examination lets it be used."""

    judge: Judge
    report: JudgeReport


def judge_for(corpus: Corpus, axis: Axis) -> Judging:
    """The judge between an axis's poles, and how it did.

    Where a pole has too little text to learn from, the judge knows nothing and gives one half to
    every text; it does not pass.
    """
    with threadpool_limits(limits=1):  # more threads add in another order
        return _judging(corpus, axis)


def _judging(corpus: Corpus, axis: Axis) -> Judging:
    read, asked = _texts(corpus, axis)
    try:
        judge = train_judge(*_sides(read, axis), 0)
    except InputError as error:
        found = "; ".join(problem.what for problem in error.problems)
        return Judging(_KNOWS_NOTHING, _untrained(f"too little to learn from, {found}"))
    report = judge.examine(*_sides(asked, axis), seed=0)
    if report.passed and _told(corpus, axis) is None:
        report = replace(report, reason=f"{report.reason}; {NOT_SEPARATED}")
    return Judging(judge, report)


_KNOWS_NOTHING = Judge((), 0.0, frozenset())


def _untrained(reason: str) -> JudgeReport:
    return JudgeReport(
        num_positive=0,
        num_negative=0,
        num_groups=0,
        baseline=BASELINE,
        figures=None,
        passed=False,
        reason=reason,
    )


def _texts(corpus: Corpus, axis: Axis) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What to learn from and what to be examined on: columns text, kind and group."""
    poles = pl.col("kind").is_in([*axis.positive.kinds, *axis.negative.kinds])
    scenes = corpus.columns([*UNITS, "text", "kind", "lang", "split"])
    scenes = scenes.filter(poles, pl.col("split") != LEFT_OUT, lang=axis.lang)
    pairs = _told(corpus, axis)
    if pairs is not None:
        ends = (("positive", axis.positive), ("negative", axis.negative))
        told = [
            pairs.select(pl.col(side).alias("text"), group="topic", kind=pl.lit(pole.kinds[0]))
            for side, pole in ends
            if pole.kinds
        ]
        read = scenes.filter(split=TRAIN).with_columns(group=pl.col("work"))
        return read, pl.concat(told) if told else read.clear()
    units = (pl.when(_is_split_by(unit)).then(unit) for unit in UNITS)
    scenes = scenes.with_columns(group=pl.coalesce(*units))
    return scenes.filter(split=TRAIN), scenes.filter(split=HELD_OUT)


def _told(corpus: Corpus, axis: Axis) -> pl.DataFrame | None:
    """The pairs that the corpus itself tells in both manners; None without any."""
    return axis.pairs(corpus) if axis.own is None else None


def _is_split_by(unit: str) -> pl.Expr:
    """Whether a scene's kind has no value of `unit` that is both read and held out."""
    return (pl.col("split").n_unique().over("kind", unit) == 1).all().over("kind")


def _sides(frame: pl.DataFrame, axis: Axis) -> tuple[list[str], list[bool], list[str]]:
    """Texts, whether they are of the positive pole, and their groups."""
    is_positive = frame["kind"].is_in(axis.positive.kinds).to_list()
    return frame["text"].to_list(), is_positive, frame["group"].to_list()
