"""The loop: order → run. Feed, forward, backward, step; the ledger sees what the model sees.

`train` continues where it was killed: the same command gives the same ledger and, on one CPU
set-up, the same bits in the weights.
"""

from __future__ import annotations

import math
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from upbringing.errors import ArtefactError, ResumeError, VerificationError
from upbringing.files import folder_digest, remove_drafts, staged_file, write_manifest
from upbringing.order import Rows
from upbringing.training.checkpoint import (
    Snapshot,
    last_snapshot,
    read_checkpoint,
    restore,
    staged_snapshot,
    write_checkpoint,
)
from upbringing.training.feed import Feed
from upbringing.training.ledger import Ledger, first_divergence, row_digests
from upbringing.training.levers import Steps
from upbringing.training.model import Decoder
from upbringing.training.run import FORMAT, Recipe, Run, begin, digestible

OnStep = Callable[[int, int], None]
"""Called after each step with the steps done and the steps of the life."""


def train(
    rows: Rows,
    recipe: Recipe,
    place: Path,
    *,
    sources: Mapping[str, Path],
    parent: Run | None = None,
    snapshot_every_s: float = 30.0,
    on_step: OnStep | None = None,
) -> Run:
    """Raise a mind on `rows` by `recipe` at `place`, or continue the run there.

    `sources` are the folders of corpus and order, `parent` the run that `starts_from` names.
    Raises `ResumeError` if another run lies there, `StorageError` on a full disk. A loss or a
    gradient that is not finite ends the life: the run says at which step.
    """
    begin(place, recipe, sources)
    if (place / "run.json").exists():
        return Run.open(place)
    remove_drafts(place)
    remove_drafts(place / "checkpoints")
    life = _Life(rows, recipe, place, parent)
    saved_at = time.monotonic()
    while not life.is_over:
        life.step()
        if on_step:
            on_step(len(life.ledger.chain), len(life.steps))
        if time.monotonic() - saved_at > snapshot_every_s and not life.is_over:
            life.save_snapshot()
            saved_at = time.monotonic()
    return life.finish()


class _Life:
    """The state of a run under way, taken up from its last snapshot if there is one."""

    def __init__(self, rows: Rows, recipe: Recipe, place: Path, parent: Run | None) -> None:
        self.recipe, self.place, self.tokens = recipe, place, rows.tokens
        self.device = torch.device(recipe.numerics.device)
        model = (
            read_checkpoint(parent.checkpoints[1.0])
            if parent
            else Decoder(recipe.shape, row_length=recipe.row_length, seed=recipe.seed)
        )
        self.model = model.to(self.device)
        self.optimizer = _optimizer(self.model, recipe)
        self.losses = (
            torch.compile(self.model.losses, dynamic=False)
            if recipe.numerics.compiled
            else self.model.losses
        )
        self.steps: Steps = recipe.steps
        self.feed = Feed(rows, self.steps)
        self.ages: dict[int, list[float]] = defaultdict(list)
        for age in recipe.ages:
            self.ages[self.steps.after(age)].append(age)
        self.ledger, self.history = Ledger(), list[tuple[float, float]]()
        snapshot = last_snapshot(place / "resume")
        if snapshot:
            if snapshot.recipe != recipe.digest:
                raise ResumeError("is of another run", where=str(snapshot.folder), do="remove it")
            restore(snapshot, self.model, self.optimizer)
            self.ledger = Ledger.open(snapshot.folder / "ledger.parquet")
            divergence = first_divergence(self.ledger, rows, self.steps.first(snapshot.step))
            if divergence:
                raise VerificationError(str(divergence), where=str(snapshot.folder))
            self.history = pl.read_parquet(snapshot.folder / "history.parquet").rows()
        self._keep_checkpoints_until(snapshot)

    def _keep_checkpoints_until(self, snapshot: Snapshot | None) -> None:
        """Check the checkpoints that the snapshot knows; what was lived after it is lived again.

        Raises `ArtefactError` for one that was damaged in the meantime.
        """
        kept = snapshot.checkpoints if snapshot else {}
        for folder in (self.place / "checkpoints").glob("age_*"):
            if folder.name not in kept:
                shutil.rmtree(folder)
        for name, digest in kept.items():
            folder = self.place / "checkpoints" / name
            if folder_digest(folder) != digest:
                raise ArtefactError("is damaged", where=str(folder), do="remove the run")

    @property
    def diverged(self) -> bool:
        return bool(self.history) and not all(map(math.isfinite, self.history[-1]))

    @property
    def is_over(self) -> bool:
        return self.diverged or len(self.ledger.chain) == len(self.steps)

    def step(self) -> None:
        """Consume the next batch, and keep a checkpoint if an age is reached."""
        number = len(self.ledger.chain)
        batch = self.feed.batch(number).to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = float(self.steps.lr[number])
        with self.recipe.numerics.autocast():
            losses_BT = self.losses(batch.tokens_BT1, batch.positions_BT)
        # Each token weighs the same, also in a batch that is not full.
        weights_BT = batch.weights_BT
        torch.autograd.backward((losses_BT * weights_BT).sum().div(weights_BT.numel()))
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        loss = _mean(losses_BT.detach(), weights_BT)
        self.ledger.record(batch)
        self._check_fed(number)
        self.history.append((loss, float(norm)))
        if self.diverged:
            return
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        for age in self.ages[number + 1]:
            self.save_checkpoint(age)

    def _check_fed(self, number: int) -> None:
        """What was hashed from the model's input must be the rows that the order says.

        Raises `VerificationError` with the divergence.
        """
        first, num_rows = int(self.steps.first_row[number]), int(self.steps.num_rows[number])
        due = row_digests(*self.feed.rows.gather(first, num_rows))
        if not np.array_equal(self.ledger.rows[-1], due):
            lived = self.steps.first(number + 1)
            divergence = first_divergence(self.ledger, self.feed.rows, lived)
            raise VerificationError(str(divergence), where=str(self.place))

    def save_checkpoint(self, age: float) -> None:
        place = self.place / "checkpoints" / f"age_{age:.4f}"
        write_checkpoint(place, self.model, self.tokens.tokenizer)

    def save_snapshot(self) -> None:
        """Save all that a resume needs."""
        done = len(self.ledger.chain)
        checkpoints = {
            folder.name: folder_digest(folder)
            for folder in sorted((self.place / "checkpoints").glob("age_*"))
        }
        place = self.place / "resume" / f"step_{done:08d}"
        snapshot = Snapshot(done, self.recipe.digest, place, checkpoints)
        with staged_snapshot(snapshot, self.model, self.optimizer) as draft:
            self.ledger.save(draft / "ledger.parquet")
            self._history_frame().write_parquet(draft / "history.parquet")

    def finish(self) -> Run:
        """Write ledger, metrics and, last, the manifest; drop the snapshot."""
        done = len(self.ledger.chain)
        metrics = self._history_frame().select(
            step=pl.int_range(pl.len(), dtype=pl.UInt32),
            age=pl.Series(self.steps.age[:done]),
            loss="loss",
            grad_norm="grad_norm",
            lr=pl.Series(self.steps.lr[:done]),
        )
        with staged_file(self.place / "ledger.parquet") as draft:
            self.ledger.save(draft)
        with staged_file(self.place / "metrics.parquet") as draft:
            metrics.write_parquet(draft)
        write_manifest(
            self.place,
            FORMAT,
            recipe=digestible(self.recipe.as_json()),
            inputs={"order": self.recipe.order, "tokenizer": self.recipe.tokenizer},
            facts={
                "ledger": self.ledger.digest,
                "diverged_at": done - 1 if self.diverged else None,
                "num_steps": done,
            },
            only=("ledger.parquet", "metrics.parquet", "checkpoints/age_*/*"),
        )
        shutil.rmtree(self.place / "resume", ignore_errors=True)
        return Run.open(self.place)

    def _history_frame(self) -> pl.DataFrame:
        return pl.DataFrame(
            self.history, schema={"loss": pl.Float64, "grad_norm": pl.Float64}, orient="row"
        )


def _optimizer(model: Decoder, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, 1711.05101); matrices decay, norms do not."""
    matrices = [p for p in model.parameters() if p.ndim == 2]
    norms = [p for p in model.parameters() if p.ndim != 2]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": norms, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=recipe.peak_lr, betas=(recipe.beta1, recipe.beta2), fused=True
    )


def _mean(losses_BT: Tensor, weights_BT: Tensor) -> float:
    return float((losses_BT * weights_BT).sum() / weights_BT.sum())
