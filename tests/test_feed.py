from __future__ import annotations

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from lives import recipe_of

from upbringing.order import Rows
from upbringing.training import Timeline
from upbringing.training.feed import Feed


def feed_of(rows: Rows) -> Feed:
    return Feed(rows, recipe_of(rows).steps)


def fed_by(rows: Rows, **recipe: Any) -> list[list[int]]:
    """All real rows that the batches of a life hold, in order."""
    feed = Feed(rows, recipe_of(rows, **recipe).steps)
    batches = map(feed.batch, range(len(feed.steps)))
    return [row for b in batches for row in b.tokens_BT1[: b.num_rows].tolist()]


def test_the_batches_are_the_rows_in_order_padded_to_the_batch_size(rows: Rows) -> None:
    feed = feed_of(rows)
    tokens_RT1, counts_RT = rows.gather(0, rows.num_rows)
    fed = 0
    for step in range(len(feed.steps)):
        batch = feed.batch(step)
        size = int(feed.steps.batch_size[step])
        assert batch.tokens_BT1.shape == (size, rows.row_length + 1)
        assert batch.tokens_BT1.dtype == torch.int64
        real = slice(fed, fed + batch.num_rows)
        assert batch.tokens_BT1[: batch.num_rows].tolist() == tokens_RT1[real].tolist()
        assert (batch.tokens_BT1[batch.num_rows :] == rows.tokens.end_of_text).all()
        assert batch.weights_BT[: batch.num_rows].tolist() == counts_RT[real].tolist()
        assert not batch.weights_BT[batch.num_rows :].any()
        fed += batch.num_rows
    assert fed == rows.num_rows


def test_each_token_weighs_once_in_the_whole_life(rows: Rows) -> None:
    feed = feed_of(rows)
    weights = [float(feed.batch(step).weights_BT.sum()) for step in range(len(feed.steps))]
    assert sum(weights) == rows.num_tokens - 1


@given(st.data())
def test_a_batch_does_not_depend_on_what_was_asked_before(rows: Rows, data: st.DataObject) -> None:
    used, step = feed_of(rows), st.integers(0, len(recipe_of(rows).steps) - 1)
    for asked in data.draw(st.lists(step, max_size=5)):
        used.batch(asked)
    wanted = data.draw(step)
    fresh, again = feed_of(rows).batch(wanted), used.batch(wanted)
    assert fresh.tokens_BT1.equal(again.tokens_BT1)
    assert fresh.weights_BT.equal(again.weights_BT)
    assert fresh.num_rows == again.num_rows


@given(st.integers(1, 40), st.integers(1, 40))
def test_another_batch_size_keeps_the_sequence_of_rows(rows: Rows, one: int, other: int) -> None:
    assert fed_by(rows, timeline=Timeline.uniform(one)) == fed_by(
        rows, timeline=Timeline.uniform(other)
    )


def test_a_shorter_life_is_fed_the_first_rows(rows: Rows) -> None:
    assert fed_by(rows, num_rows=20) == rows.gather(0, 20)[0].tolist()
