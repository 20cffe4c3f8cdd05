# /// script
# dependencies = ["datasets>=4.0"]
# ///
"""Exports as read by Hugging Face's `datasets`, and what it saves, imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset, load_from_disk
from datasets.distributed import split_dataset_by_node
from exporting import World, make_world

from upbringing.exports import import_order


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def test_a_dataset_on_disk_is_the_order(world: World, tmp_path: Path) -> None:
    saved = load_from_disk(str(world.export(tmp_path / "x", "hf") / "data"))
    assert saved["id"][:] == world.ids
    assert saved["text"][:] == world.texts
    assert saved["position"][:] == list(range(world.order.num_visits))


@pytest.mark.parametrize(("format_", "builder"), [("jsonl", "json"), ("parquet", "parquet")])
@pytest.mark.parametrize("streaming", [False, True])
def test_files_are_the_order(
    world: World, tmp_path: Path, format_: str, builder: str, streaming: bool
) -> None:
    files = sorted(map(str, (world.export(tmp_path / "x", format_) / "data").iterdir()))
    cache = str(tmp_path / "cache")
    read = load_dataset(
        builder, data_files=files, split="train", streaming=streaming, cache_dir=cache
    )
    visits = list(read)
    assert [visit["id"] for visit in visits] == world.ids
    assert [visit["text"] for visit in visits] == world.texts


@pytest.mark.parametrize("ranks", [2, 4])
def test_a_range_for_each_rank_is_the_order_dealt_out(
    world: World, tmp_path: Path, ranks: int
) -> None:
    saved = load_from_disk(str(world.export(tmp_path / "x", "hf", ranks=ranks) / "data"))
    plain = load_from_disk(str(world.export(tmp_path / "y", "hf") / "data"))
    for rank in range(ranks):
        share = split_dataset_by_node(saved, rank=rank, world_size=ranks)
        assert share["id"][:] == world.ids[rank::ranks]
        # What the README warns of: a range of the plain export is no such share.
        assert split_dataset_by_node(plain, rank=rank, world_size=ranks)["id"][:] != share["id"][:]


@pytest.mark.parametrize("ranks", [2, 4])
def test_a_file_for_each_rank_is_the_order_dealt_out(
    world: World, tmp_path: Path, ranks: int
) -> None:
    place = world.export(tmp_path / "x", "jsonl", ranks=ranks) / "data"
    files = sorted(map(str, place.iterdir()))
    read = load_dataset("json", data_files=files, split="train", streaming=True)
    for rank in range(ranks):
        share = split_dataset_by_node(read, rank=rank, world_size=ranks)
        assert [visit["id"] for visit in share] == world.ids[rank::ranks]


def test_what_it_saves_is_imported(world: World, tmp_path: Path) -> None:
    saved = load_from_disk(str(world.export(tmp_path / "x", "hf") / "data"))
    selected = np.random.default_rng(1).permutation(len(saved))[:70]
    saved.select(selected).save_to_disk(str(tmp_path / "selected"))
    order = import_order(tmp_path / "selected", world.corpus).order
    due = [world.ids[number] for number in selected]
    assert world.corpus.columns(["id"])["id"].gather(order.sequence).to_list() == due


def test_its_index_mapping_is_imported(world: World, tmp_path: Path) -> None:
    """The file in which it keeps a shuffle counts rows of what was shuffled."""
    saved = load_from_disk(str(world.export(tmp_path / "x", "hf") / "data"))
    mapping = tmp_path / "mapping.arrow"
    shuffled = saved.shuffle(seed=5, indices_cache_file_name=str(mapping))
    (tmp_path / "ids.txt").write_text("\n".join(world.ids), "utf-8")
    order = import_order(mapping, world.corpus, documents=tmp_path / "ids.txt").order
    ids = world.corpus.columns(["id"])["id"].gather(order.sequence).to_list()
    assert ids == shuffled["id"][:]
    assert ids != world.ids
