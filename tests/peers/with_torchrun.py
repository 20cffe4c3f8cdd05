# /// script
# dependencies = []
# ///
"""A plain loop of one's own under `torchrun`: DistributedDataParallel on gloo."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from trainers import BROKEN, RATE, WHOLE, Task, live

from upbringing.training.adapters.pytorch import loader, scale_rates, watch
from upbringing.training.feed import IGNORED, Share
from upbringing.training.witness import Witness


def main() -> None:
    dist.init_process_group("gloo")
    train(Task.told())
    dist.barrier()  # nobody leaves while another still writes
    dist.destroy_process_group()


def train(task: Task) -> None:
    feed = task.feed
    share = Share(dist.get_rank(), dist.get_world_size(), task.accumulation)
    mind = task.mind(feed)
    model = DistributedDataParallel(mind)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    saved = torch.load(Path(task.place, "saved.pt")) if task.resume else None
    if saved:
        mind.load_state_dict(saved["model"])
    witness = Witness(**task.consumed, feed=feed, share=share, state=saved and saved["witness"])
    watch(mind, witness)
    scale_rates(optimizer, witness)

    batches = iter(loader(feed, share, from_step=witness.step, num_workers=task.num_workers))
    for step in range(witness.step, len(feed)):
        for micro in range(share.accumulation):
            batch = next(batches)
            is_last = micro + 1 == share.accumulation
            with nullcontext() if is_last else model.no_sync():
                logits = model(**batch).logits[:, :-1]
                labels = batch["labels"][:, 1:]
                loss = cross_entropy(
                    logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
                )
                # DDP takes the mean over ranks: so it becomes that over the targets of the step.
                (loss * share.world_size / feed.num_counted(step)).backward()
        optimizer.step()
        optimizer.zero_grad()
        witness.stepped()
        if share.rank == 0 and witness.step == task.until:
            state = {"model": mind.state_dict(), "witness": witness.state()}
            torch.save(state, Path(task.place, "saved.pt"))
    if share.rank == 0:
        task.leave(mind)


@pytest.mark.parametrize("stretches", [*WHOLE, *BROKEN], ids=str)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_order_is_consumed(
    tmp_path: Path, stretches: list[tuple[int, int]], num_workers: int
) -> None:
    live(Path(__file__), tmp_path, stretches, num_workers=num_workers)


if __name__ == "__main__":
    main()
