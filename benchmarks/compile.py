"""How fast an order is compiled, beside a bare sort of the same rows by others.

    python benchmarks/compile.py                     1, 10 and 100 million scenes
    python benchmarks/compile.py --millions 1 10

Columns are made in memory: six kinds, a difficulty, sizes, 64-bit keys. The curriculum has phases
by kind, one of them sorted by difficulty, a mixture that moves, and events; the sequence is written
to disk. Beside it, in the same run: polars sorting (kind, difficulty, key), and NumPy sorting one
packed 64-bit key. Prints seconds, those of all cores together (a busy machine stretches them less),
and the peak memory of the whole process, columns included; the last lines say what holds.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from upbringing.identity import keyed_hash
from upbringing.order import parse_curriculum
from upbringing.order.compile import lay

KINDS = ("chat", "drama", "myth", "philosophy", "plain", "technical")
CURRICULUM = """
name: benchmark
phases:
  - {name: childhood, scenes: {kind: [drama, myth]}, arrange: {sort: unigram_surprisal}}
  - name: youth
    scenes: {kind: [chat, plain]}
    arrange: {mixture: {kinds: {chat: [1, 0.2], plain: [0.2, 1]}}}
  - {name: maturity, scenes: rest, arrange: {sort: [-num_bytes, unigram_surprisal]}}
events:
  - {scenes: {document: the-fire}, ages: [0.05, 0.8]}
"""


def columns(num_scenes: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, len(KINDS), num_scenes, dtype=np.uint8)
    document = np.zeros(num_scenes, dtype=np.uint8)
    document[rng.integers(0, num_scenes, 100)] = 1
    return pl.DataFrame(
        {
            "key": keyed_hash(np.arange(num_scenes, dtype=np.uint64), 0, "key"),
            "num_bytes": rng.integers(300, 1500, num_scenes, dtype=np.uint32),
            "unigram_surprisal": rng.random(num_scenes, dtype=np.float32),
            "kind": pl.Series(kind).cat.to(pl.Enum(KINDS)),
            "document": pl.Series(document).cat.to(pl.Enum(["other", "the-fire"])),
            "split": pl.Series(np.zeros(num_scenes, dtype=np.uint8)).cat.to(pl.Enum(["train"])),
        }
    )


def ours(frame: pl.DataFrame) -> None:
    sequence, _ = lay(frame, parse_curriculum(CURRICULUM), 0)
    with tempfile.TemporaryDirectory() as place:
        np.save(Path(place) / "sequence.npy", sequence)


def polars_sort(frame: pl.DataFrame) -> None:
    rows = frame.select("kind", "unigram_surprisal", "key").with_row_index()
    rows.sort("kind", "unigram_surprisal", "key")


def numpy_packed_sort(frame: pl.DataFrame) -> None:
    words = frame["kind"].to_physical().to_numpy().astype(np.uint64) << np.uint64(61)
    words |= (frame["unigram_surprisal"].to_numpy() * 2.0**33).astype(np.uint64) << np.uint64(27)
    words |= np.arange(len(frame), dtype=np.uint64)
    words.sort()


WAYS: dict[str, Callable[[pl.DataFrame], None]] = {
    "ours": ours,
    "polars sort": polars_sort,
    "NumPy packed sort": numpy_packed_sort,
}


def measure(name: str, num_scenes: int) -> tuple[float, float, float, float]:
    """Seconds, those of all cores, and gigabytes before and at the peak; in its own process."""
    frame = columns(num_scenes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start, of_cores = time.perf_counter(), time.process_time()
    WAYS[name](frame)
    seconds, of_cores = time.perf_counter() - start, time.process_time() - of_cores
    return seconds, of_cores, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--millions", nargs="*", type=float, default=[1, 10, 100])
    asked = parser.parse_args()
    context = mp.get_context("spawn")
    seconds: dict[tuple[str, int], float] = {}
    peaks: dict[tuple[str, int], float] = {}
    for millions in asked.millions:
        num_scenes = int(millions * 1e6)
        for name in WAYS:
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                measured = pool.submit(measure, name, num_scenes).result()
            taken, of_cores, columns_gb, peak_gb = measured
            seconds[name, num_scenes], peaks[name, num_scenes] = taken, peak_gb
            print(
                f"{num_scenes / 1e6:>6.1f} M scenes  {name:<18} {taken:>7.2f} s"
                f" (cores {of_cores:.2f})"
                f"  {taken / num_scenes * 1e9:>6.0f} ns a scene"
                f"  peak {peak_gb:.1f} GB (columns {columns_gb:.1f})",
                flush=True,
            )
    sizes = sorted({size for _, size in seconds})
    most = sizes[-1]
    own = seconds["ours", most]
    bounds = {
        f"{seconds['polars sort', most] / own:.1f} times as fast as polars, target 4": (
            seconds["polars sort", most] / own >= 4
        ),
        f"{own / seconds['NumPy packed sort', most]:.2f} times NumPy's time, target 2.5 at most": (
            own / seconds["NumPy packed sort", most] <= 2.5
        ),
        f"peak {peaks['ours', most]:.1f} GB, target under 8": peaks["ours", most] < 8,
    }
    if len(sizes) > 1:
        growth = own / most / (seconds["ours", sizes[0]] / sizes[0])
        bounds[f"time a scene grows {growth:.2f}-fold from the smallest, target 1.5"] = (
            growth <= 1.5
        )
    for bound, held in bounds.items():
        print(f"{bound}: {'holds' if held else 'falls short'}")


if __name__ == "__main__":
    main()
