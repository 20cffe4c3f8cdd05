"""Compile: curriculum + corpus → the exact sequence of visits.

Every phase selects its scenes and ranks them; one sort by (phase, pass, rank, scene key) is the
order. The result is a pure function of the corpus columns that the curriculum reads, the curriculum
and the seed. Only scenes of the `train` split can be visited.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.store import TRAIN
from upbringing.corpus.vectors import Vectors, vectors_of
from upbringing.errors import InputError, Problem, SettingsError
from upbringing.order.additions import Life, Pinned, rehearsed, with_events
from upbringing.order.curriculum import Curriculum, Phase
from upbringing.order.order import Order, PhaseSpan
from upbringing.order.places import VECTORS, Selected, columns_read, ranks_of
from upbringing.order.selection import Chooser, Mask, Path, Scenes, Selection
from upbringing.order.sorting import Ranks, Rows, argsort, inverse


def compile_order(corpus: Corpus, curriculum: Curriculum, *, seed: int | None = None) -> Order:
    """The order that `curriculum` gives on `corpus`; `seed` takes the place of its own.

    Raises `SettingsError` with every selection that is empty, overlaps another or names what the
    corpus does not have.
    """
    seed = curriculum.seed if seed is None else seed
    reads = _reads(curriculum)
    names = tuple(name for name in reads if name != VECTORS)
    vectors = vectors_of(corpus, curriculum.vectors) if VECTORS in reads else None
    sequence, spans = lay(corpus.columns(names), curriculum, seed, vectors)
    return Order.from_rows(
        corpus,
        sequence,
        phases=spans,
        recipe={
            "curriculum": curriculum.model_dump(mode="json", exclude_defaults=True),
            **({VECTORS: vectors.digest} if vectors else {}),
        },
        seed=seed,
        columns=names,
    )


def lay(
    columns: pl.DataFrame, curriculum: Curriculum, seed: int, vectors: Vectors | None = None
) -> tuple[Rows, list[PhaseSpan]]:
    """The rows visited, in order, and the phases' spans; `columns` are those that it reads.

    Shape (num_visits,). Raises as `compile_order` does.
    """
    scenes = _life(columns.with_row_index("row").filter(split=TRAIN), curriculum, vectors)
    claims = _claims(scenes, curriculum, seed, vectors)
    compiled = _Compiled(curriculum, scenes, claims, seed, vectors)
    num_bytes = columns["num_bytes"].to_numpy().astype(np.int64)
    return compiled.whole(Life(columns["key"].to_numpy(), num_bytes, seed))


def _reads(curriculum: Curriculum) -> tuple[str, ...]:
    """The corpus columns that the order depends on, and `VECTORS` if it does on them, in a fixed
    order.
    """
    names = ["key", "split", "num_bytes"]
    selections: list[object] = [phase.scenes for phase in curriculum.phases]
    selections += [phase.rehearse.scenes for phase in curriculum.phases if phase.rehearse]
    selections += [event.scenes for event in curriculum.events]
    for selection in (*selections, curriculum.scenes):
        if isinstance(selection, Selection):
            names += selection.reads()
    for phase in curriculum.phases:
        names += columns_read(phase.arrange)
        names += ("document", "place") if phase.keep else ()
    return tuple(dict.fromkeys(names))


def _life(frame: pl.DataFrame, curriculum: Curriculum, vectors: Vectors | None) -> pl.DataFrame:
    """The training scenes the curriculum is about."""
    if curriculum.scenes is None:
        return frame
    # Not drawn by the seed: a study's seeds live through the same scenes.
    chooser = Chooser(Scenes(frame, vectors), curriculum, seed=0)
    chosen = chooser.choose(curriculum.scenes, ("scenes",))
    _raise_all(chooser.problems)
    return frame.filter(pl.Series(chosen))


@dataclass(frozen=True)
class _Claims:
    """Which scenes of a life each phase and each event owns, and each rehearsal may bring back."""

    phases: list[Mask]
    events: list[Mask]
    rehearsals: dict[int, Mask]


def _claims(
    life: pl.DataFrame, curriculum: Curriculum, seed: int, vectors: Vectors | None
) -> _Claims:
    """Events first, then phases in file order; `rest` takes what no other claims."""
    chooser = Chooser(Scenes(life, vectors), curriculum, seed)
    problems = chooser.problems
    owner = np.full(life.height, -1)
    owners: list[str] = []

    pinned = np.zeros(life.height, dtype=bool)

    def claim(what: str, selection: Selection, path: Path) -> Mask:
        num_problems = len(problems)
        chosen = chooser.choose(selection, path) & ~pinned
        if not chosen.any() and len(problems) == num_problems:
            problems.append(Problem(f"{what} selects no scene", curriculum.where(*path)))
        taken = owner[chosen & (owner >= 0)]
        if taken.size:
            said = f"{taken.size} scenes of {what} belong to {owners[int(taken[0])]} already"
            problems.append(Problem(said, curriculum.where(*path), do="let one of them own them"))
        owners.append(what)
        owner[chosen] = len(owners) - 1
        return chosen

    events = [
        claim(f"event {number + 1}", event.scenes, ("events", number, "scenes"))
        for number, event in enumerate(curriculum.events)
    ]
    pinned = owner >= 0  # phases have what events leave
    phases: dict[int, Mask] = {}
    for number, phase in enumerate(curriculum.phases):
        if isinstance(phase.scenes, Selection):
            path = ("phases", number, "scenes")
            phases[number] = claim(f"phase {phase.name!r}", phase.scenes, path)
    for number, phase in enumerate(curriculum.phases):
        if phase.scenes == "rest":
            phases[number] = owner < 0
            if not phases[number].any():
                where = curriculum.where("phases", number, "scenes")
                problems.append(Problem(f"phase {phase.name!r} selects no scene", where))
    rehearsals = {
        number: chooser.choose(
            phase.rehearse.scenes or Selection(), ("phases", number, "rehearse", "scenes")
        )
        for number, phase in enumerate(curriculum.phases)
        if phase.rehearse
    }
    _raise_all(problems)
    return _Claims([phases[number] for number in range(len(phases))], events, rehearsals)


@dataclass(frozen=True)
class _Compiled:
    """A curriculum on the scenes of a life (with their row in the corpus), ready to be laid."""

    curriculum: Curriculum
    scenes: pl.DataFrame
    claims: _Claims
    seed: int
    vectors: Vectors | None = None

    def whole(self, life: Life) -> tuple[Rows, list[PhaseSpan]]:
        """Every visit in order, and the phases' spans."""
        parts: list[Rows] = []
        problems: list[Problem] = []
        for number in range(len(self.curriculum.phases)):
            try:
                parts.append(self._phase(number, parts, life))
            except InputError as error:
                where = self.curriculum.where("phases", number, "arrange")
                problems += [replace(problem, where=where) for problem in error.problems]
        _raise_all(problems)
        starts = np.cumsum([0, *map(len, parts)]).tolist()
        rows = self.scenes["row"].to_numpy()
        pinned = [
            Pinned(age, rows[mine])
            for event, mine in zip(self.curriculum.events, self.claims.events, strict=True)
            for age in event.when
        ]
        sequence, starts[:-1] = with_events(np.concatenate(parts), starts[:-1], pinned, life)
        starts[-1] = len(sequence)
        spans = [
            PhaseSpan(phase.name, start, stop, phase.batch_size, phase.lr_scale)
            for phase, (start, stop) in zip(self.curriculum.phases, pairwise(starts), strict=True)
        ]
        return sequence, spans

    def _phase(self, number: int, earlier: list[Rows], life: Life) -> Rows:
        """The visits of a phase with its passes and its rehearsal."""
        phase = self.curriculum.phases[number]
        mine = self.scenes.filter(pl.Series(self.claims.phases[number]))
        own = np.concatenate([self._pass(mine, phase, n) for n in range(phase.passes.count)])
        if phase.rehearse is None:
            return own
        may_return = self.scenes["row"].to_numpy()[self.claims.rehearsals[number]]
        met = np.intersect1d(np.concatenate(earlier), may_return) if earlier else np.array([])
        if not len(met):
            where = self.curriculum.where("phases", number, "rehearse")
            raise SettingsError(f"phase {phase.name!r} rehearses what was never met", where=where)
        return rehearsed(own, met, phase.rehearse.share, phase.rehearse.spacing, phase.name, life)

    def _pass(self, scenes: pl.DataFrame, phase: Phase, number: int) -> Rows:
        """The rows of one pass over a phase, in order."""
        draw = number if phase.passes.again == "anew" else 0
        rows = scenes["row"].to_numpy()
        selected = Selected(scenes, self.seed, f"order/{phase.name}/{draw}")
        if self.vectors is not None:
            selected = replace(selected, vectors=partial(self.vectors.of, rows))
        ranks = ranks_of(phase.arrange, selected)
        order = argsort(ranks, selected.keys)
        if phase.keep:
            order = argsort(_kept_together(scenes, inverse(order)), selected.keys)
        if phase.passes.again == "reversed" and number % 2:
            order = order[::-1]
        sequence: Rows = rows[order]
        return sequence


def _kept_together(scenes: pl.DataFrame, position: Rows) -> Ranks:
    """Ranks by (position of the document's first scene, place in the document)."""
    frame = scenes.select("document", position=pl.Series(position))
    firsts = frame.select(pl.col("position").min().over("document")).to_series()
    place = scenes["place"].to_numpy().astype(np.uint64)
    return firsts.to_numpy().astype(np.uint64) << np.uint64(32) | place


def _raise_all(problems: list[Problem]) -> None:
    if problems:
        raise SettingsError(problems)
