"""Tiny lives in processes of their own, which may be killed, or run out of disk, on the way.

The processes are forked from a server that has imported the trainer, so that a life costs less
than a second. A life is raised in `home`, which holds corpus, order and tokenizer.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from upbringing.corpus import Corpus, load_tokenizer, tokenize
from upbringing.errors import UpbringingError
from upbringing.files import file_digest
from upbringing.order import Order, Rows
from upbringing.training import (
    Moment,
    Numerics,
    Recipe,
    Run,
    Shape,
    Timeline,
    settle_process,
    train,
)
from upbringing.training import checkpoint as checkpoints
from upbringing.training.ledger import RowDigests
from upbringing.training.records import Records

AGES = (0.2, 0.5, 1.0)
TINY = Shape(16, 2, 2, 24, num_vocab=0, peak_lr=1e-2)
ROW_LENGTH = 48
NEVER_S = 1e9

forked = multiprocessing.get_context("forkserver")
# What each process would import, once, before the fork: pytest, since it is the main module, and
# `_dynamo`, since the first optimiser asks for it.
forked.set_forkserver_preload(
    ["pytest", "upbringing.training.adapters.pytorch", "torch._dynamo", "torch.distributed"]
)


@dataclass(frozen=True)
class Fault:
    """What strikes a life, and when: the step, or which of the files of weights."""

    what: str
    at: int = 1


def recipe_of(rows: Rows, **other: Any) -> Recipe:
    """The recipe of a tiny life, with whatever is given in place of its own."""
    recipe = Recipe.of(
        rows,
        TINY,
        seed=1,
        schedule="linear",
        batch_size=5,
        timeline=Timeline.of_phases(rows, 5),
        numerics=Numerics("fp32"),
        ages=AGES,
    )
    return replace(recipe, **other)


def rows_of(home: Path) -> Rows:
    corpus = Corpus.open(home / "corpus")
    tokens = tokenize(corpus, load_tokenizer(home / "tokenizer.json"))
    return Rows(Order.open(home / "order", corpus), tokens, ROW_LENGTH)


def raised(home: Path, place: Path, **options: Any) -> Run:
    """A life at `place` in this process; options are those of a recipe and of `train`."""
    names = ("on_step", "parent", "snapshot_every_s")
    training = {"snapshot_every_s": NEVER_S}
    training |= {key: options.pop(key) for key in names if key in options}
    rows = rows_of(home)
    sources = {"corpus": home / "corpus", "order": home / "order"}
    return train(
        rows,
        recipe_of(rows, **options),
        place,
        sources=sources,
        **training,
    )


def lived(
    home: Path, place: Path, *, every_s: float = 0.0, fault: Fault | None = None, **recipe: Any
) -> tuple[int | None, str]:
    """Live at `place` in a process of its own: its exit code, and the ledger or the error.

    What is given beside is of the recipe.
    """
    said = place.with_suffix(".said")
    said.unlink(missing_ok=True)
    process = forked.Process(target=_live, args=(home, place, said, every_s, fault, recipe))
    process.start()
    process.join()
    return process.exitcode, said.read_text() if said.exists() else ""


def _live(
    home: Path,
    place: Path,
    said: Path,
    every_s: float,
    fault: Fault | None,
    recipe: dict[str, Any],
) -> None:
    settle_process(1)
    rows = rows_of(home)
    if fault and fault.what == "killed while writing":
        _kill_in_the_middle_of_file(fault.at)
    if fault and fault.what == "small disk":  # room for a recipe, none for weights
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))

    def on_step(now: Moment) -> None:
        if fault == Fault("killed", now.done):
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == Fault("terminated", now.done):
            os.kill(os.getpid(), signal.SIGTERM)
        if fault == Fault("interrupted", now.done):
            os.kill(os.getpid(), signal.SIGINT)

    try:
        run = train(
            rows,
            recipe_of(rows, **recipe),
            place,
            sources={"corpus": home / "corpus", "order": home / "order"},
            snapshot_every_s=every_s,
            on_step=on_step,
        )
        said.write_text(run.verify())
    except (UpbringingError, KeyboardInterrupt) as error:
        said.write_text(f"{type(error).__name__}: {error}")


def _kill_in_the_middle_of_file(at: int) -> None:
    """The process dies when half of the at-th file of weights is written."""
    whole = checkpoints.save_file
    written = []

    def save_half(tensors: Any, file: Path, **options: Any) -> None:
        whole(tensors, file, **options)
        written.append(file)
        if len(written) == at:
            os.truncate(file, file.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.save_file = save_half


def lose_the_loss(patch: pytest.MonkeyPatch, run: str, *, at_step: int) -> None:
    """The loss of one run is no number at a step."""
    whole = Records.note

    def note(self: Records, digests: RowDigests, loss: float, grad_norm: float) -> None:
        is_lost = (self.place.name, self.num_done) == (run, at_step)
        whole(self, digests, math.nan if is_lost else loss, grad_norm)

    patch.setattr(Records, "note", note)


def everything(place: Path) -> dict[str, str]:
    """The digest of every file below a folder, hidden ones too."""
    files = (file for file in place.rglob("*") if file.is_file())
    return {file.relative_to(place).as_posix(): file_digest(file) for file in files}
