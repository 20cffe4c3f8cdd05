"""Is the chain as near as the best known ways of chaining, and fast enough for large corpora?

    python benchmarks/chain.py                     100,000 clustered vectors, and 5,000 of them
    python benchmarks/chain.py TEXTS.jsonl...      the same on the vectors of real texts
    python benchmarks/chain.py VECTORS.npy         or on vectors as they are
    python benchmarks/chain.py --million           1,000,000 clustered vectors besides

Clustered: 200 centres drawn from a normal distribution in 128 dimensions; each vector is one of
them, drawn at random, plus as much normal noise, at length 1. Figures are mean cosines of
neighbours. Peers, in the same run: a random order; In-Context Pretraining's walk over nearest
neighbours, cut at 21 and merged (Shi et al. 2023, 2310.10638), written anew; the exact greedy tour,
always to the nearest that is left; on 5,000, fast-tsp for 10 s (`pip install fast-tsp`). Neighbours
of the two walks are exact, and their search is counted apart.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from upbringing.corpus.tfidf import WordSpace
from upbringing.identity import generator
from upbringing.order.chain import path

Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]

NUM_CENTRES, NUM_DIMS = 200, 128
NUM_NEAREST = 22
LONGEST_WALK = 21
FEW = 5_000
SECONDS = 10.0
SECONDS_FOR_A_MILLION = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--size", type=int, default=100_000)
    options = parser.parse_args()
    vectors = read(options.paths) if options.paths else clustered(options.size)
    verdicts = [against_greedy(vectors)]
    few = generator(0, "benchmark chain", "few").permutation(len(vectors))[:FEW]
    verdicts.append(against_fast_tsp(np.ascontiguousarray(vectors[few])))
    if options.million:
        verdicts.append(a_million())
    print(*verdicts, sep="\n")


def against_greedy(vectors: Floats) -> str:
    n = len(vectors)
    print(f"{n:,} vectors of {vectors.shape[1]} dimensions")
    chain, seconds = timed("chain", vectors, lambda: path(vectors))
    timed("random", vectors, lambda: generator(0, "benchmark chain", "random").permutation(n))
    start = time.perf_counter()
    near = nearest(vectors)
    print(f"  {'(exact neighbours)':28}            {time.perf_counter() - start:8.1f} s")
    timed("In-Context Pretraining", vectors, lambda: walk_and_merge(near[:, :9]))
    greedy, _ = timed("exact greedy tour", vectors, lambda: greedy_tour(vectors, near))
    holds = chain >= greedy and seconds <= SECONDS
    return (
        f"{n:,}: {chain:.4f}, {chain / greedy:.3f} of the greedy tour's (target: 1), "
        f"in {seconds:.1f} s (target: at most {SECONDS:.0f}): {said(holds)}"
    )


def against_fast_tsp(vectors: Floats) -> str:
    print(f"{len(vectors):,} of them")
    chain, _ = timed("chain", vectors, lambda: path(vectors))
    try:
        import fast_tsp
    except ImportError:
        return "5,000: fast-tsp is not installed, nothing to compare with: falls short"

    def solve() -> Order:
        # A place as far from one as from another makes an open path of the ring.
        n = len(vectors)
        distances = np.zeros((n + 1, n + 1), dtype=np.uint16)
        distances[:n, :n] = np.clip(np.rint((1 - vectors @ vectors.T) * 30_000), 0, 65_535)
        ring = np.array(fast_tsp.find_tour(distances, duration_seconds=10))
        return np.roll(ring, -int(np.flatnonzero(ring == n)[0]))[1:]

    best, _ = timed("fast-tsp", vectors, solve)
    return (
        f"{len(vectors):,}: {chain:.4f}, {chain / best:.4f} of fast-tsp's "
        f"(target: at least 0.99): {said(chain >= 0.99 * best)}"
    )


def a_million() -> str:
    vectors = clustered(1_000_000)
    print(f"{len(vectors):,} vectors of {NUM_DIMS} dimensions")
    chain, seconds = timed("chain", vectors, lambda: path(vectors))
    return (
        f"{len(vectors):,}: {chain:.4f} in {seconds:.0f} s "
        f"(target: below {SECONDS_FOR_A_MILLION:.0f}): {said(seconds < SECONDS_FOR_A_MILLION)}"
    )


def timed(name: str, vectors: Floats, order: Callable[[], Order]) -> tuple[float, float]:
    start = time.perf_counter()
    rows = order()
    seconds = time.perf_counter() - start
    assert len(np.unique(rows)) == len(rows) == len(vectors), f"{name} is no permutation"
    parts = np.array_split(np.arange(len(rows) - 1), max(1, len(rows) // 50_000))
    cosines = np.concatenate(
        [np.einsum("ij,ij->i", vectors[rows[part]], vectors[rows[part + 1]]) for part in parts]
    )
    mean = float(cosines.mean(dtype=np.float64))
    print(f"  {name:28} {mean:8.4f}   {seconds:8.1f} s", flush=True)
    return mean, seconds


def said(holds: bool) -> str:
    return "holds" if holds else "falls short"


def read(paths: list[Path]) -> Floats:
    if paths[0].suffix == ".npy":
        values = np.load(paths[0], allow_pickle=False)
    else:
        lines = [json.loads(line) for file in paths for line in file.open(encoding="utf-8")]
        texts, langs = [line["text"] for line in lines], [line.get("lang", "en") for line in lines]
        values = WordSpace.fit(texts, langs).vectors(texts, langs)
    return of_length_1(values)


def clustered(num_vectors: int) -> Floats:
    draws = generator(0, "benchmark chain", "clusters")
    centres = draws.normal(size=(NUM_CENTRES, NUM_DIMS)).astype(np.float32)
    mine = draws.integers(NUM_CENTRES, size=num_vectors)
    return of_length_1(draws.standard_normal((num_vectors, NUM_DIMS), np.float32) + centres[mine])


def of_length_1(values: npt.NDArray[np.floating]) -> Floats:
    lengths = np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)
    return np.ascontiguousarray(values / lengths, dtype=np.float32)


def nearest(vectors: Floats) -> Order:
    """Each row's nearest others, (n, NUM_NEAREST), nearest first."""
    found = faiss.knn(vectors, vectors, NUM_NEAREST + 1, metric=faiss.METRIC_INNER_PRODUCT)[1]
    is_other = found != np.arange(len(found))[:, None]
    is_other[is_other.all(axis=1), -1] = False
    return found[is_other].reshape(len(found), NUM_NEAREST)


def walk_and_merge(near: Order) -> Order:
    """Walks to the nearest that is left, cut at 21; what is in a short one goes before a neighbour.

    As In-Context Pretraining builds its input contexts.
    """
    left = dict.fromkeys(range(len(near)))
    walks: dict[int, list[int]] = {}
    walk_of = [0] * len(near)
    neighbours = near.tolist()
    while left:
        here: int | None = next(iter(left))
        walk = walks[len(walks)] = []
        while here is not None and len(walk) < LONGEST_WALK:
            del left[here]
            walk_of[here] = len(walks) - 1
            walk.append(here)
            here = next((other for other in neighbours[here] if other in left), None)
    for number in list(walks):
        if len(walks[number]) < LONGEST_WALK:
            walks[number] = [
                row for row in walks[number] if not moved(row, number, neighbours, walks, walk_of)
            ]
    return np.array([row for walk in walks.values() for row in walk])


def moved(
    row: int, own: int, near: list[list[int]], walks: dict[int, list[int]], walk_of: list[int]
) -> bool:
    """Put a row before its nearest neighbour in another walk, if there is one."""
    for other in near[row]:
        walk = walk_of[other]
        if walk != own and other in walks[walk]:
            walks[walk].insert(walks[walk].index(other), row)
            walk_of[row] = walk
            return True
    return False


def greedy_tour(vectors: Floats, near: Order) -> Order:
    """Always to the nearest that is left: from the neighbours, or else from all that are left."""
    is_left = np.ones(len(vectors), dtype=bool)
    rows, kept = np.arange(len(vectors)), vectors
    neighbours = near.tolist()
    tour = [0]
    is_left[0] = False
    while len(tour) < len(vectors):
        here = next((other for other in neighbours[tour[-1]] if is_left[other]), None)
        if here is None:
            if is_left[rows].mean() < 0.8:
                rows = rows[is_left[rows]]
                kept = vectors[rows]
            nearness = kept @ vectors[tour[-1]]
            nearness[~is_left[rows]] = -2
            here = int(rows[nearness.argmax()])
        tour.append(here)
        is_left[here] = False
    return np.array(tour)


if __name__ == "__main__":
    main()
