"""What the world promises about its text, as figures.

Takes frames of scenes (columns text, kind) or texts, and gives shares, areas and lists. Words are
runs of letters and digits in lower case: punctuation and layout are left out, so that no figure
rests on them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
import polars as pl
from tokenizers import Tokenizer

from upbringing.corpus.overlap import NUM_WORDS, runs_of
from upbringing.corpus.world.grammar import Grammar, choices_of
from upbringing.corpus.world.links import COLUMNS
from upbringing.corpus.world.templates import Choice, Template

T = TypeVar("T", bound=Hashable)

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def distinct_share(texts: Sequence[str], num_words: int = NUM_WORDS) -> float:
    """The share of distinct runs among all runs of `num_words` words."""
    hashes = runs_of(texts, num_words).hashes
    return len(np.unique(hashes)) / len(hashes)


def mean_bytes(scenes: pl.DataFrame) -> dict[str, float]:
    """Mean UTF-8 bytes of a scene, by kind."""
    means = scenes.group_by("kind").agg(pl.col("text").str.len_bytes().mean()).sort("kind")
    return dict(means.iter_rows())


def shared_mass(scenes: pl.DataFrame, tokenizer: Tokenizer) -> dict[tuple[str, str], float]:
    """For each two kinds, the mass of tokens that they share: the sum of the smaller shares.

    1 for equal distributions over tokens (1 minus total variation), 0 for disjoint ones.
    """
    counts = {
        kind: _count(encoding.ids for encoding in tokenizer.encode_batch(texts))
        for kind, texts in _by_kind(scenes)
    }
    return {(a, b): _overlap(counts[a], counts[b]) for a, b in combinations(counts, 2)}


def marker_words(
    scenes: pl.DataFrame, least_share: float = 0.10, purity: float = 0.95
) -> dict[str, list[str]]:
    """Words that give a kind away: in `least_share` of its scenes or more, and hardly elsewhere.

    "Hardly": at least `purity` of all the word's occurrences stand in that kind.
    """
    texts = {kind: [words_of(text) for text in texts] for kind, texts in _by_kind(scenes)}
    counts = {kind: _count(split) for kind, split in texts.items()}
    total = sum(counts.values(), Counter())
    found: dict[str, list[str]] = {}
    for kind, split in texts.items():
        num_scenes = _count(set(words) for words in split)
        found[kind] = sorted(
            word
            for word, number in num_scenes.items()
            if number >= least_share * len(split) and counts[kind][word] >= purity * total[word]
        )
    return found


def separability(train: pl.DataFrame, test: pl.DataFrame, num_best_left_out: int = 0) -> float:
    """How well kinds are told apart in `test`: the mean area under the ROC curve, one against rest.

    Logistic regression on words and pairs of words, fitted on `train`. The `num_best_left_out`
    features with the largest weights of every kind are taken out, and the rest fitted again.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    reader = TfidfVectorizer(token_pattern=r"\w+", ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    known = reader.fit_transform(train["text"].to_list())
    asked = reader.transform(test["text"].to_list())
    model = LogisticRegression(max_iter=300).fit(known, train["kind"].to_list())
    if num_best_left_out:
        best_first = np.argsort(-np.abs(model.coef_), axis=1)
        kept = np.setdiff1d(np.arange(known.shape[1]), best_first[:, :num_best_left_out])
        known, asked = known[:, kept], asked[:, kept]
        model.fit(known, train["kind"].to_list())
    chances = model.predict_proba(asked)
    if len(model.classes_) == 2:
        chances = chances[:, 1]
    return float(roc_auc_score(test["kind"].to_list(), chances, multi_class="ovr"))


def closest_share(texts: Sequence[str], probes: Sequence[str], num_words: int = 3) -> float:
    """The largest share of a probe's runs of `num_words` words that stand in one single text."""
    from sklearn.feature_extraction.text import CountVectorizer

    reader = CountVectorizer(
        token_pattern=r"\w+", ngram_range=(num_words, num_words), binary=True, dtype=np.float32
    )
    asked = reader.fit_transform(probes)
    known = reader.transform(texts)
    shared = (asked @ known.T).max(axis=1).toarray().ravel()
    return float((shared / asked.sum(axis=1).A1).max())


def longest_fixed_run(made: Grammar) -> int:
    """The most words that follow one another with no slot between, in templates and in cells."""
    cells = [
        len(words_of(cell))
        for table in made.tables.values()
        for name, column in table.columns.items()
        if name not in COLUMNS
        for cell in table.agreeing.get(name, column).ravel()
    ]
    options = [option for choice in choices_of(made) for option in choice.options]
    return max(*cells, *map(_longest_run, options))


def _longest_run(template: Template) -> int:
    runs = [len(words_of(part)) for part in template.pattern.split("%s")]
    for slot in template.slots:
        if isinstance(slot, Choice):
            runs += [_longest_run(option) for option in slot.options]
    return max(runs)


def _by_kind(scenes: pl.DataFrame) -> Iterable[tuple[str, list[str]]]:
    return scenes.group_by("kind").agg("text").sort("kind").iter_rows()


def _count(groups: Iterable[Iterable[T]]) -> Counter[T]:
    return Counter(item for group in groups for item in group)


def _overlap(a: Counter[T], b: Counter[T]) -> float:
    total_a, total_b = a.total(), b.total()
    return sum(min(a[item] / total_a, b[item] / total_b) for item in a.keys() & b.keys())
