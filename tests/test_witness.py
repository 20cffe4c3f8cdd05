"""The witness: what it notes, from where it goes on, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from worlds import feed_of, make_home

from upbringing.errors import ArtefactError, InputError, ResumeError
from upbringing.files import read_json
from upbringing.training.adapters.pytorch import loader
from upbringing.training.consumed import Consumed
from upbringing.training.feed import IGNORED, Feed, Share
from upbringing.training.ledger import row_digests
from upbringing.training.witness import Witness, notes_in

FIRST = "from_00000000_rank_0_of_1.notes"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def feed(home: Path) -> Feed:
    return feed_of(home)


def witnessed(
    home: Path,
    feed: Feed,
    place: Path,
    last: int,
    share: Share | None = None,
    state: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Consume a rank's share up to a step; the state there."""
    share = share or Share()
    with closing(Witness(place, feed, share, order=home / "order", state=state)) as witness:
        batches = iter(loader(feed, share, from_step=witness.step))
        for _ in range(witness.step, last):
            for _ in range(share.accumulation):
                batch = next(batches)
                witness.note(batch["input_ids"], batch["labels"])
            witness.stepped()
        return witness.state()


def test_a_note_is_as_it_is_written_down(home: Path, feed: Feed, tmp_path: Path) -> None:
    witnessed(home, feed, tmp_path, 2, Share(1, 2, 3))
    content = (tmp_path / "from_00000000_rank_1_of_2.notes").read_bytes()

    def check(part: bytes) -> bytes:
        return hashlib.blake2b(part, digest_size=8).digest()

    expected = b""
    for step in (0, 1):  # batches of 12 rows: pieces of 2, of which rank 1 has those of odd number
        for micro in range(3):
            first = 12 * step + 2 * (2 * micro + 1)
            head = struct.pack("<QIII", step, micro, 3, 2)
            note = head + check(head)
            for digest in row_digests(*feed.rows.gather(first, 2)).tolist():
                note += digest.to_bytes(8, "little")
            expected += note + check(note)
    assert content == expected


def test_rows_that_only_fill_a_batch_are_not_noted(home: Path, feed: Feed, tmp_path: Path) -> None:
    witnessed(home, feed, tmp_path, len(feed))
    notes = list(notes_in(tmp_path / FIRST))
    assert [len(note.digests) for note in notes] == feed.steps.num_rows.tolist()
    assert feed.steps.num_rows[-1] < feed.steps.batch_size[-1]


def test_labels_that_are_not_the_tokens_are_refused(home: Path, feed: Feed, tmp_path: Path) -> None:
    batch = feed.batch(0)
    labels = batch.labels.clone()
    with closing(Witness(tmp_path, feed, order=home / "order")) as witness:
        with pytest.raises(InputError, match="the labels in step 0, micro-batch 0, are not its"):
            witness.note(batch.tokens_BT1, labels.roll(-1, dims=1))  # shifted once too often
        labels[3, 5] += 1
        with pytest.raises(InputError, match="are not its tokens"):
            witness.note(batch.tokens_BT1, labels)
        assert (tmp_path / FIRST).stat().st_size == 0


def test_a_label_masked_is_noted_as_another_row(home: Path, feed: Feed, tmp_path: Path) -> None:
    with closing(Witness(tmp_path, feed, order=home / "order")) as witness:
        for step in range(3):
            batch = feed.batch(step)
            labels = batch.labels.clone()
            if step == 2:
                labels[7, 5] = IGNORED
            witness.note(batch.tokens_BT1, labels)
            witness.stepped()
    ledger = Consumed.open(tmp_path).ledger()
    assert ledger.rows[1].tolist() == row_digests(*feed.rows.gather(12, 12)).tolist()
    differs = ledger.rows[2] != row_digests(*feed.rows.gather(24, 12))
    assert differs.nonzero()[0].tolist() == [7]


def test_more_than_there_is_to_consume_is_refused(home: Path, feed: Feed, tmp_path: Path) -> None:
    batch = feed.batch(0)
    share = Share(0, 1, 2)
    with closing(Witness(tmp_path / "one", feed, share, order=home / "order")) as witness:
        for _ in range(2):
            witness.note(batch.tokens_BT1, batch.labels)
        with pytest.raises(InputError, match="step 0 has 2 micro-batches, and here is one more"):
            witness.note(batch.tokens_BT1, batch.labels)
    state = witnessed(home, feed, tmp_path / "all", len(feed))
    with (
        closing(Witness(tmp_path / "all", feed, order=home / "order", state=state)) as witness,
        pytest.raises(InputError, match=f"the order ends after {len(feed)} steps"),
    ):
        witness.note(batch.tokens_BT1, batch.labels)


def test_a_share_that_does_not_divide_is_refused(home: Path, feed: Feed, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a batch of 12 rows cannot be cut into 8 equal pieces"):
        Witness(tmp_path / "consumed", feed, Share(0, 8), order=home / "order")
    assert not (tmp_path / "consumed").exists()


# Going on


@pytest.mark.parametrize("num_bytes", [0, 1, 20, 28, 40, 131])
def test_killed_in_the_middle_of_a_note_it_goes_on(
    home: Path, feed: Feed, tmp_path: Path, num_bytes: int
) -> None:
    """A note of 12 rows has 132 bytes; so many of the one of step 7 are there."""
    state = witnessed(home, feed, tmp_path, 4)
    witnessed(home, feed, tmp_path, 9)
    file = tmp_path / FIRST
    file.write_bytes(file.read_bytes()[: 7 * 132 + num_bytes])
    assert [note.step for note in notes_in(file)] == [*range(7)]
    assert Consumed.open(tmp_path).verify().startswith("consumed 7 of 41 steps of its order")
    witnessed(home, feed, tmp_path, len(feed), state=state)
    assert Consumed.open(tmp_path).verify().startswith("consumed its order, row by row")


def test_it_goes_on_from_a_checkpoint_and_what_came_after_it_counts_no_longer(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    kept = witnessed(home, feed, tmp_path, 5)
    witnessed(home, feed, tmp_path, 9)
    later = witnessed(home, feed, tmp_path, 11, state=kept)
    assert (kept["step"], later["step"], later["notes"]) == (
        5, 11, "from_00000005_rank_0_of_1.notes",
    )  # fmt: skip
    witnessed(home, feed, tmp_path, 13, Share(0, 2), state=later)
    names = [file.name for file in sorted(tmp_path.glob("*.notes"))]
    assert [name[5:13] for name in names] == ["00000000", "00000005", "00000011"]
    witnessed(home, feed, tmp_path, 7, state=kept)
    assert [file.name[5:13] for file in sorted(tmp_path.glob("*.notes"))] == [
        "00000000", "00000005",
    ]  # fmt: skip


def test_a_checkpoint_at_which_nothing_was_noted_yet_serves_twice(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    kept = witnessed(home, feed, tmp_path, 5)
    at_once = witnessed(home, feed, tmp_path, 5, state=kept)  # it is kept before the first step
    for share in (Share(0, 2), Share(0, 1, 3), Share(0, 2)):
        witnessed(home, feed, tmp_path, 8, share, state=at_once)


# What is refused


def test_a_checkpoint_without_its_notes_is_refused(home: Path, feed: Feed, tmp_path: Path) -> None:
    state = witnessed(home, feed, tmp_path, 5)
    (tmp_path / FIRST).unlink()
    with pytest.raises(ResumeError, match="the notes of the checkpoint are gone") as caught:
        witnessed(home, feed, tmp_path, 6, state=state)
    assert str(tmp_path / FIRST) in str(caught.value)


def test_the_checkpoint_of_another_life_is_refused(home: Path, feed: Feed, tmp_path: Path) -> None:
    state = witnessed(home, feed, tmp_path / "one", 5, Share(0, 1, 3))
    witnessed(home, feed, tmp_path / "other", 8)
    what = "what was consumed before step 5 is not what the checkpoint says"
    with pytest.raises(ResumeError, match=what) as caught:
        witnessed(home, feed, tmp_path / "other", 6, state=state)
    assert str(tmp_path / "other" / FIRST) in str(caught.value)
    assert len(list(notes_in(tmp_path / "other" / FIRST))) == 8  # nothing was overwritten


def test_notes_cut_before_the_checkpoint_are_refused(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    state = witnessed(home, feed, tmp_path, 5)
    file = tmp_path / FIRST
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ResumeError, match="what was consumed before step 5 is not"):
        witnessed(home, feed, tmp_path, 6, state=state)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"row_length": 24}, "row_length, stretches"),
        ({"row_length": 160, "packing": "whole"}, "row_length, packing, stretches"),
        ({"attention": "within"}, "attention"),
    ],
)
def test_the_notes_of_another_feed_are_refused(
    home: Path, feed: Feed, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    witnessed(home, feed, tmp_path, 5)
    other = Feed.of(replace(feed.rows, **change), 12)
    with pytest.raises(ResumeError, match=f"the notes there are of another {named}\n") as caught:
        witnessed(home, other, tmp_path, 5)
    assert str(tmp_path) in str(caught.value)
    assert len(list(notes_in(tmp_path / FIRST))) == 5


def test_an_edited_description_is_refused(home: Path, feed: Feed, tmp_path: Path) -> None:
    witnessed(home, feed, tmp_path, 5)
    file = tmp_path / "feed.json"
    said = read_json(file)
    file.write_text(json.dumps(said | {"feed": said["feed"] | {"row_length": 24}}))
    for attempt in (lambda: witnessed(home, feed, tmp_path, 5), lambda: Consumed.open(tmp_path)):
        with pytest.raises(ArtefactError, match="was changed after it was written") as caught:
            attempt()
        assert str(file) in str(caught.value)


def test_what_is_noted_does_not_depend_on_where_the_tensors_are(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    """Tokens of other types, that need a gradient or are not contiguous, are the same tokens."""
    batch = feed.batch(0)
    with closing(Witness(tmp_path, feed, order=home / "order")) as witness:
        witness.note(batch.tokens_BT1.to(torch.int32), batch.labels.to(torch.int32))
        witness.stepped()
        batch = feed.batch(1)
        witness.note(batch.tokens_BT1.T.contiguous().T, batch.labels)
        witness.stepped()
    assert Consumed.open(tmp_path).verify().startswith("consumed 2 of 41 steps of its order")


def test_the_tree_may_be_moved(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "before")
    feed = feed_of(tmp_path / "before")
    state = witnessed(tmp_path / "before", feed, tmp_path / "before" / "consumed", 5)
    (tmp_path / "before").rename(tmp_path / "after")
    place = tmp_path / "after" / "consumed"
    assert Consumed.open(place).verify().startswith("consumed 5 of 41")
    moved = feed_of(tmp_path / "after")
    witnessed(tmp_path / "after", moved, place, len(moved), state=state)
    assert Consumed.open(place).verify().startswith("consumed its order")
