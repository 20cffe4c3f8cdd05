"""Hugging Face: the visits in order as a dataset that `datasets.load_from_disk` opens.

Written without that library, by the layout that it saves (`Dataset.save_to_disk`, 2.0 to 5.2):
Arrow streams, `state.json` that lists them in order, `dataset_info.json` that names the columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from upbringing.errors import ArtefactError
from upbringing.exports.parquet import as_visits
from upbringing.exports.visits import COLUMNS, Visits
from upbringing.files import read_json, write_json

STATE = "state.json"


def write(folder: Path, visits: Visits, ranks: int) -> None:
    """One dataset; where there are ranks, the visits of each stand together, in turn."""
    stretches = [part for rank in range(ranks) for part in visits.stretches(rank, ranks)]
    names = [f"data-{n:05d}-of-{len(stretches):05d}.arrow" for n in range(len(stretches))]
    for name, positions in zip(names, stretches, strict=True):
        frame = visits.at(positions)
        frame.write_ipc_stream(folder / name, compat_level=pl.CompatLevel.oldest())
    write_json(folder / "dataset_info.json", _info())
    write_json(folder / STATE, _state(names, fingerprint=visits.order.digest[:16]))


def _info() -> dict[str, Any]:
    dtypes = {pl.String(): "large_string", pl.Int64(): "int64"}
    features = {name: {"dtype": dtypes[dtype], "_type": "Value"} for name, dtype in COLUMNS.items()}
    return {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}


def _state(names: list[str], fingerprint: str) -> dict[str, Any]:
    return {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }


def read(folder: Path) -> Iterator[pl.DataFrame]:
    """The visits in the order in which `load_from_disk` gives them."""
    for file in data_files(folder):
        yield as_visits(read_arrow(file), file)


def data_files(folder: Path) -> list[Path]:
    """The files that hold a saved dataset, in order; raises `ArtefactError` if it is none."""
    said = read_json(folder / STATE)
    try:
        return [folder / file["filename"] for file in said["_data_files"]]
    except (KeyError, TypeError) as error:
        what = f"lists no data files ({error})"
        raise ArtefactError(what, where=str(folder / STATE)) from error


def read_arrow(file: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """An Arrow file of either kind, stream or file; raises `ArtefactError` if it is none."""
    try:
        with file.open("rb") as handle:
            is_file = handle.read(6) == b"ARROW1"
        read_any = pl.read_ipc if is_file else pl.read_ipc_stream
        return read_any(file, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtefactError(f"cannot be read: {error}", where=str(file)) from error
