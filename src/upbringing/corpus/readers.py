"""Readers: files and folders → documents, with everything unusable named and counted.

Takes any mix of `.txt`, `.md` and `.jsonl` files and of folders that hold them; gives documents in
a fixed order and a `Problem` for each thing that was skipped. An argument that does not exist or
holds nothing usable is an `InputError`.

- A text file is one document; its kind is the name of the folder it lies in.
- A line of a `.jsonl` file is one document; its fields are named by `Fields`. `text` and `kind`
  must be there; `id` and `source`, if there, are kept.
- Folders are read to any depth, sorted by path with numbers in numeric order; names that start
  with a dot and links to folders are passed over.
- Text is UTF-8. A byte order mark is dropped; CRLF and CR become LF; nothing else is changed unless
  `repair` is asked for.
- A text that was met before is skipped, whatever its kind.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upbringing.corpus.repair import repair as repaired
from upbringing.errors import InputError, Problem
from upbringing.files import file_digest
from upbringing.identity import digest_bytes

SUFFIXES = (".txt", ".md", ".jsonl")
_SHOWN = 10
_CYRILLIC = re.compile(r"[\u0400-\u04FF]")


@dataclass(frozen=True)
class Fields:
    """The names of the fields of a `.jsonl` line."""

    text: str = "text"
    kind: str = "kind"
    lang: str = "lang"
    work: str = "work"


@dataclass(frozen=True)
class Document:
    """One text as it was found.

    `name` is unique: the line's `id`, or the file (and line). `source` is the line's own, or the
    file (and line). `work` is the work it is part of; where none was named, its source.
    """

    text: str
    kind: str
    lang: str
    work: str
    source: str
    name: str


@dataclass(frozen=True)
class Reading:
    """What was read and what was not. `inputs`: SHA-256 of each file that gave a document."""

    documents: tuple[Document, ...]
    skipped: tuple[Problem, ...]
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class _File:
    """A file to read. `name` is relative to the argument that it was found by."""

    path: Path
    name: str

    @property
    def kind(self) -> str:
        """The name of its folder, as the person wrote it where they did."""
        folder = self.path.parent
        return _nfc(folder.resolve().name if folder.name in ("", "..") else folder.name)


@dataclass
class _Reader:
    """What has been read so far."""

    fields: Fields
    lang: str | None
    repair: bool
    documents: list[Document] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)
    name_by_text: dict[str, str] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    file_names: Counter[str] = field(default_factory=Counter)
    inputs: dict[str, str] = field(default_factory=dict)

    def read(self, file: _File) -> None:
        """Read one file of any form, or skip it."""
        where = str(file.path)
        suffix = file.path.suffix.lower()
        num_before = len(self.documents)
        try:
            if suffix not in SUFFIXES:
                self.skip("is of no form that can be read", where, ", ".join(SUFFIXES))
            elif _is_binary(file.path):
                self.skip("is binary", where, "text in UTF-8")
            elif suffix == ".jsonl":
                self._read_lines(file)
            else:
                text = file.path.read_bytes().decode("utf-8-sig")
                self._add({"text": text, "kind": file.kind}, file.name, where)
        except UnicodeDecodeError as error:
            self.skip(f"is not UTF-8 (byte {error.start})", where, "text in UTF-8")
        except OSError as error:
            self.skip(f"cannot be read: {error.strerror}", where)
        if len(self.documents) > num_before:
            self.inputs[_unique(file.name, self.file_names)] = file_digest(file.path)

    def skip(self, what: str, where: str, allowed: str | None = None) -> None:
        """Note one thing that is not read."""
        self.skipped.append(Problem(what, where, allowed))

    def _read_lines(self, file: _File) -> None:
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
                mistake = _mistake(record, self.fields)
                if mistake:
                    self.skip(mistake, where)
                    continue
                roles = {**vars(self.fields), "source": "source"}
                given = {role: record[key] for role, key in roles.items() if record.get(key)}
                identity = record.get("id")
                is_named = identity is not None and identity != ""
                self._add(given, str(identity) if is_named else f"{file.name}:{number}", where)

    def _add(self, given: Mapping[str, str], name: str, where: str) -> None:
        """Take what was given as a document, unless it is empty, unwritable or was met before."""
        try:
            "".join((name, *given.values())).encode()
        except UnicodeEncodeError:
            self.skip("holds half of a surrogate pair, which is not Unicode text", where)
            return
        text = given["text"].replace("\r\n", "\n").replace("\r", "\n")
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
        self.documents.append(Document(text, given["kind"], lang, work, source, name))


def _mistake(record: Any, fields: Fields) -> str | None:
    """What keeps a parsed line from being a document, if anything does."""
    if not isinstance(record, dict):
        return "is not a JSON object"
    for key in (*vars(fields).values(), "source"):
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
) -> Reading:
    """Read every document under `paths`.

    `lang` is the language of documents that do not name theirs; without it, it is guessed from the
    text. `repair` undoes encoding mistakes. Raises `InputError` for a path that is missing or holds
    no file of a form that can be read (all of them at once), and when nothing usable remains.
    """
    files = _find([Path(path) for path in paths])
    reader = _Reader(fields or Fields(), lang, repair)
    for file in files:
        reader.read(file)
    if not reader.documents:
        shown = reader.skipped[:_SHOWN]
        more = len(reader.skipped) - len(shown)
        rest = [Problem(f"and {more} more")] if more else []
        raise InputError([Problem("nothing usable was found"), *shown, *rest])
    return Reading(tuple(reader.documents), tuple(reader.skipped), reader.inputs)


def guess_lang(text: str) -> str:
    """`ru` if more than half of the letters are Cyrillic, else `en`: the two languages known."""
    num_letters = sum(map(str.isalpha, text))
    return "ru" if 2 * len(_CYRILLIC.findall(text)) > num_letters else "en"


def _find(paths: Sequence[Path]) -> list[_File]:
    """Every file under the paths, in reading order."""
    files, problems = [], []
    for path in paths:
        if path.is_dir():
            found = sorted(_walk(path), key=lambda file: _natural(file.name))
            if not found:
                problems.append(Problem("holds no file", str(path), ", ".join(SUFFIXES)))
            files += found
        elif path.exists():
            files.append(_File(path, _nfc(path.name)))
        else:
            problems.append(Problem("no such file or folder", str(path)))
    if problems:
        raise InputError(problems)
    return files


def _walk(folder: Path) -> Iterator[_File]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith("."):
                yield _File(path, _nfc(path.relative_to(folder).as_posix()))


def _natural(name: str) -> tuple[list[list[str | int]], str]:
    """A sort key in which chapter 2 comes before chapter 10, folder by folder."""
    parts = [re.split(r"([0-9]+)", part) for part in name.split("/")]
    return [[int(p) if i % 2 else p for i, p in enumerate(part)] for part in parts], name


def _is_binary(file: Path) -> bool:
    with file.open("rb") as handle:
        return b"\0" in handle.read(65_536)


def _unique(name: str, uses: Counter[str]) -> str:
    """`name`, or `name~2` and so on where it was used before."""
    uses[name] += 1
    return name if uses[name] == 1 else _unique(f"{name}~{uses[name]}", uses)


def _nfc(name: str) -> str:
    """A file's name, spelt alike on every file system."""
    return unicodedata.normalize("NFC", name)
