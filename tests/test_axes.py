"""Axes: their names, and which tellings of an event stand against each other."""

from __future__ import annotations

from upbringing.character import Axis
from upbringing.corpus import Corpus


def test_names() -> None:
    assert Axis(("drama",), ("technical",), "en").name == "drama–technical"
    assert Axis(("drama", "poetry"), ("technical",), "en").name == "drama+poetry–technical"
    rest = Axis(("drama",), ("poetry", "technical"), "en", against_rest=True)
    assert (rest.name, rest.negative_name) == ("drama–rest", "rest")


def test_pairs_tell_one_event_behind_one_opening(stories: Corpus) -> None:
    pairs = Axis(("drama",), ("technical",), "en").pairs(stories)
    assert pairs is not None
    assert pairs.columns == ["event", "opening", "positive", "negative"]
    assert pairs["event"].to_list() == [f"event {n}" for n in range(6)]
    assert stories.parallels is not None
    told = {(e, k): t for e, k, t in stories.parallels.select("event", "kind", "text").iter_rows()}
    for event, opening, positive, negative in pairs.iter_rows():
        assert (positive, negative) == (told[event, "drama"], told[event, "technical"])
        assert positive.startswith(opening)
        assert negative.startswith(opening)


def test_the_other_way_round_the_sides_change_places(stories: Corpus) -> None:
    pairs = Axis(("drama",), ("technical",), "en").pairs(stories)
    turned = Axis(("technical",), ("drama",), "en").pairs(stories)
    assert pairs is not None
    assert turned is not None
    assert turned["positive"].to_list() == pairs["negative"].to_list()


def test_a_pole_of_several_kinds_gives_each_event_once(stories: Corpus) -> None:
    pairs = Axis(("technical", "drama"), ("poetry",), "en").pairs(stories)
    drama = Axis(("drama",), ("poetry",), "en").pairs(stories)
    assert pairs is not None
    assert drama is not None
    assert pairs.equals(drama)  # the first kind by the alphabet in which it is told


def test_no_pairs_without_parallels(corpus: Corpus, stories: Corpus) -> None:
    assert Axis(("drama",), ("technical",), "en").pairs(corpus) is None
    assert Axis(("drama",), ("technical",), "ru").pairs(stories) is None
    assert Axis(("drama",), ("sermon",), "en").pairs(stories) is None
