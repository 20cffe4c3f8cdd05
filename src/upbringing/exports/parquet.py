"""Parquet: the visits in order, in parts of bounded size whose names sort as the order does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from upbringing.errors import ArtefactError
from upbringing.exports.visits import COLUMNS, Visits, stem


def write(folder: Path, visits: Visits, ranks: int) -> None:
    """`visits-00000.parquet` and so on, or such parts for each rank."""
    for rank in range(ranks):
        for part, frame in enumerate(visits.of_rank(rank, ranks)):
            frame.write_parquet(folder / f"{stem(rank, ranks)}-{part:05d}.parquet")


def read(folder: Path) -> Iterator[pl.DataFrame]:
    """The visits of all parts, by name; raises `ArtefactError` for a file that holds none."""
    for file in sorted(folder.glob("*.parquet")):
        try:
            frame = pl.read_parquet(file, hive_partitioning=False, glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArtefactError(f"cannot be read: {error}", where=str(file)) from error
        yield as_visits(frame, file)


def as_visits(frame: pl.DataFrame, file: Path) -> pl.DataFrame:
    """The frame, if it holds visits; `ArtefactError` otherwise."""
    if dict(frame.schema) != dict(COLUMNS):
        held = ", ".join(f"{name} ({dtype})" for name, dtype in frame.schema.items())
        raise ArtefactError(f"holds no visits but {held}", where=str(file))
    return frame
