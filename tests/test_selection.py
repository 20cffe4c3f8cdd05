"""Selections: what matches, by columns, ranges and other selections, as masks and as mistakes."""

from __future__ import annotations

import polars as pl
import pytest
from conftest import ids_of

from upbringing.corpus import Corpus
from upbringing.errors import SettingsError
from upbringing.order import compile_order, parse_curriculum


def selected(corpus: Corpus, scenes: str) -> list[str]:
    """The ids that a selection holds, in corpus order."""
    phases = f"[{{name: a, scenes: {scenes}, arrange: as_is}}]"
    return ids_of(compile_order(corpus, parse_curriculum(f"name: x\nphases: {phases}\n")))


def training(corpus: Corpus, *predicates: pl.Expr) -> list[str]:
    return corpus.scenes.filter(pl.col("split") == "train", *predicates)["id"].to_list()


KIND, SIZE = pl.col("kind"), pl.col("num_bytes")


@pytest.mark.parametrize(
    ("scenes", "matches"),
    [
        ("{kind: drama}", KIND == "drama"),
        ("{id: [drama/0001, chat/0004]}", pl.col("id").is_in(["drama/0001", "chat/0004"])),
        ("{source: test, kind: [chat, poetry]}", KIND.is_in(["chat", "poetry"])),
        ("{measures: {num_bytes: [100, 150]}}", (SIZE >= 100) & (SIZE <= 150)),
        ("{kind: chat, measures: {num_bytes: [null, 120]}}", (KIND == "chat") & (SIZE <= 120)),
        (
            "{any_of: [{kind: drama}, {measures: {num_bytes: [200, null]}}]}",
            (KIND == "drama") | (SIZE >= 200),
        ),
        ("{none_of: [{kind: [drama, chat]}]}", ~KIND.is_in(["drama", "chat"])),
        (
            "{work: work 1, none_of: [{any_of: [{kind: chat}, {kind: poetry}]}]}",
            (pl.col("work") == "work 1") & ~KIND.is_in(["chat", "poetry"]),
        ),
    ],
)
def test_what_a_selection_holds(corpus: Corpus, scenes: str, matches: pl.Expr) -> None:
    expected = training(corpus, matches)
    assert expected
    assert selected(corpus, scenes) == expected


def test_parts_inside_a_selection_are_dealt_there(corpus: Corpus) -> None:
    halves = [
        selected(corpus, f"{{any_of: [{{kind: drama, part: {part}}}]}}")
        for part in ("[0, 0.5]", "[0.5, 1]")
    ]
    assert not set(halves[0]) & set(halves[1])
    assert [
        name for name in training(corpus, KIND == "drama") if name in halves[0] + halves[1]
    ] == (training(corpus, KIND == "drama"))


def test_every_mistake_inside_selections_is_shown_where_it_stands(corpus: Corpus) -> None:
    with pytest.raises(SettingsError) as caught:
        selected(corpus, "{any_of: [{kind: dramma}, {none_of: [{id: nobody}]}], work: work 99}")
    places = [(p.what, p.where) for p in caught.value.problems]
    assert places == [
        ("no scene has the work 'work 99'", "curriculum:2:82"),
        ("no scene has the kind 'dramma'", "curriculum:2:39"),
        ("no scene has the id 'nobody'", "curriculum:2:66"),
    ]


@pytest.mark.parametrize(
    ("scenes", "says"),
    [
        ("{measures: {beauty: [0, 1]}}", "no measure is called 'beauty'; allowed: num_bytes"),
        ("{measures: {num_bytes: [9, 1]}}", r"\[least, most\]"),
        ("{any_of: []}", "should have 1 or more"),
        ("{none_of: [{kind: drama}], part: [1, 0]}", "0 ≤ from < to ≤ 1"),
    ],
)
def test_a_selection_that_cannot_be_is_refused(corpus: Corpus, scenes: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        selected(corpus, scenes)


def test_the_order_depends_on_the_columns_that_selections_read(corpus: Corpus) -> None:
    text = "{any_of: [{work: work 1}, {none_of: [{measures: {num_words: [0, 20]}}]}]}"
    order = compile_order(
        corpus, parse_curriculum(f"name: x\nphases: [{{name: a, scenes: {text}}}]\n")
    )
    assert order.columns == ("key", "split", "num_bytes", "work", "num_words")
