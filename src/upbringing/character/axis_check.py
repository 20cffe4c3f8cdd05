"""A check of an axis: everything that is right with it, doubtful or wrong, before a mind is asked.

Takes an axis and, best, the corpus on which it shall be used. What is wrong keeps it from being
used; what is doubtful limits what may be said of its figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy.stats import fisher_exact

from upbringing.character.axes import STYLE_MARGIN, VOICE, Axis, Pole
from upbringing.character.axis_fitting import (
    ENOUGH_PAIRS,
    ENOUGH_TOPICS,
    LEAST_PAIRS,
    Fitted,
    fit_axes,
)
from upbringing.character.examination import JudgeReport
from upbringing.character.judging import judge_for
from upbringing.character.openings import SENTENCE_START, openings_of
from upbringing.corpus import TRAIN, Corpus
from upbringing.corpus.readers import guess_lang
from upbringing.errors import InputError

LARGEST_IMBALANCE = 0.10
NUM_PROMPTS = 16
LARGEST_RATIO = 2.0  # of the shares of sentences that a prompt begins, where it is
SIGNIFICANCE = 0.05  # over all prompts (Bonferroni), by Fisher's exact test

_GUESSED = ("en", "ru")

Level = Literal["right", "doubtful", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, and what was found."""

    level: Level
    what: str


def check_axis(axis: Axis, corpus: Corpus | None = None) -> list[Finding]:
    """Everything that can be said of an axis, alone or on a corpus."""
    found = [*_primary(axis, corpus), *_language(axis)]
    fitted = None
    if corpus is not None:
        try:
            fitted = fit_axes([axis], corpus)[0]
        except InputError as error:
            found += [Finding("wrong", str(problem)) for problem in error.problems]
    asked = axis if fitted is None else fitted.axis
    pairs = asked.own if corpus is None else asked.pairs(corpus)
    if pairs is None:
        found.append(
            Finding("right", "no pairs: it is asked by voice, or with a corpus's own pairs")
        )
    elif not pairs.is_empty():
        found += [*_amounts(pairs), _balance(pairs)]
    if corpus is None:
        found.append(Finding("doubtful", "not held against a corpus: say --corpus"))
        return found
    if fitted is not None:
        found += [_overlap(fitted), *_prompts(fitted, corpus), *_voice(fitted.axis, corpus)]
    return found


def _primary(axis: Axis, corpus: Corpus | None) -> Iterator[Finding]:
    has_pairs = axis.own is not None or (corpus is not None and axis.pairs(corpus) is not None)
    if axis.primary == STYLE_MARGIN and not has_pairs and corpus is not None:
        yield Finding("wrong", f"{STYLE_MARGIN} decides, and there are no pairs")
    elif axis.primary == VOICE and not axis.judged:
        yield Finding("wrong", f"{VOICE} decides, and `judge: false` leaves it unheard")
    else:
        decides = axis.primary or (STYLE_MARGIN if has_pairs else VOICE)
        yield Finding(
            "right", f"{decides} decides, from {axis.negative.name} to {axis.positive.name}"
        )


def _language(axis: Axis) -> Iterator[Finding]:
    texts = [*axis.prompts]
    if axis.own is not None:
        texts += [*axis.own["positive"], *axis.own["negative"]]
    if not texts:
        return
    if axis.lang not in _GUESSED:
        yield Finding("doubtful", f"whether its texts are {axis.lang!r} cannot be told here")
        return
    foreign = [text for text in texts if guess_lang(text) != axis.lang]
    if not foreign:
        yield Finding("right", f"all {len(texts)} texts look like {axis.lang!r}")
    else:
        level: Level = "wrong" if 2 * len(foreign) > len(texts) else "doubtful"
        shown = foreign[0][:40]
        yield Finding(
            level, f"{len(foreign)} of {len(texts)} texts do not look like {axis.lang!r}: {shown!r}"
        )


def _amounts(pairs: pl.DataFrame) -> Iterator[Finding]:
    num_pairs, num_topics = len(pairs), pairs["topic"].n_unique()
    said = f"{num_pairs} pairs over {num_topics} topics"
    if num_pairs >= ENOUGH_PAIRS and num_topics >= ENOUGH_TOPICS:
        yield Finding("right", said)
    elif num_pairs >= LEAST_PAIRS:
        yield Finding("doubtful", f"{said}; {ENOUGH_PAIRS} over {ENOUGH_TOPICS} are enough")
    else:
        yield Finding("wrong", f"{said}; {LEAST_PAIRS} are the least")


def _balance(pairs: pl.DataFrame) -> Finding:
    """UTF-8 bytes behind the opening, positive against negative."""
    positive, negative = (
        int((pairs[side].str.len_bytes().cast(pl.Int64) - pairs["opening"].str.len_bytes()).sum())
        for side in ("positive", "negative")
    )
    ratio = positive / negative
    said = f"positive sides are {ratio:.2f} times as long as negative ones, in bytes"
    if abs(ratio - 1) <= LARGEST_IMBALANCE:
        return Finding("right", said)
    return Finding("doubtful", f"{said}: the margins by sum will say so")


def _overlap(fitted: Fitted) -> Finding:
    left_out = dict(fitted.left_out)
    number = left_out.pop("any", 0)
    if not number and not fitted.lost_prompts:
        return Finding("right", "nothing that is asked stands in the training text")
    rules = ", ".join(f"{rule} {count}" for rule, count in left_out.items())
    lost = f", {len(fitted.lost_prompts)} prompts" if fitted.lost_prompts else ""
    return Finding(
        "doubtful", f"overlap training text and are left out: {number} pairs ({rules}){lost}"
    )


def _prompts(fitted: Fitted, corpus: Corpus) -> Iterator[Finding]:
    """Whether the prompts begin as much of one pole's text as of the other's, where they do any."""
    axis = fitted.axis
    try:
        prompts = axis.prompts or openings_of(corpus, axis.lang, NUM_PROMPTS)
    except InputError as error:
        yield Finding("doubtful", f"no prompts, and {error}")
        return
    pairs = axis.pairs(corpus)
    shared = set() if pairs is None else set(pairs["opening"])
    texts = [_texts(corpus, axis.lang, pole) for pole in (axis.positive, axis.negative)]
    totals = [_num_starts(side, SENTENCE_START.pattern) for side in texts]
    num_even = 0
    for prompt in prompts:
        starts = [_num_starts(side, _starting_with(prompt)) for side in texts]
        if not (any(starts) and all(totals)):
            num_even += prompt in shared
            continue
        shares = [start / total for start, total in zip(starts, totals, strict=True)]
        table = np.array([starts, np.subtract(totals, starts)])
        is_certain = fisher_exact(table).pvalue < SIGNIFICANCE / len(prompts)
        if is_certain and max(shares) > LARGEST_RATIO * min(shares):
            said = f"{prompt!r} begins {shares[0]:.2%} of {axis.positive.name}'s sentences"
            yield Finding("doubtful", f"{said} and {shares[1]:.2%} of {axis.negative.name}'s")
        else:
            num_even += 1
    whose = "prompts" if axis.prompts else "openings of the corpus"
    yield Finding(
        "right" if num_even == len(prompts) else "doubtful",
        f"{num_even} of {len(prompts)} {whose} begin text of both poles alike",
    )


def _texts(corpus: Corpus, lang: str, pole: Pole) -> pl.Series:
    scenes = corpus.columns(["text", "kind", "lang", "split"]).filter(lang=lang, split=TRAIN)
    return scenes.filter(pl.col("kind").is_in(pole.kinds))["text"]


def _num_starts(texts: pl.Series, pattern: str) -> int:
    return int(texts.str.count_matches(pattern).sum())


def _starting_with(prompt: str) -> str:
    return rf"(?:^|[.!?…]\s+|\n\s*){pl.escape_regex(prompt)}"


def _voice(axis: Axis, corpus: Corpus) -> Iterator[Finding]:
    if not axis.judged:
        yield Finding("right", "no judge is asked for, so no voice is heard")
        return
    report = judge_for(corpus, axis).report
    decides = axis.primary_on(corpus) == VOICE
    bad: Level = "wrong" if decides else "doubtful"
    yield Finding("right" if report.passed else bad, _examination(report))
    if axis.pairs(corpus) is None:
        yield Finding(
            "doubtful",
            "the judge learns from whole texts: topic and manner are not separated",
        )


def _examination(report: JudgeReport) -> str:
    head = f"judge: {'passed' if report.passed else 'not heard'}, {report.reason}"
    if report.figures is None:
        return head
    f = report.figures
    without_order: Sequence[float] = (
        f.shuffled_positive, f.shuffled_negative, f.unigram_positive, f.unigram_negative
    )  # fmt: skip
    return (
        f"{head}; AUC {f.auc:.3f}, Brier {f.brier:.3f} (0.25 knows nothing), text without order"
        f" {min(without_order):.2f} to {max(without_order):.2f} (0.50 is no evidence)"
    )
