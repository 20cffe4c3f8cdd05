"""The machine: on what, how exactly and how fast a mind is raised.

Numerics belong to a study's record: figures agree to the bit only where they are equal. The rest
here makes a process fast without changing a figure.
"""

from __future__ import annotations

import contextlib
import ctypes
from dataclasses import dataclass
from typing import Literal

import torch

Precision = Literal["bf16", "fp32"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Numerics:
    """What the bits of a result depend on besides the recipe. Master weights are fp32 always."""

    precision: Precision = "bf16"
    compiled: bool = False
    num_threads: int = 1
    device: str = "cpu"

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """The context in which a forward pass runs."""
        enabled = self.precision == "bf16"
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=enabled)


def best_device() -> str:
    """`cuda`, `mps` or `cpu`: the first of them that is there."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def settle_process(num_threads: int) -> None:
    """Make this process a place to raise minds in: its threads, and memory that it keeps.

    glibc returns large blocks to the kernel after each use, and a training step asks for the same
    ones again; keeping them spares the page faults (a cross-entropy over 2048 × 4096 logits takes
    20 ms in place of 60). Where there is no glibc, nothing is changed.
    """
    torch.set_num_threads(num_threads)
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
