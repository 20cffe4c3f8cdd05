"""Row file: the packed rows as one array, for a loop of one's own that takes slices of it.

rows.npy     (R, T + 1) uint16 or uint32: inputs are [:, :-1], targets [:, 1:]
counted.npy  (R,) uint32: so many targets of a row count, from the left; the rest is padding
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.exports.laid import Counts, Laid, Tokens
from upbringing.exports.reading import loaded

ROWS, COUNTED = "rows.npy", "counted.npy"


def write(folder: Path, laid: Laid) -> None:
    """Both arrays."""
    counted = []
    with (folder / ROWS).open("wb") as file:
        shape = (laid.num_rows, laid.row_length + 1)
        header = {"descr": laid.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for tokens_RT1, counts_RT in laid.blocks():
            file.write(tokens_RT1.astype(laid.dtype).tobytes())
            counted.append(counts_RT.sum(1, dtype="<u4"))
    np.save(folder / COUNTED, np.concatenate(counted))


def read(folder: Path, laid: Laid) -> Iterator[npt.NDArray[Any]]:
    """Rows of T + 1 tokens, and how many targets of each count: (R, T + 2)."""
    rows = loaded(folder / ROWS, laid.dtype, (None, laid.row_length + 1))
    counted = loaded(folder / COUNTED, np.dtype("<u4"), (len(rows),))
    for first in range(0, len(rows), 1024):
        part = slice(first, first + 1024)
        yield np.hstack([rows[part].astype(np.int64), counted[part, None]])


def held(tokens_RT1: Tokens, counts_RT: Counts) -> npt.NDArray[Any]:
    """What `read` gives for rows of an order."""
    return np.hstack([tokens_RT1, counts_RT.sum(1, keepdims=True)])
