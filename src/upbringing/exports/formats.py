"""The formats: by name, how each is written, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import polars as pl

from upbringing.exports import hf, jsonl, mds, megatron, parquet, row_file, token_file
from upbringing.exports.laid import Counts, Laid, Tokens
from upbringing.exports.visits import Visits


@dataclass(frozen=True)
class VisitFormat:
    """A format that holds a record a visit.

    write  the visits of so many ranks into a folder
    read   the frames of `visits.COLUMNS` that a folder holds, in the order of its own
    """

    write: Callable[[Path, Visits, int], None]
    read: Callable[[Path], Iterator[pl.DataFrame]]


@dataclass(frozen=True)
class RowFormat:
    """A format that holds rows of tokens.

    write  the rows into a folder
    read   the rows that a folder holds, (R, W) each time, in the order of its own
    held   what `read` gives for rows of an order: tokens (R, T + 1), which targets count (R, T)
    """

    write: Callable[[Path, Laid], None]
    read: Callable[[Path, Laid], Iterator[npt.NDArray[Any]]]
    held: Callable[[Tokens, Counts], npt.NDArray[Any]]


VISIT_FORMATS: Mapping[str, VisitFormat] = {
    "jsonl": VisitFormat(jsonl.write, jsonl.read),
    "parquet": VisitFormat(parquet.write, parquet.read),
    "hf": VisitFormat(hf.write, hf.read),
}
ROW_FORMATS: Mapping[str, RowFormat] = {
    "numpy": RowFormat(token_file.write, token_file.read, token_file.held),
    "rows": RowFormat(row_file.write, row_file.read, row_file.held),
    "megatron": RowFormat(megatron.write, megatron.read, megatron.held),
    "mds": RowFormat(mds.write, mds.read, row_file.held),
}
