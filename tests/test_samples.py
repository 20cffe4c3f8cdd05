"""Samples: drawn by hand from known minds; the same luck whoever is asked, and in what company."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from minds import NUM_BYTES, TableMind, byte_tokenizer, ids_of_text, random_table

from upbringing.character import Sampling, draw_samples
from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.training import Decoder, Shape

OPENINGS = ["When the", "He", "At the harbour, my"]
TOKENIZER = byte_tokenizer()


def by_hand(mind: TableMind, opening: str, seed: int, sampling: Sampling) -> str:
    """The inverse of the cumulative distribution at the luck of (seed, opening, position)."""
    luck = generator(seed, "sampler", opening).random(mind.row_length)
    ids = [0, *ids_of_text(TOKENIZER, opening)]
    num_given = len(ids)
    while len(ids) < min(mind.row_length, num_given + sampling.num_tokens):
        p = mind.p_VV[ids[-1]] ** (1 / sampling.temperature)
        drawn = int(np.searchsorted(np.cumsum(p / p.sum()), luck[len(ids)], side="right"))
        if drawn == 0:
            break
        ids.append(drawn)
    return TOKENIZER.decode(ids[num_given:])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_samples_are_those_drawn_by_hand(temperature: float) -> None:
    mind = TableMind(random_table(), row_length=40)
    sampling = Sampling(temperature, num_tokens=12, num_seeds=3)
    drawn = draw_samples(mind.as_mind(), TOKENIZER, OPENINGS, sampling)
    assert [(s.opening, s.seed) for s in drawn] == [
        (o, seed) for o in range(3) for seed in range(3)
    ]
    expected = [by_hand(mind, OPENINGS[s.opening], s.seed, sampling) for s in drawn]
    assert [s.text for s in drawn] == expected
    assert len(set(expected)) == 9


def test_minds_that_agree_are_given_the_same_luck() -> None:
    """Where two minds have one distribution they say one thing, however else they differ."""
    table = random_table()
    other = table.copy()
    other[0] = random_table(5)[0]  # after an end of text, which no opening ends with
    sampling = Sampling(num_tokens=20, num_seeds=4)
    first, second = (
        draw_samples(TableMind(t).as_mind(), TOKENIZER, ["He"], sampling) for t in (table, other)
    )
    assert first == second


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    shape = Shape(16, 2, 2, 24, num_vocab=NUM_BYTES, peak_lr=1e-3)
    model = Decoder(shape, row_length=48, seed=3)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(8)
    return model


def test_company_changes_nothing(decoder: Decoder) -> None:
    sampling = Sampling(num_tokens=20, num_seeds=3)
    together = draw_samples(decoder, TOKENIZER, OPENINGS, sampling)
    for number, opening in enumerate(OPENINGS):
        alone = draw_samples(decoder, TOKENIZER, [opening], sampling)
        assert [s.text for s in alone] == [s.text for s in together if s.opening == number]
    fewer_seeds = draw_samples(decoder, TOKENIZER, OPENINGS, Sampling(num_tokens=20, num_seeds=2))
    assert fewer_seeds == [s for s in together if s.seed < 2]
    assert draw_samples(decoder, TOKENIZER, OPENINGS, sampling) == together


def test_a_shorter_sample_is_the_beginning_of_a_longer_one() -> None:
    mind = TableMind(random_table(2), row_length=64).as_mind()
    short = draw_samples(mind, TOKENIZER, OPENINGS, Sampling(num_tokens=4))
    long = draw_samples(mind, TOKENIZER, OPENINGS, Sampling(num_tokens=30))
    for a, b in zip(short, long, strict=True):
        assert b.text.encode().startswith(
            a.text.encode().rstrip("\N{REPLACEMENT CHARACTER}".encode())
        )


def test_generation_reads_what_training_read(decoder: Decoder) -> None:
    """With almost no temperature a sample is the likeliest token of a full forward pass."""
    drawn = draw_samples(decoder, TOKENIZER, ["He"], Sampling(1e-4, num_tokens=10, num_seeds=2))
    ids = [0, *ids_of_text(TOKENIZER, "He")]
    with torch.inference_mode():
        for _ in range(10):
            ids.append(int(decoder.logits(torch.tensor([ids]))[0, -1].argmax()))
    assert 0 not in ids[3:]
    assert [s.text for s in drawn] == [TOKENIZER.decode(ids[3:])] * 2


def test_a_sample_stops_at_an_end_of_text() -> None:
    letter = ids_of_text(TOKENIZER, "a")[0]
    table = np.full((NUM_BYTES, NUM_BYTES), 1e-9)
    table[:, letter], table[:, 0] = 1.0, 1.0
    drawn = draw_samples(
        TableMind(table).as_mind(), TOKENIZER, ["a"], Sampling(1.0, num_tokens=20, num_seeds=60)
    )
    lengths = [len(s.text) for s in drawn]
    assert {s.text.strip("a") for s in drawn} == {""}
    assert 0 in lengths
    assert 0.4 < np.mean(lengths) < 1.8  # one on average: the coin shows `a` before it ends


def test_no_sample_goes_beyond_the_row() -> None:
    letter = ids_of_text(TOKENIZER, "a")[0]
    table = np.full((NUM_BYTES, NUM_BYTES), 1e-12)
    table[:, letter] = 1.0
    mind = TableMind(table, row_length=10).as_mind()
    texts = [s.text for s in draw_samples(mind, TOKENIZER, ["12345", "1"], Sampling(num_seeds=1))]
    assert texts == ["a" * 4, "a" * 8]
    assert draw_samples(mind, TOKENIZER, ["12345678"], Sampling(num_seeds=1))[0].text == "a"
    with pytest.raises(InputError, match="'123456789'… is 10 tokens long\n    allowed: under 10"):
        draw_samples(mind, TOKENIZER, ["1", "123456789"], Sampling())


def test_the_rule_says_what_was_done() -> None:
    said = Sampling(0.7, 50, 3).as_json()
    assert said["rule"] == (
        "each opening is continued once for each sampler seed 0 to 2, at temperature 0.7, "
        "for 50 tokens; all minds share the seeds, every sample is kept"
    )
    assert (said["temperature"], said["num_tokens"], said["num_seeds"]) == (0.7, 50, 3)
