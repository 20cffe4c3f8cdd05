"""PyTorch: the feed as datasets and as a loader, for a loop of one's own and for other trainers.

`FedRows` is a dataset of rows for trainers that make batches themselves, and read it in order;
`OrderSampler` is the order in which one rank reads it. `FedBatches` gives the micro-batches of one
rank, `loader` with workers or without. Both are the same rows in the same optimiser steps for any
world size, number of workers and accumulation. `watch` lets a witness note what a model is given,
`scale_rates` lets the phases' learning rates hold.

Shapes: B rows of a micro-batch, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, get_worker_info
from torch.utils.hooks import RemovableHandle

from upbringing.errors import InputError, Problem
from upbringing.training.feed import Batch, Feed, Share
from upbringing.training.levers import Timeline
from upbringing.training.witness import Witness

Sample = dict[str, Tensor]
"""`input_ids` and `labels` of T + 1 tokens, and `position_ids` for attention within scenes.

Labels are for a model that shifts them itself, as those of Hugging Face do.
"""


class FedRows(Dataset[Sample]):
    """The rows of a feed by their place in the stream of batches, (T + 1,) each.

    Place k is row k of the batches laid end to end, padding included: a batch that is not full is
    filled with rows whose labels do not count. So the length is a multiple of what any world size
    and accumulation that divide the batches take at once, and nothing is fed twice to fill up.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self._ends = feed.steps.batch_size.cumsum()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, place: int) -> Sample:
        if not 0 <= place < len(self):
            raise IndexError(f"place {place} of {len(self)}")
        step = int(np.searchsorted(self._ends, place, side="right"))
        size = int(self.feed.steps.batch_size[step])
        piece = place - int(self._ends[step]) + size
        return {key: value[0] for key, value in sample(self.feed.batch(step, piece, size)).items()}


class OrderSampler(Sampler[int]):
    """The places of `FedRows` that one rank reads, micro-batch after micro-batch, from a step on.

    With it a `DataLoader(FedRows(feed), batch_size=…, sampler=…)` whose batch size is that of a
    micro-batch feeds this rank's share. Raises `InputError` for a share that divides no batch.
    """

    def __init__(self, feed: Feed, share: Share | None = None, *, from_step: int = 0) -> None:
        self.feed, self.share, self.from_step = feed, share or Share(), from_step
        feed.check(self.share)

    def __len__(self) -> int:
        return int(self.feed.steps.batch_size[self.from_step :].sum()) // self.share.world_size

    def __iter__(self) -> Iterator[int]:
        sizes = self.feed.steps.batch_size
        begins = sizes.cumsum() - sizes
        for begin, size in zip(begins[self.from_step :], sizes[self.from_step :], strict=True):
            width = int(size) // self.share.num_pieces
            for micro in range(self.share.accumulation):
                first = int(begin) + self.share.piece(micro) * width
                yield from range(first, first + width)


class FedBatches(IterableDataset[Sample]):
    """The micro-batches of one rank, (B, T + 1) each, in order.

    Workers take turns, as `DataLoader` reads them, so their number changes nothing. The state is
    the number of the micro-batch that comes next: `state_dict` and `load_state_dict` are those that
    torchdata's `StatefulDataLoader` asks for. Each iteration begins at `from_step`, or where the
    state that was loaded says.
    """

    def __init__(self, feed: Feed, share: Share | None = None, *, from_step: int = 0) -> None:
        self.feed, self.share = feed, share or Share()
        feed.check(self.share)
        self._first = self._next = from_step * self.share.accumulation

    def __len__(self) -> int:
        return len(self.feed) * self.share.accumulation - self._first

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        number, num_workers = (worker.id, worker.num_workers) if worker else (0, 1)
        accumulation = self.share.accumulation
        begin, end = self._first + number, len(self.feed) * accumulation
        for place in range(begin, end, num_workers):
            step, micro = divmod(place, accumulation)
            self._next = place + num_workers - number
            yield sample(self.feed.batch(step, self.share.piece(micro), self.share.num_pieces))

    def state_dict(self) -> dict[str, Any]:
        """Where to go on."""
        return {"next": self._next, "accumulation": self.share.accumulation}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state says, in a world of any size.

        Raises `InputError` for a state from the middle of a step under another accumulation.
        """
        step, micro = divmod(int(state["next"]), int(state["accumulation"]))
        if micro and state["accumulation"] != self.share.accumulation:
            raise InputError(
                f"the state is from micro-batch {micro} of {state['accumulation']} of a step",
                do="go on with the same accumulation, or from a state between steps",
            )
        self._first = self._next = step * self.share.accumulation + micro


def loader(
    feed: Feed, share: Share | None = None, *, from_step: int = 0, num_workers: int = 0
) -> DataLoader[Sample]:
    """A loader of this rank's micro-batches from a step on."""
    batches = FedBatches(feed, share, from_step=from_step)
    return DataLoader(batches, batch_size=None, num_workers=num_workers)


def sample(batch: Batch) -> Sample:
    """A batch by the names that models of Hugging Face take."""
    found = {"input_ids": batch.tokens_BT1, "labels": batch.labels}
    if batch.positions_BT is not None:
        last = torch.zeros_like(batch.positions_BT[:, :1])  # an input that predicts nothing
        found["position_ids"] = torch.cat([batch.positions_BT, last], dim=1)
    return found


def watch(model: nn.Module, witness: Witness) -> RemovableHandle:
    """Let a witness note every micro-batch that a model is given while it trains.

    `model` is the one that is called with `input_ids` and `labels` by name, as it is before it is
    wrapped. What it is given in evaluation is not noted. Raises `InputError` at the first
    micro-batch without labels, and where attention within scenes would not be kept.
    """
    within = witness.feed.rows.attention == "within"

    def note(module: nn.Module, _: Any, given: Mapping[str, Any]) -> None:
        if not module.training:
            return
        problems = [*_missing(given, within), *(_unkept(module, given) if within else ())]
        if problems:
            raise InputError(problems)
        witness.note(given["input_ids"], given["labels"])

    untraced: Any = torch.compiler.disable  # it hashes and writes, where the model is compiled too
    return model.register_forward_pre_hook(untraced(note), with_kwargs=True)


def _missing(given: Mapping[str, Any], within: bool) -> Iterator[Problem]:
    due = ["input_ids", "labels", *(["position_ids"] if within else [])]
    missing = [name for name in due if given.get(name) is None]
    if missing:
        yield Problem(
            f"the model is given no {' and no '.join(missing)}",
            allowed=f"{', '.join(due)}, by name, in every micro-batch of the training",
            do="see what the collator leaves out; let the model compute the loss",
        )


def _unkept(model: nn.Module, given: Mapping[str, Any]) -> Iterator[Problem]:
    """What makes a model of Hugging Face attend across scenes, whatever the position ids say."""
    if given.get("attention_mask") is not None:
        yield Problem(
            "the model is given an attention_mask, beside which position ids part no scenes",
            do="leave it out: `data_collator=default_data_collator`",
        )
    if given.get("use_cache", getattr(getattr(model, "config", None), "use_cache", False)):
        yield Problem(
            "the model caches keys and values, and then position ids part no scenes",
            do="set `model.config.use_cache = False`",
        )


def scale_rates(optimizer: Optimizer, witness: Witness) -> list[RemovableHandle]:
    """Let each optimiser step take the learning rate by the `lr_scale` of its phase.

    The scale holds within the step only, so any schedule goes on as if there were none. The step
    is the one at which the witness is: call `Witness.stepped` after each.
    """
    feed = witness.feed
    scales = Timeline.of_phases(feed.rows, batch_size=1).lr_scales(feed.steps, feed.rows.num_rows)
    rates: list[Any] = []  # a rate may be a tensor, which an optimiser keeps

    def scale(optimizer: Optimizer, *_: Any) -> None:
        rates[:] = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * float(scales[witness.step])

    def restore(optimizer: Optimizer, *_: Any) -> None:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    inner = getattr(optimizer, "optimizer", optimizer)  # accelerate's holds the one that steps
    return [inner.register_step_pre_hook(scale), inner.register_step_post_hook(restore)]
