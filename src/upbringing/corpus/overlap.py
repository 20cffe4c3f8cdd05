"""Overlap: does a text that a mind shall be asked about stand in what it reads?

Takes training texts and probes; gives which probes overlap, by three rules, each of which suffices:

- *runs*: a run of 8 words is in both.
- *substrings*: a substring of 60 characters is in both. It finds what the first cannot where words
  are long, or not set off by spaces.
- *resembling*: the sets of the runs of 3 words in both have a resemblance (Broder 1997: common over
  all) of .4 or more, as their minima under 64 hashes tell. So a text is found that was changed in
  every sixth word.

`standing_whole` is for what is shorter than these reach: an axis's pairs and prompts.

Words are runs of letters and digits; case, punctuation, layout, invisible characters, ё for е and
the forms that Unicode holds equal (NFKC) are disregarded. Characters are counted in the words, one
space between.

The first two are exact but for hashes of 64 bits, which can only make two texts equal, never hide
one. The third is an estimate: its standard error at .4 is .06, and of two texts that resemble each
other by .5 it finds 95 in 100, by .1 none.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from upbringing.corpus.resembling import NO_SHINGLE, NUM_HASHES, Minima, Sketches
from upbringing.identity import Keys, keyed_hash

NUM_WORDS = 8
FEWEST_WORDS = 4
NUM_CHARACTERS = 60
NUM_SHINGLE_WORDS = 3

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_MULTIPLIERS = keyed_hash(np.arange(64, dtype=np.uint64), 0, "overlap/multipliers") | np.uint64(1)
_INVERSE = np.uint64(pow(int(_MULTIPLIERS[0]), -1, 1 << 64))

# Of any 60 characters, 30 begin at a multiple of 31.
_PIECE = NUM_CHARACTERS // 2
_BETWEEN_PIECES = NUM_CHARACTERS - _PIECE + 1

_TEXTS_AT_ONCE = 512  # what is made of them fills a cache
_SHINGLES_AT_ONCE = 2_048
_LARGEST_FILTER = 1 << 24  # bytes


@dataclass(frozen=True)
class Overlaps:
    """Which probes overlap the training texts, by rule: (num_probes,) each."""

    runs: BoolArray
    substrings: BoolArray
    resembling: BoolArray

    @property
    def any(self) -> BoolArray:
        """By any of the rules, (num_probes,)."""
        found: BoolArray = np.any([self.runs, self.substrings, self.resembling], axis=0)
        return found

    @property
    def counts(self) -> dict[str, int]:
        """How many probes overlap by each rule, and by `any`."""
        by_rule = {**vars(self), "any": self.any}
        return {rule: int(found.sum()) for rule, found in by_rule.items()}


@dataclass(frozen=True)
class Runs:
    """A 64-bit hash of every run of words or characters, and its text's index; both (num_runs,).

    Two different runs share a hash with probability 2^-64.
    """

    hashes: Keys
    text: IntArray


def overlapping(texts: Sequence[str], probes: Sequence[str]) -> BoolArray:
    """Which probes overlap any of the texts by any rule, shape (num_probes,)."""
    return overlaps(texts, probes).any


def overlaps(texts: Sequence[str] | pl.Series, probes: Sequence[str] | pl.Series) -> Overlaps:
    """Which probes overlap any of the texts, by each rule.

    Texts are read part by part, in as many threads as Polars has; memory goes with the probes.
    """
    asked = _Read.of(_series(probes), "probes")
    runs = _Asked(asked.runs(NUM_WORDS), asked.num_texts)
    pieces = _Asked(asked.windows(_PIECE), asked.num_texts)
    substrings = _Asked(asked.windows(NUM_CHARACTERS), asked.num_texts)
    sketches = Sketches(asked.minima)

    def meet(number: int) -> None:
        part = _series(texts).slice(number * _TEXTS_AT_ONCE, _TEXTS_AT_ONCE)
        read = _Read.of(part, f"texts/{number}")
        runs.meet(read.runs(NUM_WORDS).hashes)
        sketches.meet(read.minima)
        shared = np.flatnonzero(pieces.know(read.hashes(_PIECE, step=_BETWEEN_PIECES)))
        substrings.meet(read.around(shared * _BETWEEN_PIECES))

    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        for _ in threads.map(meet, range(-(-len(texts) // _TEXTS_AT_ONCE))):
            pass
    return Overlaps(runs.is_met, substrings.is_met, sketches.is_met)


def standing_whole(texts: Sequence[str] | pl.Series, probes: Sequence[str]) -> BoolArray:
    """Which probes of 4 to 7 words stand whole in a text, word by word, shape (num_probes,).

    They are too short for the other rules wherever the text goes on.
    """
    asked = _Read.of(_series(probes), "probes")
    by_length = {}
    for num_words in range(FEWEST_WORDS, NUM_WORDS):
        runs = asked.runs(num_words)
        is_whole = np.bincount(runs.text, minlength=asked.num_texts)[runs.text] == 1
        if is_whole.any():
            whole = Runs(runs.hashes[is_whole], runs.text[is_whole])
            by_length[num_words] = _Asked(whole, asked.num_texts)
    for start in range(0, len(texts) if by_length else 0, _TEXTS_AT_ONCE):
        read = _Read.of(_series(texts).slice(start, _TEXTS_AT_ONCE), f"texts/{start}")
        for num_words, own in by_length.items():
            own.meet(read.runs(num_words).hashes)
    found = np.zeros(asked.num_texts, dtype=bool)
    for own in by_length.values():
        found |= own.is_met
    return found


def runs_of(texts: Sequence[str], num_words: int = NUM_WORDS) -> Runs:
    """All runs of `num_words` words, text by text."""
    return _Read.of(_series(texts), "texts").runs(num_words)


def _series(texts: Sequence[str] | pl.Series) -> pl.Series:
    return texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)


def _plain(texts: pl.Series) -> pl.Series:
    """The words of each text in lower case, one space between."""
    return (
        texts.str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace_all("ё", "е", literal=True)
        .str.replace_all(r"\p{Cf}+", "")
        .str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
        .str.strip_chars(" ")
    )


@dataclass(frozen=True)
class _Read:
    """Texts on end, plain, each closed by a character of its own.

    codes    of all characters, (num_characters,)
    in_word  which of them stand in words
    ends     where each text ends, (num_texts,)
    """

    codes: Keys
    in_word: BoolArray
    ends: IntArray

    @classmethod
    def of(cls, texts: pl.Series, purpose: str) -> _Read:
        """Read texts; `purpose` sets their ends apart from those of others."""
        joined = "".join(f"{text}\n" for text in _plain(texts).to_list())
        characters = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4")
        is_end = characters == ord("\n")
        ends = np.flatnonzero(is_end)
        codes = characters.astype(np.uint64)
        # So no substring that goes across an end equals another.
        codes[ends] = keyed_hash(np.arange(len(ends), dtype=np.uint64), 0, f"overlap/{purpose}")
        return cls(codes, ~is_end & (characters != ord(" ")), ends)

    @property
    def num_texts(self) -> int:
        """How many they are."""
        return len(self.ends)

    @cached_property
    def words(self) -> tuple[Keys, IntArray]:
        """A hash of each word and its text, (num_words,) each."""
        edges = np.flatnonzero(np.diff(self.in_word, prepend=False))  # the last is an end: no word
        starts, ends = edges[::2], edges[1::2]
        powers, inverses = (
            np.cumprod(np.full(len(self.codes), base)) for base in (_MULTIPLIERS[0], _INVERSE)
        )
        before = np.concatenate([[np.uint64(0)], np.cumsum(self.codes * powers)])
        hashes = (before[ends] - before[starts]) * inverses[starts]
        return keyed_hash(hashes, 0, "overlap/words"), np.searchsorted(self.ends, starts)

    def runs(self, num_words: int) -> Runs:
        """Runs of words inside one text."""
        words, whose = self.words
        hashes = _hashes(words, num_words, slice(None))
        text = whose[: len(hashes)]
        inside = text == whose[len(whose) - len(hashes) :]
        return Runs(hashes[inside], text[inside])

    def hashes(self, length: int, *, step: int = 1) -> Keys:
        """A hash of so many characters from every `step`th on, (n,)."""
        return _hashes(self.codes, length, slice(None, None, step))

    def windows(self, length: int) -> Runs:
        """So many characters from each on, with the text that they begin in."""
        hashes = self.hashes(length)
        sizes = np.diff(self.ends, prepend=-1)
        return Runs(hashes, np.repeat(np.arange(self.num_texts), sizes)[: len(hashes)])

    def around(self, pieces: IntArray) -> Keys:
        """A hash of each substring of `NUM_CHARACTERS` that holds one of the pieces, (n,)."""
        starts = (pieces[:, None] - np.arange(_BETWEEN_PIECES)).ravel()
        is_whole = (starts >= 0) & (starts <= len(self.codes) - NUM_CHARACTERS)
        return _hashes(self.codes, NUM_CHARACTERS, starts[is_whole])

    @property
    def minima(self) -> Minima:
        """The least of each text's runs of three words under each hash, (num_texts, NUM_HASHES).

        `NO_SHINGLE` where there are no three words.
        """
        runs = self.runs(NUM_SHINGLE_WORDS)
        shingles, text = (runs.hashes >> np.uint64(32)).astype(np.uint32), runs.text
        factors = (_MULTIPLIERS[:NUM_HASHES] >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
        minima = np.full((self.num_texts, NUM_HASHES), NO_SHINGLE)
        starts = np.flatnonzero(np.diff(text, prepend=-1))
        place = 0
        while place < len(starts):
            after = max(place + 1, int(np.searchsorted(starts, starts[place] + _SHINGLES_AT_ONCE)))
            end = starts[after] if after < len(starts) else len(shingles)
            hashed = shingles[starts[place] : end, None] * factors
            within = starts[place:after] - starts[place]
            minima[text[starts[place:after]]] = np.minimum.reduceat(hashed, within)
            place = after
        return minima


def _hashes(codes: Keys, length: int, starts: slice | IntArray) -> Keys:
    """A hash of the `length` codes from each start on: Σ code·multiplier modulo 2⁶⁴, (n,)."""
    if len(codes) < length:
        return codes[:0]
    hashes: Keys = sliding_window_view(codes, length)[starts] @ _MULTIPLIERS[:length]
    return hashes


class _Asked:
    """The runs of probes, and which of them were met in a text."""

    def __init__(self, runs: Runs, num_probes: int) -> None:
        self._runs, self._num_probes = runs, num_probes
        self._known = np.sort(runs.hashes)
        self._met = np.zeros(len(self._known), dtype=bool)
        size = min(_LARGEST_FILTER, 1 << (16 * len(self._known) + 1).bit_length())
        self._shift = np.uint64(64 - (size.bit_length() - 1))
        self._may_be_known = np.zeros(size, dtype=bool)
        self._may_be_known[self._known >> self._shift] = True

    def know(self, hashes: Keys) -> BoolArray:
        """Which of these are runs of the probes, (n,)."""
        is_known: BoolArray = self._may_be_known[hashes >> self._shift]
        is_known[is_known] = _are_among(self._known, hashes[is_known])
        return is_known

    def meet(self, hashes: Keys) -> None:
        """Note which runs of the probes are among these."""
        self._met[np.searchsorted(self._known, hashes[self.know(hashes)])] = True

    @property
    def is_met(self) -> BoolArray:
        """Which probes have a run that was met, (num_probes,)."""
        found = np.zeros(self._num_probes, dtype=bool)
        found[self._runs.text[_are_among(self._known[self._met], self._runs.hashes)]] = True
        return found


def _are_among(known: Keys, hashes: Keys) -> BoolArray:
    """Which of these are among those known, which are sorted, (n,)."""
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    found: BoolArray = known[np.searchsorted(known, hashes).clip(max=len(known) - 1)] == hashes
    return found
