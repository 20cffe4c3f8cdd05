"""Whether random curricula compile to what they say, or fail with a message at its place.

    python benchmarks/grammar.py                      100,000 texts, on one core
    python benchmarks/grammar.py --number 2000 --first 50000

Texts are written from the published schema on a corpus of 80 scenes, every second with mistakes put
in (`tests/curricula.py`, `tests/mistakes.py`). Each either compiles, and the order is checked by
other means than the compiler's, or is refused with line and column (`tests/oracle.py`); any other
exception, a warning, or more than a second is a failure. Prints how many of each, the kinds of
messages, and texts a second; the last line is the number of failures and whether that holds. A text
that fails is printed with its number.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from curricula import tell_scenes
from oracle import Oracle, random_text

from upbringing.corpus import write_corpus

MOST_SHOWN = 30


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--number", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first text")
    asked = parser.parse_args()
    warnings.simplefilter("error")
    told: Counter[str] = Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        corpus = write_corpus(Path(place) / "corpus", tell_scenes(), recipe={}, inputs={})
        oracle = Oracle.of(corpus)
        start = time.process_time()
        for number in range(asked.first, asked.first + asked.number):
            text = random_text(number, oracle.scenes)
            try:
                told += oracle.judge(text)
            except Exception:  # whatever it is, it is what is looked for
                failed += 1
                print(f"text {number} fails:\n{text}\n{traceback.format_exc()}", flush=True)
        seconds = time.process_time() - start
    compiled, refused = told.pop("compiled"), told.pop("refused")
    print(f"{compiled:>7,} compiled\n{refused:>7,} refused, by {len(told)} kinds of messages")
    for kind, count in told.most_common(MOST_SHOWN):
        print(f"  {count:>7,} {kind}")
    print(f"{seconds / 60:.1f} minutes of one core, {asked.number / seconds:.0f} texts a second")
    print(
        f"{failed} of {asked.number:,} texts do otherwise, target 0: "
        f"{'falls short' if failed else 'holds'}"
    )


if __name__ == "__main__":
    main()
