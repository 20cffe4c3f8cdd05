"""Index files of Megatron, GPT-NeoX and Pythia: the order in which documents begin to be read.

    *document_index.npy, *doc_idx.npy       (d,) documents, epochs one after another
    *sample_index.npy, *sample_idx.npy      (s + 1, 2) entry of the document index, place in it:
                                            where each sample of tokens begins
    *shuffle_index.npy, *shuffle_idx.npy    (s,) the samples as they are read

A sample is cut anywhere, and samples are read in a shuffled order. A document then begins in one
place and goes on in another; an order of scenes has it where it begins. How often that is so is
counted. The pre-shuffled token files of Pythia (`document.bin`) name no documents, and cannot be
mapped to scenes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.errors import InputError, Problem
from upbringing.exports.lists import numbers_in

_NAMES = {
    "document": ("document_index.npy", "doc_idx.npy"),
    "sample": ("sample_index.npy", "sample_idx.npy"),
    "shuffle": ("shuffle_index.npy", "shuffle_idx.npy"),
}

Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Read:
    """Documents as they are read.

    documents   (n,) their numbers, each where it begins
    num_apart   samples that go on inside a document and are not read behind the sample before
    num_unread  entries of the document index that begin in no sample
    """

    documents: Numbers
    num_apart: int
    num_unread: int


def documents_read(folder: Path) -> Read:
    """What the three files of a folder say; raises `InputError` where they do not fit together."""
    files = {what: _found(folder, names) for what, names in _NAMES.items()}
    problems = [file for file in files.values() if isinstance(file, Problem)]
    if problems:
        raise InputError(problems)
    paths = {what: file for what, file in files.items() if isinstance(file, Path)}
    documents = numbers_in(paths["document"], 1)
    samples, shuffle = numbers_in(paths["sample"], 2), numbers_in(paths["shuffle"], 1)
    num_samples = len(samples) - 1
    if samples.shape[1] != 2 or num_samples < 1:
        what = f"has the shape {samples.shape}"
        raise InputError(what, where=str(paths["sample"]), allowed="(samples + 1, 2)")
    # An entry belongs to the sample in which it begins, at place 0.
    borders = samples[:, 0].astype(np.int64) + (samples[:, 1] > 0)
    if (np.diff(borders) < 0).any() or borders[0] < 0 or borders[-1] > len(documents):
        what = f"does not cut the {len(documents):,} entries of {paths['document'].name}"
        raise InputError(what, where=str(paths["sample"]))
    if ((shuffle < 0) | (shuffle >= num_samples)).any():
        what = f"names samples that {paths['sample'].name} lacks"
        raise InputError(what, where=str(paths["shuffle"]), allowed=f"0 to {num_samples - 1}")
    order = shuffle.astype(np.int64)
    sizes = np.diff(borders)[order]
    begins = borders[:-1][order] - (sizes.cumsum() - sizes)
    entries = np.repeat(begins, sizes) + np.arange(sizes.sum())
    before = np.append(-1, order[:-1])
    num_apart = int(((samples[:-1, 1][order] > 0) & (before != order - 1)).sum())
    return Read(documents[entries], num_apart, len(documents) - len(np.unique(entries)))


def _found(folder: Path, names: tuple[str, ...]) -> Path | Problem:
    found = sorted(file for name in names for file in folder.glob(f"*{name}"))
    if len(found) == 1:
        return found[0]
    what = f"holds {len(found)} files called …{' or …'.join(names)}"
    return Problem(what, str(folder), "one of each kind of index")
