"""Records: what is kept of a life under way, so that it can be proved, looked at and taken up.

Ledger and losses by step, checkpoints by age, the snapshot to resume from; at the end how far each
weight moved in each stretch of levers, and the manifest. The loops of one mind and of many write a
life down by these alone.
"""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from upbringing.errors import ArtefactError, ResumeError, VerificationError
from upbringing.files import (
    folder_digest,
    remove_drafts,
    staged,
    staged_file,
    write_json,
    write_manifest,
)
from upbringing.order import Rows
from upbringing.training.changes import border_ages, stretches_of, weight_changes
from upbringing.training.checkpoint import Snapshot, last_snapshot, staged_snapshot
from upbringing.training.ledger import Ledger, RowDigests, first_divergence, row_digests
from upbringing.training.recipe import Recipe, digestible
from upbringing.training.run import FORMAT, Run

WriteMind = Callable[[Path], None]
"""Writes the mind as it is, as a checkpoint at a place."""


@dataclass(frozen=True)
class Moment:
    """A step that was just lived, the `done`-th of `total`: mean loss (nats a token), and the age
    (share of the tokens) and the tokens that lie behind.
    """

    done: int
    total: int
    loss: float
    age: float
    num_tokens: int


class Records:
    """A life so far, of `num_done` steps: the run at `place`, raised on `rows` by `recipe`."""

    def __init__(
        self, rows: Rows, recipe: Recipe, place: Path, *, clears_away: bool = True
    ) -> None:
        """Take up what lies at `place`; `snapshot` is what the mind must be restored from, if any.

        What is unfinished there, and what was lived after the snapshot, is cleared away; by one of
        several processes alone.

        Raises `ResumeError` for a snapshot of another run, `ArtefactError` for what is damaged,
        `VerificationError` where what was consumed is not the order.
        """
        self.rows, self.recipe, self.place = rows, recipe, place
        self.steps = recipe.steps
        self.ledger, self.history = Ledger(), list[tuple[float, float]]()
        self._digests: dict[str, str] = {}  # of the checkpoints that snapshots know
        self._minds: dict[str, Path] = {}  # where a mind is kept, by the name of its folder
        self._due: dict[int, list[Path]] = defaultdict(list)
        for folder, age in minds_of(recipe).items():
            self._minds[(place / folder).name] = place / folder
            self._due[self.steps.after(age)].append(place / folder)
        if clears_away:
            for drafted in (place, place / "checkpoints", place / "borders"):
                remove_drafts(drafted)
            for late in ("ema", "diverged"):  # written at the end, which is not yet
                shutil.rmtree(place / late, ignore_errors=True)
        self.snapshot = last_snapshot(place / "resume")
        if self.snapshot:
            self._take_up(self.snapshot)
        if clears_away:
            self._keep_checkpoints_of(self.snapshot)

    def _take_up(self, snapshot: Snapshot) -> None:
        if snapshot.recipe != self.recipe.digest:
            raise ResumeError("is of another run", where=str(snapshot.folder), do="remove it")
        self.ledger = Ledger.open(snapshot.folder / "ledger.parquet")
        divergence = first_divergence(self.ledger, self.rows, self.steps.first(snapshot.step))
        if divergence:
            raise VerificationError(str(divergence), where=str(snapshot.folder))
        self.history = pl.read_parquet(snapshot.folder / "history.parquet", glob=False).rows()

    def _keep_checkpoints_of(self, snapshot: Snapshot | None) -> None:
        """Check the minds that the snapshot knows; what was lived after it is lived again.

        Raises `ArtefactError` for one that was damaged in the meantime.
        """
        kept = snapshot.checkpoints if snapshot else {}
        for folders in ("checkpoints", "borders"):
            for folder in (self.place / folders).glob("age_*"):
                if folder.name not in kept:
                    shutil.rmtree(folder)
        for name, digest in kept.items():
            if folder_digest(self._minds[name]) != digest:
                where = str(self._minds[name])
                raise ArtefactError("is damaged", where=where, do="remove the run")
        self._digests = dict(kept)

    def _kept(self) -> list[Path]:
        """The folders of minds that are there."""
        return [folder for folder in self._minds.values() if folder.exists()]

    @property
    def num_done(self) -> int:
        """Steps that were lived."""
        return len(self.ledger.chain)

    @property
    def has_diverged(self) -> bool:
        """Whether the last loss or gradient was not a number."""
        return bool(self.history) and not all(map(math.isfinite, self.history[-1]))

    @property
    def is_over(self) -> bool:
        """Whether the life has come to its end, or to one before it."""
        return self.has_diverged or self.num_done == len(self.steps)

    @property
    def moment(self) -> Moment:
        """The step that was just lived."""
        done = self.num_done
        num_rows = int(self.steps.first_row[done - 1] + self.steps.num_rows[done - 1])
        return Moment(
            done,
            len(self.steps),
            self.history[-1][0],
            num_rows / self.recipe.num_rows,
            num_rows * self.recipe.row_length,
        )

    def note(self, digests: RowDigests, loss: float, grad_norm: float) -> None:
        """Note a step: digests of the rows that went into the model, mean loss, gradient norm.

        Raises `VerificationError` with the divergence where they are not the rows of the order.
        """
        step = self.num_done
        first, num_rows = int(self.steps.first_row[step]), int(self.steps.num_rows[step])
        self.ledger.add(digests)
        if not np.array_equal(digests, row_digests(*self.rows.gather(first, num_rows))):
            divergence = first_divergence(self.ledger, self.rows, self.steps.first(step + 1))
            raise VerificationError(str(divergence), where=str(self.place))
        self.history.append((loss, grad_norm))

    def keep(self, write_mind: WriteMind) -> None:
        """Keep the mind at each age, and border, that is reached with the steps done."""
        for folder in self._due[self.num_done]:
            if not folder.exists():
                write_mind(folder)

    @contextmanager
    def saving(self) -> Iterator[Path]:
        """Save a snapshot; the caller adds the state of the mind to the folder that it is given."""
        for folder in self._kept():
            if folder.name not in self._digests:  # once: nobody changes it any more
                self._digests[folder.name] = folder_digest(folder)
        place = self.place / "resume" / f"step_{self.num_done:08d}"
        snapshot = Snapshot(self.num_done, self.recipe.digest, place, self._digests)
        with staged_snapshot(snapshot) as draft:
            self.ledger.save(draft / "ledger.parquet")
            self._frame().write_parquet(draft / "history.parquet")
            yield draft

    def finish(self, write_mind: WriteMind) -> Run:
        """Write ledger, metrics, changes and, last, the manifest; drop the snapshot.

        Of a life that diverged, the mind before the step that did it, and the batch of that step.
        """
        if self.has_diverged:
            self._keep_what_diverged(write_mind)
        with staged_file(self.place / "ledger.parquet") as draft:
            self.ledger.save(draft)
        with staged_file(self.place / "metrics.parquet") as draft:
            self.metrics().write_parquet(draft)
        if border_ages(self.recipe):
            minds = {float(f.name.removeprefix("age_")): f for f in self._kept()}
            with staged_file(self.place / "changes.parquet") as draft:
                weight_changes(stretches_of(self.recipe), minds).write_parquet(draft)
        write_manifest(
            self.place,
            FORMAT,
            recipe=digestible(self.recipe.as_json()),
            inputs={"order": self.recipe.order, "tokenizer": self.recipe.tokenizer},
            facts={
                "ledger": self.ledger.digest,
                "diverged_at": self.num_done - 1 if self.has_diverged else None,
                "num_steps": self.num_done,
            },
            only=("*.parquet", "checkpoints/age_*/*", "ema/*/*", "diverged/**/*"),
        )
        for of_the_way in ("resume", "borders"):
            shutil.rmtree(self.place / of_the_way, ignore_errors=True)
        return Run.open(self.place)

    def _keep_what_diverged(self, write_mind: WriteMind) -> None:
        step = self.num_done - 1
        first, num_rows = int(self.steps.first_row[step]), int(self.steps.num_rows[step])
        visits = range(
            self.rows.visits_of_row(first)[0], self.rows.visits_of_row(first + num_rows - 1)[1]
        )
        ids = self.rows.order.corpus.columns(["id"])["id"]
        loss, grad_norm = self.history[-1]
        with staged(self.place / "diverged") as draft:
            write_mind(draft / "before")
            write_json(
                draft / "batch.json",
                {
                    "step": step,
                    "rows": [first, first + num_rows - 1],
                    "scenes": [ids[int(self.rows.order.sequence[visit])] for visit in visits],
                    "loss": str(loss),
                    "grad_norm": str(grad_norm),
                },
            )

    def metrics(self) -> pl.DataFrame:
        """step, age, loss, grad_norm, lr; a row a step."""
        done = self.num_done
        return self._frame().select(
            step=pl.int_range(pl.len(), dtype=pl.UInt32),
            age=pl.Series(self.steps.age[:done]),
            loss="loss",
            grad_norm="grad_norm",
            lr=pl.Series(self.steps.lr[:done]),
        )

    def _frame(self) -> pl.DataFrame:
        schema = {"loss": pl.Float64, "grad_norm": pl.Float64}
        return pl.DataFrame(self.history, schema=schema, orient="row")


def minds_of(recipe: Recipe) -> dict[str, float]:
    """The folders in which a life keeps minds, with the age of each.

    They are its checkpoints and, until it is over, `borders/`: the minds between two stretches of
    levers at whose age there is no checkpoint.
    """
    names = {f"age_{age:.4f}": age for age in recipe.kept_ages}
    folders = {f"checkpoints/{name}": age for name, age in names.items()}
    for age in border_ages(recipe):  # of ages with one name the border's is kept
        name = f"age_{age:.4f}"
        folders[f"{'checkpoints' if name in names else 'borders'}/{name}"] = age
    return folders


def joined(of_ranks: Sequence[Sequence[RowDigests]]) -> RowDigests:
    """The digests of a step's rows in their order, from those of each rank's micro-batches."""
    pieces = [piece for micro in zip(*of_ranks, strict=True) for piece in micro]
    return np.concatenate(pieces)
