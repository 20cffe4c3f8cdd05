"""Megatron's index cache: the indices of an export, laid where a `GPTDataset` looks for its own.

Megatron describes a dataset in JSON (its path, number of samples, seed, row length, split,
tokenizer) and looks in its cache for arrays that are named after the MD5 of that text. What it
finds there it takes as it is; what it does not find it makes, shuffled.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from upbringing.errors import InputError, Problem
from upbringing.exports.megatron import INDICES, PREFIX
from upbringing.exports.options import FORMAT
from upbringing.files import open_manifest, staged_file, write_text

_CLASS, _SPLIT = "GPTDataset", "train"
_WHOLE = [[0, 1.0], None, None]


def index_cache(export: Path | str, config: Any, num_samples: int | None) -> Path:
    """Lay the indices of an export where a `GPTDataset` of `config` will look, in one process.

    `config` is the trainer's `GPTDatasetConfig`, with `path_to_cache`; `num_samples` is what it
    asks of the train split (`--train-samples`, or iterations × global batch size). Gives the file
    of the description. Raises `InputError` where that dataset would not be this order.
    """
    place = Path(export)
    manifest = open_manifest(place, FORMAT, whole=False)
    said = {
        "class": _CLASS,
        "dataset_path": config.blend[0][0],
        "num_samples": num_samples,
        "index_split": _SPLIT,
        **{name: getattr(config, name) for name in ("random_seed", "sequence_length", "split")},
        "split_matrix": config.split_matrix,
        "tokenizer": config.tokenizer,
    }
    description = json.dumps(said, indent=4, default=lambda known: known.unique_identifiers)
    if Path(said["dataset_path"]).resolve() != (place / "data" / PREFIX).resolve():
        what = f"the dataset is {said['dataset_path']}"
        raise InputError(what, where=str(place), allowed=str(place / "data" / PREFIX))
    if config.path_to_cache is None:
        raise InputError("the dataset has no index cache", do="set `path_to_cache`")
    row_length, num_rows = manifest.recipe["row_length"], manifest.facts["num_rows"]
    check_description(description, row_length, num_rows, where="the dataset's configuration")
    return lay_indices(place / "data", Path(config.path_to_cache), description)


def check_description(description: str, row_length: int, num_rows: int, *, where: str) -> None:
    """Raise `InputError` unless a dataset so described reads the rows of an export once."""
    try:
        said = json.loads(description)
        found = {key: said[key] for key in ("class", "index_split", "sequence_length")}
        matrix, num_samples = said["split_matrix"], said["num_samples"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        what = f"is not what Megatron writes of a GPTDataset: {error}"
        raise InputError(what, where=where) from error
    due = {"class": _CLASS, "index_split": _SPLIT, "sequence_length": row_length}
    problems = [
        Problem(f"{key} is {found[key]!r}", where, repr(due[key]))
        for key in due
        if found[key] != due[key]
    ]
    if matrix is None or list(matrix[0] or ()) != _WHOLE[0]:
        problems.append(Problem("not all documents are for training", where, "split 100,0,0"))
    if num_samples is not None and num_samples > num_rows:
        what = f"{num_samples:,} samples are asked for, and the order has {num_rows:,} rows"
        do = "train for fewer samples, or export an order with more passes"
        problems.append(Problem(what, where, do=do))
    if problems:
        raise InputError(problems)


def lay_indices(data: Path, cache: Path, description: str) -> Path:
    """Lay the index arrays in `data` under the names that a description asks for."""
    digest = hashlib.md5(description.encode(), usedforsecurity=False).hexdigest()
    stem = f"{digest}-{_CLASS}-{_SPLIT}"
    cache.mkdir(parents=True, exist_ok=True)
    for name in INDICES:
        array = np.load(data / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        with staged_file(cache / f"{stem}-{name}.npy") as draft, draft.open("wb") as file:
            np.save(file, array)
    described = cache / f"{stem}-description.txt"
    write_text(described, description)
    return described
