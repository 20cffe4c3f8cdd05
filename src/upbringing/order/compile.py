"""Compile: curriculum + corpus → the exact sequence of visits.

Every phase selects its scenes and ranks them; one sort by (phase, pass, rank, scene key) is the
order. The result is a pure function of the corpus columns that the curriculum reads, the curriculum
and the seed. Only scenes of the `train` split can be visited.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.store import TRAIN
from upbringing.corpus.vectors import Vectors, vectors_of
from upbringing.errors import InputError, Problem, SettingsError
from upbringing.order.additions import Life, Pinned, ages_of_dates, rehearsed, with_events
from upbringing.order.chain import strands
from upbringing.order.claims import Claims, claims_of, life_of, raise_all
from upbringing.order.controls import controlled
from upbringing.order.curriculum import Curriculum
from upbringing.order.joining import joined
from upbringing.order.order import Order
from upbringing.order.parameters import DATE
from upbringing.order.phases import InnerPhase
from upbringing.order.places import VECTORS, Selected, columns_read, ranks_of
from upbringing.order.selection import Path, Selection
from upbringing.order.sorting import Ranks, Rows, argsort, inverse, taken
from upbringing.order.spans import PhaseSpan
from upbringing.own_files import SUFFIX, digest_of_file

_NONE: Rows = np.zeros(0, dtype=np.uint32)


def compile_order(corpus: Corpus, curriculum: Curriculum, *, seed: int | None = None) -> Order:
    """The order that `curriculum` gives on `corpus`; `seed` takes the place of its own.

    Raises `SettingsError` with every selection that is empty, overlaps another or names what the
    corpus does not have.
    """
    seed = curriculum.seed if seed is None else seed
    reads = _reads(curriculum)
    files = [name for name in reads if name.endswith(SUFFIX)]
    names = [name for name in reads if name not in files and name != VECTORS]
    vectors = vectors_of(corpus, curriculum.vectors) if VECTORS in reads else None
    sequence, spans = lay(_columns(corpus, names, curriculum), curriculum, seed, vectors)
    return Order.from_rows(
        corpus,
        sequence,
        phases=spans,
        recipe={"curriculum": curriculum.model_dump(mode="json", exclude_defaults=True)},
        inputs={
            **({VECTORS: vectors.digest} if vectors else {}),
            **{f"strategies {file}": digest_of_file(file) for file in files},
        },
        seed=seed,
        columns=names,
    )


def _columns(corpus: Corpus, names: Sequence[str], curriculum: Curriculum) -> pl.DataFrame:
    """These columns; `SettingsError` where the curriculum asks for dates and there are none."""
    if DATE in names and DATE not in corpus.column_names:
        raise SettingsError(
            "the curriculum asks for dates, and no scene of the corpus has one",
            where=curriculum.where(),
            do="ingest texts that carry a date",
        )
    return corpus.columns(names)


def lay(
    columns: pl.DataFrame, curriculum: Curriculum, seed: int, vectors: Vectors | None = None
) -> tuple[Rows, list[PhaseSpan]]:
    """The rows visited, in order, and the phases' spans; `columns` are those that it reads.

    Shape (num_visits,). Raises as `compile_order` does.
    """
    scenes = life_of(columns.with_row_index("row").filter(split=TRAIN), curriculum, vectors)
    claims = claims_of(scenes, curriculum, seed, vectors)
    life = Life(columns["key"].to_numpy(), columns["num_bytes"].to_numpy(), seed)
    return _Compiled(curriculum, scenes, claims, life, vectors).whole()


def _reads(curriculum: Curriculum) -> tuple[str, ...]:
    """What the order depends on, in a fixed order: corpus columns, `VECTORS`, own files."""
    names = ["key", "split", "num_bytes"]
    selections: list[object] = [phase.scenes for _, phase in curriculum.leaves()]
    selections += [phase.rehearse.scenes for phase in curriculum.phases if phase.rehearse]
    selections += [event.scenes for event in curriculum.events]
    for selection in (*selections, curriculum.scenes):
        if isinstance(selection, Selection):
            names += selection.reads()
    for _, phase in curriculum.leaves():
        names += _read_in(phase)
    names += [DATE for event in curriculum.events if event.ages == DATE]
    return tuple(dict.fromkeys(names))


def _read_in(phase: InnerPhase) -> tuple[str, ...]:
    """What the places inside a phase depend on besides key."""
    return (*columns_read(phase.arrange), *(("document", "place") if phase.keep else ()))


@dataclass(frozen=True)
class _Compiled:
    """A curriculum on the scenes of a life (with their row in the corpus), ready to be laid."""

    curriculum: Curriculum
    scenes: pl.DataFrame
    claims: Claims
    life: Life
    vectors: Vectors | None
    problems: list[Problem] = field(default_factory=list)

    def whole(self) -> tuple[Rows, list[PhaseSpan]]:
        """Every visit in order, and the phases' spans."""
        parts: list[Rows] = []
        for number, phase in enumerate(self.curriculum.phases):
            own = self._visits(phase, ("phases", number), f"order/{phase.name}")
            parts.append(self._with_rehearsal(own, number, parts))
        pinned = self._pinned()
        raise_all(self.problems)
        starts = np.cumsum([0, *map(len, parts)]).tolist()[:-1]
        sequence, starts = with_events(np.concatenate(parts), starts, pinned, self.life)
        if self.curriculum.control is not None:
            with self._noting("control"):
                sequence, starts = controlled(self.curriculum.control, sequence, starts, self.life)
            raise_all(self.problems)
        spans = [
            PhaseSpan(phase.name, *span, phase.levers, self._apart(number))
            for number, (phase, span) in enumerate(
                zip(self.curriculum.phases, pairwise([*starts, len(sequence)]), strict=True)
            )
        ]
        return sequence, [self._with_passes(*of, sequence) for of in enumerate(spans)]

    def _with_passes(self, number: int, span: PhaseSpan, sequence: Rows) -> PhaseSpan:
        """The span with the levers of its passes, each an equal part of the phase's bytes."""
        phase = self.curriculum.phases[number]
        (_, first), *later = phase.levers_by_pass.items()
        if not later:
            return replace(span, levers=first)
        read = self.life.read(sequence[span.start : span.stop])
        behind = [read[-1] * n // phase.passes.count for n, _ in later]
        begins = (span.start + np.searchsorted(read, behind)).tolist()
        levers = (levers for _, levers in later)
        return replace(span, levers=first, later=tuple(zip(begins, levers, strict=True)))

    def _apart(self, number: int) -> int | None:
        """How far apart a phase holds the scenes that it links; None where it links none."""
        phase = self.curriculum.phases[number]
        chained = phase.arrange.get("chain")
        if chained is None or phase.phases or phase.keep or self.curriculum.control:
            return None
        if chained["linked"] == "context":
            return 1
        return strands(int(self.claims.of("phases", number).sum()), chained["apart"])[0]

    @contextmanager
    def _noting(self, *path: int | str) -> Iterator[None]:
        """Note what goes wrong inside as problems at that place in the file."""
        try:
            yield
        except InputError as error:
            where = self.curriculum.where(*path)
            self.problems.extend(replace(problem, where=where) for problem in error.problems)

    def _visits(self, phase: InnerPhase, path: Path, purpose: str) -> Rows:
        """The visits of a phase in all its passes; `purpose` keys its draws."""
        again = phase.passes.again
        passes = []
        for number in range(phase.passes.count):
            drawn = f"{purpose}/{number if again == 'anew' else 0}"
            once = (
                self._joined(phase, path, drawn)
                if phase.phases
                else self._arranged(phase, path, drawn)
            )
            passes.append(once[::-1] if again == "reversed" and number % 2 else once)
        return np.concatenate(passes)

    def _joined(self, phase: InnerPhase, path: Path, purpose: str) -> Rows:
        """The visits of the phases inside a phase, once."""
        parts = {
            inner.name: self._visits(inner, (*path, "phases", number), f"{purpose}/{inner.name}")
            for number, inner in enumerate(phase.phases)
        }
        with self._noting(*path, "join"):
            return joined(phase.join, parts, self.life.seed, purpose)
        return _NONE

    def _arranged(self, phase: InnerPhase, path: Path, purpose: str) -> Rows:
        """The rows of a phase's scenes, once, in order."""
        reads = {"row", "key", *_read_in(phase)}
        columns = self.scenes.select(name for name in self.scenes.columns if name in reads)
        scenes = columns.filter(self.claims.of(*path))
        rows = scenes["row"].to_numpy()
        selected = Selected(scenes, self.life.seed, purpose)
        if self.vectors is not None:
            selected = replace(selected, vectors=partial(self.vectors.of, rows))
        with self._noting(*path, "arrange"):
            order = argsort(ranks_of(phase.arrange, selected), selected.keys)
            if phase.keep:
                order = argsort(_kept_together(scenes, inverse(order)), selected.keys)
            return taken(rows, order)
        return _NONE

    def _with_rehearsal(self, own: Rows, number: int, earlier: list[Rows]) -> Rows:
        """The visits of a phase with those of earlier phases that come back in it."""
        phase = self.curriculum.phases[number]
        if phase.rehearse is None or self.problems:
            return own
        path = ("phases", number, "rehearse")
        may_return = self.scenes["row"].filter(self.claims.rehearsals[number]).to_numpy()
        met = np.intersect1d(np.concatenate([_NONE, *earlier]), may_return)
        if not len(met):
            what = f"phase {phase.name!r} rehearses what was never met"
            self.problems.append(Problem(what, self.curriculum.where(*path)))
            return own
        share, spacing = phase.rehearse.share, phase.rehearse.spacing
        return rehearsed(own, met, share, spacing, phase.name, self.life)

    def _pinned(self) -> list[Pinned]:
        """The visits that events pin to ages."""
        pinned = []
        for number, event in enumerate(self.curriculum.events):
            at = self.claims.of("events", number).arg_true().to_numpy()
            rows = self.scenes["row"].to_numpy()[at]
            if event.ages == DATE:
                with self._noting("events", number, "ages"):
                    pinned.append(Pinned(rows, ages_of_dates(self.scenes[DATE].to_numpy()[at])))
            else:
                pinned.append(Pinned.at(rows, event.when))
        return pinned


def _kept_together(scenes: pl.DataFrame, position: Rows) -> Ranks:
    """Ranks by (position of the document's first scene, place in the document)."""
    frame = scenes.select("document", position=pl.Series(position))
    firsts = frame.select(pl.col("position").min().over("document")).to_series()
    place = scenes["place"].to_numpy().astype(np.uint64)
    return firsts.to_numpy().astype(np.uint64) << np.uint64(32) | place
