"""Kept minds: the rungs of an axis are raised once a corpus, size and life, then found again.

    corpus/rungs/<digest>/   a run, as it was raised

A study takes a kept run in as its own, by hard links where the disk allows it. The digest is of all
that decides what a rung becomes: its recipe, the versions of the libraries, this package's code and
the kind of processor. Measuring is each study's own, since its questions are.
"""

from __future__ import annotations

import os
import platform
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch

import upbringing
from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError, UpbringingError
from upbringing.files import made_by, staged
from upbringing.identity import digest_bytes, digest_json
from upbringing.training import Member, Run
from upbringing.training.run import begin


def take_in(member: Member, corpus: Corpus) -> Run | None:
    """Make a kept run the member's own, or give None where there is none that is sound."""
    kept = _place(member, corpus)
    if member.place.exists() or not kept.exists():
        return None
    try:
        run = Run.open(kept)
    except ArtefactError:
        shutil.rmtree(kept, ignore_errors=True)
        return None
    with staged(member.place) as draft:
        _link(run, draft)
        begin(draft, member.recipe, member.sources)
    return Run.open(member.place)


def keep(run: Run, member: Member, corpus: Corpus) -> None:
    """Keep a run for other studies of the corpus, if it is not kept yet and there is room.

    No study needs that it is: where it cannot be, or another process is first, nothing happens.
    """
    kept = _place(member, corpus)
    with suppress(OSError, UpbringingError):
        if not kept.exists():
            with staged(kept) as draft:
                _link(run, draft)


def _place(member: Member, corpus: Corpus) -> Path:
    """Where a run lies that came of this recipe, on such a machine and by this very code."""
    made = {
        "recipe": member.recipe.digest,
        "versions": made_by()["versions"],
        "machine": [platform.machine(), torch.backends.cpu.get_cpu_capability()],
        "code": _digest_of_code(),
    }
    return corpus.path / "rungs" / digest_json(made)


@cache
def _digest_of_code() -> str:
    """SHA-256 of the package's modules."""
    files = sorted(Path(upbringing.__file__).parent.rglob("*.py"))
    return digest_bytes(*(file.read_bytes() for file in files))


def _link(run: Run, draft: Path) -> None:
    """All files of a run into a folder, but for what says where its sources lie."""
    for name in (*run.manifest.files, "run.json"):
        into = draft / name
        into.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(run.path / name, into)
        except OSError:
            shutil.copyfile(run.path / name, into)
