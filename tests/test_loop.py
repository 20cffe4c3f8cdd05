from __future__ import annotations

from pathlib import Path

import pytest
import torch
from command import Command
from lives import raised, recipe_of, rows_of
from safetensors.torch import load_file

from upbringing.errors import ArtefactError, VerificationError
from upbringing.files import folder_digest
from upbringing.order import Levers
from upbringing.training import Decoder, Ledger, Numerics, Recipe, Run, Segment, Timeline
from upbringing.training.feed import Batch, Feed


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    return raised(home, home / "whole")


def weights_of(run: Run, age: float = 1.0) -> dict[str, torch.Tensor]:
    return load_file(run.checkpoints[age] / "model.safetensors")


def test_a_run_keeps_its_checkpoints_metrics_and_ledger(run: Run) -> None:
    steps = run.recipe.steps
    assert list(run.checkpoints) == [0.2, 0.5, 1.0]
    assert not (run.path / "resume").exists()
    assert run.diverged_at is None
    metrics = run.metrics
    assert metrics.columns == ["step", "age", "loss", "grad_norm", "lr"]
    assert metrics["step"].to_list() == list(range(len(steps)))
    assert metrics["age"].to_list() == steps.age.tolist()
    assert metrics["lr"].to_list() == steps.lr.tolist()
    assert metrics["loss"][0] == pytest.approx(5.7, abs=0.1)  # ln 300: it knows nothing yet
    assert metrics["loss"][-1] < metrics["loss"][0] - 0.5
    assert run.verify() == Ledger.open(run.path / "ledger.parquet").digest


def test_the_same_life_twice_is_the_same_bits(home: Path, run: Run) -> None:
    again = raised(home, home / "twice")
    assert again.digest == run.digest
    other = raised(home, home / "other seed", seed=2)
    assert other.verify() == run.verify()
    assert other.digest != run.digest


def test_one_step_is_adamw_on_the_mean_of_the_batch(home: Path) -> None:
    rows = rows_of(home)
    run = raised(
        home,
        home / "one step",
        num_rows=3,
        ages=(1.0,),
        clip_norm=1e9,
        batch_size=3,
        timeline=Timeline((Segment(0.0, Levers(batch_size=3, lr_scale=0.5)),)),
    )
    model = Decoder(run.recipe.shape, row_length=rows.row_length, seed=1)
    matrices = [weight for weight in model.parameters() if weight.ndim == 2]
    norms = [weight for weight in model.parameters() if weight.ndim != 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}],
        lr=1e-2 * 0.5,
        betas=(0.9, 0.95),
    )
    tokens_BT1, _ = rows.gather(0, 3)
    model.losses(torch.from_numpy(tokens_BT1.astype("i8"))).mean().backward()
    optimizer.step()
    assert torch.allclose(weights_of(run)["model.embed_tokens.weight"], model.embed, atol=1e-6)
    gradient = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm()
    assert run.metrics["grad_norm"][0] == pytest.approx(float(gradient), rel=1e-4)


def test_padding_teaches_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is not full weighs its tokens as a full one does, whatever the padding says."""
    first = raised(home, home / "padded", num_rows=2, timeline=Timeline.uniform(6), ages=(1.0,))
    whole = Feed.batch

    def other_padding(feed: Feed, *of: int) -> Batch:
        batch = whole(feed, *of)
        batch.tokens_BT1[batch.num_rows :] = 77
        return batch

    monkeypatch.setattr(Feed, "batch", other_padding)
    other = raised(home, home / "padded too", num_rows=2, timeline=Timeline.uniform(6), ages=(1.0,))
    for name, weight in weights_of(first).items():
        assert torch.allclose(weight, weights_of(other)[name], atol=1e-7), name


def test_ages_that_end_in_one_step_are_all_kept(home: Path) -> None:
    run = raised(home, home / "short", num_rows=6, ages=(0.1, 0.2, 0.3, 1.0))
    assert list(run.checkpoints) == [0.1, 0.2, 0.3, 1.0]


def test_a_run_goes_on_from_its_parent(home: Path, run: Run) -> None:
    begin = run.checkpoints[1.0]
    child = raised(
        home,
        home / "child",
        parent=begin,
        starts_from=folder_digest(begin),
        num_rows=7,
        ages=(1.0,),
        peak_lr=0.0,
        weight_decay=0.0,
    )
    for name, weight in weights_of(run).items():
        assert weight.equal(weights_of(child)[name])
    with pytest.raises(ArtefactError, match="is not what the life starts from"):
        raised(home, home / "other child", parent=begin, starts_from="another's")


def test_bf16_reads_the_same_rows(home: Path, run: Run) -> None:
    other = raised(home, home / "bf16", numerics=Numerics("bf16"))
    assert other.verify() == run.verify()
    assert other.metrics["loss"][-1] == pytest.approx(run.metrics["loss"][-1], abs=0.1)
    assert weights_of(other)["model.embed_tokens.weight"].dtype == torch.float32


def test_a_device_without_double_precision_is_asked_for_none(
    home: Path, upbringing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    order, corpus = home / "order", home / "corpus"
    on_mps = ("--device", "mps", "--precision", "fp64", "--tokenizer", home / "tokenizer.json")
    said = upbringing("train", order, "--corpus", corpus, "-o", "mind", *on_mps)
    assert said.code == 2
    assert said.err == "error: fp64 on mps\n    allowed: bf16, fp32\n    or take the device cpu\n"
    assert not Path("mind").exists()


def test_a_recipe_comes_back_from_json(run: Run, home: Path) -> None:
    recipe = recipe_of(rows_of(home))
    assert run.recipe == recipe
    assert Recipe.from_json(recipe.as_json()) == recipe
    assert Recipe.from_json(recipe.as_json()).digest == recipe.digest
    assert recipe_of(rows_of(home), seed=2).digest != recipe.digest


def test_a_life_that_diverges_ends_and_can_be_verified(home: Path) -> None:
    run = raised(home, home / "diverged", peak_lr=1e30)
    assert run.diverged_at is not None
    assert 0 < run.diverged_at < len(run.recipe.steps) - 1
    assert run.metrics.height == run.diverged_at + 1
    assert run.verify() == run.manifest.facts["ledger"]
    assert Run.open(run.path).diverged_at == run.diverged_at


def test_a_mind_born_with_nan_diverges_before_its_first_checkpoint(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(model: Decoder, seed: int) -> None:
        with torch.no_grad():
            model.embed.fill_(float("nan"))

    monkeypatch.setattr(Decoder, "_draw_weights", spoil)
    run = raised(home, home / "nan")
    assert (run.diverged_at, run.checkpoints) == (0, {})
    assert run.verify() == run.manifest.facts["ledger"]


def test_a_feed_that_swaps_two_rows_is_found_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Feed.batch

    def swapped(feed: Feed, step: int, *piece: int) -> Batch:
        batch = whole(feed, step, *piece)
        if step == 4:
            batch.tokens_BT1[:2] = batch.tokens_BT1[:2].flip(0)
        return batch

    monkeypatch.setattr(Feed, "batch", swapped)
    with pytest.raises(VerificationError, match=r"step 4, row 12: expected scene.*found row 13"):
        raised(home, home / "swapped")
    assert not (home / "swapped" / "run.json").exists()
