"""What a person gives as an order of their own: rows, ids or places → the rows to visit.

Whatever it is, it is checked against the corpus: what does not exist, and what is held out of
training, is an `InputError` that names the first of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import TRAIN, Corpus
from upbringing.errors import InputError, Problem

Sequenced = npt.NDArray[np.uint32]
_MOST_SHOWN = 20


def checked_rows(corpus: Corpus, rows: npt.ArrayLike) -> Sequenced:
    """Rows of `corpus` in order, shape (num_visits,), as an order holds them."""
    given = np.asarray(rows)
    if given.ndim != 1 or not len(given):
        raise InputError("an order needs at least one scene", do="give a list, scene after scene")
    if given.dtype.kind not in "iu":
        raise InputError(f"rows are whole numbers, and these are {given.dtype}")
    wrong = np.flatnonzero((given < 0) | (given >= corpus.num_scenes))[:_MOST_SHOWN]
    if len(wrong):
        allowed = f"0 to {corpus.num_scenes - 1}"
        raise InputError(
            Problem(f"no scene has the row {given[at]}", f"position {at}", allowed) for at in wrong
        )
    return np.ascontiguousarray(given, dtype=np.uint32)


def check_split(corpus: Corpus, sequence: Sequenced) -> None:
    """Raise `InputError` for visits to held-out scenes."""
    frame = corpus.columns(["id", "split"])
    wrong = np.flatnonzero((frame["split"] != TRAIN).to_numpy()[sequence])[:_MOST_SHOWN]
    if len(wrong):
        raise InputError(
            Problem(f"scene {frame['id'][int(sequence[at])]!r} is held out", f"position {at}")
            for at in wrong
        )


def rows_of_ids(corpus: Corpus, ids: Sequence[str]) -> npt.NDArray[np.integer[Any]]:
    """The rows of these scenes, in the order of the list, repeats kept."""
    try:
        asked = pl.DataFrame({"id": pl.Series(list(ids), dtype=pl.String)})
    except TypeError as error:
        raise InputError(f"ids are text: {error}") from error
    known = corpus.columns(["id", "split"]).with_row_index("row")
    found = asked.join(known, on="id", how="left", maintain_order="left")
    wrong = found.with_row_index("position").filter(pl.col("split").ne_missing(TRAIN))
    if wrong.height:
        raise InputError(
            Problem(
                f"no scene has the id {name!r}" if split is None else f"scene {name!r} is held out",
                f"position {position}",
            )
            for position, name, split in wrong.select("position", "id", "split")
            .head(_MOST_SHOWN)
            .iter_rows()
        )
    return found["row"].to_numpy()


def rows_by_place(
    corpus: Corpus, places: pl.Series | npt.ArrayLike | Sequence[float | None]
) -> npt.NDArray[np.integer[Any]]:
    """The rows that have a place, by rising place, ties by key."""
    given = _as_numbers(places)
    if len(given) != corpus.num_scenes:
        what = f"there are {len(given):,} places for {corpus.num_scenes:,} scenes"
        raise InputError(what, do="give one for each row of the corpus, NaN where it is never met")
    frame = corpus.columns(["id", "key", "split"]).with_row_index("row")
    placed = frame.with_columns(place=given).drop_nulls("place")
    wrong = placed.filter(pl.col("split") != TRAIN)["id"].head(_MOST_SHOWN).to_list()
    if wrong:
        raise InputError(
            Problem(f"scene {name!r} is held out, and has a place", do="give it NaN")
            for name in wrong
        )
    return placed.sort("place", "key")["row"].to_numpy()


def _as_numbers(places: Any) -> pl.Series:
    """A series of numbers, null where a scene is never met; whole numbers stay exact."""
    try:
        given = places if isinstance(places, pl.Series) else _series(places)
    except (TypeError, ValueError) as error:
        raise InputError("places are numbers", do="NaN or None: never met") from error
    if not given.dtype.is_numeric() and given.dtype != pl.Null:
        raise InputError(f"places are numbers, and these are {given.dtype}")
    return given.fill_nan(None) if given.dtype.is_float() else given


def _series(places: Any) -> pl.Series:
    if isinstance(places, np.ndarray) and places.dtype != object:
        return pl.Series(places)
    try:
        return pl.Series(list(places))
    except TypeError:  # whole numbers beside others
        return pl.Series(list(places), dtype=pl.Float64)
