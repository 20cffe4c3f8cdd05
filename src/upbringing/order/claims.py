"""Claims: which scenes of a corpus a life is about, and which of them each part of it owns.

Events claim their scenes first, then phases in the order of the file; what no other claims is the
rest. A scene has one owner. All that is wrong with the selections of a file is raised at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from upbringing.corpus.vectors import Vectors
from upbringing.errors import Problem, SettingsError
from upbringing.order.curriculum import Curriculum
from upbringing.order.selection import Chooser, Mask, Path, Scenes, Selection


def life_of(frame: pl.DataFrame, curriculum: Curriculum, vectors: Vectors | None) -> pl.DataFrame:
    """The training scenes the curriculum is about."""
    if curriculum.scenes is None:
        return frame
    # Not drawn by the seed: a study's seeds live through the same scenes.
    chooser = Chooser(Scenes(frame, vectors), curriculum, seed=0)
    chosen = chooser.choose(curriculum.scenes, ("scenes",))
    raise_all(chooser.problems)
    return frame.filter(pl.Series(chosen))


@dataclass(frozen=True)
class Claims:
    """Which scenes of a life, (n,), each phase with scenes and each event owns, and those of each
    rehearsal; phases by their path in the file, rehearsals by the number of their phase.
    """

    phases: Mapping[Path, Mask]
    events: list[Mask]
    rehearsals: Mapping[int, Mask]


def claims_of(
    life: pl.DataFrame, curriculum: Curriculum, seed: int, vectors: Vectors | None
) -> Claims:
    """Who owns which scenes of `life`, a frame of n rows.

    Raises `SettingsError` for every selection that is empty, overlaps another or names what the
    life does not have.
    """
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
    phases: dict[Path, Mask] = {}
    for path, phase in curriculum.leaves():
        if isinstance(phase.scenes, Selection):
            phases[path] = claim(f"phase {phase.name!r}", phase.scenes, (*path, "scenes"))
    for path, phase in curriculum.leaves():
        if phase.scenes == "rest":
            phases[path] = owner < 0
            if not phases[path].any():
                where = curriculum.where(*path, "scenes")
                problems.append(Problem(f"phase {phase.name!r} selects no scene", where))
    rehearsals = {
        number: chooser.choose(
            phase.rehearse.scenes or Selection(), ("phases", number, "rehearse", "scenes")
        )
        for number, phase in enumerate(curriculum.phases)
        if phase.rehearse
    }
    raise_all(problems)
    return Claims(phases, events, rehearsals)


def raise_all(problems: list[Problem]) -> None:
    """Raise `SettingsError` where there are problems."""
    if problems:
        raise SettingsError(problems)
