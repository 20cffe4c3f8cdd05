"""Sorting: ranks with ties by scene key → positions, as one sort of packed 64-bit words.

A word holds as much of (rank, key) as fits above the row's number, so sorting words sorts rows;
NumPy sorts unsigned words several times as fast as it sorts indices. Rows whose words agree in all
but the number are put right by the whole rank and key: the result is exact, and the same for any
order of the input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upbringing.identity import Keys

Ranks = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]


def argsort(ranks: Ranks, keys: Keys) -> Rows:
    """The rows by (rank, key), rising: `np.lexsort((keys, ranks))`, shape (n,).

    n < 2^32; keys are distinct.
    """
    if len(ranks) < 2:
        return np.arange(len(ranks), dtype=np.uint32)
    row_bits = (len(ranks) - 1).bit_length()
    words = _leading_bits(ranks, keys, 64 - row_bits)
    words <<= np.uint64(row_bits)
    words |= np.arange(len(ranks), dtype=np.uint64)
    words.sort()
    rows = (words & np.uint64((1 << row_bits) - 1)).astype(np.uint32)
    words >>= np.uint64(row_bits)
    same = words[1:] == words[:-1]
    if same.any():
        at = np.flatnonzero(np.append(same, False) | np.append(False, same))
        inside = rows[at]
        # Groups are in order already, so sorting all tied rows at once leaves each in its group.
        rows[at] = inside[np.lexsort((keys[inside], ranks[inside]))]
    return rows


def _leading_bits(ranks: Ranks, keys: Keys, num_bits: int) -> Ranks:
    """The first `num_bits` of (rank, key), each without its leading zeros."""
    rank_bits, key_bits = (int(part.max()).bit_length() for part in (ranks, keys))
    if rank_bits >= num_bits:
        return ranks >> np.uint64(rank_bits - num_bits)
    words = ranks << np.uint64(num_bits - rank_bits)
    room = num_bits - rank_bits
    if key_bits > room:
        words |= keys >> np.uint64(key_bits - room)
    else:
        words |= keys << np.uint64(room - key_bits)
    return words


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
        bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32)  # −0 is 0
        turned: Ranks = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
        return turned
    ranks: Ranks = np.unique(values, return_inverse=True)[1].astype(np.uint64)
    return ranks
