# /// script
# dependencies = ["transformers>=5.0", "accelerate>=1.10"]
# ///
"""Hugging Face's Trainer over `FedRows`, watched by the callback."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainers import BROKEN, RATE, WHOLE, Task, live
from transformers import Trainer, TrainingArguments

from upbringing.training.adapters.huggingface import OrderCallback
from upbringing.training.adapters.pytorch import FedRows


def main() -> None:
    task = Task.told()
    feed = task.feed
    arguments = TrainingArguments(
        task.place,
        train_sampling_strategy="sequential",
        num_train_epochs=1,
        per_device_train_batch_size=task.micro_batch_size,
        gradient_accumulation_steps=task.accumulation,
        dataloader_num_workers=task.num_workers,
        optim="sgd",
        learning_rate=RATE,
        lr_scheduler_type="constant",
        max_grad_norm=0,
        save_steps=task.until or 1_000,
        use_cpu=True,
        report_to="none",
    )
    callback = OrderCallback(feed, **task.consumed)
    trainer = Trainer(task.mind(feed), arguments, train_dataset=FedRows(feed), callbacks=[callback])
    trainer.train(resume_from_checkpoint=task.resume)
    if trainer.is_world_process_zero():
        task.leave(trainer.model)


@pytest.mark.parametrize("stretches", [*WHOLE, *BROKEN], ids=str)
def test_the_order_is_consumed(tmp_path: Path, stretches: list[tuple[int, int]]) -> None:
    live(Path(__file__), tmp_path, stretches)


def test_the_order_is_consumed_with_workers(tmp_path: Path) -> None:
    live(Path(__file__), tmp_path, [(2, 3)], num_workers=2)


if __name__ == "__main__":
    main()
