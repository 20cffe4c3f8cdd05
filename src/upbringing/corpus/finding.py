"""Finding: paths → the files to read, in reading order.

Takes files and folders, gives every file that they name or hold: arguments in the order given, a
folder to any depth by path, with numbers in numeric order. Names that start with a dot and links to
folders are passed over. A path that does not exist or holds no file is an `InputError`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from upbringing.errors import InputError, Problem

SUFFIXES = (".txt", ".md", ".jsonl")


@dataclass(frozen=True)
class File:
    """A file to read. `name` is relative to the argument that it was found by."""

    path: Path
    name: str

    @property
    def kind(self) -> str:
        """The name of its folder, as the person wrote it where they did."""
        folder = self.path.parent
        return _nfc(folder.resolve().name if folder.name in ("", "..") else folder.name)


def find_files(paths: Sequence[Path]) -> list[File]:
    """Every file under the paths, in reading order. Raises `InputError` with all that is amiss."""
    files, problems = [], []
    for path in paths:
        if path.is_dir():
            found = sorted(_walk(path), key=lambda file: _natural(file.name))
            if not found:
                problems.append(Problem("holds no file", str(path), ", ".join(SUFFIXES)))
            files += found
        elif path.exists():
            files.append(File(path, _nfc(path.name)))
        else:
            problems.append(Problem("no such file or folder", str(path)))
    if problems:
        raise InputError(problems)
    return files


def _walk(folder: Path) -> Iterator[File]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith("."):
                yield File(path, _nfc(path.relative_to(folder).as_posix()))


def _natural(name: str) -> tuple[list[list[str | int]], str]:
    """A sort key in which chapter 2 comes before chapter 10, folder by folder."""
    parts = [re.split(r"([0-9]+)", part) for part in name.split("/")]
    return [[int(p) if i % 2 else p for i, p in enumerate(part)] for part in parts], name


def _nfc(name: str) -> str:
    """A file's name, spelt alike on every file system."""
    return unicodedata.normalize("NFC", name)
