# /// script
# dependencies = ["torchdata>=0.11"]
# ///
"""torchdata's StatefulDataLoader over `FedBatches`: stopped anywhere, it goes on in the order."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from torchdata.stateful_dataloader import StatefulDataLoader
from trainers import feed_at, home_beside

from upbringing.training.adapters.pytorch import FedBatches, sample
from upbringing.training.feed import Feed, Share

SHARE = Share(1, 2, 3)


def loader_of(feed: Feed, num_workers: int) -> StatefulDataLoader:
    return StatefulDataLoader(FedBatches(feed, SHARE), batch_size=None, num_workers=num_workers)


def contents(batches: Any) -> list[dict[str, list[list[int]]]]:
    return [{key: value.tolist() for key, value in batch.items()} for batch in batches]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_stopped_anywhere_it_goes_on(tmp_path: Path, num_workers: int) -> None:
    feed = feed_at(home_beside(tmp_path))
    due = contents(
        sample(batch) for step in range(len(feed)) for batch in feed.micro_batches(step, SHARE)
    )
    assert contents(loader_of(feed, num_workers)) == due
    for stop in (1, 2, 5, 6, 17, len(due) - 1, len(due)):
        before = loader_of(feed, num_workers)
        found = contents(islice(before, stop))
        state = before.state_dict()
        after = loader_of(feed, num_workers)
        after.load_state_dict(state)
        assert found + contents(after) == due, stop


@pytest.mark.parametrize("num_workers", [0, 2])
def test_it_is_iterated_again_from_the_beginning(tmp_path: Path, num_workers: int) -> None:
    batches = loader_of(feed_at(home_beside(tmp_path)), num_workers)
    first = contents(islice(batches, 4))
    assert contents(islice(batches, 4)) == first
