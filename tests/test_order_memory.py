"""Order memory: a planted trace is found; kinds, chance and documents are not taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import ids_of
from lives import ROW_LENGTH, raised, recipe_of, rows_of

from upbringing.character.between.met import memory_by_layer, met_once
from upbringing.character.between.order_memory import order_memory
from upbringing.errors import InputError
from upbringing.order import Order, Rows
from upbringing.training import Decoder, open_mind, train

NUM_SCENES, WIDTH = 240, 24


def scenes(seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Activations of chance, ages, kinds in three blocks of life, a document a scene."""
    rng = np.random.default_rng(seed)
    ages = np.sort(rng.random(NUM_SCENES))
    kinds = [("drama", "poetry", "chat")[3 * n // NUM_SCENES] for n in range(NUM_SCENES)]
    return rng.normal(size=(NUM_SCENES, WIDTH)), ages, kinds, [str(n) for n in range(NUM_SCENES)]


def within_kinds(ages: np.ndarray, kinds: list[str]) -> np.ndarray:
    ranks = np.zeros(len(ages))
    for kind in set(kinds):
        own = np.array(kinds) == kind
        ranks[own] = ages[own].argsort().argsort() / own.sum()
    return ranks


def test_a_planted_trace_is_found() -> None:
    activations, ages, kinds, documents = scenes()
    trace = within_kinds(ages, kinds)[:, None] * np.random.default_rng(1).normal(size=WIDTH)
    found = order_memory(activations + 3 * trace, ages, kinds, documents)
    assert found.spearman > 0.8
    assert found.r_squared > 0.6
    assert found.auc > 0.95
    assert found.spearman > found.shuffled_high
    assert found.p == 0.01
    assert found.num_scenes == NUM_SCENES


def test_where_there_is_no_trace_it_is_at_the_baseline() -> None:
    found = [order_memory(*scenes(seed), num_shuffles=19) for seed in range(8)]
    assert abs(np.mean([memory.spearman for memory in found])) < 0.08
    assert np.mean([memory.auc for memory in found]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([memory.r_squared for memory in found]) < 0.02
    assert sum(memory.p is not None and memory.p <= 0.05 for memory in found) <= 2


def test_a_kind_gives_no_age_away() -> None:
    """Kinds are read in blocks and written in capitals: who knows the kind knows the age."""
    activations, ages, kinds, documents = scenes()
    told = 9.0 * (np.array(kinds)[:, None] == ["drama", "poetry", "chat"])
    activations[:, :3] += told
    blind = order_memory(activations, ages, kinds, documents, num_shuffles=39)
    assert abs(blind.spearman) < 0.15
    seen = order_memory(activations, ages, ["one"] * NUM_SCENES, documents, num_shuffles=39)
    assert seen.spearman > 0.8


def test_scenes_of_a_document_are_held_out_together() -> None:
    """Twelve documents, each met at once and each with a mark of its own, which is no memory."""
    rng = np.random.default_rng(4)
    document = np.arange(NUM_SCENES) // 20
    ages = rng.permutation(12)[document] + rng.random(NUM_SCENES)
    activations = rng.normal(size=(12, WIDTH))[document] * 3 + rng.normal(size=(NUM_SCENES, WIDTH))
    kinds = ["one"] * NUM_SCENES
    apart = order_memory(activations, ages, kinds, [str(d) for d in document], num_shuffles=19)
    mixed = order_memory(
        activations, ages, kinds, [str(n) for n in range(NUM_SCENES)], num_shuffles=19
    )
    assert mixed.spearman > 0.9
    assert apart.spearman < 0.5
    assert apart.p is None


def test_too_few_scenes() -> None:
    activations, ages, _, documents = scenes()
    rare = [str(n // 3) for n in range(NUM_SCENES)]
    with pytest.raises(InputError, match="0 scenes of 0 documents are too few"):
        order_memory(activations, ages, rare, documents)
    with pytest.raises(InputError, match="240 scenes of 1 documents"):
        order_memory(activations, ages, ["one"] * NUM_SCENES, ["book"] * NUM_SCENES)


def test_scenes_that_a_life_met_once(home: Path) -> None:
    run = raised(home, home / "met", ages=(0.5, 1.0))
    rows = run.rows()
    scenes_met = rows.order.corpus.columns(["id", "kind", "document", "text"])
    met = met_once(run)
    assert len(met.passages) == rows.order.num_visits == 72  # of 20 documents: too few apart
    assert len(set(met.ages_N)) == 72
    ids = rows.tokens.tokenizer.encode(scenes_met["text"][0], add_special_tokens=False).ids
    (place,) = [n for n, p in enumerate(met.passages) if list(p.ids[1:]) == ids]
    (visit,) = rows.order.met(0)
    assert met.ages_N[place] == rows.starts[visit] / rows.num_tokens
    assert (met.kinds[place], met.documents[place]) == ("chat", scenes_met["document"][0])
    half = met_once(run, 0.5)
    assert max(half.ages_N) < 0.5
    assert 30 <= len(half.passages) < 40
    assert len(met_once(run, num_scenes=40).passages) == 40
    with pytest.raises(InputError, match=r"scenes were met once before age 0\.1"):
        met_once(run, 0.1)
    mind = open_mind(run.checkpoints[1.0])
    assert isinstance(mind, Decoder)
    by_layer = memory_by_layer(mind, met, num_shuffles=9)
    assert len(by_layer) == 2
    assert all(memory.p is None and memory.num_scenes == 72 for memory in by_layer)


def test_scenes_that_were_met_twice_are_left_out(home: Path, tmp_path: Path) -> None:
    tokens, once = rows_of(home).tokens, rows_of(home).order
    order = Order.from_ids(once.corpus, [*ids_of(once), *ids_of(once)[:20]])
    order.save(tmp_path / "order")
    rows = Rows(order, tokens, ROW_LENGTH)
    sources = {"corpus": home / "corpus", "order": tmp_path / "order"}
    run = train(rows, recipe_of(rows), tmp_path / "run", sources=sources)
    assert len(met_once(run).passages) == once.num_visits - 20
