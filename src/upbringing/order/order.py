"""The order: which scene is met when, as an artefact that proves what it is.

    order/sequence.npy    scene row (uint32) by position, shape (num_visits,)
    order/keys.npy        the visited scenes' 64-bit keys, sorted, (num_visits,)
    order/positions.npy   position (uint32) of each of these visits, rising inside one scene
    order/read.npy        bytes (int64) that lie behind each visit, and all: (num_visits + 1,)
    order/order.json      manifest: curriculum, seed, phases, digests of sequence and visits

The sequence digest hashes the scenes' keys in order, the visits digest the same keys sorted: two
orders with one visits digest are permutations of each other. The files are memory-mapped: when a
scene is met, and what is read at an age, are binary searches that touch a few pages of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError
from upbringing.files import open_manifest, staged, write_manifest
from upbringing.identity import Keys, digest_array
from upbringing.order.given import check_split, checked_rows, rows_by_place, rows_of_ids
from upbringing.order.levers import Levers
from upbringing.order.sorting import argsort, inverse
from upbringing.order.spans import PhaseSpan, check_spans

FORMAT = "order/3"

_COLUMN = "column "  # before the names of columns among the inputs

Positions = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Meetings:
    """Every visit, grouped by scene: `keys` (num_visits,) sorted, and the `positions` of them."""

    keys: Keys
    positions: Positions

    def of(self, key: int) -> Positions:
        """The positions at which the scene of that key is met, rising; empty if never."""
        # The key as uint64, since for a number of another type NumPy would convert the whole array.
        low, high = (np.searchsorted(self.keys, np.uint64(key), side) for side in ("left", "right"))
        return self.positions[low:high]


@dataclass(frozen=True)
class Order:
    """A sequence of visits to the scenes of a corpus."""

    corpus: Corpus
    sequence: npt.NDArray[np.uint32]
    phases: tuple[PhaseSpan, ...]
    seed: int
    recipe: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ("key", "num_bytes")
    inputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_rows(
        cls,
        corpus: Corpus,
        rows: npt.ArrayLike,
        *,
        phases: Sequence[PhaseSpan] = (),
        recipe: Mapping[str, Any] | None = None,
        seed: int = 0,
        columns: Sequence[str] = ("key", "num_bytes"),
        inputs: Mapping[str, str] | None = None,
    ) -> Order:
        """An order from scene rows of `corpus`, shape (num_visits,), repeats allowed.

        `columns` are those that the rows depend on, `inputs` the digests of what else they do; who
        names `split` among the columns has left the held-out scenes out. Raises `InputError` for
        rows that the corpus lacks, for held-out scenes and for phases that do not follow one
        another from the first visit to the last.
        """
        sequence = checked_rows(corpus, rows)
        if "split" not in columns:
            check_split(corpus, sequence)
        spans = tuple(phases) or (PhaseSpan("life", 0, len(sequence)),)
        check_spans(spans, len(sequence))
        return cls(corpus, sequence, spans, seed, recipe or {}, tuple(columns), inputs or {})

    @classmethod
    def from_ids(
        cls, corpus: Corpus, ids: Sequence[str], *, phases: Sequence[PhaseSpan] = ()
    ) -> Order:
        """An order from anywhere: a list of scene ids, in order, repeats allowed.

        Raises `InputError` for ids that the corpus lacks and for held-out scenes.
        """
        rows = rows_of_ids(corpus, ids)
        return cls.from_rows(corpus, rows, phases=phases, recipe={"ids": "given"})

    @classmethod
    def from_places(
        cls, corpus: Corpus, places: pl.Series | npt.ArrayLike | Sequence[float | None]
    ) -> Order:
        """An order from anywhere: a place, a sort key, for each row of `corpus`: (num_scenes,).

        Scenes are met once, by rising place, ties by key; NaN and None are never met. Raises
        `InputError` for another number of places, for what is no number, for a held-out scene with
        a place and where no scene has any.
        """
        rows = rows_by_place(corpus, places)
        columns = ("key", "num_bytes", "split")
        return cls.from_rows(corpus, rows, recipe={"places": "given"}, columns=columns)

    @property
    def num_visits(self) -> int:
        """Number of meetings with scenes."""
        return len(self.sequence)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the visited scenes' keys in order (`identity.digest_array` of uint64)."""
        return digest_array(self.corpus.column("key")[self.sequence])

    @cached_property
    def visits_digest(self) -> str:
        """SHA-256 of the same keys sorted: equal for permutations of the same visits."""
        return digest_array(self.meetings.keys)

    @cached_property
    def meetings(self) -> Meetings:
        """The inverse of the sequence: every visit by scene."""
        keys = self.corpus.column("key")
        # One sort of whole words: the scene's rank by key above, the position below.
        words = inverse(argsort(keys, keys))[self.sequence].astype(np.uint64) << np.uint64(32)
        words |= np.arange(self.num_visits, dtype=np.uint64)
        words.sort()
        positions = words.astype(np.uint32)
        return Meetings(keys[self.sequence[positions]], positions)

    @cached_property
    def read(self) -> npt.NDArray[np.int64]:
        """UTF-8 bytes that lie behind each visit, and all of them: (num_visits + 1,)."""
        num_bytes = self.corpus.column("num_bytes")[self.sequence]
        return np.concatenate([[0], num_bytes.cumsum(dtype=np.int64)])

    @property
    def num_bytes(self) -> npt.NDArray[np.int64]:
        """UTF-8 bytes of each visit, shape (num_visits,)."""
        return np.diff(self.read)

    @property
    def ages(self) -> npt.NDArray[np.float64]:
        """The share of the life's bytes that lies behind each visit, in [0, 1): (num_visits,)."""
        ages: npt.NDArray[np.float64] = self.read[:-1] / self.read[-1]
        return ages

    @property
    def stretches(self) -> list[tuple[int, Levers]]:
        """The positions at which stretches of levers begin, rising, with their levers."""
        return [stretch for span in self.phases for stretch in span.stretches]

    def age_of(self, position: int) -> float:
        """The share of the life's bytes that lies behind a position; 1 behind the last visit."""
        return int(self.read[position]) / int(self.read[-1])

    def met(self, row: int) -> Positions:
        """The positions at which the scene of that row is met, rising; empty if never."""
        return self.meetings.of(self.scene(row, ["key"])["key"])

    def at(self, age: float) -> int:
        """The position that is being read at `age`, in [0, 1]."""
        return bisect_right(range(self.num_visits), age, key=self.age_of) - 1

    def phase_at(self, position: int) -> PhaseSpan:
        """The phase that owns a position."""
        return next(span for span in self.phases if position < span.stop)

    def scene(self, row: int, columns: Sequence[str]) -> dict[str, Any]:
        """These columns of one scene, read without those of the others."""
        return self._scenes.select(columns).slice(row, 1).collect().row(0, named=True)

    @cached_property
    def _scenes(self) -> pl.LazyFrame:
        """The corpus unread. Kept, since it knows where in the file the scenes lie."""
        return pl.scan_parquet(self.corpus.path / "scenes.parquet", glob=False)

    def save(self, place: Path) -> Path:
        """Write the artefact at `place`, which must not exist."""
        with staged(place) as draft:
            np.save(draft / "sequence.npy", self.sequence)
            np.save(draft / "keys.npy", self.meetings.keys)
            np.save(draft / "positions.npy", self.meetings.positions)
            np.save(draft / "read.npy", self.read)
            write_manifest(
                draft,
                FORMAT,
                recipe={**self.recipe, "seed": self.seed},
                inputs={
                    "corpus": self.corpus.digest,
                    **{f"{_COLUMN}{n}": d for n, d in self._column_digests.items()},
                    **self.inputs,
                },
                facts={
                    "sequence": self.digest,
                    "visits": self.visits_digest,
                    "num_visits": self.num_visits,
                    "num_bytes": int(self.read[-1]),
                    "phases": [span.as_json() for span in self.phases],
                },
            )
        return place

    @property
    def _column_digests(self) -> dict[str, str]:
        return self.corpus.digest_of_columns(self.columns)

    @classmethod
    def open(cls, place: Path, corpus: Corpus, *, whole: bool = True) -> Order:
        """Open and check an order of `corpus`, memory-mapped.

        Where not the `whole` of it, files are checked by their sizes only: for `moment` and
        `acquaintance`, which check what they read of it. Raises `ArtefactError` when it is damaged,
        or belongs to another corpus.
        """
        place = Path(place)
        manifest = open_manifest(place, FORMAT, whole=whole)
        if manifest.inputs["corpus"] != corpus.digest:
            raise ArtefactError(
                "is an order of another corpus", where=str(place), do=f"not of {corpus.path}"
            )
        recipe = {k: v for k, v in manifest.recipe.items() if k != "seed"}
        order = cls(
            corpus,
            _mapped(place / "sequence.npy"),
            tuple(map(PhaseSpan.from_json, manifest.facts["phases"])),
            manifest.recipe["seed"],
            recipe,
            tuple(n.removeprefix(_COLUMN) for n in manifest.inputs if n.startswith(_COLUMN)),
            {
                name: digest
                for name, digest in manifest.inputs.items()
                if name != "corpus" and not name.startswith(_COLUMN)
            },
        )
        meetings = Meetings(_mapped(place / "keys.npy"), _mapped(place / "positions.npy"))
        order.__dict__.update(meetings=meetings, read=_mapped(place / "read.npy"))
        if int(order.read[-1]) != manifest.facts["num_bytes"]:
            raise ArtefactError("is damaged", where=str(place / "read.npy"), do="make it again")
        return order


def _mapped(file: Path) -> npt.NDArray[Any]:
    mapped: npt.NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    return mapped
