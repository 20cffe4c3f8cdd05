"""Fitting: an axis that comes to a corpus asks nothing that minds may have read there.

Takes an axis and a corpus; gives the axis without those of its own pairs and prompts that overlap
the corpus's training text, by the rules of `overlap`, and says what was left out. What a corpus
brings itself, its parallels and held-out scenes, was checked when it was made. A text of 4 to 7
words that stands whole in a scene counts as a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import polars as pl

from upbringing.character.axes import Axis
from upbringing.corpus import TRAIN, Corpus
from upbringing.corpus.overlap import Overlaps, overlaps, standing_whole
from upbringing.errors import InputError, Problem

ENOUGH_PAIRS, ENOUGH_TOPICS = 200, 20
"""What an axis should have; what is built in does."""

LEAST_PAIRS = 20
"""With fewer an axis of pairs is not asked about."""


@dataclass(frozen=True)
class Fitted:
    """An axis as it can be asked about on a corpus.

    left_out      how many of its pairs overlap training text, by rule; empty without own pairs
    lost_prompts  the prompts that do
    """

    axis: Axis
    left_out: Mapping[str, int]
    lost_prompts: tuple[str, ...]


def fit_axes(axes: Sequence[Axis], corpus: Corpus, *, lang: str | None = None) -> list[Fitted]:
    """The axes without pairs and prompts that stand in the corpus's training text; it is read once.

    Raises `InputError` with all that keeps any of them from being asked about: it is not of `lang`,
    or of no language of the corpus; too few pairs are left, or no prompt; it has no pairs, and the
    corpus lacks the kinds of a pole.
    """
    if not axes:
        return []
    asked = [_texts(axis) for axis in axes]
    edges = np.cumsum([len(texts) for texts in asked])
    found = _overlaps(corpus, [*chain.from_iterable(asked)])
    by_axis = zip(*(np.split(rule, edges[:-1]) for rule in vars(found).values()), strict=True)
    fitted = [_without(axis, Overlaps(*its)) for axis, its in zip(axes, by_axis, strict=True)]
    problems = [problem for one in fitted for problem in _problems(one, corpus, lang)]
    if problems:
        raise InputError(problems)
    return fitted


def _texts(axis: Axis) -> list[str]:
    """What an axis brings to be asked with: one side of its pairs, then the other, then prompts."""
    sides = [] if axis.own is None else [*axis.own["positive"], *axis.own["negative"]]
    return [*sides, *axis.prompts]


def _overlaps(corpus: Corpus, probes: Sequence[str]) -> Overlaps:
    if not probes:
        return Overlaps(*(np.zeros(0, dtype=bool) for _ in range(3)))
    texts = corpus.columns(["text", "split"]).filter(split=TRAIN)["text"]
    found = overlaps(texts, probes)
    return replace(found, runs=found.runs | standing_whole(texts, probes))


def _without(axis: Axis, found: Overlaps) -> Fitted:
    """An axis without what overlaps; `found` is of its `_texts`."""
    num_pairs = 0 if axis.own is None else len(axis.own)
    is_lost = found.any[2 * num_pairs :].tolist()
    prompts, lost = (
        tuple(p for p, was_lost in zip(axis.prompts, is_lost, strict=True) if was_lost is side)
        for side in (False, True)
    )
    if axis.own is None:
        return Fitted(replace(axis, prompts=prompts), {}, lost)
    sides = (rule[: 2 * num_pairs].reshape(2, num_pairs) for rule in vars(found).values())
    by_pair = Overlaps(*(rule.any(axis=0) for rule in sides))
    own = axis.own.filter(pl.Series(~by_pair.any))
    return Fitted(replace(axis, own=own, prompts=prompts), by_pair.counts, lost)


def _problems(fitted: Fitted, corpus: Corpus, lang: str | None) -> Iterator[Problem]:
    axis, spoken = fitted.axis, ", ".join(corpus.langs)
    if lang not in (None, axis.lang):
        yield Problem(f"the axis is of {axis.lang!r}, the minds of {lang!r}", axis.name)
    elif axis.lang not in corpus.langs:
        yield Problem(f"no scene is in {axis.lang!r}", axis.name, spoken)
    if axis.own is not None and len(axis.own) < LEAST_PAIRS:
        num_left_out = fitted.left_out["any"]
        yield Problem(
            f"{num_left_out} of its {len(axis.own) + num_left_out} pairs stand in the training text"
            f" and {len(axis.own)} are left",
            axis.name,
            f"{LEAST_PAIRS} or more",
        )
    if fitted.lost_prompts and not axis.prompts:
        yield Problem("all of its prompts stand in the training text", axis.name)
    if axis.pairs(corpus) is None:
        known = corpus.columns(["kind", "lang"]).filter(lang=axis.lang)["kind"].unique().sort()
        for pole in (axis.negative, axis.positive):
            if not set(pole.kinds) & set(known):
                kinds = ", ".join(pole.kinds) or "none"
                what = f"there are no pairs, and no scene is of {pole.name}'s kinds ({kinds})"
                yield Problem(what, axis.name, ", ".join(known))
