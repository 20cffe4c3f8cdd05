"""Selections: which scenes, as a person writes it → which rows, as a mask.

A selection matches on columns, on ranges of measures and on other selections, and deals a share of
what matches. A mask is a Polars series, of one bit a row: an eighth of the memory of NumPy's. What
the corpus does not have is a problem at its place in the file; all problems of a curriculum are
gathered before any is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from upbringing.corpus.vectors import Vectors
from upbringing.errors import Problem
from upbringing.identity import Keys, keyed_hash
from upbringing.order.nearest import UNIT, on_grid
from upbringing.order.parameters import measurable
from upbringing.order.places import VECTORS
from upbringing.order.sorting import Unsigned, argsort, coded
from upbringing.settings import Settings, suggestion

Mask = pl.Series
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


def _as_day(said: Any) -> Any:
    """A date as it stands in YAML, in days since 1970-01-01: the unit of a corpus's dates."""
    return (said - date(1970, 1, 1)).days if type(said) is date else said


_Bound = Annotated[float | None, BeforeValidator(_as_day)]
Range = Annotated[tuple[_Bound, _Bound], AfterValidator(_is_range)]


class Near(Settings):
    """Scenes near an example: a `text`, or a `scene` of the life by its id.

    top     the so many nearest
    radius  all whose cosine to the example is at least 1 − radius
    """

    text: Annotated[str, Field(min_length=1)] | None = None
    scene: str | None = None
    top: Annotated[int, Field(ge=1)] | None = None
    radius: Annotated[float, Field(ge=0, le=2)] | None = None

    @model_validator(mode="after")
    def _says_what_and_how_far(self) -> Near:
        if (self.text is None) == (self.scene is None):
            raise ValueError("near an example: either a `text` or a `scene`")
        if (self.top is None) == (self.radius is None):
            raise ValueError("how near: either `top`, a number of scenes, or a `radius`")
        return self


class Selection(Settings):
    """Scenes that match every field given; `part` then keeps a share of their bytes.

    kind … id  one name or several
    measures   a range [least, most] of a measure, or of `date`, ends included, null for no bound
    near       of what matches all else, the scenes whose vectors are near an example's
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
    near: Near | None = None
    part: tuple[float, float] | None = None

    @field_validator("measures")
    @classmethod
    def _measures_are_known(cls, said: dict[str, Range] | None) -> dict[str, Range] | None:
        unknown = [name for name in said or () if name not in measurable()]
        if unknown:
            allowed = ", ".join(measurable())
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
        if self.near is not None:
            yield VECTORS
            yield from ("id",) if self.near.scene is not None else ()
        for inner in (*(self.any_of or ()), *(self.none_of or ())):
            yield from inner.reads()


@dataclass(frozen=True)
class Scenes:
    """The scenes that selections choose among: a frame with the columns that they read, and with
    `row`, where their vectors stand.
    """

    frame: pl.DataFrame
    vectors: Vectors | None = None
    _codes: dict[str, tuple[Unsigned, list[str]]] = field(default_factory=dict)

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

    def codes(self, column: str) -> tuple[Unsigned, list[str]]:
        """A text column as numbers, (n,), and its values by number; made once a column."""
        if column not in self._codes:
            self._codes[column] = coded(self.frame[column])
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
        chosen = _all_or_none(len(self.scenes), True)
        for column in COLUMNS:
            wanted: tuple[str, ...] | None = getattr(selection, column)
            if wanted is not None:
                chosen &= self._named(column, wanted, (*path, column))
        for measure, (low, high) in (selection.measures or {}).items():
            values = self.scenes.frame[measure].to_numpy()
            chosen &= pl.Series(values >= (-np.inf if low is None else low))
            chosen &= pl.Series(values <= (np.inf if high is None else high))
        if selection.any_of is not None:
            chosen &= self._one_of(selection.any_of, (*path, "any_of"))
        if selection.none_of is not None:
            chosen &= ~self._one_of(selection.none_of, (*path, "none_of"))
        if selection.near is not None:
            chosen = self._near(chosen, selection.near, (*path, "near"))
        return chosen if selection.part is None else self._dealt(chosen, selection.part)

    def _near(self, chosen: Mask, near: Near, path: Path) -> Mask:
        """Those of the chosen that are near the example, ties by key."""
        vectors, row = self.scenes.vectors, self.scenes.frame["row"].to_numpy()
        assert vectors is not None, "a selection that says `near` reads the vectors"
        if near.scene is not None:
            found = self._named("id", (near.scene,), (*path, "scene")).arg_true()
            if not len(found):
                return chosen
            example = vectors.values[row[found[0]]]
        elif vectors.map_text is not None:
            example = vectors.map_text(near.text or "")
        else:
            what = "a table of vectors has no place for a text"
            where = self.origin.where(*path, "text")
            self.problems.append(Problem(what, where, do="name a `scene` that is like it"))
            return chosen
        rows = chosen.arg_true().to_numpy()
        # On the grid a product is exact, so that no tie is decided by how a sum was added up.
        nearness = on_grid(vectors.values[row[rows]]) @ on_grid(example[None])[0]
        if near.radius is not None:
            kept = rows[nearness >= (1 - near.radius) * UNIT**2]
        else:
            kept = rows[np.lexsort((self.scenes.keys[rows], -nearness))[: near.top]]
        return _at(kept, len(chosen))

    def _one_of(self, selections: Sequence[Selection], path: Path) -> Mask:
        held = _all_or_none(len(self.scenes), False)
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
        return pl.Series(codes).is_in(found)

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
        rows = chosen.arg_true().to_numpy()
        keys = self.scenes.keys[rows]
        dealt = rows[argsort(keyed_hash(keys, self.seed, "part"), keys)]
        num_bytes = self.scenes.num_bytes[dealt]
        before = num_bytes.cumsum() - num_bytes
        low, high = (share * num_bytes.sum() for share in part)
        return _at(dealt[(before >= low) & (before < high)], len(chosen))


def _all_or_none(num_rows: int, chosen: bool) -> Mask:
    return pl.repeat(chosen, num_rows, dtype=pl.Boolean, eager=True)


def _at(rows: npt.NDArray[np.integer], num_rows: int) -> Mask:
    """A mask of these rows."""
    mask = np.zeros(num_rows, dtype=bool)
    mask[rows] = True
    return pl.Series(mask)
