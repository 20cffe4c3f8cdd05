from __future__ import annotations

import dataclasses
from itertools import groupby
from typing import cast, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from upbringing.corpus import Corpus, Tokens
from upbringing.errors import InputError
from upbringing.order import Order, Packing, PhaseSpan, Rows, compile_order, parse_curriculum

END = 0


@st.composite
def packings(draw: st.DrawFn) -> Rows:
    """Rows over scenes of any lengths, visited in any order, some several times, some never."""
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=12))
    packing: Packing = draw(st.sampled_from(get_args(Packing)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(1, 1_000, offsets[-1]).astype(np.uint16)
    ids[offsets[:-1]] = END
    visits = draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=30))
    tokens = Tokens(ids, offsets, cast(Tokenizer, None), "", 1_000, END)
    order = Order(cast(Corpus, None), np.array(visits, dtype=np.uint32), (), 0)
    least = 1 if packing == "stream" else max(lengths)
    return Rows(order, tokens, draw(st.integers(least, least + 11)), packing)


def laid_out(rows: Rows) -> tuple[list[int], list[int]]:
    """The oracle: all tokens of all visits end to end, and the visit that each one is of."""
    tokens, owners = [], []
    for visit, scene in enumerate(rows.order.sequence):
        begin, end = rows.tokens.offsets[scene], rows.tokens.offsets[scene + 1]
        tokens += rows.tokens.ids[begin:end].tolist()
        owners += [visit] * (end - begin)
    return tokens, owners


def cut(rows: Rows) -> list[tuple[int, int]]:
    """Where each row begins and ends, scene by scene: the oracle of a packing."""
    tokens, owners = laid_out(rows)
    T = rows.row_length
    if rows.packing == "stream":
        return [(begin, min(begin + T, len(tokens))) for begin in range(0, len(tokens), T)]
    lengths = [owners.count(visit) for visit in range(rows.order.num_visits)]
    found = [(0, 0)]
    for length in lengths:
        begin, end = found[-1]
        if end > begin and (rows.packing == "single" or end + length - begin > T):
            found.append((end, end + length))
        else:
            found[-1] = (begin, end + length)
    return found


@given(packings(), st.data())
def test_rows_gathered_anywhere_are_those_of_the_tokens_laid_end_to_end(
    rows: Rows, data: st.DataObject
) -> None:
    tokens, _ = laid_out(rows)
    T = rows.row_length
    stretches = cut(rows)
    assert (rows.num_tokens, rows.num_rows) == (len(tokens), len(stretches))
    first = data.draw(st.integers(0, rows.num_rows - 1))
    num_rows = data.draw(st.integers(1, rows.num_rows - first))
    tokens_RT1, counts_RT = rows.gather(first, num_rows)
    assert tokens_RT1.shape == (num_rows, T + 1)
    for (begin, end), found, counts in zip(stretches[first:], tokens_RT1, counts_RT, strict=False):
        due = [*tokens, END][begin : end + 1]
        assert found.tolist() == due + [END] * (T + 1 - len(due))
        assert counts.tolist() == [True] * (end - begin) + [False] * (T - end + begin)


@given(packings())
def test_each_token_but_the_first_and_the_end_are_predicted_exactly_once(rows: Rows) -> None:
    tokens, _ = laid_out(rows)
    tokens_RT1, counts_RT = rows.gather(0, rows.num_rows)
    assert tokens_RT1[:, 1:][counts_RT].tolist() == [*tokens[1:], END]
    assert tokens_RT1[:, :-1][counts_RT].tolist() == tokens
    assert counts_RT.any(1).all()


@given(packings())
def test_a_row_knows_its_visits_and_a_visit_its_row(rows: Rows) -> None:
    _, owners = laid_out(rows)
    for row, (begin, end) in enumerate(cut(rows)):
        here = owners[begin : end + 1]
        assert rows.visits_of_row(row) == (here[0], here[-1] + 1)
    for visit in range(rows.order.num_visits):
        begins = owners.index(visit)
        row = rows.row_of_visit(visit)
        assert cut(rows)[row][0] <= begins < cut(rows)[row][1]


@given(packings(), st.data())
def test_positions_restart_with_each_scene_in_a_row(rows: Rows, data: st.DataObject) -> None:
    _, owners = laid_out(rows)
    first = data.draw(st.integers(0, rows.num_rows - 1))
    num_rows = data.draw(st.integers(1, rows.num_rows - first))
    for (begin, end), found in zip(
        cut(rows)[first:], rows.positions(first, num_rows).tolist(), strict=False
    ):
        due: list[int] = []
        for owner, length in [(o, len(list(g))) for o, g in groupby(owners[begin:end])]:
            assert owner >= 0
            due += range(length)
        assert found == [*due, *range(rows.row_length - end + begin)]


@given(packings())
def test_no_scene_is_cut_where_none_may_be(rows: Rows) -> None:
    if rows.packing != "stream":
        borders = set(rows.borders.tolist())
        assert borders <= set(rows.starts.tolist())
        assert len(borders) == rows.num_rows + 1


def test_a_packing_by_eye() -> None:
    ids = np.array([END, 1, 2, END, 3, END, 4, 5, 6], dtype=np.uint16)
    tokens = Tokens(ids, np.array([0, 3, 5, 9]), cast(Tokenizer, None), "", 7, END)
    order = Order(cast(Corpus, None), np.array([2, 0, 1], dtype=np.uint32), (), 0)
    tokens_RT1, counts_RT = Rows(order, tokens, 3).gather(0, 3)
    assert tokens_RT1.tolist() == [[END, 4, 5, 6], [6, END, 1, 2], [2, END, 3, END]]
    assert counts_RT.tolist() == [[True] * 3] * 3
    tokens_RT1, counts_RT = Rows(order, tokens, 5, "whole").gather(0, 2)
    assert tokens_RT1.tolist() == [[END, 4, 5, 6, END, END], [END, 1, 2, END, 3, END]]
    assert counts_RT.tolist() == [[True] * 4 + [False], [True] * 5]
    tokens_RT1, counts_RT = Rows(order, tokens, 4, "single").gather(1, 2)
    assert tokens_RT1.tolist() == [[END, 1, 2, END, END], [END, 3, END, END, END]]
    assert counts_RT.tolist() == [[True] * 3 + [False], [True] * 2 + [False] * 2]
    assert Rows(order, tokens, 5, "whole").positions(0, 2).tolist() == [
        [0, 1, 2, 3, 0],
        [0, 1, 2, 0, 1],
    ]


@pytest.mark.parametrize("packing", ["whole", "single"])
def test_a_scene_longer_than_a_row_is_refused_where_none_is_cut(
    corpus: Corpus, tokens: Tokens, packing: Packing
) -> None:
    order = compile_order(corpus, parse_curriculum("name: x\nphases: [{name: a, scenes: rest}]"))
    lengths = np.diff(tokens.offsets)[order.sequence]
    longest = int(lengths.max())
    assert Rows(order, tokens, longest, packing).num_rows
    many = int((lengths > 40).sum())
    said = f"{many} scenes are longer than a row of 40 tokens, the longest has {longest}"
    with pytest.raises(InputError, match=said):
        Rows(order, tokens, 40, packing)


def test_rows_of_a_corpus_read_as_its_text(rows: Rows) -> None:
    tokens_RT1, counts_RT = rows.gather(0, rows.num_rows)
    targets = tokens_RT1[:, 1:][counts_RT].tolist()
    texts = rows.order.corpus.columns(["text"])["text"].gather(rows.order.sequence).to_list()
    read = rows.tokens.tokenizer.decode(targets, skip_special_tokens=False)
    assert read == "<|endoftext|>".join([*texts, ""])


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
    assert order.phases[0].apart == 1
    rows = Rows(order, tokens, 256)
    assert max(high - low for low, high in map(rows.visits_of_row, range(rows.num_rows))) > 2
    for packing, attention, how in (
        ("single", "across", "one scene a row"),
        ("whole", "within", "attention within scenes"),
    ):
        with pytest.raises(InputError, match=f"links scenes within a context window, and {how}"):
            Rows(order, tokens, 256, packing, attention)  # type: ignore[arg-type]
