"""Russian forms: what a template may ask of a word, and an error where there is no such form."""

from __future__ import annotations

from pathlib import Path

import pytest

from upbringing.corpus.world.forms import adjective, gender_of, is_animate, noun_phrase, verb_phrase
from upbringing.corpus.world.tables import read_table
from upbringing.errors import InputError


@pytest.mark.parametrize(
    ("cell", "gen", "acc", "ins"),
    [
        ("лампа", "лампы", "лампу", "лампой"),
        ("старый паромщик", "старого паромщика", "старого паромщика", "старым паромщиком"),
        ("старый замок", "старого замка", "старый замок", "старым замком"),
        ("дырка от гвоздя", "дырки от гвоздя", "дырку от гвоздя", "дыркой от гвоздя"),
        ("молодые рыбаки", "молодых рыбаков", "молодых рыбаков", "молодыми рыбаками"),
        ("Анна Петровна", "Анны Петровны", "Анну Петровну", "Анной Петровной"),
        ("Ночь фонарей", "Ночи фонарей", "Ночь фонарей", "Ночью фонарей"),
    ],
)
def test_a_noun_phrase_in_other_cases(cell: str, gen: str, acc: str, ins: str) -> None:
    forms = noun_phrase(cell)
    assert (forms["gen"], forms["acc"], forms["ins"]) == (gen, acc, ins)


def test_what_agrees_with_a_noun_phrase() -> None:
    cells = ["лампа", "окно", "старый замок", "рыжий конь", "рыбаки"]
    assert [gender_of(cell) for cell in cells] == ["f", "n", "m", "a", None]
    assert [is_animate(cell) for cell in cells] == [False, False, False, True, True]


def test_a_verb_phrase_keeps_its_objects_and_its_prefix() -> None:
    forms = verb_phrase("согреть и связать доски")
    assert forms == {
        "fixed": "<согрел и связал доски|согрела и связала доски>",
        "do": "согрей и свяжи доски",
        "do_polite": "согрейте и свяжите доски",
        "will": "согреет и свяжет доски",
        "shall": "согрею и свяжу доски",
        "let_us": "согреем и свяжем доски",
    }


def test_an_adjective_agrees_in_the_accusative_with_what_lives() -> None:
    forms = adjective("старый")
    assert forms["nom"] == "<старый|старая|старое|старый>"
    assert forms["acc"] == "<старый|старую|старое|старого>"


@pytest.mark.parametrize("cell", ["быстро", "пружину сменить"])
def test_a_phrase_without_its_head_is_an_error(cell: str) -> None:
    with pytest.raises(InputError, match=cell):
        verb_phrase(cell)
    with pytest.raises(InputError, match="noun in the nominative"):
        noun_phrase("быстро")


def test_a_header_asks_for_forms(tmp_path: Path) -> None:
    file = tmp_path / "things.csv"
    file.write_text("name:np,cause:np,fix:vp\nконь,слабая пружина,сменить пружину\n", "utf-8")
    table = read_table(file)
    said = ("name", "gen", "acc", "cause_gen", "fix", "do")
    assert [table.columns[name][0] for name in said] == [
        "конь", "коня", "коня", "слабой пружины", "сменить пружину", "смени пружину",
    ]  # fmt: skip
    assert list(table.agreeing["fixed"][0][:2]) == ["сменил пружину", "сменила пружину"]
    assert table.classes is not None
    assert table.classes.tolist() == [3]


def test_ragged_rows_are_named_all_at_once(tmp_path: Path) -> None:
    file = tmp_path / "things.csv"
    file.write_text("name,verse\na,b\nc\nd,e,f\n", "utf-8")
    with pytest.raises(InputError) as caught:
        read_table(file)
    assert "things.csv:3" in str(caught.value)
    assert "things.csv:4" in str(caught.value)
