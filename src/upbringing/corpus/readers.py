"""Readers: files and folders → documents, with everything unusable named and counted.

Takes any mix of `.txt`, `.md` and `.jsonl` files and of folders that hold them; gives documents in
the order of `finding` and a `Problem` for each thing that was skipped. An argument that does not
exist or holds nothing usable is an `InputError`.

- A text file is one document; its kind is the name of the folder it lies in.
- A line of a `.jsonl` file is one document; its fields are named by `Fields`. `text` and `kind`
  must be there; `id` and `source`, if there, are kept.
- A document's date is what its line, or the front matter of its `.md` file, says (`dates`); never
  the file's own. One that cannot be read is named, and the document is kept without it.
- Text is UTF-8. A byte order mark is dropped; CRLF and CR become LF; nothing else is changed unless
  `repair` is asked for.
- A text that was met before is skipped, whatever its kind.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from upbringing.corpus.dates import FORMS, Moment, read_date, said_in_front_matter
from upbringing.corpus.finding import SUFFIXES, File, find_files
from upbringing.corpus.repair import repair as repaired
from upbringing.errors import InputError, Problem
from upbringing.files import file_digest
from upbringing.identity import digest_bytes

_SHOWN = 10
_CYRILLIC = re.compile(r"[\u0400-\u04FF]")


@dataclass(frozen=True)
class Fields:
    """The names of the fields of a `.jsonl` line; `date` is looked up in front matter too."""

    text: str = "text"
    kind: str = "kind"
    lang: str = "lang"
    work: str = "work"
    date: str = "date"

    @property
    def of_text(self) -> Mapping[str, str]:
        """Those that hold text, and `source`, which has its own name always."""
        return {role: key for role, key in vars(self).items() if role != "date"} | {
            "source": "source"
        }

    @property
    def recipe(self) -> Mapping[str, str]:
        """For a corpus's recipe: `date` only where it is named otherwise.

        So a corpus without dates has the digest that it had before there were any.
        """
        return {k: v for k, v in vars(self).items() if (k, v) != ("date", Fields.date)}


@dataclass(frozen=True)
class Document:
    """One text as it was found.

    `name` is unique: the line's `id`, or the file (and line). `source` is the line's own, or the
    file (and line). `work` is the work it is part of; where none was named, its source. `date` is a
    moment in UTC or a number, the same of the two in all documents that have one.
    """

    text: str
    kind: str
    lang: str
    work: str
    source: str
    name: str
    date: Moment | None


@dataclass(frozen=True)
class Reading:
    """What was read and what was not.

    skipped  what gave no document
    undated  dates that could not be read; their documents are there
    inputs   SHA-256 of each file that gave a document
    """

    documents: tuple[Document, ...]
    skipped: tuple[Problem, ...]
    undated: tuple[Problem, ...]
    inputs: Mapping[str, str]


@dataclass
class _Reader:
    """What has been read so far."""

    fields: Fields
    lang: str | None
    repair: bool
    documents: list[Document] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)
    undated: list[Problem] = field(default_factory=list)
    dated_by_form: dict[type, str] = field(default_factory=dict)
    name_by_text: dict[str, str] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    file_names: Counter[str] = field(default_factory=Counter)
    inputs: dict[str, str] = field(default_factory=dict)

    def read(self, file: File, kind: str | None) -> None:
        """Read one file of any form, or skip it; all of it is of `kind`, where there is one."""
        where = str(file.path)
        suffix = file.path.suffix.lower()
        num_before = len(self.documents)
        try:
            if suffix not in SUFFIXES:
                self.skip("is of no form that can be read", where, ", ".join(SUFFIXES))
            elif _is_binary(file.path):
                self.skip("is binary", where, "text in UTF-8")
            elif suffix == ".jsonl":
                self._read_lines(file, kind)
            else:
                text = _with_plain_ends(file.path.read_bytes().decode("utf-8-sig"))
                date = said_in_front_matter(text, self.fields.date) if suffix == ".md" else None
                self._add({"text": text, "kind": kind or file.kind}, file.name, where, date)
        except UnicodeDecodeError as error:
            self.skip(f"is not UTF-8 (byte {error.start})", where, "text in UTF-8")
        except OSError as error:
            self.skip(f"cannot be read: {error.strerror}", where)
        if len(self.documents) > num_before:
            self.inputs[_unique(file.name, self.file_names)] = file_digest(file.path)

    def skip(self, what: str, where: str, allowed: str | None = None) -> None:
        """Note one thing that is not read."""
        self.skipped.append(Problem(what, where, allowed))

    def _read_lines(self, file: File, kind: str | None) -> None:
        with file.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                where = f"{file.path}:{number}"
                try:
                    record = json.loads(line.decode("utf-8-sig"))
                except (ValueError, RecursionError) as error:
                    self.skip(f"is not JSON: {error}", where)
                    continue
                if kind and isinstance(record, dict):
                    record[self.fields.kind] = kind
                mistake = _mistake(record, self.fields)
                if mistake:
                    self.skip(mistake, where)
                    continue
                roles = self.fields.of_text.items()
                given = {role: record[key] for role, key in roles if record.get(key)}
                identity = record.get("id")
                is_named = identity is not None and identity != ""
                name = str(identity) if is_named else f"{file.name}:{number}"
                self._add(given, name, where, record.get(self.fields.date))

    def _add(self, given: Mapping[str, str], name: str, where: str, date: Any) -> None:
        """Take what was given as a document, unless it is empty, unwritable or was met before."""
        try:
            "".join((name, *given.values())).encode()
        except UnicodeEncodeError:
            self.skip("holds half of a surrogate pair, which is not Unicode text", where)
            return
        text = _with_plain_ends(given["text"])
        text = repaired(text) if self.repair else text
        if not text.strip():
            self.skip("is empty", where)
            return
        digest = digest_bytes(text.encode())
        if digest in self.name_by_text:
            self.skip(f"repeats the text of {self.name_by_text[digest]}", where)
            return
        name = _unique(name, self.names)
        self.name_by_text[digest] = name
        source = given.get("source", name)
        work = given.get("work", source)
        lang = given.get("lang") or self.lang or guess_lang(text)
        moment = self._moment(date, where)
        self.documents.append(Document(text, given["kind"], lang, work, source, name, moment))

    def _moment(self, said: Any, where: str) -> Moment | None:
        """The date that was said, if any was and it can be read."""
        if said is None or said == "":
            return None
        try:
            moment = read_date(said)
        except ValueError:
            self.undated.append(Problem(f"{said!r:.60} is no date", where, FORMS))
            return None
        self.dated_by_form.setdefault(type(moment), where)
        return moment


def _mistake(record: Any, fields: Fields) -> str | None:
    """What keeps a parsed line from being a document, if anything does."""
    if not isinstance(record, dict):
        return "is not a JSON object"
    for key in fields.of_text.values():
        value = record.get(key)
        if value is not None and not isinstance(value, str):
            return f"field {key!r} is not a string"
        if key in (fields.text, fields.kind) and not (value or "").strip():
            return f"field {key!r} is missing or empty"
    if not isinstance(record.get("id"), str | int | None):
        return "field 'id' is neither a string nor a whole number"
    return None


def read_documents(
    paths: Sequence[Path | str],
    fields: Fields | None = None,
    *,
    lang: str | None = None,
    repair: bool = False,
    kinds: Sequence[str] | None = None,
) -> Reading:
    """Read every document under `paths`.

    `lang` is the language of documents that do not name theirs; without it, it is guessed from the
    text. `repair` undoes encoding mistakes. `kinds` are those of all documents under each path,
    whatever these say. Raises `InputError` for a path that is missing or holds
    no file of a form that can be read (all of them at once), when nothing usable remains, and when
    some dates are of the calendar and some are numbers.
    """
    files = find_files([Path(path) for path in paths])
    reader = _Reader(fields or Fields(), lang, repair)
    if kinds is None:
        for file in files:
            reader.read(file, None)
    else:
        for path, kind in zip(paths, kinds, strict=True):
            for file in find_files([Path(path)]):
                reader.read(file, kind)
    if not reader.documents:
        shown = reader.skipped[:_SHOWN]
        more = len(reader.skipped) - len(shown)
        rest = [Problem(f"and {more} more")] if more else []
        raise InputError([Problem("nothing usable was found"), *shown, *rest])
    if len(reader.dated_by_form) > 1:
        where = [reader.dated_by_form[form] for form in (datetime, float)]
        raise InputError(
            f"{where[0]} is dated by the calendar and {where[1]} by a number: no axis holds both",
            allowed="dates of one form",
            do="write them alike, or read none: --fields date=none names a field that is not there",
        )
    skipped, undated = tuple(reader.skipped), tuple(reader.undated)
    return Reading(tuple(reader.documents), skipped, undated, reader.inputs)


def guess_lang(text: str) -> str:
    """`ru` if more than half of the letters are Cyrillic, else `en`: the two languages known."""
    num_letters = sum(map(str.isalpha, text))
    return "ru" if 2 * len(_CYRILLIC.findall(text)) > num_letters else "en"


def _with_plain_ends(text: str) -> str:
    """A text whose lines end with LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_binary(file: Path) -> bool:
    with file.open("rb") as handle:
        return b"\0" in handle.read(65_536)


def _unique(name: str, uses: Counter[str]) -> str:
    """`name`, or `name~2` and so on where it was used before."""
    uses[name] += 1
    return name if uses[name] == 1 else _unique(f"{name}~{uses[name]}", uses)
