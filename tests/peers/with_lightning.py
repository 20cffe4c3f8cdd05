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
from trainers import RATE, WHOLE, Task, feed_at, follow_guide, home_beside, live, mind
from transformers import LlamaForCausalLM

from upbringing.errors import InputError, ResumeError
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


REFUSED = {
    "max_epochs is 2": {"max_epochs": 2},
    "max_epochs is -1": {"max_epochs": -1, "max_steps": 5},
    "overfit_batches is 2": {"overfit_batches": 2},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_breaks_the_order_is_refused(tmp_path: Path, what: str) -> None:
    feed = feed_at(home_beside(tmp_path))
    task = Task(str(home_beside(tmp_path)), str(tmp_path))
    with pytest.raises(InputError, match=what):
        trainer_of(task, feed, **REFUSED[what]).fit(Mind(mind(feed), feed), FedData(feed))
    assert not Path(task.place, "consumed").exists()


def test_other_data_are_refused(tmp_path: Path) -> None:
    feed, other = (feed_at(home_beside(tmp_path)) for _ in range(2))
    task = Task(str(home_beside(tmp_path)), str(tmp_path))
    with pytest.raises(InputError, match="the data module is another"):
        trainer_of(task, feed).fit(Mind(mind(feed), feed), FedData(other))


def test_a_checkpoint_without_a_witness_is_refused(tmp_path: Path) -> None:
    feed = feed_at(home_beside(tmp_path))
    task = Task(str(home_beside(tmp_path)), str(tmp_path), until=3)
    module, bare = (
        Mind(mind(feed), feed),
        [ModelCheckpoint(tmp_path, "saved", every_n_train_steps=3)],
    )
    trainer_of(task, feed, callbacks=bare, max_steps=3).fit(module, FedData(feed))
    with pytest.raises(ResumeError, match="step 3 was written without a witness"):
        trainer_of(task, feed).fit(module, FedData(feed), ckpt_path=str(tmp_path / "saved.ckpt"))


def test_the_guide_says_how(tmp_path: Path) -> None:
    follow_guide("with_lightning.py", tmp_path)


if __name__ == "__main__":
    main()
