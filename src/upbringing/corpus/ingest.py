"""Ingest: files → corpus, the whole way: read, cut, hold out, measure, write.

Takes paths and a place, gives the corpus written there and what was read and skipped. The same
files with the same options give the same corpus, wherever they lie and whatever else is skipped.
What is held out overlaps no training text: a scene that would is left out of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import polars as pl

from upbringing.corpus.dates import DATE, Moment
from upbringing.corpus.held_out import split
from upbringing.corpus.overlap import overlaps
from upbringing.corpus.readers import Document, Fields, Reading, read_documents
from upbringing.corpus.segment import LARGEST_BYTES, SMALLEST_BYTES, check_range, cut
from upbringing.corpus.store import (
    HELD_OUT,
    LEFT_OUT,
    SCENE_COLUMNS,
    TRAIN,
    Corpus,
    write_corpus,
)
from upbringing.errors import Problem


def ingest(
    paths: Sequence[Path | str],
    place: Path | str,
    *,
    fields: Fields | None = None,
    lang: str | None = None,
    smallest_bytes: int = SMALLEST_BYTES,
    largest_bytes: int = LARGEST_BYTES,
    seed: int = 0,
    repair: bool = False,
    kinds: Sequence[str] | None = None,
) -> tuple[Corpus, Reading]:
    """Make a corpus at `place` of the texts under `paths`.

    `lang` is the language of texts that do not name theirs (guessed without it), `seed` chooses
    what is held out, `kinds` are those of the texts under each path where they shall not say it
    themselves. Raises `InputError` as `read_documents` and `cut` do, and when `place` exists.
    """
    check_range(smallest_bytes, largest_bytes)
    fields = fields or Fields()
    reading = read_documents(paths, fields, lang=lang, repair=repair, kinds=kinds)
    scenes = _scenes(reading.documents, smallest_bytes, largest_bytes)
    column, held_out = split(scenes, seed)
    scenes, left_out = _without_overlap(scenes.with_columns(column))
    corpus = write_corpus(
        place,
        scenes,
        recipe={
            "maker": "ingest",
            "fields": fields.recipe,
            "lang": lang,
            "smallest_bytes": smallest_bytes,
            "largest_bytes": largest_bytes,
            "seed": seed,
            "repair": repair,
            **({} if kinds is None else {"kinds": list(kinds)}),
        },
        inputs=reading.inputs,
        facts={
            "num_documents": len(reading.documents),
            "held_out": [asdict(group) for group in held_out],
            "left_out": left_out,
        },
    )
    return corpus, reading


def left_out_line(corpus: Corpus) -> str | None:
    """What to say of the scenes that were left out of a corpus, if any were."""
    by_rule = dict(corpus.manifest.facts.get("left_out", {}))
    number = by_rule.pop("any", 0)
    if not number:
        return None
    rules = ", ".join(f"{rule} {found:,}" for rule, found in by_rule.items())
    return f"left out: {number:,} scenes, not held out since they overlap training text ({rules})"


def _without_overlap(scenes: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """The scenes, with those left out that were held out and overlap training text; their number,
    by rule.
    """
    is_held_out = (scenes["split"] == HELD_OUT).to_numpy()
    found = overlaps(scenes.filter(split=TRAIN)["text"], scenes.filter(split=HELD_OUT)["text"])
    is_left_out = is_held_out.copy()
    is_left_out[is_held_out] = found.any
    split = pl.when(pl.Series(is_left_out)).then(pl.lit(LEFT_OUT)).otherwise("split")
    return scenes.with_columns(split=split), found.counts


def _scenes(documents: Sequence[Document], smallest_bytes: int, largest_bytes: int) -> pl.DataFrame:
    """One row a scene, in reading order, all of them still `train`, with its document's date."""

    def rows() -> Iterator[tuple[str | int | Moment | None, ...]]:
        for d in documents:
            for place, text in enumerate(cut(d.text, smallest_bytes, largest_bytes)):
                name = f"{d.name}#{place}"
                yield name, text, d.kind, d.lang, d.work, d.source, d.name, place, TRAIN, d.date

    is_calendar = any(isinstance(document.date, datetime) for document in documents)
    form = pl.Datetime("us", "UTC") if is_calendar else pl.Float64()
    return pl.DataFrame(rows(), schema={**SCENE_COLUMNS, DATE: form}, orient="row")


def skipped_lines(reading: Reading, most: int = 10) -> list[str]:
    """What was not read, texts and dates, a line each, and how many in all."""
    num_kept, num_skipped = len(reading.documents), len(reading.skipped)
    skipped = f"skipped {num_skipped} of {num_skipped + num_kept} texts:"
    undated = f"{len(reading.undated)} of {num_kept} texts are kept without their date:"
    return [*_listed(skipped, reading.skipped, most), *_listed(undated, reading.undated, most)]


def _listed(title: str, problems: Sequence[Problem], most: int) -> list[str]:
    if not problems:
        return []
    lines = [title, *(f"  {problem}" for problem in problems[:most])]
    return lines + ([f"  and {len(problems) - most} more"] if len(problems) > most else [])
