"""Consumed: the notes of all processes of a trainer as one ledger, compared with the order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from upbringing.corpus import Corpus, load_tokenizer, tokenize
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
        order = Order.open((place / whole["order"]).resolve(), corpus)
        if order.digest != said["order"]:
            raise ArtefactError("is not the order that was to be fed", where=whole["order"])
        tokens = tokenize(corpus, load_tokenizer(corpus.path / "tokens" / said["tokenizer"]))
        rows = Rows(order, tokens, said["row_length"], said["packing"], said["attention"])
        return cls(place, Feed(rows, Cut.of_stretches(rows.num_rows, said["stretches"])))

    def ledger(self) -> Ledger:
        """One ledger of all notes, as far as every process has noted.

        Of lives that went on from a checkpoint, a step counts as it was lived last.
        """
        ledger = Ledger()
        worlds = [
            list(files)
            for _, files in groupby(NotesFile.all_in(self.place), lambda file: file.begin)
        ]
        for number, files in enumerate(worlds):
            if files[0].begin != len(ledger.chain):
                break  # the life before was not noted to where this one goes on
            after = worlds[number + 1][0].begin if number + 1 < len(worlds) else None
            lived = _steps_of(self.place, files)
            while len(ledger.chain) != after and len(ledger.chain) in lived:
                ledger.add(lived[len(ledger.chain)])
        return ledger

    def verify(self) -> str:
        """Check that what was consumed is the order; gives a line that says how far, and the chain.

        Raises `VerificationError` with the first divergence: step, row, expected and found scene.
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


def _steps_of(place: Path, files: list[NotesFile]) -> Mapping[int, RowDigests]:
    """The rows of every step that all processes of a world have noted whole, in order."""
    pieces: dict[int, dict[tuple[int, int], RowDigests]] = defaultdict(dict)
    due: dict[int, int] = {}
    for file in files:
        for note in notes_in(place / file.name):
            pieces[note.step][note.micro, file.rank] = note.digests
            due[note.step] = note.num_micro * file.world_size
    return {
        step: np.concatenate([noted[key] for key in sorted(noted)])
        for step, noted in pieces.items()
        if len(noted) == due[step]
    }
