"""Selections: which scenes, as a person writes it → which rows, as a mask.

A selection matches on columns, on ranges of measures and on other selections, and deals a share of
what matches. What the corpus does not have is a problem at its place in the file; all problems of a
curriculum are gathered before any is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from upbringing.corpus.measures import MEASURES
from upbringing.errors import Problem
from upbringing.identity import Keys, keyed_hash
from upbringing.order.sorting import argsort
from upbringing.settings import Settings, suggestion

Mask = npt.NDArray[np.bool_]
Path = tuple[int | str, ...]

COLUMNS = ("kind", "lang", "work", "document", "source", "id")
_MOST_SHOWN = 20

Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda said: [said] if isinstance(said, str) else said),
    Field(min_length=1),
]


def _is_range(said: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    low, high = said
    if low is not None and high is not None and low > high:
        raise ValueError("a range is [least, most], either of them null for no bound")
    return said


Range = Annotated[tuple[float | None, float | None], AfterValidator(_is_range)]


class Selection(Settings):
    """Scenes that match every field given; `part` then keeps a share of their bytes.

    kind … id  one name or several
    measures   a range [least, most] of a measure, ends included, null for no bound
    any_of     scenes that one of these selections holds
    none_of    scenes that none of these holds
    part       `[0, 0.5]` and `[0.5, 1]` of one selection are disjoint halves, dealt by a keyed hash
    """

    kind: Names | None = None
    lang: Names | None = None
    work: Names | None = None
    document: Names | None = None
    source: Names | None = None
    id: Names | None = None
    measures: dict[str, Range] | None = None
    any_of: Annotated[tuple[Selection, ...], Field(min_length=1)] | None = None
    none_of: Annotated[tuple[Selection, ...], Field(min_length=1)] | None = None
    part: tuple[float, float] | None = None

    @field_validator("measures")
    @classmethod
    def _measures_are_known(cls, said: dict[str, Range] | None) -> dict[str, Range] | None:
        unknown = [name for name in said or () if name not in MEASURES]
        if unknown:
            allowed = ", ".join(MEASURES)
            raise ValueError(f"no measure is called {unknown[0]!r}; allowed: {allowed}")
        return said

    @field_validator("part")
    @classmethod
    def _part_is_a_range(cls, part: tuple[float, float] | None) -> tuple[float, float] | None:
        if part is not None and not 0 <= part[0] < part[1] <= 1:
            raise ValueError("a part is [from, to] with 0 ≤ from < to ≤ 1")
        return part

    def reads(self) -> Iterator[str]:
        """The columns that it depends on besides key and num_bytes."""
        yield from (name for name in COLUMNS if getattr(self, name) is not None)
        yield from self.measures or ()
        for inner in (*(self.any_of or ()), *(self.none_of or ())):
            yield from inner.reads()


@dataclass(frozen=True)
class Scenes:
    """The scenes that selections choose among: a frame with the columns that they read."""

    frame: pl.DataFrame
    _codes: dict[str, tuple[npt.NDArray[np.uint32], list[str]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.frame.height

    @cached_property
    def keys(self) -> Keys:
        """The scenes' keys, (n,)."""
        return self.frame["key"].to_numpy()

    @cached_property
    def num_bytes(self) -> npt.NDArray[np.int64]:
        """Bytes of each scene, (n,)."""
        return self.frame["num_bytes"].to_numpy().astype(np.int64)

    def codes(self, column: str) -> tuple[npt.NDArray[np.uint32], list[str]]:
        """A text column as numbers, (n,), and its values by number, sorted; made once a column."""
        if column not in self._codes:
            values = self.frame[column].unique().sort()
            codes = self.frame[column].cast(pl.Enum(values)).to_physical().to_numpy()
            self._codes[column] = codes.astype(np.uint32, copy=False), values.to_list()
        return self._codes[column]


@dataclass(frozen=True)
class Chooser:
    """Evaluates the selections of one file; `problems` gathers what is wrong with them."""

    scenes: Scenes
    origin: Settings
    seed: int
    problems: list[Problem] = field(default_factory=list)

    def choose(self, selection: Selection, path: Path) -> Mask:
        """The scenes of a selection that stands at `path` in the file, (n,)."""
        chosen = np.ones(len(self.scenes), dtype=bool)
        for column in COLUMNS:
            wanted: tuple[str, ...] | None = getattr(selection, column)
            if wanted is not None:
                chosen &= self._named(column, wanted, (*path, column))
        for measure, (low, high) in (selection.measures or {}).items():
            values = self.scenes.frame[measure].to_numpy()
            chosen &= (values >= (-np.inf if low is None else low)) & (
                values <= (np.inf if high is None else high)
            )
        if selection.any_of is not None:
            chosen &= self._one_of(selection.any_of, (*path, "any_of"))
        if selection.none_of is not None:
            chosen &= ~self._one_of(selection.none_of, (*path, "none_of"))
        return chosen if selection.part is None else self._dealt(chosen, selection.part)

    def _one_of(self, selections: Sequence[Selection], path: Path) -> Mask:
        held = np.zeros(len(self.scenes), dtype=bool)
        for place, selection in enumerate(selections):
            held |= self.choose(selection, (*path, place))
        return held

    def _named(self, column: str, wanted: tuple[str, ...], path: Path) -> Mask:
        codes, values = self.scenes.codes(column)
        code_of = {value: code for code, value in enumerate(values)}
        for place, value in enumerate(wanted):
            if value not in code_of:
                self._unknown(column, value, path if len(wanted) == 1 else (*path, place))
        found = [code_of[value] for value in wanted if value in code_of]
        return codes == found[0] if len(found) == 1 else np.isin(codes, found)

    def _unknown(self, column: str, value: str, path: Path) -> None:
        _, known = self.scenes.codes(column)
        self.problems.append(
            Problem(
                f"no scene has the {column} {value!r}",
                self.origin.where(*path),
                ", ".join(known[:_MOST_SHOWN]) + (", …" if len(known) > _MOST_SHOWN else ""),
                suggestion(value, known),
            )
        )

    def _dealt(self, chosen: Mask, part: tuple[float, float]) -> Mask:
        """Keep the share `part` of the chosen bytes, in the order of a keyed hash."""
        rows = np.flatnonzero(chosen)
        keys = self.scenes.keys[rows]
        dealt = rows[argsort(keyed_hash(keys, self.seed, "part"), keys)]
        num_bytes = self.scenes.num_bytes[dealt]
        before = num_bytes.cumsum() - num_bytes
        low, high = (share * num_bytes.sum() for share in part)
        kept = np.zeros_like(chosen)
        kept[dealt[(before >= low) & (before < high)]] = True
        return kept
