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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from upbringing.errors import InputError, ShortageError, StoppedError

Precision = Literal["bf16", "fp32", "fp64"]

# As PyTorch says it where it has no error of its own: on a CPU, on Apple's GPUs, in cuBLAS.
_SHORT_OF_MEMORY = ("allocate memory", "out of memory", "ALLOC_FAILED")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Numerics:
    """What the bits of a result depend on besides the recipe.

    Master weights are fp32 (fp64 by that precision, for proofs that two ways are one). A batch is
    raised by `world_size` processes in `accumulation` micro-batches each; up to `population` minds
    share a pass. Raises `InputError` for fp64 on Apple's GPUs, which have none.
    """

    precision: Precision = "bf16"
    compiled: bool = False
    num_threads: int = 1
    device: str = "cpu"
    world_size: int = 1
    accumulation: int = 1
    population: int = 1

    def __post_init__(self) -> None:
        if self.precision == "fp64" and self.device.startswith("mps"):
            raise InputError("fp64 on mps", allowed="bf16, fp32", do="or take the device cpu")

    @property
    def weights(self) -> torch.dtype:
        """The type of the master weights."""
        return torch.float64 if self.precision == "fp64" else torch.float32

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """The context in which a forward pass runs."""
        enabled = self.precision == "bf16"
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=enabled)


@contextlib.contextmanager
def enough_memory(what: str, *, do: str) -> Iterator[None]:
    """Turn a lack of memory into a `ShortageError`: `what` does not fit, and what to lower."""
    try:
        yield
    # torch.OutOfMemoryError is a RuntimeError; a file that cannot be mapped is an OSError.
    except (RuntimeError, MemoryError, OSError) as error:
        is_short = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not is_short and not any(words in str(error) for words in _SHORT_OF_MEMORY):
            raise
        raise ShortageError(f"{what} do not fit into the memory that is left", do=do) from error


@dataclass
class Asked:
    """Whether a signal has asked this process to stop, by its number."""

    number: int | None = None

    def error(self, said: str) -> BaseException:
        """What to raise when all is saved: as a signal would, `KeyboardInterrupt` for Ctrl-C."""
        return KeyboardInterrupt(said) if self.number == signal.SIGINT else StoppedError(said)


@contextlib.contextmanager
def stop_asked() -> Iterator[Asked]:
    """Inside, SIGTERM and Ctrl-C are only noted; a second Ctrl-C stops at once.

    Where Ctrl-C is ignored already it stays so. What comes too late to be answered inside is sent
    once more at the end.
    """
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield asked
        return

    def note(number: int, _: object) -> None:
        asked.number = number
        if number == signal.SIGINT:
            signal.signal(number, before[signal.SIGINT])

    heard = (signal.SIGTERM, signal.SIGINT)
    before = {n: signal.getsignal(n) for n in heard if signal.getsignal(n) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, note)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked.number is not None:
        signal.raise_signal(asked.number)


def finest(device: torch.device) -> torch.dtype:
    """The finest type that sums can have on a device: Apple's GPUs have no fp64."""
    return torch.float32 if device.type == "mps" else torch.float64


def best_device() -> str:
    """`cuda`, `mps` or `cpu`: the first of them that is there."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def device_named(name: str) -> str:
    """A device by its name; `auto` is the best. Raises `InputError` for one that is not there."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name != "auto" and not there.get(name):
        known = ", ".join(["auto", *(device for device, is_there in there.items() if is_there)])
        raise InputError(f"no device {name!r} is here", allowed=known)
    return best_device() if name == "auto" else name


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
