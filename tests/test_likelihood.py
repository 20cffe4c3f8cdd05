"""Bits: equal to a naive computation one token at a time, whatever the batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from minds import NUM_BYTES, TableMind, byte_tokenizer, random_table

from upbringing.character import likelihood
from upbringing.character.likelihood import Passage, bits, passage
from upbringing.training import Decoder, Shape

ROW_LENGTH = 8
SHAPE = Shape(16, 2, 2, 24, num_vocab=40, peak_lr=1e-3)


@pytest.fixture(scope="module")
def mind() -> Decoder:
    model = Decoder(SHAPE, row_length=ROW_LENGTH, seed=3)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(12)  # far from uniform
    return model


def naive_bits(model: Decoder, p: Passage) -> float:
    """One token at a time: a window of the row length begins every row length, nothing padded."""
    total = 0.0
    for target in range(p.num_given, len(p.ids)):
        start = (target - 1) // ROW_LENGTH * ROW_LENGTH
        with torch.inference_mode():
            logits_V = model.logits(torch.tensor([p.ids[start:target]]))[0, -1].double()
        total -= float(logits_V.log_softmax(-1)[p.ids[target]]) / math.log(2)
    return total


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 39), min_size=1, max_size=30), st.integers(1, 12)),
        min_size=1,
        max_size=6,
    )
)
def test_bits_are_those_of_one_token_at_a_time(
    mind: Decoder, asked: list[tuple[list[int], int]]
) -> None:
    passages = [Passage((0, *ids), min(given, len(ids) + 1), 1) for ids, given in asked]
    expected = [naive_bits(mind, p) for p in passages]
    np.testing.assert_allclose(bits(mind, passages), expected, rtol=1e-5, atol=1e-5)


def test_what_comes_twice_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mind = TableMind(random_table())
    passages = [Passage((0, n, 7, 9), 1, 3) for n in (5, 6, 5, 5, 6)]
    behind = Passage((0, 5, 7, 9), 2, 2)  # another question about the same text
    read, losses = [], mind.losses
    monkeypatch.setattr(mind, "losses", lambda tokens: read.extend(tokens) or losses(tokens))
    found = bits(mind.as_mind(), [*passages, behind])
    assert found == pytest.approx([mind.bits(p.ids, p.num_given) for p in [*passages, behind]])
    assert len(read) == 3
    assert bits(mind.as_mind(), []).shape == (0,)


def test_bits_in_one_window_are_the_cross_entropy(mind: Decoder) -> None:
    ids = (0, 5, 17, 3, 39, 8)
    with torch.inference_mode():
        logits_TV = mind.logits(torch.tensor([ids[:-1]]))[0]
    nats = torch.nn.functional.cross_entropy(logits_TV, torch.tensor(ids[1:]), reduction="sum")
    assert bits(mind, [Passage(ids, 1, 5)])[0] == pytest.approx(float(nats) / math.log(2), rel=1e-5)


def test_company_and_batch_size_change_nothing(
    mind: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    passages = [
        Passage((0, *map(int, rng.integers(0, 40, size))), 1 + size // 3, 1)
        for size in (1, 30, 7, 8, 9, 16, 2, 23)
    ]
    together = bits(mind, passages)
    alone = [bits(mind, [p])[0] for p in passages]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    monkeypatch.setattr(likelihood, "_TOKENS_AT_ONCE", 20)  # two rows at a time
    np.testing.assert_allclose(bits(mind, passages), together, rtol=1e-5)


def test_what_is_given_is_not_scored_and_is_read() -> None:
    mind = TableMind(random_table())
    tokenizer = byte_tokenizer()
    asked = passage(tokenizer, "rain", "the ")
    assert (len(asked.ids), asked.num_given, asked.num_bytes) == (9, 5, 4)
    assert bits(mind.as_mind(), [asked])[0] == pytest.approx(mind.bits(asked.ids, 5))
    other = passage(tokenizer, "rain", "a~")  # the last given token is what a bigram sees
    assert bits(mind.as_mind(), [other])[0] == pytest.approx(mind.bits(other.ids, 3))
    assert mind.bits(other.ids, 3) != pytest.approx(mind.bits(asked.ids, 5))


def test_a_uniform_mind_needs_the_logarithm_of_its_vocabulary() -> None:
    mind = TableMind(np.ones((NUM_BYTES, NUM_BYTES)), row_length=4)
    asked = passage(byte_tokenizer(), "night — дождь")
    assert asked.num_bytes == len("night — дождь".encode())
    needed = bits(mind.as_mind(), [asked])[0]
    assert needed == pytest.approx(asked.num_bytes * math.log2(NUM_BYTES))


def test_a_passage_of_which_all_is_given_needs_nothing(mind: Decoder) -> None:
    assert bits(mind, [Passage((0, 1, 2), 3, 0), Passage((0,), 1, 0)]).tolist() == [0.0, 0.0]
    assert bits(mind, []).shape == (0,)
