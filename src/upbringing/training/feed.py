"""The feed: batch k of a life, as a function of k alone, whole or in pieces.

Takes the rows of an order and the steps they are cut into, gives tensors. Nothing is kept between
batches, so the first batch after a resume costs what any batch costs.

A step's batch is cut into pieces of equal size, one after another: micro-batch m of rank r is
piece m · world size + r. So the rows that share an optimiser step are the same for any world size
and accumulation; numbers that do not divide the batch are refused, and nothing is padded but the
last batch of a stretch of life, by rows that do not count.

Shapes: B rows of a batch or piece, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from upbringing.corpus import Corpus, load_tokenizer, tokenize
from upbringing.errors import InputError
from upbringing.order import Attention, Order, Packing, Rows
from upbringing.training.levers import Cut, Timeline, cut_steps

IGNORED = -100
"""The label of a target that does not count, as PyTorch's cross-entropy has it."""


@dataclass(frozen=True)
class Share:
    """What one process takes of every batch: a piece in each of `accumulation` micro-batches.

    Raises `InputError` for a rank outside the world.
    """

    rank: int = 0
    world_size: int = 1
    accumulation: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size or self.accumulation < 1:
            raise InputError(
                f"rank {self.rank} of {self.world_size}, {self.accumulation} micro-batches",
                allowed="ranks from 0 to the world size − 1, one micro-batch or more",
            )

    @property
    def num_pieces(self) -> int:
        """Into how many pieces a batch is cut."""
        return self.world_size * self.accumulation

    def piece(self, micro: int) -> int:
        """The number of the piece that is micro-batch `micro` of this rank."""
        return micro * self.world_size + self.rank


@dataclass(frozen=True)
class Batch:
    """The rows of an optimiser step or of a piece of it.

    tokens_BT1    (B, T + 1) int64
    weights_BT    (B, T) float32: 1 where a target counts, 0 in padding
    num_rows      rows that are real; they come first
    positions_BT  (B, T) int64, the place of each input in its scene, where attention is within
                  scenes (`Rows.positions`); else None
    scales_BT     (B, T) float32, factors on the loss of each target, where scenes have some; else
                  None
    """

    tokens_BT1: Tensor
    weights_BT: Tensor
    num_rows: int
    positions_BT: Tensor | None = None
    scales_BT: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        positions_BT, scales_BT = (
            None if part is None else part.to(device)
            for part in (self.positions_BT, self.scales_BT)
        )
        tokens_BT1, weights_BT = self.tokens_BT1.to(device), self.weights_BT.to(device)
        return Batch(tokens_BT1, weights_BT, self.num_rows, positions_BT, scales_BT)

    @property
    def labels(self) -> Tensor:
        """The tokens as labels for a model that shifts them itself: `IGNORED` where none counts."""
        ignored = torch.full_like(self.tokens_BT1, IGNORED)
        ignored[:, 1:] = self.tokens_BT1[:, 1:].where(self.weights_BT != 0, IGNORED)
        return ignored


@dataclass(frozen=True)
class Feed:
    """The batches of a life, by step. `loss_by_kind`: factors on the loss of scenes of these kinds,
    others at 1.
    """

    rows: Rows
    steps: Cut
    loss_by_kind: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def _scales(self) -> npt.NDArray[np.float32]:
        """The factor on the loss of each scene, by its row in the corpus: (num_scenes,)."""
        kinds = self.rows.order.corpus.columns(["kind"])["kind"].cast(pl.String)
        scales = kinds.replace_strict(self.loss_by_kind, default=1.0, return_dtype=pl.Float32)
        return scales.to_numpy()

    @classmethod
    def of(cls, rows: Rows, batch_size: int) -> Feed:
        """The feed of a whole order in batches of `batch_size` rows, or what its phases ask for."""
        return cls(rows, cut_steps(rows.num_rows, Timeline.of_phases(rows, batch_size)))

    @classmethod
    def open(
        cls,
        order: Path | str,
        corpus: Path | str,
        *,
        tokenizer: Path | str,
        row_length: int,
        batch_size: int,
        packing: Packing = "stream",
        attention: Attention = "across",
    ) -> Feed:
        """The feed of an order and a corpus on disk.

        `tokenizer` is a `tokenizer.json` or a folder with one; `batch_size` counts the rows of an
        optimiser step where no phase says otherwise. The corpus is tokenised once. Raises
        `ArtefactError` for what is damaged, `InputError` for what does not fit.
        """
        opened = Corpus.open(corpus)
        tokens = tokenize(opened, load_tokenizer(tokenizer))
        rows = Rows(Order.open(Path(order), opened), tokens, row_length, packing, attention)
        return cls.of(rows, batch_size)

    def __len__(self) -> int:
        return len(self.steps)

    def batch(self, step: int, piece: int = 0, num_pieces: int = 1) -> Batch:
        """A piece of the batch of a step, by default the whole; the same whenever it is asked for.

        Raises `InputError` for a number of pieces that does not divide the batch.
        """
        batch_size = int(self.steps.batch_size[step])
        check_cut(batch_size, num_pieces)
        size = batch_size // num_pieces
        begin = min(piece * size, int(self.steps.num_rows[step]))
        num_rows = min(size, int(self.steps.num_rows[step]) - begin)
        first = int(self.steps.first_row[step]) + begin
        tokens_RT1, counts_RT = self.rows.gather(first, num_rows)
        positions_BT = None
        if self.rows.attention == "within":
            padding = np.arange(self.rows.row_length)
            positions_BT = _filled(self.rows.positions(first, num_rows), size, padding)
        scales_BT = None
        if self.loss_by_kind:
            scenes = self.rows.order.sequence[self.rows.visits_of_targets(first, num_rows)]
            scales_BT = _filled(self._scales[scenes], size, 1)
        return Batch(
            _filled(tokens_RT1, size, self.rows.tokens.end_of_text),
            _filled(counts_RT.astype(np.float32), size, 0),
            num_rows,
            positions_BT,
            scales_BT,
        )

    def micro_batches(self, step: int, share: Share) -> Iterator[Batch]:
        """What one rank consumes in a step, micro-batch after micro-batch."""
        for micro in range(share.accumulation):
            yield self.batch(step, share.piece(micro), share.num_pieces)

    def check(self, share: Share) -> None:
        """Raise `InputError` unless every batch can be cut into pieces of equal size."""
        for size in np.unique(self.steps.batch_size).tolist():
            check_cut(size, share.num_pieces)

    def num_counted(self, step: int) -> int:
        """The targets of a step that count, by which a mean over all its pieces is taken."""
        first, num_rows = int(self.steps.first_row[step]), int(self.steps.num_rows[step])
        return int(self.rows.borders[first + num_rows] - self.rows.borders[first])


def _filled(rows: npt.NDArray[Any], size: int, padding: npt.ArrayLike) -> Tensor:
    """The rows as a tensor, `padding` after them up to `size`; without, nothing is copied."""
    missing = size - len(rows)
    if missing:
        padded = np.broadcast_to(padding, (missing, rows.shape[1]))
        rows = np.concatenate([rows, padded], dtype=rows.dtype)
    return torch.from_numpy(rows)


def check_cut(batch_size: int, num_pieces: int) -> None:
    """Raise `InputError` unless a batch of so many rows can be cut into equal pieces."""
    if batch_size % num_pieces:
        raise InputError(
            f"a batch of {batch_size} rows cannot be cut into {num_pieces} equal pieces",
            allowed="a world size times accumulation that divides the batch size",
            do="another batch size, world size or accumulation: nothing is padded or left out",
        )


def visible(positions_BT: Tensor) -> Tensor:
    """Which input sees which, (B, T, T) bool: those of its own scene up to itself.

    For attention within scenes, as a mask that `scaled_dot_product_attention` takes (with an axis
    for heads: `[:, None]`).
    """
    scene_BT = (positions_BT == 0).cumsum(1)
    same = scene_BT[:, :, None] == scene_BT[:, None, :]
    return same.tril()


def scene_borders(positions_BT: Tensor) -> Tensor:
    """Where scenes begin in the flattened batch, and its end, (num_scenes + 1,) int32.

    The `cu_seqlens` of FlashAttention's variable-length kernels.
    """
    flat = positions_BT.flatten()
    begins = torch.nonzero(flat == 0).flatten()
    end = torch.tensor([len(flat)], device=flat.device)
    return torch.cat([begins, end]).to(torch.int32)
