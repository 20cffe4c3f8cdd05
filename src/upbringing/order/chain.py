"""Chain: each scene beside those it is nearest to, as one path through the vectors.

Takes vectors, gives rows in order: a path that meets each once and whose mean cosine between
neighbours is as high as can be found (`route`); up to 10,000 scenes, exchanges raise it further
(`improve`), a millisecond each. The same vectors give the same path, whatever the
order of the rows, the number of threads and the seed.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from upbringing.errors import InputError
from upbringing.identity import Keys, keyed_hash
from upbringing.order.improve import improved
from upbringing.order.nearest import UNIT, Indices, Points, nearest_pairs, on_grid
from upbringing.order.parameters import Reads, Share
from upbringing.order.places import VECTORS, Selected, arrangement
from upbringing.order.route import nearest_route
from upbringing.order.sorting import Ranks, inverse
from upbringing.settings import suggestion

ALIKE = 0.95
"""From this cosine on, two scenes are near-duplicates: in TF-IDF, the same matter in the same form.
"""

_IMPROVE_UP_TO = 10_000
_TRIES = 8  # scenes that are tried for a place before the next one on the path
_NEVER = np.iinfo(np.int64).max

SceneId = Annotated[str | None, Reads(lambda said: ("id",) if said is not None else ())]
Count = Annotated[int, Field(ge=1)]


def path(
    vectors: npt.NDArray[np.float32],
    *,
    start: int | None = None,
    end: int | None = None,
    separate: int = 0,
    alike: float = ALIKE,
    keys: Keys | None = None,
) -> Indices:
    """The rows of `vectors` (n, d), of length 1 or 0, as a path, (n,): `start` first, `end` last.

    Any two rows whose cosine is at least `alike` are at least `separate` places apart. `keys` (n,)
    are distinct and stand for the rows: by them the path is independent of the rows' order; without
    them, rows stand for themselves. Where neither end is given, the smaller key comes first.
    Raises `InputError` where no way to keep the rows apart was found.
    """
    keys = keyed_hash(np.arange(len(vectors), dtype=np.uint64), 0, "rows") if keys is None else keys
    by_key = np.argsort(keys)
    points = on_grid(vectors[by_key])
    first, last = (
        None if row is None else int(np.flatnonzero(by_key == row)[0]) for row in (start, end)
    )
    if len(points) > 1 and first is not None and first == last:
        raise InputError("a path of several scenes cannot start and end with the same one")
    route = nearest_route(points, first, last)
    fixed = (start is not None, end is not None)
    if len(points) <= _IMPROVE_UP_TO:
        route = improved(points, route, nearest_pairs(points), fixed)
    if not any(fixed) and route[0] > route[-1]:
        route = route[::-1]
    found: Indices = by_key[kept_apart(points, route, separate, alike, fixed)]
    return found


@arrangement(reads=(VECTORS,))
def chain(
    scenes: Selected,
    start: SceneId = None,
    end: SceneId = None,
    separate: Annotated[int, Field(ge=0)] = 0,
    alike: Share = ALIKE,
    linked: Literal["context", "time"] = "context",
    apart: Count = 64,
) -> Ranks:
    """Neighbours by vector, from the scene `start` to the scene `end`; the same for every seed.

    Scenes with a cosine of `alike` or more are `separate` places apart or more. With
    `linked: context` neighbours follow one another, and so share context windows; with
    `linked: time` they follow `apart` places after one another, between scenes from elsewhere on
    the path: near in time, in different windows.
    """
    rows = tuple(_row(scenes, name) for name in (start, end))
    vectors, keys = scenes.vectors(), scenes.keys
    order = path(vectors, start=rows[0], end=rows[1], keys=keys)
    if linked == "time":
        order = in_strands(order, apart)
    if separate > 1:
        fixed = (start is not None, end is not None)
        order = kept_apart(on_grid(vectors), order, separate, alike, fixed)
    return inverse(order.astype(np.uint32)).astype(np.uint64)


def _row(scenes: Selected, name: str | None) -> int | None:
    if name is None:
        return None
    ids = scenes.columns["id"]
    row = ids.index_of(name)
    if row is None:
        near = suggestion(name, ids.head(100_000).to_list())
        raise InputError(
            f"the phase has no scene {name!r} for `chain` to start or end with", do=near
        )
    return row


def strands(num_scenes: int, apart: int) -> tuple[int, int]:
    """How many stretches `in_strands` cuts a path into, and how many scenes the longest holds."""
    length = max(2, -(-num_scenes // apart))
    return -(-num_scenes // length), length


def in_strands(order: Indices, apart: int) -> Indices:
    """A path cut into `apart` equal stretches (fewer where it is short) that are read in turns.

    What is first and last stays so; neighbours on the path come `apart` places after one another.
    """
    num_strands, length = strands(len(order), apart)
    short = num_strands * length - len(order)
    table = np.full((num_strands, length), -1)
    # The first strands are one shorter, so that the end of the path is the last of all.
    holds = np.ones_like(table, dtype=bool)
    holds[:short, -1] = False
    table[holds] = order
    woven = table.T.ravel()
    return woven[woven >= 0]


def kept_apart(
    points: Points, order: Indices, separate: int, alike: float, fixed: tuple[bool, bool]
) -> Indices:
    """`order` with near-duplicates `separate` places apart or more, else changed little.

    A scene that comes too early waits, and takes the first place it may have; those that still wait
    at the end go where they are just far enough from their likes. `fixed` says whether the first
    and the last scene stay. Raises `InputError` for scenes that find no place.
    """
    least = alike * UNIT**2
    if not _is_too_near(points, order, separate, least):
        return order
    tail = order[-1:] if fixed[1] else order[:0]
    placed, waiting = _one_after_another(points, order, separate, least, tail)
    result = np.concatenate([placed, tail])
    while waiting:
        slots = _free_slots(points, result, waiting[0], separate, least)
        slots[: int(fixed[0])] = _NEVER
        slots[len(result) + 1 - int(fixed[1]) :] = _NEVER
        slot = int(slots.argmin())
        if slots[slot] == _NEVER:
            break
        result = np.insert(result, slot, waiting.pop(0))
    if not waiting and not _is_too_near(points, result, separate, least):
        return result
    raise InputError(
        f"no order was found in which scenes with a cosine of {alike:g} or more are {separate} "
        f"places apart: {len(waiting) or 'the last'} of {len(order):,} find no place",
        do="ask for a smaller `separate`, or count fewer scenes as alike: `alike: 0.99`",
    )


def _is_too_near(points: Points, order: Indices, separate: int, least: float) -> bool:
    """Whether two that are alike are fewer than `separate` places apart."""
    lags = range(1, min(separate, len(order)))
    return any(
        bool((np.einsum("ij,ij->i", points[order[:-lag]], points[order[lag:]]) >= least).any())
        for lag in lags
    )


def _one_after_another(
    points: Points, order: Indices, separate: int, least: float, tail: Indices
) -> tuple[Indices, list[int]]:
    """The order without its `tail` as far as it can be placed, and what waits at the end."""
    likes_tail = points @ points[tail[0]] >= least if len(tail) else np.zeros(len(points), bool)
    placed: list[int] = []
    waiting: list[tuple[int, int, int]] = []  # a heap: first place it may have, arrival, row

    def first_place(row: int) -> int:
        """The first place that the row may have, seen from the place that is next."""
        here = len(placed)
        if likes_tail[row]:  # it is placed when the tail has its place
            return _NEVER
        recent = placed[max(0, here - separate + 1) :]
        like = np.flatnonzero(points[recent] @ points[row] >= least)
        return int(here - len(recent) + like[-1] + separate) if len(like) else here

    def place_those_that_may(tries: int) -> None:
        left = tries
        while waiting and waiting[0][0] <= len(placed) and left:
            _, arrival, row = heappop(waiting)
            place = first_place(row)
            if place == len(placed):
                placed.append(row)
                left = tries
            else:
                heappush(waiting, (place, arrival, row))
                left -= 1

    for arrival, row in enumerate(order[: len(order) - len(tail)].tolist()):
        heappush(waiting, (len(placed), arrival, row))
        place_those_that_may(_TRIES)
    place_those_that_may(len(waiting))
    return np.array(placed, dtype=np.int64), [row for _, _, row in sorted(waiting)]


def _free_slots(points: Points, order: Indices, row: int, separate: int, least: float) -> Indices:
    """For each slot before a place of `order`, and after all, (n + 1,): how far the row's nearest
    like is from there, `_NEVER` where that is fewer than `separate` places.
    """
    likes = np.flatnonzero(points[order] @ points[row] >= least)
    slots = np.arange(len(order) + 1)
    if not len(likes):
        return slots
    after = np.searchsorted(likes, slots)
    to_left = np.where(after > 0, slots - likes[np.maximum(after - 1, 0)], _NEVER)
    to_right = np.where(
        after < len(likes), likes[np.minimum(after, len(likes) - 1)] + 1 - slots, _NEVER
    )
    nearest = np.minimum(to_left, to_right)
    return np.where(nearest >= separate, nearest, _NEVER)
