"""`ltm_curriculum.yaml`: who comes when, as a person writes it.

A curriculum is a list of phases. Each phase says which scenes it owns, how they are arranged inside
it, and which levers hold while it lasts; or it holds phases of its own, and says how they come
together. What is wrong in the file is reported at once, each mistake at its line and column.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from ruamel.yaml import YAML

from upbringing.corpus.vectors import MODELS, TFIDF, read_source
from upbringing.order.controls import Control
from upbringing.order.phases import (
    MOST_PASSES,
    InnerPhase,
    Phase,
    fields,
    leaves,
    num_passes,
    phases_fit,
)
from upbringing.order.selection import COLUMNS, Path, Selection
from upbringing.settings import Settings, load_settings, mistake, parse_settings, validate_all

Age = Annotated[float, Field(ge=0, le=1)]

_MOST_MET = f"allowed: {MOST_PASSES:,}, passes inside of passes multiplied"


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


class Spaced(Settings):
    """Ages from `first` to `last`, `times` of them: evenly, or at intervals that grow."""

    first: Age = 0.0
    last: Age = 1.0
    times: Annotated[int, Field(ge=1, le=MOST_PASSES)]
    spacing: Literal["fixed", "expanding"] = "fixed"

    @property
    def ages(self) -> tuple[float, ...]:
        """The ages themselves."""
        power = 2 if self.spacing == "expanding" else 1
        steps = [(k / max(self.times - 1, 1)) ** power for k in range(self.times)]
        return tuple(self.first + (self.last - self.first) * step for step in steps)


def _as_ages(said: Any) -> str:
    """Which of the three is meant, told by the form, so that one mistake is not three."""
    if isinstance(said, str):
        return "date"
    return "spaced" if isinstance(said, (Mapping, Spaced)) else "list"


class Event(Settings):
    """Scenes pinned to ages; they belong to no phase. Each time they come in the corpus's order.

    With `ages: date` each scene is met once, at its document's own age: from 0 for the first date
    of the event's scenes to 1 for the last.
    """

    scenes: Selection
    ages: Annotated[
        Annotated[tuple[Age, ...], Field(min_length=1), Tag("list")]
        | Annotated[Spaced, Tag("spaced")]
        | Annotated[Literal["date"], Tag("date")],
        Discriminator(_as_ages),
    ]

    @property
    def when(self) -> tuple[float, ...]:
        """The ages at which all its scenes are met; none where each has an age of its own."""
        if isinstance(self.ages, Spaced):
            return self.ages.ages
        return self.ages if isinstance(self.ages, tuple) else ()


def _a_life_fits(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """There is a phase, and the rest goes to one of them."""
    if not isinstance(value, (list, tuple)):
        return validate(value)
    if not value:
        raise ValueError("a life needs at least one phase")
    rests = [path for path, phase in leaves(value) if fields(phase).get("scenes") == "rest"]
    mistakes = [
        mistake((*path, "scenes"), "`scenes: rest` can stand in one phase only")
        for path in rests[1:]
    ]
    mistakes += [
        mistake((number, "passes"), f"its scenes are met {num_passes(phase):,} times; {_MOST_MET}")
        for number, phase in enumerate(value)
        if num_passes(phase) > MOST_PASSES
    ]
    return validate_all(value, validate, mistakes)


class Curriculum(Settings):
    """The whole file. A study's seed takes the place of `seed`.

    `scenes` narrows the life to a selection, the same for every seed; without it the life is every
    training scene of the corpus. Events claim their scenes first, then phases in file order.
    `control` puts the same visits into another order, to judge this one by (`controls`).
    `vectors` is the source of what `chain` and `near` compare: `tfidf`, a `.npy` file, or a model
    in a folder.
    """

    name: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    vectors: VectorSource = TFIDF
    scenes: Selection | None = None
    phases: Annotated[tuple[Phase, ...], WrapValidator(phases_fit), WrapValidator(_a_life_fits)]
    events: tuple[Event, ...] = ()
    control: Control | None = None

    def leaves(self) -> list[tuple[Path, InnerPhase]]:
        """The phases with scenes of their own, each with its path in the file, in file order."""
        return [(("phases", *path), phase) for path, phase in leaves(self.phases)]

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
        if key in COLUMNS and len(value) == 1:
            return value[0]
        return [_plain(item) for item in value]
    return value


def load_curriculum(file: FilePath) -> Curriculum:
    """Read a curriculum; raises `SettingsError` with all its mistakes."""
    return load_settings(file, Curriculum)


def parse_curriculum(text: str, *, name: str = "curriculum") -> Curriculum:
    """Read a curriculum from text; `name` stands for the file in messages."""
    return parse_settings(text, Curriculum, name=name)
