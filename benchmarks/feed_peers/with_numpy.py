"""NumPy alone: slices of a file that lies in order, and documents gathered while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from shared import STEP, Files, T, cut
from torch import Tensor

AT_ONCE = 2_048  # documents


def ordered(folder: Path, first: int) -> Iterator[Tensor]:
    """A slice a batch; the rows are views of it, which share a token with the next."""
    tokens = Files(folder).ordered
    for place in range(first * STEP, len(tokens) - STEP, STEP):
        batch = torch.from_numpy(tokens[place : place + STEP + 1].astype(np.int64))
        yield batch.unfold(0, T + 1, T)


def gathered(folder: Path, first: int) -> Iterator[Tensor]:
    """An index of every token of some documents, made and followed."""
    files = Files(folder)
    document, skip = files.document_at(first)

    def parts() -> Iterator[npt.NDArray[np.uint16]]:
        for place in range(document, len(files.sequence), AT_ONCE):
            documents = files.sequence[place : place + AT_ONCE]
            begins, ends = files.offsets[documents], files.offsets[1:][documents]
            lengths = ends - begins
            shifts = np.repeat(begins - (lengths.cumsum() - lengths), lengths)
            yield np.asarray(files.ids[np.arange(len(shifts)) + shifts])

    return cut(parts(), skip)
