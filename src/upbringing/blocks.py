"""Blocks: work on a long array piece by piece, in every core.

A piece stays in the core's cache from one step of the work to the next. Threads suffice: NumPy lets
go of Python's lock while it computes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl

T = TypeVar("T")

_SIZE = 1 << 16  # items: a 64-bit array of so many, and what is made of it, fill a cache


def blocks(num_items: int) -> list[slice]:
    """Slices that cover an array of `num_items`, in order."""
    return [slice(start, min(start + _SIZE, num_items)) for start in range(0, num_items, _SIZE)]


def in_blocks(num_items: int, work: Callable[[slice], T]) -> list[T]:
    """What `work` gives for each of `blocks(num_items)`, in order, by as many threads as Polars
    has; each thread goes through neighbouring blocks. A single block asks for no threads: where
    Polars has begun its own, a process can no longer be forked.
    """
    slices = blocks(num_items)
    if len(slices) < 2:
        return [work(block) for block in slices]
    num_threads = min(pl.thread_pool_size(), len(slices))
    size = -(-len(slices) // num_threads)
    shares = [slices[start : start + size] for start in range(0, len(slices), size)]
    with ThreadPoolExecutor(num_threads) as threads:
        done = threads.map(lambda share: [work(block) for block in share], shares)
        return [result for share in done for result in share]
