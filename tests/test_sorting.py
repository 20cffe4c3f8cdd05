"""Sorting: packed words give what a sort of ranks and keys gives, ties and all."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.blocks import in_blocks
from upbringing.identity import keyed_hash
from upbringing.order.sorting import argsort, coded, inverse, monotone, taken


@given(
    num_rows=st.integers(0, 300),
    top=st.sampled_from([1, 2, 7, 1 << 20, 1 << 40, 1 << 63, (1 << 64) - 1]),
    seed=st.integers(0, 1000),
    num_low_bits=st.sampled_from([0, 20, 50]),
)
def test_argsort_is_lexsort(num_rows: int, top: int, seed: int, num_low_bits: int) -> None:
    """Also where keys agree in their leading bits, so that words tie."""
    rng = np.random.default_rng(seed)
    ranks = rng.integers(0, top, num_rows, dtype=np.uint64, endpoint=True)
    keys = keyed_hash(np.arange(num_rows, dtype=np.uint64), seed, "keys")
    if num_low_bits:
        keys = np.arange(num_rows, dtype=np.uint64) << np.uint64(num_low_bits % 7)
    assert argsort(ranks, keys).tolist() == np.lexsort((keys, ranks)).tolist()


def test_argsort_is_lexsort_over_blocks() -> None:
    """Also where rows tie across the border of two blocks, which two threads may share."""
    rows = np.arange(400_000, dtype=np.uint64)
    keys = keyed_hash(rows, 0, "keys")
    group, ranks = (
        (keys % np.uint64(3)).astype(np.uint8),
        keyed_hash(rows // np.uint64(9), 0, "ranks"),
    )
    assert (argsort(group, ranks, keys) == np.lexsort((keys, ranks, group))).all()
    order = argsort(ranks, keys)
    assert (order == np.lexsort((keys, ranks))).all()
    assert (taken(keys, order) == keys[order]).all()
    assert (order[inverse(order)] == rows).all()


@pytest.mark.parametrize("num_items", [0, 1, 65_536, 300_001])
def test_blocks_cover_an_array_once_and_in_order(num_items: int) -> None:
    covered = in_blocks(num_items, lambda block: np.arange(num_items)[block])
    assert np.concatenate([[-1], *covered]).tolist() == list(range(-1, num_items))


def test_texts_are_coded_by_their_values() -> None:
    texts = pl.Series(["b", "a", "b", "c"])
    for column in (texts, texts.cast(pl.Enum(["c", "b", "a", "z"]))):
        codes, values = coded(column)
        assert [values[code] for code in codes] == texts.to_list()


def test_inverse_by_eye() -> None:
    assert inverse(np.array([2, 0, 1], dtype=np.uint32)).tolist() == [1, 2, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint32, np.int16, np.int64, np.float32])
def test_monotone_ranks_rise_with_values(dtype: type[np.generic]) -> None:
    values = np.array([3, 1, 2, 1, 100, 0]).astype(dtype)
    if np.issubdtype(dtype, np.signedinteger) or np.issubdtype(dtype, np.floating):
        values = np.concatenate([values, -values])
    ranks = monotone(values)
    for a, x in zip(ranks.tolist(), values.tolist(), strict=True):
        for b, y in zip(ranks.tolist(), values.tolist(), strict=True):
            assert (a < b) == (x < y)
            assert (a == b) == (x == y)
