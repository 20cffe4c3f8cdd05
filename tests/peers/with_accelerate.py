# /// script
# dependencies = ["accelerate>=1.10"]
# ///
"""A loop over accelerate's prepared loader, which deals out the batches of `FedRows`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator, skip_first_batches
from torch.utils.data import DataLoader
from trainers import BROKEN, RATE, WHOLE, Task, live

from upbringing.training.adapters.pytorch import FedRows, scale_rates, watch
from upbringing.training.feed import Share
from upbringing.training.witness import Witness


def main() -> None:
    task = Task.told()
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=task.accumulation)
    train(task, accelerator)
    accelerator.wait_for_everyone()  # nobody leaves while another still writes
    accelerator.end_training()


def train(task: Task, accelerator: Accelerator) -> None:
    feed = task.feed
    share = Share(accelerator.process_index, accelerator.num_processes, task.accumulation)
    feed.check(share)
    mind = task.mind(feed)
    optimizer = torch.optim.SGD(mind.parameters(), lr=RATE)
    rows = DataLoader(FedRows(feed), task.micro_batch_size, num_workers=task.num_workers)
    model, optimizer, batches = accelerator.prepare(mind, optimizer, rows)
    saved, state = Path(task.place, "saved"), None
    if task.resume:
        accelerator.load_state(str(saved))
        state = json.loads((saved / "witness.json").read_text())
    witness = Witness(**task.consumed, feed=feed, share=share, state=state)
    watch(mind, witness)
    scale_rates(optimizer, witness)

    for batch in skip_first_batches(batches, witness.step * share.accumulation):
        with accelerator.accumulate(model):
            # A mean over the targets of the step: accelerate divides by the accumulation, and DDP
            # by the number of ranks.
            output = model(**batch, num_items_in_batch=feed.num_counted(witness.step))
            accelerator.backward(output.loss * share.num_pieces)
            optimizer.step()
            optimizer.zero_grad()
        if accelerator.sync_gradients:
            witness.stepped()
            if witness.step == task.until:
                accelerator.save_state(str(saved))
                if accelerator.is_main_process:
                    (saved / "witness.json").write_text(json.dumps(witness.state()))
                accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        task.leave(mind)


@pytest.mark.parametrize("stretches", [*WHOLE, *BROKEN], ids=str)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_order_is_consumed(
    tmp_path: Path, stretches: list[tuple[int, int]], num_workers: int
) -> None:
    live(Path(__file__), tmp_path, stretches, num_workers=num_workers)


if __name__ == "__main__":
    main()
