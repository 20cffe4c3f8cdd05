"""Grain: the order as a source, a map that fetches the document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grain.python as grain
import numpy as np
import numpy.typing as npt
from shared import Files, cut
from torch import Tensor


def threadless(folder: Path, first: int) -> Iterator[Tensor]:
    return _fed(folder, first, grain.ReadOptions(num_threads=0))


def default(folder: Path, first: int) -> Iterator[Tensor]:
    return _fed(folder, first, grain.ReadOptions())


def _fed(folder: Path, first: int, options: grain.ReadOptions) -> Iterator[Tensor]:
    files = Files(folder)
    document, skip = files.document_at(first)
    ids = np.asarray(files.ids).view(np.ndarray)
    order = files.sequence.tolist()
    offsets = files.offsets.tolist()

    def fetch(number: int) -> npt.NDArray[np.uint16]:
        return ids[offsets[number] : offsets[number + 1]]

    documents = iter(grain.MapDataset.source(order).map(fetch).to_iter_dataset(options))
    if document:
        documents.set_state({**documents.get_state(), "next_index": document})
    return cut(documents, skip)
