"""Destinations: the places that a person names for what is made, checked before the work begins.

What is in the way is told while nothing is lost by it: something that lies there, a folder that is
a file or cannot be written to, an artefact of another kind.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from upbringing.errors import InputError

_KINDS = {
    "corpus.json": "a corpus",
    "order.json": "an order",
    "run.json": "a run",
    "recipe.json": "a run that is not finished",
    "study.json": "a study",
    "study/study.json": "a study",
    "export.json": "an export",
    "imprint.json": "an imprint",
}


def kind_of(folder: Path) -> str | None:
    """What artefact a folder is, in words; None where it is none of ours."""
    return next((kind for name, kind in _KINDS.items() if (folder / name).is_file()), None)


def check_new(place: Path | None, option: str = "-o") -> None:
    """Raise `InputError` unless nothing is at `place`, and it can be written; None is no place.

    Called before the work, so that no work is lost for want of a place.
    """
    if place is None:
        return
    if os.path.lexists(place):
        raise InputError(
            "already exists, and nothing is overwritten",
            where=str(place),
            do=f"choose another {option}",
        )
    _check_writable(place, option)


def check_continued(place: Path, marks: Sequence[str], what: str) -> None:
    """Raise `InputError` unless `place` is new, empty, or holds one of `marks`: what is continued.

    `marks` are paths of files or folders inside it, and `what` is what it then is, in words. Drafts
    of killed processes count for nothing, nor do a person's YAML files.
    """
    if not place.is_dir():
        if os.path.lexists(place):
            raise InputError("is a file", where=str(place), do="choose another -o")
        _check_writable(place, "-o")
        return
    holds = [
        file
        for file in place.iterdir()
        if ".draft-" not in file.name and file.suffix not in (".yaml", ".yml")
    ]
    if holds and not any((place / mark).exists() for mark in marks):
        there = kind_of(place) or "a folder with other files"
        raise InputError(f"is {there}, and no {what}", where=str(place), do="choose another -o")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError("cannot be written to", where=str(place), do="choose another -o")


def _check_writable(place: Path, option: str) -> None:
    """Raise `InputError` where nothing can be made at `place`, which is not there."""
    above = next(folder for folder in place.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        what = f"cannot be made, since {above} is a file"
    elif not os.access(above, os.W_OK | os.X_OK):
        what = f"cannot be made, since {above} cannot be written to"
    else:
        return
    raise InputError(what, where=str(place), do=f"choose another {option}")
