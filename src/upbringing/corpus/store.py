"""The store: a corpus as a folder of scenes, written once, opened by everything below.

    corpus/scenes.parquet      one row a scene, in reading order
    corpus/parallels.parquet   the same event told in several voices (the built-in world only)
    corpus/questions.parquet   what a mind that read the scenes can be asked (the same)
    corpus/corpus.json         manifest: recipe, inputs, digest of each file
    corpus/tokens/<digest>/    added later by `tokens.tokenize`, with a manifest of its own
    corpus/vectors/<name>/     added later by `vectors.vectors_of`, likewise

A `Corpus` reads only the columns it is asked for, so an order can be compiled without its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus.dates import DATE, mistake_in, on_axis, span_of
from upbringing.corpus.measures import MEASURES, measure_scenes
from upbringing.errors import InputError, Problem
from upbringing.files import Manifest, open_manifest, staged, storage, write_manifest
from upbringing.identity import digest_array, digest_bytes, keys_of

FORMAT = "corpus/1"
TRAIN, HELD_OUT = "train", "held_out"
LEFT_OUT = "left_out"
"""Of a scene that was to be held out and overlaps training text: not read, and not asked about."""
SPLITS = (TRAIN, HELD_OUT, LEFT_OUT)

SCENE_COLUMNS: Mapping[str, type[pl.DataType]] = {
    "id": pl.String,
    "text": pl.String,
    "kind": pl.String,
    "lang": pl.String,
    "work": pl.String,
    "source": pl.String,
    "document": pl.String,
    "place": pl.UInt32,
    "split": pl.String,
}
"""What `write_corpus` is given, and may be given `date` with. It adds `key` after `id`, and the
measures at the end."""

PARALLEL_COLUMNS = ("event", "topic", "family", "kind", "lang", "opening", "text")

QUESTION_COLUMNS = (
    "id", "lang", "document", "kind", "split", "relation", "prompt", "answer", "others",
)  # fmt: skip
"""`document`, `kind` and `split` say where the answer was told; empty: in many scenes."""

_ROWS_A_GROUP = 65_536  # fixed, so that the bytes of a file don't depend on the number of threads
_WORTH_A_SLICE = 4_096  # to read so many texts more takes as long as to begin another slice


@dataclass(frozen=True)
class Corpus:
    """An opened corpus. `digest` is its manifest's: the same inputs and recipe, the same digest."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path | str, *, whole: bool = True) -> Corpus:
        """Open and check a corpus; `ArtefactError` names what is damaged or foreign.

        Where not the `whole` of it, files are checked by their sizes only: for a look at a scene.
        """
        return cls(Path(path), open_manifest(Path(path), FORMAT, whole=whole))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of format, recipe, inputs, files and facts."""
        return self.manifest.digest

    @property
    def num_scenes(self) -> int:
        """Number of scenes, of all splits."""
        return int(self.manifest.facts["num_scenes"])

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of scenes, sorted."""
        return tuple(self.manifest.facts["kinds"])

    @property
    def langs(self) -> tuple[str, ...]:
        """The languages of scenes, sorted."""
        return tuple(self.manifest.facts["langs"])

    @cached_property
    def scenes(self) -> pl.DataFrame:
        """All scenes with all columns, in reading order. Kept once read."""
        return pl.read_parquet(self._scenes_file, glob=False)

    @cached_property
    def parallels(self) -> pl.DataFrame | None:
        """Held-out events in every voice, or None where the corpus has none."""
        return self._optional("parallels.parquet")

    @cached_property
    def questions(self) -> pl.DataFrame | None:
        """Prompts with their right answer and wrong ones, or None where the corpus has none."""
        return self._optional("questions.parquet")

    def _optional(self, name: str) -> pl.DataFrame | None:
        if name not in self.manifest.files:
            return None
        return pl.read_parquet(self.path / name, glob=False)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The columns of `scenes`."""
        scenes = pl.scan_parquet(self._scenes_file, glob=False)
        return tuple(scenes.collect_schema().names())

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        """These columns of the scenes, in reading order; no other column is read.

        Raises `InputError` that lists the columns there are.
        """
        self._check_columns(names)
        return pl.read_parquet(self._scenes_file, columns=list(names), glob=False).select(names)

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column as an array, shape (num_scenes,); text columns are arrays of `str` objects.

        A scene without a date has NaN in `date`.
        """
        return self.columns([name])[name].to_numpy()

    def scenes_at(self, rows: npt.ArrayLike, columns: Sequence[str]) -> pl.DataFrame:
        """These columns of the scenes at these rows, in that order, repeats allowed.

        `rows` are whole numbers, shape (n,), and so many rows the frame has. Only the pages of the
        file that hold them are read, and the rows between those that lie close. Raises `InputError`
        for rows and columns that the corpus lacks.
        """
        self._check_columns(columns)
        wanted = self._checked_rows(np.asarray(rows))
        known, place = np.unique(wanted, return_inverse=True)
        read = self._unread.select(columns)
        parts = [read.head(0).collect()]
        for run in np.split(known, np.flatnonzero(np.diff(known) > _WORTH_A_SLICE) + 1):
            if len(run):
                rows_between = read.slice(run[0], run[-1] - run[0] + 1).collect()
                parts.append(rows_between[run - run[0]])
        return pl.concat(parts)[place]

    @cached_property
    def _unread(self) -> pl.LazyFrame:
        """The scenes, unread. Kept, since it knows where in the file they lie."""
        return pl.scan_parquet(self._scenes_file, glob=False)

    def _checked_rows(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if rows.size and rows.dtype.kind not in "iu":
            raise InputError(f"rows are whole numbers, not {rows.dtype}", where=str(self.path))
        wrong = rows[(rows < 0) | (rows >= self.num_scenes)]
        if wrong.size:
            raise InputError(
                f"has no row {wrong[0]}",
                where=str(self.path),
                allowed=f"0 to {self.num_scenes - 1}",
            )
        return rows.astype(np.int64)

    def digest_of_columns(self, names: Sequence[str]) -> dict[str, str]:
        """SHA-256 (hex) of each named column's values: what an order says it depends on.

        A numeric column hashes as `identity.digest_array`. A text column hashes `str:<n>;` in
        ASCII, the byte lengths of the n values as little-endian u64, then their UTF-8 on end. A
        date that is not there is the NaN 7FF8000000000000, and no other value is one.
        Neither depends on the parquet file's layout or on the version that wrote it.
        """
        frame = self.columns(names)
        return {name: _column_digest(frame[name]) for name in names}

    def _check_columns(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in self.column_names]
        if unknown:
            allowed = ", ".join(self.column_names)
            raise InputError(
                Problem(f"has no column {name!r}", str(self.path), allowed) for name in unknown
            )

    @property
    def _scenes_file(self) -> Path:
        return self.path / "scenes.parquet"


def _column_digest(column: pl.Series) -> str:
    if column.dtype != pl.String:
        return digest_array((column.fill_null(np.nan) if column.has_nulls() else column).to_numpy())
    lengths = column.str.len_bytes().to_numpy().astype("<u8").tobytes()
    slices = (column.slice(i, _ROWS_A_GROUP) for i in range(0, len(column), _ROWS_A_GROUP))
    return digest_bytes(
        f"str:{len(column)};".encode(), lengths, *("".join(part).encode() for part in slices)
    )


def write_corpus(
    place: Path | str,
    scenes: pl.DataFrame,
    *,
    recipe: Mapping[str, Any],
    inputs: Mapping[str, str],
    parallels: pl.DataFrame | None = None,
    questions: pl.DataFrame | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Corpus:
    """Add keys and measures to `scenes` (`SCENE_COLUMNS`) and write them as a corpus at `place`.

    `scenes` may have a column `date`, null where there is none: `pl.Date` or `pl.Datetime`, kept as
    days since 1970-01-01 UTC, or finite numbers, kept as they are; the corpus has the column if
    there is a date in it. Other columns are left out.
    `recipe` is what the scenes were made by, `inputs` the digests of what they were made from,
    `facts` what else to say of them; all are in the corpus's digest. Raises `InputError` for rows
    that are not scenes and for a `place` that exists; leaves nothing behind when it fails.
    """
    place = Path(place)
    _check(scenes, place)
    frame = scenes.select(pl.col(name).cast(dtype) for name, dtype in SCENE_COLUMNS.items())
    frame.insert_column(1, pl.Series("key", keys_of(frame["id"].to_list()), pl.UInt64))
    assert frame["key"].n_unique() == frame.height, "two ids share a 64-bit key"
    dates = scenes[DATE] if DATE in scenes.columns else pl.Series(DATE, [], pl.Null)
    is_dated = dates.null_count() < len(dates)
    if is_dated:
        frame = frame.with_columns(on_axis(dates))
    frame = measure_scenes(frame)
    described = {
        "num_scenes": frame.height,
        "kinds": sorted(frame["kind"].unique()),
        "langs": sorted(frame["lang"].unique()),
        "by_kind": _by_kind(frame),
        **({"dates": span_of(dates)} if is_dated else {}),
        **(facts or {}),
    }
    with staged(place) as draft:
        _write_parquet(frame, draft / "scenes.parquet")
        if parallels is not None:
            _write_parquet(parallels.select(PARALLEL_COLUMNS), draft / "parallels.parquet")
        if questions is not None:
            _write_parquet(questions.select(QUESTION_COLUMNS), draft / "questions.parquet")
        recipe = {**recipe, "measures": list(MEASURES)}
        manifest = write_manifest(draft, FORMAT, recipe=recipe, inputs=inputs, facts=described)
    return Corpus(place, manifest)


def _check(scenes: pl.DataFrame, place: Path) -> None:
    where = str(place)
    missing = [name for name in SCENE_COLUMNS if name not in scenes.columns]
    if missing:
        raise InputError(Problem(f"scenes lack the column {name!r}", where) for name in missing)
    problems = [
        Problem(f"the column {name!r} has empty values", where)
        for name in SCENE_COLUMNS
        if scenes[name].null_count()
    ]
    mistake = mistake_in(scenes[DATE]) if DATE in scenes.columns else None
    if mistake:
        problems.append(Problem(mistake, where, "dates, date-times, finite numbers, null"))
    if scenes.is_empty():
        problems.append(Problem("there is no scene to write", where))
    if scenes["id"].n_unique() != scenes.height:
        double = scenes.filter(pl.col("id").is_duplicated())["id"][0]
        problems.append(Problem(f"the id {double!r} belongs to several scenes", where))
    foreign = sorted(set(scenes["split"].drop_nulls().unique()) - set(SPLITS))
    if foreign:
        problems.append(Problem(f"unknown split {foreign[0]!r}", where, ", ".join(SPLITS)))
    if problems:
        raise InputError(problems)


def _by_kind(scenes: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Scenes and bytes of each kind, and the bytes held out of training."""
    held_out = pl.col("num_bytes").filter(split=HELD_OUT)
    table = scenes.group_by("kind").agg(
        num_scenes=pl.len(),
        num_bytes=pl.col("num_bytes").cast(pl.Int64).sum(),
        num_bytes_held_out=held_out.cast(pl.Int64).sum(),
    )
    return {row.pop("kind"): row for row in table.sort("kind").to_dicts()}


def _write_parquet(frame: pl.DataFrame, file: Path) -> None:
    with storage(file):
        frame.write_parquet(
            file, compression="zstd", compression_level=3, row_group_size=_ROWS_A_GROUP
        )
