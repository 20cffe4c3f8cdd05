"""Consumed: whatever the world, whoever was killed, one ledger; and who is missing is named."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrix import Cell, Expected, faults_of
from test_witness import witnessed
from worlds import Strike, World, due, feed_of, make_home

from upbringing.cli import main
from upbringing.errors import ArtefactError, VerificationError
from upbringing.training.consumed import Consumed
from upbringing.training.feed import Feed, Share
from upbringing.training.witness import notes_in

# World size and accumulation; batches are of 12 and 24 rows.
WORLDS = [(1, 1), (1, 3), (2, 1), (2, 3), (4, 1), (4, 3), (3, 2), (12, 1)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def feed(home: Path) -> Feed:
    return feed_of(home)


@pytest.fixture(scope="module")
def chain(feed: Feed) -> list[bytes]:
    """The ledger as the order has it, after each step."""
    return due(feed).chain


@pytest.fixture(scope="module")
def expected(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    return Expected.of(home, tmp_path_factory.mktemp("undisturbed"))


def consume(
    home: Path,
    feed: Feed,
    place: Path,
    world: tuple[int, int],
    last: int | dict[int, int],
    state: dict | None = None,
) -> dict:
    """All ranks of a world, one after another, up to a step (of each rank); the state of rank 0."""
    size, accumulation = world
    states = [
        witnessed(
            home, feed, place, last if isinstance(last, int) else last[rank],
            Share(rank, size, accumulation), state,
        )
        for rank in range(size)
    ]  # fmt: skip
    return states[0]


# One ledger


@pytest.mark.parametrize("world", WORLDS)
def test_any_world_comes_to_one_ledger(
    home: Path, feed: Feed, chain: list[bytes], tmp_path: Path, world: tuple[int, int]
) -> None:
    consume(home, feed, tmp_path, world, len(feed))
    assert len(list(tmp_path.glob("*.notes"))) == world[0]
    consumed = Consumed.open(tmp_path)
    assert consumed.ledger().chain == chain
    said = f"consumed its order, row by row; ledger {chain[-1].hex()[:16]}"
    assert consumed.verify() == said


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.sampled_from(WORLDS), st.integers(0, 6), st.integers(0, 6)), max_size=4),
    st.sampled_from(WORLDS[:4]),
)
def test_lives_that_go_on_in_other_worlds_come_to_one_ledger(
    home: Path,
    feed: Feed,
    chain: list[bytes],
    tmp_path_factory: pytest.TempPathFactory,
    lives: list[tuple[tuple[int, int], int, int]],
    last_world: tuple[int, int],
) -> None:
    """Each goes on from the last checkpoint, keeps one of its own, and lives some steps more."""
    place, state, step = tmp_path_factory.mktemp("lives"), None, 0
    for world, until_kept, after in lives:
        step += until_kept
        kept = consume(home, feed, place, world, step, state)
        if (
            after
        ):  # in one go: what the first of them kept is the state in the middle of these notes
            consume(home, feed, place, world, step + after, state)
        state = kept
        lived = Consumed.open(place).ledger().chain
        assert lived == chain[: len(lived)]
    consume(home, feed, place, last_world, len(feed), state)
    assert Consumed.open(place).ledger().chain == chain
    shutil.rmtree(place)


@pytest.mark.parametrize(
    "cell",
    [
        Cell(World(1, 0, 1), Strike(7, "in a note"), World(2, 0, 3)),
        Cell(World(1, 2, 3), Strike(0, "before a note"), World(4, 2, 1)),
        Cell(World(2, 0, 3), Strike(20, "before the meeting", 1), World(1, 0, 3)),
        Cell(World(2, 2, 1), Strike(30, "in a checkpoint"), World(4, 0, 1)),
        Cell(World(4, 0, 1), Strike(13, "in a note", 3), World(2, 2, 1)),
        Cell(World(4, 2, 3), Strike(37, "after the step", 2), World(1, 2, 3)),
    ],
    ids=str,
)
def test_killed_processes_that_go_on_in_another_world_come_to_one_ledger(
    expected: Expected, tmp_path: Path, cell: Cell
) -> None:
    """Six cells of `make matrix`."""
    assert faults_of(cell, expected, tmp_path / "life") == []


# Notes that are cut, changed, missing


def test_notes_cut_anywhere_say_how_far_they_go(
    home: Path, feed: Feed, chain: list[bytes], tmp_path: Path
) -> None:
    consume(home, feed, tmp_path, (1, 1), 4)
    (file,) = tmp_path.glob("*.notes")
    content = file.read_bytes()
    for num_bytes in range(0, len(content), 5):
        file.write_bytes(content[:num_bytes])
        consumed = Consumed.open(tmp_path)
        whole = num_bytes // 132  # bytes of a note of 12 rows
        assert consumed.ledger().chain == chain[:whole]
        if whole:
            assert consumed.verify().startswith(f"consumed {whole} of 41 steps of its order, row")
        else:
            with pytest.raises(VerificationError, match="nothing was consumed"):
                consumed.verify()


def test_a_byte_flipped_anywhere_in_notes_is_named(home: Path, feed: Feed, tmp_path: Path) -> None:
    consume(home, feed, tmp_path, (1, 1), 3)
    (file,) = tmp_path.glob("*.notes")
    content = file.read_bytes()
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        file.write_bytes(changed)
        with pytest.raises(ArtefactError, match=r"the note at byte \d+ is damaged") as caught:
            Consumed.open(tmp_path).verify()
        assert str(file) in str(caught.value)
        assert f"byte {at // 132 * 132} " in str(caught.value)


def test_a_rank_whose_notes_are_missing_is_named(home: Path, feed: Feed, tmp_path: Path) -> None:
    consume(home, feed, tmp_path, (4, 1), 9)
    gone = tmp_path / "from_00000000_rank_2_of_4.notes"
    gone.unlink()
    with pytest.raises(ArtefactError, match="the notes of this process are missing") as caught:
        Consumed.open(tmp_path).verify()
    assert str(gone) in str(caught.value)


def test_a_rank_whose_notes_end_before_the_others_is_named(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    consume(home, feed, tmp_path, (2, 3), {0: 9, 1: 7})
    with pytest.raises(ArtefactError, match="its notes end before step 7, and others") as caught:
        Consumed.open(tmp_path).verify()
    assert str(tmp_path / "from_00000000_rank_1_of_2.notes") in str(caught.value)


def test_ranks_killed_a_step_apart_have_consumed_what_all_have(
    home: Path, feed: Feed, chain: list[bytes], tmp_path: Path
) -> None:
    consume(home, feed, tmp_path, (2, 3), {0: 9, 1: 8})
    assert Consumed.open(tmp_path).ledger().chain == chain[:8]


def test_notes_that_end_before_another_life_goes_on_are_named(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    state = consume(home, feed, tmp_path, (2, 1), 9)
    consume(home, feed, tmp_path, (1, 1), 12, state)
    cut = tmp_path / "from_00000000_rank_1_of_2.notes"
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match="its notes end before step 8, and others") as caught:
        Consumed.open(tmp_path).verify()
    assert str(cut) in str(caught.value)
    for file in tmp_path.glob("from_00000000*"):
        file.unlink()
    with pytest.raises(ArtefactError, match="the notes of the steps before 9 are missing"):
        Consumed.open(tmp_path).verify()


def test_notes_put_into_the_place_of_others_are_named(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    state = consume(home, feed, tmp_path, (2, 1), 9)
    consume(home, feed, tmp_path, (1, 1), 12, state)
    late, early = (
        tmp_path / f"from_{n}_of_{w}.notes"
        for n, w in (("00000009_rank_0", 1), ("00000000_rank_1", 2))
    )
    shutil.copy(late, tmp_path / "from_00000003_rank_0_of_1.notes")
    what = "step 3, micro-batch 0 is due, and step 9, micro-batch 0 is noted"
    with pytest.raises(ArtefactError, match=what):
        Consumed.open(tmp_path).verify()
    (tmp_path / "from_00000003_rank_0_of_1.notes").unlink()
    shutil.copy(tmp_path / "from_00000000_rank_0_of_2.notes", early)  # the same rows by both ranks
    with pytest.raises(VerificationError, match=r"step 0, row 6: expected .*, found row 0, scene"):
        Consumed.open(tmp_path).verify()
    other = feed_of(home)
    place = tmp_path / "other"
    consume(home, other, place, (1, 1), 12)
    shutil.copy(place / "from_00000000_rank_0_of_1.notes", tmp_path)
    with pytest.raises(ArtefactError, match="holds the notes of two worlds from step 0 on"):
        Consumed.open(tmp_path).verify()


def test_a_trainer_that_steps_too_early_is_found_out(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    """Two micro-batches of three, then the optimiser's step: the third is missed."""
    consume(home, feed, tmp_path, (1, 3), 4)
    file = tmp_path / "from_00000000_rank_0_of_1.notes"
    content = file.read_bytes()
    size = len(content) // 12
    file.write_bytes(content[: 5 * size] + content[6 * size :])
    assert [note.micro for note in notes_in(file)] == [0, 1, 2, 0, 1, 0, 1, 2, 0, 1, 2]
    with pytest.raises(ArtefactError, match="step 1, micro-batch 2 is due, and step 2, micro-"):
        Consumed.open(tmp_path).verify()


# The command


def test_verify_takes_notes_and_tells_everything_that_is_wrong(
    home: Path,
    feed: Feed,
    chain: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = [tmp_path / name for name in ("whole", "early", "torn", "gone")]
    for place, last in zip(places, (len(feed), 5, 5, 5), strict=True):
        consume(home, feed, place, (2, 1), last)
    torn, gone = places[2] / "from_00000000_rank_1_of_2.notes", places[3] / "feed.json"
    torn.unlink()
    gone.unlink()
    monkeypatch.setattr(sys, "argv", ["upbringing", "verify", *map(str, places)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert end.value.code == 2
    order = "its order, row by row; ledger"
    assert said.out.splitlines() == [
        f"{places[0]}: consumed {order} {chain[-1].hex()[:16]}",
        f"{places[1]}: consumed 5 of 41 steps of {order} {chain[4].hex()[:16]}",
    ]
    assert f"{torn}: the notes of this process are missing" in said.err
    assert f"{gone}: no such file" in said.err
    assert not re.search("Traceback", said.err)
