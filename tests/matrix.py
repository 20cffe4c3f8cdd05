"""Lives killed at random steps and gone on with in another world: one ledger for all of them.

    python tests/matrix.py                          every cell, as a table
    python tests/matrix.py --write docs/matrix.md   the table into a file, with command and machine

World sizes 1, 2, 4 × workers 0, 2 × accumulation 1, 3; of each, lives that are struck by SIGKILL at
20 random steps, in a random rank and at a random moment of the step, and go on from their last
checkpoint in a world of another size (`worlds.py`: real processes, gloo between ranks). Then the
project's own loop, killed and continued as often, and under each lever. A life counts if what was
noted up to its death is what the order says, if at its end the ledger is that of the order, to the
bit, and `verify` holds, and if its weights are those of the life that was never killed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from lives import NEVER_S, Fault, everything, lived, recipe_of, rows_of
from worlds import MOMENTS, Strike, World, due, feed_of, live, make_home

from upbringing.errors import UpbringingError
from upbringing.identity import generator
from upbringing.order import NO_LEVERS, Levers
from upbringing.training import Numerics, Priority, Timeline
from upbringing.training.consumed import Consumed

SIZES = (1, 2, 4)
WORLDS = [World(*numbers) for numbers in product(SIZES, (0, 2), (1, 3))]
NUM_STRIKES = 20
OWN_LOOP = "{name: own, seed: 3, phases: [{name: life, scenes: rest}]}"


def _late(**levers: Any) -> dict[str, Any]:
    """A life that goes on from its middle under these levers."""
    of = Timeline.of_stretches({0.0: NO_LEVERS, 0.4: Levers(**levers), 0.8: NO_LEVERS}, 5)
    return {"timeline": of}


LEVERS: dict[str, dict[str, Any]] = {
    "modules": _late(modules={"attention": 0, "mlp": 0.5}),
    "moments anew": _late(moments="anew"),
    "adapter": _late(lora={"rank": 2}),
    "adapter in weighed passes": {
        "timeline": Timeline.of_stretches(
            {
                0.0: NO_LEVERS,
                0.2: Levers(lora={"rank": 2}),
                0.4: Levers(lora={"rank": 2}, lr_scale=0.5),
                0.6: Levers(lora={"rank": 2}, loss_scale=0.5, batch_size=3),
                0.8: Levers(moments="anew", modules=["mlp"], rewarm=0.5),
            },
            5,
        )
    },
    "batch size": _late(batch_size=3),
    "loss": _late(loss_scale=0),
    "re-warming": _late(rewarm=0.5),
    "priority": {"priority": Priority({0: 1, 1: 0.2}, "loss")},
    "dose": {"loss_by_kind": {"drama": 3.0}},
    "schedule": {"schedule": {"wsd": 0.3}},
    "moving average": {"emas": (0.2,), **_late(loss_scale=0)},  # which has stretches to pass over
    "micro-batches": {
        "numerics": Numerics("fp32", accumulation=5),
        "timeline": Timeline.uniform(5),
    },
}


@dataclass(frozen=True)
class Cell:
    """A life: the world that it begins in, when it is struck, and the world that it goes on in."""

    world: World
    strike: Strike
    after: World


@dataclass(frozen=True)
class Expected:
    """What every life must come to: the chain of the ledger after each step, and the weights."""

    home: Path
    chain: list[bytes]
    weights: list[int]

    @classmethod
    def of(cls, home: Path, scratch: Path) -> Expected:
        """The ledger from the order, the weights from a life that is never struck."""
        undisturbed = live(home, scratch / "undisturbed", World())
        assert undisturbed.weights is not None, f"it ended with {undisturbed.codes}"
        return cls(home, due(feed_of(home)).chain, undisturbed.weights)


def cells_of(world: World, num_steps: int, number: int = NUM_STRIKES) -> Iterator[Cell]:
    """Cells that begin in a world, by random steps; the other sizes in turn."""
    rng = generator(0, "matrix", str(world))
    others = [size for size in SIZES if size != world.size]
    for turn, step in enumerate(rng.choice(num_steps - 3, number, replace=False).tolist()):
        moment = str(rng.choice(MOMENTS))
        rank = 0 if moment == "in a checkpoint" else int(rng.integers(world.size))
        yield Cell(world, Strike(step, moment, rank), replace(world, size=others[turn % 2]))


def faults_of(cell: Cell, expected: Expected, place: Path) -> list[str]:
    """What does not hold of a life; it is lived at `place`, which is removed."""
    faults = []
    struck = live(expected.home, place, cell.world, cell.strike)
    if -signal.SIGKILL not in struck.codes or struck.weights is not None:
        faults.append(f"was not killed: {struck.codes}")
    noted = Consumed.open(place / "consumed").ledger().chain
    if noted != expected.chain[: len(noted)]:
        faults.append("what was noted before its death is not the order")
    gone_on = live(expected.home, place, cell.after)
    if any(gone_on.codes):
        faults.append(f"does not go on: {gone_on.codes}\n{(place / 'said').read_text()}")
    if gone_on.weights != expected.weights:
        faults.append("has other weights")
    consumed = Consumed.open(place / "consumed")
    if consumed.ledger().chain != expected.chain:
        faults.append("has another ledger")
    try:
        said = consumed.verify()
    except UpbringingError as error:
        faults.append(str(error))
    else:
        if not said.startswith("consumed its order, row by row"):
            faults.append(said)
    shutil.rmtree(place)
    return faults


def own_faults(scratch: Path, number: int) -> Iterator[list[str]]:
    """What does not hold of lives in the project's own loop, struck once each."""
    home = make_home(scratch / "home of its own", OWN_LOOP)
    code, ledger = lived(home, scratch / "own")
    assert code == 0, ledger
    rng = generator(0, "matrix", "own loop")
    for life in range(number):
        place = scratch / f"own-{life}"
        every_s = float(rng.choice([0.0, 0.05]))  # a snapshot at each step, or now and then
        fault = Fault("killed", int(rng.integers(1, 40)))
        code, _ = lived(home, place, every_s=every_s, fault=fault)
        faults = [] if code == -signal.SIGKILL else [f"was not killed: {code}"]
        if (said := lived(home, place, every_s=every_s)) != (0, ledger):
            faults.append(f"comes to {said}, not {ledger}")
        yield faults


def lever_faults(lever: str, home: Path, scratch: Path, number: int) -> Iterator[list[str]]:
    """What does not hold of lives under a lever, each struck once: they come to the same bytes."""
    options = LEVERS[lever]
    code, ledger = lived(home, scratch / lever, every_s=NEVER_S, **options)
    assert code == 0, ledger
    whole = everything(scratch / lever)
    num_steps = len(recipe_of(rows_of(home), **options).steps)
    rng = generator(0, "matrix", lever)
    for life in range(number):
        place = scratch / f"{lever}-{life}"
        fault = Fault("killed", int(rng.integers(1, num_steps)))
        code, _ = lived(home, place, fault=fault, **options)
        faults = [] if code == -signal.SIGKILL else [f"was not killed: {code}"]
        if (said := lived(home, place, **options)) != (0, ledger):
            faults.append(f"comes to {said}, not {ledger}")
        if everything(place) != whole:
            faults.append("has other bytes")
        shutil.rmtree(place, ignore_errors=True)
        yield faults


def run(scratch: Path, num_strikes: int, say: Callable[[str], None]) -> tuple[bool, int]:
    """Live all cells, and say what holds of them; whether all does, and the number of lives."""
    expected = Expected.of(make_home(scratch / "home"), scratch)
    say("| world size | workers | accumulation | goes on in | killed | one ledger, verified |")
    say("|---|---|---|---|---|---|")
    held = num_lives = 0

    def row(head: str, found: Iterable[list[str]]) -> None:
        nonlocal held, num_lives
        told = list(found)
        good = sum(not faults for faults in told)
        held, num_lives = held + good, num_lives + len(told)
        say(f"| {head} | {len(told)} | {good} |")
        for faults in filter(None, told):
            say(f"  fails: {'; '.join(faults)}")

    for world in WORLDS:
        cells = cells_of(world, len(expected.chain), num_strikes)
        others = ", ".join(str(size) for size in SIZES if size != world.size)
        row(
            f"{world.size} | {world.num_workers} | {world.accumulation} | {others}",
            (faults_of(cell, expected, scratch / "life") for cell in cells),
        )
    row("1, the project's own loop | 0 | 1 | 1", own_faults(scratch, num_strikes))
    say("")
    say("| lever, in the project's own loop | killed | the same bytes |")
    say("|---|---|---|")
    home = make_home(scratch / "home of levers", OWN_LOOP)
    for lever in LEVERS:
        row(lever, lever_faults(lever, home, scratch, num_strikes))
    say("")
    holds = held == num_lives
    say(
        f"ledger {expected.chain[-1].hex()[:16]}: {held} of {num_lives} lives, target all: "
        f"{'holds' if holds else 'falls short'}"
    )
    return holds, num_lives


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", type=Path, help="a file for the table")
    parser.add_argument("--strikes", type=int, default=NUM_STRIKES, help="lives in each row")
    asked = parser.parse_args()
    begin, lines = time.monotonic(), []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)  # noqa: T201

    with tempfile.TemporaryDirectory() as name:
        holds, num_lives = run(Path(name), asked.strikes, say)
    minutes = (time.monotonic() - begin) / 60
    machine = f"{os.cpu_count()} cores ({platform.machine()}), torch {torch.__version__}"
    ran = f"{num_lives} lives in {minutes:.0f} minutes on {machine}"
    print(ran)  # noqa: T201
    if asked.write:
        asked.write.write_text(PAGE.format(table="\n".join(lines), ran=ran))
    raise SystemExit(0 if holds else 1)


PAGE = """# Killed anywhere, gone on with in another world: one ledger

`make matrix` writes this page; [matrix.py](../tests/matrix.py) says what is done. The ranks are
processes, with gloo between them. Each life is struck by SIGKILL in a random rank, at a random step
and moment (before a note, within one, before the ranks meet, after the step, while a checkpoint is
written), and goes on from its last checkpoint in a world of another size. The last column counts
the lives of which all this holds: what was noted until the death, and at the end, is the order row
by row; the ledger is the same to the last bit; the weights are those of the life that was never
killed. Below, lives under each lever, killed at random steps: every byte of the run is that of the
life that was never killed.

{table}

{ran}.
"""


if __name__ == "__main__":
    main()
