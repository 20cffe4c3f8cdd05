"""The witness: what another trainer really consumes, noted while it consumes it.

Each process notes the digest of every row that it is about to learn from (`ledger.row_digests`),
in a file of its own; `consumed` makes one ledger of all the notes, and compares it with the order.
A trainer that is stopped goes on from a checkpoint, in the same world or another; what was noted
after the checkpoint is lived again and no longer counts.

    consumed/feed.json                        what is to be fed: digests, packing, steps
    consumed/from_00000120_rank_0_of_2.notes  the notes of a process from that step on

A note is little-endian: step (u64), micro-batch and how many a step has (u32 each), number of rows
R (u32), BLAKE2b-8 of these, the rows' digests (R × u64), and BLAKE2b-8 of all this.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from upbringing.errors import ArtefactError, InputError, ResumeError
from upbringing.files import read_json, storage, write_json
from upbringing.identity import digest_json
from upbringing.training.feed import IGNORED, Feed, Share
from upbringing.training.ledger import RowDigests, row_digests

FORMAT = "consumed/1"

_HEAD = struct.Struct("<QIII")
_CHECK_BYTES = 8
_NAME = re.compile(r"from_(\d{8})_rank_(\d+)_of_(\d+)\.notes")


class Witness:
    """Notes what one process consumes of a feed.

    `note` takes a micro-batch as the model gets it, `stepped` says that an optimiser step is done.
    `state` goes into the trainer's checkpoint, and back into `Witness(…, state=…)`.
    """

    def __init__(
        self,
        place: Path | str,
        feed: Feed,
        share: Share | None = None,
        *,
        order: Path | str,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin at step 0, or go on from the `state` of a checkpoint.

        `order` is the folder of the feed's order. Raises `InputError` for a share that does not
        divide the batches, `ResumeError` where the notes there are of another feed, or are not
        those that the checkpoint was written with.
        """
        self.place, self.feed, self.share = Path(place), feed, share or Share()
        feed.check(self.share)
        self.step = int(state["step"]) if state else 0
        self._micro = 0
        with storage(self.place):
            self.place.mkdir(parents=True, exist_ok=True)
        _describe(self.place, feed, Path(order))
        if self.share.rank == 0:
            if state:
                _check_notes(self.place, state)
            _forget(self.place, self.step, self.share.world_size)
        self._chain = bytes(32)
        file = NotesFile(self.step, self.share.rank, self.share.world_size)
        self._file = (self.place / file.name).open("wb")

    def note(self, tokens_BT1: Tensor, labels: Tensor) -> None:
        """Note a micro-batch: tokens (B, T + 1), and labels that are `IGNORED` where none counts.

        Labels are the tokens themselves, as models take them that shift them; of rows in which no
        target counts nothing is noted. Raises `InputError` for a micro-batch too many, for one
        after the last step, and for labels that are neither.
        """
        if self.step == len(self.feed):
            raise InputError(
                f"the order ends after {self.step} steps, and the trainer goes on",
                do="train for one epoch, or for no more steps than the order has",
            )
        accumulation = self.share.accumulation
        if self._micro == accumulation:
            raise InputError(
                f"step {self.step} has {accumulation} micro-batches, and here is one more",
                do="give the share the trainer's accumulation, and call `stepped` after each step",
            )
        tokens, targets = tokens_BT1.numpy(force=True), labels.numpy(force=True)[:, 1:]
        counts_BT = targets != IGNORED
        if not np.array_equal(targets[counts_BT], tokens[:, 1:][counts_BT]):
            raise InputError(
                f"the labels in step {self.step}, micro-batch {self._micro}, are not its tokens",
                allowed=f"the tokens, which the model shifts itself; {IGNORED} where none counts",
            )
        real = counts_BT.any(1)
        digests = row_digests(tokens[real], counts_BT[real])
        head = _HEAD.pack(self.step, self._micro, accumulation, len(digests))
        note = head + _check(head) + digests.astype("<u8").tobytes()
        self._chain = _link(self._chain, note)
        with storage(self.place):
            self._file.write(note + _check(note))
            self._file.flush()
        self._micro += 1

    def stepped(self) -> None:
        """An optimiser step is done."""
        self.step, self._micro = self.step + 1, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: the step, whose notes these are, and the chain over them."""
        with storage(self.place):
            os.fsync(self._file.fileno())
        return {
            "step": self.step,
            "notes": Path(self._file.name).name,
            "chain": self._chain.hex(),
        }

    def close(self) -> None:
        """Close the file of notes."""
        self._file.close()


@dataclass(frozen=True, order=True)
class NotesFile:
    """Which process wrote a file of notes, and from which step on."""

    begin: int
    rank: int
    world_size: int

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return f"from_{self.begin:08d}_rank_{self.rank}_of_{self.world_size}.notes"

    @classmethod
    def all_in(cls, place: Path) -> list[NotesFile]:
        """Those of a folder, by step and rank."""
        found = (_NAME.fullmatch(file.name) for file in place.iterdir())
        return sorted(cls(*map(int, match.groups())) for match in found if match)


@dataclass(frozen=True)
class Note:
    """What a process consumed in one micro-batch of a step: digests of its rows, in order."""

    step: int
    micro: int
    num_micro: int
    digests: RowDigests
    raw: bytes


def notes_in(file: Path) -> Iterator[Note]:
    """The notes of a file, in the order in which they were made.

    One that was cut short at the end of the file, as a process leaves it that is killed, is left
    out. Raises `ArtefactError` for any that was changed.
    """
    content = file.read_bytes()
    at = 0
    while (begin := at + _HEAD.size + _CHECK_BYTES) <= len(content):
        step, micro, num_micro, num_rows = _HEAD.unpack_from(content, at)
        # Checked by itself: a number of rows that was changed would look like a note cut short.
        is_whole = _is_checked(content, at, begin - _CHECK_BYTES)
        stop = begin + 8 * num_rows
        if is_whole and stop + _CHECK_BYTES > len(content):
            return
        if not is_whole or not _is_checked(content, at, stop):
            raise ArtefactError(f"the note at byte {at} is damaged", where=str(file))
        raw = content[at:stop]
        digests = np.frombuffer(content[begin:stop], dtype="<u8").astype(np.uint64)
        yield Note(step, micro, num_micro, digests, raw)
        at = stop + _CHECK_BYTES


def described(place: Path) -> dict[str, Any]:
    """`feed.json`; raises `ArtefactError` if it is none or was changed."""
    file = place / "feed.json"
    said: dict[str, Any] = read_json(file)
    found = said.get("format") if isinstance(said, dict) else None
    if found != FORMAT:
        raise ArtefactError(f"has format {found!r}", where=str(file), allowed=FORMAT)
    if digest_json(said.get("feed")) != said.get("digest"):
        raise ArtefactError("was changed after it was written", where=str(file))
    for name in ("order", "corpus"):
        if not isinstance(said.get(name), str):
            raise ArtefactError(f"lacks the field {name!r}: where it lies", where=str(file))
    return said


def _describe(place: Path, feed: Feed, order: Path) -> None:
    """Write what is to be fed, or check that it is what was."""
    rows = feed.rows
    said = {
        "order": rows.order.digest,
        "corpus": rows.order.corpus.digest,
        "tokenizer": rows.tokens.digest,
        "row_length": rows.row_length,
        "packing": rows.packing,
        "attention": rows.attention,
        "stretches": [list(stretch) for stretch in feed.steps.stretches],
    }
    file = place / "feed.json"
    if file.exists():
        there = described(place)["feed"]
        differing = [key for key in said if there.get(key) != said[key]]
        if differing:
            raise ResumeError(
                f"the notes there are of another {', '.join(differing)}",
                where=str(place),
                do="give the same feed, or another folder",
            )
        return
    # Relative, so that the whole tree can be moved.
    lies = {"order": order, "corpus": rows.order.corpus.path}
    relative = {name: os.path.relpath(path, place) for name, path in lies.items()}
    write_json(file, {"format": FORMAT, "digest": digest_json(said), "feed": said, **relative})


def _check_notes(place: Path, state: Mapping[str, Any]) -> None:
    """Raise `ResumeError` unless the notes there are those of the checkpoint."""
    if state["chain"] == bytes(32).hex():
        return  # that life had noted nothing, and another may have taken its place since
    file = place / state["notes"]
    if not file.exists():
        raise ResumeError("the notes of the checkpoint are gone", where=str(file))
    chain = bytes(32)
    for note in notes_in(file):
        if note.step >= state["step"]:
            break
        chain = _link(chain, note.raw)
    if chain.hex() != state["chain"]:
        raise ResumeError(
            f"what was consumed before step {state['step']} is not what the checkpoint says",
            where=str(file),
            do="go on from the checkpoint that belongs to these notes",
        )


def _forget(place: Path, step: int, world_size: int) -> None:
    """Remove the notes of lives that went on from a later step, or from this one in another world.

    Those of this step and world are overwritten, each by its own process.
    """
    for file in NotesFile.all_in(place):
        if file.begin > step or (file.begin == step and file.world_size != world_size):
            (place / file.name).unlink()


def _link(chain: bytes, note: bytes) -> bytes:
    return hashlib.sha256(chain + note).digest()


def _is_checked(content: bytes, begin: int, stop: int) -> bool:
    return _check(content[begin:stop]) == content[stop : stop + _CHECK_BYTES]


def _check(note: bytes) -> bytes:
    return hashlib.blake2b(note, digest_size=_CHECK_BYTES).digest()
