"""Openings: neutral ways to begin, which no kind of text owns.

A corpus that tells events in several voices brings its own. For any other, an opening is a pair of
words that begins sentences in every kind; the most even ones are taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from upbringing.corpus import TRAIN, Corpus
from upbringing.errors import InputError
from upbringing.identity import keyed_hash, keys_of

_WORD = r"[^\W\d_]+(?:['’][^\W\d_]+)?"
SENTENCE_START = re.compile(rf"(?:^|[.!?…]\s+|\n\s*)({_WORD} {_WORD})\b")


def openings_of(corpus: Corpus, lang: str, num_openings: int) -> list[str]:
    """Openings for minds of a language: of its parallels if there are any, else of its scenes."""
    if corpus.parallels is not None and lang in corpus.parallels["lang"]:
        found = corpus.parallels.filter(lang=lang)["opening"].unique().sort()
        lots = keyed_hash(keys_of(found.to_list()), 0, "openings")
        return found.gather(lots.argsort()[:num_openings]).to_list()
    scenes = corpus.columns(["text", "kind", "lang", "split"]).filter(lang=lang, split=TRAIN)
    texts = {str(kind): frame["text"].to_list() for (kind,), frame in scenes.group_by("kind")}
    return shared_openings(texts, num_openings)


def shared_openings(texts: Mapping[str, Sequence[str]], num_openings: int) -> list[str]:
    """The word pairs that begin sentences most evenly over kinds.

    A pair's score is the smallest, over kinds, of its share among the kind's sentence beginnings;
    ties go by the alphabet. Raises `InputError` where no pair is shared by all kinds.
    """
    shares: dict[str, dict[str, float]] = {}
    for kind, passages in texts.items():
        counts = Counter(start for text in passages for start in SENTENCE_START.findall(text))
        total = max(1, counts.total())
        shares[kind] = {start: count / total for start, count in counts.items()}
    common = set.intersection(*(set(share) for share in shares.values()))
    if not common:
        raise InputError(
            "no two words begin a sentence in every kind, so no opening is neutral",
            do="give more text of each kind",
        )
    score = {start: min(share[start] for share in shares.values()) for start in common}
    return sorted(common, key=lambda start: (-score[start], start))[:num_openings]
