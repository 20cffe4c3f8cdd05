"""Caveats: what a curriculum does on a corpus that a person may not have meant.

Takes a curriculum and the order it compiled to; gives problems, each with its place in the file.
None is an error: the order is what the file says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from upbringing.corpus.store import TRAIN
from upbringing.corpus.vectors import Vectors, vectors_of
from upbringing.errors import Problem
from upbringing.order.curriculum import Curriculum
from upbringing.order.order import Order
from upbringing.order.places import VECTORS
from upbringing.order.selection import Chooser, Mask, Path, Scenes, Selection
from upbringing.order.words import count, percent, size

MOST_RETURNS = 4
"""Text that is repeated up to four times teaches almost as new text (Muennighoff et al. 2023,
2305.16264)."""

_SHORT = 0.01  # of a life
_MOST_KINDS = 6


def caveats(curriculum: Curriculum, order: Order) -> list[Problem]:
    """What may not have been meant, in the order of the file. `order` is the curriculum's own."""
    names = list(dict.fromkeys([*order.columns, "kind"]))
    frame = order.corpus.columns(names).with_row_index("row").filter(split=TRAIN)
    vectors = _vectors(curriculum, order)
    if curriculum.scenes is not None:
        chooser = Chooser(Scenes(frame, vectors), curriculum, seed=0)
        frame = frame.filter(chooser.choose(curriculum.scenes, ("scenes",)))
    looked = _Looked(curriculum, order, frame, vectors)
    return [
        *looked.phases(),
        *looked.rehearsals(),
        *looked.events(),
        *looked.parts(),
        *looked.unread(),
    ]


def _vectors(curriculum: Curriculum, order: Order) -> Vectors | None:
    """The vectors, where a selection is by nearness."""
    said = [curriculum.scenes, *(event.scenes for event in curriculum.events)]
    said += [one.scenes for _, one in curriculum.leaves() if isinstance(one.scenes, Selection)]
    needed = any(VECTORS in selection.reads() for selection in said if selection is not None)
    return vectors_of(order.corpus, curriculum.vectors) if needed else None


@dataclass(frozen=True)
class _Looked:
    """A curriculum, its order, and the scenes that its life is about, with their `row`."""

    curriculum: Curriculum
    order: Order
    frame: pl.DataFrame
    vectors: Vectors | None

    @cached_property
    def chooser(self) -> Chooser:
        return Chooser(Scenes(self.frame, self.vectors), self.curriculum, self.order.seed)

    @cached_property
    def is_unread(self) -> Mask:
        """Which scenes of the life are never met, by row of the frame."""
        is_met = np.zeros(self.order.corpus.num_scenes, dtype=bool)
        is_met[self.order.sequence] = True
        return ~pl.Series(is_met[self.frame["row"].to_numpy()])

    def phases(self) -> Iterator[Problem]:
        """Phases that are over before they have begun."""
        for number, span in enumerate(self.order.phases):
            share = self.order.age_of(span.stop) - self.order.age_of(span.start)
            if share < _SHORT:
                where = self.curriculum.where("phases", number)
                yield Problem(f"phase {span.name!r} is {percent(share)} of life", where)

    def rehearsals(self) -> Iterator[Problem]:
        """Rehearsals that bring one scene back again and again."""
        sequence = np.asarray(self.order.sequence)
        first = np.zeros(self.order.corpus.num_scenes, dtype=np.int64)
        first[sequence[::-1]] = np.arange(len(sequence))[::-1]
        is_event = np.zeros_like(first, dtype=bool)
        for number, event in enumerate(self.curriculum.events):
            mine = self.chooser.choose(event.scenes, ("events", number, "scenes"))
            is_event[self.frame["row"].filter(mine)] = True
        for number, (phase, span) in enumerate(
            zip(self.curriculum.phases, self.order.phases, strict=True)
        ):
            if phase.rehearse is None:
                continue
            read = sequence[span.start : span.stop]
            returns = np.bincount(read[(first[read] < span.start) & ~is_event[read]], minlength=1)
            if returns.max() > MOST_RETURNS:
                yield Problem(
                    f"phase {span.name!r} brings a scene back up to {returns.max()} times",
                    self.curriculum.where("phases", number, "rehearse"),
                    do="rehearse a smaller share, or more scenes",
                )

    def events(self) -> Iterator[Problem]:
        """Events that do not begin at their age, or last so long that they are none."""
        total = int(self.order.read[-1])
        keys = self.frame["key"].to_numpy()
        for number, event in enumerate(self.curriculum.events):
            mine = self.chooser.choose(event.scenes, ("events", number, "scenes")).arg_true()
            where = self.curriculum.where("events", number)
            ages = [self.order.age_of(int(p)) for p in self.order.meetings.of(int(keys[mine[0]]))]
            for asked, age in zip(sorted(event.when), ages, strict=False):
                if abs(asked - age) > _SHORT:
                    what = (
                        f"event {number + 1} is asked for at age {asked:g}, and begins at {age:.3f}"
                    )
                    yield Problem(what, where)
            lasts = int(self.frame["num_bytes"].gather(mine).sum()) / total
            if lasts > _SHORT and event.when:  # by date, each scene is met once
                yield Problem(f"event {number + 1} takes {percent(lasts)} of life each time", where)

    def parts(self) -> Iterator[Problem]:
        """Selections of which only a part is read."""
        for path, left in self._left_out():
            what = f"`part` leaves text unread: {_size(self.frame.filter(left))}"
            yield Problem(what, self.curriculum.where(*path), do="no phase has the other part")

    def _left_out(self) -> Iterator[tuple[Path, Mask]]:
        """Where a part stands, and which scenes of its selection no phase reads."""
        parts: dict[str, list[tuple[Path, Selection]]] = defaultdict(list)
        for path, selection in self._selections():
            if selection.part is not None:
                whole = selection.model_copy(update={"part": None})
                parts[whole.model_dump_json()].append(((*path, "part"), whole))
        for found in parts.values():
            path, whole = found[-1]
            left = self.chooser.choose(whole, path) & self.is_unread
            if left.any():
                yield path, left

    def _selections(self) -> Iterator[tuple[Path, Selection]]:
        for number, event in enumerate(self.curriculum.events):
            yield ("events", number, "scenes"), event.scenes
        for path, phase in self.curriculum.leaves():
            if isinstance(phase.scenes, Selection):
                yield (*path, "scenes"), phase.scenes

    def unread(self) -> Iterator[Problem]:
        """Kinds that are never read, and scenes that are not for another reason than a part."""
        unread = self.frame.filter(self.is_unread)
        missing = set(unread["kind"]) - set(self.frame.filter(~self.is_unread)["kind"])
        where = self.curriculum.where("phases")
        if missing:
            what = (
                f"kinds that are never read: {_kinds(unread.filter(pl.col('kind').is_in(missing)))}"
            )
            yield Problem(what, where, do="`scenes: rest` takes what no other phase claims")
        unexplained = self.is_unread
        for _, left in self._left_out():
            unexplained &= ~left
        others = self.frame.filter(unexplained).filter(~pl.col("kind").is_in(missing))
        if others.height:
            what = f"read by no phase: {_size(others)}: {_kinds(others)}"
            yield Problem(what, where, do="`scenes: rest` takes what no other phase claims")


def _kinds(scenes: pl.DataFrame) -> str:
    """`chat (120), drama (3)`: the kinds of some scenes, the most of them first."""
    counts = scenes.group_by("kind").len().sort("len", "kind", descending=[True, False])
    said = [f"{kind} ({count:,})" for kind, count in counts.head(_MOST_KINDS).iter_rows()]
    return ", ".join(said) + (", …" if counts.height > _MOST_KINDS else "")


def _size(scenes: pl.DataFrame) -> str:
    num_bytes = int(scenes["num_bytes"].cast(pl.Int64).sum())
    return f"{count(scenes.height, 'scene')} ({size(num_bytes)})"
