from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lives import recipe_of

from upbringing.errors import InputError
from upbringing.order import Attention, Order, PhaseSpan, Rows
from upbringing.training import Decoder, Timeline, shape_named
from upbringing.training.feed import IGNORED, Feed, Share, scene_borders, visible


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
    assert sum(weights) == rows.num_tokens


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


@pytest.mark.parametrize(("world_size", "accumulation"), [(1, 1), (2, 1), (1, 3), (2, 3), (6, 1)])
@pytest.mark.parametrize("attention", ["across", "within"])
def test_the_pieces_of_a_batch_are_the_batch(
    rows: Rows, world_size: int, accumulation: int, attention: Attention
) -> None:
    feed = Feed.of(dataclasses.replace(rows, order=uniform(rows.order), attention=attention), 6)
    for step in range(len(feed)):
        whole = feed.batch(step)
        pieces = [
            list(feed.micro_batches(step, Share(rank, world_size, accumulation)))
            for rank in range(world_size)
        ]
        found = [pieces[rank][micro] for micro in range(accumulation) for rank in range(world_size)]
        assert torch.cat([piece.tokens_BT1 for piece in found]).equal(whole.tokens_BT1)
        assert torch.cat([piece.weights_BT for piece in found]).equal(whole.weights_BT)
        assert sum(piece.num_rows for piece in found) == whole.num_rows
        assert sum(float(piece.weights_BT.sum()) for piece in found) == feed.num_counted(step)
        if attention == "within":
            positions = [piece.positions_BT for piece in found]
            assert torch.cat([p for p in positions if p is not None]).equal(whole.positions_BT)


def uniform(order: Order) -> Order:
    return dataclasses.replace(order, phases=(PhaseSpan("life", 0, order.num_visits),))


def test_what_does_not_divide_a_batch_is_refused(rows: Rows) -> None:
    feed = Feed.of(rows, 8)  # its phases ask for 3, 8 and 7
    with pytest.raises(InputError, match="a batch of 3 rows cannot be cut into 2 equal pieces"):
        feed.check(Share(0, 2))
    with pytest.raises(InputError, match="a batch of 3 rows cannot be cut into 2 equal pieces"):
        feed.batch(0, 0, 2)
    feed.check(Share())
    with pytest.raises(InputError, match="rank 2 of 2"):
        Share(2, 2)


def test_labels_are_the_tokens_that_count(rows: Rows) -> None:
    feed = Feed.of(rows, 8)
    for step in range(len(feed)):
        batch = feed.batch(step)
        labels = batch.labels
        assert (labels[:, 0] == IGNORED).all()
        counts = batch.weights_BT != 0
        assert labels[:, 1:][counts].equal(batch.tokens_BT1[:, 1:][counts])
        assert (labels[:, 1:][~counts] == IGNORED).all()


def test_attention_within_scenes_by_eye() -> None:
    positions = torch.tensor([[0, 1, 0, 1, 2, 0]])
    assert visible(positions)[0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert scene_borders(positions.repeat(2, 1)).tolist() == [0, 2, 5, 6, 8, 11, 12]
    assert scene_borders(positions).dtype == torch.int32


def test_a_scene_within_a_row_is_read_as_if_it_stood_alone(rows: Rows) -> None:
    packed = dataclasses.replace(rows, row_length=96, packing="whole", attention="within")
    alone = dataclasses.replace(rows, row_length=96, packing="single")
    model = Decoder(shape_named("300k"), row_length=96, seed=1)
    batch = Feed.of(packed, 4).batch(0)
    with torch.no_grad():
        losses = model.losses(batch.tokens_BT1, batch.positions_BT)[batch.weights_BT != 0]
        num_scenes = packed.visits_of_row(batch.num_rows - 1)[1]
        tokens, counts = alone.gather(0, num_scenes)
        singly = model.losses(torch.from_numpy(tokens))[torch.from_numpy(counts)]
    assert len(losses) <= len(singly)
    torch.testing.assert_close(losses, singly[: len(losses)])
