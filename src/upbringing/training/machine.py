"""The machine: on what, how exactly and how fast a mind is raised.

Numerics belong to a study's record: figures agree to the bit only where they are equal. The rest
here makes a process fast without changing a figure.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from upbringing.errors import ShortageError

Precision = Literal["bf16", "fp32", "fp64"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Numerics:
    """What the bits of a result depend on besides the recipe.

    Master weights are fp32 (fp64 by that precision, for proofs that two ways are one). A batch is
    raised by `world_size` processes in `accumulation` micro-batches each; up to `population` minds
    share a pass.
    """

    precision: Precision = "bf16"
    compiled: bool = False
    num_threads: int = 1
    device: str = "cpu"
    world_size: int = 1
    accumulation: int = 1
    population: int = 1

    @property
    def weights(self) -> torch.dtype:
        """The type of the master weights."""
        return torch.float64 if self.precision == "fp64" else torch.float32

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """The context in which a forward pass runs."""
        enabled = self.precision == "bf16"
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=enabled)


@contextlib.contextmanager
def enough_memory(num_rows: int, row_length: int) -> Iterator[None]:
    """Turn a lack of memory, while so many rows are raised on, into a `ShortageError`."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; of a CPU there is no other sign
        if not (isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)):
            raise
        raise ShortageError(
            f"{num_rows} rows of {row_length} tokens do not fit into the memory that is left",
            do="more micro-batches (--accumulation) leave the life as it is; or lower the batch "
            "size, the row length or the shape",
        ) from error


@contextlib.contextmanager
def stop_asked() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM only makes the function that is given say True."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGTERM, before)


def finest(device: torch.device) -> torch.dtype:
    """The finest type that sums can have on a device: Apple's GPUs have no fp64."""
    return torch.float32 if device.type == "mps" else torch.float64


def best_device() -> str:
    """`cuda`, `mps` or `cpu`: the first of them that is there."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def settle_process(num_threads: int) -> None:
    """Make this process a place to raise minds in: its threads, and memory that it keeps.

    glibc returns large blocks to the kernel after each use, and a training step asks for the same
    ones again; keeping them spares the page faults (a cross-entropy over 2048 × 4096 logits takes
    20 ms in place of 60). PyTorch then asks for huge pages, of which a step's logits touch fewer.
    Where there is no glibc, or no Linux, nothing is changed.
    """
    torch.set_num_threads(num_threads)
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # read when it first needs a large block
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
