"""Whatever is cut, flipped, removed or put in another's place is named, and never used.

More than two hundred damages of every kind of artefact, each before everything that reads it: what
`train` goes on from, what `Feed.open` feeds, what `verify` proves.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from conftest import tiny_scenes
from lives import ROW_LENGTH, raised, rows_of

from upbringing.corpus import Corpus, Tokens, load_tokenizer, tokenize, write_corpus
from upbringing.corpus.vectors import vectors_of
from upbringing.errors import ArtefactError, ResumeError, VerificationError
from upbringing.files import open_manifest, read_json, write_json, write_manifest
from upbringing.identity import digest_json, generator
from upbringing.order import Order, compile_order, meeting, parse_curriculum
from upbringing.terminal.showing import Question, show_artefact
from upbringing.training import Ledger, Moment, Run
from upbringing.training.adapters.pytorch import loader
from upbringing.training.consumed import Consumed
from upbringing.training.feed import Feed, Share
from upbringing.training.run import FORMAT
from upbringing.training.witness import Witness

CURRICULUM = """
name: to be damaged
seed: 5
phases:
  - {name: childhood, scenes: {kind: drama}, batch_size: 4}
  - {name: maturity, scenes: rest, batch_size: 6, lr_scale: 0.5}
"""
AGES = (0.5, 1.0)


def make_tree(place: Path, num_scenes: int, tokens: Tokens) -> Path:
    """Corpus, order, vectors, a run that is finished and one under way, notes: side by side."""
    corpus = write_corpus(place / "corpus", tiny_scenes(num_scenes), recipe={}, inputs={})
    vectors_of(corpus)
    tokens.tokenizer.save(str(place / "tokenizer.json"))
    tokenize(corpus, load_tokenizer(place / "tokenizer.json"))
    compile_order(corpus, parse_curriculum(CURRICULUM)).save(place / "order")
    raised(place, place / "run", num_rows=9, ages=AGES)

    def stop(now: Moment) -> None:
        if now.done == now.total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        raise_on(place, on_step=stop)
    feed = feed_of(place)
    for rank in range(2):
        share = Share(rank, 2)
        with closing(Witness(place / "consumed", feed, share, order=place / "order")) as witness:
            for sample in loader(feed, share):
                witness.note(sample["input_ids"], sample["labels"])
                witness.stepped()
    return place


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tokens: Tokens) -> Path:
    return make_tree(tmp_path_factory.mktemp("whole"), 80, tokens)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, tokens: Tokens) -> Path:
    """The same of another corpus, in the same tokenizer: each file has its namesake there."""
    return make_tree(tmp_path_factory.mktemp("other"), 60, tokens)


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return shutil.copytree(whole, tmp_path / "whole")


def feed_of(place: Path) -> Feed:
    return Feed.open(
        place / "order", place / "corpus", tokenizer=place / "tokenizer.json",
        row_length=ROW_LENGTH, batch_size=6,
    )  # fmt: skip


def raise_on(place: Path, **options: Any) -> Run:
    """Begin the run that is under way, or go on with it."""
    return raised(
        place, place / "under way", num_rows=20, ages=AGES, snapshot_every_s=0.0, **options
    )


READERS: dict[str, Callable[[Path], object]] = {
    "feed": feed_of,
    "run": lambda place: Run.open(place / "run").verify(),
    "under way": raise_on,
    "consumed": lambda place: Consumed.open(place / "consumed").verify(),
    "vectors": lambda place: vectors_of(Corpus.open(place / "corpus")),
}
FED = ("feed", "run", "under way", "consumed")

# Who reads what.
FILES: dict[str, tuple[str, ...]] = {
    "corpus/scenes.parquet": (*FED, "vectors"),
    "corpus/corpus.json": (*FED, "vectors"),
    **{
        f"corpus/tokens/*/{name}": FED
        for name in ("ids.npy", "offsets.npy", "tokenizer.json", "tokens.json")
    },
    **{
        f"corpus/vectors/tfidf/{name}": ("vectors",)
        for name in ("vectors.npy", "words.parquet", "axes.npy", "vectors.json")
    },
    **{
        f"order/{name}": FED
        for name in ("sequence.npy", "keys.npy", "positions.npy", "read.npy", "order.json")
    },
    **{
        f"run/{name}": ("run",)
        for name in (
            "run.json", "recipe.json", "ledger.parquet", "metrics.parquet", "changes.parquet",
        )
    },
    **{
        f"run/checkpoints/age_{age:.4f}/{name}": ("run",)
        for age in AGES
        for name in (
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
            "special_tokens_map.json",
        )
    },
    "under way/recipe.json": ("under way",),
    **{
        f"under way/resume/step_*/{name}": ("under way",)
        for name in ("resume.json", "state.safetensors", "ledger.parquet", "history.parquet")
    },
    **{
        f"under way/{mind}/{name}": ("under way",)
        for mind in ("checkpoints/age_0.5000", "borders/age_0.[!0]*")
        for name in ("config.json", "model.safetensors", "tokenizer.json")
    },
    "consumed/feed.json": ("consumed",),
    **{f"consumed/from_00000000_rank_{rank}_of_2.notes": ("consumed",) for rank in range(2)},
}  # fmt: skip

KINDS = ("cut", "flipped", "flipped elsewhere", "missing", "another's")


@dataclass(frozen=True)
class Damage:
    """What is done to the file of a pattern; where, by a lot of its own."""

    pattern: str
    kind: str

    def __str__(self) -> str:
        return f"{self.pattern} {self.kind}"

    def do(self, place: Path, other: Path) -> tuple[Path, bool]:
        """Damage it; the file, and whether there is anything in it that could be refused."""
        (file,) = place.glob(self.pattern)
        before = file.read_bytes()
        at = int(generator(0, "damage", str(self)).integers(len(before)))
        if self.kind == "missing":
            file.unlink()
            # Who goes on says the recipe again, and the snapshot holds the digest of its own.
            return file, self.pattern != "under way/recipe.json"
        if self.kind == "another's":
            (namesake,) = other.glob(self.pattern)
            after = namesake.read_bytes()
        elif self.kind == "cut":
            after = before[:at]
        else:
            after = before[:at] + bytes([before[at] ^ 1 << at % 8]) + before[at + 1 :]
        file.write_bytes(after)
        return file, not _says_the_same(file, before, after)


def _says_the_same(file: Path, before: bytes, after: bytes) -> bool:
    """Whether a file is read as before: its bytes are, or all of its JSON but who made it, when.

    A manifest's digest leaves `made_by` out, since the same artefact can be made by other versions;
    nothing is decided by it.
    """
    if before == after:
        return True
    if file.suffix != ".json":
        return False
    try:
        was, now = json.loads(before), json.loads(after)
    except ValueError:
        return False
    is_manifest = isinstance(now, dict) and "made_by" in was
    return is_manifest and was | {"made_by": 0} == now | {"made_by": 0}


DAMAGES = [Damage(pattern, kind) for pattern in FILES for kind in KINDS]


def refused(read: Callable[[Path], object], place: Path) -> str:
    """What is said by a reader that refuses."""
    with pytest.raises((ArtefactError, ResumeError, VerificationError)) as caught:
        read(place)
    return str(caught.value)


def test_every_file_there_is_is_damaged_below(whole: Path) -> None:
    assert len(DAMAGES) >= 200
    there = {file for file in whole.rglob("*") if file.is_file()}
    damaged = {file for pattern in FILES for file in whole.glob(pattern)}
    unread = {file.relative_to(whole).as_posix() for file in there - damaged}
    further = {file for file in unread if file.startswith("under way/borders/age_0.0000")}
    assert len(further) == 5
    # The tokenizer is a person's; these are checked with the folder that they lie in.
    assert unread - further == {
        "tokenizer.json",
        "under way/checkpoints/age_0.5000/special_tokens_map.json",
        "under way/checkpoints/age_0.5000/tokenizer_config.json",
        "under way/borders/age_0.2000/special_tokens_map.json",
        "under way/borders/age_0.2000/tokenizer_config.json",
    }


def test_what_is_not_damaged_is_read(place: Path) -> None:
    for read in READERS.values():
        assert read(place)


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_a_damaged_file_is_named(place: Path, other: Path, damage: Damage) -> None:
    file, is_damaged = damage.do(place, other)
    for reader in FILES[damage.pattern]:
        if not is_damaged:
            assert READERS[reader](place)
        elif damage.kind == "cut" and file.suffix == ".notes":
            # It looks like the notes of a process that was killed; no step is taken for consumed.
            with pytest.raises((ArtefactError, VerificationError)) as caught:
                READERS[reader](place)
            assert str(file.parent) in str(caught.value)
        else:
            said = refused(READERS[reader], place)
            # A manifest that is missing is told by its folder; so is what does not fit the rest.
            assert str(file.parent) in said or _misled(file, said)


def _misled(file: Path, said: str) -> bool:
    """Whether a file names a folder that is not there, and that folder was named."""
    if file.name not in ("recipe.json", "feed.json"):
        return False
    told = read_json(file)
    lies = told.get("sources", told)
    return any(str((file.parent / lies[name]).resolve()) in said for name in ("corpus", "order"))


@pytest.mark.parametrize(
    ("pattern", "readers"),
    [
        ("corpus/corpus.json", FILES["corpus/corpus.json"]),
        ("corpus/tokens/*/tokens.json", FED),
        ("corpus/vectors/tfidf/vectors.json", ("vectors",)),
        ("order/order.json", FED),
        ("run/run.json", ("run",)),
        ("under way/resume/*/resume.json", ("under way",)),
        ("consumed/feed.json", ("consumed",)),
    ],
)
def test_an_older_format_is_named(place: Path, pattern: str, readers: tuple[str, ...]) -> None:
    """As that version would have written it, with the digest that belongs to it."""
    (file,) = place.glob(pattern)
    said = read_json(file)
    name, version = said["format"].split("/")
    said["format"] = f"{name}/{int(version) - 1}"
    if file.name != "feed.json":
        fields = ("format", "recipe", "inputs", "files", "facts")
        said["digest"] = digest_json({field: said[field] for field in fields})
    write_json(file, said)
    for reader in readers:
        told = refused(READERS[reader], place)
        assert str(file) in told
        assert f"format '{name}/{int(version) - 1}'" in told
        assert f"{name}/{version}" in told


@pytest.mark.parametrize(
    ("folder", "readers", "named"),
    [
        ("corpus", FED, ""),
        ("order", FED, "order: is an order of another corpus"),
        ("corpus/tokens", FED, "holds the tokens of another corpus"),
        ("corpus/vectors", ("vectors",), "vectors/tfidf: vectors are of another corpus"),
        ("run/checkpoints", ("run",), "run/checkpoints/age_0.5000/"),
        ("under way/resume", ("under way",), "is of another run"),
        ("under way/checkpoints", ("under way",), "under way/checkpoints/age_0.5000: is damaged"),
        ("under way/borders", ("under way",), "under way/borders/age_0.2000: is damaged"),
        ("consumed", ("consumed",), "consumed was to be fed"),
    ],
)
def test_a_folder_of_another_corpus_is_named(
    place: Path, other: Path, folder: str, readers: tuple[str, ...], named: str
) -> None:
    shutil.rmtree(place / folder)
    shutil.copytree(other / folder, place / folder)
    for reader in readers:
        said = refused(READERS[reader], place)
        assert named in said
        assert str(place) in said


@pytest.mark.parametrize(
    ("added", "copy_of", "reader", "named"),
    [
        ("run/checkpoints/age_0.7000", "run/checkpoints/age_0.5000", "run", "does not belong to"),
        ("run/checkpoints/age_0.5000/more.json", "tokenizer.json", "run", "does not belong to"),
        ("under way/checkpoints/age_0.5000/more.json", "tokenizer.json", "under way", "is damaged"),
        *(
            (f"consumed/{name}.notes", "consumed/from_00000000_rank_1_of_2.notes", "consumed", what)
            for name, what in (
                ("from_00000003_rank_0_of_1", "step 3, micro-batch 0 is due"),
                ("from_00000099_rank_0_of_2", "step 99, micro-batch 0 is due"),
                ("from_00000000_rank_0_of_1", "the notes of two worlds from step 0"),
            )
        ),
    ],
)
def test_what_was_added_is_named(
    place: Path, added: str, copy_of: str, reader: str, named: str
) -> None:
    copy = shutil.copytree if (place / copy_of).is_dir() else shutil.copy
    copy(place / copy_of, place / added)
    said = refused(READERS[reader], place)
    assert named in said
    assert str((place / added).parent) in said


def test_a_snapshot_added_from_another_run_is_named(place: Path, other: Path) -> None:
    (snapshot,) = (other / "under way" / "resume").iterdir()
    added = place / "under way" / "resume" / "step_00000099"
    shutil.copytree(snapshot, added)
    assert f"{added}: is of another run" in refused(raise_on, place)


@pytest.mark.parametrize(
    "folder", ["corpus", "corpus/tokens/*", "corpus/vectors/tfidf", "order", "under way/resume/*"]
)
def test_a_file_that_no_manifest_names_is_not_read(place: Path, whole: Path, folder: str) -> None:
    """Nothing is taken from a folder but what its manifest names, so a stray file does no harm."""
    (found,) = place.glob(folder)
    for name in ("stray.npy", "stray.parquet", ".stray"):
        (found / name).write_bytes(b"not of ours")
    ledger = Run.open(whole / "run").verify()
    assert Run.open(place / "run").verify() == ledger
    assert feed_of(place).rows.order.digest == feed_of(whole).rows.order.digest
    assert raise_on(place).verify()
    for reader in ("consumed", "vectors"):
        assert READERS[reader](place)


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
        FORMAT,
        recipe=said["recipe"],
        inputs=said["inputs"],
        facts=said["facts"],
        only=only,
    )
    assert open_manifest(run.path, FORMAT).digest != said["digest"]
    with pytest.raises(VerificationError, match="step 0, row 0: expected scene"):
        Run.open(run.path).verify()


def test_a_tree_that_is_moved_can_be_verified(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved" / "corpus" / "tokens")  # can be made again
    assert Run.open(tmp_path / "moved" / "run").verify() == Run.open(whole / "run").verify()
    assert pl.read_parquet(whole / "run" / "ledger.parquet").height > 0


def test_a_checkpoint_damaged_before_a_resume_is_named(home: Path) -> None:
    place = home / "cut short"

    def stop(now: Moment) -> None:
        if now.done == now.total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        raised(home, place, snapshot_every_s=0.0, on_step=stop)
    weights = sorted((place / "checkpoints").glob("age_*"))[0] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ArtefactError, match=f"{weights.parent.name}.*is damaged"):
        raised(home, place)
