from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import LEVERED, ids_of, tiny_scenes
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import ArtefactError, InputError
from upbringing.order import (
    Order,
    compile_order,
    meeting,
    meetings_with,
    parse_curriculum,
    phases_of,
    ribbon,
)


@pytest.fixture
def order(corpus: Corpus) -> Order:
    return compile_order(corpus, parse_curriculum(LEVERED))


def test_an_order_comes_back_from_disk(order: Order, corpus: Corpus, tmp_path: Path) -> None:
    again = Order.open(order.save(tmp_path / "order"), corpus)
    assert again.sequence.tolist() == order.sequence.tolist()
    assert isinstance(again.sequence, np.memmap)
    assert again.positions.tolist() == order.positions.tolist()
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
    for file in ("sequence.npy", "positions.npy", "order.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@given(st.lists(st.integers(0, 79), min_size=1, max_size=60))
def test_where_a_scene_is_met_is_a_look_up(corpus: Corpus, visits: list[int]) -> None:
    order = Order.from_rows(corpus, np.array(visits))
    for row in range(80):
        assert order.met(row).tolist() == [p for p, visit in enumerate(visits) if visit == row]


@given(st.lists(st.integers(0, 79), min_size=1, max_size=60))
def test_ages_are_shares_of_the_bytes_that_lie_behind(corpus: Corpus, visits: list[int]) -> None:
    order = Order.from_rows(corpus, np.array(visits))
    sizes = [len(corpus.scenes["text"][visit].encode()) for visit in visits]
    assert order.ages.tolist() == [sum(sizes[:n]) / sum(sizes) for n in range(len(sizes))]
    for position, age in enumerate(order.ages):
        assert order.at(float(age)) == position
    assert order.at(1.0) == len(visits) - 1


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


def test_each_position_is_of_its_phase(order: Order) -> None:
    names = [order.phase_at(position).name for position in range(order.num_visits)]
    assert names == ["childhood"] * 16 + ["youth"] * 40 + ["maturity"] * 16


def test_an_order_of_another_corpus_is_refused(order: Order, tmp_path: Path) -> None:
    order.save(tmp_path / "order")
    other = write_corpus(tmp_path / "other", tiny_scenes(81), recipe={}, inputs={})
    with pytest.raises(ArtefactError, match="an order of another corpus"):
        Order.open(tmp_path / "order", other)


def test_phases_are_seen_with_ages_and_kinds(order: Order) -> None:
    childhood, youth, maturity = phases_of(order)
    assert (childhood.from_age, maturity.to_age) == (0.0, 1.0)
    assert childhood.to_age == youth.from_age
    assert childhood.share_by_kind == {"drama": 1.0}
    assert set(youth.share_by_kind) == {"chat", "poetry"}
    assert sum(youth.share_by_kind.values()) == pytest.approx(1)
    assert sum(view.num_bytes for view in (childhood, youth, maturity)) == order.num_bytes.sum()


def test_the_ribbon_says_what_is_read_when(order: Order) -> None:
    shares = ribbon(order, 10)
    assert shares["bin"].unique().to_list() == list(range(10))
    first = shares.filter(bin=0)
    assert first.to_dicts() == [{"bin": 0, "kind": "drama", "share": 1.0}]
    assert shares.filter(bin=9)["kind"].to_list() == ["technical"]
    for _, part in shares.group_by("bin"):
        assert part["share"].sum() == pytest.approx(1)


def test_a_meeting_names_scene_age_and_phase(order: Order) -> None:
    met = meeting(order, 20)
    assert met.scene == ids_of(order)[20]
    assert (met.position, met.phase, met.age) == (20, "youth", order.ages[20])
    assert meetings_with(order, met.scene) == [met]
    assert meetings_with(order, "drama/0029") == []
    with pytest.raises(InputError, match="did you mean"):
        meetings_with(order, "drama/00001")
