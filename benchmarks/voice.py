"""Is the judge of voice right on works it has never seen, deaf to words without order, and fast?

    python benchmarks/voice.py --positive drama TEXTS.jsonl...
    python benchmarks/voice.py --positive drama

Lines of TEXTS hold text, kind and work or source; without them it is the built-in world, English.
A quarter of the works of each kind, drawn by key, is kept from training (the world keeps its own).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from upbringing.character.neighbours import pieces_of
from upbringing.character.voice import NUM_CHARACTERS, train_judge
from upbringing.corpus.world import world_scenes
from upbringing.identity import generator

Row = tuple[str, str, str, bool]  # text, kind, work, held out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="*", type=Path)
    parser.add_argument("--positive", required=True)
    options = parser.parse_args()
    rows = read(options.texts) if options.texts else world()
    train, test = ([row for row in rows if row[3] is held_out] for held_out in (False, True))

    start = time.perf_counter()
    judge = train_judge(*sides(train, options.positive), seed=0)
    trained = time.perf_counter() - start
    report = judge.examine(*sides(test, options.positive), seed=0)

    samples = [piece for text, *_ in rows for piece in pieces_of(text, NUM_CHARACTERS)]
    samples = (samples * (2000 // len(samples) + 1))[:2000]
    start = time.perf_counter()
    judge.score(samples)
    scored = time.perf_counter() - start

    print(f"{options.positive} against the rest: {report.num_positive} and {report.num_negative}")
    print(f"pieces, {report.num_groups} unseen works; slope {judge.slope:.2f}; {report.reason}")
    if report.figures:
        for name, value in asdict(report.figures).items():
            print(f"{name:18s} {value:.3f}")
    holds = report.passed and trained < 10 and scored < 1
    print(
        f"trained in {trained:.1f} s (target < 10), 2,000 samples in {scored:.2f} s (target < 1), "
        f"passed: {report.passed}: {'holds' if holds else 'falls short'}"
    )


def sides(rows: list[Row], positive: str) -> tuple[list[str], list[bool], list[str]]:
    texts = [text for text, *_ in rows]
    return texts, [kind == positive for _, kind, *_ in rows], [work for _, _, work, _ in rows]


def read(files: list[Path]) -> list[Row]:
    told = [json.loads(line) for file in files for line in file.open(encoding="utf-8")]
    works = [(one["kind"], one.get("work") or one["source"]) for one in told]
    held_out: set[tuple[str, str]] = set()
    for kind in sorted({kind for kind, _ in works}):
        own = sorted({work for work in works if work[0] == kind})
        drawn = generator(0, "benchmark voice", kind).permutation(len(own))
        held_out |= {own[i] for i in drawn[: max(1, len(own) // 4)]}
    return [
        (one["text"], work[0], "/".join(work), work in held_out)
        for one, work in zip(told, works, strict=True)
    ]


def world() -> list[Row]:
    scenes = world_scenes("en", 6000, 0).scenes
    columns = (scenes[name].to_list() for name in ("text", "kind", "work", "split"))
    return [
        (text, kind, work, split != "train")
        for text, kind, work, split in zip(*columns, strict=True)
    ]


if __name__ == "__main__":
    main()
