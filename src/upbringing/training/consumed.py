"""Consumed: the notes of all processes of a trainer as one ledger, compared with the order.

A trainer that was stopped and went on has left the notes of several lives, each from a step on and
in a world of its own. A step counts as it was lived last. Processes meet at every step, so when all
are killed some have noted one step more than others; that step doesn't count. A process whose notes
are missing, or end earlier than that, is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from upbringing.corpus import Corpus, open_tokens
from upbringing.errors import ArtefactError, VerificationError
from upbringing.order import Order, Rows
from upbringing.training.feed import Feed
from upbringing.training.ledger import Ledger, RowDigests, first_divergence
from upbringing.training.levers import Cut
from upbringing.training.witness import NotesFile, described, notes_in


@dataclass(frozen=True)
class Consumed:
    """What a trainer consumed of a feed, whole or so far."""

    place: Path
    feed: Feed

    @classmethod
    def open(cls, place: Path | str) -> Consumed:
        """Open the notes at `place` with the feed that they are of, from where it lies.

        Raises `ArtefactError` where one of them is damaged or another.
        """
        place = Path(place)
        whole = described(place)
        said = whole["feed"]
        corpus = Corpus.open((place / whole["corpus"]).resolve())
        lies = (place / whole["order"]).resolve()
        order = Order.open(lies, corpus)
        if order.digest != said["order"]:
            raise ArtefactError(f"is not the order that {place} was to be fed", where=str(lies))
        tokens = open_tokens(corpus, said["tokenizer"])
        rows = Rows(order, tokens, said["row_length"], said["packing"], said["attention"])
        return cls(place, Feed(rows, Cut.of_stretches(rows.num_rows, said["stretches"])))

    def ledger(self) -> Ledger:
        """One ledger of all notes, as far as every process has noted.

        Raises `ArtefactError` where notes are missing or damaged.
        """
        lives = [life for life in _lives_in(self.place) if life.stop > life.begin]
        if lives and lives[0].begin:
            before = f"the notes of the steps before {lives[0].begin} are missing"
            raise ArtefactError(before, where=str(self.place))
        ledger = Ledger()
        for life, next_life in zip_longest(lives, lives[1:]):
            stop = life.stop if next_life is None else next_life.begin
            if stop == life.begin:
                raise ArtefactError(
                    f"holds the notes of two worlds from step {stop} on", where=str(self.place)
                )
            for step in range(life.begin, stop):
                ledger.add(life.rows(step))
        return ledger

    def verify(self) -> str:
        """Check that what was consumed is the order; gives a line that says how far, and the chain.

        Raises `VerificationError` with the first divergence: step, row, expected and found scene;
        `ArtefactError` where notes are missing or damaged.
        """
        ledger = self.ledger()
        lived = len(ledger.chain)
        if not lived:
            raise VerificationError("nothing was consumed", where=str(self.place))
        steps = self.feed.steps
        divergence = first_divergence(ledger, self.feed.rows, steps.first(lived))
        if divergence:
            raise VerificationError(str(divergence), where=str(self.place))
        how_far = "" if lived == len(steps) else f" {lived:,} of {len(steps):,} steps of"
        return f"consumed{how_far} its order, row by row; ledger {ledger.digest[:16]}"


@dataclass(frozen=True)
class _Process:
    """What one process noted from a step on: of each whole step, the rows of each micro-batch."""

    where: Path
    begin: int
    steps: list[list[RowDigests]]

    @classmethod
    def read(cls, place: Path, file: NotesFile) -> _Process:
        """Its notes, none where there is no file. Raises `ArtefactError` for those out of turn."""
        where = place / file.name
        steps: list[list[RowDigests]] = []
        step: list[RowDigests] = []
        for note in notes_in(where) if where.exists() else ():
            due = file.begin + len(steps), len(step)
            if (note.step, note.micro) != due:
                raise ArtefactError(
                    f"step {due[0]}, micro-batch {due[1]} is due, and step {note.step}, "
                    f"micro-batch {note.micro} is noted",
                    where=str(where),
                )
            step.append(note.digests)
            if len(step) == note.num_micro:
                steps.append(step)
                step = []
        return cls(where, file.begin, steps)

    def rows(self, step: int) -> list[RowDigests]:
        """The rows of each micro-batch of a step; raises `ArtefactError` where it is not noted."""
        if step - self.begin >= len(self.steps):
            what = (
                f"its notes end before step {step}, and others go further"
                if self.where.exists()
                else "the notes of this process are missing, and there are those of others"
            )
            raise ArtefactError(what, where=str(self.where))
        return self.steps[step - self.begin]


@dataclass(frozen=True)
class _Life:
    """What the processes of a world noted from a step on, by rank."""

    begin: int
    processes: list[_Process]

    @property
    def stop(self) -> int:
        """The first step that not all of them need have noted whole when they are killed."""
        lengths = [len(process.steps) for process in self.processes]
        return self.begin + max(min(lengths), max(lengths) - 1)

    def rows(self, step: int) -> RowDigests:
        """The rows of a step in order; raises `ArtefactError` where a process has not noted it."""
        shares = [process.rows(step) for process in self.processes]
        for process, share in zip(self.processes, shares, strict=True):
            if len(share) != len(shares[0]):
                raise ArtefactError(
                    f"step {step} has {len(share)} micro-batches, and {len(shares[0])} on rank 0",
                    where=str(process.where),
                )
        return np.concatenate([piece for micro in zip(*shares, strict=True) for piece in micro])


def _lives_in(place: Path) -> list[_Life]:
    """The lives of a folder of notes, by the step from which they are."""
    worlds = sorted({(file.begin, file.world_size) for file in NotesFile.all_in(place)})
    return [
        _Life(begin, [_Process.read(place, NotesFile(begin, rank, size)) for rank in range(size)])
        for begin, size in worlds
    ]
