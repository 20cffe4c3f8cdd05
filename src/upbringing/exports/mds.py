"""MosaicML's MDS: the packed rows as shards that `streaming.StreamingDataset` reads.

A sample is a row: `tokens` (T + 1 of them), and `counted`, how many of its targets count. Written
without that library, by the layout that its writer has (0.13, version 2 of the format). A shard is

    number of samples n (u32) ‖ where each begins, and the last ends ((n + 1) × u32) ‖
    the columns as JSON ‖ the samples, each its columns by name, little-endian

and `index.json` lists the shards in order. All columns have a fixed size, so samples are written
and read as arrays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.errors import ArtefactError
from upbringing.exports.laid import Laid
from upbringing.files import read_json, write_json

INDEX = "index.json"

_SIZE_LIMIT = 1 << 26
_U32 = np.dtype("<u4")


def write(folder: Path, laid: Laid) -> None:
    """Shards of at most 64 MiB each, or of one sample, and their index."""
    described, sample = _columns(laid), _sample(laid)
    config = json.dumps(described, sort_keys=True).encode()
    room = _SIZE_LIMIT - 2 * _U32.itemsize - len(config)
    at_once = max(1, room // (sample.itemsize + _U32.itemsize))
    shards = []
    for number, first in enumerate(range(0, laid.num_rows, at_once)):
        stop = min(first + at_once, laid.num_rows)
        size = stop - first
        begin = (size + 2) * _U32.itemsize + len(config)
        offsets = begin + sample.itemsize * np.arange(size + 1)
        file = folder / f"shard.{number:05d}.mds"
        with file.open("wb") as shard:
            shard.write(np.array([size, *offsets], _U32).tobytes() + config)
            for tokens_RT1, counts_RT in laid.blocks(first, stop):
                samples = np.empty(len(tokens_RT1), sample)
                samples["tokens"], samples["counted"] = tokens_RT1, counts_RT.sum(1)
                shard.write(samples.tobytes())
        raw = {"basename": file.name, "bytes": file.stat().st_size, "hashes": {}}
        shards.append({**described, "raw_data": raw, "samples": size, "zip_data": None})
    write_json(folder / INDEX, {"shards": shards, "version": 2})


def _columns(laid: Laid) -> dict[str, Any]:
    name = laid.dtype.newbyteorder("=").name
    size = (laid.row_length + 1) * laid.dtype.itemsize
    return {
        "column_encodings": ["int", f"ndarray:{name}:{laid.row_length + 1}"],
        "column_names": ["counted", "tokens"],
        "column_sizes": [8, size],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": _SIZE_LIMIT,
        "version": 2,
    }


def _sample(laid: Laid) -> np.dtype[Any]:
    return np.dtype([("counted", "<i8"), ("tokens", laid.dtype, (laid.row_length + 1,))])


def read(folder: Path, laid: Laid) -> Iterator[npt.NDArray[Any]]:
    """Samples in the order of the index, as rows of T + 1 tokens and the targets that count."""
    index = read_json(folder / INDEX)
    try:
        shards = [(folder / s["raw_data"]["basename"], s) for s in index["shards"]]
    except (KeyError, TypeError) as error:
        what = f"lists no shards ({error})"
        raise ArtefactError(what, where=str(folder / INDEX)) from error
    due = _columns(laid)
    for file, said in shards:
        differing = [key for key in due if said.get(key) != due[key]]
        if differing:
            what = f"says of {file.name} another {', '.join(differing)}"
            raise ArtefactError(what, where=str(folder / INDEX))
        for samples in _shard(file, said["samples"], _sample(laid)):
            yield np.hstack([samples["tokens"].astype(np.int64), samples["counted"][:, None]])


def _shard(file: Path, num_samples: int, sample: np.dtype[Any]) -> Iterator[npt.NDArray[Any]]:
    if not file.is_file():
        raise ArtefactError("is missing", where=str(file))
    content = np.memmap(file, dtype=np.uint8, mode="r") if file.stat().st_size else np.zeros(0)
    head = (num_samples + 2) * _U32.itemsize
    offsets = content[:head].view(_U32) if len(content) > head else np.zeros(1, _U32)
    steps = np.diff(offsets[1:].astype(np.int64))
    is_whole = offsets[0] == num_samples and offsets[-1] == len(content)
    if not is_whole or (steps != sample.itemsize).any():
        raise ArtefactError("is no shard of this index", where=str(file))
    samples = content[int(offsets[1]) :].view(sample)
    for first in range(0, num_samples, 1024):
        yield samples[first : first + 1024]
