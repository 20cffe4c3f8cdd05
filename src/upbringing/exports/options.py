"""What an export is asked for: a format and the options that it takes, all mistakes at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upbringing.errors import InputError, Problem
from upbringing.order import packing_named
from upbringing.settings import suggestion

FORMAT = "export/1"

VISIT_FORMATS = ("jsonl", "parquet", "hf")
"""Formats that hold a record a visit, with its text."""
ROW_FORMATS = ("numpy", "rows", "megatron", "mds")
"""Formats that hold rows of tokens."""
FORMATS = (*VISIT_FORMATS, *ROW_FORMATS)

_TAKES = {
    **{name: {"ranks"} for name in VISIT_FORMATS},
    "numpy": {"tokenizer", "row_length", "packing", "batch_size"},
    "rows": {"tokenizer", "row_length", "packing"},
    "megatron": {"tokenizer", "row_length", "batch_size", "description"},
    "mds": {"tokenizer", "row_length", "packing", "ranks"},
}
_WHY_NOT = {
    "tokenizer": "it holds texts",
    "row_length": "it holds texts",
    "packing": "it cuts one stream of tokens into rows",
    "ranks": "it holds the order for any number of them",
    "batch_size": "its reader drops no row",
    "description": "only Megatron has an index cache",
}


@dataclass(frozen=True)
class ExportOptions:
    """How an order is exported. Raises `InputError` for what the format does not take, or needs.

    tokenizer    a `tokenizer.json` or a folder with one; of formats that hold tokens
    row_length   tokens of a row, T
    packing      `stream` by default
    ranks        the processes that read it; 1 by default where the format takes it
    batch_size   rows of an optimiser step: the last one is filled, so that none is dropped
    description  a file that Megatron wrote of its dataset, to lay the index cache for
    """

    format: str
    tokenizer: Path | None = None
    row_length: int | None = None
    packing: str | None = None
    ranks: int | None = None
    batch_size: int | None = None
    description: Path | None = None

    def __post_init__(self) -> None:
        check_format(self.format)
        problems = list(self._problems())
        if problems:
            raise InputError(problems)
        packing_named(self.packing or "stream", "across")

    @property
    def multiple(self) -> int:
        """The rows come in multiples of so many, fillers included."""
        return self.ranks or self.batch_size or 1

    @property
    def recipe(self) -> dict[str, Any]:
        """What the content depends on beside the inputs; without what was not given."""
        said = {"as": self.format, "row_length": self.row_length, "packing": self.packing}
        said |= {"ranks": self.ranks, "batch_size": self.batch_size}
        return {name: value for name, value in said.items() if value is not None}

    def _problems(self) -> Iterator[Problem]:
        takes = _TAKES[self.format]
        for name, why in _WHY_NOT.items():
            value, option = getattr(self, name), f"--{name.replace('_', '-')}"
            if value is not None and name not in takes:
                yield Problem(f"{self.format} takes no {option}: {why}", do="leave it out")
            elif isinstance(value, int) and value < 1:
                yield Problem(f"{option} {value}", allowed="1 and more")
        for name in ("tokenizer", "row_length"):
            if name in takes and getattr(self, name) is None:
                yield Problem(f"{self.format} holds tokens", do=f"say --{name.replace('_', '-')}")
        if self.format == "mds" and self.ranks is None:
            yield Problem(
                "mds holds an order for a number of ranks only: where the rows do not divide by "
                "it, StreamingDataset feeds some twice",
                do="say --ranks: the processes of all nodes that will read it",
            )


def check_format(name: str) -> None:
    """Raise `InputError` for a format that is not known."""
    if name not in FORMATS:
        raise InputError(
            f"no format is called {name!r}",
            allowed=", ".join(FORMATS),
            do=suggestion(name, FORMATS),
        )
