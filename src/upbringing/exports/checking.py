"""Checking an export: what another trainer would read, element by element, against the order.

Takes the folder of an export, the order and the corpus; reads the data as its format says, gives a
line, or the first place where they differ with the scene that is due there and the one found. Only
then are the digests compared: they would tell that a file was changed, and not what it feeds now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.corpus import Corpus, load_tokenizer, tokenize
from upbringing.errors import ArtefactError, VerificationError
from upbringing.exports.formats import ROW_FORMATS, VISIT_FORMATS, RowFormat
from upbringing.exports.laid import Laid, lay
from upbringing.exports.options import FORMAT, check_format
from upbringing.exports.visits import COLUMNS, Visits, dealt, visits_of
from upbringing.files import Manifest, file_digest, open_manifest
from upbringing.order import Order

_TOKENIZER = "tokenizer/tokenizer.json"


def verify_export(place: Path | str, format_: str, order: Path | str, corpus: Path | str) -> str:
    """Check an export against the order it is of; gives a line that says what was read.

    Raises `VerificationError` with the first divergence (position or row, expected and found
    scene), `ArtefactError` for what is damaged, cut or of another order, corpus or format.
    """
    place = Path(place)
    check_format(format_)
    manifest = open_manifest(place, FORMAT, whole=False)
    due = Order.open(Path(order), Corpus.open(corpus))
    _check_origin(place, format_, manifest, due)
    if format_ in VISIT_FORMATS:
        ranks = int(manifest.recipe.get("ranks", 1))
        with visits_of(due) as visits:
            _compare_visits(place, format_, visits, ranks)
        what = f"{due.num_visits:,} visits"
    else:
        laid = _laid(place, manifest, due)
        _compare_rows(place, ROW_FORMATS[format_], laid)
        what = f"{laid.num_rows:,} rows"
    open_manifest(place, FORMAT)
    return f"holds its order, {what}, element by element; sequence {due.digest[:16]}"


def _check_origin(place: Path, format_: str, manifest: Manifest, order: Order) -> None:
    """Raise `ArtefactError` for an export in another format, or of something else."""
    where = str(place)
    if manifest.recipe["as"] != format_:
        raise ArtefactError(f"is an export as {manifest.recipe['as']}", where=where)
    if manifest.inputs["corpus"] != order.corpus.digest:
        raise ArtefactError("is an export of another corpus", where=where)
    if manifest.inputs["order"] != order.digest:
        raise ArtefactError("is an export of another order", where=where)


def _laid(place: Path, manifest: Manifest, order: Order) -> Laid:
    file = place / _TOKENIZER
    if file_digest(file) != manifest.files[_TOKENIZER]["sha256"]:  # before a corpus is read by it
        raise ArtefactError("is damaged", where=str(file), do="export again")
    tokens = tokenize(order.corpus, load_tokenizer(file))
    recipe = manifest.recipe
    multiple = recipe.get("ranks") or recipe.get("batch_size") or 1
    return lay(order, tokens, recipe["row_length"], recipe.get("packing"), multiple)


def _compare_visits(place: Path, format_: str, visits: Visits, ranks: int) -> None:
    """Raise `VerificationError` for the first visit that is not the one of its place."""
    positions = dealt(visits.order.num_visits, ranks)
    at = 0
    for found in VISIT_FORMATS[format_].read(place / "data"):
        due = visits.at(positions[at : at + found.height])
        held = found.head(due.height)
        differs = np.zeros(held.height, dtype=np.bool_)
        for name in COLUMNS:
            differs |= (held[name] != due[name]).fill_null(value=True).to_numpy()
        if differs.any():
            row = int(differs.argmax())
            other = _name_visit(due.row(row, named=True), held.row(row, named=True))
            raise _divergence(
                place, "position", positions[at + row], f"scene {due['id'][row]}", other
            )
        if found.height > due.height:
            other = f"scene {found['id'][due.height]}"
            raise _divergence(place, "position", len(positions), None, other)
        at += found.height
    if at < len(positions):
        due = visits.at(positions[at : at + 1])
        raise _divergence(place, "position", positions[at], f"scene {due['id'][0]}", None)


def _name_visit(due: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A visit by its scene, and where that is the right one, by what else differs."""
    differing = [name for name in COLUMNS if due[name] != found[name]]
    other = "" if "id" in differing else f", with another {', '.join(differing)}"
    return f"scene {found['id']}{other}"


def _divergence(
    place: Path, unit: str, number: int, due: str | None, found: str | None
) -> VerificationError:
    """What is due at a position or row and what is there, None where there is nothing more."""
    expected = due or "the end of the life"
    other = found or "nothing: the export ends here"
    what = f"{unit} {number}: expected {expected}, found {other}"
    return VerificationError(what, where=str(place))


def _compare_rows(place: Path, format_: RowFormat, laid: Laid) -> None:
    """Raise `VerificationError` for the first row that is not the one of its place."""
    first = 0
    for found in format_.read(place / "data", laid):
        due = format_.held(*laid.at(first, min(len(found), laid.num_rows - first)))
        width = len(due)
        differs = (found[:width] != due).any(axis=1)
        if differs.any():
            row = int(differs.argmax())
            other = _name_row(found[row], due[row], format_, laid)
            raise _divergence(place, "row", first + row, laid.scenes(first + row), other)
        if len(found) > width:
            other = _name_row(found[width], None, format_, laid)
            raise _divergence(place, "row", laid.num_rows, None, other)
        first += len(found)
    if first < laid.num_rows:
        raise _divergence(place, "row", first, laid.scenes(first), None)


def _name_row(
    found: npt.NDArray[Any], due: npt.NDArray[Any] | None, format_: RowFormat, laid: Laid
) -> str:
    """A row by where it stands in the order, or as foreign."""
    digest = _digests(found[None])[0]
    first = 0
    for tokens_RT1, counts_RT in laid.blocks():
        digests = _digests(format_.held(tokens_RT1, counts_RT))
        if digest in digests:
            row = first + digests.index(digest)
            return f"row {row}, {laid.scenes(row)}"
        first += len(digests)
    if due is None:
        return "a row that is not in the order"
    place = int((found != due).argmax())
    return f"a row that is not in the order: {found[place]} in place of {due[place]}, at {place}"


def _digests(rows: npt.NDArray[Any]) -> list[bytes]:
    content = np.ascontiguousarray(rows, dtype="<i8")
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in content]
