"""Sorting: columns, the first one foremost → positions, as one sort of packed 64-bit words.

A word holds as much of the columns as fits above the row's number, so sorting words sorts rows;
NumPy sorts unsigned words several times as fast as it sorts indices. Rows whose words agree in all
but the number are put right by the whole columns: the result is exact, and the same for any order
of the input and any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from upbringing.identity import blocks

Ranks = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]
Unsigned = npt.NDArray[np.unsignedinteger]

T = TypeVar("T", bound=np.generic)

_WORTH_TWO_THREADS = 1 << 18  # items


def argsort(*by: Unsigned) -> Rows:
    """The rows by these columns, rising: `np.lexsort(by[::-1])`, shape (n,).

    n < 2^32; no two rows agree in all columns.
    """
    num_rows = len(by[0])
    if num_rows < 2:
        return np.arange(num_rows, dtype=np.uint32)
    row_bits = (num_rows - 1).bit_length()
    words = _packed(by, row_bits)
    _sort(words)
    rows = words.astype(np.uint32)  # the low half of each word
    rows &= np.uint32((1 << row_bits) - 1)
    words >>= np.uint64(row_bits)
    same = words[1:] == words[:-1]
    if same.any():
        at = np.flatnonzero(np.append(same, False) | np.append(False, same))
        inside = rows[at]
        # Groups are in order already, so sorting all tied rows at once leaves each in its group.
        rows[at] = inside[np.lexsort([column[inside] for column in reversed(by)])]
    return rows


def _packed(by: Sequence[Unsigned], row_bits: int) -> Ranks:
    """The columns' leading bits, as many as their ranges need, and below them the row's number."""
    shift, parts = 64, []
    for column in by:
        least = int(column.min())
        shift -= (int(column.max()) - least).bit_length()
        parts.append((column, np.uint64(least), shift))
        if shift <= row_bits:
            break
    words = np.zeros(len(by[0]), dtype=np.uint64)
    for block in blocks(len(words)):
        word = words[block]
        for column, smallest, left in parts:
            value = column[block].astype(np.uint64) - smallest
            word |= value << np.uint64(left) if left >= 0 else value >> np.uint64(-left)
        word >>= np.uint64(row_bits)
        word <<= np.uint64(row_bits)
        word |= np.arange(block.start, block.stop, dtype=np.uint64)
    return words


def _sort(words: Ranks) -> None:
    """Sort in place: what is below the median, and beside it what is above."""
    if len(words) >= _WORTH_TWO_THREADS:
        words.partition(len(words) // 2)
    _in_halves(len(words), lambda half: words[half].sort())


def taken(values: npt.NDArray[T], rows: Rows) -> npt.NDArray[T]:
    """`values[rows]` for rows that are there: to check each would take as long as to take it."""
    found = np.empty(len(rows), dtype=values.dtype)
    _in_halves(len(rows), lambda half: values.take(rows[half], mode="clip", out=found[half]))
    return found


def _in_halves(num_items: int, work: Callable[[slice], object]) -> None:
    """Do the work on one half and on the other in two threads; all in one where it is short."""
    if num_items < _WORTH_TWO_THREADS:
        work(slice(num_items))
        return
    half = num_items // 2
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, (slice(half), slice(half, num_items))))


def inverse(rows: Rows) -> Rows:
    """The position of each row in a permutation of rows, shape (n,)."""
    positions = np.empty_like(rows)
    positions[rows] = np.arange(len(rows), dtype=rows.dtype)
    return positions


def monotone(values: npt.NDArray[np.generic]) -> Ranks:
    """Values of a column as ranks below 2^32 that rise as they do; equal values, equal ranks.

    Unsigned integers of up to 32 bits as they are; floats as float32, whose bits rise with them
    once the sign is turned (IEEE 754); all else by its rank among the distinct values.
    """
    if values.dtype.kind == "u" and values.dtype.itemsize <= 4:
        return values.astype(np.uint64)
    if values.dtype.kind == "f":
        turned = np.empty(len(values), dtype=np.uint64)
        for block in blocks(len(values)):
            bits = (values[block].astype(np.float32) + np.float32(0)).view(np.uint32)  # −0 is 0
            turned[block] = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
        return turned
    ranks: Ranks = np.unique(values, return_inverse=True)[1].astype(np.uint64)
    return ranks
