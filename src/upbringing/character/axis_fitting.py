"""Fitting: an axis that comes to a corpus asks nothing that minds may have read there.

Takes an axis and a corpus; gives the axis without those of its own pairs and prompts that overlap
the corpus's training text, by the rules of `overlap`, and says what was left out. What a corpus
brings itself, its parallels and held-out scenes, was checked when it was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from upbringing.character.axes import Axis
from upbringing.corpus import TRAIN, Corpus
from upbringing.corpus.overlap import BoolArray, Overlaps, overlaps
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


def fit_axis(axis: Axis, corpus: Corpus, *, lang: str | None = None) -> Fitted:
    """The axis without pairs and prompts that stand in the corpus's training text.

    Raises `InputError` with all that keeps it from being asked about: it is not of `lang`, or of no
    language of the corpus; too few pairs are left, or no prompt; it has no pairs, and the corpus
    lacks the kinds of a pole.
    """
    sides = [] if axis.own is None else [*axis.own["positive"], *axis.own["negative"]]
    found = _overlaps(corpus, [*sides, *axis.prompts])
    kept, left_out = axis.own, dict[str, int]()
    if axis.own is not None:
        by_pair = Overlaps(*(_of_pairs(rule, len(axis.own)) for rule in vars(found).values()))
        kept, left_out = axis.own.filter(pl.Series(~by_pair.any)), by_pair.counts
    is_lost = found.any[len(sides) :].tolist()
    prompts, lost = (
        tuple(p for p, was_lost in zip(axis.prompts, is_lost, strict=True) if was_lost is side)
        for side in (False, True)
    )
    fitted = Fitted(replace(axis, own=kept, prompts=prompts), left_out, lost)
    problems = list(_problems(fitted, corpus, lang))
    if problems:
        raise InputError(problems)
    return fitted


def _overlaps(corpus: Corpus, probes: Sequence[str]) -> Overlaps:
    if not probes:
        return Overlaps(*(np.zeros(0, dtype=bool) for _ in range(3)))
    texts = corpus.columns(["text", "split"]).filter(split=TRAIN)["text"]
    return overlaps(texts, probes)


def _of_pairs(is_met: BoolArray, num_pairs: int) -> BoolArray:
    """Which pairs have a side that was met, (num_pairs,); prompts come after both sides."""
    pairs: BoolArray = is_met[: 2 * num_pairs].reshape(2, num_pairs).any(axis=0)
    return pairs


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
