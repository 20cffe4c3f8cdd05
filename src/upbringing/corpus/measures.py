"""Measures: what can be counted on a scene before any model has read it.

Takes scenes (`text`, `lang`, `split`), gives one column a measure. A measure is a function of the
scenes, decorated with `@measure(type)`; its name is the name of its column. The same scenes give
the same values to the bit, whatever the number of threads: sums are sums of integers.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

WORD = r"\w+(?:['’]\w+)*"
"""A word: letters, marks, digits and underscores of any script, with inner apostrophes."""

_BIT = 1 << 16  # surprisal is summed in whole 1/65536 bits: exact, so blind to the order of adding
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Measure:
    """A named column that can be computed from scenes."""

    name: str
    dtype: type[pl.DataType]
    function: Callable[[pl.DataFrame], pl.Series]


MEASURES: dict[str, Measure] = {}


def measure(
    dtype: type[pl.DataType],
) -> Callable[[Callable[[pl.DataFrame], pl.Series]], Callable[[pl.DataFrame], pl.Series]]:
    """Register a function scenes → series of one value a scene, stored as `dtype`."""

    def register(function: Callable[[pl.DataFrame], pl.Series]) -> Callable[..., pl.Series]:
        name = function.__name__
        MEASURES[name] = Measure(name, dtype, function)
        return function

    return register


def measure_scenes(scenes: pl.DataFrame) -> pl.DataFrame:
    """`scenes` (columns `text`, `lang`, `split`) with every measure as a further column."""
    return scenes.with_columns(
        m.function(scenes).cast(m.dtype).alias(m.name) for m in MEASURES.values()
    )


@measure(pl.UInt32)
def num_bytes(scenes: pl.DataFrame) -> pl.Series:
    """Length of the text in bytes of UTF-8."""
    return scenes["text"].str.len_bytes()


@measure(pl.UInt32)
def num_words(scenes: pl.DataFrame) -> pl.Series:
    """Number of words, as `WORD` defines them."""
    return scenes["text"].str.count_matches(WORD)


@measure(pl.Float32)
def compression_ratio(scenes: pl.DataFrame) -> pl.Series:
    """Bytes of the text / bytes of it under zlib at level 6: high for a text that repeats itself.

    Each scene is compressed alone, so short scenes score lower than long ones of the same manner.
    """
    raw = (text.encode() for text in scenes["text"])
    ratios = (len(data) / len(zlib.compress(data, 6)) for data in raw)
    return pl.Series(np.fromiter(ratios, dtype=np.float64, count=scenes.height))


@measure(pl.Float32)
def unigram_surprisal(scenes: pl.DataFrame) -> pl.Series:
    """Bits per byte of the scene's words under the unigram distribution of its language.

    p(w) = (c(w) + 1) / (N + V + 1), where c(w) counts the lower-cased word w among the N words of
    the train scenes of the same `lang`, V of them distinct; the last 1 is for all unseen words
    together. The measure is Σ −log₂ p(w) / bytes of the text (0 for a text without words): high
    for rare words, and blind to their order.
    """
    table = _word_bits(scenes)
    unseen = table.filter(pl.col("word").is_null()).select("lang", unseen="bits")
    bits = np.zeros(scenes.height, dtype=np.int64)
    for words in _word_tables(scenes):
        known = words.join(table, on=["lang", "word"], how="left").join(unseen, on="lang")
        sums = known.group_by("row").agg(pl.coalesce("bits", "unseen").sum().alias("bits"))
        bits[sums["row"].to_numpy()] = sums["bits"].to_numpy()
    return pl.Series(bits / _BIT / np.maximum(num_bytes(scenes).to_numpy(), 1))


def _word_bits(scenes: pl.DataFrame) -> pl.DataFrame:
    """Surprisal in 1/65536 bits by (lang, word); the null word of a language is the unseen one."""
    none = pl.DataFrame(schema={"lang": pl.String, "word": pl.String, "count": pl.Int64})
    counts = none
    for words in _word_tables(scenes.filter(split="train")):
        part = words.group_by("lang", "word").agg(pl.len().cast(pl.Int64).alias("count"))
        counts = pl.concat([counts, part]).group_by("lang", "word").agg(pl.col("count").sum())
    langs = scenes.select("lang").unique()
    unseen = langs.select("lang", pl.lit(None, pl.String).alias("word"), count=pl.lit(0, pl.Int64))
    table = pl.concat([counts, unseen]).with_columns(
        mass=pl.col("count").sum().over("lang") + pl.len().over("lang")  # N + V + 1
    )
    bits = np.log2(table["mass"].to_numpy()) - np.log2(table["count"].to_numpy() + 1)
    return table.select("lang", "word", bits=pl.Series(np.rint(bits * _BIT).astype(np.int64)))


def _word_tables(scenes: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The words of the scenes, a slice of scenes at a time: columns `row`, `lang`, `word`."""
    for start in range(0, scenes.height, _ROWS_AT_ONCE):
        words = pl.col("text").str.to_lowercase().str.extract_all(WORD).alias("word")
        part = scenes.slice(start, _ROWS_AT_ONCE).select("lang", words)
        yield part.with_row_index("row", start).explode("word").filter(pl.col("word").is_not_null())
