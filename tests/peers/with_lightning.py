# /// script
# dependencies = ["lightning>=2.5"]
# ///
"""Lightning over `FedData`, watched by the callback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.nn.functional import cross_entropy
from trainers import RATE, WHOLE, Task, follow_guide, live
from transformers import LlamaForCausalLM

from upbringing.training.adapters.lightning import FedData, OrderCallback
from upbringing.training.feed import IGNORED, Feed


class Mind(LightningModule):
    def __init__(self, model: LlamaForCausalLM, feed: Feed) -> None:
        super().__init__()
        self.model, self.feed = model, feed

    def training_step(self, batch: dict[str, torch.Tensor], *_: object) -> torch.Tensor:
        logits = self.model(batch["input_ids"]).logits[:, :-1].flatten(0, 1)
        labels = batch["labels"][:, 1:].flatten()
        loss = cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
        # Lightning takes the mean over micro-batches and ranks: so it is over the step's targets.
        num_pieces = self.trainer.accumulate_grad_batches * self.trainer.world_size
        return loss * num_pieces / self.feed.num_counted(self.trainer.global_step)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=RATE)


def trainer_of(task: Task, feed: Feed, **other: object) -> Trainer:
    saving = ModelCheckpoint(task.place, "saved", every_n_train_steps=task.until or 1_000)
    settings = {
        "max_epochs": 1,
        "accumulate_grad_batches": task.accumulation,
        "use_distributed_sampler": False,
        "accelerator": "cpu",
        "devices": int(os.environ.get("WORLD_SIZE", "1")),
        "callbacks": [OrderCallback(feed, **task.consumed), saving],
        "default_root_dir": task.place,
        "logger": False,
        "enable_progress_bar": False,
    }
    return Trainer(**settings | other)


def main() -> None:
    task = Task.told()
    feed = task.feed
    trainer, module = trainer_of(task, feed), Mind(task.mind(feed), feed)
    saved = str(Path(task.place, "saved.ckpt")) if task.resume else None
    trainer.fit(module, FedData(feed, num_workers=task.num_workers), ckpt_path=saved)
    if trainer.is_global_zero:
        task.leave(module.model)


# Lightning counts micro-batches, so its checkpoints go on with the same accumulation.
@pytest.mark.parametrize("stretches", [*WHOLE, [(2, 3), (1, 3)], [(1, 1), (2, 1)]], ids=str)
def test_the_order_is_consumed(tmp_path: Path, stretches: list[tuple[int, int]]) -> None:
    live(Path(__file__), tmp_path, stretches)


def test_the_order_is_consumed_with_workers(tmp_path: Path) -> None:
    live(Path(__file__), tmp_path, [(2, 3), (1, 3)], num_workers=2)


def test_the_guide_says_how(tmp_path: Path) -> None:
    follow_guide("with_lightning.py", tmp_path)


if __name__ == "__main__":
    main()
