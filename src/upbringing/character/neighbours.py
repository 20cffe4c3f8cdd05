"""Texts → evidence of word order: which tokens are neighbours more often than chance would have it.

Takes texts, gives tokens and, for each text, how often a pair of tokens stands side by side minus
how often it would if the same tokens were shuffled: c(ab) − c(a)·(c(b) − [a = b])/n over n tokens.
That excess is zero on average for shuffled text whatever its words, so nothing learned from it can
be a matter of word choice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from upbringing.identity import generator

FloatArray = npt.NDArray[np.float64]
FeatureArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

NUM_WORDS, NUM_FORMS, NUM_PAIRS = 500, 150, 2000

_UNIT = re.compile(r"(\S+)(\s*)")
_PUNCTUATION = ".,;:!?…()[]{}<>\"'“”‘’«»„—–-*_`#|/\\~=+"
_FORM = "form "  # a unit holds no space, so none is taken for a form


@dataclass(frozen=True, eq=False)
class View:
    """One way to read a text as tokens, with a weight for each pair of neighbours.

    `codes`: the token of a unit (a word with its punctuation and line break) or of a form, from 1;
    0 is any other. `weights[a, b]`, shape (num_codes, num_codes): the evidence for the positive
    side that b follows a.
    """

    codes: Mapping[str, int]
    weights: FloatArray

    @classmethod
    def of(cls, tokens: Sequence[str], pairs_F2: IntArray, weights_F: FloatArray) -> View:
        """The view with these tokens and a weight for each of the pairs (of codes)."""
        weights_VV = np.zeros((len(tokens) + 1, len(tokens) + 1))
        weights_VV[pairs_F2[:, 0], pairs_F2[:, 1]] = weights_F
        return cls({token: code for code, token in enumerate(tokens, start=1)}, weights_VV)

    def evidence(self, tokens_N: IntArray) -> float:
        """The weighted excess of a text's pairs, per √neighbours; 0 for fewer than two tokens.

        Per √neighbours the spread of shuffled text is the same at any length.
        """
        num_tokens = len(tokens_N)
        if num_tokens < 2:
            return 0.0
        found = self.weights[tokens_N[:-1], tokens_N[1:]].sum()
        kinds_K, counts_K = np.unique(tokens_N, return_counts=True)
        block_KK = self.weights[np.ix_(kinds_K, kinds_K)]
        expected = (counts_K @ block_KK @ counts_K - counts_K @ block_KK.diagonal()) / num_tokens
        return float((found - expected) / np.sqrt(num_tokens - 1))


def units_of(text: str) -> list[str]:
    """Words with their punctuation and, as one or two marks, the line break or blank line behind.

    The break belongs to its word, so that shuffling words shuffles units and leaves no pair whole.
    """
    return [word + "⏎" * min(space.count("\n"), 2) for word, space in _UNIT.findall(text)]


@lru_cache(maxsize=200_000)
def form_of(unit: str) -> str:
    """The look of a unit: case or digits, the punctuation around it, the line break behind it."""
    word = unit.rstrip("⏎")
    breaks = unit[len(word) :]
    core = word.strip(_PUNCTUATION)
    if not core:
        return f"{_FORM}{word[:3]}{breaks}"
    before, after = word.split(core, 1)
    if any(letter.isdigit() for letter in core):
        look = "0"
    elif core.isupper():
        look = "XX" if len(core) > 1 else "X"
    else:
        look = "Xx" if core[0].isupper() else "xx"
    return f"{_FORM}{before[:1]}{look}{after[:2]}{breaks}"


def encode(texts: Sequence[Sequence[str]], codes: Mapping[str, int]) -> list[IntArray]:
    """For each text of units its tokens (num_units,): the unit's own, else its form's, else 0."""
    return [
        np.array([codes.get(unit) or codes.get(form_of(unit), 0) for unit in text], dtype=np.int64)
        for text in texts
    ]


def choose_forms(texts: Sequence[Sequence[str]]) -> list[str]:
    """The most frequent forms: layout, punctuation and case, no words."""
    counts = Counter(form_of(unit) for text in texts for unit in text)
    return [form for form, _ in counts.most_common(NUM_FORMS)]


def choose_words(texts: Sequence[Sequence[str]], groups: Sequence[str]) -> list[str]:
    """The units met in the most texts, then the forms.

    Where there are several groups a unit must be met in two of them, which keeps names out.
    """
    counts: Counter[str] = Counter()
    first_group: dict[str, str] = {}
    is_alone = len(set(groups)) == 1
    shared: set[str] = set()
    for text, group in zip(texts, groups, strict=True):
        for unit in dict.fromkeys(text):
            counts[unit] += 1
            if is_alone or first_group.setdefault(unit, group) != group:
                shared.add(unit)
    frequent = [unit for unit, _ in counts.most_common() if unit in shared]
    return [*frequent[:NUM_WORDS], *choose_forms(texts)]


def frequent_pairs(encoded: Sequence[IntArray], num_codes: int) -> IntArray:
    """The pairs of neighbours met in the most texts, shape (num_pairs, 2); ties by code."""
    counts = np.zeros(num_codes * num_codes, dtype=np.int64)
    for tokens_N in encoded:
        counts[np.unique(tokens_N[:-1] * num_codes + tokens_N[1:])] += 1
    order = np.argsort(-counts, kind="stable")[:NUM_PAIRS]
    kept = order[counts[order] > 0]
    return np.stack([kept // num_codes, kept % num_codes], axis=1)


def excess(encoded: Sequence[IntArray], pairs_F2: IntArray, num_codes: int) -> FeatureArray:
    """The excess of each pair in each text per √neighbours, shape (num_texts, num_pairs)."""
    place_VV = np.full((num_codes, num_codes), -1)
    place_VV[pairs_F2[:, 0], pairs_F2[:, 1]] = np.arange(len(pairs_F2))
    features_TF = np.zeros((len(encoded), len(pairs_F2)), dtype=np.float32)
    for row_F, tokens_N in zip(features_TF, encoded, strict=True):
        num_tokens = len(tokens_N)
        if num_tokens < 2:
            continue
        found = place_VV[tokens_N[:-1], tokens_N[1:]]
        np.add.at(row_F, found[found >= 0], 1)
        kinds_K, counts_K = np.unique(tokens_N, return_counts=True)
        place_KK = place_VV[np.ix_(kinds_K, kinds_K)]
        expected_KK = np.outer(counts_K, counts_K) - np.diag(counts_K)
        is_known = place_KK >= 0
        row_F[place_KK[is_known]] -= expected_KK[is_known] / num_tokens
        np.divide(row_F, np.sqrt(num_tokens - 1), out=row_F)
    return features_TF


def pieces_of(text: str, num_characters: int) -> list[str]:
    """`text` cut at white space into equal pieces of about that length."""
    num_pieces = max(1, round(len(text) / num_characters))
    ends = np.array([match.end() for match in _UNIT.finditer(text)], dtype=np.int64)
    if not len(ends):
        return []
    borders = np.searchsorted(ends, np.arange(1, num_pieces) * len(text) / num_pieces)
    cuts = [0, *ends[borders].tolist(), len(text)]
    parts = [text[start:end].strip() for start, end in pairwise(cuts)]
    return [part for part in parts if part]


def word_shuffled(texts: Sequence[str], seed: int) -> list[str]:
    """Each text with its words in random order, each keeping the white space behind it."""
    shuffled = []
    for place, text in enumerate(texts):
        words = [match.group() for match in _UNIT.finditer(text)]
        order = generator(seed, "word shuffle", str(place)).permutation(len(words))
        shuffled.append(_joined([words[i] for i in order]))
    return shuffled


def unigram_drawn(texts: Sequence[str], seed: int) -> list[str]:
    """For each text as many words, every one drawn from all the words of `texts`."""
    pool = [match.group() for text in texts for match in _UNIT.finditer(text)]
    drawn = []
    for place, text in enumerate(texts):
        draws = generator(seed, "unigram text", str(place))
        words = draws.integers(0, len(pool), len(_UNIT.findall(text)))
        drawn.append(_joined([pool[i] for i in words]))
    return drawn


def _joined(words: Sequence[str]) -> str:
    """Words with their white space as one text; the last word of a text had none."""
    return "".join(word if word[-1].isspace() else f"{word} " for word in words)
