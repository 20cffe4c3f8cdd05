"""Whether every fault that is planted in what a trainer consumes is found, and where it is.

    python benchmarks/plants.py                      10,000 plants, on one core
    python benchmarks/plants.py --number 500 --first 2000

Thirteen kinds of faults on one order in three packings (`tests/faults.py`): rows swapped, dropped,
doubled, shifted in a worker's share, from a stale cache or a lost seed, repeated at the end; a
token or a label mask changed; a life cut short. Each is looked for twice: in the ledger of a life,
and in the notes that the processes of a world (1, 2 or 4 ranks; 1, 2 or 4 micro-batches) leave on
disk. What is said must be, to the letter, what is told from the contents of the rows alone: step,
row, expected and found scene. Prints how many of each kind are found and named; the last line is
the number that is and whether that holds. A plant that is not is printed with its number.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults import WORLDS, ledger_of, make_grounds, must_say, noted, plant

from upbringing.training import first_divergence, settle_process


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first plant")
    asked = parser.parse_args()
    settle_process(1)
    found: Counter[str] = Counter()
    named: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    start = time.process_time()
    with tempfile.TemporaryDirectory() as name:
        grounds = make_grounds(Path(name))
        for number in range(asked.first, asked.first + asked.number):
            ground, fault = plant(number, grounds)
            divergence = first_divergence(ledger_of(fault.fed), ground.feed.rows, ground.feed.steps)
            place = Path(name) / f"notes-{number}"
            said = noted(ground, fault.fed, place, WORLDS[number % len(WORLDS)])
            planted[fault.name] += 1
            if divergence == fault.told and said.startswith(must_say(ground, fault, place)):
                found[fault.name] += 1
                named[fault.name] += "not in the order" not in fault.told.found
            else:
                print(f"plant {number}, {fault.name}:\n  told {fault.told}", flush=True)
                print(f"  ledger {divergence}\n  notes {said}", flush=True)
    seconds = time.process_time() - start
    print("| fault | planted | found where it is | the found row named by its scenes |")
    print("|---|---|---|---|")
    for kind, count in planted.items():
        print(f"| {kind.replace('_', ' ')} | {count:,} | {found[kind]:,} | {named[kind]:,} |")
    print("\nA row that stands nowhere in the order is said to be foreign, and has no scene.")
    print(f"{seconds / 60:.1f} minutes of one core")
    held = found.total()
    print(
        f"{held:,} of {asked.number:,} plants found and located, target all: "
        f"{'holds' if held == asked.number else 'falls short'}"
    )


if __name__ == "__main__":
    main()
