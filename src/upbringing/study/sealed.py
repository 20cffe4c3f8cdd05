"""Sealed: what a study derives from its runs, with digests that whoever reads it checks.

study/concluded.json   manifest over the tables and the findings, written last

Without it a study is not concluded. What is damaged is named and never used; the runs are the data,
so running the study again mends it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from upbringing.errors import ArtefactError
from upbringing.files import Manifest, open_manifest, write_manifest

FORMAT = "concluded/1"
_MANIFEST = "concluded.json"
_DERIVED = ("findings.json", "findings.parquet", "samples.parquet", "ribbons.parquet")
_AGAIN = "run the study again: what is derived from its runs is made anew"


def break_seal(study: Path) -> None:
    """Before the derived files are written anew: until then there are none."""
    (study / _MANIFEST).unlink(missing_ok=True)


def seal(study: Path, design_digest: str) -> None:
    """Note size and digest of the derived files, and the design that they are of."""
    write_manifest(study, FORMAT, recipe={}, inputs={"design": design_digest}, only=_DERIVED)


def check_seal(study: Path) -> Manifest:
    """The manifest of what a study concluded; its input `design` is the digest of the design.

    Raises `ArtefactError` where a study was not concluded, or a derived file is missing, cut or
    changed.
    """
    if not (study / _MANIFEST).exists():
        has_findings = (study / "findings.json").exists()
        what = "has findings without digests" if has_findings else "was not concluded"
        raise ArtefactError(f"{what} ({_MANIFEST} is missing)", where=str(study), do=_AGAIN)
    try:
        return open_manifest(study, FORMAT)
    except ArtefactError as error:
        problems = [replace(problem, do=_AGAIN) for problem in error.problems]
        raise ArtefactError(problems) from error
