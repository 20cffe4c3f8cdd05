"""An axis's own same-content pairs: from a file, or from the events that the built-in world keeps.

Takes a file or a language, gives a frame of `PAIR_COLUMNS`, in which every opening begins both
texts and the two go on differently; or an `InputError` with everything that is wrong, line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import polars as pl

from upbringing.character.axes import PAIR_COLUMNS, Axis
from upbringing.corpus.world import world_parallels
from upbringing.errors import InputError, Problem
from upbringing.files import staged_file

SUFFIXES = (".jsonl", ".parquet")
NUM_WORLD_PAIRS = 240
"""Of an axis that takes its pairs from the world; so many that 200 are left where a few overlap."""

_EVENTS_FOR_THEM = 600  # of which a part of the families may tell a third
_MOST_SHOWN = 20
_SIDES = PAIR_COLUMNS[3:]
_SCHEMA = {name: pl.String() for name in PAIR_COLUMNS}

Row = tuple[str, dict[str, Any]]
"""Where it stands, and what."""


def read_pairs(file: Path) -> pl.DataFrame:
    """The pairs in a `.jsonl` or `.parquet` file.

    Raises `InputError` with all that is wrong: no such file, another form, lines that are no JSON,
    fields that are missing or empty, openings that do not begin both texts, texts that are the
    same, events named twice, pairs that repeat each other.
    """
    if file.suffix not in SUFFIXES or not file.is_file():
        what = "no such file" if file.suffix in SUFFIXES else "pairs are kept in no such form"
        raise InputError(what, where=str(file), allowed=", ".join(SUFFIXES))
    problems: list[Problem] = []
    rows = list(_lines(file, problems) if file.suffix == ".jsonl" else _rows(file))
    problems += _mistakes(rows)
    if not rows and not problems:
        problems.append(Problem("holds no pair", str(file), ", ".join(PAIR_COLUMNS)))
    if problems:
        more = len(problems) - _MOST_SHOWN
        shown = problems[:_MOST_SHOWN]
        raise InputError([*shown, Problem(f"and {more} more")] if more > 0 else shown)
    told = [[row[name] for name in PAIR_COLUMNS] for _, row in rows]
    return pl.DataFrame(told, schema=_SCHEMA, orient="row")


def write_pairs(pairs: pl.DataFrame, file: Path) -> None:
    """Write pairs as `.jsonl`, a line each; `read_pairs` reads the same back."""
    with staged_file(file) as draft:
        pairs.select(PAIR_COLUMNS).write_ndjson(draft)


def _lines(file: Path, problems: list[Problem]) -> Iterator[Row]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{file}:{number}"
            try:
                said = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                problems.append(Problem(f"is not JSON: {error}", where))
                continue
            if isinstance(said, dict):
                yield where, said
            else:
                problems.append(Problem("is not a JSON object", where))


def _rows(file: Path) -> Iterator[Row]:
    try:
        frame = pl.read_parquet(file, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"is not Parquet: {error}", where=str(file)) from error
    for number, row in enumerate(frame.iter_rows(named=True), 1):
        yield f"{file}, row {number}", row


def _mistakes(rows: Sequence[Row]) -> Iterator[Problem]:
    events: dict[str, str] = {}
    told: dict[tuple[str, ...], str] = {}
    for where, row in rows:
        unfit = [
            name
            for name in PAIR_COLUMNS
            if not isinstance(row.get(name), str) or not row[name].strip()
        ]
        if unfit:
            yield Problem(f"{', '.join(unfit)}: no text", where, ", ".join(PAIR_COLUMNS))
            continue
        opening, positive, negative = (row[name] for name in PAIR_COLUMNS[2:])
        for side in _SIDES:
            if not row[side].startswith(opening):
                yield Problem(f"the opening does not begin the {side} text", where)
            elif row[side] == opening:
                yield Problem(f"the {side} text ends with the opening", where)
        if positive == negative:
            yield Problem("both texts are the same", where)
        if row["event"] in events:
            what = f"the event {row['event']!r} was told before, at {events[row['event']]}"
            yield Problem(what, where)
        elif (positive, negative) in told:
            yield Problem(f"repeats the pair at {told[positive, negative]}", where)
        events.setdefault(row["event"], where)
        told.setdefault((positive, negative), where)


def world_pairs(axis: Axis, families: Sequence[str], *, narrow: bool) -> pl.DataFrame:
    """Pairs of an axis from the world's held-out events, told in the kinds of its poles.

    They are the same for every corpus: of many events those whose two tellings are of the most
    equal length in bytes. `families` are those of the world that may tell them, all where none is
    named; `narrow` makes them `narrowed` first. Raises `InputError` for a language or kinds
    that the world lacks, and for families that tell no event in both poles.
    """
    kinds = tuple(min(pole.kinds, default="") for pole in (axis.positive, axis.negative))
    told = _told(axis.lang, kinds)
    known = told["family"].unique().sort().to_list()
    wrong = [name for name in families if name not in known]
    if wrong:
        allowed = ", ".join(known)
        raise InputError(Problem(f"no family {name!r}", "families", allowed) for name in wrong)
    pairs = axis.pairs_in(told.filter(pl.col("family").is_in(families or known)))
    if pairs.is_empty():
        what = f"the families tell no event in both {kinds[0]} and {kinds[1]}"
        raise InputError(what, where="families", allowed=", ".join(known))
    pairs = narrowed(pairs) if narrow else pairs
    sizes = [pl.col(side).str.len_bytes() - pl.col("opening").str.len_bytes() for side in _SIDES]
    imbalance = (sizes[0] / sizes[1]).log().abs()
    return pairs.sort(imbalance, "event").head(NUM_WORLD_PAIRS).sort("event")


@lru_cache(maxsize=8)
def _told(lang: str, kinds: tuple[str, ...]) -> pl.DataFrame:
    return world_parallels(lang, _EVENTS_FOR_THEM, 0, kinds)


def narrowed(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose opening is all that both texts begin with, and which end with what differs.

    Cut between words, with one word at least left on each side: so nothing but the words in which
    the two differ is scored.
    """
    rows = [
        (event, topic, *_narrow(positive, negative))
        for event, topic, _, positive, negative in pairs.select(PAIR_COLUMNS).iter_rows()
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _narrow(positive: str, negative: str) -> tuple[str, str, str]:
    sides = [re.findall(r"\s*\S+", text) for text in (positive, negative)]
    num_before = _num_common(*(side[:-1] for side in sides))
    opening = "".join(sides[0][:num_before])
    rest = [side[num_before:] for side in sides]
    num_after = _num_common(*(side[:0:-1] for side in rest))
    kept = ["".join(side[: len(side) - num_after]) for side in rest]
    return opening, opening + kept[0], opening + kept[1]


def _num_common(a: Sequence[str], b: Sequence[str]) -> int:
    """How many items two sequences begin with alike."""
    return len(list(takewhile(lambda two: two[0] == two[1], zip(a, b, strict=False))))
