"""Faults planted at random in what is fed: all are found, step, row, expected and found scene.

`benchmarks/plants.py` plants 10,000.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from faults import FAULTS, WORLDS, Ground, ledger_of, make_grounds, must_say, noted, plant, tell

from upbringing.training import first_divergence

NUM_PLANTS = 300


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> list[Ground]:
    return make_grounds(tmp_path_factory.mktemp("grounds"))


def test_what_is_due_is_what_is_fed(grounds: list[Ground], tmp_path: Path) -> None:
    """Else a plant might be found where nothing is wrong."""
    for number, ground in enumerate(grounds):
        feed = ground.feed
        fed = [feed.batch(step).tokens_BT1.numpy(force=True) for step in range(len(feed))]
        real = np.concatenate([b[:n] for b, n in zip(fed, feed.steps.num_rows, strict=True)])
        assert [row.tokens for row in ground.rows] == [row.tobytes() for row in real]
        assert tell(ground, ground.due) is None
        assert first_divergence(ledger_of(ground.due), feed.rows, feed.steps) is None
        said = noted(ground, ground.due, tmp_path / str(number), (2, 2))
        assert said.startswith("consumed its order, row by row; ledger ")


def test_every_plant_in_a_ledger_is_found_where_it_is(grounds: list[Ground]) -> None:
    planted: Counter[str] = Counter()
    for number in range(NUM_PLANTS):
        ground, fault = plant(number, grounds)
        feed = ground.feed
        assert first_divergence(ledger_of(fault.fed), feed.rows, feed.steps) == fault.told, number
        planted[fault.name] += 1
    assert set(planted) == {fault.__name__ for fault in FAULTS}


def test_every_plant_in_notes_is_found_where_it_is(grounds: list[Ground], tmp_path: Path) -> None:
    for number in range(0, NUM_PLANTS, 5):
        ground, fault = plant(number, grounds)
        place = tmp_path / str(number)
        said = noted(ground, fault.fed, place, WORLDS[number % len(WORLDS)])
        assert said.startswith(must_say(ground, fault, place)), number
