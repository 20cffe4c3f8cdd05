"""Megatron's GPTDataset, which takes no order: the two functions that draw its own are replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import megatron.core.datasets.gpt_dataset as gpt
import numpy as np
import torch
from megatron.core.datasets.indexed_dataset import IndexedDataset, IndexedDatasetBuilder
from megatron.core.datasets.utils import Split
from shared import ROWS, STEP, Files, T
from torch import Tensor
from torch.utils.data import DataLoader


class Vocabulary:
    """What the dataset asks of a tokenizer."""

    vocab_size, eod, pad = 32_000, 0, -1
    unique_identifiers: ClassVar = {"name": "drawn"}


def patched(folder: Path, first: int) -> Iterator[Tensor]:
    files = Files(folder)
    gpt._build_document_index = lambda *_: files.sequence.astype(np.int32)
    gpt._build_shuffle_index = lambda _, total, __: np.arange(total, dtype=np.uint32)
    prefix = str(folder / "megatron")
    config = gpt.GPTDatasetConfig(
        random_seed=0,
        sequence_length=T,
        blend=([prefix], None),
        split="100,0,0",
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
        tokenizer=Vocabulary(),
    )
    documents = IndexedDataset(prefix, mmap=True)
    numbers = np.arange(len(documents), dtype=np.int32)
    dataset = gpt.GPTDataset(documents, prefix, numbers, None, Split.train, config)
    stop = (len(files.ids) - 1) // STEP * ROWS
    batches = [range(row, row + ROWS) for row in range(first * ROWS, stop, ROWS)]
    for batch in DataLoader(dataset, batch_sampler=batches):
        yield torch.cat([batch["tokens"], batch["labels"][:, -1:]], dim=1)


def prepare(folder: Path) -> None:
    """Write the documents as an indexed dataset."""
    if not (folder / "megatron.idx").exists():
        files = Files(folder)
        builder = IndexedDatasetBuilder(str(folder / "megatron.bin"), dtype=np.uint16)
        for begin, end in zip(files.offsets[:-1], files.offsets[1:], strict=True):
            builder.add_document(torch.from_numpy(np.array(files.ids[begin:end])), [end - begin])
        builder.finalize(str(folder / "megatron.idx"))
