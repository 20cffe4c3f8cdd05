"""Looking: phases, ribbon, a moment, one scene's meetings, two orders side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import LEVERED, ids_of, tiny_scenes
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import InputError
from upbringing.order import (
    Order,
    acquaintance,
    compare,
    compile_order,
    meeting,
    moment,
    parse_curriculum,
    phases_of,
    ribbon,
)

TRAINING_ROWS = [row for row in range(80) if row % 10 != 9]


@pytest.fixture
def order(corpus: Corpus) -> Order:
    return compile_order(corpus, parse_curriculum(LEVERED))


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Twenty scenes of 100 bytes each: a, b, c … by turns of the kinds x and y; the last is held
    out."""
    scenes = tiny_scenes(20).with_row_index("number")
    names = [chr(ord("a") + number) for number in range(20)]
    even = scenes.drop("number").with_columns(
        id=np.array(names),
        kind=np.array([("x", "y")[number % 2] for number in range(20)]),
        text=np.array([f"{name} ".ljust(100, ".") for name in names]),
        split=np.array(["train"] * 19 + ["held_out"]),
    )
    place: Path = tmp_path_factory.mktemp("even") / "corpus"
    return write_corpus(place, even, recipe={}, inputs={})


# Phases and ribbon


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


def test_a_scene_is_in_every_stretch_that_it_reaches_into(even: Corpus) -> None:
    shares = ribbon(Order.from_ids(even, ["a", "b"]), 5)
    assert shares.rows() == [
        (0, "x", 1.0),
        (1, "x", 1.0),
        (2, "x", 0.5),
        (2, "y", 0.5),
        (3, "y", 1.0),
        (4, "y", 1.0),
    ]


def test_a_ribbon_of_the_first_visits_is_that_of_an_order_of_them(order: Order) -> None:
    first = Order.from_rows(order.corpus, order.sequence[:5].tolist())
    assert ribbon(order, 10, num_visits=5).equals(ribbon(first, 10))


@given(st.lists(st.sampled_from(TRAINING_ROWS), min_size=1, max_size=40), st.integers(1, 30))
def test_the_ribbon_adds_up_to_what_was_read(
    corpus: Corpus, rows: list[int], num_bins: int
) -> None:
    order = Order.from_rows(corpus, rows)
    sizes = np.diff(order.read[-1] * np.arange(num_bins + 1) // num_bins)
    read: dict[str, float] = {}
    for place, kind, share in ribbon(order, num_bins).rows():
        read[kind] = read.get(kind, 0.0) + share * sizes[place]
    by_kind = phases_of(order)[0].share_by_kind
    total = int(order.read[-1])
    assert read == pytest.approx({kind: share * total for kind, share in by_kind.items()})


# A moment, a scene


def test_a_meeting_names_scene_age_and_phase(order: Order) -> None:
    met = meeting(order, 20)
    assert met.scene == ids_of(order)[20]
    assert (met.position, met.phase, met.age) == (20, "youth", order.ages[20])
    assert met.text == order.corpus.scenes["text"][int(order.sequence[20])]
    assert meeting(order, 20, with_text=False).text is None


def test_a_moment_stands_between_its_neighbours(order: Order) -> None:
    ids = ids_of(order)
    found = moment(order, float(order.ages[16]))
    assert (found.here.position, found.here.phase) == (16, "youth")
    assert [visit.scene for visit in found.before] == ids[14:16]
    assert [visit.phase for visit in found.before] == ["childhood", "childhood"]
    assert [visit.scene for visit in found.after] == ids[17:19]
    youth = phases_of(order)[1]
    assert found.phase_ages == (youth.from_age, youth.to_age)


def test_at_either_end_of_life_there_is_nobody_beyond(order: Order) -> None:
    birth, end = moment(order, 0.0), moment(order, 1.0)
    assert (birth.here.position, birth.before, len(birth.after)) == (0, (), 2)
    assert (end.here.position, len(end.before), end.after) == (71, 2, ())
    for age in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="is no age"):
            moment(order, age)


def test_gaps_between_meetings_are_counted_three_ways(even: Corpus) -> None:
    order = Order.from_ids(even, ["a", "b", "c", "b", "d", "e", "f", "b", "g", "h"])
    found = acquaintance(order, "b")
    assert (found.kind, found.num_meetings, found.is_held_out) == ("y", 3, False)
    assert found.text.startswith("b ...")
    assert [encounter.here.position for encounter in found.meetings] == [1, 3, 7]
    assert [encounter.number for encounter in found.meetings] == [0, 1, 2]
    assert found.gaps.ages.tolist() == pytest.approx([0.2, 0.4])
    assert found.gaps.num_visits.tolist() == [1, 3]
    assert found.gaps.num_bytes.tolist() == [100, 300]
    beside = [(e.before and e.before.scene, e.after and e.after.scene) for e in found.meetings]
    assert beside == [("a", "c"), ("c", "d"), ("f", "g")]


def test_neighbours_end_where_life_does(even: Corpus) -> None:
    order = Order.from_ids(even, ["a", "b", "a"])
    first, last = acquaintance(order, "a").meetings
    assert (first.before, last.after) == (None, None)
    assert acquaintance(order, "b").gaps.ages.tolist() == []


def test_of_many_meetings_the_first_and_the_last_are_told(even: Corpus) -> None:
    order = Order.from_ids(even, ["a", "b"] * 50)
    found = acquaintance(order, "b", most=5)
    assert found.num_meetings == 50
    assert [encounter.number for encounter in found.meetings] == [0, 1, 2, 48, 49]
    assert [encounter.here.position for encounter in found.meetings] == [1, 3, 5, 97, 99]
    assert found.gaps.num_visits.tolist() == [1] * 49


def test_a_scene_that_is_never_met(even: Corpus) -> None:
    order = Order.from_ids(even, ["a", "b"])
    never, held_out = acquaintance(order, "c"), acquaintance(order, "t")
    assert (never.num_meetings, never.meetings, never.is_held_out) == (0, (), False)
    assert (held_out.num_meetings, held_out.is_held_out) == (0, True)
    assert never.text.startswith("c ")


def test_a_scene_that_is_not_there_is_suggested(order: Order) -> None:
    with pytest.raises(InputError, match=r"no scene has the id 'drama/00001'\n.*did you mean"):
        acquaintance(order, "drama/00001")


def test_looking_reads_no_column_of_the_corpus(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = Order.open(order.save(tmp_path / "order"), order.corpus)
    scene = ids_of(order)[20]
    expected = (moment(order, 0.4), acquaintance(order, scene).meetings)

    def refuse(*_: object) -> None:
        raise AssertionError("a whole column was read")

    monkeypatch.setattr(Corpus, "columns", refuse)
    assert (moment(again, 0.4), acquaintance(again, scene).meetings) == expected


# Two orders


def test_an_order_against_itself(order: Order) -> None:
    found = compare(order, order)
    assert (found.is_same, found.is_permutation, found.num_common) == (True, True, 72)
    assert found.shift is not None
    assert (found.shift.mean, found.tau) == (0.0, pytest.approx(1))


def test_a_permutation_and_what_moved_most(even: Corpus) -> None:
    first = Order.from_ids(even, ["a", "b", "c", "d", "e"])
    second = Order.from_ids(even, ["b", "c", "d", "a", "e"])
    found = compare(first, second)
    assert (found.is_same, found.is_permutation) == (False, True)
    assert [alone.num_visits for alone in found.alone] == [0, 0]
    assert found.shift is not None
    assert found.shift.mean == pytest.approx((0.6 + 0.2 + 0.2 + 0.2) / 5)
    before, after = found.shift.largest
    assert (before.scene, before.age, after.scene, after.age) == ("a", 0.0, "a", 0.6)
    # Of ten pairs three are turned round.
    assert found.tau == pytest.approx((7 - 3) / 10)


def test_a_reversed_order_has_the_opposite_rank(corpus: Corpus, order: Order) -> None:
    backwards = Order.from_rows(corpus, np.asarray(order.sequence)[::-1])
    assert compare(order, backwards).tau == pytest.approx(-1)


def test_visits_that_only_one_has(even: Corpus) -> None:
    first = Order.from_ids(even, ["a", "b", "a", "c", "a"])
    second = Order.from_ids(even, ["d", "a", "a", "c"])
    found = compare(first, second)
    # The third meeting with a has no counterpart.
    assert (found.is_same, found.is_permutation, found.num_common) == (False, False, 3)
    only_first, only_second = found.alone
    assert (only_first.num_visits, only_first.num_bytes) == (2, 200)
    assert [(visit.scene, visit.position) for visit in only_first.first] == [("b", 1), ("a", 4)]
    assert [(visit.scene, visit.position) for visit in only_second.first] == [("d", 0)]
    assert found.tau == pytest.approx(1)  # what is common comes in the same order


def test_orders_with_nothing_in_common(even: Corpus) -> None:
    found = compare(Order.from_ids(even, ["a"]), Order.from_ids(even, ["b", "d"]))
    assert (found.num_common, found.shift, found.tau) == (0, None, None)
    columns = ("kind", "age_1", "early_1", "late_1", "age_2", "early_2", "late_2")
    assert found.kinds.select(columns).rows() == [
        ("x", 0.0, 1.0, 1.0, None, None, None),
        ("y", None, None, None, 0.25, 1.0, 1.0),
    ]


def test_kinds_are_compared_by_mean_age_and_halves(even: Corpus) -> None:
    first = Order.from_ids(even, ["a", "c", "b", "d"])  # x x y y
    second = Order.from_ids(even, ["a", "b", "c", "d"])  # x y x y
    x, y = compare(first, second).kinds.rows(named=True)
    assert [x[name] for name in ("kind", "age_1", "early_1", "late_1")] == ["x", 0.125, 1.0, 0.0]
    assert [x[name] for name in ("age_2", "early_2", "late_2")] == [0.25, 0.5, 0.5]
    assert [y[name] for name in ("age_1", "early_1", "late_1")] == [0.625, 0.0, 1.0]
    assert [y[name] for name in ("age_2", "early_2", "late_2")] == [0.5, 0.5, 0.5]


@given(st.data())
def test_a_comparison_counts_every_visit_once(corpus: Corpus, data: st.DataObject) -> None:
    rows = st.lists(st.sampled_from(TRAINING_ROWS[:12]), min_size=1, max_size=30)
    first, second = (Order.from_rows(corpus, data.draw(rows)) for _ in range(2))
    there, back = compare(first, second), compare(second, first)
    for order, alone in zip((first, second), there.alone, strict=True):
        assert there.num_common + alone.num_visits == order.num_visits
    assert there.is_permutation == (first.visits_digest == second.visits_digest)
    assert there.is_same == (first.digest == second.digest)
    assert back.alone == there.alone[::-1]
    assert back.tau == pytest.approx(there.tau, nan_ok=True)


def test_orders_of_two_corpora_are_not_compared(order: Order, even: Corpus) -> None:
    with pytest.raises(InputError, match="two corpora"):
        compare(order, Order.from_ids(even, ["a"]))
