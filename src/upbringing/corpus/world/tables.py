"""Tables of words: a CSV of the package's data → columns that templates take cells from.

Takes a file whose header names its columns; `name:np`, `fix:vp` and `word:adj` ask for inflected
forms as further columns (see `forms`): gen … loc of the first column, `cause_gen` … of another,
fixed … let_us of a verb. A cell with `<m|f|n>` agrees with another word. Gives a `Table`. Promises
that a table knows the class that others agree with: a gender, or the tone of an outcome.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import numpy as np
import numpy.typing as npt

from upbringing.corpus.world.templates import CLASSES, Words, agree, words
from upbringing.errors import InputError, Problem

Lots = npt.NDArray[np.int64]

_TONES = ("good", "bad")


@dataclass(frozen=True)
class Table:
    """Rows of words.

    `columns[name]` (num_rows,); `agreeing[name]` (num_rows, CLASSES), a form for each class;
    `classes` (num_rows,) is the class that others agree with, or None where nothing does.
    """

    columns: Mapping[str, Words]
    agreeing: Mapping[str, Words]
    classes: Lots | None
    first: str

    def __len__(self) -> int:
        return len(self.columns[self.first])

    @classmethod
    def of(cls, columns: Mapping[str, Words], classes: Lots | None = None) -> Table:
        """A table of columns, with the agreeing forms of those that have any."""
        agreeing = {
            name: words(agree(cell, c) for cell in cells for c in range(CLASSES)).reshape(
                -1, CLASSES
            )
            for name, cells in columns.items()
            if any("<" in cell for cell in cells)
        }
        return cls(columns, agreeing, classes, next(iter(columns)))


def read_table(file: Traversable) -> Table:
    """Read a CSV. Raises `InputError` for ragged rows and for a word without a form asked for."""
    rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    header, body = rows[0], rows[1:]
    ragged = [
        Problem(f"{len(row)} cells under {len(header)} names", where=f"{file.name}:{place}")
        for place, row in enumerate(body, start=2)
        if len(row) != len(header)
    ]
    if ragged:
        raise InputError(ragged)
    columns: dict[str, Words] = {}
    nouns: list[Words] = []
    for place, title in enumerate(header):
        name, _, form = title.partition(":")
        cells = words(row[place] for row in body)
        columns[name] = cells
        if form:
            columns |= _inflected(name, form, cells, is_first=place == 0)
        if form == "np":
            nouns.append(cells)
    return Table.of(columns, _classes(columns, nouns))


def _inflected(name: str, form: str, cells: Words, *, is_first: bool) -> dict[str, Words]:
    from upbringing.corpus.world.forms import FORMS

    forms = [FORMS[form](cell) for cell in cells]
    prefix = "" if is_first or form != "np" else f"{name}_"
    made = {prefix + case: words(found[case] for found in forms) for case in forms[0]}
    return made | {name: made["nom"]} if form == "adj" else made


def _classes(columns: Mapping[str, Words], nouns: list[Words]) -> Lots | None:
    """From a column that says it, else of the noun: of somebody rather than of something."""
    if "tone" in columns:
        return np.array([_TONES.index(tone) for tone in columns["tone"]])
    if "gender" in columns:
        return np.array(["mfna".index(gender) for gender in columns["gender"]])
    if not nouns:
        return None
    from upbringing.corpus.world.forms import gender_of, is_animate

    singular = [cells for cells in nouns if gender_of(cells[0])]
    if not singular:
        return None
    told = next((cells for cells in singular if is_animate(cells[0])), singular[0])
    return np.array(["mfna".index(gender_of(cell) or "m") for cell in told])
