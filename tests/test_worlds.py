"""One life raised in several processes, and a life that is stopped, lacks memory or diverges."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from lives import Fault, everything, forked, lived, raised, recipe_of, rows_of
from safetensors.torch import load_file
from worlds import make_home

from upbringing.errors import InputError, ResumeError, ShortageError, StoppedError
from upbringing.order import NO_LEVERS, Levers
from upbringing.training import (
    Decoder,
    Moment,
    Numerics,
    Run,
    Timeline,
    loop,
    records,
    settle_process,
    train,
)
from upbringing.training.averaging import Ema
from upbringing.training.world import joined_world

BATCH = 8


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
    return port


def said_to(rank: int, size: int, port: int) -> dict[str, str]:
    """What `torchrun` says to a process of a world."""
    return {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip


def live_in_world(
    home: Path, place: Path, size: int, accumulation: int = 1, num_steps: int | None = None,
    precision: str = "fp64", **options: Any,
) -> Run:  # fmt: skip
    """Live in so many processes, which meet over loopback."""
    port = free_port()
    at = {"num_rows": BATCH * num_steps} if num_steps else {}
    options |= at | {
        "numerics": Numerics(precision, world_size=size, accumulation=accumulation),
        "batch_size": BATCH,
        "ages": (1.0,),
    }
    options.setdefault("timeline", Timeline.uniform(BATCH))
    processes = [
        forked.Process(target=_live, args=(home, place, rank, size, port, options))
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * size
    return Run.open(place)


def _live(
    home: Path, place: Path, rank: int, size: int, port: int, options: dict[str, Any]
) -> None:
    os.environ |= said_to(rank, size, port)
    settle_process(1)
    rows = rows_of(home)
    sources = {"corpus": home / "corpus", "order": home / "order"}
    with joined_world("cpu") as world:
        train(rows, recipe_of(rows, **options), place, sources=sources, world=world)


@pytest.fixture(scope="module")
def long_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A life of more than 200 steps."""
    life = "{name: long, phases: [{name: life, scenes: rest, passes: 60}]}"
    return make_home(tmp_path_factory.mktemp("worlds") / "home", life)


@pytest.fixture(scope="module")
def alone(long_home: Path) -> Run:
    return live_in_world(long_home, long_home / "alone", 1, num_steps=200)


@pytest.mark.parametrize(("size", "accumulation"), [(2, 1), (4, 2), (1, 4)])
def test_a_world_lives_the_life_of_one_for_200_steps(
    long_home: Path, alone: Run, size: int, accumulation: int
) -> None:
    one, place = alone, long_home / f"world {size} {accumulation}"
    many = live_in_world(long_home, place, size, accumulation, num_steps=200)
    assert len(one.metrics) == 200
    assert many.verify() == one.verify()
    assert many.metrics["loss"].to_list() == pytest.approx(one.metrics["loss"].to_list(), abs=1e-9)
    for name, weight in load_file(one.checkpoints[1.0] / "model.safetensors").items():
        theirs = load_file(many.checkpoints[1.0] / "model.safetensors")[name]
        assert torch.allclose(weight, theirs, atol=1e-6), name


def test_a_world_keeps_what_its_first_process_has_kept(home: Path) -> None:
    of = Timeline.of_stretches({0.0: NO_LEVERS, 0.5: Levers(modules=["mlp"])}, BATCH)
    runs = [
        live_in_world(home, home / f"parts in {size}", size, timeline=of, precision="fp32")
        for size in (1, 2)
    ]
    assert [*runs[1].checkpoints] == [*runs[0].checkpoints]
    assert runs[1].changes["from_age"][0] == 0


def test_a_world_in_fp32_agrees_over_ten_steps(home: Path) -> None:
    one, four = (
        live_in_world(home, home / f"fp32 {size}", size, num_steps=10, precision="fp32")
        for size in (1, 4)
    )
    ours, theirs = one.metrics["loss"][:10].to_list(), four.metrics["loss"][:10].to_list()
    assert theirs == pytest.approx(ours, abs=1e-5)


def _last(home: Path, place: Path, rank: int, port: int) -> None:
    """Live in a world of two until the second process is gone, and write what is said of it."""
    os.environ |= said_to(rank, 2, port)
    rows = rows_of(home)
    numerics = Numerics("fp32", world_size=2)
    recipe = recipe_of(rows, numerics=numerics, batch_size=8, timeline=Timeline.uniform(8))

    def end(now: Moment) -> None:
        if (rank, now.done) == (1, 3):
            os._exit(7)

    sources = {"corpus": home / "corpus", "order": home / "order"}
    try:
        with joined_world("cpu") as world:
            train(rows, recipe, place, sources=sources, world=world, on_step=end)
    except ResumeError as error:
        place.with_suffix(".said").write_text(str(error))


def test_who_loses_another_process_of_its_world_says_so(home: Path) -> None:
    place, port = home / "lost", free_port()
    processes = [forked.Process(target=_last, args=(home, place, rank, port)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 7]
    said = place.with_suffix(".said").read_text().splitlines()
    assert said == [
        "another process of this world has ended",
        "    see why; the same command continues",
    ]


def test_a_batch_that_cannot_be_shared_is_refused(home: Path) -> None:
    with pytest.raises(InputError, match="a batch of 8 rows cannot be cut into 3 equal pieces"):
        raised(
            home, home / "three", timeline=Timeline.uniform(8),
            numerics=Numerics("fp32", accumulation=3),
        )  # fmt: skip


def test_sigterm_saves_and_leaves_and_the_life_goes_on_to_the_same_bits(home: Path) -> None:
    code, _ = lived(home, home / "never stopped")
    assert code == 0
    place = home / "terminated"
    code, said = lived(home, place, every_s=1e9, fault=Fault("terminated", 7))
    assert (code, said) == (0, "StoppedError: stopped after step 7")
    assert [folder.name for folder in (place / "resume").iterdir()] == ["step_00000007"]
    code, _ = lived(home, place)
    assert code == 0
    assert everything(place) == everything(home / "never stopped")


def test_who_watches_may_stop_a_life_and_nothing_is_lost(home: Path) -> None:
    def stop(now: Moment) -> None:
        if now.done == 5:
            raise StoppedError("enough")

    with pytest.raises(StoppedError, match="enough"):
        raised(home, home / "watched", on_step=stop)
    assert (home / "watched" / "resume" / "step_00000005").exists()


@pytest.mark.parametrize(
    ("whose", "name", "error", "what"),
    [
        (Decoder, "losses", torch.OutOfMemoryError("CUDA out of memory"), "3 rows of 48 tokens"),
        # The moments are there after the first step, and not before.
        (torch.optim.AdamW, "step", RuntimeError("MPS backend out of memory"), "3 rows of 48"),
        (Decoder, "losses", MemoryError(), "3 rows of 48 tokens"),
        (Decoder, "to", RuntimeError("DefaultCPUAllocator: can't allocate memory"), "the weights"),
        (Ema, "__init__", torch.OutOfMemoryError("CUDA out of memory"), "the weights"),
        (Ema, "mind", torch.OutOfMemoryError("CUDA out of memory"), "the weights"),
        (loop, "write_state", OSError(12, "Cannot allocate memory"), "the weights"),
        (loop, "restore", MemoryError("Cannot allocate memory (os error 12)"), "the weights"),
    ],
)
def test_lack_of_memory_says_what_to_lower(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    whose: Any,
    name: str,
    error: Exception,
    what: str,
) -> None:
    def lacks(*_: Any) -> None:
        raise error

    def stop(now: Moment) -> None:
        raise StoppedError("enough")

    place = home / f"no memory {name} {type(error).__name__}"
    if name == "restore":
        with pytest.raises(StoppedError):
            raised(home, place, emas=(0.5,), on_step=stop)
    monkeypatch.setattr(whose, name, lacks)
    with pytest.raises(ShortageError, match=rf"^{what}.* do not fit .*\n.*(lower|take)"):
        raised(home, place, emas=(0.5,), on_step=stop if name == "write_state" else None)


def test_another_error_stays_what_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("expected a matrix")

    monkeypatch.setattr(Decoder, "losses", fails)
    with pytest.raises(RuntimeError, match="expected a matrix"):
        raised(home, home / "another error")


def test_a_life_that_diverged_and_was_killed_at_its_end_is_ended(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between what it keeps of the divergence and its manifest."""

    def killed(*_: Any, **__: Any) -> None:
        raise SystemExit

    place = home / "diverged and killed"
    with monkeypatch.context() as patch:
        patch.setattr(records, "write_manifest", killed)
        with pytest.raises(SystemExit):
            raised(home, place, peak_lr=1e30)
    assert (place / "diverged").exists()
    run = raised(home, place, peak_lr=1e30)
    assert run.diverged_at is not None
    assert run.digest == raised(home, home / "diverged unhindered", peak_lr=1e30).digest


def test_a_life_that_diverges_keeps_the_mind_before_and_the_batch(home: Path) -> None:
    of = Timeline.of_stretches({0.0: NO_LEVERS, 0.4: Levers(lr_scale=1e30)}, 4)
    place = home / "a life that diverged"
    run = raised(home, place, timeline=of, batch_size=4, schedule="constant")
    step = run.diverged_at
    assert step is not None
    said = json.loads((run.path / "diverged" / "batch.json").read_text())
    rows, steps = rows_of(home), run.recipe.steps
    first, num_rows = int(steps.first_row[step]), int(steps.num_rows[step])
    begin, end = rows.visits_between(first * 48, (first + num_rows) * 48 + 1)
    ids = rows.order.corpus.columns(["id"])["id"]
    assert said["step"] == step
    assert said["rows"] == [first, first + num_rows - 1]
    assert said["scenes"] == [ids[int(scene)] for scene in rows.order.sequence[begin:end]]
    before = load_file(run.path / "diverged" / "before" / "model.safetensors")
    assert before.keys() == Decoder(run.recipe.shape, row_length=8, seed=0).stock_weights().keys()
    assert run.verify()
