"""How wide intervals must be to hold together: the critical value of a family of paired t's.

Takes the pairs of arms that are compared, the seeds and the tables (axes, schedules); gives the t
beyond which an interval leaves zero out. A study's contrasts are correlated, since they share arms,
and how is known from the design: nothing is estimated from the runs. What it assumes, and how it
holds where that is not so: `docs/statistics.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from upbringing.identity import generator

FloatArray = npt.NDArray[np.float64]

Edges = tuple[tuple[int, ...], ...]  # pairs of arms by number

CONFIDENCE = 0.95
NUM_STUDIES = 200_000  # of which the quantile is taken: coverage is off by .0005 (one SE)
_BLOCK = 2_000  # fits a processor's cache


def critical_value(pairs: Sequence[tuple[str, str]], num_seeds: int, num_tables: int = 1) -> float:
    """The t of simultaneous 95% intervals: the quantile of the largest |t| when no arm differs.

    One contrast has Student's own. Several in one table: the largest of the paired t's of arms that
    are normal with one spread, whose joint law depends on nothing else; `NUM_STUDIES` keyed draws
    of it. Several tables: each holds with .95^(1/tables), exact for tables that are independent and
    wider than needed for others (Šidák 1967; Royen 2014 for blocks of normals).
    """
    confidence = CONFIDENCE ** (1 / num_tables)
    number = {arm: k for k, arm in enumerate(sorted({arm for pair in pairs for arm in pair}))}
    edges = {tuple(sorted((number[first], number[second]))) for first, second in pairs}
    if len(edges) == 1:
        return float(stats.t.ppf((1 + confidence) / 2, num_seeds - 1))
    return _quantile(tuple(sorted(edges)), num_seeds, confidence)


@lru_cache(maxsize=256)
def _quantile(edges: Edges, num_seeds: int, confidence: float) -> float:
    return float(np.quantile(_largest_t(edges, num_seeds), confidence))


@lru_cache(maxsize=8)
def _largest_t(edges: Edges, num_seeds: int) -> FloatArray:
    """The largest |t| of each of `NUM_STUDIES` studies without effect, shape (num_studies,).

    Means of arms are drawn apart from their scatter. The scatter is root·rootᵀ (Wishart): its root
    is lower triangular with chi's on the diagonal (Bartlett 1933), so that many seeds cost no more
    than few. The squared SD of a − b is then |rootₐ − root_b|²/(S − 1).
    """
    num_arms, num_df = max(map(max, edges)) + 1, num_seeds - 1
    draw = generator(0, "simultaneous", f"{edges}/{num_seeds}")
    every, (first, second) = np.arange(num_arms), np.array(edges).T
    largest = []
    for _ in range(NUM_STUDIES // _BLOCK):
        mean_AN = draw.standard_normal((num_arms, _BLOCK)) / np.sqrt(num_seeds)
        root_AKN = draw.standard_normal((num_arms, min(num_arms, num_df), _BLOCK))
        if num_df >= num_arms:
            root_AKN[np.triu_indices(num_arms, 1)] = 0.0
            root_AKN[every, every] = np.sqrt(
                draw.chisquare((num_df - every)[:, None], (num_arms, _BLOCK))
            )
        square_EN = ((root_AKN[first] - root_AKN[second]) ** 2).sum(axis=1) / num_df
        t_EN = np.abs(mean_AN[first] - mean_AN[second]) / np.sqrt(square_EN / num_seeds)
        largest.append(t_EN.max(axis=0))
    return np.concatenate(largest)
