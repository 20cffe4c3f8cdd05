"""A module put back to what it was, beside random ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from command import Command
from library_lives import raised_from
from lives import lose_the_loss, raised
from safetensors.torch import load_file, save_file

from upbringing.character import ablate
from upbringing.character.likelihood import bits_per_byte
from upbringing.character.probes import held_out_by_kind
from upbringing.corpus import Corpus, load_tokenizer
from upbringing.errors import InputError
from upbringing.order import NO_LEVERS, Levers
from upbringing.training import DEFAULT_AGES, Run, Timeline, open_mind

MIDDLE = {0.0: NO_LEVERS, 0.3: Levers(modules=["mlp"], lr_scale=3), 0.7: Levers(lr_scale=0.2)}
"""The MLPs alone learn in the middle of life, everything before and after."""


def taught_in(home: Path, name: str, num_rows: int) -> Run:
    """A life of so many steps whose MLPs learn from age 0.25 to age 0.5, kept at both."""
    of = {0.0: NO_LEVERS, 0.25: Levers(modules=["mlp"]), 0.5: NO_LEVERS}
    return raised(
        home, home / f"ablated, {name}", timeline=Timeline.of_stretches(of, 1), batch_size=1,
        num_rows=num_rows, ages=(*DEFAULT_AGES[:3], 0.25, *DEFAULT_AGES[3:]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def taught(home: Path) -> Run:
    timeline = Timeline.of_stretches(MIDDLE, 4)
    return raised(home, home / "taught", timeline=timeline, batch_size=4, ages=(0.5, 1.0))


@pytest.fixture(scope="module")
def of_experts(home: Path) -> Run:
    """A Mixtral, whose checkpoints hold each of its weights of experts in pieces."""
    timeline = Timeline.of_stretches(MIDDLE, 4)
    return raised_from(
        "MixtralConfig", home, home / "ablated experts", timeline=timeline, peak_lr=3e-3
    )


@pytest.mark.parametrize("life", ["taught", "of_experts"])
def test_the_effect_is_that_of_a_checkpoint_with_the_weights_put_back(
    life: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(life)
    begin, end = (
        next(age for age in run.checkpoints if abs(age - border) < 0.02) for border in (0.3, 0.7)
    )
    found = ablate(run, begin, num_random=5, held_out_bytes=1500)
    assert (found.from_age, found.to_age) == (begin, end)
    mind = open_mind(run.checkpoints[1.0])
    assert list(found.weights) == [name for name, parts in mind.parts.items() if "mlp" in parts]
    assert found.weights
    passages = held_out_by_kind(
        Corpus.open(run.sources["corpus"]), load_tokenizer(run.checkpoints[1.0]), 1500
    )
    as_it_is = bits_per_byte(mind, passages)
    before, after, last = (
        load_file(run.checkpoints[age] / "model.safetensors") for age in (begin, end, 1.0)
    )
    learnt = [name for name in last if not before[name].equal(after[name])]
    folder = shutil.copytree(run.checkpoints[1.0], tmp_path / "put back")
    weights = last | {name: before[name] for name in learnt}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    put_back = bits_per_byte(open_mind(folder), passages)
    rows = {row["kind"]: row for row in found.by_kind.iter_rows(named=True)}
    assert list(rows) == list(as_it_is)
    for kind, row in rows.items():
        assert row["bits_per_byte"] == as_it_is[kind]
        assert row["effect"] == pytest.approx(put_back[kind] - as_it_is[kind], abs=1e-9)
        assert abs(row["effect"]) > 1e-4
        assert row["share_below"] in np.arange(6) / 5
        assert row["random_sd"] > 0
    again = ablate(run, begin, num_random=5, held_out_bytes=1500)
    assert again.by_kind.equals(found.by_kind)


@pytest.mark.parametrize(
    ("num_rows", "begin", "end"),
    [
        pytest.param(21, "0.2381", "0.4762", id="the border before the age that is kept"),
        pytest.param(23, "0.2609", "0.5217", id="the border after it"),
    ],
)
def test_a_stretch_is_called_by_the_age_that_was_said(
    home: Path, upbringing: Command, num_rows: int, begin: str, end: str
) -> None:
    """0.25 and 0.5 are kept beside the borders of rows; what lies between learnt all, or none."""
    run = taught_in(home, f"of {num_rows} rows", num_rows)
    assert {0.25, float(begin), 0.5, float(end)} <= run.checkpoints.keys()
    for age in ("0.25", begin):
        said = upbringing("ablate", run.path, age, "--random", "2")
        assert said.code == 0, said.err
        first = f"4 weights that learnt from age {begin} to {end}, put back to what they were"
        assert said.lines[0] == f"{first}, beside 2 random"


def test_a_kept_age_at_which_no_stretch_begins_is_refused(home: Path, upbringing: Command) -> None:
    run = taught_in(home, "of 40 rows", 40)
    for age in ("0.3", "0.4", "0.27", "1"):
        said = upbringing("ablate", run.path, age)
        assert said.code == 2
        assert f"no stretch begins at age {age}\n    allowed: 0, 0.25, 0.5\n" in said.err


def test_what_cannot_be_put_back(taught: Run, home: Path) -> None:
    with pytest.raises(InputError, match="every weight learnt from age 0 on"):
        ablate(taught, 0.0)
    with pytest.raises(InputError, match="whole mind: all parts of this mind learnt all its life"):
        ablate(raised(home, home / "whole mind", ages=(1.0,)), 0.0)
    of = Timeline.of_stretches({0.0: Levers(loss_scale=0), 0.5: Levers(modules=["mlp"])}, 4)
    with pytest.raises(InputError, match="no weight learnt from age 0 on"):
        ablate(raised(home, home / "ablated, deaf", timeline=of, batch_size=4), 0.0)


def test_a_stretch_that_a_life_did_not_end_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        lose_the_loss(patch, "ablated, diverged", at_step=15)
        run = taught_in(home, "diverged", 40)
    assert run.diverged_at == 15
    with pytest.raises(InputError, match=r"diverged before age 0\.5, at which that stretch ends"):
        ablate(run, 0.25)
