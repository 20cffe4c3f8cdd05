from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from upbringing.corpus import Corpus, Tokens
from upbringing.errors import InputError
from upbringing.order import Order, PhaseSpan, Rows, compile_order, parse_curriculum

END = 0


@st.composite
def packings(draw: st.DrawFn) -> Rows:
    """Rows over scenes of any lengths, visited in any order, some several times, some never."""
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(1, 1_000, offsets[-1]).astype(np.uint16)
    ids[offsets[:-1]] = END
    visits = draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=30))
    tokens = Tokens(ids, offsets, cast(Tokenizer, None), "", 1_000, END)
    order = Order(cast(Corpus, None), np.array(visits, dtype=np.uint32), (), 0)
    return Rows(order, tokens, draw(st.integers(1, 12)))


def laid_out(rows: Rows) -> tuple[list[int], list[int]]:
    """The oracle: all tokens of all visits end to end, and the visit that each one is of."""
    tokens, owners = [], []
    for visit, scene in enumerate(rows.order.sequence):
        begin, end = rows.tokens.offsets[scene], rows.tokens.offsets[scene + 1]
        tokens += rows.tokens.ids[begin:end].tolist()
        owners += [visit] * (end - begin)
    return tokens, owners


@given(packings(), st.data())
def test_rows_gathered_anywhere_are_those_of_the_tokens_laid_end_to_end(
    rows: Rows, data: st.DataObject
) -> None:
    tokens, _ = laid_out(rows)
    T = rows.row_length
    assert rows.num_tokens == len(tokens)
    if not rows.num_rows:
        assert len(tokens) == 1
        return
    first = data.draw(st.integers(0, rows.num_rows - 1))
    num_rows = data.draw(st.integers(1, rows.num_rows - first))
    tokens_RT1, counts_RT = rows.gather(first, num_rows)
    for row, (found, counts) in enumerate(zip(tokens_RT1, counts_RT, strict=True), start=first):
        due = tokens[row * T : row * T + T + 1]
        assert found.tolist() == due + [END] * (T + 1 - len(due))
        assert counts.tolist() == [True] * (len(due) - 1) + [False] * (T + 1 - len(due))


@given(packings())
def test_each_token_but_the_first_is_predicted_exactly_once(rows: Rows) -> None:
    tokens, _ = laid_out(rows)
    if rows.num_rows:
        tokens_RT1, counts_RT = rows.gather(0, rows.num_rows)
        assert tokens_RT1[:, 1:][counts_RT].tolist() == tokens[1:]
        assert tokens_RT1[:, :-1][counts_RT].tolist() == tokens[:-1]
        assert counts_RT.any(1).all()
        assert counts_RT[:-1].all()


@given(packings())
def test_a_row_knows_its_visits_and_a_visit_its_row(rows: Rows) -> None:
    _, owners = laid_out(rows)
    T = rows.row_length
    for row in range(rows.num_rows):
        here = owners[row * T : row * T + T + 1]
        assert rows.visits_of_row(row) == (here[0], here[-1] + 1)
    for visit in range(rows.order.num_visits):
        row = rows.row_of_visit(visit)
        assert row == owners.index(visit) // T
        if row < rows.num_rows:  # the stream's last token may begin a row that predicts nothing
            low, high = rows.visits_of_row(row)
            assert low <= visit < high


def test_a_packing_by_eye() -> None:
    ids = np.array([END, 1, 2, END, 3, END, 4, 5, 6], dtype=np.uint16)
    tokens = Tokens(ids, np.array([0, 3, 5, 9]), cast(Tokenizer, None), "", 7, END)
    order = Order(cast(Corpus, None), np.array([2, 0, 1], dtype=np.uint32), (), 0)
    tokens_RT1, counts_RT = Rows(order, tokens, 3).gather(0, 3)
    assert tokens_RT1.tolist() == [[END, 4, 5, 6], [6, END, 1, 2], [2, END, 3, END]]
    assert counts_RT.tolist() == [[True] * 3, [True] * 3, [True, True, False]]


def test_rows_of_a_corpus_read_as_its_text(rows: Rows) -> None:
    tokens_RT1, counts_RT = rows.gather(0, rows.num_rows)
    targets = tokens_RT1[:, 1:][counts_RT].tolist()
    texts = rows.order.corpus.columns(["text"])["text"].gather(rows.order.sequence).to_list()
    read = rows.tokens.tokenizer.decode(targets, skip_special_tokens=False)
    assert read == "<|endoftext|>".join(texts)


def linked_in_time(corpus: Corpus, apart: int) -> Order:
    life = f"{{name: a, scenes: rest, arrange: {{chain: {{linked: time, apart: {apart}}}}}}}"
    return compile_order(corpus, parse_curriculum(f"name: x\nphases: [{life}]\n"))


@pytest.mark.parametrize("apart", [4, 9])
def test_what_is_linked_in_time_shares_no_row(corpus: Corpus, tokens: Tokens, apart: int) -> None:
    order = linked_in_time(corpus, apart)
    (span,) = order.phases
    assert span.apart == apart
    num_pairs = order.num_visits - apart
    refused = taken = 0
    for row_length in (8, 16, 32, 64, 128, 256, 512):
        rows = Rows(dataclasses.replace(order, phases=(PhaseSpan("a", 0, 72),)), tokens, row_length)
        visits = [rows.visits_of_row(row) for row in range(rows.num_rows)]
        num_shared = sum(
            any(low <= first and first + apart < high for low, high in visits)
            for first in range(num_pairs)
        )
        if num_shared:
            refused += 1
            with pytest.raises(InputError, match=f"{num_shared} of {num_pairs} pairs of scenes"):
                Rows(order, tokens, row_length)
        else:
            taken += 1
            assert Rows(order, tokens, row_length).num_rows == rows.num_rows
    assert refused
    assert taken


def test_what_is_linked_in_context_may_share_a_row(corpus: Corpus, tokens: Tokens) -> None:
    life = "name: x\nphases: [{name: a, scenes: rest, arrange: chain}]\n"
    order = compile_order(corpus, parse_curriculum(life))
    assert order.phases[0].apart is None
    rows = Rows(order, tokens, 256)
    assert max(high - low for low, high in map(rows.visits_of_row, range(rows.num_rows))) > 2
