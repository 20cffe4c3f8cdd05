"""Strategies: each gives scenes their places, 64-bit sort keys inside a phase.

A strategy takes the selected scenes and gives one unsigned 64-bit rank for each; the compile sorts
by (phase, rank, scene key). Ranks are integers so that an order never depends on rounding. To add
one, decorate a typed function with `@arrangement`: its name is its name in the YAML, its second
parameter, if any, the setting that the YAML gives it, validated by its annotation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import AfterValidator, TypeAdapter
from pydantic_core import PydanticCustomError

from upbringing.corpus.measures import MEASURES
from upbringing.errors import InputError
from upbringing.identity import Keys, keyed_hash

Ranks = npt.NDArray[np.uint64]

_SORTABLE = tuple(MEASURES)


def _is_sortable(measure: str) -> str:
    name = measure.removeprefix("-")
    if name not in _SORTABLE:
        raise PydanticCustomError(
            "unknown_measure",
            "no measure is called {name}",
            {"name": name, "known": list(_SORTABLE)},
        )
    return measure


Measure = Annotated[str, AfterValidator(_is_sortable)]


@dataclass(frozen=True)
class _Strategy:
    """A registered function, the columns it reads for a setting, the type of that setting."""

    function: Callable[..., Ranks]
    reads: Callable[[Any], tuple[str, ...]]
    setting: TypeAdapter[Any] | None


_STRATEGIES: dict[str, _Strategy] = {}


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
        _, *settings = list(get_type_hints(function, include_extras=True).values())[:-1]
        setting = TypeAdapter(settings[0]) if settings else None
        _STRATEGIES[function.__name__] = _Strategy(function, reads, setting)
        return function

    return register


def known_arrangements() -> list[str]:
    """The names that `arrange:` takes."""
    return sorted(_STRATEGIES)


def check_setting(name: str, setting: Any) -> Any:
    """The setting of a known arrangement, validated.

    Raises `ValueError` (pydantic's, for a wrong type) where it does not fit.
    """
    wanted = _STRATEGIES[name].setting
    if wanted is None and setting is not None:
        raise ValueError(f"{name!r} takes no setting")
    if wanted is not None and setting is None:
        raise ValueError(f"{name!r} needs a setting: `{{{name}: …}}`")
    return wanted and wanted.validate_python(setting)


def columns_read(arrange: dict[str, Any]) -> tuple[str, ...]:
    """The corpus columns that an arrangement needs besides key."""
    name, setting = next(iter(arrange.items()))
    return _STRATEGIES[name].reads(setting)


def ranks_of(arrange: dict[str, Any], scenes: Selected) -> Ranks:
    """The ranks, shape (n,), that `arrange` (one name with its setting or None) gives."""
    name, setting = next(iter(arrange.items()))
    arguments = () if setting is None else (setting,)
    return _STRATEGIES[name].function(scenes, *arguments)


@arrangement(reads=lambda _: ("document", "place"))
def as_is(scenes: Selected) -> Ranks:
    """The order of the corpus: documents as they were read, scenes as they stand in them."""
    return np.arange(scenes.columns.height, dtype=np.uint64)


@arrangement()
def shuffle(scenes: Selected) -> Ranks:
    """A random order: the keyed lot of each scene's id."""
    return scenes.lots


@arrangement(reads=lambda measure: (measure.removeprefix("-"),))
def sort(scenes: Selected, measure: Measure) -> Ranks:
    """By a measure, rising; `-measure` falls. Equal values stay together, by scene key."""
    rank = scenes.columns[measure.removeprefix("-")].rank("dense").to_numpy().astype(np.uint64)
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
