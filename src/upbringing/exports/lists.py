"""Lists: what a person or another tool wrote of an order, as ids or as numbers, with their places.

    .txt                 an id a line; empty lines are passed over
    .jsonl               a field of each line
    .csv, .parquet       a column
    .arrow, a folder     a dataset that Hugging Face saved, a column of it; or its index mapping
    .npy                 numbers, of scenes or documents

Nothing is unpickled. What cannot be read is an `InputError` that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.errors import ArtefactError, InputError
from upbringing.exports.hf import STATE, data_files, read_arrow
from upbringing.files import read_json
from upbringing.settings import suggestion

MAPPING = "indices"
"""The column of a Hugging Face index mapping."""

_OLD_MAPPING = "_indices_data_files"


@dataclass(frozen=True)
class Listed:
    """A list as it stands in a file.

    items   ids (String) or numbers (an integer type), in order
    where   what a person calls the place of the n-th of them, from 0
    phases  the phase of each, if the file says it
    """

    items: pl.Series
    where: Callable[[int], str]
    phases: pl.Series | None = None


def read_list(path: Path, column: str) -> Listed:
    """The list in a file or a folder, by its suffix."""
    try:
        if path.is_dir():
            return _saved(path, column)
        if not path.is_file():
            raise InputError("no such file or folder", where=str(path))
        if path.suffix not in _READERS:
            raise InputError(
                f"cannot tell what a {path.suffix or 'nameless'} file lists",
                where=str(path),
                allowed=f"{', '.join(_READERS)}, or a folder that Hugging Face saved",
            )
        return _READERS[path.suffix](path, column)
    except ArtefactError as error:  # it is no artefact of ours
        raise InputError(error.problems) from error
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from error


def _lines(file: Path, column: str) -> Listed:  # noqa: ARG001
    lines = file.read_text(encoding="utf-8-sig").split("\n")
    frame = pl.DataFrame({"item": pl.Series(lines, dtype=pl.String)}).with_row_index("line", 1)
    frame = frame.with_columns(pl.col("item").str.strip_suffix("\r"))
    frame = frame.filter(pl.col("item").str.strip_chars() != "")
    return Listed(frame["item"], _numbered(file, frame["line"]))


def _records(file: Path, column: str) -> Listed:
    frame = pl.read_ndjson(file, infer_schema_length=None)
    return _of_table(frame, file, column, first_line=1)


def _table(file: Path, column: str) -> Listed:
    if file.suffix == ".csv":
        return _of_table(pl.read_csv(file, infer_schema=False), file, column, first_line=2)
    return _of_table(pl.read_parquet(file, hive_partitioning=False, glob=False), file, column)


def _arrow(file: Path, column: str) -> Listed:
    return _of_table(read_arrow(file), file, column)


def _saved(folder: Path, column: str) -> Listed:
    """A folder by `Dataset.save_to_disk`."""
    if (folder / "dataset_dict.json").exists():
        raise InputError("holds several splits", where=str(folder), do="name the folder of one")
    if not (folder / STATE).exists():
        raise InputError(f"is no dataset on disk: {STATE} is missing", where=str(folder))
    if read_json(folder / STATE).get(_OLD_MAPPING):
        what = "holds an index mapping beside its rows, as old versions of `datasets` saved it"
        raise InputError(what, where=str(folder), do="load it there, `flatten_indices()`, save it")
    frames = [read_arrow(file) for file in data_files(folder)]
    return _of_table(pl.concat(frames), folder, column)


def _of_table(
    frame: pl.DataFrame, path: Path, column: str, first_line: int | None = None
) -> Listed:
    """A column of a table; the mapping's own where the table is one."""
    name = MAPPING if frame.columns == [MAPPING] else column
    if name not in frame.columns:
        allowed = ", ".join(frame.columns)
        raise InputError(
            f"has no column {name!r}",
            where=str(path),
            allowed=allowed,
            do=suggestion(name, frame.columns) or "name it with --column",
        )
    phases = frame["phase"] if frame.schema.get("phase") == pl.String else None
    where = (
        (lambda at: f"{path}, row {at}")
        if first_line is None
        else (lambda at: f"{path}:{at + first_line}")
    )
    return Listed(frame[name], where, phases)


def _array(file: Path, column: str) -> Listed:  # noqa: ARG001
    return Listed(pl.Series(numbers_in(file, 1)), lambda at: f"{file}, position {at}")


def numbers_in(file: Path, num_axes: int) -> npt.NDArray[Any]:
    """An `.npy` file of whole numbers with so many axes, memory-mapped."""
    try:
        array: npt.NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"is not an array: {error}", where=str(file)) from error
    if array.ndim != num_axes or array.dtype.kind not in "iu":
        what = f"is {array.dtype} of shape {array.shape}"
        raise InputError(what, where=str(file), allowed=f"whole numbers on {num_axes} axes")
    return array


def _numbered(file: Path, lines: pl.Series) -> Callable[[int], str]:
    return lambda at: f"{file}:{lines[at]}"


_READERS: Mapping[str, Callable[[Path, str], Listed]] = {
    ".txt": _lines,
    ".jsonl": _records,
    ".csv": _table,
    ".parquet": _table,
    ".arrow": _arrow,
    ".npy": _array,
}
