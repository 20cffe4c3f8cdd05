"""An arrangement on its own: the order that it gives of some scenes, and what to draw of it.

Takes an arrangement and an order in it; gives points by age and height. The height of a scene is
what the arrangement looks at, so that its form is seen: its place by each measure that is read, a
lane for each group, likeness and path where vectors are read, else its place in the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.vectors import vectors_of
from upbringing.identity import Keys
from upbringing.order.chain import path
from upbringing.order.compile import compile_order
from upbringing.order.curriculum import Curriculum
from upbringing.order.order import Order
from upbringing.order.parameters import DATE, measurable
from upbringing.order.places import VECTORS, Arrangement, columns_read, say_arrangement
from upbringing.order.selection import Selection
from upbringing.order.sorting import inverse

_LANES = ("kind", "lang", "work")
_MOST_LANES = 12
_ENDS = ((0.0, "first"), (1.0, "last"))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """One look at an order: heights (num_visits,) in [0, 1], NaN where there is nothing to see.

    said      what the height is
    ticks     heights that have a name
    is_lanes  whether the heights are lanes, one for each name
    """

    said: str
    heights: Floats
    ticks: tuple[tuple[float, str], ...]
    is_lanes: bool = False


@dataclass(frozen=True)
class Sketch:
    """The visits of an order as points: ages (num_visits,), kinds and scene keys, and the bands.

    `known_kinds` are all of the corpus, so that a kind looks the same in every sketch of it.
    """

    ages: Floats
    kinds: tuple[str, ...]
    keys: Keys
    bands: tuple[Band, ...]
    known_kinds: tuple[str, ...]


def arranged(
    corpus: Corpus, arrange: Arrangement, scenes: Selection | None = None, *, seed: int = 0
) -> Order:
    """The life of one phase that reads `scenes`, by default all, in this arrangement.

    Raises as `compile_order` does.
    """
    phase = {"name": "life", "scenes": scenes or "rest", "arrange": say_arrangement(arrange)}
    curriculum = Curriculum.model_validate({"name": "life", "phases": [phase]})
    return compile_order(corpus, curriculum, seed=seed)


def sketch(order: Order, arrange: Arrangement) -> Sketch:
    """What to draw of an order that `arranged` gave."""
    reads = columns_read(arrange)
    measures = [name for name in reads if name in measurable()]
    lanes = [name for name in reads if name in _LANES]
    names = dict.fromkeys(["kind", "key", *measures, *lanes])
    columns = order.corpus.columns(list(names))[np.asarray(order.sequence)]
    if measures:
        bands = [_by_measure(name, columns[name]) for name in measures]
    elif VECTORS in reads:
        bands = _by_vectors(order)
    elif lanes and columns[lanes[0]].n_unique() <= _MOST_LANES:
        bands = [_in_lanes(lanes[0], columns[lanes[0]])]
    else:
        bands = [_by_corpus(order)]
    kinds, keys = tuple(columns["kind"].to_list()), columns["key"].to_numpy()
    return Sketch(order.ages, kinds, keys, tuple(bands), order.corpus.kinds)


def _by_measure(name: str, values: pl.Series) -> Band:
    """By rank, so that every form is as wide as high; the ticks say the values at those ranks."""
    if name == DATE:
        return Band(name, _evenly(values), ((0.0, "earliest"), (1.0, "latest")))
    rising = values.sort()
    last = len(values) - 1
    ticks = tuple((at, _figure(float(rising[round(at * last)]))) for at in (0.0, 0.5, 1.0))
    return Band(name, _evenly(values), ticks)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _in_lanes(column: str, values: pl.Series) -> Band:
    """A lane for each value, the first in the alphabet at the top."""
    names: Sequence[str] = sorted(values.unique(), reverse=True)
    middles = [(number + 0.5) / len(names) for number in range(len(names))]
    heights = values.replace_strict(names, middles, return_dtype=pl.Float64).to_numpy()
    return Band(column, heights, tuple(zip(middles, names, strict=True)), is_lanes=True)


def _by_corpus(order: Order) -> Band:
    return Band("place in the corpus", _evenly(pl.Series(order.sequence)), _ENDS)


def _by_vectors(order: Order) -> list[Band]:
    """How like the next visit is, beside how like any two are; and the place on the plain path."""
    rows = np.asarray(order.sequence)
    vectors = vectors_of(order.corpus).of(rows)
    cosines = np.full(len(rows), np.nan)
    cosines[:-1] = np.einsum("nd,nd->n", vectors[:-1], vectors[1:])
    route = path(vectors, keys=order.corpus.column("key")[rows])
    places = inverse(route.astype(np.uint32))
    # The square of the vectors' sum is the sum over all pairs, each with itself too.
    total = vectors.sum(axis=0, dtype=np.float64)
    with_itself = np.square(vectors, dtype=np.float64).sum()
    num_pairs = max(1, len(rows) * (len(rows) - 1))
    of_any_two = float(np.clip((total @ total - with_itself) / num_pairs, 0, 1))
    said = f"cosine to the next scene; of any two: {of_any_two:.2f}"
    ticks = ((0.0, "0"), (of_any_two, ""), (1.0, "1"))
    likeness = Band(said, cosines.clip(0, 1), ticks)
    return [likeness, Band("place on the plain path", _evenly(pl.Series(places)), _ENDS)]


def _evenly(values: pl.Series) -> Floats:
    """Heights in (0, 1) by rank, evenly; what ties has one height."""
    heights: Floats = (values.rank("average").to_numpy() - 0.5) / len(values)
    return heights
