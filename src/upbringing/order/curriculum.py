"""`ltm_curriculum.yaml`: who comes when, as a person writes it.

A curriculum is a list of phases. Each phase says which scenes it owns, how they are arranged inside
it, and which levers hold while it lasts. What is wrong in the file is reported at once, each
mistake at its line and column.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from ruamel.yaml import YAML

from upbringing.order.places import Inside, read_arrangement
from upbringing.settings import Settings, load_settings, mistake, parse_settings, validate_all


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


# Which of the two is meant is told by its form, so that a mistake in one is not two mistakes.
Scenes = Annotated[
    Annotated[Selection, Tag("Selection")] | Annotated[Literal["rest"], Tag("rest")],
    Discriminator(lambda value: "rest" if isinstance(value, str) else "Selection"),
]


class Phase(Settings):
    """A named stretch of life: its scenes, their arrangement, its levers."""

    name: Annotated[str, Field(min_length=1)]
    scenes: Scenes
    arrange: Inside = Field(default_factory=lambda: read_arrangement("shuffle"))
    passes: Annotated[int, Field(ge=1)] = 1
    batch_size: Annotated[int, Field(ge=1)] | None = None
    lr_scale: Annotated[float, Field(ge=0)] = 1.0


def _phases_are_distinct(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Phases have names of their own, and the rest goes to one of them."""
    if not isinstance(value, (list, tuple)):
        return validate(value)
    if not value:
        raise ValueError("a life needs at least one phase")
    mistakes = []
    seen: set[str] = set()
    for number, phase in enumerate(value):
        name, scenes = (_said(phase, key) for key in ("name", "scenes"))
        if isinstance(name, str) and name in seen:
            what = f"two phases are called {name!r}; each needs its own name"
            mistakes.append(mistake((number, "name"), what))
        if scenes == "rest" and any(_said(other, "scenes") == "rest" for other in value[:number]):
            what = "`scenes: rest` can stand in one phase only"
            mistakes.append(mistake((number, "scenes"), what))
        seen |= {name} if isinstance(name, str) else set()
    return validate_all(value, validate, mistakes)


def _said(phase: Any, key: str) -> Any:
    """What a phase says under `key`, before it is known to be valid."""
    return phase.get(key) if isinstance(phase, Mapping) else getattr(phase, key, None)


class Curriculum(Settings):
    """The whole file. A study's seed takes the place of `seed`.

    `scenes` narrows the life to a selection, the same for every seed; without it the life is every
    training scene of the corpus.
    """

    name: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    scenes: Selection | None = None
    phases: Annotated[tuple[Phase, ...], WrapValidator(_phases_are_distinct)]

    def to_yaml(self) -> str:
        """The file that reads back as this curriculum; defaults are left out."""
        stream = io.StringIO()
        yaml = YAML()
        yaml.default_flow_style = False
        yaml.dump(_plain(self.model_dump(mode="json", exclude_defaults=True)), stream)
        return stream.getvalue()


def _plain(value: Any, key: str = "") -> Any:
    """What is validated, as it is written: `[drama]` is `drama`."""
    if isinstance(value, dict):
        return {key: _plain(item, key) for key, item in value.items()}
    if isinstance(value, list):
        if key in Selection.model_fields and len(value) == 1:
            return value[0]
        return [_plain(item) for item in value]
    return value


def load_curriculum(file: Path) -> Curriculum:
    """Read a curriculum; raises `SettingsError` with all its mistakes."""
    return load_settings(file, Curriculum)


def parse_curriculum(text: str, *, name: str = "curriculum") -> Curriculum:
    """Read a curriculum from text; `name` stands for the file in messages."""
    return parse_settings(text, Curriculum, name=name)
