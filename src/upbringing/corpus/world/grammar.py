"""The world's grammar: package data → tables of words and compiled templates.

Takes the files under `data/<lang>/`: a CSV for each table of words, `openings.toml`, `threads.toml`
and a TOML file for each voice. Gives a `Grammar`, read and checked once a language. Promises that
every name in a template exists in the tables, or says which do not, all at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from upbringing.corpus.world.links import Links, link
from upbringing.corpus.world.tables import Table, read_table
from upbringing.corpus.world.templates import (
    Agreement,
    Cell,
    Choice,
    read_choice,
    slots_of,
    words,
)
from upbringing.errors import InputError, Problem
from upbringing.identity import digest_bytes, digest_json

VOICES = (
    "plain",
    "technical",
    "poetry",
    "drama",
    "chat",
    "courtesy",
    "pain",
    "conflict",
    "mirror",
    "ritual",
    "myth",
    "philosophy",
    "rude",
    "calm",
    "literal",
    "mundane",
    "invalid",
)
"""Twelve voices, and five that are the opposite pole of one of them."""

OPPOSITES = {
    "rude": "courtesy",
    "calm": "drama",
    "literal": "mirror",
    "mundane": "myth",
    "invalid": "philosophy",
}

# Which table an event's attribute is a row of. Several attributes may share a table.
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
    "who": "people",
    "helper": "people",
    "topic": "topics",
    "obj": "objects",
    "trouble": "troubles",
    "case": "cases",
    "other": "cases",
    "inferred": "cases",
    "outcome": "outcomes",
    "creature": "creatures",
    "feast": "feasts",
    "mystery": "mysteries",
    "suspect": "suspects",
    "innocent": "suspects",
    "given": "given",
    "surname": "surnames",
    "relation": "relations",
    "value": "values",
    "aside": "asides",
}


@dataclass(frozen=True)
class Family:
    """One way to tell an event in a voice: its moves, one after another, set off by `joint`."""

    name: str
    moves: tuple[Choice, ...]
    joint: str
    for_probes: bool


@dataclass(frozen=True)
class Voice:
    """A manner of telling: its families, and how it tells a clause or a question beside the event.

    `name` is the voice whose templates these are: a retold voice draws what the other draws.
    `joint` sets an aside off. `inferred` is the attribute that an argument's conclusion is taken
    from: `case`, or `other` where the conclusion shall not follow.
    """

    name: str
    families: tuple[Family, ...]
    says: Choice
    asks: Choice
    joint: str
    inferred: str

    def of_side(self, *, for_probes: bool) -> tuple[Family, ...]:
        """The families for scenes or those for probes, in file order."""
        return tuple(f for f in self.families if f.for_probes == for_probes)


@dataclass(frozen=True)
class Threads:
    """What scenes say beside their event: a story's question, clues and answer; facts; feasts.

    `asked` are prompts that a column of the feasts completes, by that column.
    """

    question: Choice
    clues: tuple[Choice, ...]
    answer: Choice
    calendar: Choice
    fact: Choice
    asked: Mapping[str, Choice]


@dataclass(frozen=True)
class Grammar:
    """Everything a language's events are told with; `openings` by whether they are for probes."""

    lang: str
    tables: Mapping[str, Table]
    links: Links
    openings: Mapping[bool, Choice]
    threads: Threads
    voices: Mapping[str, Voice]


def languages() -> tuple[str, ...]:
    """The languages that the package has words for."""
    folders = sorted(data_folder().iterdir(), key=lambda entry: entry.name)
    return tuple(folder.name for folder in folders if (folder / "openings.toml").is_file())


@cache
def grammar(lang: str) -> Grammar:
    """Read and check the grammar of `lang`. Raises `InputError` with everything that is wrong."""
    if lang not in languages():
        raise InputError(f"the world has no language {lang!r}", allowed=", ".join(languages()))
    folder = data_folder() / lang
    names = sorted(set(TABLE_OF.values()) - {"asides"})
    tables = {name: read_table(folder / f"{name}.csv") for name in names}
    tables["asides"] = Table.of({"aside": words([])})  # filled by whoever tells
    said = _read(folder / "openings.toml")
    openings = {
        for_probes: read_choice(said["probes" if for_probes else "scenes"], f"opening/{for_probes}")
        for for_probes in (False, True)
    }
    voices = {voice: _voice(folder, voice) for voice in VOICES}
    made = Grammar(lang, tables, link(tables, lang), openings, _threads(folder), voices)
    problems = list(_problems(made))
    if problems:
        raise InputError(problems)
    return made


def grammar_digest(lang: str) -> str:
    """SHA-256 (hex) of all data files of `lang` and of the forms made of them.

    The forms of Russian words are a library's, so another version of it may give another digest.
    """
    entries = sorted((data_folder() / lang).iterdir(), key=lambda entry: entry.name)
    tables = grammar(lang).tables
    return digest_json(
        {
            "files": {entry.name: digest_bytes(entry.read_bytes()) for entry in entries},
            "forms": {
                table: {name: list(cells) for name, cells in tables[table].columns.items()}
                for table in sorted(tables)
            },
        }
    )


def data_folder() -> Traversable:
    """Where the package keeps a folder of words and templates for each language."""
    return files("upbringing.corpus.world") / "data"


def _read(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _voice(folder: Traversable, voice: str) -> Voice:
    """A voice of its own, or one that tells another's templates with another conclusion."""
    said = _read(folder / f"{voice}.toml")
    if "retells" in said:
        return replace(_voice(folder, said["retells"]), inferred=said["inferred"])
    families = tuple(
        Family(
            name,
            tuple(
                read_choice(m, f"{voice}/{name}/{place}") for place, m in enumerate(body["moves"])
            ),
            body.get("joint", " "),
            body.get("for_probes", False),
        )
        for name, body in said["families"].items()
    )
    says, asks = (
        read_choice(said["asides"][name], f"{voice}/asides/{name}") for name in ("says", "asks")
    )
    joint = said["asides"].get("joint", " ")
    return Voice(voice, families, says, asks, joint, inferred="case")


def _threads(folder: Traversable) -> Threads:
    said = _read(folder / "threads.toml")
    question, answer, calendar = (
        read_choice(said[name], f"threads/{name}") for name in ("question", "answer", "calendar")
    )
    clues = tuple(
        read_choice(lines, f"threads/clues/{place}") for place, lines in enumerate(said["clues"])
    )
    fact = read_choice("{given} {surname} {relation.says} {value.value}", "threads/fact")
    asked = {name: read_choice(line, f"asked/{name}") for name, line in said["asked"].items()}
    return Threads(question, clues, answer, calendar, fact, asked)


def choices_of(made: Grammar) -> Iterator[Choice]:
    """The top choice of every opening, thread, aside and move."""
    yield from made.openings.values()
    threads = made.threads
    yield from (threads.question, *threads.clues, threads.answer, threads.calendar, threads.fact)
    yield from threads.asked.values()
    for voice in made.voices.values():
        yield voice.says
        yield voice.asks
        for family in voice.families:
            yield from family.moves


def _problems(made: Grammar) -> Iterator[Problem]:
    told: set[tuple[str, str]] = set()  # a retold voice has the mistakes of the one it retells
    for choice in choices_of(made):
        for option in choice.options:
            for slot in slots_of(option):
                problem = _misfit(slot, made)
                if problem and (problem, choice.purpose) not in told:
                    told.add((problem, choice.purpose))
                    yield Problem(problem, where=f"world grammar {made.lang}: {choice.purpose}")


def _misfit(slot: Cell | Agreement | Choice, made: Grammar) -> str | None:
    """What is wrong with a slot, if anything."""
    if isinstance(slot, Choice):
        return None
    if slot.partner is not None and slot.partner not in TABLE_OF:
        return f"nothing is called {slot.partner!r}"
    if slot.partner is not None and made.tables[TABLE_OF[slot.partner]].classes is None:
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
