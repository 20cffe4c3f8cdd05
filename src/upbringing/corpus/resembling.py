"""Resembling: which probes have a resemblance to a text, by the minima of both under many hashes.

Takes minima, one for each hash; two texts agree in the share of them that they have in common of
their runs of three words (Broder 1997). What is told again and again is compared once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upbringing.identity import Keys

LEAST_RESEMBLANCE = 0.4

NUM_HASHES = 64  # two of them in common, side by side, make two texts candidates
NO_SHINGLE = np.uint32(2**32 - 1)
"""The minimum of a text that has no three words."""

_PAIRS_AT_ONCE = 65_536

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Minima = npt.NDArray[np.uint32]
"""Of each text the least of its runs under each hash, (num_texts, NUM_HASHES)."""


class Sketches:
    """The minima of probes, and which of them resemble a text.

    Of probes that have the same minima one is kept, and it is dropped once it was met.
    """

    def __init__(self, minima: Minima) -> None:
        self._minima, self._kept = _distinct(minima)
        self._met = np.zeros(len(self._minima), dtype=bool)
        self._bands = [(keys[order := keys.argsort()], order) for keys in _bands(self._minima)]

    @property
    def is_met(self) -> BoolArray:
        """Which probes resemble a text that was met, (num_probes,)."""
        found: BoolArray = self._met[self._kept]
        return found

    def meet(self, minima: Minima) -> None:
        """Note which probes resemble one of these texts."""
        minima, _ = _distinct(minima[minima[:, 0] != NO_SHINGLE])
        compared = np.zeros(0, dtype=np.int64)
        for (known, order), read in zip(self._bands, _bands(minima), strict=True):
            is_left = ~self._met[order]
            pairs = _equal(known[is_left], order[is_left], read) @ (len(self._minima), 1)
            pairs = np.setdiff1d(pairs, compared)
            for start in range(0, len(pairs), _PAIRS_AT_ONCE):
                self._compare(minima, pairs[start : start + _PAIRS_AT_ONCE])
            compared = np.append(compared, pairs)

    def _compare(self, minima: Minima, pairs: IntArray) -> None:
        """Compare texts and probes, each pair as text · number of probes + probe."""
        texts, probes = np.divmod(pairs, len(self._minima))
        same = self._minima[probes] == minima[texts]
        self._met[probes[same.mean(axis=1) >= LEAST_RESEMBLANCE]] = True


def _equal(known: Keys, order: IntArray, read: Keys) -> IntArray:
    """Every text and probe of one key, (n, 2); `known` are the probes' keys, sorted by `order`."""
    first, after = (np.searchsorted(known, read, side=s) for s in ("left", "right"))
    counts = after - first
    texts = np.repeat(np.arange(len(read)), counts)
    within = np.arange(len(texts)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([texts, order[np.repeat(first, counts) + within]], axis=1)


def _distinct(minima: Minima) -> tuple[Minima, IntArray]:
    """The rows that differ, (n, NUM_HASHES); and which of them each row is, (num_texts,)."""
    rows = np.ascontiguousarray(minima).view(f"V{minima.itemsize * NUM_HASHES}").ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    return minima[first], which


def _bands(minima: Minima) -> list[Keys]:
    """A key of each text for every band of two minima, (num_texts,) each."""
    return list(np.ascontiguousarray(minima).view(np.uint64).T.copy())
