"""One way of feeding in a process of its own, which does what it is told, a line at a time.

    python serve.py FOLDER MODULE FUNCTION PACKING

Takes a JSON list a line, a command and its arguments, and answers with JSON. The oracle of a batch
is cut from the tokens in order by borders that are found document after document.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared import ROWS, Files, T
from torch import Tensor

Way = Callable[[Path, int], Iterator[Tensor]]


class Server:
    def __init__(self, folder: Path, module: str, function: str, packing: str) -> None:
        self.folder, self.packing = folder, packing
        self.module = importlib.import_module(module)
        self.way: Way = getattr(self.module, function)
        self.files = Files(folder)
        if hasattr(self.module, "prepare"):  # what has a format of its own
            self.module.prepare(folder)
        self.batches = self.way(folder, 0)
        next(self.batches)

    def check(self, num: int) -> bool:
        """Whether the first and last `num` batches are as they must be, element by element."""
        total = self.num_batches
        if 2 * num >= total:
            return self._is_due(0, total)
        return self._is_due(0, num) and self._is_due(total - num, total)

    def feed(self, seconds: float) -> dict[str, float]:
        """Go on feeding for so long, from the start again after the end: tokens per second."""
        num_batches = 0
        start, start_cpu = time.perf_counter(), time.process_time()
        while (taken := time.perf_counter() - start) < seconds:
            if next(self.batches, None) is None:
                self.batches = self.way(self.folder, 0)
            else:
                num_batches += 1
        num_tokens = num_batches * ROWS * self.borders[-1] / (len(self.borders) - 1)
        return {
            "a_second": num_tokens / taken,
            "a_cpu_second": num_tokens / (time.process_time() - start_cpu),
        }

    def resume(self) -> float:
        """Milliseconds from nothing but imported libraries to the batch at 90%."""
        start = time.perf_counter()
        next(self.way(self.folder, self.num_batches * 9 // 10))
        return (time.perf_counter() - start) * 1e3

    def memory(self) -> list[float]:
        """Anonymous memory in MB when 10%, 50% and 90% of the batches are fed, from the first."""
        asked = [self.num_batches * tenths // 10 for tenths in (1, 5, 9)]
        batches = enumerate(self.way(self.folder, 0))
        return [anonymous_mb() for number, _ in batches if number in asked]

    @property
    def num_batches(self) -> int:
        """Batches whose rows are all real."""
        return (len(self.borders) - 1) // ROWS

    @cached_property
    def borders(self) -> list[int]:
        """Where rows begin in the tokens in order, and where the last ends."""
        if self.packing == "stream":
            return [*range(0, len(self.files.ids), T), len(self.files.ids)]
        borders, end = [0], 0
        for length in np.diff(self.files.offsets)[self.files.sequence].tolist():
            if end + length - borders[-1] > T:
                borders.append(end)
            end += length
        return [*borders, end]

    def _is_due(self, first: int, stop: int) -> bool:
        numbers = range(first, stop)
        found = zip(numbers, islice(self.way(self.folder, first), len(numbers)), strict=True)
        return all(np.array_equal(batch.numpy(), self._due(number)) for number, batch in found)

    def _due(self, number: int) -> npt.NDArray[np.int64]:
        """The batch of that number, (ROWS, T + 1), by the oracle."""
        batch = np.zeros((ROWS, T + 1), dtype=np.int64)
        borders = self.borders[number * ROWS : (number + 1) * ROWS + 1]
        for row, (begin, end) in zip(batch, pairwise(borders), strict=True):
            due = self.files.ordered[begin : end + 1]
            row[: len(due)] = due
        return batch


def anonymous_mb() -> float:
    """Memory of this process that no file stands behind."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Anonymous:"))


def main() -> None:
    warnings.simplefilter("ignore")  # of the libraries: packages that they would like to have
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    folder, *way = sys.argv[1:]
    server = Server(Path(folder), *way)

    def answer(value: Any) -> None:
        print(json.dumps(value), file=answers, flush=True)

    answer("ready")
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answer(getattr(server, command)(*arguments))


if __name__ == "__main__":
    main()
