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
    PlainSerializer,
    Tag,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from ruamel.yaml import YAML

from upbringing.corpus.vectors import MODELS, TFIDF, read_source
from upbringing.order.places import Inside, read_arrangement
from upbringing.order.selection import Selection
from upbringing.settings import Settings, load_settings, mistake, parse_settings, validate_all

Age = Annotated[float, Field(ge=0, le=1)]

# Which of the two is meant is told by its form, so that a mistake in one is not two mistakes.
Scenes = Annotated[
    Annotated[Selection, Tag("Selection")] | Annotated[Literal["rest"], Tag("rest")],
    Discriminator(lambda value: "rest" if isinstance(value, str) else "Selection"),
]


VectorSource = Annotated[
    Any,
    BeforeValidator(read_source),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": TFIDF},
                {"type": "string", "pattern": r"\.npy$"},
                *(
                    {
                        "type": "object",
                        "properties": {model: {"type": "string"}},
                        "required": [model],
                        "additionalProperties": False,
                    }
                    for model in MODELS
                ),
            ]
        }
    ),
]


def _as_count(said: Any) -> Any:
    return {"count": said} if isinstance(said, (int, str)) else said


def _say_count(passes: Passes) -> int | dict[str, Any]:
    """The shortest that reads as these passes."""
    return passes.count if passes.again == "anew" else passes.model_dump()


class Passes(Settings):
    """How often a phase goes through its scenes, and how it comes back to them.

    again  `anew`: arranged with another draw each time; `same`: as the first time; `reversed`:
           every second time from the end to the beginning
    """

    count: Annotated[int, Field(ge=1)] = 1
    again: Literal["anew", "same", "reversed"] = "anew"


class Rehearsal(Settings):
    """Scenes of earlier phases come back while a phase lasts.

    scenes   which of them; without it, all that were met before
    share    of the phase's bytes, rehearsal included
    spacing  `even`, or `expanding`: often at first, then ever more rarely
    """

    scenes: Selection | None = None
    share: Annotated[float, Field(gt=0, lt=1)]
    spacing: Literal["even", "expanding"] = "even"


class Phase(Settings):
    """A named stretch of life: its scenes, their arrangement, its levers.

    `keep: document` holds the scenes of a document together, in their order, wherever the
    arrangement puts the first of them.
    """

    name: Annotated[str, Field(min_length=1)]
    scenes: Scenes
    arrange: Inside = Field(default_factory=lambda: read_arrangement("shuffle"))
    keep: Literal["document"] | None = None
    passes: Annotated[Passes, BeforeValidator(_as_count), PlainSerializer(_say_count)] = Passes()
    rehearse: Rehearsal | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    lr_scale: Annotated[float, Field(ge=0)] = 1.0


class Spaced(Settings):
    """Ages from `first` to `last`, `times` of them: evenly, or at intervals that grow."""

    first: Age = 0.0
    last: Age = 1.0
    times: Annotated[int, Field(ge=1)]
    spacing: Literal["fixed", "expanding"] = "fixed"

    @property
    def ages(self) -> tuple[float, ...]:
        """The ages themselves."""
        power = 2 if self.spacing == "expanding" else 1
        steps = [(k / max(self.times - 1, 1)) ** power for k in range(self.times)]
        return tuple(self.first + (self.last - self.first) * step for step in steps)


class Event(Settings):
    """Scenes pinned to ages; they belong to no phase. Each time they come in the corpus's order."""

    scenes: Selection
    ages: Annotated[tuple[Age, ...], Field(min_length=1)] | Spaced

    @property
    def when(self) -> tuple[float, ...]:
        """The ages at which it happens."""
        return self.ages.ages if isinstance(self.ages, Spaced) else self.ages


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
    training scene of the corpus. Events claim their scenes first, then phases in file order.
    `vectors` is the source of what `chain` and `near` compare: `tfidf`, a `.npy` file, or a model
    in a folder.
    """

    name: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    vectors: VectorSource = TFIDF
    scenes: Selection | None = None
    phases: Annotated[tuple[Phase, ...], WrapValidator(_phases_are_distinct)]
    events: tuple[Event, ...] = ()

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
