"""TF-IDF and SVD: texts → vectors, by which words stand together, without a model of language.

Takes the training texts of each language, gives a `WordSpace` that maps any text. Each language has
dimensions of its own, so that a small language is as finely told apart as a large one, and texts in
two languages are at right angles. The same texts give the same space to the bit on one set-up,
whatever the number of threads; it is kept as plain tables.

Shapes: n texts, W words of all languages, d dimensions of a language, L languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus.measures import WORD

Floats = npt.NDArray[np.float32]

RECIPE: Mapping[str, Any] = {
    "method": "TF-IDF, SVD",
    "term_frequency": "1 + ln count",
    "inverse_document_frequency": "1 + ln((1 + n) / (1 + n(word)))",
    "word": WORD,
    "least_scenes_of_a_word": 2,
    "fitted_on": "training scenes, a language at a time",
    "num_dims": "256 / languages, between 32 and 128, each",
    "power_iterations": 4,
}

_TEXTS_AT_ONCE = 20_000


@dataclass(frozen=True)
class WordSpace:
    """Words with their weights, and the axes on which texts are laid.

    words  lang, word, weight (the inverse document frequency); by (lang, word)
    axes   (W, d): where each word points, in the dimensions of its language
    """

    words: pl.DataFrame
    axes: Floats

    @classmethod
    def fit(cls, texts: Sequence[str], langs: Sequence[str]) -> WordSpace:
        """The space of these texts; a language without a word in two of its texts has no words."""
        names = sorted(set(langs))
        num_dims = min(128, max(32, 256 // max(len(names), 1)))
        tables, axes = [], []
        for lang in names:
            own = [text for text, its in zip(texts, langs, strict=True) if its == lang]
            words, weights, directions = _fit(own, num_dims)
            tables.append(pl.DataFrame({"lang": lang, "word": words, "weight": weights}, _SCHEMA))
            axes.append(directions)
        widest = max(directions.shape[1] for directions in axes)
        padded = [np.pad(one, ((0, 0), (0, widest - one.shape[1]))) for one in axes]
        return cls(pl.concat(tables), np.concatenate(padded))

    @classmethod
    def read(cls, folder: Path) -> WordSpace:
        """The space that `write` put there."""
        axes = np.load(folder / "axes.npy", mmap_mode="r", allow_pickle=False)
        return cls(pl.read_parquet(folder / "words.parquet", glob=False), axes)

    def write(self, folder: Path) -> None:
        """Write `words.parquet` and `axes.npy`."""
        self.words.write_parquet(folder / "words.parquet", compression="zstd")
        np.save(folder / "axes.npy", self.axes)

    @cached_property
    def langs(self) -> list[str]:
        """The languages that have words, sorted."""
        return self.words["lang"].unique().sort().to_list()

    def vectors(self, texts: Sequence[str], langs: Sequence[str]) -> Floats:
        """The vectors of texts of these languages, (n, L·d), of any length."""
        num_dims = self.axes.shape[1]
        found = np.zeros((len(texts), len(self.langs) * num_dims), dtype=np.float32)
        of_lang = np.array(langs, dtype=object)
        for number, lang in enumerate(self.langs):
            vectorizer, axes = self._mapping(lang)
            rows = np.flatnonzero(of_lang == lang)
            columns = slice(number * num_dims, (number + 1) * num_dims)
            for low in range(0, len(rows), _TEXTS_AT_ONCE):
                part = rows[low : low + _TEXTS_AT_ONCE]
                found[part, columns] = vectorizer.transform([texts[row] for row in part]) @ axes
        return found

    def lang_of(self, text: str) -> str:
        """The language most of whose words stand in the text."""
        found = pl.Series([text]).str.to_lowercase().str.extract_all(WORD).explode().unique()
        known = self.words.filter(pl.col("word").is_in(found.implode()))
        counts = known.group_by("lang").len().sort(["len", "lang"], descending=[True, False])
        return str(counts["lang"][0]) if counts.height else self.langs[0]

    def _mapping(self, lang: str) -> tuple[Any, Floats]:
        is_own = (self.words["lang"] == lang).to_numpy()
        own = self.words.filter(lang=lang)
        vectorizer = _vectorizer(vocabulary=own["word"].to_list())
        vectorizer.idf_ = own["weight"].to_numpy()
        return vectorizer, self.axes[is_own]


_SCHEMA = {"lang": pl.String, "word": pl.String, "weight": pl.Float32}


def _vectorizer(**more: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(token_pattern=WORD, sublinear_tf=True, dtype=np.float32, **more)


def _fit(texts: Sequence[str], num_dims: int) -> tuple[list[str], Floats, Floats]:
    """Words (W), their weights (W,) and their axes (W, at most d), each axis turned so that its
    largest coordinate is positive.
    """
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    vectorizer = _vectorizer(min_df=RECIPE["least_scenes_of_a_word"])
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError:  # no word stands in two texts
        return [], np.zeros(0, dtype=np.float32), np.zeros((0, 0), dtype=np.float32)
    with threadpool_limits(limits=1):  # more threads add in another order
        _, _, rows = randomized_svd(
            matrix,
            min(num_dims, *matrix.shape),
            n_iter=RECIPE["power_iterations"],
            random_state=0,
            flip_sign=False,
        )
    largest = np.abs(rows).argmax(axis=1)
    rows = rows * np.sign(rows[np.arange(len(rows)), largest])[:, None]
    words = vectorizer.get_feature_names_out().tolist()
    return words, vectorizer.idf_.astype(np.float32), np.ascontiguousarray(rows.T, np.float32)
