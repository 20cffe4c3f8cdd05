"""Weights apart and what lies between them: nothing from itself, refused between two births."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lives import TINY, raised, recipe_of, rows_of

from upbringing.character.between.birth import birth_of
from upbringing.character.between.landscape import (
    barrier_of,
    loss_barrier,
    loss_path,
    weight_distance,
)
from upbringing.character.likelihood import Passage, bits
from upbringing.errors import ComparisonError
from upbringing.training import Decoder, Mind, Shape, open_mind

ONE = ("born", "born")
SHAPE = Shape(16, 2, 2, 24, num_vocab=50, peak_lr=1e-3)


def drawn(seed: int, shape: Shape = SHAPE) -> Decoder:
    return Decoder(shape, row_length=16, seed=seed)


@pytest.fixture(scope="module")
def grown(home: Path) -> list[Mind]:
    """Two minds that have learnt a little, each from weights of its own."""
    runs = [raised(home, home / f"grown {seed}", seed=seed, peak_lr=0.05) for seed in (1, 2)]
    return [open_mind(run.checkpoints[1.0]) for run in runs]


@pytest.fixture(scope="module")
def passages(home: Path) -> list[Passage]:
    tokens = rows_of(home).tokens
    corpus = rows_of(home).order.corpus
    ids = [
        tokens.ids[a:b].tolist() for a, b in zip(tokens.offsets, tokens.offsets[1:], strict=False)
    ]
    sizes = corpus.columns(["num_bytes"])["num_bytes"].to_list()
    return [Passage((0, *own), 1, size) for own, size in zip(ids[:20], sizes, strict=False)]


def test_weights_apart_by_part() -> None:
    mind, other = drawn(0), drawn(1)
    found = weight_distance(mind, other, ONE)
    assert list(found) == [
        "all", "embed", "layers.0", "layers.1", "head", "attention", "mlp", "norms"
    ]  # fmt: skip
    assert found["embed"] == found["head"]  # one matrix
    a, b = mind.embed.detach().double(), other.embed.detach().double()
    by_hand = (a - b).norm() / ((a.norm() ** 2 + b.norm() ** 2) / 2).sqrt()
    assert found["embed"] == pytest.approx(float(by_hand), abs=1e-9)
    assert found["embed"] == pytest.approx(np.sqrt(2), abs=0.1)
    assert found["norms"] == 0
    flat = [
        torch.cat([w.detach().double().flatten() for w in m.parameters()]) for m in (mind, other)
    ]
    size = (sum(w.norm() ** 2 for w in flat) / 2).sqrt()
    assert found["all"] == pytest.approx(float((flat[0] - flat[1]).norm() / size), abs=1e-9)
    assert set(weight_distance(mind, mind, ONE).values()) == {0.0}


def test_the_way_to_itself_is_flat(grown: list[Mind], passages: list[Passage]) -> None:
    barrier = loss_barrier(grown[0], grown[0], passages, ONE)
    assert (barrier.height, len(set(barrier.losses_P.tolist()))) == (0.0, 1)


def test_between_two_births_there_is_a_ridge(grown: list[Mind], passages: list[Passage]) -> None:
    before = [weight.clone() for weight in grown[0].parameters()]
    losses = loss_path(*grown, passages)
    assert all(map(torch.equal, grown[0].parameters(), before))
    num_bytes = sum(passage.num_bytes for passage in passages)
    for mind, loss in zip(grown, losses[[0, -1]], strict=True):
        assert loss == bits(mind, passages).sum() / num_bytes
    barrier = barrier_of(losses)
    assert barrier.height > 0.05
    assert 0 < barrier.at < 1
    back = barrier_of(loss_path(grown[1], grown[0], passages))
    assert back.height == pytest.approx(barrier.height, abs=1e-6)
    with pytest.raises(ComparisonError, match="minds of two initialisations"):
        loss_barrier(*grown, passages, ("one", "other"))


def test_a_barrier_is_what_rises_above_the_line() -> None:
    barrier = barrier_of(np.array([2.0, 2.6, 3.4, 3.0, 3.0]))
    assert (barrier.height, barrier.at) == (pytest.approx(0.9), 0.5)
    assert barrier_of(np.array([2.0, 1.0, 3.0])).height == 0


def test_minds_that_share_no_weights_are_refused() -> None:
    with pytest.raises(ComparisonError, match="minds of two initialisations"):
        weight_distance(drawn(0), drawn(1), ("one", "other"))
    for shape in (replace(SHAPE, num_layers=3), replace(SHAPE, tied=False)):
        with pytest.raises(ComparisonError, match="two shapes"):
            weight_distance(drawn(0), drawn(0, shape), ONE)


def test_birth_is_seed_and_shape_or_the_checkpoint(home: Path) -> None:
    recipe = recipe_of(rows_of(home))
    assert recipe.shape is not None
    same = (replace(recipe, batch_size=9, order="x", shape=replace(recipe.shape, peak_lr=9.0)),)
    other = (
        replace(recipe, seed=7),
        replace(recipe, shape=replace(TINY, num_vocab=9)),
        replace(recipe, shape=None, starts_from="abc"),
    )
    assert {birth_of(one) for one in same} == {birth_of(recipe)}
    assert birth_of(recipe) not in {birth_of(one) for one in other}
    assert birth_of(other[-1]) == birth_of(replace(recipe, seed=9, starts_from="abc"))
