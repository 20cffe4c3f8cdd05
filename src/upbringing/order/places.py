"""Strategies: each gives scenes their places, 64-bit sort keys inside a phase.

A strategy takes the selected scenes and gives one unsigned 64-bit rank for each; the compile sorts
by (phase, rank, scene id). Ranks are integers so that an order never depends on rounding. To add
one, decorate a typed function with `@arrangement`: its name is its name in the YAML, its one
setting, if any, what the YAML gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.errors import InputError
from upbringing.identity import Keys, keyed_hash
from upbringing.settings import suggestion

Ranks = npt.NDArray[np.uint64]

_STRATEGIES: dict[str, Callable[..., Ranks]] = {}
_COLUMNS_READ: dict[str, Callable[[Any], tuple[str, ...]]] = {}
_SORTABLE = ("num_bytes", "num_words", "compression_ratio", "unigram_surprisal")


@dataclass(frozen=True)
class Selected:
    """The scenes of one phase, in corpus order: their columns, shape (n,) each, and a draw."""

    columns: pl.DataFrame
    seed: int
    purpose: str

    @property
    def keys(self) -> Keys:
        """The 64-bit keys of the scenes' ids."""
        return self.columns["key"].to_numpy()

    @property
    def lots(self) -> Keys:
        """A keyed pseudo-random lot for each scene, from (seed, purpose, scene id)."""
        return keyed_hash(self.keys, self.seed, self.purpose)


def arrangement(
    *, reads: Callable[[Any], tuple[str, ...]] = lambda _: ()
) -> Callable[[Callable[..., Ranks]], Callable[..., Ranks]]:
    """Register a strategy; `reads` names the columns it needs for a given setting."""

    def register(function: Callable[..., Ranks]) -> Callable[..., Ranks]:
        _STRATEGIES[function.__name__] = function
        _COLUMNS_READ[function.__name__] = reads
        return function

    return register


def known_arrangements() -> list[str]:
    """The names that `arrange:` takes."""
    return sorted(_STRATEGIES)


def columns_read(arrange: dict[str, Any]) -> tuple[str, ...]:
    """The corpus columns that an arrangement needs besides key."""
    name, setting = next(iter(arrange.items()))
    return _COLUMNS_READ[name](setting)


def ranks_of(arrange: dict[str, Any], scenes: Selected) -> Ranks:
    """The ranks, shape (n,), that `arrange` (one name with its setting or None) gives."""
    name, setting = next(iter(arrange.items()))
    arguments = () if setting is None else (setting,)
    try:
        return _STRATEGIES[name](scenes, *arguments)
    except TypeError as error:
        raise InputError(f"arrangement {name!r}: {error}", do=f"see {name} in the docs") from error


@arrangement(reads=lambda _: ("document", "place"))
def as_is(scenes: Selected) -> Ranks:
    """The order of the corpus: documents as they were read, scenes as they stand in them."""
    return np.arange(scenes.columns.height, dtype=np.uint64)


@arrangement()
def shuffle(scenes: Selected) -> Ranks:
    """A random order: the keyed lot of each scene's id."""
    return scenes.lots


def _sort_column(measure: Any) -> tuple[str, ...]:
    name = str(measure).removeprefix("-")
    if name not in _SORTABLE:
        raise InputError(
            f"no measure is called {name!r}",
            allowed=", ".join(_SORTABLE),
            do=suggestion(name, _SORTABLE),
        )
    return (name,)


@arrangement(reads=_sort_column)
def sort(scenes: Selected, measure: str) -> Ranks:
    """By a measure, rising; `-measure` falls. Equal values stay together, by scene id."""
    (name,) = _sort_column(measure)
    rank = scenes.columns[name].rank("dense").to_numpy().astype(np.uint64)
    return rank.max(initial=np.uint64(0)) - rank if measure.startswith("-") else rank


@arrangement(reads=lambda _: ("kind",))
def blocks(scenes: Selected, kinds: Sequence[str]) -> Ranks:
    """One kind after another as listed, shuffled inside each; every kind must be listed."""
    found = scenes.columns["kind"]
    missing = sorted(set(found.unique()) - set(kinds))
    if missing:
        raise InputError(
            f"`blocks` leaves out {', '.join(missing)}", do="list every kind that the phase selects"
        )
    block = found.replace_strict(list(kinds), list(range(len(kinds))), return_dtype=pl.UInt64)
    # The high bits hold the block, the rest a lot: 2^16 kinds, 2^48 lots.
    return (block.to_numpy() << np.uint64(48)) | (scenes.lots >> np.uint64(16))
