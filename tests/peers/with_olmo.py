# /// script
# dependencies = ["bettermap", "boto3", "dataclass-extensions>=0.3.0", "google-cloud-storage",
#   "huggingface-hub", "importlib_resources", "packaging", "pandas", "pyyaml", "requests", "rich"]
#
# [tool.peers]
# without-dependencies = ["ai2-olmo-core==3.0.0", "cached-path>=1.7.2"]
# ///
"""A token file as read by OLMo-core's `NumpyFSLDataset` and loader, over ranks and workers.

Of what it asks for, `cached-path` wants an older `huggingface-hub` than transformers does; here
nothing is fetched.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from exporting import ROW_LENGTH, World, make_world
from olmo_core.data import (
    DataCollator,
    NumpyDataLoaderConfig,
    NumpyFSLDataLoader,
    NumpyFSLDataset,
    NumpyFSLDatasetConfig,
    TokenizerConfig,
)
from olmo_core.data.utils import get_labels

from upbringing.order import Packing, Rows

BATCH_SIZE = 12


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def opened(world: World, export: Path, row_length: int = ROW_LENGTH) -> NumpyFSLDataset:
    end = world.tokens.end_of_text
    dataset = NumpyFSLDatasetConfig(
        tokenizer=TokenizerConfig(
            vocab_size=world.tokens.num_vocab, eos_token_id=end, pad_token_id=end
        ),
        paths=[str(export / "data" / "tokens.bin")],
        label_mask_paths=[str(export / "data" / "label_mask.bin")],
        dtype="uint16",
        sequence_length=row_length,
        work_dir=str(export.parent / "work"),
    ).build()
    dataset.prepare()
    return dataset


@pytest.mark.parametrize(("packing", "row_length"), [("stream", ROW_LENGTH), ("whole", 600)])
def test_instances_and_their_labels_are_the_rows(
    world: World, tmp_path: Path, packing: Packing, row_length: int
) -> None:
    export = world.export(tmp_path / "x", "numpy", packing=packing, row_length=row_length)
    rows = Rows(world.order, world.tokens, row_length, packing)
    dataset = opened(world, export, row_length)
    tokens_RT1, counts_RT = rows.gather(0, rows.num_rows)
    due_RT = np.where(counts_RT, tokens_RT1[:, 1:], -100)
    assert len(dataset) == rows.num_rows
    for number in range(len(dataset)):
        instance = dataset[number]
        assert instance["input_ids"].tolist() == tokens_RT1[number, :-1].tolist()
        batch = {name: instance[name][None] for name in ("input_ids", "label_mask")}
        # The last label of a row lies in the next one, and is not learnt from.
        assert get_labels(batch)[0, :-1].tolist() == due_RT[number, :-1].tolist()


@pytest.mark.parametrize("world_size", [1, 2, 4])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_step_reads_the_same_rows_on_any_ranks(
    world: World, tmp_path: Path, world_size: int, num_workers: int
) -> None:
    export = world.export(tmp_path / "x", "numpy", batch_size=BATCH_SIZE)
    dataset = opened(world, export)
    shares = [
        [
            batch["input_ids"]
            for batch in loaded(world, dataset, tmp_path, rank, world_size, num_workers)
        ]
        for rank in range(world_size)
    ]
    rows = world.rows()
    due = torch.from_numpy(rows.gather(0, rows.num_rows)[0][:, :-1].copy())
    found = [
        row for step in zip(*shares, strict=True) for row in torch.stack(step, 1).flatten(0, 1)
    ]
    assert len(found) == -(-rows.num_rows // BATCH_SIZE) * BATCH_SIZE
    assert torch.equal(torch.stack(found[: rows.num_rows]), due)


def loaded(
    world: World, dataset: NumpyFSLDataset, place: Path, rank: int, world_size: int, workers: int
) -> NumpyFSLDataLoader:
    loader = NumpyFSLDataLoader(
        dataset,
        collator=DataCollator(pad_token_id=world.tokens.end_of_text),
        global_batch_size=BATCH_SIZE * ROW_LENGTH,
        work_dir=str(place / "work"),
        shuffle=False,
        dp_world_size=world_size,
        dp_rank=rank,
        num_workers=workers,
    )
    loader.reshuffle(epoch=1)
    return loader


def test_its_configuration_class_shuffles(world: World, tmp_path: Path) -> None:
    """Why the README makes the loader itself."""
    dataset = opened(world, world.export(tmp_path / "x", "numpy", batch_size=BATCH_SIZE))
    loader = NumpyDataLoaderConfig(
        global_batch_size=BATCH_SIZE * ROW_LENGTH, seed=0, work_dir=str(tmp_path / "work")
    ).build(dataset)
    assert loader.shuffle
