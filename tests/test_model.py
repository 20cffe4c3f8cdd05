from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.training import SHAPES, Decoder, Shape, shape_named
from upbringing.training.attention import attend

SHAPE = Shape(16, 2, 2, 24, num_vocab=50, peak_lr=1e-2)
T = 12


def mind(seed: int = 3) -> Decoder:
    return Decoder(SHAPE, row_length=T, seed=seed)


def tokens_of(seed: int, batch: int = 2, length: int = T) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 50, (batch, length)))


@pytest.mark.parametrize(("name", "millions"), [("300k", 0.3), ("1m", 1.05), ("124m", 124)])
def test_shapes_have_the_size_that_they_are_called_by(name: str, millions: float) -> None:
    assert shape_named(name).num_parameters == pytest.approx(millions * 1e6, rel=0.08)


def test_parameters_are_counted() -> None:
    assert sum(weight.numel() for weight in mind().parameters()) == SHAPE.num_parameters
    with pytest.raises(InputError, match="allowed: 300k"):
        shape_named("7b")
    assert all(shape.width % shape.num_heads == 0 for shape in SHAPES.values())


def test_weights_are_of_the_seed_and_their_name_alone() -> None:
    weights = dict(mind().named_parameters())
    draw = generator(3, "weights", "layers.1.down").standard_normal((16, 24), dtype="f4")
    assert weights["layers.1.down"].detach().numpy() == pytest.approx(draw * 0.02 / 2)
    assert weights["embed"].equal(mind().embed)
    assert not weights["embed"].equal(mind(seed=4).embed)
    deeper = Decoder(Shape(16, 3, 2, 24, 50, 0.0), row_length=T, seed=3)
    assert weights["layers.1.qkv"].equal(dict(deeper.named_parameters())["layers.1.qkv"])


@hypothesis_settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, T - 1))
def test_no_token_sees_what_comes_after_it(seed: int, cut: int) -> None:
    whole, other = tokens_of(seed), tokens_of(seed + 1)
    other[:, :cut] = whole[:, :cut]
    model = mind()
    with torch.no_grad():
        ours, theirs = model.logits(whole), model.logits(other)
    assert torch.allclose(ours[:, :cut], theirs[:, :cut], atol=1e-6)


def test_attention_is_that_of_the_library() -> None:
    from upbringing.training.feed import visible

    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, T, 8)
    library = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(attend(q, k, v, None), library, atol=1e-5)
    sees_BTT = visible(torch.tensor([[*range(5), *range(7)], [0, *range(T - 1)]]))
    library = F.scaled_dot_product_attention(q, k, v, attn_mask=sees_BTT[:, None])
    assert torch.allclose(attend(q, k, v, sees_BTT), library, atol=1e-5)


def test_text_read_with_a_memory_has_the_logits_of_the_whole() -> None:
    model, tokens_BT = mind(), tokens_of(5, batch=3)
    memory = model.new_memory()
    with torch.no_grad():
        whole_BTV = model.logits(tokens_BT)
        for position in range(T):
            next_BV = model.next_logits(tokens_BT[:, position], memory)
            assert torch.allclose(next_BV, whole_BTV[:, position], atol=1e-6)


def test_losses_are_the_surprisal_of_each_next_token() -> None:
    model, tokens_BT1 = mind(), tokens_of(1, length=T + 1)
    with torch.no_grad():
        losses_BT = model.losses(tokens_BT1)
        probability_BTV = model.logits(tokens_BT1[:, :-1]).softmax(-1)
    for b in range(2):
        for t in range(T):
            p = probability_BTV[b, t, tokens_BT1[b, t + 1]]
            assert float(losses_BT[b, t]) == pytest.approx(-float(p.log()), abs=1e-5)
