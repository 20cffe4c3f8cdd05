from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import LEVERED, ids_of, tiny_scenes
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import ArtefactError, InputError
from upbringing.identity import digest_array, key_of
from upbringing.order import Levers, Order, PhaseSpan, compile_order, parse_curriculum
from upbringing.training import Life, raise_on_order

TRAINING_ROWS = [row for row in range(80) if row % 10 != 9]
FILES = ("sequence.npy", "keys.npy", "positions.npy", "read.npy")


@pytest.fixture
def order(corpus: Corpus) -> Order:
    return compile_order(corpus, parse_curriculum(LEVERED))


def test_an_order_comes_back_from_disk(order: Order, corpus: Corpus, tmp_path: Path) -> None:
    again = Order.open(order.save(tmp_path / "order"), corpus)
    assert again.sequence.tolist() == order.sequence.tolist()
    assert isinstance(again.sequence, np.memmap)
    assert again.meetings.positions.tolist() == order.meetings.positions.tolist()
    assert again.meetings.keys.tolist() == order.meetings.keys.tolist()
    assert again.read.tolist() == order.read.tolist()
    mapped = (again.meetings.positions, again.meetings.keys, again.read)
    assert all(isinstance(array, np.memmap) for array in mapped)
    assert (again.phases, again.seed, again.recipe, again.columns) == (
        order.phases,
        order.seed,
        order.recipe,
        order.columns,
    )
    assert again.digest == order.digest
    facts = json.loads((tmp_path / "order" / "order.json").read_text())["facts"]
    assert facts["sequence"] == order.digest
    assert facts["visits"] == order.visits_digest
    with pytest.raises(InputError, match="already exists"):
        order.save(tmp_path / "order")


def test_the_same_order_is_the_same_bytes(order: Order, tmp_path: Path) -> None:
    for name in ("a", "b"):
        order.save(tmp_path / name)
    for file in (*FILES, "order.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_sorted_keys_are_what_the_visits_digest_hashes(order: Order, tmp_path: Path) -> None:
    order.save(tmp_path / "order")
    keys = np.load(tmp_path / "order" / "keys.npy")
    assert keys.tolist() == sorted(key_of(scene) for scene in ids_of(order))
    assert digest_array(keys) == order.visits_digest


visited = st.lists(st.sampled_from(TRAINING_ROWS), min_size=1, max_size=60)


@given(visited)
def test_where_a_scene_is_met_is_a_look_up(corpus: Corpus, visits: list[int]) -> None:
    order = Order.from_rows(corpus, visits)
    keys = corpus.column("key")
    for row in range(80):
        met = order.meetings.of(int(keys[row])).tolist()
        assert met == [position for position, visit in enumerate(visits) if visit == row]
    assert order.met(visits[0]).tolist() == order.meetings.of(int(keys[visits[0]])).tolist()


@given(visited)
def test_ages_are_shares_of_the_bytes_that_lie_behind(corpus: Corpus, visits: list[int]) -> None:
    order = Order.from_rows(corpus, visits)
    sizes = [len(corpus.scenes["text"][visit].encode()) for visit in visits]
    assert order.read.tolist() == [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    assert order.num_bytes.tolist() == sizes
    assert order.ages.tolist() == [sum(sizes[:n]) / sum(sizes) for n in range(len(sizes))]
    for position, age in enumerate(order.ages):
        assert order.at(float(age)) == position
        assert order.age_of(position) == age
        assert order.at(float(age) + 0.5 * sizes[position] / sum(sizes)) == position
    assert order.at(1.0) == len(visits) - 1


def test_looking_up_reads_no_column_of_the_corpus(
    order: Order, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = Order.open(order.save(tmp_path / "order"), corpus)
    row, position = int(order.sequence[20]), order.at(0.4)

    def refuse(*_: object) -> None:
        raise AssertionError("a whole column was read")

    monkeypatch.setattr(Corpus, "columns", refuse)
    assert 20 in again.met(row)
    assert again.at(0.4) == position
    assert again.scene(row, ["id"])["id"].startswith(("chat", "poetry"))


# From anywhere


def test_an_order_may_come_from_anywhere(corpus: Corpus) -> None:
    ids = ["drama/0001", "chat/0000", "drama/0001"]
    order = Order.from_ids(corpus, ids)
    assert ids_of(order) == ids
    assert [span.name for span in order.phases] == ["life"]
    with pytest.raises(InputError) as caught:
        Order.from_ids(corpus, ["drama/0009", "nobody/1", "drama/0001", "drama/0029"])
    assert [str(problem) for problem in caught.value.problems] == [
        "position 0: scene 'drama/0009' is held out",
        "position 1: no scene has the id 'nobody/1'",
        "position 3: scene 'drama/0029' is held out",
    ]
    with pytest.raises(InputError, match="at least one scene"):
        Order.from_ids(corpus, [])
    with pytest.raises(InputError, match="ids are text"):
        Order.from_ids(corpus, [3, 4])  # type: ignore[list-item]


def test_many_mistakes_are_not_all_told(corpus: Corpus) -> None:
    with pytest.raises(InputError) as caught:
        Order.from_ids(corpus, [f"nobody/{number}" for number in range(100)])
    assert len(caught.value.problems) == 20


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([3, 80], "position 1: no scene has the row 80\n    allowed: 0 to 79"),
        ([-1], "position 0: no scene has the row -1"),
        ([8, 9], "position 1: scene 'drama/0009' is held out"),
        ([], "at least one scene"),
        ([[1, 2]], "at least one scene"),
        ([1.0, 2.0], "rows are whole numbers, and these are float64"),
        (["chat/0000"], "rows are whole numbers"),
    ],
)
def test_rows_that_are_none(corpus: Corpus, rows: list, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Order.from_rows(corpus, rows)


def test_phases_of_ones_own_follow_one_another(corpus: Corpus) -> None:
    ids = ["drama/0001", "chat/0000", "drama/0005"]
    spans = (
        PhaseSpan("childhood", 0, 1, Levers(batch_size=2)),
        PhaseSpan("youth", 1, 3, Levers(lr_scale=0.5)),
    )
    assert Order.from_ids(corpus, ids, phases=spans).phases == spans
    for wrong, says in (
        (spans[:1], "'the end' starts at 3, and 'childhood' stops at 1"),
        (spans[1:], "'youth' starts at 1, and 'the beginning' stops at 0"),
        ((spans[0], PhaseSpan("youth", 2, 3)), "'youth' starts at 2, and 'childhood' stops at 1"),
        ((PhaseSpan("a", 0, 4), PhaseSpan("b", 4, 3)), "'b' stops before it starts"),
    ):
        with pytest.raises(InputError, match=says):
            Order.from_ids(corpus, ids, phases=wrong)


def by_place(corpus: Corpus, places: dict[int, float]) -> list[str]:
    given = [places.get(row) for row in range(corpus.num_scenes)]
    return ids_of(Order.from_places(corpus, given))


def test_an_order_by_places(corpus: Corpus) -> None:
    assert by_place(corpus, {0: 2.5, 4: -1, 1: 0}) == ["chat/0004", "drama/0001", "chat/0000"]
    tied = sorted(["chat/0000", "drama/0001", "poetry/0002"], key=key_of)
    assert by_place(corpus, {0: 0.0, 1: -0.0, 2: 0}) == tied


def test_places_may_be_arrays_of_any_numbers(corpus: Corpus) -> None:
    floats = np.full(80, np.nan)
    floats[[4, 0, 1]] = 0.1, 0.2, 0.3
    expected = ["chat/0004", "chat/0000", "drama/0001"]
    assert ids_of(Order.from_places(corpus, floats)) == expected
    assert ids_of(Order.from_places(corpus, floats.astype(np.float32))) == expected
    assert ids_of(Order.from_places(corpus, pl.Series(floats))) == expected
    objects = np.array([None if np.isnan(place) else place for place in floats], dtype=object)
    assert ids_of(Order.from_places(corpus, objects)) == expected
    # Whole numbers that no float can tell apart.
    whole = pl.Series([None] * 80, dtype=pl.UInt64).scatter(
        [4, 0, 1], [2**63, 2**63 + 1, 2**63 + 2]
    )
    assert ids_of(Order.from_places(corpus, whole)) == expected


@pytest.mark.parametrize(
    ("places", "says"),
    [
        ([1.0, 2.0], "2 places for 80 scenes"),
        ([None] * 80, "at least one scene"),
        ([np.nan] * 80, "at least one scene"),
        (["a"] * 80, "places are numbers, and these are String"),
        ([1, "a"] * 40, "places are numbers"),
        ([True] * 80, "places are numbers, and these are Boolean"),
        (np.ones((80, 2)), "places are numbers, and these are Array"),
        ([1.0] * 80, "scene 'drama/0009' is held out, and has a place\n    give it NaN"),
    ],
)
def test_places_that_are_none(corpus: Corpus, places: list, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Order.from_places(corpus, places)


def test_an_order_from_anywhere_is_a_full_citizen(home: Path) -> None:
    """It is saved, opened, raised on and verified as one that was compiled."""
    corpus = Corpus.open(home / "corpus")
    places = np.where(corpus.column("split") == "train", -corpus.column("num_bytes"), np.nan)
    order = Order.from_places(corpus, places)
    assert (np.diff(order.num_bytes) <= 0).all()
    order.save(home / "by place")
    again = Order.open(home / "by place", corpus)
    assert again.digest == order.digest
    life = Life(row_length=64, batch_size=16, precision="fp32", tokenizer=home / "tokenizer.json")
    run = raise_on_order(home / "by place", home / "corpus", home / "by place run", life)
    assert run.verify() == run.manifest.facts["ledger"]


# Whose order


def test_each_position_is_of_its_phase(order: Order) -> None:
    names = [order.phase_at(position).name for position in range(order.num_visits)]
    assert names == ["childhood"] * 16 + ["youth"] * 40 + ["maturity"] * 16


def test_an_order_of_another_corpus_is_refused(order: Order, tmp_path: Path) -> None:
    order.save(tmp_path / "order")
    other = write_corpus(tmp_path / "other", tiny_scenes(81), recipe={}, inputs={})
    with pytest.raises(ArtefactError, match="an order of another corpus"):
        Order.open(tmp_path / "order", other)
