"""An adapter learns in place of the weights, and joins them without a change of mind."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from upbringing.corpus import Tokens
from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.training import Decoder, Mind, Shape, open_mind
from upbringing.training.adopted import Adopted
from upbringing.training.checkpoint import restore, write_checkpoint, write_state
from upbringing.training.lora import attach, check_adapter, merge, merged
from upbringing.training.parts import weights_of

NUM_VOCAB, T = 300, 12
SMALL = {
    "vocab_size": NUM_VOCAB,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 32,
}


def ours() -> Mind:
    return Decoder(Shape(16, 2, 2, 24, NUM_VOCAB, 0.0), row_length=32, seed=3)


def of_library(name: str, **said: object) -> Mind:
    torch.manual_seed(2)
    config = getattr(transformers, name)(**said, bos_token_id=0, eos_token_id=0)
    return Adopted(AutoModelForCausalLM.from_config(config), row_length=32)


def gpt2() -> Mind:
    return of_library("GPT2Config", vocab_size=NUM_VOCAB, n_embd=16, n_layer=2, n_head=2)


MINDS: dict[str, Callable[[], Mind]] = {
    "ours": ours,
    "llama": lambda: of_library("LlamaConfig", **SMALL, num_key_value_heads=1),
    "gpt2": gpt2,
    "gpt_neox": lambda: of_library("GPTNeoXConfig", **SMALL),
    "mixtral": lambda: of_library(
        "MixtralConfig", **SMALL, num_key_value_heads=1, num_local_experts=3
    ),
}
EVERY = pytest.mark.parametrize("kind", MINDS)


def tokens_of(seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, NUM_VOCAB, (3, T + 1)))


def adapted(kind: str, *patterns: str, seed: int = 5) -> Mind:
    mind = MINDS[kind]()
    targets = weights_of(patterns or ("attention", "mlp"), mind.parts)
    attach(mind, rank=3, alpha=6, targets=targets, seed=seed)
    return mind


def optimizer_of(mind: Mind) -> torch.optim.AdamW:
    return torch.optim.AdamW([w for w in mind.parameters() if w.requires_grad], lr=0.02)


def learn(mind: Mind, optimizer: torch.optim.Optimizer, steps: range) -> list[float]:
    losses = []
    for step in steps:
        loss = mind.losses(tokens_of(step)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([w for w in mind.parameters() if w.grad is not None], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def weights_in(mind: Mind) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in mind.named_parameters()}


@EVERY
def test_an_adapter_is_nothing_until_it_has_learnt(kind: str) -> None:
    mind = adapted(kind)
    with torch.no_grad():
        assert mind.losses(tokens_of(0)).equal(MINDS[kind]().losses(tokens_of(0)))


@EVERY
def test_only_the_adapter_learns_and_all_of_it_does(kind: str) -> None:
    mind, plain = adapted(kind), weights_in(MINDS[kind]())
    before = weights_in(mind)
    losses = learn(mind, optimizer_of(mind), range(8))
    after = weights_in(mind)
    moved = {name for name in before if not after[name].equal(before[name])}
    assert moved == {name for name in before if name.endswith((".lora_A", ".lora_B"))}
    assert set(before) - moved == set(plain)
    assert all(after[name].equal(plain[name]) for name in plain)
    assert len(set(losses)) == 8


@EVERY
def test_what_is_merged_is_the_mind_with_its_adapter(kind: str) -> None:
    mind = adapted(kind)
    plain = MINDS[kind]()
    learn(mind, optimizer_of(mind), range(8))
    with torch.no_grad():
        together = mind.losses(tokens_of(9))
        merge(mind)
        assert torch.allclose(mind.losses(tokens_of(9)), together, atol=1e-5)
        assert (plain.losses(tokens_of(9)) - together).abs().max() > 1e-3
    assert [name for name, _ in mind.named_parameters()] == [n for n, _ in plain.named_parameters()]
    assert all(weight.requires_grad for weight in mind.parameters())
    assert type(mind.body) is type(plain.body)
    assert [type(module) for module in mind.modules()] == [type(m) for m in plain.modules()]


def test_the_weights_merged_are_those_of_the_formula() -> None:
    mind = adapted("ours", "layers.1")
    learn(mind, optimizer_of(mind), range(5))
    attached = weights_in(mind)
    merge(mind)
    for name, weight in mind.named_parameters():
        expected = attached[name]
        if f"{name}.lora_A" in attached:
            expected = expected + 6 / 3 * attached[f"{name}.lora_B"] @ attached[f"{name}.lora_A"]
        assert torch.allclose(weight, expected, atol=1e-6), name
    with_adapter = [n.removesuffix(".lora_A") for n in attached if n.endswith(".lora_A")]
    assert sorted(with_adapter) == [f"layers.1.{n}" for n in ("down", "gate_up", "out", "qkv")]


@EVERY
def test_it_is_drawn_from_the_seed_the_turn_and_the_name_alone(kind: str) -> None:
    torch.manual_seed(1)
    stream = torch.get_rng_state()
    mind = MINDS[kind]()
    targets = weights_of(("mlp",), mind.parts)
    torch.set_rng_state(stream)
    attach(mind, rank=3, alpha=6, targets=targets, seed=5)
    assert torch.get_rng_state().equal(stream)
    one, more, other = (
        weights_in(mind),
        weights_in(adapted(kind)),
        weights_in(adapted(kind, seed=6)),
    )
    merge(mind)
    attach(mind, rank=3, alpha=6, targets=targets, seed=5, turn=1)
    second = weights_in(mind)
    drawn = [name for name in one if name.endswith(".lora_A")]
    assert drawn
    for name in drawn:
        assert one[name].equal(more[name])
        assert not one[name].equal(other[name])
        assert not one[name].equal(second[name])
        draw = generator(5, "adapter", f"0/{name}").random(one[name].shape, dtype="f4")
        assert one[name].numpy() == pytest.approx((2 * draw - 1) / math.sqrt(one[name].shape[1]))
    assert not any(one[name].any() for name in one if name.endswith(".lora_B"))


@EVERY
def test_a_phase_that_was_broken_off_goes_on_to_the_bit(kind: str, tmp_path: Path) -> None:
    whole = adapted(kind)
    optimizer = optimizer_of(whole)
    losses = learn(whole, optimizer, range(3))
    write_state(tmp_path, whole, optimizer)
    losses += learn(whole, optimizer, range(3, 6))
    again = adapted(kind)
    optimizer = optimizer_of(again)
    restore(tmp_path, again, optimizer)
    assert learn(again, optimizer, range(3, 6)) == losses[3:]
    for mind in (whole, again):  # and after it, with all that it is
        merge(mind)
    assert learn(whole, optimizer_of(whole), range(3)) == learn(
        again, optimizer_of(again), range(3)
    )


def test_what_follows_a_phase_is_to_the_bit_what_follows_a_fresh_mind(
    tmp_path: Path, tokens: Tokens
) -> None:
    """The weights stand in their order again, so their gradients add up to the same norm."""
    mind = adapted("ours")
    learn(mind, optimizer_of(mind), range(4))
    merge(mind)
    write_checkpoint(tmp_path / "mind", mind, tokens.tokenizer)
    fresh = open_mind(tmp_path / "mind")
    assert learn(fresh, optimizer_of(fresh), range(4)) == learn(mind, optimizer_of(mind), range(4))
    assert all(w.equal(weights_in(mind)[name]) for name, w in weights_in(fresh).items())


@EVERY
def test_a_checkpoint_in_the_middle_of_a_phase_is_stock(
    kind: str, tmp_path: Path, tokens: Tokens
) -> None:
    mind = adapted(kind)
    optimizer = optimizer_of(mind)
    learn(mind, optimizer, range(4))
    before = weights_in(mind)
    write_checkpoint(tmp_path / "mind", mind, tokens.tokenizer)
    assert all(weight.equal(before[name]) for name, weight in weights_in(mind).items())
    assert not any("lora" in name for name in load_file(tmp_path / "mind" / "model.safetensors"))
    with torch.no_grad():
        kept = open_mind(tmp_path / "mind").losses(tokens_of(7))
        assert torch.allclose(kept, mind.losses(tokens_of(7)), atol=1e-5)
    undisturbed = adapted(kind)
    its_own = optimizer_of(undisturbed)
    learn(undisturbed, its_own, range(4))
    assert learn(mind, optimizer, range(4, 7)) == learn(undisturbed, its_own, range(4, 7))


def test_two_phases_follow_one_another() -> None:
    mind = adapted("ours")
    learn(mind, optimizer_of(mind), range(3))
    merge(mind)
    attach(mind, rank=2, alpha=2, targets=weights_of(("attention",), mind.parts), seed=8)
    names = [name for name, weight in mind.named_parameters() if weight.requires_grad]
    assert {name.rsplit(".", 1)[0] for name in names} == {
        f"layers.{n}.{weight}" for n in (0, 1) for weight in ("qkv", "out")
    }


def test_a_frozen_weight_stays_frozen_after_the_phase() -> None:
    mind = ours()
    mind.get_parameter("embed").requires_grad_(False)
    attach(mind, rank=2, alpha=2, targets=["layers.0.qkv"], seed=0)
    merge(mind)
    assert [name for name, weight in mind.named_parameters() if not weight.requires_grad] == [
        "embed"
    ]


def test_without_peft_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'upbringing\[lora\]'"):
        check_adapter(ours(), rank=1, alpha=1, targets=["layers.0.qkv"])


def test_without_an_adapter_a_mind_is_merged_already() -> None:
    mind = ours()
    assert merged(mind) is mind
    with pytest.raises(InputError, match="no adapter is attached"):
        merge(mind)


def test_what_cannot_be_adapted_is_refused_all_at_once() -> None:
    mind = gpt2()
    with pytest.raises(InputError) as caught:
        attach(mind, rank=0, alpha=1, targets=["transformer.wte.weight", "wte"], seed=0)
    what = [problem.what for problem in caught.value.problems]
    assert what == [
        "rank is 0",
        "no weight is called 'wte'",
        "none of 2 weights named is a matrix of a layer",
    ]
    ends = weights_of(("embed", "head", "norms"), mind.parts)
    with pytest.raises(InputError, match="weights named is a matrix of a layer"):
        check_adapter(mind, rank=1, alpha=1, targets=ends)
    assert mind.adapter is None
    attach(mind, rank=1, alpha=1, targets=mind.parts, seed=0)
    with pytest.raises(InputError, match="an adapter is attached already"):
        attach(mind, rank=1, alpha=1, targets=mind.parts, seed=0)
