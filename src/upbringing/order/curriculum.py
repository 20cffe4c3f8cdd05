"""`ltm_curriculum.yaml`: who comes when, as a person writes it.

A curriculum is a list of phases. Each phase says which scenes it owns, how they are arranged inside
it, and which levers hold while it lasts. What is wrong in the file is reported at once, each
mistake at its line and column.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML

from upbringing.order.places import known_arrangements
from upbringing.settings import Settings, load_settings, parse_settings


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Selection(Settings):
    """Scenes that match every field given; `part` then keeps a share of their bytes.

    `part: [0, 0.5]` and `part: [0.5, 1]` of the same selection are disjoint halves, dealt by a
    keyed hash of the scene's id.
    """

    kind: Names | None = None
    lang: Names | None = None
    work: Names | None = None
    document: Names | None = None
    part: tuple[float, float] | None = None

    @field_validator("part")
    @classmethod
    def _part_is_a_range(cls, part: tuple[float, float] | None) -> tuple[float, float] | None:
        if part is not None and not 0 <= part[0] < part[1] <= 1:
            raise ValueError("a part is [from, to] with 0 ≤ from < to ≤ 1")
        return part


def _arrangement_is_known(value: Any) -> Any:
    """Accept `shuffle` and `{sort: difficulty}`; an unknown strategy lists the known ones."""
    known = known_arrangements()
    if isinstance(value, str):
        name = value
    elif isinstance(value, dict) and len(value) == 1:
        name = next(iter(value))
    else:
        raise ValueError("an arrangement is one name, or one name with its setting")
    if name not in known:
        raise PydanticCustomError(
            "unknown_arrangement", "no arrangement is called {name}", {"name": name, "known": known}
        )
    return {name: None} if isinstance(value, str) else dict(value)


Arrangement = Annotated[dict[str, Any], BeforeValidator(_arrangement_is_known)]


class Phase(Settings):
    """A named stretch of life: its scenes, their arrangement, its levers."""

    name: Annotated[str, Field(min_length=1)]
    scenes: Selection | Literal["rest"]
    arrange: Arrangement = Field(default_factory=lambda: {"shuffle": None})
    passes: Annotated[int, Field(ge=1)] = 1
    batch_size: Annotated[int, Field(ge=1)] | None = None
    lr_scale: Annotated[float, Field(ge=0)] = 1.0


class Curriculum(Settings):
    """The whole file. A study's seed takes the place of `seed`.

    `scenes` narrows the life to a selection, the same for every seed; without it the life is every
    training scene of the corpus.
    """

    name: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    scenes: Selection | None = None
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _phases_are_distinct(self) -> Curriculum:
        twice = _repeated(phase.name for phase in self.phases)
        if twice:
            raise ValueError(f"two phases are called {twice!r}; each needs its own name")
        if sum(phase.scenes == "rest" for phase in self.phases) > 1:
            raise ValueError("`scenes: rest` can stand in one phase only")
        return self

    def to_yaml(self) -> str:
        """The file that reads back as this curriculum; defaults are left out."""
        stream = io.StringIO()
        yaml = YAML()
        yaml.default_flow_style = False
        yaml.dump(_plain(self.model_dump(mode="json", exclude_defaults=True)), stream)
        return stream.getvalue()


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _plain(value: Any) -> Any:
    """What is validated, as it is written: `[drama]` is `drama`, `{shuffle: null}` is `shuffle`."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value.values())) is None:
            return next(iter(value))
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        short = len(value) == 1 and isinstance(value[0], str)
        return value[0] if short else [_plain(item) for item in value]
    return value


def load_curriculum(file: Path) -> Curriculum:
    """Read a curriculum; raises `SettingsError` with all its mistakes."""
    return load_settings(file, Curriculum)


def parse_curriculum(text: str, *, name: str = "curriculum") -> Curriculum:
    """Read a curriculum from text; `name` stands for the file in messages."""
    return parse_settings(text, Curriculum, name=name)
