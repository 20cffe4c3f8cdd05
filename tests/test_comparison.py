"""The comparison class: whatever differs besides the order is named, a visit with its scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from upbringing.corpus import Corpus, Tokens
from upbringing.errors import ComparisonError
from upbringing.order import Levers, Order, Rows
from upbringing.study.comparison import check_comparison_class
from upbringing.training import Numerics, Recipe, Segment, Timeline, shape_named


def rows_of(corpus: Corpus, tokens: Tokens, sequence: np.ndarray, row_length: int = 16) -> Rows:
    return Rows(Order.from_rows(corpus, sequence), tokens, row_length)


def recipe_of(rows: Rows) -> Recipe:
    return Recipe.of(
        rows,
        shape_named("300k"),
        seed=0,
        schedule="constant",
        batch_size=4,
        numerics=Numerics(),
    )


@pytest.fixture(scope="module")
def visits(corpus: Corpus) -> np.ndarray:
    return np.flatnonzero(corpus.scenes["split"] == "train")


@pytest.fixture(scope="module")
def first(corpus: Corpus, tokens: Tokens, visits: np.ndarray) -> Rows:
    return rows_of(corpus, tokens, visits)


def refusal(ours: Rows, theirs: Rows, recipe: Recipe | None = None) -> list[str]:
    with pytest.raises(ComparisonError) as error:
        check_comparison_class(
            {"S": (ours, recipe_of(ours)), "F": (theirs, recipe or recipe_of(theirs))}
        )
    return [problem.what for problem in error.value.problems]


def test_permutations_are_one_class(
    corpus: Corpus, tokens: Tokens, visits: np.ndarray, first: Rows
) -> None:
    dealt = np.random.default_rng(1).permutation(visits)
    assert not np.array_equal(dealt, visits)
    arms = {
        name: (rows := rows_of(corpus, tokens, order), recipe_of(rows))
        for name, order in (("S", visits), ("F", dealt), ("L", visits[::-1]))
    }
    check_comparison_class(arms)


def test_another_visit_is_named_with_its_scene(
    corpus: Corpus, tokens: Tokens, visits: np.ndarray, first: Rows
) -> None:
    sequence = visits.copy()
    sequence[5] = visits[9]  # scene 5 is dropped, scene 9 met twice
    said = refusal(first, rows_of(corpus, tokens, sequence))
    dropped = corpus.scenes["id"][int(visits[5])]
    assert said[0] == (
        "arms S and F differ in visits: 1 scenes are met more often by the first, "
        f"1 by the second; scene {dropped} 1 time(s)"
    )


def test_a_visit_too_few_changes_tokens_and_rows_too(
    corpus: Corpus, tokens: Tokens, visits: np.ndarray, first: Rows
) -> None:
    said = refusal(first, rows_of(corpus, tokens, visits[:-1]))
    fields = [line.removeprefix("arms S and F differ in ").split(":")[0] for line in said]
    assert fields == ["visits", "num_tokens", "num_steps", "num_rows"]
    assert f"scene {corpus.scenes['id'][int(visits[-1])]} 1 time(s)" in said[0]


def test_another_row_length(
    corpus: Corpus, tokens: Tokens, visits: np.ndarray, first: Rows
) -> None:
    said = refusal(first, rows_of(corpus, tokens, visits, row_length=8))
    assert "arms S and F differ in row_length: 16 against 8" in said
    assert any("differ in num_rows" in line for line in said)
    assert any("differ in num_steps" in line for line in said)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"timeline": Timeline.uniform(8)}, ["num_steps", "timeline"]),
        (
            {"timeline": Timeline((Segment(0.0, Levers(batch_size=4, lr_scale=0.5)),))},
            ["timeline"],
        ),
        ({"num_rows": 40}, ["num_steps", "num_rows"]),
        ({"shape": replace(shape_named("1m"), num_vocab=300)}, ["shape"]),
        ({"peak_lr": 1.0}, ["peak_lr"]),
        ({"seed": 5}, ["seed"]),
        ({"schedule": "steep"}, ["schedule"]),
        ({"weight_decay": 0.0}, ["weight_decay"]),
        ({"numerics": Numerics(precision="fp32")}, ["numerics"]),
    ],
)
def test_other_conditions_are_named(
    first: Rows, changes: dict[str, object], expected: list[str]
) -> None:
    said = refusal(first, first, replace(recipe_of(first), **changes))
    for line, field in zip(said, expected, strict=True):
        assert line.startswith(f"arms S and F differ in {field}: ")
        ours, _, theirs = line.partition(": ")[2].partition(" against ")
        assert ours != theirs


def test_every_arm_that_differs_is_named(
    corpus: Corpus, tokens: Tokens, visits: np.ndarray, first: Rows
) -> None:
    short = rows_of(corpus, tokens, visits[:-2])
    arms = {name: (rows, recipe_of(rows)) for name, rows in (("S", first), ("F", short))}
    arms |= {"M": arms["S"], "L": arms["F"]}
    with pytest.raises(ComparisonError) as error:
        check_comparison_class(arms)
    named = {problem.what.split(" differ")[0] for problem in error.value.problems}
    assert named == {"arms S and F", "arms S and L"}
