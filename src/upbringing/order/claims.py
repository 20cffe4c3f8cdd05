"""Claims: which scenes of a corpus a life is about, and which of them each part of it owns.

Events claim their scenes first, then phases in the order of the file; what no other claims is the
rest. A scene has one owner. All that is wrong with the selections of a file is raised at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
    return frame.filter(chosen)


@dataclass(frozen=True)
class Claims:
    """Which scenes of a life each part of the file owns.

    owner       the number of the part that owns each scene, (n,); −1 where none does
    parts       the number of each phase with scenes and of each event, by its path in the file
    rehearsals  the scenes, (n,), that each rehearsal may bring back, by the number of its phase
    """

    owner: pl.Series
    parts: Mapping[Path, int]
    rehearsals: Mapping[int, Mask]

    def of(self, *path: int | str) -> Mask:
        """The scenes of a phase or an event, (n,)."""
        return self.owner == self.parts[path]


def claims_of(
    life: pl.DataFrame, curriculum: Curriculum, seed: int, vectors: Vectors | None
) -> Claims:
    """Who owns which scenes of `life`, a frame of n rows.

    Raises `SettingsError` for every selection that is empty, overlaps another or names what the
    life does not have.
    """
    chooser = Chooser(Scenes(life, vectors), curriculum, seed)
    problems = chooser.problems
    leaves = curriculum.leaves()
    owners: list[str] = []
    parts: dict[Path, int] = {}
    most = len(curriculum.events) + len(leaves)
    owner = pl.Series(np.full(life.height, -1, dtype=np.min_scalar_type(-most)))
    is_left = owner < 0

    def claim(what: str, scenes: Selection | Literal["rest"], path: Path) -> None:
        nonlocal owner
        num_problems = len(problems)
        place = (*path, "scenes")
        chosen = owner < 0 if scenes == "rest" else chooser.choose(scenes, place) & is_left
        if not chosen.any() and len(problems) == num_problems:
            problems.append(Problem(f"{what} selects no scene", curriculum.where(*place)))
        taken = owner.filter(chosen & (owner >= 0))
        if len(taken):
            said = f"{len(taken)} scenes of {what} belong to {owners[taken[0]]} already"
            problems.append(Problem(said, curriculum.where(*place), do="let one of them own them"))
        parts[path] = len(owners)
        owner = pl.Series([len(owners)], dtype=owner.dtype).zip_with(chosen, owner)
        owners.append(what)

    for number, event in enumerate(curriculum.events):
        claim(f"event {number + 1}", event.scenes, ("events", number))
    is_left = owner < 0  # phases have what events leave
    for path, phase in sorted(leaves, key=lambda leaf: leaf[1].scenes == "rest"):
        assert phase.scenes is not None, "a phase without phases has scenes"
        claim(f"phase {phase.name!r}", phase.scenes, path)
    rehearsals = {
        number: chooser.choose(
            phase.rehearse.scenes or Selection(), ("phases", number, "rehearse", "scenes")
        )
        for number, phase in enumerate(curriculum.phases)
        if phase.rehearse
    }
    raise_all(problems)
    return Claims(owner, parts, rehearsals)


def raise_all(problems: list[Problem]) -> None:
    """Raise `SettingsError` where there are problems."""
    if problems:
        raise SettingsError(problems)
