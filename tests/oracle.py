"""What must hold of any text that is read as a curriculum, told without the compiler's own means.

It compiles, and the order is what the curriculum says; or it is refused, and every problem stands
at a place that the file has. Nothing else may happen, nor may it take longer than a second.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from curricula import as_yaml, random_curriculum
from mistakes import with_mistakes

from upbringing.corpus import Corpus
from upbringing.corpus.vectors import Vectors, vectors_of
from upbringing.errors import InputError, Problem
from upbringing.order import Curriculum, parse_curriculum
from upbringing.order.compile import lay
from upbringing.order.selection import COLUMNS, Selection
from upbringing.order.spans import PhaseSpan

Mask = npt.NDArray[np.bool_]
FILE = "c.yaml"
MOST_SECONDS = 1.0


@dataclass(frozen=True)
class Held:
    """Scenes that a selection certainly holds, and those that it may: `part` and `near` choose."""

    least: Mask
    most: Mask


def random_text(number: int, scenes: pl.DataFrame) -> str:
    """The text of that number: a curriculum from the grammar; every second with mistakes."""
    rng = np.random.default_rng([1, number])
    curriculum = random_curriculum(scenes, rng)
    return with_mistakes(curriculum, rng) if number % 2 else as_yaml(curriculum, rng)


@dataclass(frozen=True)
class Oracle:
    """A corpus in memory, and what is told of curricula on it."""

    scenes: pl.DataFrame
    vectors: Vectors

    @classmethod
    def of(cls, corpus: Corpus) -> Oracle:
        """All that a curriculum may ask of a corpus, read once."""
        vectors = vectors_of(corpus)
        return cls(corpus.scenes, replace(vectors, values=np.array(vectors.values)))

    def judge(self, text: str) -> Counter[str]:
        """`compiled`, or `refused` and the kinds of problems. `AssertionError` where neither is."""
        start = time.process_time()
        problems: tuple[Problem, ...] = ()
        try:
            curriculum = parse_curriculum(text, name=FILE)
            sequence, spans = lay(self.scenes, curriculum, curriculum.seed, self.vectors)
        except InputError as error:
            problems = error.problems
            assert problems
        assert time.process_time() - start < MOST_SECONDS, "it takes longer than a second"
        if problems:
            for problem in problems:
                _check_place(problem, text)
            return Counter(["refused", *{_kind_of(problem) for problem in problems}])
        self.check_order(curriculum, sequence, spans)
        self.check_again(curriculum, sequence)
        return Counter(["compiled"])

    def check_again(self, curriculum: Curriculum, sequence: npt.NDArray[np.uint32]) -> None:
        """Written and read again, it is the same curriculum with the same order."""
        again = parse_curriculum(curriculum.to_yaml())
        assert again.model_dump() == curriculum.model_dump()
        same, _ = lay(self.scenes, again, again.seed, self.vectors)
        assert same.tolist() == sequence.tolist()

    def check_order(
        self, curriculum: Curriculum, sequence: npt.NDArray[np.uint32], spans: list[PhaseSpan]
    ) -> None:
        """Everyone is visited as often as it says, in the phase that owns it."""
        assert [span.name for span in spans] == [phase.name for phase in curriculum.phases]
        borders = [span.start for span in spans] + [len(sequence)]
        assert borders[0] == 0
        assert [span.stop for span in spans] == borders[1:]
        assert borders == sorted(borders)
        met = np.bincount(sequence, minlength=len(self.scenes))
        life = self.life(curriculum)
        assert not met[~life.most].any()
        events = [self.holds(event.scenes, life) for event in curriculum.events]
        pinned = Held(_any(life, [e.least for e in events]), _any(life, [e.most for e in events]))
        for event, held in zip(curriculum.events, events, strict=True):
            others = _any(life, [other.most for other in events if other is not held])
            times = 1 if event.ages == "date" else len(event.when)
            assert (met[held.least & ~others] == times).all()
        owners = self.owners(curriculum, life, pinned)
        returns = [phase.rehearse is not None for phase in curriculum.phases]
        may_return = np.cumsum(returns[::-1])[::-1]  # this phase and the later ones
        possible = np.zeros((len(owners), len(self.scenes)), dtype=bool)
        for number, (phase, passes, held) in enumerate(owners):
            others = _any(life, [o.most for at, (_, _, o) in enumerate(owners) if at != number])
            times = met[held.least & ~others & ~pinned.most]
            assert (times >= passes).all()
            assert may_return[phase] or (times == passes).all()
            possible[number] = held.most & (met >= passes)
        assert not (met[~_any(life, [*possible, pinned.most])]).any()
        if curriculum.control is None:
            for number, span in enumerate(spans):
                here = [held.most for phase, _, held in owners if phase == number]
                if returns[number]:
                    here += [held.most for phase, _, held in owners if phase < number]
                visited = sequence[span.start : span.stop]
                assert _any(life, [*here, pinned.most])[visited].all()
        else:
            own = curriculum.model_copy(update={"control": None})
            as_written, _ = lay(self.scenes, own, own.seed, self.vectors)
            assert np.sort(as_written).tolist() == np.sort(sequence).tolist()

    def owners(
        self, curriculum: Curriculum, life: Held, pinned: Held
    ) -> list[tuple[int, int, Held]]:
        """For each phase with scenes: the number of its outermost phase, passes, and scenes."""
        found: list[tuple[int, int, Held | None]] = []
        for number, phase in enumerate(curriculum.phases):
            for passes, scenes in _leaves(phase):
                held = None if scenes == "rest" else self.holds(scenes, life)
                found.append((number, passes, held))
        claimed = [held for _, _, held in found if held] + [pinned]
        rest = Held(
            life.least & ~_any(life, [held.most for held in claimed]),
            life.most & ~_any(life, [held.least for held in claimed]),
        )
        return [(number, passes, held or rest) for number, passes, held in found]

    def life(self, curriculum: Curriculum) -> Held:
        """The training scenes that the file is about."""
        train = (self.scenes["split"] == "train").to_numpy()
        whole = Held(train, train)
        return whole if curriculum.scenes is None else self.holds(curriculum.scenes, whole)

    def holds(self, selection: Selection, life: Held) -> Held:
        """What a selection holds of a life."""
        least, most = life.least.copy(), life.most.copy()
        for column in COLUMNS:
            wanted = getattr(selection, column)
            if wanted is not None:
                fits = self.scenes[column].is_in(wanted).to_numpy()
                least, most = least & fits, most & fits
        for measure, (low, high) in (selection.measures or {}).items():
            fits = self.scenes.select(
                (
                    pl.col(measure).is_not_null()
                    & (pl.lit(True) if low is None else pl.col(measure) >= low)
                    & (pl.lit(True) if high is None else pl.col(measure) <= high)
                ).alias("fits")
            )["fits"].to_numpy()
            least, most = least & fits, most & fits
        if selection.any_of is not None:
            inner = [self.holds(one, life) for one in selection.any_of]
            least &= _any(life, [one.least for one in inner])
            most &= _any(life, [one.most for one in inner])
        if selection.none_of is not None:
            inner = [self.holds(one, life) for one in selection.none_of]
            least &= ~_any(life, [one.most for one in inner])
            most &= ~_any(life, [one.least for one in inner])
        chooses = selection.near is not None or selection.part is not None
        return Held(np.zeros_like(least), most) if chooses else Held(least, most)


def _any(life: Held, masks: list[Mask]) -> Mask:
    none = np.zeros_like(life.most)
    return np.logical_or.reduce([none, *masks])


def _leaves(phase: Any, passes: int = 1) -> Iterator[tuple[int, Any]]:
    passes *= phase.passes.count
    if not phase.phases:
        yield passes, phase.scenes
    for inner in phase.phases:
        yield from _leaves(inner, passes)


def _check_place(problem: Problem, text: str) -> None:
    """The problem stands at a line and a column that the file has, on a letter of it."""
    place = re.fullmatch(rf"{re.escape(FILE)}:(\d+):(\d+)", problem.where or "")
    assert place, f"no place: {problem}"
    line, column = int(place[1]), int(place[2])
    lines = re.split("\r\n|\r|\n", text.replace("\ufeff", ""))  # which no editor counts
    assert 1 <= line <= len(lines), f"no such line: {problem}"
    before, rest = lines[line - 1][: column - 1], lines[line - 1][column - 1 :]
    if problem.what.startswith(("is not YAML", "holds no settings")):
        assert 1 <= column <= len(lines[line - 1]) + 1, f"no such column: {problem}"
        return
    assert column >= 1, f"no such column: {problem}"
    if before.rstrip().endswith("-") and not rest.strip():
        return  # an item that is empty has its place all the same
    assert rest, f"no such column: {problem}"
    assert not rest[0].isspace() or "\ufeff" in text, f"points at nothing: {problem}"
    unknown = re.fullmatch(r"unknown key '(?:.*\.)?([a-z_]+)'", problem.what)
    if unknown and rest[0].isalpha():
        assert unknown[1] in rest.split(":")[0], f"points elsewhere: {problem}"


def _kind_of(problem: Problem) -> str:
    """A problem's words without the names and numbers in them."""
    words = re.sub(r"^[\w.\-]+: ", "", problem.what.splitlines()[0])
    words = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`|[\d,.]*\d", "…", words)
    return words[:60]
