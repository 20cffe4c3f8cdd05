"""The world: the processes that raise one mind together, each with its share of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from upbringing.errors import InputError, ResumeError

T = TypeVar("T")

# What `torchrun` says to each process that it starts.
_SAID = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_START = "start the command by `torchrun`, or unset these for a process alone"

# As gloo and NCCL say it.
_GONE = ("by peer", "Broken pipe", "remote process")


@dataclass(frozen=True)
class World:
    """This process among those of its world. The first one, of rank 0, does the writing."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_process(cls) -> World:
        """The world that the environment says this process is in; without a word one of its own.

        Raises `InputError` where only a part of it is said, or what cannot be.
        """
        rank, size = (_number(name, default) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))
        lost = [name for name in _SAID if name not in os.environ] if size > 1 else []
        if lost:
            what = f"the environment says WORLD_SIZE={size}, and no {', '.join(lost)}"
            raise InputError(what, do=_START)
        if not 0 <= rank < size:
            what = f"the environment says RANK={rank} in a world of {size}"
            raise InputError(what, allowed=f"0 to {size - 1}" if size > 1 else "0", do=_START)
        return cls(rank, size)

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in place."""
        tensors = list(tensors)
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _met():
            dist.all_reduce(flat)
        begin = 0
        for tensor in tensors:
            tensor.copy_(flat[begin : begin + tensor.numel()].view_as(tensor))
            begin += tensor.numel()

    def gather(self, item: T) -> list[T]:
        """What each process gives, by rank."""
        if self.size == 1:
            return [item]
        items: list[Any] = [None] * self.size
        with _met():
            dist.all_gather_object(items, item)
        return items

    def any(self, is_so: bool, device: torch.device) -> bool:
        """Whether it is so in some process."""
        if self.size == 1:
            return is_so
        flag = torch.tensor(int(is_so), device=device)
        with _met():
            dist.all_reduce(flag)
        return bool(flag)

    def wait(self) -> None:
        """Go on when every process has come here."""
        if self.size > 1:
            with _met():
                dist.barrier()


@contextmanager
def joined_world(device: str) -> Iterator[World]:
    """The world that `torchrun` has started this process in, met inside; without it one alone.

    Raises what `World.of_process` raises, and inside `ResumeError` where another process has ended.
    """
    world = World.of_process()
    if world.size == 1:
        yield world
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield world
    finally:
        dist.destroy_process_group()


@contextmanager
def _met() -> Iterator[None]:
    """The processes meet inside, of which one may be gone."""
    try:
        yield
    except RuntimeError as error:
        if not any(words in str(error) for words in _GONE):
            raise
        what, do = "another process of this world has ended", "see why; the same command continues"
        raise ResumeError(what, do=do) from error


def _number(name: str, default: int) -> int:
    said = os.environ.get(name, str(default))
    try:
        return int(said)
    except ValueError as error:
        raise InputError(f"the environment says {name}={said}", allowed="a number") from error
