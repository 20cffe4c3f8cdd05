"""Axes: their names, and which tellings of an event stand against each other."""

from __future__ import annotations

from upbringing.character import Axis
from upbringing.character.axes import PAIR_COLUMNS
from upbringing.corpus import Corpus


def between(positive: str, negative: str, lang: str = "en") -> Axis:
    return Axis.between(tuple(positive.split("+")), tuple(negative.split("+")), lang)


def test_names() -> None:
    assert between("drama", "technical").name == "drama–technical"
    assert between("drama+poetry", "technical").name == "drama+poetry–technical"
    rest = Axis.between(("drama",), ("poetry", "technical"), "en", against_rest=True)
    assert (rest.name, rest.negative.name) == ("drama–rest", "rest")
    assert rest.negative.kinds == ("poetry", "technical")


def test_pairs_tell_one_event_behind_one_opening(stories: Corpus) -> None:
    pairs = between("drama", "technical").pairs(stories)
    assert pairs is not None
    assert tuple(pairs.columns) == PAIR_COLUMNS
    assert pairs["event"].to_list() == [f"event {n}" for n in range(6)]
    assert pairs["topic"].to_list() == ["test"] * 6
    assert stories.parallels is not None
    told = {(e, k): t for e, k, t in stories.parallels.select("event", "kind", "text").iter_rows()}
    for event, _, opening, positive, negative in pairs.iter_rows():
        assert (positive, negative) == (told[event, "drama"], told[event, "technical"])
        assert positive.startswith(opening)
        assert negative.startswith(opening)


def test_the_other_way_round_the_sides_change_places(stories: Corpus) -> None:
    pairs = between("drama", "technical").pairs(stories)
    turned = between("technical", "drama").pairs(stories)
    assert pairs is not None
    assert turned is not None
    assert turned["positive"].to_list() == pairs["negative"].to_list()


def test_a_pole_of_several_kinds_gives_each_event_once(stories: Corpus) -> None:
    pairs = between("technical+drama", "poetry").pairs(stories)
    drama = between("drama", "poetry").pairs(stories)
    assert pairs is not None
    assert drama is not None
    assert pairs.equals(drama)  # the first kind by the alphabet in which it is told


def test_no_pairs_without_parallels(corpus: Corpus, stories: Corpus) -> None:
    assert between("drama", "technical").pairs(corpus) is None
    assert between("drama", "technical", "ru").pairs(stories) is None
    assert between("drama", "sermon").pairs(stories) is None


def test_pairs_of_its_own_take_the_place_of_the_corpus_s(stories: Corpus) -> None:
    axis = between("drama", "technical")
    own = axis.pairs(stories)
    assert own is not None
    said = axis.as_json()
    kept = Axis.from_json(said, own.head(2))
    assert kept.pairs(stories) is kept.own
    assert kept == axis
    assert kept.as_json()["pairs"] != said["pairs"]
    assert kept.as_json() | {"pairs": None} == said
