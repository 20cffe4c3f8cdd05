"""Example: a text that a life shall follow → passages of it, in order, and ages that are like them.

Takes a text and the vectors of a corpus, gives up to three stretches of it, cut where it turns to
another matter, each stood for by its heart: the passage that lies nearest to the whole stretch. An
age reads the scenes nearest to a heart, of whatever kind: whoever opens the life at that age finds
the matter of the passage, where the nearest *kind* would give its manner at best, and one kind for
the whole of a text that keeps its manner. The last age reads all that is like no stretch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from upbringing.corpus.segment import cut
from upbringing.corpus.vectors import Floats
from upbringing.errors import InputError
from upbringing.order.ages import Age, with_names
from upbringing.order.nearest import UNIT, Indices, Points, on_grid
from upbringing.order.selection import Chooser, Near, Scenes, Selection
from upbringing.order.words import percent

MOST_STRETCHES = 3
"""One for each age but the last, which is left for all that is not like the text."""

_SMALLEST_PIECE = 40  # bytes: a sentence
_SMALLEST_BYTES, _LARGEST_BYTES = 150, 600  # of a heart: a few lines of a YAML file
NEAR_ENOUGH = 0.6
"""Of the nearest scene's cosine. On real texts a heart's scenes are then of the kind that a person
would name, and hardly any is near two hearts."""

_SHOWN_KINDS, _SHOWN_SHARE = 3, 0.05
_MOST_PIECES = 48  # among which the borders of stretches are sought


def hearts_of(example: str, map_text: Callable[[str], Floats]) -> list[str]:
    """A passage for each stretch, of at most 600 bytes, on one line.

    Raises `InputError` for a text that says nothing to the vectors: none of its words is known.
    """
    text = _printable(example)
    size = max(_SMALLEST_PIECE, -(-len(text.encode()) // _MOST_PIECES))
    pieces = [piece for piece in cut(text, size, 4 * size) if piece.strip()]
    vectors = [map_text(piece) for piece in pieces]
    if not any(vector.any() for vector in vectors):
        raise InputError(
            "the example shares no word with the corpus, so nothing is near it",
            do="give a longer text, in the language of the scenes",
        )
    borders = _borders(on_grid(np.array(vectors)))
    stretches = ["".join(pieces[low:high]) for low, high in pairwise([0, *borders, len(pieces)])]
    hearts = [_heart(stretch, map_text) for stretch in stretches]
    return [heart for heart in hearts if map_text(heart).any()]


def _printable(text: str) -> str:
    """Without the characters that no YAML file may hold."""
    return "".join(char for char in text if char.isprintable() or char.isspace())


def _borders(points: Points) -> list[int]:
    """Where to cut pieces into stretches so that those of a stretch point the same way: the sum of
    the lengths of the stretches' sums is the largest.
    """
    num_stretches = min(MOST_STRETCHES, len(points))
    before = np.concatenate(
        [np.zeros((1, points.shape[1])), points.cumsum(axis=0, dtype=np.float64)]
    )

    def agreement(borders: tuple[int, ...]) -> float:
        cuts = [0, *borders, len(points)]
        return sum(float(np.linalg.norm(before[b] - before[a])) for a, b in pairwise(cuts))

    tried = list(combinations(range(1, len(points)), num_stretches - 1))
    return list(tried[int(np.argmax([agreement(borders) for borders in tried]))])


def _heart(stretch: str, map_text: Callable[[str], Floats]) -> str:
    passages = [" ".join(p.split()) for p in cut(stretch, _SMALLEST_BYTES, _LARGEST_BYTES)]
    passages = [passage for passage in passages if passage]
    points = on_grid(np.stack([map_text(passage) for passage in passages]))
    whole = on_grid(map_text(stretch)[None])[0]
    return passages[int((points @ whole).argmax())]


@dataclass(frozen=True)
class Followed:
    """The hearts of a text's stretches among the scenes of a life."""

    hearts: list[str]
    scenes: Scenes

    @cached_property
    def centres(self) -> Points:
        """Where the hearts lie, (k, d), on the grid."""
        vectors = self.scenes.vectors
        assert vectors is not None
        assert vectors.map_text is not None
        return on_grid(np.array([vectors.map_text(heart) for heart in self.hearts]))

    @cached_property
    def cosines(self) -> Floats:
        """Of each scene with each heart, (n, k)."""
        vectors = self.scenes.vectors
        assert vectors is not None
        points = on_grid(vectors.of(self.scenes.frame["row"].to_numpy()))
        found: Floats = points @ self.centres.T / UNIT**2
        return found

    @cached_property
    def selections(self) -> list[Selection]:
        """For each heart the scenes that are near it, without those that an earlier heart has.

        Near are scenes at least `NEAR_ENOUGH` times as near as the nearest, up to an equal share of
        the life for each heart and the rest.
        """
        share = max(1, len(self.scenes) // (len(self.hearts) + 1))
        selections: list[Selection] = []
        for heart, cosines in zip(self.hearts, self.cosines.T, strict=True):
            top = min(share, int((cosines >= NEAR_ENOUGH * cosines.max()).sum()))
            near = Near(text=heart, top=top)
            selections.append(Selection(near=near, none_of=tuple(selections) or None))
        return selections

    def nearest(self, number: int) -> Indices:
        """The rows that the selection of a heart holds, rising."""
        chooser = Chooser(self.scenes, self.selections[number], seed=0)
        chosen = chooser.choose(self.selections[number], ())
        return chosen.arg_true().to_numpy().astype(np.int64)

    def ages(self, free: Indices) -> list[Age]:
        """An age for each heart and one for the rest, of the rows that no event has."""
        left = free
        ages = []
        for number, selection in enumerate(self.selections):
            rows = np.intersect1d(self.nearest(number), free)
            left = np.setdiff1d(left, rows)
            if len(rows):
                what = f"stretch {number + 1} of the example"
                ages.append(Age(what, self._why(rows, number), selection, rows))
        if len(left):
            ages.append(Age("the rest", "what is like no stretch of it", "rest", left))
        return with_names(ages)

    def _why(self, rows: Indices, number: int) -> str:
        """How near the scenes are, and of which kinds most of them."""
        cosines = self.cosines[rows, number]
        kinds = self.scenes.frame["kind"][rows].value_counts()
        shown = kinds.sort(["count", "kind"], descending=[True, False]).head(_SHOWN_KINDS)
        shares = [
            f"{kind} {percent(num / len(rows))}"
            for kind, num in shown.iter_rows()
            if num >= _SHOWN_SHARE * len(rows)
        ]
        return (
            f"the scenes nearest to the passage below, cosine {cosines.max():.2f} to "
            f"{cosines.min():.2f} ({', '.join(shares)})"
        )
