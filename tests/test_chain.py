"""The chain: a path through vectors, its ends, its near-duplicates, and the order that it gives."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from conftest import ids_of, tiny_scenes
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus, write_corpus
from upbringing.corpus.vectors import vectors_of
from upbringing.errors import InputError, SettingsError
from upbringing.identity import digest_array
from upbringing.order import Order, compile_order, nearest, parse_curriculum
from upbringing.order.chain import in_strands, path

Floats = npt.NDArray[np.float32]


def on_an_arc(num_points: int) -> Floats:
    """Points on an eighth of a circle, at growing distances: a, b, c, … along it."""
    angles = np.linspace(0, 1, num_points) ** 2 * np.pi / 4
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def clustered(num_points: int, *, seed: int = 0, num_dims: int = 16, noise: float = 0.5) -> Floats:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(num_points // 20, 1), num_dims))
    points = centres[rng.integers(len(centres), size=num_points)]
    points = points + noise * rng.normal(size=points.shape)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def mean_cosine(vectors: Floats, order: npt.NDArray[np.int64]) -> float:
    return float((vectors[order[:-1]] * vectors[order[1:]]).sum(axis=1).mean())


def greedy_walk(vectors: Floats) -> npt.NDArray[np.int64]:
    """Always to the nearest that is left, from row 0."""
    nearness = vectors @ vectors.T
    walk = [0]
    for _ in range(len(vectors) - 1):
        nearness[:, walk[-1]] = -2
        walk.append(int(nearness[walk[-1]].argmax()))
    return np.array(walk)


# By eye: a b c d e f g along an arc.


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, ["abcdefg", "gfedcba"]),
        ("a", None, ["abcdefg"]),
        (None, "a", ["gfedcba"]),
        ("g", "a", ["gfedcba"]),
        # A cosine falls with the square of a step, so two leaps of two cost less than one of three.
        ("c", None, ["cabdefg"]),
        ("b", "f", ["bacdegf"]),
    ],
)
def test_points_of_an_arc_come_along_it(
    start: str | None, end: str | None, expected: list[str]
) -> None:
    points = on_an_arc(7)
    first, last = (None if name is None else "abcdefg".index(name) for name in (start, end))
    found = "".join("abcdefg"[row] for row in path(points, start=first, end=last))
    assert found in expected


def test_likes_are_kept_apart_by_as_little_as_can_be() -> None:
    points = on_an_arc(8)[[0, 0, 2, 3, 4, 5, 6, 7]]
    assert path(points, start=0).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert path(points, start=0, separate=3, alike=0.999).tolist() == [0, 2, 3, 1, 4, 5, 6, 7]


def test_a_path_in_strands() -> None:
    assert "".join("abcdefghijk"[k] for k in in_strands(np.arange(11), 3)) == "adhbeicfjgk"
    assert "".join("abcdefghi"[k] for k in in_strands(np.arange(9), 3)) == "adgbehcfi"


# Properties


@given(
    num_points=st.integers(1, 60),
    seed=st.integers(0, 99),
    ends=st.tuples(st.booleans(), st.booleans()),
    noise=st.sampled_from([0.0, 0.3, 2.0]),
)
def test_a_path_meets_each_once_between_its_ends(
    num_points: int, seed: int, ends: tuple[bool, bool], noise: float
) -> None:
    points = clustered(num_points, seed=seed, noise=noise)
    start = seed % num_points if ends[0] else None
    end = (seed + 7) % num_points if ends[1] else None
    if start is not None and start == end and num_points > 1:
        with pytest.raises(InputError, match="start and end with the same"):
            path(points, start=start, end=end)
        return
    order = path(points, start=start, end=end)
    assert sorted(order.tolist()) == list(range(num_points))
    assert start is None or order[0] == start
    assert end is None or order[-1] == end


@given(
    groups=st.lists(st.integers(1, 6), min_size=1, max_size=12),
    separate=st.integers(2, 9),
    ends=st.tuples(st.booleans(), st.booleans()),
)
def test_likes_are_apart_or_the_path_is_refused(
    groups: list[int], separate: int, ends: tuple[bool, bool]
) -> None:
    group = np.repeat(np.arange(len(groups)), groups)
    points = np.eye(len(groups), dtype=np.float32)[group]
    start, end = (0 if ends[0] else None), (len(group) - 1 if ends[1] and len(group) > 1 else None)
    try:
        order = path(points, start=start, end=end, separate=separate)
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert max(groups) > 1
        assert f"{separate} places apart" in refusal
        return
    assert sorted(order.tolist()) == list(range(len(group)))
    places = np.argsort(order)
    for number in range(len(groups)):
        assert all(b - a >= separate for a, b in pairwise(sorted(places[group == number])))
    assert start is None or order[0] == start
    assert end is None or order[-1] == end


@given(num_likes=st.integers(2, 9), separate=st.integers(2, 9), seed=st.integers(0, 9))
def test_likes_find_places_wherever_there_is_room(num_likes: int, separate: int, seed: int) -> None:
    others = clustered(num_likes * (separate - 1) + 1, seed=seed, noise=3.0)
    points = np.concatenate([np.repeat(others[:1], num_likes - 1, axis=0), others])
    order = path(points, separate=separate, alike=0.999)
    assert np.diff(np.flatnonzero(order < num_likes)).min() >= separate


@pytest.mark.parametrize("exact_up_to", [8_000, 300], ids=["each with each", "by lists"])
def test_the_path_is_the_same_for_shuffled_rows_and_any_number_of_threads(
    exact_up_to: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "_EXACT_UP_TO", exact_up_to)
    monkeypatch.setattr(nearest, "_LIST_SIZE", 30)
    num_points = 1_500
    points = clustered(num_points)
    keys = np.random.default_rng(1).permutation(num_points).astype(np.uint64)
    digests = set()
    before = faiss.omp_get_max_threads()
    for num_threads in (1, 2, 4):
        faiss.omp_set_num_threads(num_threads)
        shuffled = np.random.default_rng(num_threads).permutation(num_points)
        order = path(points[shuffled], keys=keys[shuffled])
        digests.add(digest_array(keys[shuffled][order]))
    faiss.omp_set_num_threads(before)
    assert len(digests) == 1


def test_products_on_the_grid_are_exact() -> None:
    points = nearest.on_grid(clustered(300, num_dims=512, noise=3.0))
    assert points.dtype == np.float32
    exact = points.astype(np.int64) @ points.astype(np.int64).T
    assert (points @ points.T).astype(np.int64).tolist() == exact.tolist()


@pytest.mark.parametrize(("noise", "num_dims"), [(0.3, 8), (1.0, 64), (3.0, 64)])
def test_neighbours_are_nearer_than_on_the_greedy_walk(noise: float, num_dims: int) -> None:
    points = clustered(1_200, noise=noise, num_dims=num_dims)
    greedy = mean_cosine(points, greedy_walk(points))
    assert mean_cosine(points, path(points)) > greedy


def test_a_path_through_lists_is_as_near_as_through_all_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = clustered(2_000)
    exact = mean_cosine(points, path(points))
    monkeypatch.setattr(nearest, "_EXACT_UP_TO", 500)
    monkeypatch.setattr(nearest, "_LIST_SIZE", 50)
    assert mean_cosine(points, path(points)) > exact - 0.005


@pytest.mark.parametrize(
    "points",
    [np.zeros((1_100, 4)), np.repeat(np.eye(2), 550, axis=0), np.eye(1_100)],
    ids=["without direction", "two places", "all at right angles"],
)
def test_points_that_nothing_tells_apart_have_a_path_too(points: Floats) -> None:
    order = path(points.astype(np.float32))
    assert sorted(order.tolist()) == list(range(1_100))
    assert (points[order[1:]] != points[order[:-1]]).any(axis=1).sum() == len(
        np.unique(points, axis=0)
    ) - 1


# The strategy


def compiled(corpus: Corpus, arrange: str, *, seed: int = 0, head: str = "") -> Order:
    text = f"name: x\n{head}\nphases: [{{name: a, scenes: rest, arrange: {arrange}}}]\n"
    return compile_order(corpus, parse_curriculum(text, name="c.yaml"), seed=seed)


def test_a_chain_is_the_path_through_the_corpus_vectors(corpus: Corpus) -> None:
    scenes = corpus.scenes.with_row_index("row").filter(split="train")
    vectors = vectors_of(corpus)
    rows = scenes["row"].to_numpy()
    expected = rows[path(vectors.values[rows], keys=scenes["key"].to_numpy())]
    order = compiled(corpus, "chain")
    assert order.sequence.tolist() == expected.tolist()
    assert compiled(corpus, "chain", seed=9).digest == order.digest
    kinds = corpus.scenes["kind"].gather(expected).to_list()
    # Kinds share no word in this corpus, so the path goes through one after another.
    assert sum(a != b for a, b in pairwise(kinds)) == 3


def test_a_chain_starts_and_ends_as_it_is_told(corpus: Corpus) -> None:
    order = compiled(corpus, "{chain: {start: poetry/0006, end: drama/0041}}")
    ids = ids_of(order)
    assert (ids[0], ids[-1]) == ("poetry/0006", "drama/0041")
    assert order.columns == ("key", "split", "num_bytes", "id")
    assert ids_of(compiled(corpus, "{chain: chat/0000}"))[0] == "chat/0000"
    backwards = compiled(corpus, "{reverse: {chain: {start: poetry/0006, end: drama/0041}}}")
    assert ids_of(backwards) == ids[::-1]


def test_linked_in_time_neighbours_come_apart_places_later(corpus: Corpus) -> None:
    ends = "start: poetry/0006, end: drama/0041"
    near = ids_of(compiled(corpus, f"{{chain: {{{ends}}}}}"))
    woven = ids_of(compiled(corpus, f"{{chain: {{{ends}, linked: time, apart: 8}}}}"))
    assert Counter(woven) == Counter(near)
    assert (woven[0], woven[-1]) == (near[0], near[-1])
    place = {name: place for place, name in enumerate(woven)}
    gaps = Counter(place[after] - place[before] for before, after in pairwise(near))
    assert gaps[8] >= len(near) - 8
    assert min(map(abs, gaps)) >= 7


def test_what_a_chain_cannot_do_is_said_where_it_stands(corpus: Corpus) -> None:
    with pytest.raises(SettingsError, match=r"c\.yaml:3.* no scene 'chat/9'"):
        compiled(corpus, "{chain: {start: chat/9}}")
    with pytest.raises(SettingsError, match=r"c\.yaml:3.*50 places apart(.|\n)*smaller"):
        compiled(corpus, "{chain: {separate: 50, alike: 0}}")


def test_an_order_names_the_vectors_it_was_made_by(corpus: Corpus, tmp_path: Path) -> None:
    order = compiled(corpus, "chain")
    assert order.inputs["vectors"] == vectors_of(corpus).digest
    saved = Order.open(order.save(tmp_path / "order"), corpus)
    assert saved.inputs["vectors"] == order.inputs["vectors"]
    assert "vectors" not in compiled(corpus, "shuffle").inputs


def test_a_chain_by_vectors_of_ones_own(corpus: Corpus, tmp_path: Path) -> None:
    ages = np.linspace(0.1, 3, corpus.num_scenes)
    turned = np.random.default_rng(0).permutation(corpus.num_scenes)
    np.save(tmp_path / "own.npy", np.stack([np.cos(ages), np.sin(ages)], axis=1)[turned])
    kept = [row for row in np.argsort(turned) if corpus.scenes["split"][int(row)] == "train"]
    name = corpus.scenes["id"][int(kept[0])]
    order = compiled(corpus, f"{{chain: {name}}}", head=f"vectors: {tmp_path}/own.npy")
    assert order.sequence.tolist() == [int(row) for row in kept]


def test_shuffled_rows_of_a_corpus_give_the_same_chain(corpus: Corpus, tmp_path: Path) -> None:
    table = dict(zip(corpus.scenes["id"], vectors_of(corpus).values, strict=True))
    shuffled = tiny_scenes().sample(fraction=1.0, shuffle=True, seed=3)
    other = write_corpus(tmp_path / "corpus", shuffled, recipe={"made": "by a test"}, inputs={})
    np.save(tmp_path / "same.npy", np.stack([table[name] for name in shuffled["id"]]))
    order = compiled(other, "chain", head=f"vectors: {tmp_path}/same.npy")
    assert ids_of(order) == ids_of(compiled(corpus, "chain"))


# Near an example


def selected(corpus: Corpus, scenes: str, head: str = "") -> list[str]:
    phases = f"[{{name: a, scenes: {scenes}, arrange: as_is}}]"
    return ids_of(compile_order(corpus, parse_curriculum(f"name: x\n{head}\nphases: {phases}\n")))


def test_scenes_near_a_scene(corpus: Corpus) -> None:
    train = corpus.scenes.with_row_index("row").filter(split="train")
    vectors = vectors_of(corpus).values
    row = int(train.filter(id="drama/0001")["row"][0])
    cosines = vectors[train["row"].to_numpy()] @ vectors[row]
    by_cosine = train.with_columns(cosine=pl.Series(cosines)).sort("cosine", descending=True)
    top = selected(corpus, "{near: {scene: drama/0001, top: 5}}")
    assert top == by_cosine.head(5).sort("row")["id"].to_list()
    wide = selected(corpus, "{near: {scene: drama/0001, radius: 0.8}}")
    assert wide == by_cosine.filter(pl.col("cosine") >= 0.2).sort("row")["id"].to_list()
    # Of what matches all else: the five nearest poems, though no poem is among the five nearest.
    poems = selected(corpus, "{kind: poetry, near: {scene: drama/0001, top: 5}}")
    assert len(poems) == 5
    assert all(name.startswith("poetry") for name in poems)


def test_scenes_near_a_text(corpus: Corpus) -> None:
    text = corpus.scenes.filter(id="chat/0004")["text"][0]
    by_scene = selected(corpus, "{near: {scene: chat/0004, top: 9}}")
    assert selected(corpus, f"{{near: {{text: '{text}', top: 9}}}}") == by_scene
    assert set(selected(corpus, "{near: {text: te3 te4 te5, radius: 0.9}}")) <= set(
        corpus.scenes.filter(kind="technical")["id"]
    )


def test_a_part_is_dealt_of_what_is_near(corpus: Corpus) -> None:
    near = "near: {scene: drama/0001, top: 12}"
    halves = [selected(corpus, f"{{{near}, part: {p}}}") for p in ("[0, 0.5]", "[0.5, 1]")]
    assert sorted(halves[0] + halves[1]) == sorted(selected(corpus, f"{{{near}}}"))


@pytest.mark.parametrize(
    ("near", "says"),
    [
        ("{top: 3}", "either a `text` or a `scene`"),
        ("{text: a, scene: b, top: 3}", "either a `text` or a `scene`"),
        ("{text: a}", "either `top`, a number of scenes, or a `radius`"),
        ("{text: a, top: 0}", "greater than or equal to 1"),
        ("{scene: nobody, top: 3}", "3:.*no scene has the id 'nobody'"),
        ("{scene: technical/0019, top: 3}", "no scene has the id"),  # it is held out
    ],
)
def test_an_example_that_cannot_be_is_refused(corpus: Corpus, near: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        selected(corpus, f"{{near: {near}}}")


def test_a_table_of_vectors_knows_no_text(corpus: Corpus, tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", np.ones((corpus.num_scenes, 3)))
    head = f"vectors: {tmp_path}/own.npy"
    with pytest.raises(SettingsError, match=r"no place for a text(.|\n)*name a `scene`"):
        selected(corpus, "{near: {text: rain, top: 3}}", head)
    assert len(selected(corpus, "{near: {scene: drama/0001, top: 3}}", head)) == 3
