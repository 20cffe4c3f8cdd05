"""Improve: a route gets nearer neighbours by exchanges, until none is found that helps.

Rounds of 2-opt (a stretch is turned round) and Or-opt (one to three points move elsewhere; Or
1976): all exchanges between neighbours are weighed at once, then made best first, each if the links
it wants to cut are still there. Between rounds, a third of the points is taken out and put back in
the best way there is, one into each gap: an assignment, solved exactly (Sarvanov and Doroshko 1981;
Gutin 1999). All is exact integers, ties end in the number of the point.

Shapes: N places of a route, p neighbours (each pair twice, once each way).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upbringing.identity import keyed_hash
from upbringing.order.nearest import Indices, Pairs, Points

Gains = npt.NDArray[np.float64]

_CYCLES = 6
_ROUNDS = 4
_LONGEST = 3  # points that move together
_STRETCH = 2_048  # places among which points are put back: the assignment takes its square


def improved(
    points: Points, route: Indices, pairs: Pairs, fixed: tuple[bool, bool] = (False, False)
) -> Indices:
    """A route over the same points whose neighbours are nearer, (n,).

    `pairs` are the neighbours that may be linked; `fixed` says whether the first and the last
    point stay.
    """
    # A free end is linked to nothing: a point beyond it, as far from one as from another.
    num_points, num_dims = points.shape
    ground = np.vstack([points, np.zeros((2, num_dims), dtype=np.float32)])
    before, after = ([] if fixed[0] else [num_points]), ([] if fixed[1] else [num_points + 1])
    places = np.concatenate([before, route, after]).astype(np.int64)
    near = _Near(
        np.concatenate([pairs.first, pairs.second]),
        np.concatenate([pairs.second, pairs.first]),
        np.concatenate([pairs.nearness, pairs.nearness]).astype(np.float64),
    )
    for cycle in range(_CYCLES):
        was = places
        for _ in range(_ROUNDS):
            places, num_exchanges = _round(ground, places, near)
            if not num_exchanges:
                break
        places = _put_back(ground, places, cycle)
        if np.array_equal(was, places):
            break
    found: Indices = places[places < num_points]
    return found


@dataclass(frozen=True)
class _Near:
    """Point `one` might be linked to `two`, (p,), and how near they are."""

    one: Indices
    two: Indices
    nearness: Gains


def _nearness(ground: Points, one: Indices, two: Indices) -> Gains:
    """Dot products, (…,), exact as integers; in slices, to stay in the processor's cache."""
    found = np.empty(len(one), dtype=np.float64)
    for low in range(0, len(one), 8_192):
        part = slice(low, low + 8_192)
        found[part] = np.einsum("ij,ij->i", ground[one[part]], ground[two[part]])
    return found


def _round(ground: Points, places: Indices, near: _Near) -> tuple[Indices, int]:
    """One round of exchanges; how many were made."""
    found = np.concatenate(_exchanges(ground, places, near))
    found = found[np.lexsort(found.T[::-1])]
    route = _Route(places, len(ground))
    made = 0
    for _, length, *touched in found.tolist():
        made += route.move(length, *touched) if length else route.turn(*touched[:4])
    return route.places, made


def _exchanges(ground: Points, places: Indices, near: _Near) -> list[Indices]:
    """Every exchange that helps, one a row: −gain, length (0: a turn), and the points it touches.

    In a turn the links a–b and c–d become a–c and b–d. In a move the stretch a…e leaves p and q and
    comes between c and d, a beside c.
    """
    num_places = len(places)
    at = np.empty(len(ground), dtype=np.int64)
    at[places] = np.arange(num_places)
    link = _nearness(ground, places[:-1], places[1:])  # from each place to the next, (N − 1,)
    at_a, at_c = at[near.one], at[near.two]

    def inside(place: Indices) -> npt.NDArray[np.bool_]:
        return (place >= 0) & (place < num_places)

    def links(place: Indices, other: Indices) -> Gains:
        found: Gains = link[np.minimum(place, other)]
        return found

    def rows(gain: Gains, length: int, *touched: Indices) -> Indices:
        columns = [-gain.astype(np.int64), np.full(len(gain), length), *touched]
        columns += [np.zeros_like(gain, dtype=np.int64)] * (8 - len(columns))
        return np.stack(columns, axis=1)[gain > 0]

    found = []
    for step in (1, -1):
        k = np.flatnonzero(inside(at_a + step) & inside(at_c + step))
        cut = links(at_a[k], at_a[k] + step)
        k, cut = k[near.nearness[k] > cut], cut[near.nearness[k] > cut]
        b, d = places[at_a[k] + step], places[at_c[k] + step]
        gain = near.nearness[k] + _nearness(ground, b, d) - cut - links(at_c[k], at_c[k] + step)
        found.append(rows(gain, 0, near.one[k], b, near.two[k], d))
        for length in range(1, _LONGEST + 1):
            place = np.arange(num_places)
            place = place[inside(place - step) & inside(place + step * length)]
            p, q = places[place - step], places[place + step * length]
            left = np.full(num_places, -np.inf)  # what it gains to take a…e out, by the place of a
            left[place] = (
                _nearness(ground, p, q)
                - links(place, place - step)
                - links(place + step * (length - 1), place + step * length)
            )
            for side in (1, -1):
                k = np.flatnonzero(inside(at_c + side) & (left[at_a] > -np.inf))
                a, c = at_a[k], at_c[k]
                cut = links(c, c + side)
                offsets = ((c - a) * step, (c + side - a) * step)  # c and d stay out of a…e
                apart = np.logical_and.reduce([(o < 0) | (o >= length) for o in offsets])
                helps = near.nearness[k] > np.minimum(cut, links(a, a - step))
                k, cut = k[apart & helps], cut[apart & helps]
                a, c = at_a[k], at_c[k]
                e, d = places[a + step * (length - 1)], places[c + side]
                gain = near.nearness[k] + _nearness(ground, e, d) - cut + left[a]
                ends = (places[a - step], places[a + step * length])
                found.append(rows(gain, length, near.one[k], e, near.two[k], d, *ends))
    return found


class _Route:
    """Points by place and places by point, while exchanges are made."""

    def __init__(self, places: Indices, num_points: int) -> None:
        self.places = places.copy()
        self._at = np.empty(num_points, dtype=np.int64)
        self._at[places] = np.arange(len(places))

    def turn(self, a: int, b: int, c: int, d: int) -> bool:
        """Make a–b and c–d into a–c and b–d, if both links are there and run the same way."""
        at_a, at_b, at_c, at_d = self._at[[a, b, c, d]].tolist()
        if abs(at_b - at_a) != 1 or at_d - at_c != at_b - at_a:
            return False
        inner = (at_b, at_c) if (at_a < at_c) == (at_a < at_b) else (at_a, at_d)
        low, high = sorted(inner)
        self._put(low, self.places[low : high + 1][::-1])
        return True

    def move(self, length: int, a: int, e: int, c: int, d: int, p: int, q: int) -> bool:
        """Put the stretch a…e between c and d, if p–a…e–q and c–d are there."""
        at_a, at_e, at_c, at_d, at_p, at_q = self._at[[a, e, c, d, p, q]].tolist()
        step = at_a - at_p
        is_there = abs(step) == 1 and at_e - at_a == step * (length - 1) and at_q - at_e == step
        low, high = sorted((at_a, at_e))
        if not is_there or abs(at_c - at_d) != 1 or low <= at_c <= high or low <= at_d <= high:
            return False
        stretch = self.places[low : high + 1]
        if (step == 1) != (at_d > at_c):
            stretch = stretch[::-1]
        gap = min(at_c, at_d)
        if gap > high:
            self._put(low, np.concatenate([self.places[high + 1 : gap + 1], stretch]))
        else:
            self._put(gap + 1, np.concatenate([stretch, self.places[gap + 1 : low]]))
        return True

    def _put(self, low: int, points: Indices) -> None:
        points = points.copy()
        self.places[low : low + len(points)] = points
        self._at[points] = np.arange(low, low + len(points))


def _put_back(ground: Points, places: Indices, cycle: int) -> Indices:
    """The route with about a third of its points in better gaps, stretch by stretch."""
    from scipy.optimize import linear_sum_assignment  # 0.4 s that only a chain takes

    lots = keyed_hash(places.astype(np.uint64), 0, f"put back/{cycle}") >> np.uint64(63) == 1
    taken = lots & ~np.roll(lots, 1)
    first = cycle % 2 * _STRETCH // 2  # every second time from border to border of the last time
    borders = np.unique(np.clip(np.arange(first, len(places) + _STRETCH, _STRETCH), 0, len(places)))
    borders = np.union1d([0], borders)
    parts = []
    for low, high in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        here = places[low:high]
        out = taken[low:high].copy()
        out[[0, -1]] = False  # ends stay, so that stretches join as they did
        if not out.any():
            parts.append(here)
            continue
        kept, loose = here[~out], here[out]
        nearness = (ground[loose] @ ground[kept].T).astype(np.float64)
        gains = nearness[:, :-1] + nearness[:, 1:] - _nearness(ground, kept[:-1], kept[1:])
        which, gap = linear_sum_assignment(gains, maximize=True)
        order = np.argsort(np.concatenate([2 * np.arange(len(kept)), 2 * gap + 1]))
        parts.append(np.concatenate([kept, loose[which]])[order])
    return np.concatenate(parts)
