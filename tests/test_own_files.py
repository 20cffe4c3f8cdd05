"""A strategy in a person's own file, named by its path: a full citizen, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import ids_of
from test_cli import run_command

from upbringing.corpus import Corpus
from upbringing.errors import SettingsError
from upbringing.files import file_digest
from upbringing.order import Order, Phase, compile_order, parse_curriculum
from upbringing.order.places import known_arrangements

OWN = '''\
from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainValidator

from upbringing.order.parameters import Measure
from upbringing.order.places import Selected, arrangement


@dataclass
class Ebb:
    rows: int


@arrangement()
def tide(scenes: Selected, by: Measure, out: int = 3):
    """Every third of the sorted scenes, then those between them."""
    place = scenes.positions({"sort": {"by": (by,)}})
    return (place % out) * Ebb(len(scenes)).rows + place // out


@arrangement()
def by_hand(scenes: Selected, hand: Annotated[int, PlainValidator(lambda said: said["rows"])]):
    return scenes.lots % hand


@arrangement()
def failing(scenes: Selected):
    return scenes.columns["no such column"]


@arrangement()
def short(scenes: Selected):
    return scenes.lots[1:]


@arrangement()
def signed(scenes: Selected):
    return scenes.lots.astype("int64")


def undecorated(scenes):
    return scenes.lots
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    return tmp_path / "mine.py"


def lived(corpus: Corpus, arrange: str) -> Order:
    text = f"name: x\nphases:\n  - {{name: a, scenes: rest, arrange: {arrange}}}\n"
    return compile_order(corpus, parse_curriculum(text, name="c.yaml"))


def refused(corpus: Corpus, arrange: str) -> str:
    with pytest.raises(SettingsError) as caught:
        lived(corpus, arrange)
    (problem,) = caught.value.problems
    assert problem.where == "c.yaml:3:29"
    return str(problem)


def expected(corpus: Corpus, out: int) -> list[str]:
    scenes = corpus.scenes.filter(split="train").sort("num_bytes", "key")["id"].to_list()
    return [name for start in range(out) for name in scenes[start::out]]


def test_it_arranges_by_its_parameters(corpus: Corpus, own: Path) -> None:
    assert ids_of(lived(corpus, '{"mine.py:tide": num_bytes}')) == expected(corpus, 3)
    assert ids_of(lived(corpus, '{"mine.py:tide": {by: num_bytes, out: 4}}')) == expected(corpus, 4)
    turned = lived(corpus, '{reverse: {"./mine.py:tide": num_bytes}}')
    assert ids_of(turned) == expected(corpus, 3)[::-1]


def test_the_order_says_by_which_file_it_was_made(
    corpus: Corpus, own: Path, tmp_path: Path
) -> None:
    order = lived(corpus, '{reverse: {"mine.py:tide": num_bytes}}')
    assert order.inputs == {"strategies mine.py": file_digest(own)}
    saved = Order.open(order.save(tmp_path / "order"), corpus)
    assert saved.inputs == order.inputs
    assert "num_bytes" in saved.columns


def test_a_file_that_changes_is_run_again(corpus: Corpus, own: Path) -> None:
    first = lived(corpus, '{"mine.py:tide": num_bytes}')
    own.write_text(OWN.replace("out: int = 3", "out: int = 5"))
    again = lived(corpus, '{"mine.py:tide": num_bytes}')
    assert ids_of(again) == expected(corpus, 5)
    assert again.inputs != first.inputs


def test_it_is_written_and_read_again(own: Path) -> None:
    text = 'name: x\nphases: [{name: a, scenes: rest, arrange: {"mine.py:tide": num_words}}]\n'
    curriculum = parse_curriculum(text)
    assert parse_curriculum(curriculum.to_yaml()) == curriculum
    assert "mine.py:tide" not in known_arrangements()


def test_mistakes_are_shown_at_their_place(corpus: Corpus, own: Path) -> None:
    said = refused(corpus, '"mine.py:tied"')
    assert "no arrangement is called mine.py:tied" in said
    assert "allowed: mine.py:tide, mine.py:by_hand, mine.py:failing" in said
    assert "did you mean 'mine.py:tide'?" in said
    assert "there is no file 'their.py'" in refused(corpus, '"their.py:tide"')
    assert "cannot be read: File name too long" in refused(corpus, f'"{"x" * 999}.py:tide"')
    assert "mine.py:tide has no parameter outt" in refused(
        corpus, '{"mine.py:tide": {by: num_bytes, outt: 3}}'
    )
    assert "no measure is called num_byte" in refused(corpus, '{"mine.py:tide": num_byte}')
    assert "no arrangement is called mine.py:undecorated" in refused(
        corpus, '"mine.py:undecorated"'
    )


def test_a_parameter_may_be_read_by_a_function_of_its_own(corpus: Corpus, own: Path) -> None:
    phase = Phase(name="a", scenes="rest", arrange={"mine.py:by_hand": {"rows": 1}})
    assert phase.arrange == {"mine.py:by_hand": {"hand": 1}}


def test_what_goes_wrong_in_it_is_shown_at_its_place(corpus: Corpus, own: Path) -> None:
    assert "mine.py:failing fails: ColumnNotFoundError" in refused(corpus, '"mine.py:failing"')
    assert "mine.py:short gives ranks of shape (71,) for 72" in refused(corpus, '"mine.py:short"')
    assert "mine.py:signed gives int64" in refused(corpus, '"mine.py:signed"')
    (own.parent / "broken.py").write_text("import no_such_module\n")
    assert "broken.py cannot be run: ModuleNotFoundError" in refused(corpus, '"broken.py:x"')
    (own.parent / "taken.py").write_text(OWN + "\n1 / 0\n")
    assert "taken.py cannot be run: ZeroDivisionError" in refused(corpus, '"taken.py:tide"')


def test_the_command_line_takes_it(corpus: Corpus, own: Path) -> None:
    life = 'name: x\nphases: [{name: a, scenes: rest, arrange: {"mine.py:tide": num_bytes}}]\n'
    (own.parent / "life.yaml").write_text(life)
    where = ["--corpus", str(corpus.path)]
    ran = run_command(own.parent, "order", "life.yaml", *where, "-o", "order")
    assert (ran.returncode, ran.stderr) == (0, "")
    order = Order.open(own.parent / "order", corpus)
    assert ids_of(order) == expected(corpus, 3)
    own.unlink()  # an order is opened without the file that made it
    ran = run_command(own.parent, "show", "order", *where)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert np.array_equal(Order.open(own.parent / "order", corpus).sequence, order.sequence)
