"""Ours: an order applied while it is read, in two packings, and its row file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from shared import ROWS, Files, T
from tokenizers import Tokenizer
from torch import Tensor

from upbringing.corpus import Corpus, Tokens
from upbringing.exports import row_file
from upbringing.exports.laid import Laid
from upbringing.order import Order, Packing, PhaseSpan, Rows
from upbringing.training.feed import Feed


def stream(folder: Path, first: int) -> Iterator[Tensor]:
    return _fed(_rows(folder, "stream"), first)


def whole(folder: Path, first: int) -> Iterator[Tensor]:
    return _fed(_rows(folder, "whole"), first)


def exported(folder: Path, first: int) -> Iterator[Tensor]:
    """The row file as its README has it read."""
    rows = np.load(folder / "rows" / row_file.ROWS, mmap_mode="r")
    for place in range(first * ROWS, len(rows) - ROWS + 1, ROWS):
        yield torch.from_numpy(rows[place : place + ROWS].astype(np.int64))


def prepare(folder: Path) -> None:
    """Write the row file."""
    if not (folder / "rows").exists():
        (folder / "rows").mkdir()
        row_file.write(folder / "rows", Laid(_rows(folder, "stream")))


def _fed(rows: Rows, first: int) -> Iterator[Tensor]:
    feed = Feed.of(rows, ROWS)
    for step in range(first, len(feed)):
        yield feed.batch(step).tokens_BT1


def _rows(folder: Path, packing: Packing) -> Rows:
    """The rows of drawn tokens, for which there is no text and so neither corpus nor tokenizer."""
    files = Files(folder)
    tokens = Tokens(files.ids, files.offsets, cast(Tokenizer, None), "", 32_000, end_of_text=0)
    phases = (PhaseSpan("life", 0, len(files.sequence)),)
    return Rows(Order(cast(Corpus, None), files.sequence, phases, seed=0), tokens, T, packing)
