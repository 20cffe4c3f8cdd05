"""What is fixed before the first mind is raised: a design as one file with its digest.

    {"format", "digest", "design": {"settings", …}, "corpus", "made_by"}

Where the corpus lies is not part of the design, and is written relative to the file's folder, so
that both can be moved together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError, ResumeError
from upbringing.files import made_by, read_json, write_json
from upbringing.identity import digest_json


def read_fixed(file: Path, format_: str) -> tuple[Mapping[str, Any], Path]:
    """The design in `file`, and where its corpus lies.

    Raises `ArtefactError` where there is none of that format, or where it was changed.
    """
    whole = read_json(file)
    if not isinstance(whole, dict) or whole.get("format") != format_:
        raise ArtefactError("is not of the format", where=str(file), allowed=format_)
    if digest_json(whole.get("design")) != whole.get("digest"):
        raise ArtefactError(
            "was changed after it was hashed",
            where=str(file),
            do="a design is fixed: put the file back, or begin another one",
        )
    return whole["design"], (file.parent / whole["corpus"]).resolve()


def fix(
    file: Path,
    format_: str,
    design: Mapping[str, Any],
    corpus: Corpus,
    write_parts: Callable[[], None],
) -> None:
    """Write `design`, after `write_parts` has written all that it names; or find it there.

    Raises `ResumeError` that says in what another design in its place differs.
    """
    whole = {
        "format": format_,
        "digest": digest_json(design),
        "design": design,
        "corpus": os.path.relpath(corpus.path, file.parent),
        "made_by": made_by(),
    }
    if not file.exists():
        write_parts()
        write_json(file, whole)
        return
    there, corpus_path = read_fixed(file, format_)
    _check_same(file, there, design, format_.partition("/")[0])
    if corpus_path != corpus.path.resolve():
        write_json(file, {**whole, "made_by": read_json(file)["made_by"]})


def _check_same(file: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any], name: str) -> None:
    """Raise `ResumeError` that names the settings in which the design there differs, or the facts
    where all its settings are the same.
    """
    there, here = theirs["settings"], ours["settings"]
    differing = [
        f"{key} ({there.get(key)} there, {here[key]} here)"
        for key in here
        if there.get(key) != here[key]
    ] or [key for key in ours if theirs.get(key) != ours[key]]
    if differing:
        raise ResumeError(
            f"another {name} lies there; it differs in {', '.join(differing)}",
            where=str(file.parent),
            do="choose another -o, or give the settings of the one that is there",
        )
