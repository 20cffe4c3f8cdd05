"""Visits: an order as records with their text, a stretch of them at a time.

Takes an order, gives for any positions a frame of `COLUMNS`. A corpus's texts lie in compressed
groups; in another order each group would be read again and again. So they are laid end to end once,
in a scratch file, and gathered from there: memory is that of one stretch and of the scenes' ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import Corpus
from upbringing.files import storage
from upbringing.order import Order

COLUMNS: Mapping[str, pl.DataType] = {
    "id": pl.String(),
    "text": pl.String(),
    "kind": pl.String(),
    "position": pl.Int64(),
    "phase": pl.String(),
}
"""A visit: the scene's id, text and kind; its place in the order, from 0; the phase it is in."""

Positions = npt.NDArray[np.int64]

_SCENES_AT_ONCE = 16_384
_VISITS_AT_ONCE = 65_536
_BYTES_AT_ONCE = 1 << 25


@dataclass(frozen=True)
class Visits:
    """The visits of an order. `texts` are the corpus's texts end to end, `ends` where each ends."""

    order: Order
    texts: memoryview
    ends: npt.NDArray[np.int64]
    scenes: pl.DataFrame

    def at(self, positions: Positions) -> pl.DataFrame:
        """The visits at these positions, (n,), as a frame of `COLUMNS`."""
        rows = np.asarray(self.order.sequence[positions], dtype=np.int64)
        borders = zip(self.ends[rows].tolist(), self.ends[rows + 1].tolist(), strict=True)
        stops = [span.stop for span in self.order.phases]
        names = pl.Series([span.name for span in self.order.phases], dtype=pl.String)
        scenes = self.scenes[rows]
        return pl.DataFrame(
            {
                "id": scenes["id"],
                "text": [str(self.texts[begin:end], "utf-8") for begin, end in borders],
                "kind": scenes["kind"],
                "position": positions,
                "phase": names[np.searchsorted(stops, positions, side="right")],
            },
            schema=COLUMNS,
        )

    def of_rank(self, rank: int, ranks: int) -> Iterator[pl.DataFrame]:
        """Every `ranks`-th visit from `rank` on, a stretch at a time."""
        for positions in self.stretches(rank, ranks):
            yield self.at(positions)

    def stretches(self, rank: int, ranks: int) -> list[Positions]:
        """The positions of one rank, cut where so many visits or bytes are reached."""
        positions = np.arange(rank, self.order.num_visits, ranks)
        num_bytes = self.order.num_bytes[positions].cumsum()
        begins = np.flatnonzero(np.diff(num_bytes // _BYTES_AT_ONCE)) + 1
        by_number = np.arange(_VISITS_AT_ONCE, len(positions), _VISITS_AT_ONCE)
        return np.split(positions, np.union1d(begins, by_number))


def dealt(num_visits: int, ranks: int) -> Positions:
    """The positions in the order in which files hold them: those of each rank, one after another.

    Rank r has r, r + ranks, r + 2 · ranks, …: whatever a rank takes at once, the ranks together
    take visits that follow one another.
    """
    return np.concatenate([np.arange(rank, num_visits, ranks) for rank in range(ranks)])


def stem(rank: int, ranks: int) -> str:
    """The name of the files of a rank; sorted by name, they are sorted by rank."""
    return "visits" if ranks == 1 else f"visits-rank-{rank:04d}-of-{ranks:04d}"


@contextmanager
def visits_of(order: Order, scratch: Path | None = None) -> Iterator[Visits]:
    """The visits of an order, as long as the context lasts; `scratch` is where the texts may lie.

    Raises `StorageError` where there is no room for them.
    """
    folder = scratch or Path(gettempdir())
    with TemporaryFile(dir=folder) as file:
        with storage(folder):
            ends = _lay_out(order.corpus, file)
        texts = np.memmap(file, dtype=np.uint8, mode="r").data
        yield Visits(order, texts, ends, order.corpus.columns(["id", "kind"]))


def _lay_out(corpus: Corpus, file: IO[bytes]) -> npt.NDArray[np.int64]:
    """Write all texts end to end; where each begins, and the last ends: (num_scenes + 1,)."""
    lengths = []
    for first in range(0, corpus.num_scenes, _SCENES_AT_ONCE):
        rows = np.arange(first, min(first + _SCENES_AT_ONCE, corpus.num_scenes))
        texts = corpus.scenes_at(rows, ["text"])["text"]
        lengths.append(texts.str.len_bytes().to_numpy())
        file.write("".join(texts).encode())
    file.write(b"\0")  # an empty file cannot be mapped
    file.flush()
    return np.concatenate([[0], np.concatenate(lengths).cumsum(dtype=np.int64)])
