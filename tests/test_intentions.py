"""Sketches: words of a person → blocks of kinds."""

from __future__ import annotations

import pytest

from upbringing.errors import InputError
from upbringing.order.intentions import blocks_of_sketch

KINDS = ["chat", "conflict", "myth", "now and then", "philosophy", "rock and roll", "драма", "миф"]


@pytest.mark.parametrize(
    ("sketch", "blocks"),
    [
        ("myth, then conflict, then philosophy", ["myth", "conflict", "philosophy"]),
        ("myth then conflict", ["myth", "conflict"]),
        ("Myth → conflict -> the rest", ["myth", "conflict", "the rest"]),
        ("миф, потом драма, а затем остальное", ["миф", "драма", "the rest"]),
        ("миф и драма затем chat", ["миф and драма", "chat"]),
        ("myth + chat, and then rest", ["myth and chat", "the rest"]),
        ("myth, chat and conflict then philosophy", ["myth, chat and conflict", "philosophy"]),
        ("chat", ["chat"]),
        ("now and then", ["now and then"]),
        ("rock and roll, then chat", ["rock and roll", "chat"]),
    ],
)
def test_a_sketch_is_read_as_a_person_means_it(sketch: str, blocks: list[str]) -> None:
    found = blocks_of_sketch(sketch, KINDS)
    assert [block.name for block in found] == blocks
    places = ["first", "second", "third"][: len(blocks)]
    assert [block.why for block in found] == [f"{place} in the sketch" for place in places]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as refused:
        blocks_of_sketch("mith then filosophy, myth then then rest and chat then chat", KINDS)
    said = str(refused.value)
    for mistake in (
        "no scene is of kind 'mith'",
        "did you mean 'myth'?",
        "no scene is of kind 'filosophy'",
        "did you mean 'philosophy'?",
        "block 3 of 5 names nothing",
        "block 4 names the rest and 'chat'",
        "'chat' stands in block 4 and in block 5",
    ):
        assert mistake in said
    assert said.count("allowed: chat, conflict, myth") == 3


def test_nothing_may_be_left_for_the_rest() -> None:
    with pytest.raises(InputError, match="nothing is left for the rest"):
        blocks_of_sketch("a then b then the rest", ["a", "b"])


def test_one_unknown_word_may_have_meant_a_character() -> None:
    with pytest.raises(InputError, match="did you mean 'scenic'"):
        blocks_of_sketch("scenik", KINDS)
