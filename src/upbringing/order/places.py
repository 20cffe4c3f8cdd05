"""Places: a strategy gives each scene a place, a 64-bit sort key inside its phase.

A strategy takes the selected scenes and gives one unsigned 64-bit rank for each; the compile sorts
by (phase, rank, scene key). Ranks are integers so that an order never depends on rounding. To add
one, decorate a typed function with `@arrangement`: its name and its parameters are its YAML, each
validated by its annotation; what stands in the YAML without a name is the first parameter. A
function in a person's own file is named by path: `arrange: {"mine.py:tide": {by: num_bytes}}`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, get_type_hints

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticCustomError

from upbringing.errors import InputError
from upbringing.identity import Keys, keyed_hash
from upbringing.order.parameters import DATE, Reads, dated
from upbringing.order.sorting import Ranks, argsort, inverse, monotone
from upbringing.own_files import SUFFIX, run_file

Arrangement = Mapping[str, Mapping[str, Any]]
"""One strategy's name with its parameters, as `read_arrangement` gives it."""

_TOP = np.uint64((1 << 32) - 1)  # of the ranks of one measure


VECTORS = "vectors"
"""What a strategy reads that needs vectors; they are no column of the corpus."""


def _no_vectors() -> npt.NDArray[np.float32]:
    raise InputError("these scenes come without vectors")


@dataclass(frozen=True)
class Selected:
    """The scenes of one phase, in corpus order: their columns, shape (n,) each, and a draw.

    `vectors()` gives their vectors, (n, d) of length 1 or 0, to a strategy that reads `VECTORS`.
    """

    columns: pl.DataFrame
    seed: int
    purpose: str
    vectors: Callable[[], npt.NDArray[np.float32]] = _no_vectors

    def __len__(self) -> int:
        return self.columns.height

    @property
    def keys(self) -> Keys:
        """The 64-bit keys of the scenes' ids."""
        return self.columns["key"].to_numpy()

    @property
    def lots(self) -> Keys:
        """A keyed pseudo-random lot for each scene, from (seed, purpose, scene id)."""
        return keyed_hash(self.keys, self.seed, self.purpose)

    def other_lots(self, name: str) -> Keys:
        """A further lot for each scene, independent of `lots`."""
        return keyed_hash(self.keys, self.seed, f"{self.purpose}/{name}")

    def by(self, measure: str) -> Ranks:
        """Ranks below 2^32 that rise with a measure, or fall with `-measure`.

        Raises `InputError` for scenes without a date, where they are asked for.
        """
        name = measure.removeprefix("-")
        values = self.columns[name].to_numpy()
        if name == DATE:  # by rank, since dates lie closer than a float32 can tell
            values = np.unique(dated(values), return_inverse=True)[1]
        ranks = monotone(values)
        return np.subtract(_TOP, ranks, out=ranks) if measure.startswith("-") else ranks

    def positions(self, arrange: Arrangement) -> Ranks:
        """Where each scene would stand in another arrangement of the same scenes: 0 to n − 1."""
        return inverse(argsort(ranks_of(arrange, self), self.keys)).astype(np.uint64)

    def quantiles(self, measure: str) -> npt.NDArray[np.float64]:
        """(position + ½) / n by a measure, in (0, 1)."""
        positions = self.positions({"sort": {"by": (measure,)}})
        return (positions.astype(np.float64) + 0.5) / len(self)


@dataclass(frozen=True)
class _Strategy:
    """A registered function, the columns it always reads, its parameters and their defaults."""

    function: Callable[..., Ranks]
    reads: tuple[str, ...]
    columns: Mapping[str, Reads]
    parameters: Mapping[str, TypeAdapter[Any]]
    defaults: Mapping[str, Any]


_STRATEGIES: dict[str, _Strategy] = {}


def arrangement(
    *, reads: tuple[str, ...] = ()
) -> Callable[[Callable[..., Ranks]], Callable[..., Ranks]]:
    """Register a strategy; `reads` names columns that it needs beside those of its parameters.

    Raises `ValueError` for a name that is taken.
    """

    def register(function: Callable[..., Ranks]) -> Callable[..., Ranks]:
        hints = get_type_hints(function, include_extras=True)
        _, *names = inspect.signature(function).parameters
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is not parameter.empty
        }
        columns = {
            name: mark
            for name in names
            for mark in getattr(hints[name], "__metadata__", ())
            if isinstance(mark, Reads)
        }
        adapters = {name: TypeAdapter(hints[name]) for name in names}
        name, module, needs = function.__name__, function.__module__, reads
        if module.endswith(SUFFIX):  # a person's own file, on which the order depends too
            name, needs = f"{module}:{name}", (*reads, module)
        if name in _STRATEGIES and _STRATEGIES[name].function.__module__ != module:
            raise ValueError(f"there is an arrangement called {name!r} already")
        _STRATEGIES[name] = _Strategy(function, needs, columns, adapters, defaults)
        return function

    return register


def strategies() -> Mapping[str, _Strategy]:
    """Every strategy of the package by its name, with its function, parameters and defaults."""
    return {name: of for name, of in _STRATEGIES.items() if SUFFIX not in name}


def known_arrangements() -> list[str]:
    """The names that `arrange:` takes, without those of files."""
    return sorted(strategies())


def read_arrangement(said: Any) -> Arrangement:
    """`shuffle`, `{sort: num_bytes}` or `{pacing: {by: num_bytes}}` → name and parameters, all of
    them, defaults filled in.

    Raises `ValueError` (pydantic's, where a parameter has the wrong type) for what does not fit.
    """
    if isinstance(said, str):
        name, setting = said, None
    elif isinstance(said, Mapping) and len(said) == 1:
        name, setting = next(iter(said.items()))
    else:
        raise ValueError("an arrangement is one name, or one name with its setting")
    file, is_own, _ = str(name).rpartition(f"{SUFFIX}:")
    if is_own:
        run_file(f"{file}{SUFFIX}")
    if name not in _STRATEGIES:
        inside = [own for own in _STRATEGIES if is_own and own.startswith(f"{file}{SUFFIX}:")]
        raise PydanticCustomError(
            "unknown_arrangement",
            "no arrangement is called {name}",
            {"name": name, "known": inside or known_arrangements()},
        )
    return {name: _parameters(name, _STRATEGIES[name], setting)}


def _parameters(name: str, strategy: _Strategy, setting: Any) -> dict[str, Any]:
    known = list(strategy.parameters)
    if setting is None:
        given: dict[str, Any] = {}
    elif not known:
        raise ValueError(f"{name!r} takes no setting")
    elif isinstance(setting, Mapping) and set(setting) <= set(known):
        given = dict(setting)
    elif isinstance(setting, Mapping) and (
        set(setting) & set(known) or not _takes_mapping(strategy.parameters[known[0]])
    ):
        wrong = next(key for key in setting if key not in known)
        raise PydanticCustomError(
            "unknown_parameter",
            "{strategy} has no parameter {name}",
            {"strategy": name, "name": wrong, "known": known},
        )
    else:
        given = {known[0]: setting}
    missing = [key for key in known if key not in given and key not in strategy.defaults]
    if missing and missing == known[:1]:
        raise ValueError(f"{name!r} needs a setting: `{{{name}: …}}`")
    if missing:
        raise ValueError(f"{name!r} needs {missing[0]!r}: `{{{name}: {{{missing[0]}: …}}}}`")
    arguments = {**strategy.defaults, **given}
    return {key: _validated(strategy.parameters[key], arguments[key]) for key in known}


def _takes_mapping(parameter: TypeAdapter[Any]) -> bool:
    """Whether a mapping may stand for the parameter: an arrangement, or values by their names."""
    try:
        schema = parameter.json_schema()
    except PydanticInvalidForJsonSchema:  # it is read by a function
        return True
    return any(form.get("type", "object") == "object" for form in schema.get("anyOf", [schema]))


def _validated(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        # A further error type of pydantic's own would hide what is allowed and what is near.
        if "known" in first.get("ctx", {}):
            raise PydanticCustomError(first["type"], first["msg"], first["ctx"]) from error
        raise


def columns_read(arrange: Arrangement) -> tuple[str, ...]:
    """The corpus columns that an arrangement needs besides key, `VECTORS` if it needs them, and
    the files of a person's own that it is written in.
    """
    name, parameters = next(iter(arrange.items()))
    strategy = _STRATEGIES[name]
    read = (mark.columns(parameters[key]) for key, mark in strategy.columns.items())
    return tuple(dict.fromkeys([*strategy.reads, *chain.from_iterable(read)]))


def ranks_of(arrange: Arrangement, scenes: Selected) -> Ranks:
    """The ranks, shape (n,), that `arrange` gives.

    Raises `InputError` for what a person's own strategy raises, and where it gives no ranks.
    """
    name, parameters = next(iter(arrange.items()))
    try:
        ranks = _STRATEGIES[name].function(scenes, **parameters)
    except InputError:
        raise
    except Exception as error:
        if SUFFIX not in name:
            raise
        raise InputError(f"{name} fails: {type(error).__name__}: {error}") from error
    if not (isinstance(ranks, np.ndarray) and ranks.dtype == np.uint64):
        kind = getattr(ranks, "dtype", type(ranks).__name__)
        raise InputError(f"{name} gives {kind}", do="give a rank for each scene, as uint64")
    if ranks.shape != (len(scenes),):
        what = f"{name} gives ranks of shape {ranks.shape} for {len(scenes)} scenes"
        raise InputError(what, do="give a rank for each scene")
    return ranks


def say_arrangement(arrange: Arrangement) -> Any:
    """The shortest YAML that `read_arrangement` reads as this arrangement."""
    name, parameters = next(iter(arrange.items()))
    strategy = _STRATEGIES[name]
    said = {
        key: strategy.parameters[key].dump_python(value, mode="json")
        for key, value in parameters.items()
        if key not in strategy.defaults
        or value != _validated(strategy.parameters[key], strategy.defaults[key])
    }
    if not said:
        return name
    first = next(iter(strategy.parameters))
    alone = list(said) == [first] and not (
        isinstance(said[first], Mapping) and len(strategy.parameters) > 1
    )
    return {name: said[first] if alone else said}


Inside = Annotated[
    Any, BeforeValidator(read_arrangement), PlainSerializer(say_arrangement), Reads(columns_read)
]
"""An arrangement as a parameter or in a curriculum: read by its YAML, written as the shortest."""
