"""Sorting: columns, the first one foremost → positions, as one sort of packed 64-bit words.

A word holds as much of the columns as fits above the row's number, so sorting words sorts rows;
Polars sorts words in every core, several times as fast as rows are sorted by their columns. Rows
whose words agree in all but the number are put right by the whole columns: the result is exact, and
the same for any order of the input and any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.blocks import in_blocks

Ranks = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]
Unsigned = npt.NDArray[np.unsignedinteger]

T = TypeVar("T", bound=np.generic)


def argsort(*by: Unsigned) -> Rows:
    """The rows by these columns, rising: `np.lexsort(by[::-1])`, shape (n,).

    n < 2^32; no two rows agree in all columns.
    """
    num_rows = len(by[0])
    if num_rows < 2:
        return np.arange(num_rows, dtype=np.uint32)
    row_bits = (num_rows - 1).bit_length()
    words = pl.Series(_packed(by, row_bits)).sort().to_numpy()
    number = np.uint64((1 << row_bits) - 1)
    rows = np.empty(num_rows, dtype=np.uint32)

    def unpack(block: slice) -> npt.NDArray[np.intp]:
        """The rows of a block, and the places that tie with the next."""
        rows[block] = words[block] & number
        pair = words[block.start : block.stop + 1]
        ties: npt.NDArray[np.intp] = block.start + np.flatnonzero(pair[1:] ^ pair[:-1] <= number)
        return ties

    tied = np.concatenate(in_blocks(num_rows, unpack))
    if len(tied):
        at = np.union1d(tied, tied + 1)
        inside = rows[at]
        # Groups are in order already, so sorting all tied rows at once leaves each in its group.
        rows[at] = inside[np.lexsort([column[inside] for column in reversed(by)])]
    return rows


def _packed(by: Sequence[Unsigned], row_bits: int) -> Ranks:
    """The columns' leading bits, as many as their ranges need, and below them the row's number."""
    shift, parts = 64, []
    for column in by:
        least = column.min()
        shift -= int(column.max() - least).bit_length()
        parts.append((column, least, shift))
        if shift <= row_bits:
            break
    words = np.empty(len(by[0]), dtype=np.uint64)

    def pack(block: slice) -> None:
        word = words[block]
        word[:] = 0
        for column, least, left in parts:
            value = (column[block] - least).astype(np.uint64, copy=False)
            word |= value << np.uint64(left) if left >= 0 else value >> np.uint64(-left)
        word >>= np.uint64(row_bits)
        word <<= np.uint64(row_bits)
        word |= np.arange(block.start, block.stop, dtype=np.uint64)

    in_blocks(len(words), pack)
    return words


def taken(values: npt.NDArray[T], rows: Unsigned) -> npt.NDArray[T]:
    """`values[rows]` for rows that are there: to check each would take as long as to take it."""
    found = np.empty(len(rows), dtype=values.dtype)
    in_blocks(len(rows), lambda block: values.take(rows[block], mode="clip", out=found[block]))
    return found


def inverse(rows: Rows) -> Rows:
    """The position of each row in a permutation of rows, shape (n,)."""
    positions = np.empty_like(rows)

    def place(block: slice) -> None:
        positions[rows[block]] = np.arange(block.start, block.stop, dtype=rows.dtype)

    in_blocks(len(rows), place)
    return positions


def monotone(values: npt.NDArray[np.generic]) -> Ranks:
    """Values of a column as ranks below 2^32 that rise as they do; equal values, equal ranks.

    Unsigned integers of up to 32 bits as they are; floats as float32, whose bits rise with them
    once the sign is turned (IEEE 754); all else by its rank among the distinct values.
    """
    is_float = values.dtype.kind == "f"
    if not is_float and not (values.dtype.kind == "u" and values.dtype.itemsize <= 4):
        values = np.unique(values, return_inverse=True)[1]
    ranks = np.empty(len(values), dtype=np.uint64)

    def rank(block: slice) -> None:
        ranks[block] = _turned(values[block]) if is_float else values[block]

    in_blocks(len(values), rank)
    return ranks


def _turned(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint32]:
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32)  # −0 is 0
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def coded(texts: pl.Series) -> tuple[Unsigned, list[str]]:
    """A text column as numbers, (n,), and its values by number."""
    values = texts.dtype if isinstance(texts.dtype, pl.Enum) else pl.Enum(texts.unique().sort())
    return texts.cast(values).to_physical().to_numpy(), values.categories.to_list()
