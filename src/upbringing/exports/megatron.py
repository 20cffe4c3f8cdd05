"""Megatron: the stream of tokens as `.bin` and `.idx`, and the indices that keep it in order.

    scenes.bin              tokens, uint16 or int32: a document a visit, and one of end-of-text that
                            fills the last row
    scenes.idx              where each document lies (megatron.core.datasets.indexed_dataset)
    document_index.npy      (documents,) int32: 0, 1, 2, …
    sample_index.npy        (R + 1, 2): document and place in it at which each row of T begins
    shuffle_index.npy       (R,) uint32: 0, 1, 2, …

`GPTDataset` shuffles documents and samples, whatever it is told, unless it finds the three arrays
in its index cache: `megatron_cache` lays them there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.errors import ArtefactError
from upbringing.exports.laid import Counts, Laid, Tokens
from upbringing.exports.reading import loaded

PREFIX = "scenes"
INDICES = ("document_index", "sample_index", "shuffle_index")

_HEADER = b"MMIDIDX\x00\x00"
_HEAD = struct.Struct("<9sQBQQ")
_VERSION = 1
_ROWS_AT_ONCE = 1024
_CODES: Mapping[int, np.dtype[Any]] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}


def write(folder: Path, laid: Laid) -> None:
    """Data and index arrays."""
    dtype = _dtype(laid)
    with (folder / f"{PREFIX}.bin").open("wb") as tokens:
        for tokens_RT1, _ in laid.blocks():
            tokens.write(tokens_RT1[:, :-1].astype(dtype).tobytes())
        tokens.write(np.array(laid.rows.tokens.end_of_text, dtype).tobytes())  # the last target
    starts = _starts(laid)
    lengths = np.diff(starts)
    code = next(code for code, known in _CODES.items() if known == dtype)
    with (folder / f"{PREFIX}.idx").open("wb") as index:
        index.write(_HEAD.pack(_HEADER, _VERSION, code, len(lengths), len(starts)))
        index.write(lengths.astype("<i4").tobytes())
        index.write((starts[:-1] * dtype.itemsize).astype("<i8").tobytes())
        index.write(np.arange(len(starts), dtype="<i8").tobytes())
    for name, array in _indices(laid, starts).items():
        np.save(folder / f"{name}.npy", array)


def _dtype(laid: Laid) -> np.dtype[Any]:
    return _CODES[8] if laid.dtype.itemsize == 2 else _CODES[4]


def _starts(laid: Laid) -> npt.NDArray[np.int64]:
    """Where each document begins in the stream, and where the last ends: (documents + 1,)."""
    return np.append(laid.rows.starts, laid.num_rows * laid.row_length + 1)


def _indices(laid: Laid, starts: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    begins = np.arange(laid.num_rows + 1) * laid.row_length
    documents = np.searchsorted(starts, begins, side="right") - 1
    samples = np.stack([documents, begins - starts[documents]], axis=1)
    return {
        "document_index": np.arange(len(starts) - 1, dtype=np.int32),
        "sample_index": samples.astype(np.int32),
        "shuffle_index": np.arange(laid.num_rows, dtype=np.uint32),
    }


def read(folder: Path, laid: Laid) -> Iterator[npt.NDArray[Any]]:
    """Samples of T + 1 tokens as `GPTDataset` makes them of data and indices: (R, T + 1)."""
    tokens, pointers, lengths = _indexed(folder / f"{PREFIX}.bin", folder / f"{PREFIX}.idx")
    order = loaded(folder / "document_index.npy", np.dtype(np.int32), (None,))
    samples = loaded(folder / "sample_index.npy", np.dtype(np.int32), (None, 2))
    shuffle = loaded(folder / "shuffle_index.npy", np.dtype(np.uint32), (len(samples) - 1,))
    for name, array, stop in (
        ("document_index", order, len(lengths)),
        ("sample_index", samples[:, 0], len(order)),
        ("shuffle_index", shuffle, len(samples) - 1),
    ):
        if ((array < 0) | (array >= stop)).any():
            file = folder / f"{name}.npy"
            raise ArtefactError("points at what is not there", where=str(file), do="export again")
    for first in range(0, len(shuffle), _ROWS_AT_ONCE):
        some = shuffle[first : first + _ROWS_AT_ONCE].tolist()
        block = np.full((len(some), laid.row_length + 1), -1)
        for row, sample in zip(block, some, strict=True):
            (begin, offset), (end, stop) = samples[sample : sample + 2].tolist()
            documents = order[begin : end + 1]
            lows, highs = pointers[documents], pointers[documents] + lengths[documents]
            if len(documents):
                highs[-1] = lows[-1] + stop + 1
                lows[0] += offset
            parts = [tokens[a:b] for a, b in zip(lows.tolist(), highs.tolist(), strict=True)]
            found = np.concatenate([row[:0], *parts])[: len(row)]
            row[: len(found)] = found
        yield block


def _indexed(data: Path, index: Path) -> tuple[npt.NDArray[Any], ...]:
    """The tokens, and where each document begins in them, and how long it is."""
    for file in (data, index):
        if not file.is_file():
            raise ArtefactError("is missing", where=str(file))
    content = index.read_bytes()
    magic, version, code, num_documents, num_borders = _HEAD.unpack_from(content.ljust(_HEAD.size))
    size = _HEAD.size + num_documents * 12 + num_borders * 8
    if magic != _HEADER or version != _VERSION or code not in _CODES or len(content) != size:
        raise ArtefactError("is no index of tokens", where=str(index))
    lengths = np.frombuffer(content, "<i4", num_documents, _HEAD.size)
    pointers = np.frombuffer(content, "<i8", num_documents, _HEAD.size + lengths.nbytes)
    dtype = _CODES[code]
    total = int(lengths.sum(dtype=np.int64)) * dtype.itemsize
    if data.stat().st_size != total or ((pointers < 0) | (pointers > total)).any():
        raise ArtefactError(f"is not the data of {index.name}", where=str(data))
    return np.memmap(data, dtype=dtype, mode="r"), pointers // dtype.itemsize, lengths


def held(tokens_RT1: Tokens, counts_RT: Counts) -> npt.NDArray[Any]:  # noqa: ARG001
    """What `read` gives for rows of an order; Megatron has no place for what counts."""
    return tokens_RT1
