"""What each lever does to a mind: its mechanism, seen in weights, losses and rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lives import TINY, raised, recipe_of, rows_of
from safetensors.torch import load_file
from torch import Tensor, nn

from upbringing.errors import InputError
from upbringing.order import NO_LEVERS, Levers
from upbringing.training import Decoder, Ledger, Priority, Run, Segment, Timeline
from upbringing.training.feed import Feed
from upbringing.training.levers import plan_steps
from upbringing.training.optimizer import Optimizer, check_levers

BATCH = 4


def timeline(**levers: object) -> Timeline:
    """Half a life as it is, then half a life under these levers."""
    return Timeline.of_stretches({0.0: NO_LEVERS, 0.5: Levers(**levers)}, BATCH)


def raised_under(home: Path, name: str, of: Timeline, **options: object) -> Run:
    return raised(home, home / name, timeline=of, batch_size=BATCH, ages=(0.5, 1.0), **options)


def weights_of(run: Run, age: float = 1.0) -> dict[str, Tensor]:
    return load_file(run.checkpoints[age] / "model.safetensors")


def has_moved(run: Run) -> dict[str, bool]:
    """Which weights the second half of life has changed, by one bit or more."""
    before, after = weights_of(run, 0.5), weights_of(run, 1.0)
    return {name: not before[name].equal(after[name]) for name in before}


@pytest.mark.parametrize(
    ("modules", "learn"),
    [
        (["attention"], ["q_proj", "k_proj", "v_proj", "o_proj"]),
        (["mlp"], ["gate_proj", "up_proj", "down_proj"]),
        (["norms"], ["norm"]),
        (["embed", "head"], ["embed_tokens"]),
        (["layers.1"], [".1."]),
        (["layers.1-"], [".1."]),
        (["*.qkv"], ["q_proj", "k_proj", "v_proj"]),
        ({"layers.0": 0}, [".1.", "embed_tokens", "model.norm"]),
    ],
)
def test_what_is_frozen_does_not_move_by_one_bit(
    home: Path, modules: object, learn: list[str]
) -> None:
    run = raised_under(home, f"frozen {modules}", timeline(modules=modules))
    for name, moved in has_moved(run).items():
        assert moved == any(part in name for part in learn), name
    late = run.changes.filter(from_age=0.5)
    assert dict(late.select("weight", moved=late["change"] > 0).iter_rows()) == has_moved(run)


def test_a_rate_of_a_part_is_a_factor_on_its_step(home: Path) -> None:
    """Of one step after fresh moments, AdamW's length is the rate."""
    rows = rows_of(home)
    half = rows.num_rows // 2
    moved = {}
    for rate in (1.0, 0.25):
        of = Timeline.of_stretches(
            {0.0: NO_LEVERS, half / (half + 1): Levers(modules={"mlp": rate}, moments="anew")}, 1
        )
        run = raised(
            home, home / f"rate {rate}", timeline=of, batch_size=1, num_rows=half + 1,
            ages=(1.0,), weight_decay=0.0, schedule="constant",
        )  # fmt: skip
        ages = sorted(run.checkpoints)
        before, after = weights_of(run, ages[-2]), weights_of(run, ages[-1])
        moved[rate] = {name: (after[name] - before[name]).norm() for name in after}
    for name, far in moved[1.0].items():
        share = 0.25 if "mlp" in name and "norm" not in name else 1.0
        assert float(moved[0.25][name] / far) == pytest.approx(share, rel=1e-3), name


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        (["embed"], "'embed' is named and 'head' is not"),
        ({"head": 0.5, "embed": 1}, "both are one weight"),
        (["layers.7"], "no weight is matched by 'layers.7'\n    allowed: .*layers.0 to layers.1"),
        (["lm_head.weight"], "no weight is matched by 'lm_head.weight'"),
        ({"*": 0}, "no part of the mind learns"),
    ],
)
def test_parts_that_are_not_there_are_refused(home: Path, modules: object, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        raised_under(home, f"refused {modules}", timeline(modules=modules))
    assert not (home / f"refused {modules}").exists()


def test_a_loss_of_zero_equals_absence(home: Path) -> None:
    """Neither weights nor moments know that the stretch was read; the ledger does."""
    run = raised_under(home, "not heard", timeline(loss_scale=0))
    assert not any(has_moved(run).values())
    assert run.verify()
    rows = rows_of(home)
    half = round(0.5 * rows.num_rows)
    short = raised(
        home, home / "half", timeline=Timeline.uniform(BATCH), batch_size=BATCH, num_rows=half,
        ages=(1.0,), schedule="constant", warmup_share=0.0,
    )  # fmt: skip
    whole = raised_under(
        home, "not heard, constant", timeline(loss_scale=0), schedule="constant", warmup_share=0.0
    )
    for name, weight in weights_of(short).items():
        assert weight.equal(weights_of(whole)[name]), name


def test_a_factor_on_the_loss_of_a_kind_is_one_on_its_targets(home: Path) -> None:
    rows = rows_of(home)
    steps = recipe_of(rows).steps
    plain, scaled = Feed(rows, steps), Feed(rows, steps, {"drama": 0.25, "chat": 3.0})
    kinds = rows.order.corpus.columns(["kind"])["kind"].to_list()
    visits = np.searchsorted(rows.starts, np.arange(1, rows.num_tokens), "right") - 1
    factor = {"drama": 0.25, "chat": 3.0}
    due = [factor.get(kinds[rows.order.sequence[visit]], 1.0) for visit in visits]
    found: list[float] = []
    for step in range(len(steps)):
        batch = scaled.batch(step)
        assert batch.scales_BT is not None
        assert batch.tokens_BT1.equal(plain.batch(step).tokens_BT1)
        found += batch.scales_BT[batch.weights_BT != 0].tolist()
    assert found[:-1] == due  # the last target ends the stream
    run = raised(home, home / "one kind unheard", loss_by_kind={"drama": 0.0})
    assert run.verify() == raised(home, home / "all heard").verify()


def test_a_batch_size_keeps_the_sequence_of_rows(home: Path) -> None:
    consumed = []
    for name, of in (("even", Timeline.uniform(BATCH)), ("uneven", timeline(batch_size=7))):
        run = raised_under(home, name, of)
        consumed.append(np.concatenate(Ledger.open(run.path / "ledger.parquet").rows).tolist())
    assert consumed[0] == consumed[1]


def test_a_priority_on_the_rate_is_the_rate(home: Path) -> None:
    same = {"timeline": Timeline.uniform(BATCH), "batch_size": BATCH}
    by_priority = raised(
        home, home / "priority", schedule="constant", priority=Priority({0: 1, 1: 0}), **same
    )
    by_schedule = raised(home, home / "schedule", schedule={0: 1, 1: 0}, **same)
    for name, weight in weights_of(by_schedule).items():
        assert weight.equal(weights_of(by_priority)[name]), name


class Pair(nn.Module):
    """Two matrices that learn, or not: all that the optimiser asks of a mind."""

    adapter = None

    def __init__(self) -> None:
        super().__init__()
        self.parts = {"first": (), "second": ()}
        draw = torch.Generator().manual_seed(0)
        self.first = nn.Parameter(torch.randn(3, 4, generator=draw, dtype=torch.float64))
        self.second = nn.Parameter(torch.randn(2, 3, generator=draw, dtype=torch.float64))


def test_adamw_with_batches_that_change_is_the_formula_written_out() -> None:
    """Bias corrections are 1 − Π β over the steps that a weight has taken since it began anew."""
    of = Timeline.of_stretches(
        {
            0.0: NO_LEVERS,
            0.2: Levers(batch_size=1, modules={"*second": 0}),
            0.4: Levers(batch_size=8, modules={"*first": 0.5}),
            0.7: Levers(batch_size=2, moments="anew"),
        },
        4,
    )
    steps = plan_steps(
        100, of, schedule="linear", peak_lr=0.1, warmup_share=0.1, beta2=0.9, batch_size=4,
        batch_rule="sqrt",
    )  # fmt: skip
    pair = Pair()
    optimizer = Optimizer(pair, steps, of, weight_decay=0.3, beta1=0.8, seed=0)
    weights = {name: weight.detach().numpy().copy() for name, weight in pair.named_parameters()}
    blank = {name: (np.zeros_like(w), np.zeros_like(w), 1.0, 1.0) for name, w in weights.items()}
    moments = dict(blank)
    rates = [(1, 1), (1, 0), (0.5, 1), (1, 1)]
    rng = np.random.default_rng(0)
    for step in range(len(steps)):
        optimizer.begin(step)
        segment = steps.segment[step]
        if segment == 3 and steps.segment[step - 1] == 2:
            moments = dict(blank)
        lr, beta2 = steps.lr[step], steps.beta2[step]
        for (name, weight), rate in zip(pair.named_parameters(), rates[segment], strict=True):
            gradient = rng.standard_normal(weights[name].shape)
            assert weight.requires_grad == (rate > 0)
            if not rate:
                continue
            weight.grad = torch.from_numpy(gradient)
            m, v, left1, left2 = moments[name]
            m = 0.8 * m + 0.2 * gradient
            v = beta2 * v + (1 - beta2) * gradient**2
            left1, left2 = left1 * 0.8, left2 * beta2
            moments[name] = m, v, left1, left2
            change = m / (1 - left1) / (np.sqrt(v / (1 - left2)) + 1e-8)
            weights[name] = weights[name] * (1 - lr * rate * 0.3) - lr * rate * change
        optimizer.step(step)
        for name, weight in pair.named_parameters():
            assert weight.detach().numpy() == pytest.approx(weights[name], rel=1e-5, abs=1e-7), step


def test_an_untied_mind_teaches_its_head_alone(home: Path) -> None:
    shape = replace(recipe_of(rows_of(home)).shape, tied=False)
    run = raised_under(home, "untied", timeline(modules=["head"]), shape=shape)
    assert [name for name, moved in has_moved(run).items() if moved] == ["lm_head.weight"]
    assert run.recipe.shape.num_parameters == sum(
        weight.numel() for weight in Decoder(shape, row_length=8, seed=0).parameters()
    )


def test_an_adapter_learns_in_place_of_the_weights_and_joins_them(home: Path) -> None:
    lora = {"rank": 2, "modules": ["attention"]}
    run = raised_under(home, "adapted", timeline(lora=lora))
    for name, moved in has_moved(run).items():
        assert moved == ("self_attn" in name), name
    for name, weight in weights_of(run, 0.5).items():
        if "self_attn" in name:
            change = weights_of(run)[name] - weight
            assert torch.linalg.matrix_rank(change, rtol=1e-4) <= 2, name


def test_an_adapter_learns_on_over_a_border_of_other_levers(home: Path) -> None:
    """A life cut in two by a lever that changes nothing comes to the same bits."""
    lora = Levers(batch_size=BATCH, lora={"rank": 2})
    whole, cut = (
        raised(
            home, home / f"adapted, {len(ages)} stretches", batch_size=BATCH, num_rows=10 * BATCH,
            ages=(1.0,), timeline=Timeline(tuple(Segment(age, lora) for age in ages)),
        )
        for ages in ([0.0], [0.0, 0.5])
    )  # fmt: skip
    assert list(cut.checkpoints) == [0.0, 0.5, 1.0]
    for name, weight in weights_of(whole).items():
        assert weight.equal(weights_of(cut)[name]), name


def test_an_adapter_begins_anew_with_the_moments_or_with_another_rank() -> None:
    of = Timeline.of_stretches(
        {
            0.0: Levers(lora={"rank": 2}),
            0.2: Levers(lora={"rank": 2}, lr_scale=0.5),
            0.4: Levers(lora={"rank": 2}, moments="anew"),
            0.6: Levers(lora={"rank": 1}),
            0.8: NO_LEVERS,
        },
        1,
    )
    steps = plan_steps(10, of, schedule="constant", peak_lr=1e-2, warmup_share=0)
    mind = Decoder(replace(TINY, num_vocab=50), row_length=8, seed=0)
    optimizer = Optimizer(mind, steps, of, weight_decay=0.1, beta1=0.9, seed=0)
    learnt, begun = [], []
    for step in range(10):
        optimizer.begin(step)
        weights = dict(mind.named_parameters())
        b = weights.get("layers.0.qkv.lora_B")
        if b is not None and not b.any():
            begun.append(weights["layers.0.qkv.lora_A"].detach().clone())
        learnt.append(None if b is None else (b.shape[1], bool(b.any())))
        mind.losses(torch.arange(18).view(2, 9) + step).mean().backward()
        optimizer.step(step)
        assert set(optimizer.adam.state) <= set(mind.parameters())
    anew, on = (2, False), (2, True)
    assert learnt == [anew, on, on, on, anew, on, (1, False), (1, True), None, None]
    first, second, _ = begun
    assert not first.equal(second)


def test_all_that_a_mind_cannot_have_is_told_at_once() -> None:
    of = Timeline.of_stretches(
        {
            0.0: Levers(modules=["layers.7"]),
            0.3: Levers(lora={"rank": 2, "modules": ["norms"]}),
            0.6: Levers(modules=["layers.7"], lr_scale=0.5),
        },
        BATCH,
    )
    with pytest.raises(InputError) as caught:
        check_levers(Decoder(replace(TINY, num_vocab=50), row_length=8, seed=0), of)
    assert [problem.what for problem in caught.value.problems] == [
        "no weight is matched by 'layers.7'",
        "none of 5 weights named is a matrix of a layer",
    ]


def test_an_adapter_that_cannot_be_is_refused_before_the_first_step(home: Path) -> None:
    with pytest.raises(InputError, match="is a matrix of a layer"):
        raised_under(home, "not adapted", timeline(lora={"rank": 2, "modules": ["norms"]}))
    assert not (home / "not adapted").exists()
