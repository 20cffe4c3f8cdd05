"""JSON Lines: a line a visit, in order, with bytes that depend on the order alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from upbringing.errors import ArtefactError
from upbringing.exports.visits import COLUMNS, Visits, stem

_LINES_AT_ONCE = 16_384


def write(folder: Path, visits: Visits, ranks: int) -> None:
    """`visits.jsonl`, or a file for each rank: UTF-8, keys as in `COLUMNS`, no spaces."""
    for rank in range(ranks):
        file = folder / f"{stem(rank, ranks)}.jsonl"
        with file.open("w", encoding="utf-8", newline="\n") as lines:
            for frame in visits.of_rank(rank, ranks):
                lines.writelines(
                    json.dumps(visit, ensure_ascii=False, separators=(",", ":")) + "\n"
                    for visit in frame.iter_rows(named=True)
                )


def read(folder: Path) -> Iterator[pl.DataFrame]:
    """The visits of all files, by name; raises `ArtefactError` for a line that is none."""
    for file in sorted(folder.glob("*.jsonl")):
        try:
            with file.open(encoding="utf-8", newline="\n") as lines:
                numbered = enumerate(lines, start=1)
                while visits := [
                    _visit(line, f"{file}:{number}")
                    for number, line in islice(numbered, _LINES_AT_ONCE)
                ]:
                    yield pl.DataFrame(visits, schema=COLUMNS)
        except UnicodeDecodeError as error:
            raise ArtefactError(f"is not UTF-8: {error}", where=str(file)) from error


def _visit(line: str, where: str) -> dict[str, str | int]:
    try:
        visit: dict[str, str | int] = json.loads(line)
    except json.JSONDecodeError as error:
        raise ArtefactError(f"is not JSON: {error}", where=where) from error
    if not (isinstance(visit, dict) and list(visit) == list(COLUMNS) and _fits(**visit)):
        raise ArtefactError("is no visit", where=where, allowed=", ".join(COLUMNS))
    return visit


def _fits(position: Any, **texts: Any) -> bool:
    is_position = isinstance(position, int) and 0 <= position < 1 << 63
    return is_position and all(isinstance(text, str) for text in texts.values())
