"""A judge for an axis: trained on a corpus's training scenes, examined on works it never saw."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from upbringing.character.axes import Axis
from upbringing.character.voice import BASELINE, Judge, JudgeReport, train_judge
from upbringing.corpus import Corpus
from upbringing.corpus.store import HELD_OUT, TRAIN
from upbringing.errors import InputError


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
    names = ["text", "kind", "lang", "work", "split"]
    frame = corpus.columns(names).filter(
        pl.col("kind").is_in([*axis.positive, *axis.negative]), lang=axis.lang
    )
    try:
        judge = train_judge(*_sides(frame.filter(split=TRAIN), axis), 0)
    except InputError as error:
        found = "; ".join(problem.what for problem in error.problems)
        return Judging(_KNOWS_NOTHING, _untrained(f"too little to learn from, {found}"))
    return Judging(judge, judge.examine(*_sides(frame.filter(split=HELD_OUT), axis), seed=0))


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


def _sides(frame: pl.DataFrame, axis: Axis) -> tuple[list[str], list[bool], list[str]]:
    """Texts, whether they are of the positive pole, and their works."""
    is_positive = frame["kind"].is_in(axis.positive).to_list()
    return frame["text"].to_list(), is_positive, frame["work"].to_list()
