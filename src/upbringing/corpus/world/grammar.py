"""The world's grammar: package data → tables of words and compiled templates.

Takes the files under `data/<lang>/`: a CSV for each table of words, `openings.toml` and a TOML file
for each voice. Gives a `Grammar`, read and checked once a language. Promises that every name in a
template exists in the tables, or says which do not, all at once.

A template is text with three marks, which may stand inside one another:

    {who}  {case.fixed}  {Who}   a cell of the event's row; a capital letter capitalises it
    {who:he|she}  {trouble.failed:obj}   the form that agrees with the gender of `who`, `obj`
    [now|at {hour}]              one of the alternatives, drawn for each event

`//` breaks the line. A cell holds `<m|f|n>` or `<m|f>` where it must agree with another word.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import numpy.typing as npt

from upbringing.errors import InputError, Problem
from upbringing.identity import digest_bytes, digest_json

VOICES = ("plain", "technical", "drama", "chat")
GENDERS = "mfn"

Words = npt.NDArray[np.object_]
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
class Cell:
    """A word of the event: `attribute`'s `column`, in the form that agrees with `partner`."""

    attribute: str
    column: str
    partner: str | None
    capital: bool


@dataclass(frozen=True)
class Agreement:
    """One of `forms` (m, f, n), by the gender of `partner`."""

    partner: str
    forms: Words
    capital: bool


@dataclass(frozen=True)
class Choice:
    """One of `options`, drawn for each event under the name `purpose`."""

    purpose: str
    options: tuple[Template, ...]


@dataclass(frozen=True)
class Template:
    """Text with a `%s` for each slot, and the slots in order."""

    pattern: str
    slots: tuple[Cell | Agreement | Choice, ...]


@dataclass(frozen=True)
class Family:
    """One way to tell an event in a voice: its moves, one after another, set off by `joint`."""

    name: str
    moves: tuple[Choice, ...]
    joint: str
    held_out: bool


@dataclass(frozen=True)
class Grammar:
    """Everything a language's events are told with; `openings` by whether they are held out."""

    lang: str
    tables: dict[str, Table]
    openings: dict[bool, Choice]
    voices: dict[str, tuple[Family, ...]]

    def families(self, voice: str, *, held_out: bool) -> tuple[Family, ...]:
        """The voice's families of one side, in file order."""
        return tuple(f for f in self.voices[voice] if f.held_out == held_out)


def languages() -> tuple[str, ...]:
    """The languages that the package has words for."""
    folders = (
        data_folder() / name for name in sorted(entry.name for entry in data_folder().iterdir())
    )
    return tuple(folder.name for folder in folders if (folder / "openings.toml").is_file())


@cache
def grammar(lang: str) -> Grammar:
    """Read and check the grammar of `lang`. Raises `InputError` with everything that is wrong."""
    if lang not in languages():
        raise InputError(
            f"the world has no language {lang!r}", where="langs", allowed=", ".join(languages())
        )
    folder = data_folder() / lang
    tables = {name: _table(folder / f"{name}.csv") for name in set(TABLE_OF.values())}
    said = tomllib.loads((folder / "openings.toml").read_text(encoding="utf-8"))
    openings = {
        held_out: _choice(said["held_out" if held_out else "train"], f"opening/{held_out}")
        for held_out in (False, True)
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
    columns = {name: _words(row[name] for row in rows) for name in rows[0]}
    agreeing = {
        name: _words(_agree(cell, g) for cell in cells for g in range(3)).reshape(-1, 3)
        for name, cells in columns.items()
        if any("<" in cell for cell in cells)
    }
    genders = None
    if "gender" in columns:
        genders = np.array([GENDERS.index(gender) for gender in columns["gender"]])
    return Table(columns, agreeing, genders, next(iter(columns)))


def _words(words: Iterator[str]) -> Words:
    return np.array(list(words), dtype=object)


def _agree(cell: str, gender: int) -> str:
    """The cell with each `<m|f|n>` in one gender; two forms serve m and f."""
    return re.sub("<([^>]*)>", lambda found: (found[1].split("|") * 2)[gender], cell)


def _families(file: Traversable, voice: str) -> tuple[Family, ...]:
    said = tomllib.loads(file.read_text(encoding="utf-8"))["families"]
    return tuple(
        Family(
            name,
            tuple(
                _choice(move, f"{voice}/{name}/{place}") for place, move in enumerate(body["moves"])
            ),
            body.get("joint", " "),
            body.get("held_out", False),
        )
        for name, body in said.items()
    )


def _choice(lines: str, purpose: str) -> Choice:
    alternatives = lines.strip().splitlines()
    return Choice(
        purpose,
        tuple(_compile(line, f"{purpose}/{place}") for place, line in enumerate(alternatives)),
    )


def _compile(text: str, purpose: str) -> Template:
    """One line of the data as a `Template`; `purpose` names its choices."""
    pattern, rest = "", text.replace("//", "\n")
    slots: list[Cell | Agreement | Choice] = []
    while mark := re.search(r"[\[{]", rest):
        end = _closing(rest, mark.start())
        inside = rest[mark.start() + 1 : end]
        slots.append(_slot(mark[0], inside, f"{purpose}.{len(slots)}"))
        pattern += rest[: mark.start()].replace("%", "%%") + "%s"
        rest = rest[end + 1 :]
    return Template(pattern + rest.replace("%", "%%"), tuple(slots))


def _closing(text: str, start: int) -> int:
    """The index of the bracket that closes the one at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise InputError(f"a bracket is not closed in {text!r}", where="world grammar")


def _alternatives(text: str) -> Iterator[str]:
    """The text cut at every bar that stands in no bracket."""
    start = depth = 0
    for place, letter in enumerate(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _slot(mark: str, inside: str, purpose: str) -> Cell | Agreement | Choice:
    if mark == "[":
        options = enumerate(_alternatives(inside))
        return Choice(purpose, tuple(_compile(text, f"{purpose}.{k}") for k, text in options))
    head, _, tail = inside.partition(":")
    capital, head = head[0].isupper(), head[0].lower() + head[1:]
    if "|" in tail:
        forms = _words(_agree(f"<{tail}>", gender) for gender in range(3))
        return Agreement(head, forms, capital)
    attribute, _, column = head.partition(".")
    return Cell(attribute, column, tail or None, capital)


def slots_of(template: Template) -> Iterator[Cell | Agreement | Choice]:
    """Every slot of a template, those inside its choices too."""
    for slot in template.slots:
        yield slot
        if isinstance(slot, Choice):
            for option in slot.options:
                yield from slots_of(option)


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
