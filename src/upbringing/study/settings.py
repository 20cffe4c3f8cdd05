"""`study.yaml`: what is compared with what, as a person writes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from upbringing.errors import Problem, SettingsError
from upbringing.order import ARMS, NO_LEVERS, Levers, Names
from upbringing.settings import (
    Settings,
    load_settings,
    parse_settings,
    suggestion,
    validate_all,
)
from upbringing.study.permanova import FEWEST_ORDERS
from upbringing.study.preregistration import HypothesisSettings
from upbringing.study.treatments import (
    AverageSettings,
    PrioritySettings,
    Schedule,
    Share,
    StretchSettings,
    unfit_averages,
)
from upbringing.training import (
    SHAPES,
    USUAL_SHAPE,
    BatchRule,
    Recipe,
    Said,
    Timeline,
    curve_label,
)

_PRESETS = Path(__file__).parent / "presets"


T = TypeVar("T", str, int)
Count = Annotated[int, Field(ge=1)]
Peak = Annotated[float, Field(gt=0)]


class WashoutSettings(Settings):
    """After its life every mind reads one identical shuffled stream, at a re-warmed rate."""

    share: Share = 0.25
    lr_scale: Annotated[float, Field(gt=0)] = 0.3


class ProbeAmounts(Settings):
    """How much every mind is asked at its end, and which share of that along its life."""

    held_out_bytes: Count = 12_000
    num_pairs: Count = 64
    num_openings: Count = 16
    num_questions: Count = 240
    along_share: Share = 0.5
    num_sampler_seeds: Count = 4
    num_sampled_tokens: Count = 60
    temperature: Annotated[float, Field(gt=0)] = 0.8


class NumericsSettings(Settings):
    """Fixed for the whole study; `device: auto` takes the fastest that is there.

    population    minds that are raised in one pass, for a GPU; by default each alone
    accumulation  micro-batches of a step, for less memory
    """

    precision: Literal["bf16", "fp32"] = "bf16"
    compiled: bool = False
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    population: Count = 1
    accumulation: Count = 1


class StudySettings(Settings):
    """One block of text, its place in life, and what it is compared with.

    block     the kinds under test
    against   the counterpart: the other pole of the axis, and as far from the block as it can be
    next      kinds that F and O read after their first block, to see how it makes them read; O then
              begins with the counterpart
    axes      further axes of character that every mind is asked about: names of those built in, or
              files; the first is always that from the block to its counterpart
    measures  measures of your own, `mine.py:mood`, tasks of lm-evaluation-harness, `lm-eval:TASK`,
              and those of the package that are asked only where they are named
    arms      of order.ARMS; S, the shuffle, always among them
    schedules curves of the learning rate over age, each by a name, with settings, or as a table
    seeds     how many minds an arm, or which seeds
    tokens    length of a life; without it, every training scene once
    tied      one matrix is both embedding and head
    peak_lr   peak learning rate, one for all schedules or one for each
    weight_decay  AdamW's, of matrices
    levers    stretches of every life, each from an age on, with what holds from then on
    priority  how much each age counts
    averages  averages of the weights of every arm, each compared with that of its own shuffle
    ladder    raise the mixtures too, by which an axis passes its gate
    random_orders  so many shuffles besides, each read at every seed: how much orders differ by
              chance

    hypotheses  what is expected, and by which verdict it is answered
    exclusions  what is to be left out of the reading, in words
    """

    name: Annotated[str, Field(min_length=1)]
    preset: Literal["quick", "standard", "confirm"] | None = None
    lang: str | None = None
    block: Names
    against: Names | None = None
    next: Names | None = None
    axes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    arms: tuple[str, ...] = ("F", "M", "L", "S", "O", "N")
    schedules: tuple[Schedule, ...] = ("constant", "steep")
    seeds: tuple[Annotated[int, Field(ge=0)], ...]
    shape: str = USUAL_SHAPE
    tied: bool = True
    vocabulary: Annotated[int, Field(ge=257)] | None = None
    tokens: Annotated[int, Field(ge=1000)] | None = None
    row_length: Annotated[int, Field(ge=8)] = 128
    batch_size: Count = 8
    batch_rule: BatchRule = "sqrt"
    levers: tuple[StretchSettings, ...] = ()
    priority: PrioritySettings | None = None
    peak_lr: Peak | dict[str, Peak] | None = None
    weight_decay: Annotated[float, Field(ge=0)] = Recipe.weight_decay
    ages: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.1, 0.25, 0.5, 0.75, 1.0)
    averages: tuple[AverageSettings, ...] = ()
    ladder: bool = True
    random_orders: Annotated[int, Field(ge=FEWEST_ORDERS)] | None = None
    washout: WashoutSettings | None = WashoutSettings()
    probes: ProbeAmounts = ProbeAmounts()
    numerics: NumericsSettings = NumericsSettings()
    hypotheses: tuple[HypothesisSettings, ...] = ()
    exclusions: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @field_validator("arms")
    @classmethod
    def _arms_are_known(cls, arms: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [arm for arm in arms if arm not in ARMS]
        if unknown:
            raise ValueError(f"no arm is called {unknown[0]!r}; allowed: {', '.join(ARMS)}")
        if "S" not in arms:
            raise ValueError("every order is compared with its shuffle: add S to the arms")
        if len(arms) < 2:
            raise ValueError("the shuffle alone is compared with nothing: add F, M or L")
        if "D" in arms and "F" not in arms:
            raise ValueError("D has the dose of F: add F to the arms")
        return _each_once(arms)

    @field_validator("arms")
    @classmethod
    def _next_is_read_in_both(cls, arms: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("next") and not {"F", "O"} <= set(arms):
            raise ValueError("what is read next is compared in F and O: add both to the arms")
        if info.data.get("next") and {"M", "L"} & set(arms):
            what = "with a block read next, F has no counterpart at its end and M and L would: "
            raise ValueError(f"{what}leave M and L to a study without `next`")
        return arms

    @field_validator("axes", "measures")
    @classmethod
    def _names_differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _each_once(names)

    @field_validator("seeds")
    @classmethod
    def _seeds_are_several(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(seeds) < 2:
            raise ValueError("a study needs 2 seeds or more, its verdict 6")
        return _each_once(seeds)

    @field_validator("schedules")
    @classmethod
    def _schedules_differ(cls, schedules: tuple[Said, ...]) -> tuple[Said, ...]:
        if not schedules:
            raise ValueError("a study needs a schedule")
        _each_once(tuple(map(curve_label, schedules)))
        return schedules

    @field_validator("levers")
    @classmethod
    def _stretches_rise(cls, levers: tuple[StretchSettings, ...]) -> tuple[StretchSettings, ...]:
        ages = [stretch.age for stretch in levers]
        if ages != sorted(set(ages)):
            raise ValueError("the ages of levers rise")
        return levers

    @field_validator("peak_lr")
    @classmethod
    def _peaks_are_of_schedules(cls, peaks: Any, info: ValidationInfo) -> Any:
        known = [curve_label(said) for said in info.data.get("schedules", ())]
        if isinstance(peaks, dict) and set(peaks) != set(known):
            raise ValueError(f"a peak for each schedule: {', '.join(known)}; or one for all")
        return peaks

    def peak_of(self, schedule: str) -> float | None:
        """The peak rate under a schedule, by its name in `curves`; None is the shape's."""
        return self.peak_lr[schedule] if isinstance(self.peak_lr, dict) else self.peak_lr

    @property
    def curves(self) -> dict[str, Said]:
        """The schedules by the names that runs and records have for them."""
        return {curve_label(said): said for said in self.schedules}

    @property
    def timeline(self) -> Timeline:
        """The levers of every life."""
        stretches = {0.0: NO_LEVERS} | {one.age: Levers.of(one) for one in self.levers}
        return Timeline.of_stretches(stretches, self.batch_size)

    @field_validator("shape")
    @classmethod
    def _shape_is_known(cls, shape: str) -> str:
        if shape not in SHAPES:
            raise ValueError(f"no shape is called {shape!r}; allowed: {', '.join(SHAPES)}")
        return shape

    @field_validator("ages")
    @classmethod
    def _ages_rise_to_the_end(cls, ages: tuple[float, ...]) -> tuple[float, ...]:
        if list(ages) != sorted(set(ages)) or ages[-1] != 1:
            raise ValueError("ages rise, and the last one is 1")
        return ages

    @field_validator("hypotheses")
    @classmethod
    def _hypotheses_are_of_schedules(
        cls, said: tuple[HypothesisSettings, ...], info: ValidationInfo
    ) -> tuple[HypothesisSettings, ...]:
        known = [curve_label(curve) for curve in info.data.get("schedules", ())]
        unknown = [one.schedule for one in said if one.schedule not in (None, *known)]
        if known and unknown:
            raise ValueError(f"no schedule is {unknown[0]!r}; allowed: {', '.join(known)}")
        return said

    @field_validator("averages", mode="wrap")
    @classmethod
    def _averages_are_of_kept_ages(
        cls, said: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        return validate_all(said, validate, unfit_averages(said, info.data))

    @model_validator(mode="before")
    @classmethod
    def _count_of_seeds(cls, said: object) -> object:
        if isinstance(said, dict) and isinstance(said.get("seeds"), int):
            return {**said, "seeds": list(range(said["seeds"]))}
        return said


def _each_once(items: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(items)) < len(items):
        raise ValueError("each may stand here once")
    return items


def preset(name: str, /, **changes: Any) -> StudySettings:
    """A preset (`quick`, `standard`, `confirm`) with some settings changed; None changes nothing.

    Raises `SettingsError` for an unknown preset and for settings that cannot be, all at once.
    """
    known = sorted(file.stem for file in _PRESETS.glob("*.yaml"))
    is_known = name in known
    base = load_settings(_PRESETS / f"{name if is_known else known[0]}.yaml", StudySettings)
    given = {key: value for key, value in changes.items() if value is not None}
    text = json.dumps({**base.model_dump(mode="json"), **given})
    problems = []
    if not is_known:
        near = suggestion(name, known)
        problems.append(Problem(f"no preset is called {name!r}", None, ", ".join(known), near))
    try:
        settings = parse_settings(text, StudySettings, name=name)
    except SettingsError as error:
        # Its lines and columns are those of no file that a person wrote.
        where = f"preset {name} with what you ask for" if is_known else "what you ask for"
        problems += [replace(problem, where=where) for problem in error.problems]
    if problems:
        raise SettingsError(problems)
    settings._origin = None
    return settings
