"""The ribbon of a life, in letters and as a picture; figures in words."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import polars as pl
import pytest
from conftest import tiny_scenes

from upbringing.corpus import Corpus, write_corpus
from upbringing.order import Order, PhaseSpan
from upbringing.order.words import count, percent, size
from upbringing.report import order_picture
from upbringing.terminal.ribbon import Palette, ribbon_lines, tenths_table


def corpus_of(place: Path, kinds: list[str]) -> Corpus:
    """A scene of 100 bytes for each kind listed, with its number for an id."""
    columns = {
        "id": [str(number) for number in range(len(kinds))],
        "kind": kinds,
        "text": [f"{number}".ljust(100, ".") for number in range(len(kinds))],
        "split": ["train"] * len(kinds),
    }
    scenes = tiny_scenes(len(kinds)).with_columns(pl.Series(*column) for column in columns.items())
    return write_corpus(place / "corpus", scenes, recipe={}, inputs={})


def life(place: Path, kinds: str, *phases: PhaseSpan) -> Order:
    """A life that reads one scene after another; the kinds by their letters."""
    names = {"c": "chat", "d": "drama", "p": "poetry"}
    corpus = corpus_of(place, [names[letter] for letter in kinds])
    return Order.from_rows(corpus, range(len(kinds)), phases=phases)


def drawn(order: Order, width: int) -> list[str]:
    return [line.plain for line in ribbon_lines(order, Palette.of(order), width)]


def test_a_column_is_shared_out_in_proportion(tmp_path: Path) -> None:
    order = life(tmp_path, "dddddddpppcccccc", PhaseSpan("a", 0, 8), PhaseSpan("b", 8, 16))
    # Four columns of four scenes each, the kinds from the earliest at the top.
    assert drawn(order, 8) == [
        "  ddpc",
        "  ddpc",
        "  ddcc",
        "  dpcc",
        "0 ──┴─ 1",
    ]


def test_letters_are_distinct_and_explained(tmp_path: Path) -> None:
    kinds = ["poetry", "plain", "pop", "p", "o"]
    order = Order.from_rows(corpus_of(tmp_path, kinds), range(5))
    palette = Palette.of(order)
    assert palette.letters == {"poetry": "p", "plain": "l", "pop": "o", "p": "P", "o": "O"}
    assert [line.plain for line in palette.key(30)] == [
        "  p poetry   l plain   o pop",
        "  P p   O o",
    ]


def test_of_very_many_kinds_the_rarest_are_others(tmp_path: Path) -> None:
    kinds = ["common"] * 3 + [f"kind {number:02d}" for number in range(40)]
    order = Order.from_rows(corpus_of(tmp_path, kinds), range(43))
    palette = Palette.of(order)
    assert len(palette.letters) == 24
    assert palette.letters["common"] == "c"
    assert palette.letters["others"] == "·"
    assert len(set(palette.letters.values())) == 24
    shares = palette.shares(order, 10)
    assert shares.sum(axis=1) == pytest.approx([1.0] * 10)
    assert shares[-1].tolist()[-1] == pytest.approx(1.0)


def test_shares_by_tenths_are_a_table(tmp_path: Path) -> None:
    order = life(tmp_path, "dddddppppp")
    table = tenths_table(order, Palette.of(order))
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert [str(name) for name, *_ in rows] == ["drama", "poetry"]
    assert rows[0][1:] == (*["100%"] * 5, *["·"] * 5, "50%")


def test_words_for_figures() -> None:
    assert [count(number, "visit") for number in (0, 1, 1500)] == [
        "0 visits",
        "1 visit",
        "1,500 visits",
    ]
    assert [size(number) for number in (1, 999, 1000, 4_560_000, 7 * 10**10)] == [
        "1 byte",
        "999 bytes",
        "1.0 kB",
        "4.6 MB",
        "70.0 GB",
    ]
    shares = [percent(share) for share in (0, 0.001, 0.125, 0.996, 1.0)]
    assert shares == ["0%", "<1%", "12%", ">99%", "100%"]


# The picture


def test_a_picture_names_orders_phases_and_kinds(tmp_path: Path) -> None:
    order = life(tmp_path, "dddpppdpddddcccc", PhaseSpan("first", 0, 8), PhaseSpan("late", 8, 16))
    backwards = Order.from_rows(order.corpus, range(16)[::-1])
    svg = order_picture({"mine": order, "<b>theirs</b>": backwards})
    words = {
        element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    }
    assert {"mine", "<b>theirs</b>", "first", "late", "life", "drama", "poetry", "chat"} <= words
    assert "var(--" not in svg


def test_a_picture_paints_many_kinds_and_greys_the_rest(tmp_path: Path) -> None:
    kinds = [f"kind {number:02d}" for number in range(30)]
    svg = order_picture({"many": Order.from_rows(corpus_of(tmp_path, kinds), range(30))})
    words = {
        element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    }
    assert "other kinds" in words
    assert len(words & set(kinds)) == 18
    assert 'opacity="0.5"' in svg


def test_a_name_that_does_not_fit_is_cut(tmp_path: Path) -> None:
    spans = [PhaseSpan("a very long name of a phase", n, n + 1) for n in range(16)]
    svg = order_picture({"x": life(tmp_path, "dddpppdpddddcccc", *spans)})
    assert ">a ve…<" in svg
    assert "a very long" not in svg
