"""Importing: a list that another tool made, as an order of a corpus.

Takes ids, or numbers that count the scenes of the corpus or the lines of a list of ids; gives an
`Order`. An id that the corpus lacks is named with its line and the nearest one there is; so is a
scene that is held out of training.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import TRAIN, Corpus
from upbringing.errors import InputError, Problem
from upbringing.exports.formats import VISIT_FORMATS
from upbringing.exports.hf import STATE
from upbringing.exports.indices import documents_read
from upbringing.exports.lists import Listed, read_list
from upbringing.exports.options import FORMAT
from upbringing.files import file_digest, folder_digest, open_manifest
from upbringing.order import Order, PhaseSpan
from upbringing.settings import suggestion

KINDS = ("ids", "hf", "pythia", "rows")

_MOST_SHOWN = 20
_NEIGHBOURS = 50


@dataclass(frozen=True)
class Imported:
    """An order and what was left behind on the way, in words."""

    order: Order
    notes: tuple[str, ...] = ()


def import_order(
    source: Path | str,
    corpus: Corpus,
    kind: str | None = None,
    *,
    column: str = "id",
    documents: Path | None = None,
) -> Imported:
    """The order that a file or folder lists.

    `kind` is one of `KINDS`, by default told from the source: `ids` lists ids in `column`, `rows`
    and `pythia` list numbers, `hf` lists ids or, in an index mapping, numbers. Numbers count the
    scenes of the corpus, or the ids that the file `documents` lists. Raises `InputError` with up to
    twenty of the visits that the corpus lacks or holds out.
    """
    path = Path(source)
    kind = kind or _kind_of(path)
    if kind not in KINDS:
        do = suggestion(kind, KINDS)
        raise InputError(f"no list is called {kind!r}", allowed=", ".join(KINDS), do=do)
    notes: tuple[str, ...] = ()
    if kind == "pythia":
        listed, notes = _of_indices(path)
    else:
        listed = _exported(path) if _is_export(path) else read_list(path, column)
    if not len(listed.items):
        raise InputError("lists no visit", where=str(path))
    listed = _as(kind, listed)
    if listed.items.dtype != pl.String:
        listed = _named(corpus, listed, documents, column)
    order = Order.from_rows(
        corpus,
        _rows_of(corpus, listed),
        phases=_phases(listed),
        recipe={"imported": kind},
        columns=("id", "key", "num_bytes", "split"),
        inputs={"list": folder_digest(path) if path.is_dir() else file_digest(path)},
    )
    return Imported(order, notes)


def _kind_of(path: Path) -> str:
    """What a source seems to be."""
    if path.suffix == ".npy":
        return "rows"
    if path.suffix == ".arrow" or (path / STATE).exists():
        return "hf"
    return "pythia" if path.is_dir() and not _is_export(path) else "ids"


def _is_export(path: Path) -> bool:
    return (path / f"{FORMAT.partition('/')[0]}.json").exists()


def _exported(place: Path) -> Listed:
    """The visits of an export of ours, sorted by position."""
    manifest = open_manifest(place, FORMAT)
    format_ = str(manifest.recipe["as"])
    if format_ not in VISIT_FORMATS:
        what = f"an export as {format_} holds rows of tokens, which name no scene"
        raise InputError(what, where=str(place), allowed=f"an export as {', '.join(VISIT_FORMATS)}")
    frames = [
        frame.select("position", "id", "phase")
        for frame in VISIT_FORMATS[format_].read(place / "data")
    ]
    visits = pl.concat(frames).sort("position")
    return Listed(visits["id"], lambda at: f"{place}, position {at}", visits["phase"])


def _of_indices(path: Path) -> tuple[Listed, tuple[str, ...]]:
    """The documents that index files list, and what of them an order cannot say."""
    if not path.is_dir():
        return read_list(path, ""), ()
    read = documents_read(path)
    notes = []
    if read.num_apart:
        notes.append(
            f"{read.num_apart:,} samples go on inside a document that begins elsewhere: the order "
            "has each document where it begins"
        )
    if read.num_unread:
        notes.append(f"{read.num_unread:,} documents begin in no sample, and are not in the order")
    where = f"{path}, document"
    return Listed(pl.Series(read.documents), lambda at: f"{where} {at}"), tuple(notes)


def _as(kind: str, listed: Listed) -> Listed:
    """The list as what it is said to be: ids are text, even of digits, and rows are numbers."""
    items = listed.items
    if kind == "ids" and items.dtype.is_integer():
        return replace(listed, items=items.cast(pl.String))
    if kind in ("rows", "pythia") and items.dtype == pl.String:
        numbers = items.cast(pl.Int64, strict=False)
        wrong = numbers.is_null().arg_max()
        if wrong is not None and numbers[wrong] is None:
            what = f"{items[wrong]!r} is no whole number"
            raise InputError(what, where=listed.where(wrong), do="say --as ids, if these are ids")
        return replace(listed, items=numbers)
    return listed


def _named(corpus: Corpus, listed: Listed, documents: Path | None, column: str) -> Listed:
    """The list with ids in place of numbers."""
    if not listed.items.dtype.is_integer():
        what = f"lists {listed.items.dtype}"
        raise InputError(what, where=listed.where(0), allowed="ids or whole numbers")
    known = corpus.columns(["id"])["id"]
    ids = known if documents is None else read_list(documents, column).items
    if ids.dtype != pl.String:
        raise InputError("lists no ids", where=str(documents))
    numbers = listed.items.to_numpy()
    wrong = np.flatnonzero((numbers < 0) | (numbers >= len(ids)))[:_MOST_SHOWN].tolist()
    if wrong:
        what = f"of the corpus {corpus.path}" if documents is None else f"in {documents}"
        raise InputError(
            Problem(
                f"there is no scene {numbers[at]} {what}", listed.where(at), f"0 to {len(ids) - 1}"
            )
            for at in wrong
        )
    return replace(listed, items=ids[numbers])


def _rows_of(corpus: Corpus, listed: Listed) -> npt.NDArray[Any]:
    """The rows of the listed ids; repeats are kept."""
    known = corpus.columns(["id", "split"]).with_row_index("row")
    asked = listed.items.alias("id").to_frame()
    found = asked.join(known, on="id", how="left", maintain_order="left")
    wrong = found.with_row_index("at").filter(pl.col("split").ne_missing(TRAIN)).head(_MOST_SHOWN)
    if wrong.height:
        ids = known["id"].sort().to_list() if wrong["split"].has_nulls() else []
        raise InputError(
            Problem(f"scene {name!r} is held out of training", listed.where(at))
            if split is not None
            else Problem(f"no scene has the id {name!r}", listed.where(at), do=_nearest(name, ids))
            for at, name, split in wrong.select("at", "id", "split").iter_rows()
        )
    return found["row"].to_numpy()


def _nearest(name: str | None, ids: list[str]) -> str | None:
    """The nearest of the ids around the place where a name would stand among them, sorted."""
    at = bisect_left(ids, name or "")
    return suggestion(name or "", ids[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS])


def _phases(listed: Listed) -> tuple[PhaseSpan, ...]:
    """The phases that a list names, each in one stretch; none where they are not so."""
    if listed.phases is None or listed.phases.has_nulls():
        return ()
    runs = listed.phases.rle().struct.unnest()
    if runs["value"].n_unique() < runs.height:
        return ()
    stops = runs["len"].cum_sum().to_list()
    names = runs["value"].to_list()
    return tuple(
        PhaseSpan(name, start, stop)
        for name, start, stop in zip(names, [0, *stops[:-1]], stops, strict=True)
    )
