"""How fast an order answers: what is read at an age, and when is a scene met?

    python benchmarks/look.py                     1 and 10 million visits
    python benchmarks/look.py --millions 100      about 10 GB of disk for temporary files

A corpus of that many scenes is written, and a shuffled order of it. Both are opened for a look, and
asked for random ages and scenes; the first answer of each kind holds the opening, and finds the
places of the scenes in the corpus's file. Beside it, in the same run: the command, Python's own
start included, an opening that checks every byte, and reading the columns that the answer lies in.
Prints milliseconds; the last line is the slowest answer, its target and whether it holds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.store import FORMAT
from upbringing.files import write_manifest
from upbringing.identity import generator, keys_of
from upbringing.order import Order, acquaintance, moment

KINDS = np.array(["chat", "drama", "myth", "philosophy", "plain", "technical"])
TEXT = " Nobody had seen the boat come in, and nobody asked whose it was." * 6
TARGET_MS = 50.0
NUM_ASKED = 20
CHUNK = 2_000_000


def make_corpus(place: Path, num_scenes: int) -> Corpus:
    """A corpus with the columns that a look needs, written piece by piece."""
    place.mkdir()
    draw = generator(0, "benchmark")
    parts = []
    for first in range(0, num_scenes, CHUNK):
        count = min(CHUNK, num_scenes - first)
        ids = [f"scene/{number:09d}" for number in range(first, first + count)]
        part = pl.DataFrame(
            {
                "id": ids,
                "key": pl.Series(keys_of(ids), dtype=pl.UInt64),
                "kind": KINDS[draw.integers(0, len(KINDS), count)],
                "split": ["train"] * count,
                "num_bytes": draw.integers(300, 1500, count, dtype=np.uint32),
            }
        ).with_columns(text=pl.col("id") + TEXT)
        parts.append(place.parent / f"part-{first:09d}.parquet")
        part.write_parquet(parts[-1], compression_level=1)
    scenes = pl.scan_parquet(parts)
    scenes.sink_parquet(place / "scenes.parquet", compression_level=1, row_group_size=65_536)
    for part_file in parts:
        part_file.unlink()
    write_manifest(place, FORMAT, recipe={}, inputs={}, facts={"num_scenes": num_scenes})
    return Corpus.open(place)


def timed(ask: Callable[[], Any]) -> float:
    """Milliseconds that an answer takes."""
    start = time.perf_counter()
    ask()
    return 1e3 * (time.perf_counter() - start)


def opened(folder: Path, *, whole: bool) -> Order:
    return Order.open(folder / "order", Corpus.open(folder / "corpus", whole=whole), whole=whole)


def ask_by_command(folder: Path, scene: str) -> None:
    command = Path(sys.executable).with_name("upbringing")
    place = ["show", folder / "order", "--corpus", folder / "corpus"]
    subprocess.run([command, *place, "--scene", scene], check=True, stdout=subprocess.DEVNULL)


def by_reading(order: Order, scene: str) -> None:
    """The same without the order's indices: whole columns."""
    row = order.corpus.columns(["id"])["id"].index_of(scene)
    np.flatnonzero(np.asarray(order.sequence) == row)
    order.corpus.column("num_bytes")[order.sequence].cumsum()


def look(num_visits: int, folder: Path) -> float:
    """Print what looks take on an order of that many visits; gives the slowest."""
    corpus = make_corpus(folder / "corpus", num_visits)
    rows = generator(1, "benchmark").permutation(num_visits)
    Order.from_rows(corpus, rows, columns=("key", "num_bytes", "split")).save(folder / "order")
    opening = timed(lambda: opened(folder, whole=True))
    draw = generator(2, "benchmark")
    scenes = [f"scene/{number:09d}" for number in draw.integers(0, num_visits, NUM_ASKED)]
    ages = draw.random(NUM_ASKED)
    slowest = 0.0
    for name, asks in (
        ("--at", [lambda order, age=float(age): moment(order, age) for age in ages]),
        ("--scene", [lambda order, scene=scene: acquaintance(order, scene) for scene in scenes]),
    ):
        first = timed(lambda ask=asks[0]: ask(opened(folder, whole=False)))
        order = opened(folder, whole=False)
        taken = [first, *(timed(lambda ask=ask, order=order: ask(order)) for ask in asks)]
        slowest = max(slowest, *taken)
        print(
            f"{num_visits / 1e6:>6.1f} M visits  {name:<8} first {taken[0]:>6.1f} ms"
            f"  median {np.median(taken[1:]):>6.1f} ms  slowest {max(taken[1:]):>6.1f} ms",
            flush=True,
        )
    command = timed(lambda: ask_by_command(folder, scenes[0]))
    reading = timed(lambda: by_reading(order, scenes[0]))
    print(
        f"{'':>17}the command {command:,.0f} ms; opening, all checked {opening:,.0f} ms;", end=" "
    )
    print(f"by reading columns {reading:,.0f} ms")
    return slowest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--millions", nargs="*", type=float, default=[1, 10])
    slowest = 0.0
    for millions in parser.parse_args().millions:
        with tempfile.TemporaryDirectory() as place:
            slowest = max(slowest, look(int(millions * 1e6), Path(place)))
    held = "holds" if slowest < TARGET_MS else "falls short"
    print(f"slowest answer {slowest:.1f} ms, target under {TARGET_MS:.0f} ms: {held}")


if __name__ == "__main__":
    main()
