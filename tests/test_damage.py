"""Whatever is cut, flipped, removed or put in another's place is named, and never used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import tiny_scenes
from lives import raised, rows_of

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import ArtefactError, VerificationError
from upbringing.order import Order, meeting
from upbringing.showing import Question, show_artefact
from upbringing.training import Ledger, Run


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 4
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()


MADE_LATER = shutil.ignore_patterns("tokens", "vectors")  # by other tests, in the shared corpus


@pytest.fixture(scope="module")
def whole(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Corpus, order and a run on them, side by side."""
    place = tmp_path_factory.mktemp("whole")
    shutil.copytree(home / "corpus", place / "corpus", ignore=MADE_LATER)
    shutil.copytree(home / "order", place / "order")
    shutil.copy(home / "tokenizer.json", place)
    raised(place, place / "run", num_rows=9, ages=(0.5, 1.0))
    return place


FILES = [
    "corpus/scenes.parquet",
    "corpus/corpus.json",
    "corpus/tokens/*/ids.npy",
    "corpus/tokens/*/offsets.npy",
    "corpus/tokens/*/tokenizer.json",
    "corpus/tokens/*/tokens.json",
    "order/sequence.npy",
    "order/keys.npy",
    "order/positions.npy",
    "order/read.npy",
    "order/order.json",
    "run/run.json",
    "run/ledger.parquet",
    "run/metrics.parquet",
    "run/checkpoints/age_0.5000/model.safetensors",
    "run/checkpoints/age_1.0000/config.json",
    "run/checkpoints/age_1.0000/tokenizer.json",
]


def test_every_file_there_is_is_damaged_below(whole: Path) -> None:
    for folder in ("corpus", "order"):
        there = {file for file in (whole / folder).rglob("*") if file.is_file()}
        assert there == {file for pattern in FILES for file in whole.glob(pattern)} & there


@pytest.mark.parametrize("damage", [cut, flip, remove])
@pytest.mark.parametrize("pattern", FILES)
def test_a_damaged_file_is_named(
    whole: Path, tmp_path: Path, pattern: str, damage: Callable[[Path], None]
) -> None:
    place = tmp_path / "whole"
    shutil.copytree(whole, place)
    (file,) = place.glob(pattern)
    damage(file)
    with pytest.raises(ArtefactError) as caught:
        Run.open(place / "run").verify()
    # A manifest that is missing is told by its folder.
    assert str(file if damage is not remove else file.parent) in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"recipe": 3}'])
def test_a_recipe_that_cannot_be_read_is_named(
    whole: Path, tmp_path: Path, content: str | None
) -> None:
    place = tmp_path / "whole"
    shutil.copytree(whole, place)
    file = place / "run" / "recipe.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(ArtefactError) as caught:
        Run.open(place / "run").verify()
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("name", ["sequence", "keys", "positions", "read"])
@pytest.mark.parametrize("asked", ["at", "scene"])
def test_a_look_names_what_is_damaged_where_it_reads(
    whole: Path, tmp_path: Path, asked: str, name: str
) -> None:
    """A look does not read all of a file, and checks each entry that it reads."""
    place = tmp_path / "whole"
    shutil.copytree(whole, place)
    order = Order.open(place / "order", Corpus.open(place / "corpus"))
    position = order.num_visits // 3
    seen = meeting(order, position)
    question = Question(at=seen.age) if asked == "at" else Question(scene=seen.scene)
    show_artefact(place / "order", question, corpus=place / "corpus")
    file = place / "order" / f"{name}.npy"
    entries = np.load(file, mmap_mode="r+")
    by_scene = np.flatnonzero(order.meetings.positions == position)[0]
    entries[by_scene if name in ("keys", "positions") else position] ^= 16
    entries.flush()
    with pytest.raises(ArtefactError, match=rf"{name}\.npy: is damaged"):
        show_artefact(place / "order", question, corpus=place / "corpus")


def test_the_tokens_of_another_corpus_are_refused(whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "whole"
    shutil.copytree(whole, place)
    other = write_corpus(tmp_path / "other", tiny_scenes(60), recipe={}, inputs={})
    shutil.copytree(place / "corpus" / "tokens", other.path / "tokens")
    with pytest.raises(ArtefactError, match="an order of another corpus"):
        Order.open(place / "order", other)
    shutil.rmtree(place / "corpus")
    other.path.rename(place / "corpus")
    with pytest.raises(ArtefactError) as caught:
        rows_of(place)
    assert "another corpus" in str(caught.value)


def test_files_swapped_between_orders_are_refused(whole: Path, tmp_path: Path) -> None:
    rows = rows_of(whole)
    backwards = Order.from_rows(rows.order.corpus, np.asarray(rows.order.sequence)[::-1])
    place = backwards.save(tmp_path / "order")
    shutil.copy(whole / "order" / "sequence.npy", place)
    with pytest.raises(ArtefactError, match=r"sequence\.npy: is damaged"):
        Order.open(place, rows.order.corpus)


def test_a_run_beside_another_order_is_refused(whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "whole"
    shutil.copytree(whole, place)
    rows = rows_of(place)
    shutil.rmtree(place / "order")
    Order.from_rows(rows.order.corpus, np.asarray(rows.order.sequence)[::-1]).save(place / "order")
    with pytest.raises(ArtefactError, match="raised on another order") as caught:
        Run.open(place / "run").verify()
    assert str(place / "run") in str(caught.value)


def test_a_ledger_forged_with_its_manifest_is_still_found_out(whole: Path, tmp_path: Path) -> None:
    """Who can write a chain and a digest anew can't make them those of the order."""
    from upbringing.files import open_manifest, write_manifest

    place = tmp_path / "whole"
    shutil.copytree(whole, place)
    run = Run.open(place / "run")
    forged = Ledger()
    for rows in Ledger.open(run.path / "ledger.parquet").rows[::-1]:
        forged.add(rows)
    forged.save(run.path / "ledger.parquet")
    said = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").unlink()
    only = [*said["files"]]
    write_manifest(
        run.path,
        "run/2",
        recipe=said["recipe"],
        inputs=said["inputs"],
        facts=said["facts"],
        only=only,
    )
    assert open_manifest(run.path, "run/2").digest != said["digest"]
    with pytest.raises(VerificationError, match="step 0, row 0: expected scene"):
        Run.open(run.path).verify()


def test_a_tree_that_is_moved_can_be_verified(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved" / "corpus" / "tokens")  # can be made again
    assert Run.open(tmp_path / "moved" / "run").verify() == Run.open(whole / "run").verify()
    assert pl.read_parquet(whole / "run" / "ledger.parquet").height > 0


def test_a_checkpoint_damaged_before_a_resume_is_named(home: Path) -> None:
    place = home / "cut short"

    def stop(done: int, total: int) -> None:
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        raised(home, place, snapshot_every_s=0.0, on_step=stop)
    weights = sorted((place / "checkpoints").glob("age_*"))[0] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ArtefactError, match=f"{weights.parent.name}.*is damaged"):
        raised(home, place)
