"""Factorial tables: interactions by hand, one family, refusals, and two studies in a command."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command

from upbringing.errors import InputError
from upbringing.files import read_json, write_json
from upbringing.identity import digest_json, generator
from upbringing.study import Design, concluded
from upbringing.study.concluded import cells_of, conditions, figures_of
from upbringing.study.factorial import Cell, Effect, Factorial, factorial
from upbringing.study.rules import pairs_for
from upbringing.study.simultaneous import critical_value
from upbringing.study.statistics import Table, family
from upbringing.training import shape_named

SEEDS = tuple(range(8))
BLOCKS, SCHEDULES, SIZES = ("drama", "chat"), ("constant", "steep", "linear"), ("300k", "1m")


def cells(
    blocks: tuple[str, ...] = BLOCKS,
    schedules: tuple[str, ...] = SCHEDULES,
    sizes: tuple[str, ...] = SIZES,
) -> list[Cell]:
    return list(_cells(blocks, schedules, sizes))


def _cells(*levels: tuple[str, ...]) -> Iterator[Cell]:
    for block, schedule, size in product(*levels):
        draw = generator(0, "test factorial", f"{block}/{schedule}/{size}").standard_normal
        values = {arm: draw(8) for arm in "FLS"}
        table = Table(values, f"{block}, {schedule}, {size}", "style_margin", "pole distances")
        yield Cell(block, schedule, size, SEEDS, table, f"studies/{block}-{size}")


def effect(found: Factorial, name: str = "F−S", **levels: str) -> Effect:
    [one] = [e for e in found.effects if e.levels == levels and e.contrast.name == name]
    return one


def difference(cell: Cell) -> np.ndarray:
    """F − S by seed."""
    return cell.table.values["F"] - cell.table.values["S"]


def test_cells_are_their_own_contrasts():
    made = cells()
    found = factorial(made)
    cell = effect(found, block="chat", schedule="steep", size="1m")
    [own] = [c for c in made if (c.block, c.schedule, c.size) == ("chat", "steep", "1m")]
    assert cell.contrast.estimate == pytest.approx(difference(own).mean())
    assert cell.kind == "cell"
    assert found.factors == {"block": BLOCKS, "schedule": SCHEDULES, "size": SIZES}


def test_two_way_interactions_are_mean_differences_of_contrasts():
    made = cells()
    found = effect(factorial(made), schedule="steep − constant")
    by_level = {
        level: np.mean([difference(c) for c in made if c.schedule == level], axis=0)
        for level in SCHEDULES
    }
    by_seed = by_level["steep"] - by_level["constant"]
    assert found.contrast.estimate == pytest.approx(by_seed.mean())
    error = by_seed.std(ddof=1) / np.sqrt(8)
    num_tables = 12 + 4 + 5 + 2  # cells, two-way, three-way, four-way
    half = critical_value(pairs_for("FLS"), 8, num_tables) * error
    assert found.contrast.high - found.contrast.estimate == pytest.approx(half)


def test_higher_interactions_are_differences_of_differences():
    made = {(c.block, c.schedule, c.size): difference(c) for c in cells()}
    found = factorial(cells())
    over_sizes = [
        (made["chat", "linear", size] - made["drama", "linear", size])
        - (made["chat", "constant", size] - made["drama", "constant", size])
        for size in SIZES
    ]
    two = effect(found, block="chat − drama", schedule="linear − constant")
    assert two.contrast.estimate == pytest.approx(np.mean(over_sizes))
    three = effect(found, block="chat − drama", schedule="linear − constant", size="1m − 300k")
    assert three.contrast.estimate == pytest.approx((over_sizes[1] - over_sizes[0]).mean())


def test_it_is_one_family():
    made = cells(("drama",), ("constant", "steep"), ("300k",))
    found = factorial(made)
    change = {
        arm: made[1].table.values[arm] - made[0].table.values[arm] for arm in made[0].table.values
    }
    tables = [made[0].table, made[1].table, dataclasses.replace(made[0].table, values=change)]
    expected = family(tables, pairs_for("FLS"), seed=0)
    shown = [e.contrast for e in found.effects]
    assert [(c.estimate, c.low, c.p) for c in shown] == [(c.estimate, c.low, c.p) for c in expected]


def test_a_single_cell_has_no_interactions():
    found = factorial(cells(("drama",), ("steep",), ("1m",)))
    assert {e.kind for e in found.effects} == {"cell"}


def test_all_that_does_not_fit_is_told_at_once():
    made = cells(("drama", "chat"), ("constant", "steep"), ("300k",))
    made[1] = dataclasses.replace(made[1], seeds=tuple(range(1, 9)))
    made[2] = dataclasses.replace(
        made[2], table=dataclasses.replace(made[2].table, measure="voice", axis="dry–scenic")
    )
    made[3] = dataclasses.replace(made[3], schedule="constant")
    with pytest.raises(InputError) as error:
        factorial(made)
    said = str(error.value)
    assert "studies/drama-300k: seeds 1, 2, 3, 4, 5, 6, 7, 8, and 0, 1" in said
    assert "measure voice, and style_margin in studies/drama-300k" in said
    assert "axis dry–scenic" in said
    assert "chat, constant, 300k stands in studies/chat-300k too" in said
    assert "no study of chat, steep, 300k" in said
    assert len(error.value.problems) == 5
    with pytest.raises(InputError, match="needs a cell"):
        factorial([])


def conditioned(**others: Any) -> list[Cell]:
    """Two cells, the second with these conditions in place of the first's."""
    made = cells(("drama", "chat"), ("constant",), ("300k",))
    first = {"tokens": 3000, "washout": {"share": 0.25, "lr_scale": 0.3}, "corpus": "c0"}
    return [
        dataclasses.replace(made[0], conditions=first),
        dataclasses.replace(made[1], conditions=first | others),
    ]


def test_cells_that_differ_in_more_than_their_factors_are_refused():
    with pytest.raises(InputError) as error:
        factorial(conditioned(tokens=6000, washout={"share": 0.5, "lr_scale": 0.3}, corpus="c1"))
    said = str(error.value)
    assert "studies/chat-300k: tokens 6000, and 3000 in studies/drama-300k" in said
    assert 'washout {"share": 0.5}, and {"share": 0.25} in' in said
    assert "corpus c1, and c0" in said
    assert "--declare tokens" in said
    assert len(error.value.problems) == 3


def test_what_is_declared_may_differ_and_is_recorded():
    assert factorial(conditioned(), declared=["tokens"]).declared == {}
    found = factorial(conditioned(tokens=6000, corpus="c1"), declared=["tokens", "corpus"])
    assert found.declared == {"tokens": (3000, 6000), "corpus": ("c0", "c1")}
    with pytest.raises(InputError, match="nothing is called token\n    allowed: tokens, washout"):
        factorial(conditioned(), declared=["token"])


def test_what_is_left_to_the_shape_belongs_to_it(pico: Design):
    [constant, steep] = cells_of([pico.path])
    assert constant.conditions == steep.conditions
    assert constant.conditions["vocabulary"] == 300
    assert constant.conditions["corpus"] == pico.corpus.digest
    assert {"name", "block", "schedules", "shape", "hypotheses"}.isdisjoint(constant.conditions)
    usual = shape_named("300k")
    said = pico.settings.model_copy(
        update={"vocabulary": usual.num_vocab, "peak_lr": {"constant": 1.0, "steep": usual.peak_lr}}
    )
    own = Design(pico.path, pico.said, pico.corpus_path)
    own.__dict__["settings"] = said
    assert (conditions(own, "steep")["vocabulary"], conditions(own, "steep")["peak_lr"]) == (
        None,
        None,
    )
    assert conditions(own, "constant")["peak_lr"] == 1.0


def test_an_axis_without_its_ladder_makes_no_cell(pico: Design, monkeypatch: pytest.MonkeyPatch):
    """With enough seeds for a gate that was not run it has no verdict, and no place in a table."""
    figures = figures_of(pico.path)
    many = Design(pico.path, pico.said, pico.corpus_path)
    many.__dict__["settings"] = pico.settings.model_copy(update={"seeds": tuple(range(6))})
    axis = pico.axis.name
    unrun = dataclasses.replace(figures.poles[axis], gate="not run", reason="no ladder")
    made = dataclasses.replace(figures, design=many, poles={axis: unrun})
    monkeypatch.setattr(concluded, "figures_of", lambda _: made)
    with pytest.raises(InputError, match=f"{axis} cannot be measured there: no ladder"):
        cells_of([pico.path])


def test_another_study_must_be_raised_alike(upbringing: Command, pico: Design, tmp_path: Path):
    """The same minds, said to be of a bigger shape and longer lives."""
    other = tmp_path / "other"
    shutil.copytree(pico.path, other, ignore=shutil.ignore_patterns("runs"))
    fixed = read_json(other / "study.json")
    fixed["design"]["settings"] |= {"shape": "1m", "tokens": 6000}
    write_json(other / "study.json", fixed | {"digest": digest_json(fixed["design"])})
    said = upbringing("factorial", pico.path, other)
    assert said.code == 2
    assert "tokens 6000, and 3000 in" in said.err
    said = upbringing("factorial", pico.path, other, "--declare", "tokens", "-o", "table.json")
    assert said.code == 0
    assert "they differ in tokens too" in said.out
    assert read_json(tmp_path / "table.json")["declared"] == {"tokens": [3000, 6000]}
    again = upbringing("factorial", pico.path, "-o", "table.json")
    assert again.code == 2
    assert "table.json: already exists, and nothing is overwritten" in again.err


def test_the_schedules_inside_a_study_make_a_table(
    upbringing: Command, pico: Design, tmp_path: Path
):
    said = upbringing("factorial", pico.path, "-o", "table.json")
    assert said.code == 0
    assert "steep − constant" in said.out
    assert "Two seeds: a demonstration, no verdict." in said.out
    written = read_json(tmp_path / "table.json")
    assert written["factors"]["schedule"] == ["constant", "steep"]
    assert {e["kind"] for e in written["effects"]} == {"cell", "interaction"}
    found = read_json(pico.path / "findings.json")["contrasts"]
    [expected] = [
        c["estimate"] for c in found
        if (c["schedule"], c["name"], c["measure"])
        == ("steep − constant", "F−S", "style_margin")
    ]  # fmt: skip
    [shown] = [
        e["contrast"]["estimate"] for e in written["effects"]
        if e["kind"] == "interaction" and e["contrast"]["name"] == "F−S"
    ]  # fmt: skip
    assert shown == pytest.approx(expected)


def test_what_is_no_concluded_study_is_said(upbringing: Command, pico: Design):
    said = upbringing("factorial", pico.path, "--axis", "wet–dry")
    assert said.code == 2
    assert "no axis 'wet–dry'" in said.err
    twice = upbringing("factorial", pico.path, pico.path)
    assert twice.code == 2
    assert "drama, constant, " in twice.err
