"""Reading: files of numbers, as they are in an export, mapped into memory and checked by size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.errors import ArtefactError


def mapped(file: Path, dtype: np.dtype[Any], width: int) -> npt.NDArray[Any]:
    """A file without header as an array (n, width); `ArtefactError` where it is none."""
    row = width * dtype.itemsize
    size = _size(file)
    if size == 0 or size % row:
        raise ArtefactError(
            f"has {size:,} bytes, which are no rows of {width:,} × {dtype}", where=str(file)
        )
    whole: npt.NDArray[Any] = np.memmap(file, dtype=dtype, mode="r").reshape(-1, width)
    return whole


def loaded(file: Path, dtype: np.dtype[Any], shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
    """An `.npy` file, memory-mapped; `ArtefactError` where type or shape (None: any) differ."""
    _size(file)
    try:
        array: npt.NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ArtefactError(f"is not an array: {error}", where=str(file)) from error
    fits = array.ndim == len(shape) and all(
        due in (None, found) for due, found in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != dtype:
        due = ", ".join("any" if size is None else str(size) for size in shape)
        raise ArtefactError(
            f"is {array.dtype} of shape {array.shape}", where=str(file), allowed=f"{dtype}, ({due})"
        )
    return array


def _size(file: Path) -> int:
    if not file.is_file():
        raise ArtefactError("is missing", where=str(file))
    return file.stat().st_size
