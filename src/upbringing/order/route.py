"""Route: an open path through points that meets each once, neighbours as near as can be found.

Pieces first: the nearest pairs are linked, nearest first, wherever both points are still ends of
different pieces (the greedy matching of Bentley 1992, 10.1287/ijoc.4.4.387); then the ends of the
pieces are treated as the points were, until one piece is left. Everything is an exact integer, and
ties end in the number of the point: the same points give the same route.
"""

from __future__ import annotations

import numpy as np

from upbringing.order.nearest import Indices, Pairs, Points, all_pairs, nearest_pairs

_ALL_PAIRS_UP_TO = 1_000  # ends of pieces


def nearest_route(points: Points, start: int | None = None, end: int | None = None) -> Indices:
    """The points in order, (n,), from `start` to `end` where they are given.

    `points` are on the grid of `nearest.on_grid`. Without a `start` and an `end`, the end with the
    smaller number comes first.
    """
    if len(points) == 1:
        return np.zeros(1, dtype=np.int64)
    pieces = _Pieces(len(points), start, end)
    pieces.link(_copies(points, start, end))
    ends = pieces.ends()
    while pieces.count > 1:
        some = len(ends) > _ALL_PAIRS_UP_TO
        found = (nearest_pairs if some else all_pairs)(points[ends])
        before = pieces.count
        pieces.link(_of(found, ends))
        ends = pieces.ends()
        if some and pieces.count > 0.9 * before:
            # All ends have the same few neighbours, or are equally far from all: any order will do.
            pieces.link(_in_a_row(ends))
            ends = pieces.ends()
    return pieces.route(start, end)


def _of(pairs: Pairs, rows: Indices) -> Pairs:
    """Pairs among points[rows] as pairs among points; `rows` rise."""
    return Pairs(rows[pairs.first], rows[pairs.second], pairs.nearness)


def _in_a_row(rows: Indices) -> Pairs:
    return Pairs(rows[:-1], rows[1:], np.zeros(len(rows) - 1, dtype=np.float32))


def _copies(points: Points, start: int | None, end: int | None) -> Pairs:
    """Each point with the next one at the same place, `start` and `end` outermost.

    Neighbour lists see only so far: among a thousand copies they would show the same ten.
    """
    place = np.unique(points, axis=0, return_inverse=True)[1].ravel()
    rank = np.arange(len(points))
    if start is not None:
        rank[start] = -1
    if end is not None:
        rank[end] = len(points)
    row = np.lexsort((rank, place))
    same = np.flatnonzero(place[row[1:]] == place[row[:-1]])
    return Pairs(row[same], row[same + 1], np.ones(len(same), dtype=np.float32))


class _Pieces:
    """Pieces of a route: how many links each point may still take, and where its piece ends.

    A `start` and an `end` count as linked to each other: the route is then a ring, cut there.
    """

    def __init__(self, num_points: int, start: int | None, end: int | None) -> None:
        self.free = [2] * num_points
        self.count = num_points
        self._far_end = list(range(num_points))
        self._links: tuple[list[int], list[int]] = ([-1] * num_points, [-1] * num_points)
        for fixed in (start, end):
            if fixed is not None:
                self.free[fixed] = 1
        if start is not None and end is not None:
            self._far_end[start], self._far_end[end] = end, start
            self.count -= 1

    def ends(self) -> Indices:
        """The points that can be linked, rising."""
        return np.flatnonzero(np.array(self.free))

    def link(self, pairs: Pairs) -> None:
        """Link the pairs that are ends of different pieces when their turn comes, nearest first."""
        turn = np.argsort(-pairs.nearness, kind="stable")
        free, far_end = self.free, self._far_end
        for one, two in zip(pairs.first[turn].tolist(), pairs.second[turn].tolist(), strict=True):
            if free[one] and free[two] and far_end[one] != two:
                left, right = far_end[one], far_end[two]
                far_end[left], far_end[right] = right, left
                self._link(one, two)
                self.count -= 1

    def _link(self, one: int, two: int) -> None:
        first, second = self._links
        for here, there in ((one, two), (two, one)):
            (first if first[here] < 0 else second)[here] = there
            self.free[here] -= 1

    def route(self, start: int | None, end: int | None) -> Indices:
        """The points of the only piece from one end to the other."""
        if start is not None and end is not None:
            self._link(*self.ends().tolist())
        first, second = self._links
        here = next(
            (fixed for fixed in (start, end) if fixed is not None),
            next((point for point, other in enumerate(second) if other < 0), 0),
        )
        before, route = -1, [here]
        while len(route) < len(first):
            after = second[here] if first[here] == before else first[here]
            before, here = here, after
            route.append(here)
        return np.array(route[::-1] if start is None and end is not None else route)
