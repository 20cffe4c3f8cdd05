"""The order: which scene is met when, as an artefact that proves what it is.

    order/sequence.npy    scene row (uint32) by position, shape (num_visits,)
    order/positions.npy   positions grouped by scene row, rising: the inverse of the sequence
    order/order.json      manifest: curriculum, seed, phases, digests of sequence and visits

The sequence digest hashes the scenes' 64-bit keys in order, the visits digest the same keys sorted:
two orders with one visits digest are permutations of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.corpus import Corpus
from upbringing.corpus.store import TRAIN
from upbringing.errors import ArtefactError, InputError, Problem
from upbringing.files import open_manifest, staged, write_manifest
from upbringing.identity import digest_array

FORMAT = "order/1"


@dataclass(frozen=True)
class PhaseSpan:
    """A phase in an order: positions `start` to `stop` (exclusive), and its levers."""

    name: str
    start: int
    stop: int
    batch_size: int | None = None
    lr_scale: float = 1.0


@dataclass(frozen=True)
class Order:
    """A sequence of visits to the scenes of a corpus."""

    corpus: Corpus
    sequence: npt.NDArray[np.uint32]
    phases: tuple[PhaseSpan, ...]
    seed: int
    recipe: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ("key", "num_bytes")

    @classmethod
    def from_rows(
        cls,
        corpus: Corpus,
        rows: npt.NDArray[np.integer[Any]],
        *,
        phases: Sequence[PhaseSpan] = (),
        recipe: Mapping[str, Any] | None = None,
        seed: int = 0,
        columns: Sequence[str] = ("key", "num_bytes"),
    ) -> Order:
        """An order from scene rows of `corpus`, shape (num_visits,)."""
        sequence = np.ascontiguousarray(rows, dtype=np.uint32)
        spans = tuple(phases) or (PhaseSpan("life", 0, len(sequence)),)
        return cls(corpus, sequence, spans, seed, recipe or {}, tuple(columns))

    @classmethod
    def from_ids(cls, corpus: Corpus, ids: Sequence[str]) -> Order:
        """An order from anywhere: a list of scene ids, in order, repeats allowed.

        Raises `InputError` for ids that the corpus lacks and for held-out scenes.
        """
        frame = corpus.columns(["id", "split"])
        row_of = dict(zip(frame["id"], range(frame.height), strict=True))
        split = frame["split"]
        problems = [
            Problem(f"no scene has the id {name!r}", f"position {position}")
            if name not in row_of
            else Problem(f"scene {name!r} is held out", f"position {position}")
            for position, name in enumerate(ids)
            if name not in row_of or split[row_of[name]] != TRAIN
        ]
        if problems or not ids:
            raise InputError(problems[:20] or "an order needs at least one scene")
        return cls.from_rows(
            corpus, np.array([row_of[name] for name in ids]), recipe={"ids": "given"}
        )

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
        return digest_array(np.sort(self.corpus.column("key")[self.sequence]))

    @cached_property
    def positions(self) -> npt.NDArray[np.uint32]:
        """The inverse: positions grouped by scene row, rising inside each group."""
        return np.argsort(self.sequence, kind="stable").astype(np.uint32)

    @cached_property
    def num_bytes(self) -> npt.NDArray[np.int64]:
        """UTF-8 bytes of each visit, shape (num_visits,)."""
        return self.corpus.column("num_bytes")[self.sequence].astype(np.int64)

    @cached_property
    def ages(self) -> npt.NDArray[np.float64]:
        """The share of the life's bytes that lies behind each visit, in [0, 1)."""
        read = self.num_bytes.cumsum()
        ages: npt.NDArray[np.float64] = (read - self.num_bytes) / read[-1]
        return ages

    def met(self, row: int) -> npt.NDArray[np.uint32]:
        """The positions at which the scene of that row is met, rising; empty if never."""
        grouped = self.sequence[self.positions]
        low, high = np.searchsorted(grouped, [row, row + 1])
        return self.positions[low:high]

    def at(self, age: float) -> int:
        """The position that is being read at `age`, in [0, 1]."""
        return int(np.searchsorted(self.ages, age, side="right") - 1)

    def phase_at(self, position: int) -> PhaseSpan:
        """The phase that owns a position."""
        return next(span for span in self.phases if position < span.stop)

    def save(self, place: Path) -> Path:
        """Write the artefact at `place`, which must not exist."""
        with staged(place) as draft:
            np.save(draft / "sequence.npy", self.sequence)
            np.save(draft / "positions.npy", self.positions)
            write_manifest(
                draft,
                FORMAT,
                recipe={**self.recipe, "seed": self.seed},
                inputs={"corpus": self.corpus.digest}
                | {f"column {n}": d for n, d in self._column_digests.items()},
                facts={
                    "sequence": self.digest,
                    "visits": self.visits_digest,
                    "num_visits": self.num_visits,
                    "num_bytes": int(self.num_bytes.sum()),
                    "phases": [asdict(span) for span in self.phases],
                },
            )
        return place

    @property
    def _column_digests(self) -> dict[str, str]:
        return self.corpus.digest_of_columns(self.columns)

    @classmethod
    def open(cls, place: Path, corpus: Corpus) -> Order:
        """Open and check an order of `corpus`, memory-mapped.

        Raises `ArtefactError` when it is damaged, or belongs to another corpus.
        """
        place = Path(place)
        manifest = open_manifest(place, FORMAT)
        if manifest.inputs["corpus"] != corpus.digest:
            raise ArtefactError(
                "is an order of another corpus", where=str(place), do=f"not of {corpus.path}"
            )
        recipe = {k: v for k, v in manifest.recipe.items() if k != "seed"}
        order = cls(
            corpus,
            np.load(place / "sequence.npy", mmap_mode="r", allow_pickle=False),
            tuple(PhaseSpan(**span) for span in manifest.facts["phases"]),
            manifest.recipe["seed"],
            recipe,
            tuple(n.removeprefix("column ") for n in manifest.inputs if n.startswith("column ")),
        )
        inverse = np.load(place / "positions.npy", mmap_mode="r", allow_pickle=False)
        order.__dict__["positions"] = inverse
        return order
