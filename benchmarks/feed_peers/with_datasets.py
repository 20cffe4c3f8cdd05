"""Hugging Face datasets: `select` with the order, read in batches of documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
from shared import Files, cut
from torch import Tensor
from torch.utils.data import DataLoader

AT_ONCE = 256  # documents; 64 and 2,048 are no faster

datasets.disable_progress_bars()


def loader(folder: Path, first: int) -> Iterator[Tensor]:
    """NumPy format through a `DataLoader` that does not shuffle."""
    dataset, skip = _selected(folder, first)
    batches = DataLoader(
        dataset.with_format("numpy"),
        batch_size=AT_ONCE,
        collate_fn=lambda samples: [sample["ids"] for sample in samples],
    )
    return cut((ids for batch in batches for ids in batch), skip)


def iterated(folder: Path, first: int) -> Iterator[Tensor]:
    """NumPy format through the dataset's own `iter`."""
    dataset, skip = _selected(folder, first)
    batches = dataset.with_format("numpy").iter(AT_ONCE)
    return cut((ids for batch in batches for ids in batch["ids"]), skip)


def arrow(folder: Path, first: int) -> Iterator[Tensor]:
    """Arrow tables, whose buffers are taken as they are: no document becomes an object."""
    dataset, skip = _selected(folder, first)
    tables = dataset.with_format("arrow").iter(AT_ONCE)
    return cut((t["ids"].combine_chunks().flatten().to_numpy() for t in tables), skip)


def prepare(folder: Path) -> None:
    """Write the documents as a dataset on disk."""
    if not (folder / "dataset").exists():
        files = Files(folder)
        ids = pa.LargeListArray.from_arrays(pa.array(files.offsets), pa.array(files.ids))
        table = datasets.table.InMemoryTable(pa.table({"ids": ids}))
        datasets.Dataset(table).save_to_disk(folder / "dataset", num_shards=1)


def _selected(folder: Path, first: int) -> tuple[datasets.Dataset, int]:
    files = Files(folder)
    document, skip = files.document_at(first)
    dataset = datasets.load_from_disk(folder / "dataset")
    return dataset.select(np.asarray(files.sequence[document:])), skip
