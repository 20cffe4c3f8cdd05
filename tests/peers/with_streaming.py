# /// script
# dependencies = ["brotli", "catalogue", "pillow", "python-snappy", "tqdm", "xxhash", "zstd"]
#
# [tool.peers]
# without-dependencies = ["mosaicml-streaming==0.13.0"]
# ///
"""An MDS export as read by MosaicML's `StreamingDataset`, and dealt out by its partitions.

The library asks for torchvision, of which it uses nothing here, and for an older NumPy and
transformers than this package; it is installed without what it asks for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import transformers  # noqa: F401  (it looks for torchvision once, before one is made up below)
from exporting import World, make_world

RANKS = 12


def _module(name: str, **attributes: object) -> None:
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__dict__.update(attributes)


_module("torchvision")
_module("torchvision.datasets", VisionDataset=object, CIFAR10=object, ImageFolder=object)
_module("torchvision.transforms")
_module("torchvision.transforms.functional", to_tensor=None)

from streaming import StreamingDataset  # noqa: E402
from streaming.base.partition import get_partitions  # noqa: E402
from streaming.base.util import clean_stale_shared_memory  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def shared_memory() -> Iterator[None]:
    clean_stale_shared_memory()
    yield
    clean_stale_shared_memory()


def rows_of(world: World) -> list[list[int]]:
    """Rows of the order, each with the number of targets that count, and the fillers."""
    rows = world.rows()
    tokens_RT1, counts_RT = rows.gather(0, rows.num_rows)
    due = [[*row.tolist(), int(n)] for row, n in zip(tokens_RT1, counts_RT.sum(1), strict=True)]
    filler = [world.tokens.end_of_text] * tokens_RT1.shape[1] + [0]
    return due + [filler] * (-len(due) % RANKS)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_samples_are_the_rows_in_order(world: World, tmp_path: Path, num_workers: int) -> None:
    data = world.export(tmp_path / "x", "mds", ranks=RANKS) / "data"
    dataset = StreamingDataset(local=str(data), shuffle=False, num_canonical_nodes=1, batch_size=4)
    loader = DataLoader(
        dataset, batch_size=4, num_workers=num_workers, collate_fn=lambda samples: samples
    )
    found = [[*s["tokens"].tolist(), s["counted"]] for batch in loader for s in batch]
    assert found == rows_of(world)


@pytest.mark.parametrize("num_nodes", [1, 2])
@pytest.mark.parametrize("ranks_per_node", [1, 2, 3, 6])
@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_step_reads_the_same_rows_on_any_ranks_that_divide(
    world: World, num_nodes: int, ranks_per_node: int, num_workers: int
) -> None:
    """Its own partitions, without its processes: nodes × ranks × workers × batches × samples."""
    num_rows, batch_size = len(rows_of(world)), 12
    ranks = num_nodes * ranks_per_node
    dealt = get_partitions(
        "relaxed", num_rows, 1, num_nodes, ranks_per_node, num_workers, batch_size // ranks
    )
    steps = dealt.transpose(3, 2, 0, 1, 4).reshape(-1, batch_size)
    due = np.full(steps.size, -1)
    due[:num_rows] = np.arange(num_rows)
    for step, rows in zip(steps, due.reshape(steps.shape), strict=True):
        assert sorted(step[step >= 0].tolist()) == rows[rows >= 0].tolist()


def test_what_does_not_divide_would_be_fed_twice() -> None:
    """Why the number of ranks is asked for: 13 rows on 4 ranks are 16 samples."""
    dealt = get_partitions("relaxed", 13, 1, 1, 4, 1, 2)
    assert len(dealt[dealt >= 0]) == 16


def test_two_canonical_nodes_break_the_order() -> None:
    dealt = get_partitions("relaxed", 32, 2, 2, 1, 1, 4)
    assert dealt[:, 0, 0, 0].tolist() == [[0, 1, 2, 3], [16, 17, 18, 19]]
