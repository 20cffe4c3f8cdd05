"""The ledger: the proof of what a run really consumed.

For each optimiser step it holds a digest of every row that went into the model, hashed from the
very tensor that was fed, and a hash chain over all steps so far. `first_divergence` compares it
with what the order says and names the step, the row, the expected and the found scene.

    row digest   BLAKE2b-8 of the row's T + 1 tokens (uint32), its number of counted targets
                 (uint32) and, where these are not its first, a byte for each target (1: it counts),
                 all little-endian, as a uint64
    chain        SHA-256(chain before ‖ step (uint64) ‖ row digests (uint64 each)), from 32 zeros
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.errors import ArtefactError
from upbringing.order import Rows
from upbringing.training.feed import Batch
from upbringing.training.levers import Cut

RowDigests = npt.NDArray[np.uint64]

_START = bytes(32)


def row_digests(tokens_RT1: npt.NDArray[Any], counts_RT: npt.NDArray[np.bool_]) -> RowDigests:
    """The digest of each row, shape (R,)."""
    counted = counts_RT.sum(1, keepdims=True).astype("<u4")
    content = [row.tobytes() for row in np.hstack([tokens_RT1.astype("<u4"), counted])]
    in_front = np.arange(counts_RT.shape[1]) < counted
    for row in np.flatnonzero((counts_RT != in_front).any(1)):
        content[row] += counts_RT[row].tobytes()
    joined = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in content)
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def digests_fed(batch: Batch) -> RowDigests:
    """The digest of each row of a batch, hashed from the tensors that the model is fed."""
    tokens_RT1 = batch.tokens_BT1[: batch.num_rows].numpy(force=True)
    counts_RT = batch.weights_BT[: batch.num_rows].numpy(force=True) != 0
    return row_digests(tokens_RT1, counts_RT)


@dataclass
class Ledger:
    """The record of a life so far: row digests and the chain after each step."""

    rows: list[RowDigests] = field(default_factory=list)
    chain: list[bytes] = field(default_factory=list)

    def add(self, digests: RowDigests) -> None:
        """Add a step of rows whose digests are known."""
        before = self.chain[-1] if self.chain else _START
        step = len(self.chain).to_bytes(8, "little")
        self.rows.append(digests)
        self.chain.append(hashlib.sha256(before + step + digests.astype("<u8").tobytes()).digest())

    @property
    def digest(self) -> str:
        """The chain after the last step, hex."""
        return (self.chain[-1] if self.chain else _START).hex()

    def save(self, file: Path) -> None:
        """Write the ledger as Parquet: step, rows (list of uint64), chain (hex)."""
        pl.DataFrame(
            {
                "step": np.arange(len(self.chain), dtype=np.uint32),
                "rows": pl.Series(self.rows, dtype=pl.List(pl.UInt64)),
                "chain": [link.hex() for link in self.chain],
            }
        ).write_parquet(file)

    @classmethod
    def open(cls, file: Path) -> Ledger:
        """Read a ledger; raises `ArtefactError` if it is none, or where its chain breaks."""
        try:
            frame = pl.read_parquet(file, columns=["rows", "chain"], glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArtefactError(f"is not a ledger: {error}", where=str(file)) from error
        ledger = cls()
        for step, (rows, link) in enumerate(frame.iter_rows()):
            ledger.add(np.array(rows, dtype=np.uint64))
            if ledger.digest != link:
                raise ArtefactError(f"the chain breaks at step {step}", where=str(file))
        return ledger


@dataclass(frozen=True)
class Divergence:
    """The first place where a run and its order differ."""

    step: int
    row: int
    expected: str
    found: str

    def __str__(self) -> str:
        return f"step {self.step}, row {self.row}: expected {self.expected}, found {self.found}"


def first_divergence(ledger: Ledger, rows: Rows, steps: Cut) -> Divergence | None:
    """Compare what was consumed with what the order says; None when they are equal throughout.

    The scenes are named by the ids of those that the row begins and ends in. A found row that
    stands elsewhere in the order is named by its own scenes, of several equal ones the nearest, and
    any other as foreign.
    """
    expected = order_digests(rows)
    for step, found in enumerate(ledger.rows[: len(steps)]):
        first = int(steps.first_row[step])
        due = expected[first : first + int(steps.num_rows[step])]
        if np.array_equal(found, due):
            continue
        width = min(len(found), len(due))
        differs = np.flatnonzero(found[:width] != due[:width])
        offset = int(differs[0]) if differs.size else width
        row = first + offset
        what = _name_found(found, offset, row, expected, rows)
        return Divergence(step, row, _name_due(row, first + len(due), rows), what)
    if len(ledger.rows) == len(steps):
        return None
    step = min(len(ledger.rows), len(steps))
    if len(ledger.rows) > len(steps):
        row, more = int(steps.num_rows.sum()), ledger.rows[step]
        what = _name_found(more, 0, row, expected, rows) if len(more) else "a step without rows"
        return Divergence(step, row, "the end of the life", what)
    row = int(steps.first_row[step])
    return Divergence(step, row, _scenes(row, rows), "nothing: the ledger ends here")


def order_digests(rows: Rows) -> RowDigests:
    """The digest of every row of an order, shape (num_rows,)."""
    parts = [
        row_digests(*rows.gather(first, min(1024, rows.num_rows - first)))
        for first in range(0, rows.num_rows, 1024)
    ]
    return np.concatenate(parts)


def _name_due(row: int, stop: int, rows: Rows) -> str:
    return _scenes(row, rows) if row < stop else "no further row in this step"


def _name_found(found: RowDigests, offset: int, row: int, expected: RowDigests, rows: Rows) -> str:
    if offset >= len(found):
        return "nothing: the row was dropped"
    places = np.flatnonzero(expected == found[offset])
    if not places.size:
        return f"a row that is not in the order (digest {int(found[offset]):016x})"
    nearest = int(places[np.abs(places - row).argmin()])
    return f"row {nearest}, {_scenes(nearest, rows)}"


def _scenes(row: int, rows: Rows) -> str:
    low, high = rows.visits_of_row(row)
    ids = rows.order.corpus.columns(["id"])["id"]
    first, last = (ids[int(rows.order.sequence[visit])] for visit in (low, high - 1))
    return f"scene {first}" if first == last else f"scenes {first} … {last}"
