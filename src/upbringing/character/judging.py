"""A judge for an axis: trained on a corpus's training scenes, examined on works it never saw."""

from __future__ import annotations

import polars as pl

from upbringing.character.axes import Axis
from upbringing.character.voice import Judge, JudgeReport, train_judge
from upbringing.corpus import Corpus
from upbringing.corpus.store import HELD_OUT, TRAIN
from upbringing.errors import InputError


def judge_for(corpus: Corpus, axis: Axis) -> tuple[Judge, JudgeReport] | None:
    """The judge between an axis's poles, and how it did; None where a pole has too little text."""
    names = ["text", "kind", "lang", "work", "split"]
    frame = corpus.columns(names).filter(
        pl.col("kind").is_in([*axis.positive, *axis.negative]), lang=axis.lang
    )
    try:
        judge = train_judge(*_sides(frame.filter(split=TRAIN), axis), 0)
    except InputError:
        return None
    return judge, judge.examine(*_sides(frame.filter(split=HELD_OUT), axis), seed=0)


def _sides(frame: pl.DataFrame, axis: Axis) -> tuple[list[str], list[bool], list[str]]:
    """Texts, whether they are of the positive pole, and their works."""
    is_positive = frame["kind"].is_in(axis.positive).to_list()
    return frame["text"].to_list(), is_positive, frame["work"].to_list()
