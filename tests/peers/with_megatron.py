# /// script
# dependencies = ["megatron-core>=0.16"]
# ///
"""A Megatron export as read by megatron-core's `GPTDataset`, built as `pretrain_gpt.py` does."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from exporting import ROW_LENGTH, World, make_world
from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import IndexedDataset

from upbringing.exports import import_order, index_cache

SEED = 1234


class Tokenizer:
    def __init__(self, world: World) -> None:
        self.vocab_size, self.eod, self.pad = world.tokens.num_vocab, world.tokens.end_of_text, -1
        self.unique_identifiers = OrderedDict({"class": "a test's"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def configured(world: World, export: Path, cache: Path) -> GPTDatasetConfig:
    return GPTDatasetConfig(
        random_seed=SEED,
        sequence_length=ROW_LENGTH,
        blend=([str(export / "data" / "scenes")], None),
        split="100,0,0",
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
        tokenizer=Tokenizer(world),
        path_to_cache=str(cache),
    )


def built(config: GPTDatasetConfig, num_samples: int) -> GPTDataset:
    sizes = [num_samples, 0, 0]
    return BlendedMegatronDatasetBuilder(GPTDataset, sizes, lambda: True, config).build()[0]


def samples_of(dataset: GPTDataset) -> list[list[int]]:
    """Tokens and the last label: rows of T + 1."""
    samples = (dataset[number] for number in range(len(dataset)))
    return [[*s["tokens"].tolist(), int(s["labels"][-1])] for s in samples]


def test_documents_are_the_visits(world: World, tmp_path: Path) -> None:
    data = world.export(tmp_path / "x", "megatron") / "data"
    documents = IndexedDataset(str(data / "scenes"))
    assert len(documents) == world.order.num_visits + 1
    offsets, ids = world.tokens.offsets, world.tokens.ids
    for number, row in enumerate(world.order.sequence.tolist()):
        assert documents[number].tolist() == ids[offsets[row] : offsets[row + 1]].tolist()


def test_samples_are_the_rows_in_order(world: World, tmp_path: Path) -> None:
    export = world.export(tmp_path / "x", "megatron", batch_size=16)
    rows = world.rows()
    num_samples = -(-rows.num_rows // 16) * 16
    config = configured(world, export, tmp_path / "cache")
    index_cache(export, config, num_samples)
    laid = sorted((tmp_path / "cache").iterdir())
    samples = samples_of(built(config, num_samples))
    assert sorted((tmp_path / "cache").iterdir()) == laid  # it made none of its own
    assert len(samples) == num_samples
    assert samples[: rows.num_rows] == rows.gather(0, rows.num_rows)[0].tolist()
    assert not np.any(samples[rows.num_rows :])


def test_a_description_that_megatron_left_does_the_same(world: World, tmp_path: Path) -> None:
    first = world.export(tmp_path / "x", "megatron")
    rows = world.rows()
    built(configured(world, first, tmp_path / "cache"), rows.num_rows)
    (description,) = (tmp_path / "cache").glob("*-description.txt")
    second = world.export(tmp_path / "y", "megatron", description=description)
    samples = samples_of(built(configured(world, first, second / "cache"), rows.num_rows))
    assert samples == rows.gather(0, rows.num_rows)[0].tolist()


def test_without_the_cache_it_shuffles_and_the_import_says_how(
    world: World, tmp_path: Path
) -> None:
    export = world.export(tmp_path / "x", "megatron")
    rows = world.rows()
    dataset = built(configured(world, export, tmp_path / "cache"), rows.num_rows)
    assert samples_of(dataset) != rows.gather(0, rows.num_rows)[0].tolist()
    # Documents are the visits, and the filler, which the list of ids calls by the first scene.
    (tmp_path / "ids.txt").write_text("\n".join([*world.ids, world.ids[0]]), "utf-8")
    imported = import_order(tmp_path / "cache", world.corpus, documents=tmp_path / "ids.txt")
    ids = world.corpus.columns(["id"])["id"].gather(imported.order.sequence).to_list()
    due = []
    for sample in dataset.shuffle_index.tolist():
        (begin, offset), (end, stop) = dataset.sample_index[sample : sample + 2].tolist()
        entries = range(begin + (offset > 0), end + (stop > 0))
        documents = [int(dataset.document_index[entry]) for entry in entries]
        due += [[*world.ids, world.ids[0]][document] for document in documents]
    assert ids == due
    assert any("go on inside a document" in note for note in imported.notes)
