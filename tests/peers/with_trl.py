# /// script
# dependencies = ["trl>=1.0"]
# ///
"""TRL's SFTTrainer over `FedRows`: its own preparation of the data is skipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from trainers import BROKEN, RATE, WHOLE, Task, feed_at, follow_guide, home_beside, live
from transformers import PreTrainedTokenizerFast, default_data_collator
from trl import SFTConfig, SFTTrainer

from upbringing.errors import InputError
from upbringing.training.adapters.huggingface import OrderCallback
from upbringing.training.adapters.pytorch import FedRows
from upbringing.training.consumed import Consumed
from upbringing.training.feed import Feed


def trainer_of(task: Task, feed: Feed, collator: Any = None, **other: Any) -> SFTTrainer:
    settings = SFTConfig(
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
        **other,
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=feed.rows.tokens.tokenizer, eos_token="<|endoftext|>"
    )
    return SFTTrainer(
        task.mind(feed),
        settings,
        # It takes none but the library's own, and looks into it.
        train_dataset=Dataset.from_list([{"input_ids": [0, 0], "labels": [0, 0]}]),
        processing_class=tokenizer,
        data_collator=collator,
        callbacks=[OrderCallback(feed, **task.consumed)],
    )


def main() -> None:
    task = Task.told()
    feed = task.feed
    trainer = trainer_of(task, feed)
    trainer.train_dataset = FedRows(feed)
    trainer.train(resume_from_checkpoint=task.resume)
    if trainer.is_world_process_zero():
        task.leave(trainer.model)


@pytest.mark.parametrize("stretches", [*WHOLE, *BROKEN], ids=str)
def test_the_order_is_consumed(tmp_path: Path, stretches: list[tuple[int, int]]) -> None:
    live(Path(__file__), tmp_path, stretches)


def test_the_row_in_place_of_the_feed_is_refused(tmp_path: Path) -> None:
    home = home_beside(tmp_path)
    with pytest.raises(InputError, match="the train_dataset is another"):
        trainer_of(Task(str(home), str(tmp_path)), feed_at(home)).train()


def test_attention_within_scenes_is_kept_or_refused(tmp_path: Path) -> None:
    home = home_beside(tmp_path)
    task, feed = Task(str(home), str(tmp_path)), feed_at(home, attention="within")
    trainer = trainer_of(task, feed)
    trainer.train_dataset = FedRows(feed)
    with pytest.raises(InputError, match="no position_ids") as refused:
        trainer.train()
    assert "an attention_mask" in str(refused.value)
    trainer = trainer_of(task, feed, default_data_collator, remove_unused_columns=False)
    trainer.train_dataset = FedRows(feed)
    trainer.train()
    assert Consumed.open(tmp_path / "consumed").verify().startswith("consumed its order")


def test_the_guide_says_how(tmp_path: Path) -> None:
    follow_guide("with_trl.py", tmp_path)


if __name__ == "__main__":
    main()
