"""Looking at an order: what is read when, as records that a terminal or a page can draw.

A moment of life and the meetings with one scene are look-ups: they read a few pages of the order
and a few scenes of the corpus, however long the life is. The phases and the ribbon read every visit
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import TRAIN
from upbringing.errors import ArtefactError, InputError
from upbringing.identity import key_of
from upbringing.order.order import Order
from upbringing.order.selection import Scenes
from upbringing.order.spans import PhaseSpan
from upbringing.settings import suggestion

_MOST_COMPARED = 20_000  # ids that a misspelt one is compared with


@dataclass(frozen=True)
class PhaseView:
    """A phase with its ages, its bytes and the share of each kind in them."""

    span: PhaseSpan
    from_age: float
    to_age: float
    num_bytes: int
    share_by_kind: dict[str, float]


@dataclass(frozen=True)
class Meeting:
    """One visit: position, age, phase, and the scene that is read; its text where it was asked."""

    position: int
    age: float
    phase: str
    scene: str
    kind: str
    text: str | None = None


@dataclass(frozen=True)
class Moment:
    """An age: what is read then, what before and after it, and the ages of its phase."""

    here: Meeting
    before: tuple[Meeting, ...]
    after: tuple[Meeting, ...]
    phase_ages: tuple[float, float]


@dataclass(frozen=True)
class Gaps:
    """What lies between a scene's meetings, one after another: arrays (num_meetings − 1,).

    ages        from the beginning of one to the beginning of the next
    num_visits  other scenes read between them
    num_bytes   text read between them
    """

    ages: npt.NDArray[np.float64]
    num_visits: npt.NDArray[np.int64]
    num_bytes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encounter:
    """The `number`-th meeting with a scene, from 0, and its neighbours in life."""

    number: int
    here: Meeting
    before: Meeting | None
    after: Meeting | None


@dataclass(frozen=True)
class Acquaintance:
    """Everything between a mind and one scene; of many meetings only the first and last ones."""

    scene: str
    kind: str
    text: str
    is_held_out: bool
    num_meetings: int
    meetings: tuple[Encounter, ...]
    gaps: Gaps


def phases_of(order: Order) -> list[PhaseView]:
    """The phases in order, with what they hold."""
    codes, names = kinds_read(order)
    views = []
    for span in order.phases:
        here = slice(span.start, span.stop)
        sizes = np.diff(order.read[span.start : span.stop + 1])
        by_kind = np.bincount(codes[here], weights=sizes, minlength=len(names))
        total = int(sizes.sum())
        shares = {n: float(size / total) for n, size in zip(names, by_kind, strict=True) if size}
        ages = order.age_of(span.start), order.age_of(span.stop)
        views.append(PhaseView(span, *ages, total, shares))
    return views


def ribbon(order: Order, num_bins: int = 100, *, num_visits: int | None = None) -> pl.DataFrame:
    """bin, kind, share: of the bytes read in each of `num_bins` equal stretches of life.

    A life that reads but a share of the order is of its first `num_visits`.
    """
    codes, names = kinds_read(order)
    codes = codes[:num_visits]
    read = np.asarray(order.read)[: len(codes) + 1]
    edges = int(read[-1]) * np.arange(num_bins + 1) // num_bins
    bins = np.searchsorted(edges, read[:-1], side="right") - 1
    sizes = np.diff(read)
    # A visit that an edge cuts counts where its bytes are, not where it begins.
    cut = np.unique(np.searchsorted(read, edges[1:-1], side="left") - 1)
    begin, end = (read[cut + n][:, None] for n in (0, 1))
    overlap = np.minimum(end, edges[1:]) - np.maximum(begin, edges[:-1])
    sizes[cut] = 0
    cells = bins * len(names) + codes
    table = np.bincount(cells, weights=sizes, minlength=num_bins * len(names))
    table = table.reshape(num_bins, len(names))
    np.add.at(table.T, codes[cut], np.maximum(overlap, 0))
    at, kind = np.nonzero(table)
    return pl.DataFrame(
        {
            "bin": at,
            "kind": [names[number] for number in kind],
            "share": table[at, kind] / table.sum(axis=1)[at],
        },
        schema={"bin": pl.Int64, "kind": pl.String, "share": pl.Float64},
    ).sort("bin", "kind")


def kinds_read(order: Order) -> tuple[npt.NDArray[np.unsignedinteger], list[str]]:
    """The number of the kind that each visit reads, (num_visits,), and the kinds' names."""
    codes, names = Scenes(order.corpus.columns(["kind"])).codes("kind")
    return codes[order.sequence], names


def meeting(order: Order, position: int, *, with_text: bool = True) -> Meeting:
    """What is read at a position."""
    columns = ["id", "kind", "num_bytes", *(["text"] if with_text else [])]
    scene = order.scene(int(order.sequence[position]), columns)
    _check(order, position, scene)
    phase = order.phase_at(position).name
    age = order.age_of(position)
    return Meeting(position, age, phase, scene["id"], scene["kind"], scene.get("text"))


def _check(order: Order, position: int, scene: dict[str, Any]) -> None:
    """Raise `ArtefactError` unless all that is known of a visit says that it is to this scene.

    The sequence, the index by scene, the bytes behind and the corpus lie in files of their own.
    """
    size = int(order.read[position + 1]) - int(order.read[position])
    if size != scene["num_bytes"] or position not in order.meetings.of(key_of(scene["id"])):
        raise _contradiction(position)


def _contradiction(position: int) -> ArtefactError:
    what = f"the order and its corpus contradict each other at position {position:,}"
    return ArtefactError(what, do="make the order again")


def moment(order: Order, age: float, *, num_around: int = 2) -> Moment:
    """What is read at `age`, between its neighbours; raises `InputError` for what is no age."""
    if not 0 <= age <= 1:
        raise InputError(f"{age:g} is no age", allowed="0 to 1")
    position = order.at(age)
    is_found = order.age_of(position) <= age < order.age_of(position + 1)
    if not is_found and position != order.num_visits - 1:
        raise _contradiction(position)
    span = order.phase_at(position)
    before = range(max(0, position - num_around), position)
    after = range(position + 1, min(position + 1 + num_around, order.num_visits))
    return Moment(
        meeting(order, position),
        tuple(meeting(order, other) for other in before),
        tuple(meeting(order, other) for other in after),
        (order.age_of(span.start), order.age_of(span.stop)),
    )


def acquaintance(order: Order, scene: str, *, most: int = 6) -> Acquaintance:
    """Every meeting with a scene, of which at most `most` are told one by one.

    Raises `InputError` for an id that the corpus lacks.
    """
    positions = order.meetings.of(key_of(scene)).astype(np.int64)
    said = _scene_called(order, scene, positions)
    numbers = np.arange(len(positions))
    if len(positions) > most:
        numbers = np.concatenate([numbers[: most - most // 2], numbers[-(most // 2) :]])
    begin, end = (np.asarray(order.read[positions + n]) for n in (0, 1))
    gaps = Gaps(np.diff(begin) / int(order.read[-1]), np.diff(positions) - 1, begin[1:] - end[:-1])
    return Acquaintance(
        scene,
        said["kind"],
        said["text"],
        said["split"] != TRAIN,
        len(positions),
        tuple(_encounter(order, scene, int(n), int(positions[n])) for n in numbers),
        gaps,
    )


def _encounter(order: Order, scene: str, number: int, position: int) -> Encounter:
    before, after = (
        meeting(order, other, with_text=False) if 0 <= other < order.num_visits else None
        for other in (position - 1, position + 1)
    )
    here = meeting(order, position, with_text=False)
    if here.scene != scene:
        raise _contradiction(position)
    return Encounter(number, here, before, after)


def _scene_called(order: Order, scene: str, positions: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Kind, text and split of a scene: at once where it is met, else after a search for its id."""
    columns = ["kind", "text", "split"]
    if len(positions):
        return order.scene(int(order.sequence[positions[0]]), columns)
    ids = order.corpus.columns(["id"])["id"]
    row = ids.index_of(scene)
    if row is None:
        near = suggestion(scene, ids.head(_MOST_COMPARED).to_list())
        raise InputError(f"no scene has the id {scene!r}", do=near)
    for position in np.flatnonzero(order.sequence == row)[:1]:  # the index says that it isn't met
        _check(order, int(position), order.scene(row, ["id", "num_bytes"]))
    return order.scene(row, columns)
