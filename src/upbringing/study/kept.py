"""Kept minds: the rungs of an axis are raised once a corpus, size and life, then found again.

    corpus/rungs/<digest of the recipe>/   a run, as it was raised

A study takes a kept run in as its own, by hard links where the disk allows it. What a rung became
is decided by its recipe and by the versions of the libraries; a run of other versions is left out
of account and raised anew. Measuring is each study's own, since its questions are.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError
from upbringing.files import made_by, staged
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
        return None
    if run.manifest.made_by["versions"] != made_by()["versions"]:
        return None
    with staged(member.place) as draft:
        _link(run, draft)
        begin(draft, member.recipe, member.sources)
    return Run.open(member.place)


def keep(run: Run, member: Member, corpus: Corpus) -> None:
    """Keep a run for other studies of the corpus, if it is not kept yet."""
    kept = _place(member, corpus)
    if not kept.exists():
        with staged(kept) as draft:
            _link(run, draft)


def _place(member: Member, corpus: Corpus) -> Path:
    return corpus.path / "rungs" / member.recipe.digest


def _link(run: Run, draft: Path) -> None:
    """All files of a run into a folder, but for what says where its sources lie."""
    for name in (*run.manifest.files, "run.json"):
        into = draft / name
        into.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(run.path / name, into)
        except OSError:
            shutil.copyfile(run.path / name, into)
