"""What all ways of feeding share: the files, the place of a batch, and the cutting into batches.

    ids.npy       (num_tokens,) uint16, documents end to end, each begun by token 0
    offsets.npy   (num_documents + 1,) int64
    sequence.npy  (num_documents,) uint32: the order
    ordered.npy   (num_tokens,) uint16: the same tokens in order

A way of feeding is a function of a folder and a batch: it opens the files and yields this batch
and those after it, (ROWS, T + 1) int64 each. It is the peers' Python too that imports this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

ROWS, T = 16, 1024
STEP = ROWS * T  # the tokens from one batch of `stream` packing to the next


@dataclass(frozen=True)
class Files:
    folder: Path

    @cached_property
    def ids(self) -> npt.NDArray[np.uint16]:
        return np.load(self.folder / "ids.npy", mmap_mode="r")

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        return np.load(self.folder / "offsets.npy")

    @cached_property
    def sequence(self) -> npt.NDArray[np.uint32]:
        return np.load(self.folder / "sequence.npy", mmap_mode="r")

    @cached_property
    def ordered(self) -> npt.NDArray[np.uint16]:
        return np.load(self.folder / "ordered.npy", mmap_mode="r")

    def document_at(self, batch: int) -> tuple[int, int]:
        """The place in the order of the document in which a batch begins, and how far inside."""
        if batch == 0:
            return 0, 0
        ends = np.diff(self.offsets)[self.sequence].cumsum()
        document = int(np.searchsorted(ends, batch * STEP, side="right"))
        return document, batch * STEP - (int(ends[document - 1]) if document else 0)


def cut(parts: Iterable[npt.NDArray[np.uint16]], skip: int) -> Iterator[Tensor]:
    """Batches of a stream that comes in parts of any size, of which `skip` tokens are left out."""
    held: list[npt.NDArray[np.uint16]] = []
    num_held = -skip
    for part in parts:
        held.append(part)
        num_held += len(part)
        if num_held > STEP:
            stream = np.concatenate(held)[skip:]
            skip = 0
            whole = (len(stream) - 1) // STEP * STEP
            for first in range(0, whole, STEP):
                # One copy, which widens: nothing faster was found.
                window = torch.from_numpy(stream[first : first + STEP + 1]).unfold(0, T + 1, T)
                yield window.long()
            held = [stream[whole:]]
            num_held = len(held[0])
