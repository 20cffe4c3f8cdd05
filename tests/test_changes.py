"""What learnt where: how far the weights moved under each stretch of levers, and what shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from command import Command
from library_lives import raised_from
from lives import (
    AGES,
    NEVER_S,
    Fault,
    everything,
    lived,
    lose_the_loss,
    raised,
    recipe_of,
    rows_of,
)
from safetensors.numpy import load_file

from upbringing.errors import ArtefactError
from upbringing.order import NO_LEVERS, Levers
from upbringing.training import Run, Timeline, open_mind
from upbringing.training.changes import changes_by_part, stretches_of
from upbringing.training.records import minds_of
from upbringing.training.stock import stock_labels

OF = {0.0: NO_LEVERS, 0.3: Levers(modules=["mlp", "layers.1"]), 0.7: Levers(lr_scale=0.2)}
IN_OF = {"timeline": Timeline.of_stretches(OF, 4), "batch_size": 4}
PARTS = ["embed", "attention", "mlp", "norms", "head", "layers.0", "layers.1", "all"]


def figures_of(run: Run) -> dict[tuple[float, float], dict[str, float]]:
    """Relative change by stretch and part."""
    found: dict[tuple[float, float], dict[str, float]] = {}
    for begin, end, part, change in changes_by_part(run.changes).iter_rows():
        found.setdefault((begin, end), {})[part] = change
    return found


def moved(run: Run, begin: float, end: float, *names: str) -> float:
    """By NumPy: √Σ (to − from)² / √Σ from² over the weights whose name has one of these in it."""
    before, after = (load_file(run.checkpoints[a] / "model.safetensors") for a in (begin, end))
    own = [name for name in before if any(part in name for part in names)]
    assert own
    squares = [
        sum((weights[name].astype("f8") ** 2).sum() for name in own)
        for weights in ({n: after[n].astype("f8") - before[n] for n in own}, before)
    ]
    return float(np.sqrt(squares[0] / squares[1]))


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Kept at 0.2, 0.5 and 1 too, which are no borders."""
    return raised(home, home / "changing", **IN_OF)


def test_changes_are_of_whole_stretches(run: Run) -> None:
    found = figures_of(run)
    first, second, third = (round(row / run.recipe.num_rows, 4) for row in borders_of(run))
    assert list(found) == [(0.0, first), (first, second), (second, third)]
    assert [*run.checkpoints] == sorted({0.0, first, second, *AGES})
    names = {
        "embed": ("embed_tokens",),
        "head": ("embed_tokens",),  # it is the head too
        "attention": ("self_attn",),
        "mlp": (".mlp.",),
        "norms": ("norm.weight", "layernorm.weight"),
        "layers.0": (".layers.0.",),
        "layers.1": (".layers.1.",),
        "all": ("",),
    }
    for (begin, end), parts in found.items():
        assert set(parts) == set(names)
        for part, change in parts.items():
            assert change == pytest.approx(moved(run, begin, end, *names[part]), rel=1e-5)
    taught = found[first, second]
    assert (taught["embed"], taught["head"]) == (0, 0)
    assert min(taught["mlp"], taught["layers.1"], taught["norms"]) > 0


def borders_of(run: Run) -> list[int]:
    """The rows at which stretches end."""
    num_rows = run.recipe.num_rows
    return [round(0.3 * num_rows), round(0.7 * num_rows), num_rows]


def test_a_weight_that_was_nothing_has_moved_infinitely_far() -> None:
    rows = {"from_age": [0.0] * 3, "to_age": [1.0] * 3, "weight": ["a", "b", "c"]}
    parts = [["norms"], ["mlp", "layers.0"], []]
    changes = pl.DataFrame(rows | {"parts": parts, "norm": [0.0, 3, 4], "change": [2.0, 0, 0]})
    found = dict(changes_by_part(changes).select("part", "relative_change").iter_rows())
    assert found == {"norms": np.inf, "mlp": 0.0, "layers.0": 0.0, "all": 0.4}


@pytest.mark.parametrize("config", ["GPT2Config", "MixtralConfig"])
def test_minds_of_another_make_are_told_by_their_own_parts(home: Path, config: str) -> None:
    of = Timeline.of_stretches({0.0: NO_LEVERS, 0.5: Levers(modules=["mlp"])}, 4)
    run = raised_from(config, home, home / f"changing {config}", timeline=of, peak_lr=3e-3)
    late = figures_of(run)[0.5, 1.0]
    assert set(late) == set(PARTS)
    assert {part for part, change in late.items() if not change} == {
        "embed", "attention", "norms", "head",
    }  # fmt: skip
    names = {"GPT2Config": ".mlp.", "MixtralConfig": "block_sparse_moe"}
    assert late["mlp"] == pytest.approx(moved(run, 0.5, 1.0, names[config]), rel=1e-5)


EVEN = {"timeline": Timeline.of_stretches({0.0: NO_LEVERS, 0.35: Levers(batch_size=3)}, 5)}


def test_a_life_whose_parts_all_learn_keeps_its_changes_and_no_mind_more(home: Path) -> None:
    run = raised(home, home / "changing, even", **EVEN)
    border = round(round(0.35 * run.recipe.num_rows) / run.recipe.num_rows, 4)
    assert [*run.checkpoints] == list(AGES)
    assert not (run.path / "borders").exists()
    found = figures_of(run)
    assert list(found) == [(0.0, border), (border, 1.0)]
    whole = raised(
        home, home / "changing, even, with the borders", ages=(1e-9, border, 1.0), **EVEN
    )
    assert found[border, 1.0]["mlp"] == pytest.approx(moved(whole, border, 1.0, ".mlp."), rel=1e-5)
    assert not whole.metrics.is_empty()
    alike = raised(home, home / "changing, alike", timeline=Timeline.uniform(5))
    assert not alike.has_changes
    with pytest.raises(ArtefactError, match="lived under the same levers: no changes are kept"):
        _ = alike.changes


def test_a_life_that_was_killed_comes_to_the_same_changes(home: Path) -> None:
    whole = raised(home, home / "changing, whole", **EVEN)
    after_the_border = int(whole.recipe.steps.after(0.36)) + 1
    for every_s in (0.0, NEVER_S):
        place = home / f"changing, killed {every_s}"
        fault = Fault("killed", after_the_border)
        code, _ = lived(home, place, every_s=every_s, fault=fault, **EVEN)
        assert code != 0
        found = sorted((place / "borders").glob("age_*"))
        assert len(found) == 2
        if every_s == NEVER_S:  # no snapshot knows them: they are lived again
            (found[0] / "model.safetensors").write_bytes(b"")
        code, said = lived(home, place, every_s=every_s, **EVEN)
        assert (code, everything(place)) == (0, everything(whole.path)), said


def test_what_is_no_weight_is_of_no_part(home: Path) -> None:
    place = home / "changing, no weight"
    run = raised_from("GPT2Config", home, place, num_rows=10, peak_lr=1e-3)
    mind = open_mind(run.checkpoints[1.0])
    mind.body.register_buffer("seen", torch.tensor([True, False]))
    labels = stock_labels(mind)
    assert labels["seen"] == ()
    assert {name for name, parts in labels.items() if not parts} == {"seen"}


def test_of_a_border_and_an_age_with_one_name_the_border_is_kept(home: Path) -> None:
    of = Timeline.of_stretches({0.0: NO_LEVERS, 0.4: Levers(modules=["mlp"])}, 1)
    recipe = recipe_of(
        rows_of(home), timeline=of, num_rows=100_000, ages=(0.39998, 0.40003, 0.5, 1.0)
    )
    assert {name: recipe.steps.after(age) for name, age in minds_of(recipe).items()} == {
        "checkpoints/age_0.0000": 0,
        "checkpoints/age_0.4000": 40_000,
        "checkpoints/age_0.5000": 50_000,
        "checkpoints/age_1.0000": 100_000,
    }


def test_stretches_without_a_row_of_their_own_are_none(home: Path) -> None:
    of = Timeline.of_stretches({0.0: NO_LEVERS, 0.5: Levers(batch_size=2), 0.51: NO_LEVERS}, 3)
    run = raised(home, home / "changing, empty stretch", timeline=of, num_rows=10)
    assert [(s.from_age, s.to_age) for s in stretches_of(run.recipe)] == [(0.0, 0.5), (0.5, 1.0)]
    assert [s.levers.batch_size for s in stretches_of(run.recipe)] == [3, 3]
    assert list(figures_of(run)) == [(0.0, 0.5), (0.5, 1.0)]


def test_of_a_life_that_diverged_the_stretches_that_ended_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, upbringing: Command
) -> None:
    with monkeypatch.context() as patch:
        lose_the_loss(patch, "changing, diverged", at_step=8)
        run = raised(home, home / "changing, diverged", num_rows=40, **IN_OF)
    assert list(figures_of(run)) == [(0.0, 0.3), (0.3, 0.7)]
    said = upbringing("show", run.path)
    assert said.code == 0
    assert ["part", "0–0.3", "0.3–0.7"] in [line.split() for line in said.lines]


def test_show_prints_what_learnt_where(run: Run, home: Path, upbringing: Command) -> None:
    said = upbringing("show", run.path)
    assert said.code == 0
    first, second, _ = (round(row / run.recipe.num_rows, 4) for row in borders_of(run))
    ages = [f"0–{first:g}", f"{first:g}–{second:g}", f"{second:g}–1"]
    begin = said.lines.index(
        "how far the weights moved under each stretch of levers, as a share of what they were"
    )
    lines = [line.split() for line in said.lines[begin + 1 :]]
    words = ["batch 4", "batch 4, only mlp, layers.1 learn", "batch 4, lr × 0.2"]
    assert lines[:3] == [[age, *word.split()] for age, word in zip(ages, words, strict=True)]
    assert lines[3] == ["part", *ages]
    found = figures_of(run)
    assert lines[4:12] == [
        [part, *(f"{changes[part]:.3g}" for changes in found.values())] for part in PARTS
    ]
    assert lines[4][2] == "0"
    said = upbringing(
        "show", raised(home, home / "changing, as it is", timeline=Timeline.uniform(5)).path
    )
    assert "stretch of levers" not in said.out
