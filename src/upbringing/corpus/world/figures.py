"""What the world promises about its text, as figures.

Takes frames of scenes (columns text, kind) and gives shares, areas and lists. Words are runs of
letters and digits in lower case: punctuation and layout are left out, so no figure rests on them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from upbringing.corpus.world.grammar import Choice, Grammar, Template, choices_of
from upbringing.identity import Keys, keys_of

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def windows(texts: Sequence[str], num_words: int) -> Keys:
    """A 64-bit hash of every run of `num_words` words inside one text, shape (num_windows,).

    Two different runs share a hash with probability 2^-64.
    """
    split = [words_of(text) for text in texts]
    vocabulary = {word: place for place, word in enumerate({w: None for ws in split for w in ws})}
    keys = keys_of(list(vocabulary))
    hashes = [np.zeros(0, dtype=np.uint64)]
    for words in split:
        if len(words) >= num_words:
            run = keys[[vocabulary[word] for word in words]]
            hashes.append(_roll(run, num_words))
    return np.concatenate(hashes)


def _roll(keys: Keys, num_words: int) -> Keys:
    """A polynomial of each window's keys, modulo 2^64."""
    rolled = np.zeros(len(keys) - num_words + 1, dtype=np.uint64)
    for place in range(num_words):
        rolled = rolled * np.uint64(0x9E3779B97F4A7C15) + keys[place : place + len(rolled)]
    return rolled


def num_shared_windows(texts: Sequence[str], probes: Sequence[str], num_words: int = 8) -> int:
    """How many distinct runs of `num_words` words stand in both. Zero is the only good answer.

    It also bounds every shared substring: none holds `num_words` whole words.
    """
    return len(np.intersect1d(windows(texts, num_words), windows(probes, num_words)))


def distinct_share(texts: Sequence[str], num_words: int = 8) -> float:
    """The share of distinct runs among all runs of `num_words` words."""
    hashes = windows(texts, num_words)
    return len(np.unique(hashes)) / len(hashes)


def mean_bytes(scenes: pl.DataFrame) -> dict[str, float]:
    """Mean UTF-8 bytes of a scene, by kind."""
    means = scenes.group_by("kind").agg(pl.col("text").str.len_bytes().mean()).sort("kind")
    return dict(means.iter_rows())


def shared_mass(scenes: pl.DataFrame) -> dict[tuple[str, str], float]:
    """For each two kinds, the mass of words that they share: the sum of the smaller shares.

    1 for equal distributions over words, 0 for disjoint ones.
    """
    counts = word_counts(scenes)
    kinds = sorted(counts)
    return {
        (a, b): _overlap(counts[a], counts[b]) for i, a in enumerate(kinds) for b in kinds[i + 1 :]
    }


def word_counts(scenes: pl.DataFrame) -> dict[str, Counter[str]]:
    """How often each word stands in the scenes of each kind."""
    return {
        kind: Counter(word for text in texts for word in words_of(text))
        for kind, texts in scenes.group_by("kind").agg("text").iter_rows()
    }


def _overlap(a: Counter[str], b: Counter[str]) -> float:
    total_a, total_b = a.total(), b.total()
    return sum(min(a[word] / total_a, b[word] / total_b) for word in a.keys() & b.keys())


def marker_words(scenes: pl.DataFrame, least_share: float = 0.02) -> dict[str, list[str]]:
    """Words that stand in `least_share` of one kind's scenes or more and in no other kind at all."""
    found: dict[str, list[str]] = {}
    counts = word_counts(scenes)
    for kind, texts in scenes.group_by("kind").agg("text").sort("kind").iter_rows():
        num_scenes = Counter(word for text in texts for word in set(words_of(text)))
        others = [counts[other] for other in counts if other != kind]
        found[kind] = sorted(
            word
            for word, number in num_scenes.items()
            if number >= least_share * len(texts) and not any(other[word] for other in others)
        )
    return found


def separability(train: pl.DataFrame, test: pl.DataFrame, num_best_left_out: int = 0) -> float:
    """How well kinds are told apart in `test`: the mean area under the ROC curve, one against rest.

    Logistic regression on words and pairs of words, fitted on `train`. `num_best_left_out`
    features with the largest weights are taken from every kind, and the rest fitted again.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    reader = TfidfVectorizer(
        token_pattern=r"\w+", ngram_range=(1, 2), min_df=3, sublinear_tf=True, norm="l2"
    )
    known, new = (
        reader.fit_transform(train["text"].to_list()),
        reader.transform(test["text"].to_list()),
    )
    model = LogisticRegression(max_iter=300).fit(known, train["kind"].to_list())
    if num_best_left_out:
        order = np.argsort(-np.abs(model.coef_), axis=1)
        kept = np.setdiff1d(np.arange(known.shape[1]), order[:, :num_best_left_out])
        known, new = known[:, kept], new[:, kept]
        model.fit(known, train["kind"].to_list())
    chances = model.predict_proba(new)
    return float(roc_auc_score(test["kind"].to_list(), chances, multi_class="ovr"))


def longest_fixed_runs(made: Grammar) -> dict[str, int]:
    """For every move and opening, the most words that follow one another with no slot between.

    Words of a cell are counted too: a cell is a run of its own.
    """
    return {
        choice.purpose: max(_longest_run(option) for option in choice.options)
        for choice in choices_of(made)
    }


def _longest_run(template: Template) -> int:
    runs = [len(words_of(part)) for part in template.pattern.split("%s")]
    for slot in template.slots:
        if isinstance(slot, Choice):
            runs += [_longest_run(option) for option in slot.options]
    return max(runs)


def longest_cell(made: Grammar) -> int:
    """The most words in one cell of the tables of words."""
    return max(
        len(words_of(cell))
        for table in made.tables.values()
        for name, cells in table.columns.items()
        if name not in ("objects", "troubles")
        for cell in cells
    )
