"""Another's trainer: a world of real processes that meet at every step, and may be killed.

A plain loop over `adapters.pytorch.loader`, as `torchrun` would start it on every rank, with gloo
between them. Its model is a table of whole numbers, one a token: w ← 31 · w + how often the token
was a target in the step, modulo 2⁶⁴. So its weights tell one sequence of steps from another, and
are the same to the bit in every world. Rank 0 keeps them every third step, with the witness's
state.

Processes are forked from a server that has imported the trainer (`lives.forked`); a life of one
rank then costs about a tenth of a second, and each rank and each worker of a loader more as much.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lives import forked

from upbringing.corpus import tokenize, train_tokenizer, write_corpus
from upbringing.order import compile_order, parse_curriculum
from upbringing.training import Ledger
from upbringing.training.adapters.pytorch import loader
from upbringing.training.feed import IGNORED, Feed, Share
from upbringing.training.ledger import row_digests
from upbringing.training.witness import Witness

MOMENTS = (
    "before a note", "in a note", "before the meeting", "after the step", "in a checkpoint",
)  # fmt: skip
KEPT_EVERY = 3  # steps

# Batches that 1, 2 and 4 ranks of 1 and 3 micro-batches can share; a phase's last one is smaller.
CURRICULUM = """
name: shared
seed: 3
phases:
  - {name: childhood, scenes: {kind: [drama, poetry]}, batch_size: 12}
  - {name: maturity, scenes: rest, batch_size: 24}
"""


@dataclass(frozen=True)
class World:
    """How many ranks there are, and what each has."""

    size: int = 1
    num_workers: int = 0
    accumulation: int = 1


@dataclass(frozen=True)
class Strike:
    """When a rank is struck by SIGKILL: at or after the start of a step, at a moment of it."""

    step: int
    moment: str
    rank: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a life ended: the exit code of each rank, and the weights if it came to its end."""

    codes: list[int | None]
    weights: list[int] | None


def make_home(place: Path, curriculum: str = CURRICULUM) -> Path:
    """Write corpus, order and tokenizer to `place`; a feed of some forty steps."""
    from conftest import tiny_scenes  # here, since a forked process imports what stands above

    corpus = write_corpus(place / "corpus", tiny_scenes(200), recipe={}, inputs={})
    tokenizer = train_tokenizer(corpus.scenes["text"].to_list(), 300)
    tokenizer.save(str(place / "tokenizer.json"))
    tokenize(corpus, tokenizer)
    compile_order(corpus, parse_curriculum(curriculum)).save(place / "order")
    return place


def feed_of(home: Path) -> Feed:
    """The feed of a home's order."""
    return Feed.open(
        home / "order", home / "corpus", tokenizer=home / "tokenizer.json",
        row_length=16, batch_size=12,
    )  # fmt: skip


def due(feed: Feed) -> Ledger:
    """The ledger that any life must come to, from the rows of the order."""
    ledger, steps = Ledger(), feed.steps
    for first, num in zip(steps.first_row.tolist(), steps.num_rows.tolist(), strict=True):
        ledger.add(row_digests(*feed.rows.gather(first, num)))
    return ledger


def live(home: Path, place: Path, world: World, strike: Strike | None = None) -> Outcome:
    """Live in a world from the last checkpoint at `place`, to the end or to the strike.

    When a rank dies the others are killed, as `torchrun` does.
    """
    place.mkdir(exist_ok=True)
    meeting = place / f"meeting_{len([*place.glob('meeting_*')])}"
    ranks = [
        forked.Process(target=_live, args=(home, place, meeting, world, rank, strike))
        for rank in range(world.size)
    ]
    for process in ranks:
        process.start()
    alive = {process.sentinel: process for process in ranks}
    while alive:
        for sentinel in wait([*alive]):
            ended = alive.pop(sentinel)
            ended.join()
            if ended.exitcode:
                _kill(alive.values())
            _kill_group(ended.pid)  # the workers of its loader outlive it by seconds
    weights = place / "weights.json"
    lived = json.loads(weights.read_text()) if weights.exists() else None
    return Outcome([process.exitcode for process in ranks], lived)


def _kill(processes: Iterable[Any]) -> None:
    for process in processes:
        process.kill()


def _kill_group(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)


def _live(
    home: Path,
    place: Path,
    meeting: Path,
    world: World,
    rank: int,
    strike: Strike | None,
) -> None:
    os.setpgid(0, 0)
    with (place / "said").open("a") as said:  # workers complain when their rank is killed
        os.dup2(said.fileno(), 2)
    # For the workers of its loader, as a process has it that nobody forked from a server.
    multiprocessing.set_start_method("fork", force=True)
    torch.set_num_threads(1)
    if world.size > 1:
        dist.init_process_group(
            "gloo", f"file://{meeting}", timedelta(seconds=60), world.size, rank
        )
    trainer = _Trainer(home, place, world, rank, strike)
    try:
        trainer.train()
    except RuntimeError:  # a rank that it meets is dead
        time.sleep(60)  # until it is killed too
        raise


class _Trainer:
    """One rank of it."""

    def __init__(
        self, home: Path, place: Path, world: World, rank: int, strike: Strike | None
    ) -> None:
        self.place, self.world, self.rank, self.strike = place, world, rank, strike
        self.feed = feed_of(home)
        self.share = Share(rank, world.size, world.accumulation)
        kept = place / "checkpoint.json"
        said = json.loads(kept.read_text()) if kept.exists() else None
        num_vocab = self.feed.rows.tokens.num_vocab
        self.weights = torch.tensor(said["weights"] if said else [0] * num_vocab)
        self.witness = Witness(
            place / "consumed", self.feed, self.share,
            order=home / "order", state=said["witness"] if said else None,
        )  # fmt: skip

    def train(self) -> None:
        batches = iter(
            loader(
                self.feed, self.share,
                from_step=self.witness.step, num_workers=self.world.num_workers,
            )
        )  # fmt: skip
        while self.witness.step < len(self.feed):
            counts = torch.zeros_like(self.weights)
            for _ in range(self.share.accumulation):
                batch = next(batches)
                self.die("before a note")
                self.witness.note(batch["input_ids"], batch["labels"])
                self.die("in a note")
                targets = batch["labels"][batch["labels"] != IGNORED]
                counts += targets.bincount(minlength=len(counts))
            self.die("before the meeting")
            if self.share.world_size > 1:
                dist.all_reduce(counts)
            self.weights = 31 * self.weights + counts
            self.witness.stepped()
            self.die("after the step")
            if self.rank == 0 and self.witness.step % KEPT_EVERY == 0:
                self.keep()
        self.witness.close()
        if self.rank == 0:
            (self.place / "weights.json").write_text(json.dumps(self.weights.tolist()))
        if self.share.world_size > 1:
            dist.destroy_process_group()

    def keep(self) -> None:
        draft = self.place / "checkpoint.draft"
        said = json.dumps({"weights": self.weights.tolist(), "witness": self.witness.state()})
        draft.write_text(said[: len(said) // 2])
        self.die("in a checkpoint")
        draft.write_text(said)
        draft.replace(self.place / "checkpoint.json")

    def die(self, moment: str) -> None:
        strike = self.strike
        if not strike or (strike.moment, strike.rank) != (moment, self.rank):
            return
        if self.witness.step < strike.step:
            return
        if moment == "in a note":  # when a part of it has reached the disk
            file = self.place / "consumed" / self.witness.state()["notes"]
            os.truncate(file, file.stat().st_size - 1 - strike.step % 20)
        os.kill(os.getpid(), signal.SIGKILL)
