"""Lightning: the feed as a data module, and a callback that sees to the order.

    trainer = Trainer(
        max_epochs=1,
        accumulate_grad_batches=3,
        use_distributed_sampler=False,
        callbacks=[OrderCallback(feed, "consumed", order="order")],
    )
    trainer.fit(module, FedData(feed), ckpt_path=…)

Before the first step every setting that would break the order is refused, all of them at once. The
callback notes what `training_step` is given, on every rank, lets the phases' learning rates hold,
and keeps the witness's state in each checkpoint, by which it goes on. Needs the extra `lightning`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningDataModule, Trainer
from torch.utils.data import DataLoader
from torch.utils.hooks import RemovableHandle

from upbringing.errors import InputError, Problem, ResumeError
from upbringing.training.adapters.pytorch import FedBatches, Sample, scale_rates
from upbringing.training.feed import Feed, Share
from upbringing.training.witness import Witness


class FedData(LightningDataModule):
    """The micro-batches of each rank, from the step on at which the trainer is.

    Batches are dictionaries, `pytorch.Sample`. Phases may have batch sizes of their own.
    """

    def __init__(self, feed: Feed, *, num_workers: int = 0) -> None:
        super().__init__()
        self.feed, self.num_workers = feed, num_workers

    def train_dataloader(self) -> DataLoader[Sample]:
        """The loader that Lightning asks for when it begins, and when it goes on."""
        batches = _Life(self.feed, _share(self.trainer), from_step=self.trainer.global_step)
        return DataLoader(batches, batch_size=None, num_workers=self.num_workers)


class _Life(FedBatches):
    """As long as the whole life where it goes on, too: Lightning counts from the beginning."""

    def __len__(self) -> int:
        return len(self.feed) * self.share.accumulation


class OrderCallback(Callback):
    """Refuses what would break the order, and notes what `training_step` is given in `place`.

    `order` is the folder of the feed's order. Raises, when training begins, `InputError` for
    settings that break the order and `ResumeError` for a checkpoint that does not belong to the
    notes.
    """

    def __init__(self, feed: Feed, place: Path | str, *, order: Path | str) -> None:
        self.feed, self.place, self.order = feed, place, order
        self._witness: Witness | None = None
        self._kept: dict[str, Any] | None = None
        self._hooks: list[RemovableHandle] = []

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        """Check the settings, then begin to note, or go on."""
        self.on_train_end()  # of a training that was broken off
        problems = list(_problems(trainer, self.feed))
        if problems:
            raise InputError(problems)
        kept = self._kept if trainer.global_step else None
        if trainer.global_step and (kept is None or kept["step"] != trainer.global_step):
            raise ResumeError(
                f"the checkpoint of step {trainer.global_step} was written without a witness",
                do="go on from one that was written with this callback",
            )
        share = _share(trainer)
        self._witness = Witness(self.place, self.feed, share, order=self.order, state=kept)
        for optimizer in trainer.optimizers:
            self._hooks += scale_rates(optimizer, self._witness)

    def on_train_batch_start(self, _: Trainer, __: Any, batch: Sample, *___: Any) -> None:
        """Note what `training_step` is given."""
        if self._witness:
            self._witness.note(batch["input_ids"], batch["labels"])

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Count the step, once it is done."""
        if self._witness and trainer.global_step > self._witness.step:
            self._witness.stepped()

    def on_train_end(self, *_: Any) -> None:
        """Note no more."""
        for hook in self._hooks:
            hook.remove()
        if self._witness:
            self._witness.close()
        self._hooks, self._witness = [], None

    def state_dict(self) -> dict[str, Any]:
        """What Lightning writes into a checkpoint."""
        return self._witness.state() if self._witness else {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """What it found there."""
        self._kept = dict(state_dict) or None


def _share(trainer: Trainer) -> Share:
    return Share(trainer.global_rank, trainer.world_size, trainer.accumulate_grad_batches)


def _problems(trainer: Trainer, feed: Feed) -> Iterator[Problem]:
    """The settings that break the order."""
    data = getattr(trainer, "datamodule", None)
    if not isinstance(data, FedData) or data.feed is not feed:
        yield Problem("the data module is another", allowed="FedData(feed) of the same feed")
    if trainer.max_epochs != 1:
        yield Problem(f"max_epochs is {trainer.max_epochs}", allowed="1, with max_steps or without")
    if trainer.overfit_batches:
        yield Problem(f"overfit_batches is {trainer.overfit_batches}", allowed="0")
    if len(trainer.optimizers) != 1:
        yield Problem(
            f"there are {len(trainer.optimizers)} optimisers",
            allowed="one, so that its steps are those of the order",
        )
