"""Imports: lists from elsewhere as orders, as sequences; mistakes named where they stand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from exporting import World, make_world

from upbringing.cli import main
from upbringing.corpus import Corpus
from upbringing.errors import InputError
from upbringing.exports import import_order
from upbringing.order import Order


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def ids_of(order: Order) -> list[str]:
    return order.corpus.columns(["id"])["id"].gather(np.asarray(order.sequence)).to_list()


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("jsonl", {}),
        ("jsonl", {"ranks": 4}),
        ("parquet", {}),
        ("parquet", {"ranks": 3}),
        ("hf", {}),
        ("hf", {"ranks": 2}),
    ],
)
def test_an_export_comes_back_as_the_same_order(
    world: World, tmp_path: Path, format_: str, options: dict[str, int]
) -> None:
    place = world.export(tmp_path / "x", format_, **options)
    order = import_order(place, world.corpus).order
    assert order.digest == world.order.digest
    assert [(s.name, s.start, s.stop) for s in order.phases] == [
        (s.name, s.start, s.stop) for s in world.order.phases
    ]


@pytest.mark.parametrize("format_", ["jsonl", "parquet", "hf"])
def test_the_files_of_an_export_are_lists_too(world: World, tmp_path: Path, format_: str) -> None:
    data = world.export(tmp_path / "x", format_) / "data"
    source = data if format_ == "hf" else next(data.iterdir())
    assert import_order(source, world.corpus).order.digest == world.order.digest


def test_an_order_travels_through_every_kind_of_list(world: World, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(
        "\ufeff".encode() + "\r\n".join(world.ids).encode() + b"\n\n"
    )
    lines = [json.dumps({"n": n, "id": name}) for n, name in enumerate(world.ids)]
    (tmp_path / "ids.jsonl").write_text("\n".join(lines), "utf-8")
    table = pl.DataFrame({"id": world.ids, "loss": 0.5})
    table.write_csv(tmp_path / "ids.csv")
    table.rename({"id": "scene"}).write_parquet(tmp_path / "ids.parquet")
    table.write_ipc(tmp_path / "ids.arrow")
    np.save(tmp_path / "rows.npy", np.asarray(world.order.sequence))
    indices = pl.DataFrame({"indices": np.asarray(world.order.sequence, dtype=np.uint64)})
    indices.write_ipc_stream(tmp_path / "indices.arrow")
    for name in sorted(file.name for file in tmp_path.iterdir()):
        column = "scene" if name == "ids.parquet" else "id"
        order = import_order(tmp_path / name, world.corpus, column=column).order
        assert order.digest == world.order.digest, name


def test_by_the_command(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "ids.txt").write_text("\n".join(world.ids[:7]), "utf-8")
    words = ["import", "ids.txt", "--corpus", str(world.corpus.path), "-o", "order"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["upbringing", *words])
    main_exits(0)
    assert "7 visits" in capsys.readouterr().out
    assert ids_of(Order.open(tmp_path / "order", world.corpus)) == world.ids[:7]
    monkeypatch.setattr(sys, "argv", ["upbringing", *words[:-1], "other", "--as", "idz"])
    main_exits(2)
    assert "no list is called 'idz'\n    allowed: ids, hf, pythia, rows" in capsys.readouterr().err


def main_exits(code: int) -> None:
    try:
        main()
    except SystemExit as end:
        found = end.code or 0
    else:
        found = 0
    assert found == code


# Numbers


def test_numbers_count_a_list_of_ids_where_one_is_given(world: World, tmp_path: Path) -> None:
    (tmp_path / "documents.txt").write_text("\n".join(world.ids[:10]), "utf-8")
    np.save(tmp_path / "rows.npy", [3, 0, 9, 3])
    documents = tmp_path / "documents.txt"
    order = import_order(tmp_path / "rows.npy", world.corpus, documents=documents).order
    assert ids_of(order) == [world.ids[number] for number in (3, 0, 9, 3)]
    np.save(tmp_path / "rows.npy", [3, 10, -1])
    with pytest.raises(InputError) as caught:
        import_order(tmp_path / "rows.npy", world.corpus, documents=documents)
    assert f"rows.npy, position 1: there is no scene 10 in {documents}" in str(caught.value)
    assert len(caught.value.problems) == 2


def test_digits_are_ids_or_numbers_as_they_are_said_to_be(world: World, tmp_path: Path) -> None:
    file = tmp_path / "list.jsonl"
    file.write_text('{"id": 3}\n{"id": 0}\n')
    with pytest.raises(InputError, match="no scene has the id '3'"):
        import_order(file, world.corpus)
    assert import_order(file, world.corpus, "rows").order.sequence.tolist() == [3, 0]
    (tmp_path / "list.txt").write_text("3\n0\n7.5\n")
    with pytest.raises(InputError, match=r"list\.txt:3: '7\.5' is no whole number"):
        import_order(tmp_path / "list.txt", world.corpus, "rows")


def write_indices(
    folder: Path, documents: list[int], samples: list[list[int]], shuffle: list[int]
) -> Path:
    folder.mkdir()
    np.save(folder / "ab-GPTDataset-train-document_index.npy", np.array(documents, np.int32))
    np.save(folder / "ab-GPTDataset-train-sample_index.npy", np.array(samples, np.int32))
    np.save(folder / "ab-GPTDataset-train-shuffle_index.npy", np.array(shuffle, np.uint32))
    return folder


def test_documents_come_where_they_begin_to_be_read(world: World, tmp_path: Path) -> None:
    """Documents 5, 7, 2, 5, 9: the first sample ends in 7, the second with it, the third in 9."""
    samples = [[0, 0], [1, 4], [2, 0], [4, 3]]
    folder = write_indices(tmp_path / "x", [5, 7, 2, 5, 9], samples, [2, 0, 1])
    imported = import_order(folder, world.corpus)
    assert imported.order.sequence.tolist() == [2, 5, 9, 5, 7]
    assert imported.notes == ()  # sample 1 goes on in document 7 right behind sample 0
    apart = write_indices(tmp_path / "y", [5, 7, 2, 5, 9], samples, [1, 2, 0])
    imported = import_order(apart, world.corpus)
    assert imported.order.sequence.tolist() == [2, 5, 9, 5, 7]
    assert [note.partition(" that")[0] for note in imported.notes] == [
        "1 samples go on inside a document"
    ]


def test_documents_that_no_sample_begins_are_counted(world: World, tmp_path: Path) -> None:
    folder = write_indices(tmp_path / "x", [5, 7, 2, 9], [[0, 0], [1, 1], [2, 0]], [1, 0])
    imported = import_order(folder, world.corpus, "pythia")
    assert imported.order.sequence.tolist() == [5, 7]
    assert imported.notes[-1] == "2 documents begin in no sample, and are not in the order"


@pytest.mark.parametrize(
    ("documents", "samples", "shuffle", "said"),
    [
        ([5, 7], [[0, 0], [1, 0]], [1], "names samples that"),
        ([5, 7], [[1, 0], [0, 0]], [0], "does not cut the 2 entries"),
        ([5, 7], [[0, 0], [9, 0]], [0], "does not cut the 2 entries"),
        ([5, 7], [[0, 0, 0], [1, 0, 0]], [0], "has the shape (2, 3)"),
        ([5, 700], [[0, 0], [2, 0]], [0], "there is no scene 700 of the corpus"),
    ],
)
def test_indices_that_do_not_fit_together(
    world: World,
    tmp_path: Path,
    documents: list[int],
    samples: list[list[int]],
    shuffle: list[int],
    said: str,
) -> None:
    folder = write_indices(tmp_path / "x", documents, samples, shuffle)
    with pytest.raises(InputError) as caught:
        import_order(folder, world.corpus)
    assert said in str(caught.value)


def test_missing_indices_are_all_named(world: World, tmp_path: Path) -> None:
    folder = write_indices(tmp_path / "x", [1], [[0, 0], [1, 0]], [0])
    for name in ("sample", "shuffle"):
        next(folder.glob(f"*{name}*")).unlink()
    with pytest.raises(InputError) as caught:
        import_order(folder, world.corpus)
    assert [p.what.partition(" called ")[0] for p in caught.value.problems] == ["holds 0 files"] * 2


# Mistakes


def test_ids_that_are_not_there_are_named_with_line_and_neighbour(
    corpus: Corpus, tmp_path: Path
) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("drama/0001\n\ndramma/0021\nchat/0000\ndrama/0029\n")
    with pytest.raises(InputError) as caught:
        import_order(file, corpus)
    assert [str(problem) for problem in caught.value.problems] == [
        f"{file}:3: no scene has the id 'dramma/0021'\n    did you mean 'drama/0021'?",
        f"{file}:5: scene 'drama/0029' is held out of training",
    ]


def test_the_line_of_a_table_counts_its_head(world: World, tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text(f"id,n\n{world.ids[0]},1\nnobody,2\n")
    with pytest.raises(InputError, match=r"ids\.csv:3: no scene has the id 'nobody'"):
        import_order(file, world.corpus)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ids.txt", b"\n\n", "lists no visit"),
        ("ids.txt", b"\xff\xfe", "cannot be read"),
        ("ids.jsonl", b'{"id": "a"}\n{broken', "cannot be read"),
        ("ids.jsonl", b'{"scene": "a"}', "has no column 'id'\n    allowed: scene"),
        ("ids.csv", b"ids\na\n", "did you mean 'ids'?"),
        ("ids.parquet", b"PAR1", "cannot be read"),
        ("ids.arrow", b"ARROW1", "cannot be read"),
        ("rows.npy", b"\x93NUMPY", "is not an array"),
        ("rows.pkl", b"", "cannot tell what a .pkl file lists"),
    ],
)
def test_files_that_are_no_lists(
    world: World, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        import_order(tmp_path / name, world.corpus)
    assert said in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_arrays_of_another_kind_are_refused(world: World, tmp_path: Path) -> None:
    for array in (np.array([0.5]), np.zeros((2, 2), np.int64), np.array([{}], dtype=object)):
        np.save(tmp_path / "rows.npy", array, allow_pickle=True)
        with pytest.raises(InputError):
            import_order(tmp_path / "rows.npy", world.corpus)


def test_what_names_no_scene_is_refused(world: World, tmp_path: Path) -> None:
    place = world.export(tmp_path / "x", "rows")
    with pytest.raises(InputError, match="rows of tokens, which name no scene"):
        import_order(place, world.corpus)
    (tmp_path / "dict").mkdir()
    (tmp_path / "dict" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    with pytest.raises(InputError, match="holds several splits"):
        import_order(tmp_path / "dict", world.corpus, "hf")
    saved = world.export(tmp_path / "hf", "hf") / "data"
    state = json.loads((saved / "state.json").read_text())
    state["_indices_data_files"] = [{"filename": "indices.arrow"}]
    (saved / "state.json").write_text(json.dumps(state))
    with pytest.raises(InputError, match="holds an index mapping beside its rows"):
        import_order(saved, world.corpus)
    with pytest.raises(InputError, match="no such file or folder"):
        import_order(tmp_path / "nowhere.txt", world.corpus)
