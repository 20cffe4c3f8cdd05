"""Exports: each format written by the command, read back, compared, damaged, refused."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from exporting import ROW_LENGTH, World, make_world

from upbringing.cli import main
from upbringing.errors import ArtefactError, InputError, VerificationError
from upbringing.exports import FORMATS, ExportOptions, index_cache, verify_export
from upbringing.order import Order

VISITS = ("jsonl", "parquet", "hf")
ROWS = ("numpy", "rows", "megatron", "mds")
OPTIONS: dict[str, list[str]] = {
    **{name: [] for name in VISITS},
    **{name: ["--tokenizer", "tokenizer.json", "--row-length", str(ROW_LENGTH)] for name in ROWS},
}
OPTIONS["mds"] += ["--ranks", "4"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def exports(world: World) -> Path:
    """An export in every format."""
    for name in FORMATS:
        world.export(world.place / "exports" / name, name)
    return world.place / "exports"


def command(monkeypatch: pytest.MonkeyPatch, place: Path, *arguments: str) -> int:
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "argv", ["upbringing", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def verify(world: World, place: Path, format_: str) -> str:
    return verify_export(place, format_, world.place / "order", world.place / "corpus")


@pytest.mark.parametrize("format_", FORMATS)
def test_by_the_command_there_and_back(
    world: World,
    tmp_path: Path,
    format_: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = str(tmp_path / "export")
    export = ["export", "order", "--corpus", "corpus", "--as", format_, "-o", out]
    assert command(monkeypatch, world.place, *export, *OPTIONS[format_]) == 0
    assert "150 visits" in capsys.readouterr().out
    check = ["verify", out, "--as", format_, "--order", "order", "--corpus", "corpus"]
    assert command(monkeypatch, world.place, *check) == 0
    assert f"element by element; sequence {world.order.digest[:16]}" in capsys.readouterr().out
    readme = (tmp_path / "export" / "README.md").read_text("utf-8")
    assert world.order.digest in readme
    assert "**Holds for**" in readme
    assert "| one \\| two | 0 to 49 | batch 4 |" in readme
    assert "{" not in readme.replace("{ranks}", "{")  # no place of a template is left
    said = json.loads((tmp_path / "export" / "export.json").read_text("utf-8"))
    assert said["inputs"]["order"] == world.order.digest
    assert ("tokenizer" in said["inputs"]) == (format_ in ROWS)
    assert command(monkeypatch, world.place, *export, *OPTIONS[format_]) == 2
    assert "already exists" in capsys.readouterr().err


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_has_the_same_bytes_again(
    world: World, exports: Path, tmp_path: Path, format_: str
) -> None:
    again = world.export(tmp_path / "again", format_)
    for file in (exports / format_ / "data").iterdir():
        assert (again / "data" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_life_of_one_visit(tmp_path: Path, format_: str) -> None:
    world = make_world(tmp_path, num_visits=1)
    world.export(tmp_path / "export", format_)
    assert "1 visits" in verify(world, tmp_path / "export", format_) or format_ in ROWS


def records(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text("utf-8").split("\n")[:-1]]


def test_jsonl_is_the_visits_in_order(world: World, exports: Path) -> None:
    visits = records(exports / "jsonl" / "data" / "visits.jsonl")
    assert [visit["id"] for visit in visits] == world.ids
    assert [visit["text"] for visit in visits] == world.texts
    assert [visit["position"] for visit in visits] == list(range(150))
    assert [visit["phase"] for visit in visits] == ["one | two"] * 50 + ["жизнь"] * 100
    assert list(visits[0]) == ["id", "text", "kind", "position", "phase"]


def test_parquet_and_arrow_hold_the_same(world: World, exports: Path) -> None:
    visits = records(exports / "jsonl" / "data" / "visits.jsonl")
    (part,) = (exports / "parquet" / "data").iterdir()
    assert pl.read_parquet(part).to_dicts() == visits
    (arrow,) = (exports / "hf" / "data").glob("*.arrow")
    assert pl.read_ipc_stream(arrow).to_dicts() == visits


def test_ranges_of_ranks_are_the_order_together(world: World, tmp_path: Path) -> None:
    """Process r of 4 has a file of its own; what they take at once follows one another."""
    world.export(tmp_path / "jsonl", "jsonl", ranks=4)
    files = sorted((tmp_path / "jsonl" / "data").iterdir())
    shares = [[visit["position"] for visit in records(file)] for file in files]
    assert shares == [list(range(rank, 150, 4)) for rank in range(4)]
    for name in VISITS:
        place = tmp_path / name if name == "jsonl" else world.export(tmp_path / name, name, ranks=4)
        assert "150 visits" in verify(world, place, name)


def stream_of(world: World) -> list[int]:
    """Every visit's tokens end to end, without the code that packs."""
    parts = []
    for row in world.order.sequence.tolist():
        begin, end = world.tokens.offsets[row : row + 2]
        parts += world.tokens.ids[begin:end].tolist()
    return parts


def test_rows_are_stretches_of_the_stream(world: World, exports: Path) -> None:
    stream = stream_of(world)
    rows = np.load(exports / "rows" / "data" / "rows.npy", mmap_mode="r")
    counted = np.load(exports / "rows" / "data" / "counted.npy")
    assert rows.dtype == np.uint16
    assert rows.shape == (-(-len(stream) // ROW_LENGTH), ROW_LENGTH + 1)
    assert counted.sum() == len(stream)
    end = world.tokens.end_of_text
    targets = [token for row, n in zip(rows, counted, strict=True) for token in row[1 : n + 1]]
    assert targets == [*stream[1:], end]


def test_a_token_file_is_the_stream_and_its_filler_is_masked(world: World, exports: Path) -> None:
    stream = stream_of(world)
    tokens = np.fromfile(exports / "numpy" / "data" / "tokens.bin", dtype=np.uint16)
    mask = np.fromfile(exports / "numpy" / "data" / "label_mask.bin", dtype=np.bool_)
    assert tokens[: len(stream)].tolist() == stream
    filler = tokens[len(stream) :]
    assert len(tokens) % ROW_LENGTH == 0
    assert len(filler) < ROW_LENGTH
    assert filler.tolist() == [world.tokens.end_of_text] * len(filler)
    # The first end-of-text behind the last scene is the target of its last token.
    assert mask.tolist() == [True] * (len(stream) + 1) + [False] * (len(filler) - 1)


def test_the_last_batch_is_filled(world: World, tmp_path: Path) -> None:
    num_rows = world.rows().num_rows
    for name in ("numpy", "megatron"):
        place = world.export(tmp_path / name, name, batch_size=16)
        filled = -(-num_rows // 16) * 16
        assert f"{filled} rows" in verify(world, place, name)
        fillers = f"the last {filled - num_rows} of the rows are fillers"
        assert fillers in (place / "README.md").read_text("utf-8").replace("\n", " ")


@pytest.mark.parametrize("packing", ["whole", "single"])
@pytest.mark.parametrize("format_", ["numpy", "rows", "mds"])
def test_packings_that_cut_no_scene(
    world: World, tmp_path: Path, format_: str, packing: str
) -> None:
    with pytest.raises(InputError, match="longer than a row"):
        world.export(tmp_path / "short", format_, packing=packing)
    assert not (tmp_path / "short").exists()
    longest = int(np.diff(world.tokens.offsets).max())
    place = world.export(tmp_path / "x", format_, packing=packing, row_length=longest)
    assert "rows, element by element" in verify(world, place, format_)


def test_megatron_documents_are_the_visits(world: World, exports: Path) -> None:
    data = exports / "megatron" / "data"
    tokens = np.fromfile(data / "scenes.bin", dtype=np.uint16)
    index = (data / "scenes.idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    num_documents = int.from_bytes(index[18:26], "little")
    assert num_documents == world.order.num_visits + 1
    lengths = np.frombuffer(index, np.int32, num_documents, 34)
    assert lengths[:-1].tolist() == np.diff(world.rows().starts).tolist()
    assert tokens[: len(stream_of(world))].tolist() == stream_of(world)
    assert lengths.sum() == len(tokens) == world.rows().num_rows * ROW_LENGTH + 1


def test_mds_rows_divide_by_the_ranks(world: World, tmp_path: Path) -> None:
    num_rows = world.rows().num_rows
    place = world.export(tmp_path / "mds", "mds", ranks=64)
    index = json.loads((place / "data" / "index.json").read_text())
    assert sum(shard["samples"] for shard in index["shards"]) == -(-num_rows // 64) * 64
    verify(world, place, "mds")


# Options


@pytest.mark.parametrize(
    ("format_", "options", "said"),
    [
        ("jsonn", {}, "no format is called 'jsonn'"),
        ("jsonl", {"row_length": 8}, "jsonl takes no --row-length: it holds texts"),
        ("rows", {}, "say --tokenizer"),
        ("rows", {"tokenizer": Path("t"), "row_length": 0}, "--row-length 0"),
        ("mds", {"tokenizer": Path("t"), "row_length": 8}, "say --ranks"),
        (
            "megatron",
            {"tokenizer": Path("t"), "row_length": 8, "packing": "whole"},
            "megatron takes no --packing: it cuts one stream",
        ),
        (
            "numpy",
            {"tokenizer": Path("t"), "row_length": 8, "ranks": 2},
            "numpy takes no --ranks: it holds the order for any number of them",
        ),
        (
            "rows",
            {"tokenizer": Path("t"), "row_length": 8, "packing": "hole"},
            "no packing is called 'hole'",
        ),
    ],
)
def test_options_that_do_not_fit(format_: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as caught:
        ExportOptions(format_, **options)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        ExportOptions("mds", batch_size=3, ranks=0)
    assert len(caught.value.problems) == 4


# Damage


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("damage", [cut, flip, remove])
@pytest.mark.parametrize("format_", FORMATS)
def test_no_file_of_an_export_can_be_damaged_unseen(
    world: World, exports: Path, tmp_path: Path, format_: str, damage: Callable[[Path], None]
) -> None:
    whole = exports / format_
    files = [file for file in whole.rglob("*") if file.is_file() and file.name != "README.md"]
    assert len(files) >= 2
    for number, file in enumerate(files):
        place = tmp_path / f"{number}"
        shutil.copytree(whole, place)
        damage(place / file.relative_to(whole))
        with pytest.raises((ArtefactError, VerificationError)) as caught:
            verify(world, place, format_)
        assert str(place) in str(caught.value)


def test_an_export_of_another_order_corpus_or_format_is_refused(
    world: World, exports: Path, home: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArtefactError, match="is an export as jsonl"):
        verify(world, exports / "jsonl", "parquet")
    other = Order.from_rows(world.corpus, np.asarray(world.order.sequence)[::-1])
    other.save(tmp_path / "order")
    with pytest.raises(ArtefactError, match="is an export of another order"):
        verify_export(exports / "rows", "rows", tmp_path / "order", world.place / "corpus")
    with pytest.raises(ArtefactError, match="is an export of another corpus"):
        verify_export(exports / "rows", "rows", home / "order", home / "corpus")
    with pytest.raises(ArtefactError, match="is not a finished export"):
        verify(world, world.place, "jsonl")


# Divergence: the sizes of files stay as they are, and what is found is named.


def tampered(exports: Path, tmp_path: Path, format_: str) -> Path:
    shutil.copytree(exports / format_, tmp_path / "x")
    return tmp_path / "x"


def test_swapped_visits_are_located(world: World, exports: Path, tmp_path: Path) -> None:
    place = tampered(exports, tmp_path, "jsonl")
    file = place / "data" / "visits.jsonl"
    lines = file.read_text("utf-8").split("\n")
    lines[57], lines[58] = lines[58], lines[57]
    file.write_text("\n".join(lines), "utf-8")
    said = f"position 57: expected scene {world.ids[57]}, found scene {world.ids[58]}"
    with pytest.raises(VerificationError, match=said):
        verify(world, place, "jsonl")


def test_a_changed_text_is_located(world: World, exports: Path, tmp_path: Path) -> None:
    place = tampered(exports, tmp_path, "jsonl")
    file = place / "data" / "visits.jsonl"
    lines = file.read_bytes().split(b"\n")
    lines[90] = lines[90].replace(b'."', b'!"')
    file.write_bytes(b"\n".join(lines))
    with pytest.raises(VerificationError) as caught:
        verify(world, place, "jsonl")
    same = f"expected scene {world.ids[90]}, found scene {world.ids[90]}, with another text"
    assert f"position 90: {same}" in str(caught.value)


def swap_rows(file: Path, dtype: str, width: int, first: int, second: int, head: int = 0) -> None:
    rows = np.memmap(file, dtype=dtype, mode="r+", offset=head)
    rows = rows[: len(rows) // width * width].reshape(-1, width)
    rows[[first, second]] = rows[[second, first]]
    rows.flush()


@pytest.mark.parametrize("format_", ["numpy", "rows"])
def test_swapped_rows_are_located(
    world: World, exports: Path, tmp_path: Path, format_: str
) -> None:
    place = tampered(exports, tmp_path, format_)
    if format_ == "numpy":
        swap_rows(place / "data" / "tokens.bin", "<u2", ROW_LENGTH, 12, 31)
    else:
        swap_rows(place / "data" / "rows.npy", "<u2", ROW_LENGTH + 1, 12, 31, head=128)
    due, found = (world.rows().visits_of_row(row) for row in (12, 31))
    with pytest.raises(VerificationError) as caught:
        verify(world, place, format_)
    assert f"row 12: expected scene{'s' if due[1] - due[0] > 1 else ''} " in str(caught.value)
    assert f"found row 31, scene{'s' if found[1] - found[0] > 1 else ''} " in str(caught.value)


def test_a_foreign_token_is_located(world: World, exports: Path, tmp_path: Path) -> None:
    place = tampered(exports, tmp_path, "numpy")
    tokens = np.memmap(place / "data" / "tokens.bin", dtype=np.uint16, mode="r+")
    was = int(tokens[5 * ROW_LENGTH + 3])
    tokens[5 * ROW_LENGTH + 3] = was + 1
    tokens.flush()
    said = f"row 5: expected .*, found a row that is not in the order: {was + 1} in place of {was}"
    with pytest.raises(VerificationError, match=said):
        verify(world, place, "numpy")


@pytest.mark.parametrize(
    ("name", "said"),
    [("shuffle_index", "row 2: expected .*, found row 3,"), ("document_index", "row 0: expected")],
)
def test_a_shuffled_index_is_located(
    world: World, exports: Path, tmp_path: Path, name: str, said: str
) -> None:
    place = tampered(exports, tmp_path, "megatron")
    index = np.load(place / "data" / f"{name}.npy", mmap_mode="r+")
    index[[2, 3]] = index[[3, 2]]
    index.flush()
    if name == "document_index":
        said = f"row {world.rows().row_of_visit(2)}: expected"
    with pytest.raises(VerificationError, match=said):
        verify(world, place, "megatron")


def test_an_index_that_points_nowhere_is_named(world: World, exports: Path, tmp_path: Path) -> None:
    place = tampered(exports, tmp_path, "megatron")
    index = np.load(place / "data" / "document_index.npy", mmap_mode="r+")
    index[4] = 100_000
    index.flush()
    with pytest.raises(ArtefactError, match=r"document_index\.npy: points at what is not there"):
        verify(world, place, "megatron")


# Megatron's index cache


class Tokenizer:
    def __init__(self) -> None:
        self.unique_identifiers = {"class": "a test's"}


class Config:
    """As much of a `GPTDatasetConfig` as its description is made of."""

    def __init__(self, export: Path, cache: Path, **other: object) -> None:
        self.blend = ([str(export / "data" / "scenes")], None)
        self.path_to_cache = str(cache)
        self.random_seed, self.sequence_length, self.split = 1234, ROW_LENGTH, "100,0,0"
        self.split_matrix = [(0, 1.0), None, None]
        self.tokenizer = Tokenizer()
        self.__dict__.update(other)


def test_indices_are_laid_where_a_dataset_looks(exports: Path, tmp_path: Path) -> None:
    export = exports / "megatron"
    described = index_cache(export, Config(export, tmp_path), 10)
    stem = described.name.removesuffix("description.txt")
    assert json.loads(described.read_text())["tokenizer"] == {"class": "a test's"}
    for name in ("document_index", "sample_index", "shuffle_index"):
        laid = (tmp_path / f"{stem}{name}.npy").read_bytes()
        assert laid == (export / "data" / f"{name}.npy").read_bytes()


def test_a_description_is_laid_at_the_export(world: World, exports: Path, tmp_path: Path) -> None:
    export = exports / "megatron"
    described = index_cache(export, Config(export, tmp_path / "cache"), 10)
    place = world.export(tmp_path / "x", "megatron", description=described)
    assert {file.name for file in (place / "cache").iterdir()} == {
        file.name for file in (tmp_path / "cache").iterdir()
    }
    verify(world, place, "megatron")


@pytest.mark.parametrize(
    ("other", "num_samples", "said"),
    [
        ({"sequence_length": 9}, 10, "sequence_length is 9"),
        ({"split_matrix": [(0, 0.9), (0.9, 1.0), None]}, 10, "not all documents are for training"),
        ({}, 100_000, "100,000 samples are asked for, and the order has"),
        ({"blend": (["elsewhere/scenes"], None)}, 10, "the dataset is elsewhere/scenes"),
        ({"path_to_cache": None}, 10, "the dataset has no index cache"),
    ],
)
def test_a_dataset_that_is_not_the_order_gets_no_indices(
    exports: Path, tmp_path: Path, other: dict[str, object], num_samples: int, said: str
) -> None:
    export = exports / "megatron"
    with pytest.raises(InputError, match=said):
        index_cache(export, Config(export, tmp_path / "cache", **other), num_samples)
    assert not (tmp_path / "cache").exists()


def test_a_description_that_is_none_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "description.txt").write_text("[]")
    with pytest.raises(InputError, match="is not what Megatron writes"):
        world.export(tmp_path / "x", "megatron", description=tmp_path / "description.txt")
    assert not (tmp_path / "x").exists()
