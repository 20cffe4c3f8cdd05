"""Phases: stretches of a life as a person writes them, with scenes or with phases of their own.

Settings for `curriculum`. What does not fit together between the keys of a phase, or between phases
that stand beside one another, is found in the raw file, so that it is reported with all else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log10
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from upbringing.order.levers import Levers
from upbringing.order.mixing import Densities
from upbringing.order.places import Inside, read_arrangement
from upbringing.order.selection import Path, Selection
from upbringing.settings import Settings, mistake, validate_all

# Which of the two is meant is told by its form, so that a mistake in one is not two mistakes.
Scenes = Annotated[
    Annotated[Selection, Tag("Selection")] | Annotated[Literal["rest"], Tag("rest")],
    Discriminator(lambda value: "rest" if isinstance(value, str) else "Selection"),
]


def _as_count(said: Any) -> Any:
    return {"count": said} if isinstance(said, (int, float, str)) else said


def _say_count(passes: Passes) -> int | dict[str, Any]:
    """The shortest that reads as these passes."""
    said = passes.model_dump(mode="json", exclude_defaults=True)
    return said if set(said) - {"count"} else passes.count


MOST_PASSES = 1_000
"""How often a scene is met in a phase, or by an event, at most."""


class Passes(Settings):
    """How often a phase goes through its scenes, and how it comes back to them.

    again  `anew`: arranged with another draw each time; `same`: as the first time; `reversed`:
           every second time from the end to the beginning
    """

    count: Annotated[int, Field(ge=1, le=MOST_PASSES)] = 1
    again: Literal["anew", "same", "reversed"] = "anew"


class Rehearsal(Settings):
    """Scenes of earlier phases come back while a phase lasts.

    scenes   which of them; without it, all that were met before
    share    of the phase's bytes, rehearsal included
    spacing  `even`, or `expanding`: often at first, then ever more rarely
    """

    scenes: Selection | None = None
    share: Annotated[float, Field(gt=0, le=0.99)]
    spacing: Literal["even", "expanding"] = "even"


def phases_fit(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Phases beside one another: names of their own, and scenes or phases in each."""
    if not isinstance(value, (list, tuple)):
        return validate(value)
    mistakes = []
    seen: set[str] = set()
    for number, phase in enumerate(value):
        name = fields(phase).get("name")
        if isinstance(name, str) and name in seen:
            what = f"two phases are called {name!r}; each needs its own name"
            mistakes.append(mistake((number, "name"), what))
        seen |= {name} if isinstance(name, str) else set()
        mistakes += [mistake((number, *path), what) for path, what in _unfit(phase)]
    return validate_all(value, validate, mistakes)


def _unfit(phase: Any) -> Iterator[tuple[Path, str]]:
    """What a phase says that does not fit together, each with its place in the phase."""
    said = fields(phase)
    inner, join = said.get("phases"), said.get("join")
    if inner is None:
        if "scenes" not in said:
            yield (), "a phase needs `scenes`, or `phases` of its own"
        if join is not None:
            yield ("join",), "`join` is for a phase with `phases` of its own"
        return
    for key in ("scenes", "arrange", "keep"):
        if key in said:
            yield (key,), f"a phase with `phases` of its own takes no `{key}`"
    if not isinstance(inner, (list, tuple)):
        return
    if not inner:
        yield ("phases",), "a phase needs at least one phase in `phases`"
    mixture = fields(join).get("mixture")
    if isinstance(mixture, Mapping):
        names = [fields(one).get("name") for one in inner]
        for path, what in _unfit_names(list(mixture), names):
            yield ("join", "mixture", *path), what


def _unfit_names(mixed: list[Any], names: list[Any]) -> Iterator[tuple[Path, str]]:
    """Names in a mixture that no phase has, and names of phases that it lacks."""
    for name in mixed:
        if name not in names:
            yield (name,), f"no phase inside is called {name!r}"
    for name in names:
        if isinstance(name, str) and name not in mixed:
            yield (), f"the mixture leaves out {name!r}"


def fields(value: Any) -> Mapping[str, Any]:
    """What a part of a file says, before it is known to be valid; or of a model, what was given."""
    if isinstance(value, Settings):
        value = {key: getattr(value, key) for key in value.model_fields_set}
    said = value if isinstance(value, Mapping) else {}
    return {key: part for key, part in said.items() if part is not None}


def leaves(phases: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The phases with scenes, each with its place, in the order of the file."""
    for number, phase in enumerate(phases if isinstance(phases, (list, tuple)) else ()):
        inner = fields(phase).get("phases")
        if inner:
            yield from leaves(inner, (*path, number, "phases"))
        else:
            yield (*path, number), phase


def num_passes(phase: Any) -> int:
    """How often the scenes inside a phase are met in it, at most; 1 for what is no number."""
    said = fields(phase)
    passes = said.get("passes")
    count = passes if isinstance(passes, int) else fields(passes).get("count")
    inner = said.get("phases")
    inside = max(map(num_passes, inner), default=1) if isinstance(inner, (list, tuple)) else 1
    return inside * (count if isinstance(count, int) and 1 <= count <= MOST_PASSES else 1)


class Mixture(Settings):
    """Phases that are read side by side, each at a rate of its own that may move with age.

    mixture  a density for each phase by its name, as in `arrange: {mixture: …}`
    given    `shares`: the densities are what part of the visits each phase shall be at every age
    """

    mixture: Densities
    given: Literal["densities", "shares"] = "densities"


def _as_join(said: Any) -> str | None:
    """Which of the two is meant, told by the form, so that one mistake is not two."""
    return "mixture" if isinstance(said, (Mapping, Mixture)) else "name"


Join = Annotated[
    Annotated[Literal["in_turn", "interleave", "shuffle"], Tag("name")]
    | Annotated[Mixture, Tag("mixture")],
    Discriminator(_as_join),
]


class InnerPhase(Settings):
    """Scenes with an arrangement, or phases with a way to come together: a piece of a life.

    scenes   a selection, or `rest`: what no other phase claims
    arrange  where each scene stands among the others
    keep     `document` holds the scenes of a document together, in their order, wherever the
             arrangement puts the first of them
    phases   phases inside this one, in place of `scenes`; each keeps its own order
    join     how they come together: `in_turn`, one after another; `interleave`, side by side, each
             spread evenly; `shuffle`, one after another in a dealt order; or a mixture
    passes   how often it is gone through
    """

    name: Annotated[str, Field(min_length=1)]
    scenes: Scenes | None = None
    arrange: Inside = Field(default_factory=lambda: read_arrangement("shuffle"))
    keep: Literal["document"] | None = None
    phases: Annotated[tuple[InnerPhase, ...], WrapValidator(phases_fit)] = ()
    join: Join = "in_turn"
    passes: Annotated[Passes, BeforeValidator(_as_count), PlainSerializer(_say_count)] = Passes()


Weight = Annotated[float, Field(ge=0)]


class WeightedPasses(Passes):
    """Passes that count for more or less than one another.

    priority  how much each pass counts, the first one 1: a number that every pass is multiplied by
              once more than the one before, or a list, a number a pass
    weighs    what it is a factor on: the `rate` at which the pass is learnt, or its `loss`
    """

    priority: Weight | tuple[Weight, ...] = 1.0
    weighs: Literal["rate", "loss"] = "rate"

    @property
    def weights(self) -> tuple[float, ...]:
        """How much each pass counts."""
        if isinstance(self.priority, tuple):
            return self.priority
        return tuple(self.priority**number for number in range(self.count))

    @field_validator("priority")
    @classmethod
    def _a_number_a_pass(cls, priority: Any, info: ValidationInfo) -> Any:
        count = info.data.get("count", 1)
        if isinstance(priority, tuple) and len(priority) != count:
            raise ValueError(f"{len(priority)} priorities for {count} passes")
        if not isinstance(priority, tuple) and priority > 1 and count * log10(priority) > 300:
            raise ValueError(f"a priority of {priority:g} for {count} passes is beyond all numbers")
        return priority


class Phase(Levers, InnerPhase):
    """A named stretch of life: what is read, in which order, and its levers.

    rehearse  scenes of earlier phases that come back while it lasts
    """

    passes: Annotated[WeightedPasses, BeforeValidator(_as_count), PlainSerializer(_say_count)] = (
        WeightedPasses()
    )
    rehearse: Rehearsal | None = None

    @property
    def levers(self) -> Levers:
        """Its levers alone."""
        return Levers.of(self)

    @property
    def levers_by_pass(self) -> dict[int, Levers]:
        """Its levers by the pass, 0 the first, from which on they hold.

        Others hold where a pass counts otherwise than the one before. The moments begin anew, and
        the rate rises, once, when the phase begins: over a share of the whole phase, and at most
        until a pass counts otherwise.
        """
        name = "lr_scale" if self.passes.weighs == "rate" else "loss_scale"
        own, weights = getattr(self, name), self.passes.weights
        begins = [n for n, weight in enumerate(weights) if not n or weight != weights[n - 1]]
        alike = begins[1] if len(begins) > 1 else len(weights)
        rewarm = min(1.0, self.rewarm * (len(weights) / alike))
        first = {"moments": self.moments, "rewarm": rewarm}
        later = {"moments": "keep", "rewarm": 0.0}
        return {
            n: self.levers.model_copy(update={**(later if n else first), name: own * weights[n]})
            for n in begins
        }
