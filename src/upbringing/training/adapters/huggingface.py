"""Hugging Face `Trainer`: it reads `FedRows` in order, and a callback that sees to it.

    trainer = Trainer(
        model,
        TrainingArguments(…, train_sampling_strategy="sequential", num_train_epochs=1),
        train_dataset=FedRows(feed),
        callbacks=[OrderCallback(feed, "consumed", order="order")],
    )

Before the first step every setting that would break the order is refused, all of them at once. The
callback notes what the model is given, on every rank, lets the phases' learning rates hold, and
keeps the witness's state in each checkpoint's `trainer_state.json`, by which it goes on. TRL's
trainers are this one. Needs the extra `huggingface`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.hooks import RemovableHandle
from transformers import TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from upbringing.errors import InputError, Problem, ResumeError
from upbringing.training.adapters.pytorch import FedRows, scale_rates, watch
from upbringing.training.feed import Feed, Share
from upbringing.training.witness import Witness

# What breaks the order, each with the only value that doesn't.
_SETTINGS = {
    "train_sampling_strategy": "sequential",
    "dataloader_in_order": True,
    "ignore_data_skip": False,  # going on would begin at the first row
    "auto_find_batch_size": False,  # it begins anew with smaller batches
    "label_smoothing_factor": 0.0,  # it takes the labels away before the model sees them
    "restore_callback_states_from_checkpoint": False,  # it makes callbacks of their states alone
}


class OrderCallback(TrainerCallback, ExportableState):
    """Refuses what would break the order, and notes what the model is given in `place`.

    `order` is the folder of the feed's order. Raises, when training begins, `InputError` for
    settings that break the order and `ResumeError` for a checkpoint that does not belong to the
    notes.
    """

    def __init__(self, feed: Feed, place: Path | str, *, order: Path | str) -> None:
        self.feed, self.place, self.order = feed, place, order
        self._witness: Witness | None = None
        self._hooks: list[RemovableHandle] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, *_: Any, **given: Any
    ) -> None:
        """Check the settings, then begin to note, or go on."""
        self.on_train_end()  # of a training that was broken off
        problems = list(_problems(args, state, self.feed, given["train_dataloader"]))
        if problems:
            raise InputError(problems)
        share = Share(args.process_index, args.world_size, args.gradient_accumulation_steps)
        kept = self._kept(state) if state.global_step else None
        witness = Witness(self.place, self.feed, share, order=self.order, state=kept)
        self._hooks = [watch(given["model"], witness), *scale_rates(given["optimizer"], witness)]
        self._witness = witness

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Count the step."""
        if self._witness:
            self._witness.stepped()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Note no more."""
        for hook in self._hooks:
            hook.remove()
        if self._witness:
            self._witness.close()
        self._hooks, self._witness = [], None

    def state(self) -> dict[str, Any]:
        """What `Trainer` writes into a checkpoint."""
        return {"witness": self._witness.state()} if self._witness else {}

    def _kept(self, state: TrainerState) -> dict[str, Any]:
        """The witness's state in the checkpoint from which `Trainer` goes on."""
        callbacks: Any = state.stateful_callbacks
        kept = callbacks.get(type(self).__name__, {}).get("witness")
        if kept is None or kept["step"] != state.global_step:
            raise ResumeError(
                f"the checkpoint of step {state.global_step} was written without a witness",
                do="go on from one that was written with this callback",
            )
        return dict(kept)


def _problems(
    args: TrainingArguments, state: TrainerState, feed: Feed, loader: Any
) -> Iterator[Problem]:
    """The settings that break the order."""
    for name, allowed in _SETTINGS.items():
        if getattr(args, name) != allowed:
            yield Problem(f"{name} is {getattr(args, name)!r}", allowed=repr(allowed))
    accelerator: Any = args.accelerator_config
    if accelerator.split_batches:
        yield Problem("accelerator_config's split_batches is True", allowed="False")
    if args.n_gpu > 1:
        yield Problem(
            f"one process has {args.n_gpu} GPUs, and its batches are split among them",
            do="start one process for each: `torchrun`, or `accelerate launch`",
        )
    dataset = getattr(loader, "dataset", None)
    if not isinstance(dataset, FedRows) or dataset.feed is not feed:
        yield Problem("the train_dataset is another", allowed="FedRows(feed) of the same feed")
    sizes = np.unique(feed.steps.batch_size).tolist()
    taken = args.train_batch_size * args.world_size * args.gradient_accumulation_steps
    if len(sizes) > 1:
        yield Problem(
            f"the phases ask for batches of {', '.join(map(str, sizes))} rows",
            allowed="one batch size for the whole life",
            do="leave batch_size out of the curriculum, or take a loop of your own",
        )
    elif taken != sizes[0]:
        yield Problem(
            f"{args.train_batch_size} rows a device × {args.world_size} processes × "
            f"{args.gradient_accumulation_steps} of accumulation are {taken} rows",
            allowed=f"{sizes[0]}, the feed's batch size",
        )
    elif state.max_steps > len(feed):
        yield Problem(
            f"{state.max_steps} steps are asked for, and the order has {len(feed)}",
            allowed="num_train_epochs of at most 1, or max_steps of at most that many",
        )
