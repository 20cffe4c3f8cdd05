"""Kill it anywhere: the same command continues, and comes to the same bytes."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from lives import NEVER_S, Fault, everything, lived, raised, recipe_of, rows_of

from upbringing.errors import ArtefactError, ResumeError, StorageError, VerificationError
from upbringing.files import folder_digest, write_manifest
from upbringing.training import Ledger, Timeline, records

KILLED = (-signal.SIGKILL, "")


@pytest.fixture(scope="module")
def unbroken(home: Path) -> tuple[str, dict[str, str]]:
    """The ledger's digest and every file's of a life that nothing struck."""
    code, ledger = lived(home, home / "unbroken", every_s=NEVER_S)
    assert code == 0
    assert len(ledger) == 64
    return ledger, everything(home / "unbroken")


@pytest.fixture
def place(home: Path, request: pytest.FixtureRequest) -> Path:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return home / name


@pytest.fixture(scope="module")
def checkpoint_steps(home: Path) -> list[int]:
    recipe = recipe_of(rows_of(home))
    return [recipe.steps.after(age) for age in recipe.ages]


def test_a_life_with_snapshots_is_the_life_without(
    home: Path, place: Path, unbroken: tuple[str, dict[str, str]]
) -> None:
    code, ledger = lived(home, place)
    assert (code, ledger, everything(place)) == (0, *unbroken)


@pytest.mark.parametrize(
    ("when", "every_s"),
    [
        ("first", 0.0),
        ("before", 0.0),
        ("at", 0.0),
        ("after", 0.0),
        ("last", 0.0),
        ("at", NEVER_S),  # there is a checkpoint, and no snapshot to go on from
        ("last", NEVER_S),
    ],
)
def test_killed_between_steps_it_continues_to_the_same_bytes(
    home: Path,
    place: Path,
    unbroken: tuple[str, dict[str, str]],
    checkpoint_steps: list[int],
    when: str,
    every_s: float,
) -> None:
    _, middle, last = checkpoint_steps
    step = {"first": 1, "before": middle - 1, "at": middle, "after": middle + 1, "last": last}[when]
    assert lived(home, place, every_s=every_s, fault=Fault("killed", step)) == KILLED
    assert not (place / "run.json").exists()
    code, ledger = lived(home, place, every_s=every_s)
    assert (code, ledger, everything(place)) == (0, *unbroken)


def test_killed_again_and_again_it_comes_to_the_same_bytes(
    home: Path, place: Path, unbroken: tuple[str, dict[str, str]]
) -> None:
    for step in (2, 9, 10):
        assert lived(home, place, fault=Fault("killed", step)) == KILLED
    code, ledger = lived(home, place)
    assert (code, ledger, everything(place)) == (0, *unbroken)


@pytest.mark.parametrize(
    ("every_s", "file", "left"),
    [
        (0.0, 6, "resume"),
        (NEVER_S, 1, "borders"),
        (NEVER_S, 2, "checkpoints"),
        (NEVER_S, 6, "checkpoints"),
    ],
    ids=["snapshot", "first border", "first checkpoint", "last checkpoint"],
)
def test_killed_while_it_writes_weights_it_continues_to_the_same_bytes(
    home: Path,
    place: Path,
    unbroken: tuple[str, dict[str, str]],
    every_s: float,
    file: int,
    left: str,
) -> None:
    fault = Fault("killed while writing", file)
    assert lived(home, place, every_s=every_s, fault=fault) == KILLED
    assert list((place / left).glob(".*.draft-*"))
    code, ledger = lived(home, place, every_s=every_s)
    assert (code, ledger, everything(place)) == (0, *unbroken)


@pytest.mark.parametrize(
    ("every_s", "where", "levers"),
    [
        (0.0, "resume/step_00000001", Timeline.uniform(5)),
        (NEVER_S, "checkpoints/age_0.2000", Timeline.uniform(5)),
        (NEVER_S, "borders/age_0.0000", None),
    ],
)
def test_a_full_disk_stops_it_and_leaves_nothing_half_written(
    home: Path, place: Path, every_s: float, where: str, levers: Timeline | None
) -> None:
    of = {"timeline": levers} if levers else {}
    code, said = lived(home, place, every_s=every_s, fault=Fault("small disk"), **of)
    assert code == 0
    assert said.startswith(f"StorageError: {place / where}: no room left to write")
    assert set(everything(place)) == {"recipe.json"}
    code, ledger = lived(home, place, every_s=every_s, **of)
    unbroken = raised(home, place.with_name(f"{place.name} with room"), **of)
    assert (code, ledger, everything(place)) == (0, unbroken.verify(), everything(unbroken.path))


def test_a_disk_that_fills_at_the_end_leaves_nothing_half_written(
    home: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: Ledger, file: Path) -> None:
        file.write_bytes(b"PAR1 and then")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "save", half)
        with pytest.raises(StorageError):
            raised(home, place)
    files = set(everything(place))
    assert not {"ledger.parquet", "run.json"} & files
    assert not [name for name in files if "draft" in name]
    assert raised(home, place).verify()


def test_a_snapshot_hashes_no_mind_a_second_time(
    home: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def counted(folder: Path) -> str:
        hashed.append(folder.name)
        return folder_digest(folder)

    monkeypatch.setattr(records, "folder_digest", counted)
    raised(home, place, snapshot_every_s=0.0)
    # Of checkpoints and borders; with the last one the life is over.
    ages = ("0.0000", "0.2000", "0.2093", "0.5000", "0.8023")
    assert hashed == [f"age_{age}" for age in ages]


def stopped(home: Path, place: Path, step: int = 12) -> Path:
    """A life killed at `step`; its snapshot."""
    assert lived(home, place, fault=Fault("killed", step)) == KILLED
    (snapshot,) = (place / "resume").iterdir()
    return snapshot


def test_a_finished_life_is_not_lived_again(home: Path) -> None:
    place = home / "finished"
    digest = raised(home, place).digest

    def never(done: int, total: int) -> None:
        pytest.fail("a step was taken")

    assert raised(home, place, on_step=never).digest == digest


def test_another_recipe_in_the_same_place_is_refused(home: Path) -> None:
    place = home / "another recipe"
    raised(home, place)
    with pytest.raises(ResumeError, match="another seed, schedule, ages") as caught:
        raised(home, place, seed=2, schedule="steep", ages=(1.0,))
    assert str(place) in str(caught.value)


def test_the_snapshot_of_another_run_is_refused(home: Path, place: Path) -> None:
    snapshot = stopped(home, place)
    other = place.with_name("other")
    shutil.copytree(snapshot.parent, other / "resume")
    with pytest.raises(ResumeError, match="is of another run") as caught:
        raised(home, other, seed=2)
    assert str(other / "resume" / snapshot.name) in str(caught.value)


def test_a_snapshot_that_consumed_another_order_is_refused(home: Path, place: Path) -> None:
    snapshot = stopped(home, place)
    ledger = Ledger.open(snapshot / "ledger.parquet")
    forged = Ledger()
    for rows in [*ledger.rows[:3], ledger.rows[4], ledger.rows[3], *ledger.rows[5:]]:
        forged.add(rows)
    forged.save(snapshot / "ledger.parquet")
    (snapshot / "resume.json").unlink()
    recipe = recipe_of(rows_of(home)).digest
    facts = {"step": 12, "checkpoints": {}}
    write_manifest(snapshot, "resume/1", recipe={"run": recipe}, inputs={}, facts=facts)
    with pytest.raises(VerificationError, match="step 3, row 9: expected scene"):
        raised(home, place)


@pytest.mark.parametrize("file", ["state.safetensors", "ledger.parquet", "history.parquet"])
def test_a_damaged_snapshot_is_named(home: Path, place: Path, file: str) -> None:
    snapshot = stopped(home, place)
    damaged = snapshot / file
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(ArtefactError, match="is damaged") as caught:
        raised(home, place)
    assert str(damaged) in str(caught.value)
