"""The stacked feed: step k of several lives as one batch, each mind with the rows of its own.

Takes the feeds of P lives, gives tensors with a leading axis P. A step has as many rows for every
mind as for the one that takes most, whether that one is still alive or not: so the shapes that are
raised on, and with them the last bits, follow from the recipes alone. What fills up counts nothing.

Shapes: P minds, B rows of a batch or piece, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from upbringing.training.feed import Batch, Feed, Share


@dataclass(frozen=True)
class StackedBatch:
    """`Batch` P times: its tensors with a leading axis, and the real rows of each mind, (P,)."""

    tokens_PBT1: Tensor
    weights_PBT: Tensor
    num_rows: tuple[int, ...]
    positions_PBT: Tensor | None = None
    scales_PBT: Tensor | None = None

    def to(self, device: torch.device) -> StackedBatch:
        """The same on a device."""
        positions_PBT, scales_PBT = self.positions_PBT, self.scales_PBT
        return StackedBatch(
            self.tokens_PBT1.to(device),
            self.weights_PBT.to(device),
            self.num_rows,
            None if positions_PBT is None else positions_PBT.to(device),
            None if scales_PBT is None else scales_PBT.to(device),
        )

    def of(self, index: int) -> Batch:
        """The tokens of one mind, and which of them count."""
        return Batch(self.tokens_PBT1[index], self.weights_PBT[index], self.num_rows[index])


class StackedFeed:
    """The feeds of P lives, whose batches are cut into `accumulation` micro-batches.

    Rows and attention are of one kind. Raises `InputError` for batches that cannot be cut so.
    """

    def __init__(self, feeds: Sequence[Feed], accumulation: int) -> None:
        self.feeds, self.accumulation = list(feeds), accumulation
        for feed in feeds:
            feed.check(Share(accumulation=accumulation))

    def num_rows(self, step: int) -> int:
        """B of a micro-batch of a step that some life has."""
        sizes = [int(feed.steps.batch_size[step]) for feed in self.feeds if step < len(feed)]
        return max(sizes) // self.accumulation

    def micro_batches(self, step: int, minds: Collection[int]) -> Iterator[StackedBatch]:
        """The batch of a step for these minds, piece by piece; nothing counts for the others."""
        for micro in range(self.accumulation):
            pieces = {
                index: self.feeds[index].batch(step, micro, self.accumulation) for index in minds
            }
            yield self._stacked(pieces, self.num_rows(step))

    def _stacked(self, pieces: dict[int, Batch], num_rows: int) -> StackedBatch:
        P, rows = len(self.feeds), self.feeds[0].rows
        shape = (P, num_rows, rows.row_length)
        tokens_PBT1 = torch.zeros(P, num_rows, rows.row_length + 1, dtype=torch.int64)
        weights_PBT = torch.zeros(shape)
        positions_PBT = scales_PBT = None
        if rows.attention == "within":
            positions_PBT = torch.arange(rows.row_length).expand(shape).contiguous()
        if any(feed.loss_by_kind for feed in self.feeds):
            scales_PBT = torch.ones(shape)
        for index, piece in pieces.items():
            own = slice(len(piece.tokens_BT1))
            tokens_PBT1[index, own] = piece.tokens_BT1
            weights_PBT[index, own] = piece.weights_BT
            if positions_PBT is not None and piece.positions_BT is not None:
                positions_PBT[index, own] = piece.positions_BT
            if scales_PBT is not None and piece.scales_BT is not None:
                scales_PBT[index, own] = piece.scales_BT
        real = tuple(pieces[p].num_rows if p in pieces else 0 for p in range(P))
        return StackedBatch(tokens_PBT1, weights_PBT, real, positions_PBT, scales_PBT)
