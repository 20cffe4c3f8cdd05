"""Activations: what is taken is what the library gives, cut, masked and averaged as it is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from minds import byte_tokenizer
from tokenizers import Tokenizer

from upbringing.character.between.activations import activations, added, batches, layers_of
from upbringing.character.likelihood import Passage, bits
from upbringing.errors import InputError
from upbringing.training import Decoder, Mind, Shape, open_mind
from upbringing.training.adopted import Adopted, adopt
from upbringing.training.checkpoint import write_checkpoint

SHAPE = Shape(16, 3, 2, 24, num_vocab=257, peak_lr=1e-3)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="module")
def mind() -> Decoder:
    return Decoder(SHAPE, row_length=12, seed=3)


PASSAGES = [
    Passage((0, 5, 6, 7), 1, 3),
    Passage((0, 9, 9, 4, 8, 11), 3, 3),
    Passage((0, *range(20, 60)), 1, 40),
]


def test_batches_hold_every_passage_once_and_mark_its_text() -> None:
    for at_once in (1, 13, 1000):
        found = {}
        for batch in batches(PASSAGES, 8, tokens_at_once=at_once):
            for row, number in enumerate(batch.numbers):
                found[number] = batch.tokens_BT[row][batch.is_text_BT[row]].tolist()
        assert found == {0: [5, 6, 7], 1: [4, 8, 11], 2: list(range(20, 27))}


def test_a_passage_without_text_is_refused() -> None:
    with pytest.raises(InputError, match="2 of 3 passages have no text in their first 3 tokens"):
        list(batches([Passage((0, 1), 2, 1), *PASSAGES[:2]], 3))


def test_activations_are_those_of_the_library(
    mind: Decoder, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Ours, and the same weights adopted, against the library's own list of hidden states."""
    write_checkpoint(tmp_path / "mind", mind, tokenizer)
    adopted = adopt(tmp_path / "mind")
    assert isinstance(adopted, Adopted)
    assert isinstance(open_mind(tmp_path / "mind"), Decoder)
    ids = torch.tensor([PASSAGES[1].ids])
    with torch.inference_mode():
        states = adopted.library(input_ids=ids, output_hidden_states=True).hidden_states
    # The library gives the last layer's stream behind the final norm.
    expected_LD = torch.stack([state[0, 3:].mean(0) for state in states[1:-1]])
    for one in (mind, adopted):
        found_LND = activations(one, PASSAGES)
        assert found_LND.shape == (3, 3, 16)
        np.testing.assert_allclose(found_LND[:2, 1], expected_LD, atol=1e-5)
        every = activations(one, PASSAGES, "every")
        assert every.shape == (3, 3 + 3 + 11, 16)
        np.testing.assert_allclose(every[:, 3:6].mean(1), found_LND[:, 1], atol=1e-6)
        last = activations(one, PASSAGES, "last")
        np.testing.assert_allclose(last[:, 2], every[:, -1], atol=1e-6)
        shorter = activations(one, PASSAGES, "every", most_tokens=8)
        np.testing.assert_allclose(shorter[:, 6:], every[:, 6:13], atol=1e-6)


def test_what_is_added_is_in_the_stream_and_gone_again(mind: Decoder) -> None:
    vector_D = np.linspace(-1, 1, 16)
    before, needed = activations(mind, PASSAGES), bits(mind, PASSAGES)
    with added(mind, 1, vector_D):
        inside = activations(mind, PASSAGES)
        assert not np.allclose(bits(mind, PASSAGES), needed)
    np.testing.assert_array_equal(inside[0], before[0])
    assert not np.allclose(inside[2], before[2])
    np.testing.assert_array_equal(activations(mind, PASSAGES), before)
    with added(mind, 1, np.zeros(16)):
        np.testing.assert_array_equal(bits(mind, PASSAGES), needed)


def test_a_mind_without_layers_is_refused() -> None:
    class Flat(Decoder):
        @property
        def body(self) -> torch.nn.Module:
            return torch.nn.Linear(2, 2)

    mind: Mind = Flat(SHAPE, row_length=12, seed=0)
    mind.__dict__["parts"] = {"weight": ("embed",)}
    with pytest.raises(InputError, match="a Linear keeps no list of its layers"):
        layers_of(mind)
