"""Axes as files: a YAML with two poles, its pairs beside it; and those that are built in.

`load_axis` reads one, with every mistake at its place; `save_axis` writes one that reads back the
same; `find_axis` takes what a study says, a path or the name of an axis that is built in, and gives
the axis as it can be asked about on a corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from ruamel.yaml import YAML

from upbringing.character.axes import Axis, Pole
from upbringing.character.axis_fitting import ENOUGH_PAIRS, ENOUGH_TOPICS, fit_axes
from upbringing.character.axis_pairs import narrowed, read_pairs, world_pairs, write_pairs
from upbringing.character.measures import measures
from upbringing.corpus import Corpus
from upbringing.corpus.world import VOICES, languages
from upbringing.errors import InputError, Problem
from upbringing.files import write_text
from upbringing.own_files import SUFFIX as OWN
from upbringing.settings import Settings, load_settings, mistake, suggestion, validate_all

SCHEMA_FILE = "axis.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""The first line of an axis that lies beside its schema."""

WORLD = "world"

_ENDS = ("negative", "positive")
_BUILT_IN = Path(__file__).with_name("built_in_axes")


def _known_measure(name: str) -> str:
    if f"{OWN}:" not in name and name not in measures():
        raise PydanticCustomError(
            "unknown_measure",
            "no measure is called '{name}'",
            {"name": name, "known": sorted(measures())},
        )
    return name


Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
Name = Annotated[str, Field(pattern=r"^[\w+.–-]([\w+.– -]*[\w+.–-])?$")]
Lang = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Measured = Annotated[str, AfterValidator(_known_measure)]


class PoleSettings(Settings):
    """One end of an axis.

    name   what it is called
    kinds  the kinds of a corpus that are written so
    """

    name: Name
    kinds: tuple[Words, ...] = ()


class AxisSettings(Settings):
    """One dimension of character. Its measures grow from the negative pole to the positive one.

    name      by convention negative–positive
    lang      of the minds that are asked
    negative  the pole that it begins with
    positive  the pole that it leads to
    pairs     a .jsonl or .parquet beside this file with event, topic, opening, positive, negative;
              or `world`: events that the built-in world tells in both manners; without it, those of
              the corpus
    families  of the world, where not all of its families shall tell them
    scored    of a pair: `all` that follows its opening, or the words in which the two sides
              `differ`, behind everything that stands before them
    prompts   neutral openings; without them, those of the corpus
    judge     whether a judge of its voice is trained on the kinds of its poles
    primary   the measure that decides; by default style_margin where there are pairs, else voice
    note      what it measures, and its limits
    """

    name: Name
    lang: Lang
    negative: PoleSettings
    positive: PoleSettings
    pairs: Words | None = None
    families: tuple[Words, ...] = ()
    scored: Literal["all", "differ"] = "all"
    prompts: tuple[Words, ...] = ()
    judge: bool = True
    primary: Measured | None = None
    note: str = ""

    @model_validator(mode="wrap")
    @classmethod
    def _fits_together(cls, said: Any, validate: ValidatorFunctionWrapHandler) -> AxisSettings:
        wrong = list(_misfits(said)) if isinstance(said, Mapping) else []
        validated: AxisSettings = validate_all(said, validate, wrong)
        return validated


def _misfits(said: Mapping[str, Any]) -> Iterator[InitErrorDetails]:
    """What does not fit together in an axis as it was written, whatever else is wrong with it."""
    ends = [said[end] if isinstance(said.get(end), Mapping) else {} for end in _ENDS]
    kinds = [end.get("kinds") for end in ends]
    kinds = [named if isinstance(named, list) else [] for named in kinds]
    if ends[0].get("name") == ends[1].get("name") is not None:
        yield mistake(("positive", "name"), "both poles have one name")
    for place, kind in enumerate(kinds[1]):
        if kind in kinds[0]:
            yield mistake(("positive", "kinds", place), f"{kind!r} is of both poles")
    if said.get("judge", True) is True:
        for end, named in zip(_ENDS, kinds, strict=True):
            if end in said and not named:
                yield mistake((end,), "names no kinds, and a judge learns from them")
    if said.get("pairs") == WORLD:
        yield from _foreign_to_world(said, kinds)
    elif said.get("families"):
        yield mistake(("families",), "only `pairs: world` are told by families")


def _foreign_to_world(
    said: Mapping[str, Any], kinds: Sequence[Sequence[Any]]
) -> Iterator[InitErrorDetails]:
    if said.get("lang") not in languages():
        yield mistake(("lang",), f"the world speaks {', '.join(languages())} alone")
    for end, named in zip(_ENDS, kinds, strict=True):
        for place, kind in enumerate(named):
            if kind not in VOICES:
                yield mistake((end, "kinds", place), f"the world has no voice {kind!r}")


def check_names(names: Sequence[str], lang: str) -> None:
    """Raise `InputError` for names of an axis and its poles that no axis file may hold, and for
    what is no language's code.
    """
    problems = [
        Problem(f"{name!r} can be no name of an axis", allowed="letters, digits, spaces, _ + . -")
        for name in names
        if not _is_a(Name, name)
    ]
    if not _is_a(Lang, lang):
        problems.append(Problem(f"{lang!r} is no language's code", allowed="en, ru, …"))
    if problems:
        raise InputError(problems)


def _is_a(kind: Any, said: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(said)
    except ValidationError:
        return False
    return True


def axis_schema() -> dict[str, Any]:
    """The JSON Schema of an axis file, for editors."""
    return AxisSettings.model_json_schema()


def load_axis(file: Path | str, corpus: Corpus | None = None) -> Axis:
    """The axis that a YAML file describes.

    Where its pairs are the world's and `corpus` holds enough of these, they are the corpus's own.
    Raises `InputError` with all mistakes of the file, or all of its pairs.
    """
    file = Path(file)
    said = load_settings(file, AxisSettings)
    axis = Axis(
        said.name,
        said.lang,
        Pole(said.positive.name, said.positive.kinds),
        Pole(said.negative.name, said.negative.kinds),
        primary=said.primary,
        prompts=said.prompts,
        judged=said.judge,
        note=said.note,
    )
    is_narrow = said.scored == "differ"
    if said.pairs == WORLD:
        if corpus is not None and not is_narrow and not said.families and _has_enough(axis, corpus):
            return axis
        return replace(axis, own=world_pairs(axis, said.families, narrow=is_narrow))
    if said.pairs is None:
        return axis
    pairs = read_pairs(file.parent / said.pairs)
    return replace(axis, own=narrowed(pairs) if is_narrow else pairs)


def _has_enough(axis: Axis, corpus: Corpus) -> bool:
    pairs = axis.pairs(corpus)
    if pairs is None:
        return False
    return len(pairs) >= ENOUGH_PAIRS and pairs["topic"].n_unique() >= ENOUGH_TOPICS


def save_axis(axis: Axis, folder: Path) -> Path:
    """Write an axis into a folder, its own pairs beside it; `load_axis` reads the same back.

    Gives the YAML's path. Raises `InputError` where that is taken, and for names that no axis file
    may hold.
    """
    check_names([axis.name, axis.negative.name, axis.positive.name], axis.lang)
    file = folder / f"{axis.slug}.yaml"
    if file.exists():
        raise InputError("already exists, and nothing is overwritten", where=str(file))
    folder.mkdir(parents=True, exist_ok=True)
    said: dict[str, Any] = {
        "name": axis.name,
        "lang": axis.lang,
        "negative": {"name": axis.negative.name, "kinds": list(axis.negative.kinds)},
        "positive": {"name": axis.positive.name, "kinds": list(axis.positive.kinds)},
        "prompts": list(axis.prompts),
        "judge": axis.judged,
        "note": axis.note,
    }
    if axis.primary is not None:
        said["primary"] = axis.primary
    if axis.own is not None:
        said["pairs"] = f"{axis.slug}.pairs.jsonl"
        write_pairs(axis.own, folder / said["pairs"])
    stream = StringIO()
    YAML().dump(said, stream)
    write_text(file, stream.getvalue())
    return file


def built_in_axes(lang: str) -> dict[str, Path]:
    """The files of the axes that are built in for a language, by name."""
    files = sorted((_BUILT_IN / lang).glob("*.yaml")) if lang in built_in_langs() else []
    return {load_settings(file, AxisSettings).name: file for file in files}


def built_in_langs() -> list[str]:
    """The languages for which axes are built in."""
    return sorted(folder.name for folder in _BUILT_IN.iterdir() if folder.is_dir())


def find_axes(said: Sequence[str], lang: str, corpus: Corpus) -> list[Axis]:
    """The axes of names or paths that a study says, as they can be asked about on its corpus.

    A name is one of those built in for the language, with a dash or a hyphen; anything that ends in
    `.yaml` is a path. Pairs and prompts that overlap the corpus's training text are left out.
    Raises `InputError` for no such axis, one of another language, and one of which too little is
    left.
    """
    axes = [load_axis(axis_file(name, lang), corpus) for name in said]
    return [fitted.axis for fitted in fit_axes(axes, corpus, lang=lang)]


def find_axis(said: str, lang: str, corpus: Corpus) -> Axis:
    """`find_axes` for one; several at once read the corpus once."""
    return find_axes([said], lang, corpus)[0]


def axis_file(said: str, lang: str) -> Path:
    """The file of an axis: itself, or that of one built in. Raises `InputError` for neither."""
    if Path(said).suffix in (".yaml", ".yml"):
        return Path(said)
    known = built_in_axes(lang)
    name = said.replace("-", "–")
    if name in known:
        return known[name]
    if not known:
        spoken = ", ".join(built_in_langs())
        what = f"no axis is built in for {lang!r}, so {said!r} names none"
        raise InputError(what, where="axes", allowed=f"FILE.yaml; built in for {spoken}")
    what, allowed = f"no axis {said!r} is built in", f"{', '.join(known)}; or FILE.yaml"
    raise InputError(what, where="axes", allowed=allowed, do=suggestion(name, list(known)))
