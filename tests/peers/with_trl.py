# /// script
# dependencies = ["trl>=1.0"]
# ///
"""TRL's SFTTrainer over `FedRows`: its own preparation of the data is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset
from trainers import BROKEN, RATE, WHOLE, Task, follow_guide, live
from transformers import PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

from upbringing.training.adapters.huggingface import OrderCallback
from upbringing.training.adapters.pytorch import FedRows


def main() -> None:
    task = Task.told()
    feed = task.feed
    arguments = SFTConfig(
        task.place,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="sequential",
        num_train_epochs=1,
        per_device_train_batch_size=task.micro_batch_size,
        gradient_accumulation_steps=task.accumulation,
        optim="sgd",
        learning_rate=RATE,
        lr_scheduler_type="constant",
        max_grad_norm=0,
        bf16=False,
        save_steps=task.until or 1_000,
        use_cpu=True,
        report_to="none",
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=feed.rows.tokens.tokenizer, eos_token="<|endoftext|>"
    )
    trainer = SFTTrainer(
        task.mind(feed),
        arguments,
        # It takes none but the library's own, and looks into it.
        train_dataset=Dataset.from_list([{"input_ids": [0, 0], "labels": [0, 0]}]),
        processing_class=tokenizer,
        callbacks=[OrderCallback(feed, **task.consumed)],
    )
    trainer.train_dataset = FedRows(feed)
    trainer.train(resume_from_checkpoint=task.resume)
    if trainer.is_world_process_zero():
        task.leave(trainer.model)


@pytest.mark.parametrize("stretches", [*WHOLE, *BROKEN], ids=str)
def test_the_order_is_consumed(tmp_path: Path, stretches: list[tuple[int, int]]) -> None:
    live(Path(__file__), tmp_path, stretches)


def test_the_guide_says_how(tmp_path: Path) -> None:
    follow_guide("with_trl.py", tmp_path)


if __name__ == "__main__":
    main()
