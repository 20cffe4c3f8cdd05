"""The loop: order → run. Feed, forward, backward, step; the ledger sees what the model sees.

`train` continues where it was killed: the same command gives the same ledger and, on one CPU
set-up, the same bits in the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from upbringing.errors import InputError, StoppedError
from upbringing.order import Rows
from upbringing.training.averaging import Ema, ema_folder
from upbringing.training.birth import born
from upbringing.training.checkpoint import Rhythm, restore, write_checkpoint, write_state
from upbringing.training.feed import Batch, Feed, Share
from upbringing.training.ledger import RowDigests, digests_fed
from upbringing.training.machine import enough_memory, finest, stop_asked
from upbringing.training.optimizer import Optimizer
from upbringing.training.recipe import Recipe
from upbringing.training.records import Moment, Records, joined
from upbringing.training.run import Run, begin
from upbringing.training.world import World

OnStep = Callable[[Moment], None]
"""Called after each step. Where it raises `StoppedError`, the life is saved and left."""

ALONE = World()

_LOWER = (
    "more micro-batches leave the life as it is (`train --accumulation`, or `accumulation` in a "
    "study's `numerics`, in another -o); or lower the batch size, the row length or the shape"
)


@enough_memory(
    "the weights of the mind, its moments and moving averages",
    do="take a smaller mind, or keep fewer averages",
)
def train(
    rows: Rows,
    recipe: Recipe,
    place: Path,
    *,
    sources: Mapping[str, Path],
    parent: Path | None = None,
    world: World = ALONE,
    snapshot_every_s: float | None = None,
    on_step: OnStep | None = None,
) -> Run:
    """Raise a mind on `rows` by `recipe` at `place`, or continue the run there.

    `sources` are the folders of corpus and order, `parent` the checkpoint that `starts_from` is,
    `world` the processes that raise it together, of which each calls this. Without
    `snapshot_every_s`, snapshots take a twentieth of the time at most. Raises `ResumeError` if
    another run lies there and where another process of the world has ended, `StorageError` on a
    full disk, `ShortageError` where the mind or a step does not fit, and when the life is saved
    `StoppedError` after SIGTERM, `KeyboardInterrupt` after Ctrl-C. A loss or a gradient that is not
    finite ends the life: the run says at which step.
    """
    if (place / "run.json").exists():
        begin(place, recipe, sources)
        return Run.open(place)
    life = _Life(rows, recipe, parent, world)  # what cannot be is refused before a file is written
    if world.is_first:  # it clears away what is unfinished before the others look
        begin(place, recipe, sources)
        life.take_up(place)
    world.wait()
    if not world.is_first:
        life.take_up(place)
    rhythm = Rhythm(snapshot_every_s)
    with stop_asked() as asked:
        while not life.records.is_over:
            life.step()
            try:
                if on_step:
                    on_step(life.records.moment)
            except StoppedError:
                life.save_snapshot()
                raise
            if world.any(asked.number is not None, life.device):
                life.save_snapshot()
                raise asked.error(f"stopped after step {life.records.num_done}")
            is_due = world.any(world.is_first and rhythm.is_due, life.device)
            if is_due and not life.records.is_over:
                with rhythm.saving():
                    life.save_snapshot()
    if world.is_first:
        life.write_emas()
        life.records.finish(life.write_mind)
    world.wait()
    return Run.open(place)


class _Life:
    """A mind under way, and its records, which `take_up` opens."""

    records: Records

    def __init__(self, rows: Rows, recipe: Recipe, parent: Path | None, world: World) -> None:
        self.rows, self.recipe, self.steps = rows, recipe, recipe.steps
        self.world, self.share = world, Share(world.rank, world.size, recipe.numerics.accumulation)
        self.feed = Feed(rows, self.steps, recipe.loss_by_kind)
        self.feed.check(self.share)
        self.device = torch.device(recipe.numerics.device)
        self.mind = born(recipe, parent)
        self.mind.check(rows)
        self.losses = (
            torch.compile(self.mind.losses, dynamic=False)
            if recipe.numerics.compiled
            else self.mind.losses
        )
        self.optimizer = Optimizer(
            self.mind,
            self.steps,
            recipe.timeline,
            weight_decay=recipe.weight_decay,
            beta1=recipe.beta1,
            seed=recipe.seed,
        )
        if recipe.emas and any(s.levers.lora for s in recipe.timeline.segments):
            raise InputError("a moving average of weights, and an adapter that learns beside them")
        self.emas = [Ema(self.mind, half_life) for half_life in recipe.emas]

    def take_up(self, place: Path) -> None:
        """Begin at `place`, or go on from the snapshot there."""
        self.records = Records(self.rows, self.recipe, place, clears_away=self.world.is_first)
        if self.records.snapshot:
            folder = self.records.snapshot.folder
            self.optimizer.take_up(self.records.num_done)
            restore(folder, self.mind, self.optimizer.adam)
            for ema in self.emas:
                ema.restore(folder)
        elif self.world.is_first:
            self.records.keep(self.write_mind)

    def step(self) -> None:
        """Consume the next batch, and keep a checkpoint if an age is reached."""
        number = self.records.num_done
        num_rows = int(self.steps.batch_size[number]) // self.share.num_pieces
        with enough_memory(f"{num_rows} rows of {self.recipe.row_length} tokens", do=_LOWER):
            self._live(number)

    def _live(self, number: int) -> None:
        self.optimizer.begin(number)
        sums = torch.zeros(2, dtype=finest(self.device), device=self.device)
        digests = [
            self._learn(number, batch.to(self.device), sums)
            for batch in self.feed.micro_batches(number, self.share)
        ]
        learners = [p for p in self.mind.parameters() if p.grad is not None]
        self.world.add_up([weight.grad for weight in learners if weight.grad is not None])
        self.world.add_up([sums])
        norm = nn.utils.clip_grad_norm_(learners, self.recipe.clip_norm)
        self.records.note(joined(self.world.gather(digests)), float(sums[0] / sums[1]), float(norm))
        if self.records.has_diverged:
            return
        if self.steps.loss_scale[number]:  # else no weight, moment or average knows of the text
            self.optimizer.step(number)
            for ema in self.emas:
                ema.update(int(self.steps.num_rows[number]) / self.recipe.num_rows)
        if self.world.is_first:
            self.records.keep(self.write_mind)

    def _learn(self, number: int, batch: Batch, sums: Tensor) -> RowDigests:
        """Add the gradients of a piece of the batch, and its loss and targets to `sums`."""
        with self.recipe.numerics.autocast():
            losses_BT = self.losses(batch.tokens_BT1, batch.positions_BT)
        counted_BT = losses_BT * batch.weights_BT
        scale = float(self.steps.loss_scale[number])
        if scale:
            # Each token weighs the same, also in a batch that is not full.
            weighed_BT = counted_BT if batch.scales_BT is None else counted_BT * batch.scales_BT
            num_targets = int(self.steps.batch_size[number]) * self.recipe.row_length
            torch.autograd.backward(weighed_BT.sum().mul(scale).div(num_targets))
        sums += torch.stack([counted_BT.detach().sum(), batch.weights_BT.sum()])
        return digests_fed(batch)

    def write_mind(self, place: Path) -> None:
        """Write the mind as it is, as a stock checkpoint."""
        write_checkpoint(place, self.mind, self.rows.tokens.tokenizer)

    def write_emas(self) -> None:
        """Write the moving averages of a life that has come to its end."""
        if not self.records.has_diverged:
            tokenizer = self.records.rows.tokens.tokenizer
            for ema in self.emas:
                place = ema_folder(self.records.place, ema.half_life)
                write_checkpoint(place, ema.mind(self.mind), tokenizer)

    def save_snapshot(self) -> None:
        """Save all that a resume needs."""
        if not self.world.is_first:
            return
        with self.records.saving() as folder:
            write_state(folder, self.mind, self.optimizer.adam)
            for ema in self.emas:
                ema.save(folder)
