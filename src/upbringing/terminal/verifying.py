"""Verifying: whether what was consumed is its order, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from upbringing.destinations import kind_of
from upbringing.errors import InputError, Problem, UpbringingError, VerificationError
from upbringing.files import read_json
from upbringing.study import study_folder
from upbringing.terminal.console import say
from upbringing.training import Run
from upbringing.training.consumed import Consumed


def verify_runs(paths: Sequence[Path]) -> None:
    """Check every run and folder of notes named, of a study all finished runs; a line for each.

    Raises `VerificationError` with everything that does not.
    """
    problems: list[Problem] = []
    for folder in [found for path in paths for found in _to_verify(path)]:
        try:
            line = _verified(folder)
        except UpbringingError as error:
            problems += [p if p.where else replace(p, where=str(folder)) for p in error.problems]
        else:
            say(f"{folder}: {line}")
    if problems:
        raise VerificationError(problems)


def _verified(folder: Path) -> str:
    """What is true of a run, or of notes; raises where it isn't."""
    if _holds_notes(folder):
        return Consumed.open(folder).verify()
    return f"consumed its order, row by row; ledger {Run.open(folder).verify()[:16]}"


def _format_of(export: Path) -> str:
    return str(read_json(export / "export.json")["recipe"]["as"])


def _holds_notes(folder: Path) -> bool:
    return (folder / "feed.json").exists() or any(folder.glob("*.notes"))


def _to_verify(path: Path) -> list[Path]:
    """The finished runs of a study, or the folder itself."""
    if kind_of(path) == "an export":
        what = f"is an export as {_format_of(path)}, and is checked against its order"
        do = f"say --as {_format_of(path)} --order FOLDER --corpus FOLDER"
        raise InputError(what, where=str(path), do=do)
    study = study_folder(path)
    if not (study / "study.json").exists():
        return [path]
    found = sorted(file.parent for file in study.glob("runs/*/run.json"))
    if not found:
        raise InputError("no run is finished yet", where=str(study))
    return found
