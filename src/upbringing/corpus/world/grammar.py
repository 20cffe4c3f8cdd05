"""The world's grammar: package data → tables of words and compiled templates.

Takes the files under `data/<lang>/`: a CSV for each table of words, `openings.toml` and a TOML file
for each voice. Gives a `Grammar`, read and checked once a language. Promises that every name in a
template exists in the tables, or says which do not, all at once.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import numpy.typing as npt

from upbringing.corpus.world.templates import (
    GENDERS,
    Agreement,
    Cell,
    Choice,
    Words,
    agree,
    read_choice,
    slots_of,
    words,
)
from upbringing.errors import InputError, Problem
from upbringing.identity import digest_bytes, digest_json

VOICES = ("plain", "technical", "drama", "chat")
Lots = npt.NDArray[np.int64]

LINKS = ("objects", "troubles")
"""Columns that hold names of another table's rows, not words to tell."""

# Which table an event's attribute is a row of. Two attributes may share a table.
TABLE_OF = {
    "time": "times",
    "weather": "weather",
    "adj": "adjectives",
    "long": "durations",
    "long2": "durations",
    "hour": "hours",
    "hour2": "hours",
    "count": "counts",
    "count2": "counts",
    "count3": "counts",
    "degrees": "degrees",
    "outcome": "outcomes",
    "who": "people",
    "helper": "people",
    "topic": "topics",
    "obj": "objects",
    "trouble": "troubles",
    "case": "cases",
    "case2": "cases",
}


@dataclass(frozen=True)
class Table:
    """Rows of words: each column (num_rows,), its agreeing forms (num_rows, 3), the genders."""

    columns: dict[str, Words]
    agreeing: dict[str, Words]
    genders: Lots | None
    first: str

    def __len__(self) -> int:
        return len(self.columns[self.first])


@dataclass(frozen=True)
class Family:
    """One way to tell an event in a voice: its moves, one after another, set off by `joint`."""

    name: str
    moves: tuple[Choice, ...]
    joint: str
    for_probes: bool


@dataclass(frozen=True)
class Grammar:
    """Everything a language's events are told with; `openings` by whether they are for probes."""

    lang: str
    tables: dict[str, Table]
    openings: dict[bool, Choice]
    voices: dict[str, tuple[Family, ...]]

    def families(self, voice: str, *, for_probes: bool) -> tuple[Family, ...]:
        """The voice's families of one side, in file order."""
        return tuple(f for f in self.voices[voice] if f.for_probes == for_probes)


def languages() -> tuple[str, ...]:
    """The languages that the package has words for."""
    folders = sorted(data_folder().iterdir(), key=lambda entry: entry.name)
    return tuple(folder.name for folder in folders if (folder / "openings.toml").is_file())


@cache
def grammar(lang: str) -> Grammar:
    """Read and check the grammar of `lang`. Raises `InputError` with everything that is wrong."""
    if lang not in languages():
        raise InputError(
            f"the world has no language {lang!r}", where="langs", allowed=", ".join(languages())
        )
    folder = data_folder() / lang
    tables = {name: _table(folder / f"{name}.csv") for name in sorted(set(TABLE_OF.values()))}
    said = tomllib.loads((folder / "openings.toml").read_text(encoding="utf-8"))
    openings = {
        for_probes: read_choice(said["probes" if for_probes else "scenes"], f"opening/{for_probes}")
        for for_probes in (False, True)
    }
    voices = {voice: _families(folder / f"{voice}.toml", voice) for voice in VOICES}
    made = Grammar(lang, tables, openings, voices)
    problems = list(_problems(made))
    if problems:
        raise InputError(problems)
    return made


def grammar_digest(lang: str) -> str:
    """SHA-256 (hex) of the name and bytes of every data file of `lang`, in order of name."""
    entries = sorted((data_folder() / lang).iterdir(), key=lambda entry: entry.name)
    return digest_json({entry.name: digest_bytes(entry.read_bytes()) for entry in entries})


def data_folder() -> Traversable:
    """Where the package keeps a folder of words and templates for each language."""
    return files("upbringing.corpus.world") / "data"


def _table(file: Traversable) -> Table:
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    columns = {name: words(row[name] for row in rows) for name in rows[0]}
    agreeing = {
        name: words(agree(cell, g) for cell in cells for g in range(3)).reshape(-1, 3)
        for name, cells in columns.items()
        if any("<" in cell for cell in cells)
    }
    genders = None
    if "gender" in columns:
        genders = np.array([GENDERS.index(gender) for gender in columns["gender"]])
    return Table(columns, agreeing, genders, next(iter(columns)))


def _families(file: Traversable, voice: str) -> tuple[Family, ...]:
    said = tomllib.loads(file.read_text(encoding="utf-8"))["families"]
    return tuple(
        Family(
            name,
            tuple(
                read_choice(m, f"{voice}/{name}/{place}") for place, m in enumerate(body["moves"])
            ),
            body.get("joint", " "),
            body.get("for_probes", False),
        )
        for name, body in said.items()
    )


def choices_of(made: Grammar) -> Iterator[Choice]:
    """The top choice of every opening and move."""
    yield from made.openings.values()
    for families in made.voices.values():
        for family in families:
            yield from family.moves


def _problems(made: Grammar) -> Iterator[Problem]:
    for choice in choices_of(made):
        for option in choice.options:
            for slot in slots_of(option):
                problem = _misfit(slot, made)
                if problem:
                    yield Problem(problem, where=f"world grammar {made.lang}: {choice.purpose}")


def _misfit(slot: Cell | Agreement | Choice, made: Grammar) -> str | None:
    """What is wrong with a slot, if anything."""
    if isinstance(slot, Choice):
        return None
    if slot.partner is not None and slot.partner not in TABLE_OF:
        return f"nothing is called {slot.partner!r}"
    if slot.partner is not None and made.tables[TABLE_OF[slot.partner]].genders is None:
        return f"{slot.partner!r} has no gender"
    return _misfit_cell(slot, made) if isinstance(slot, Cell) else None


def _misfit_cell(slot: Cell, made: Grammar) -> str | None:
    if slot.attribute not in TABLE_OF:
        return f"nothing is called {slot.attribute!r}"
    table = made.tables[TABLE_OF[slot.attribute]]
    column = slot.column or table.first
    if column not in table.columns:
        return f"{slot.attribute!r} has no column {column!r}"
    if (column in table.agreeing) != (slot.partner is not None):
        return f"{slot.attribute}.{column} and its agreement do not fit"
    return None
