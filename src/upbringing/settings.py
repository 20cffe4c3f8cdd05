"""YAML → pydantic, with every mistake located at file:line:column and a suggestion beside it."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from upbringing.errors import Problem, SettingsError
from upbringing.files import read_text
from upbringing.yaml_tree import read_tree

Location = tuple[int | str, ...]

# What a value of another kind should be, by pydantic's name of the mistake, as YAML calls it.
_SHOULD_BE = {
    **dict.fromkeys(("tuple_type", "list_type", "sequence_str"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "a map"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "text",
}


class Settings(BaseModel):
    """Base of everything that a person writes as YAML: immutable, unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )
    _origin: tuple[str, CommentedMap] | None = PrivateAttr(default=None)

    def where(self, *path: int | str) -> str:
        """`file:line:column` of a setting, or its dotted path if it never stood in a file."""
        if self._origin is None:
            return ".".join(map(str, path))
        name, tree = self._origin
        _, line, column = _locate(tree, path)
        return f"{name}:{line}:{column}"


S = TypeVar("S", bound=Settings)


def load_settings(file: Path, model: type[S]) -> S:
    """Read `file` as `model`. Raises `SettingsError` with all mistakes of the file at once."""
    return parse_settings(read_text(Path(file)), model, name=str(file))


def parse_settings(text: str, model: type[S], *, name: str) -> S:
    """Parse YAML text as `model`; `name` stands for the file in messages."""
    tree = read_tree(text, name=name)
    try:
        settings = model.model_validate(tree)
    except ValidationError as error:
        problems = _problems(error.errors(), tree, model, name)
        found = {str(problem): problem for problem in problems}
        ordered = sorted(found.values(), key=lambda p: _line_and_column(p.where or ""))
        raise SettingsError(ordered) from error
    settings._origin = (name, tree)
    return settings


def mistake(path: Location, what: str) -> InitErrorDetails:
    """A mistake for `validate_all`, at `path` inside the value."""
    return {
        "type": PydanticCustomError("mistake", "{what}", {"what": what}),
        "loc": path,
        "input": None,
    }


def validate_all(
    value: Any, validate: ValidatorFunctionWrapHandler, mistakes: Sequence[InitErrorDetails]
) -> Any:
    """`validate(value)`, with `mistakes` reported beside those that it finds itself.

    For rules between items, found in the raw value: pydantic would check them only after all items
    are valid, and a person would see the second half of the mistakes when the first is mended.
    """
    found = list(mistakes)
    try:
        validated = validate(value)
    except ValidationError as error:
        found += [_again(details) for details in error.errors()]
    if found:
        raise ValidationError.from_exception_data("settings", found)
    return validated


def _again(details: ErrorDetails) -> InitErrorDetails:
    context = {**details.get("ctx", {}), "what": details["msg"]}
    same = PydanticCustomError(details["type"], "{what}", context)
    return {"type": same, "loc": details["loc"], "input": details["input"]}


def suggestion(word: str, known: Sequence[str]) -> str | None:
    """`did you mean 'drama'?` for a near miss, else None."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else None


def _problems(
    errors: Sequence[ErrorDetails], tree: CommentedMap, model: type[BaseModel], name: str
) -> Iterator[Problem]:
    """A problem an error; one for all branches of a union that want another kind of value.

    A branch that wants another kind is not told where a further one went into the value, and found
    a mistake there.
    """
    paths = [tuple(_locate(tree, error["loc"])[0]) for error in errors]
    wanted: dict[Location, dict[str, None]] = {}
    for error, path in zip(errors, paths, strict=True):
        if kind := _SHOULD_BE.get(error["type"]):
            wanted.setdefault(path, {})[kind] = None
    for error, path in zip(errors, paths, strict=True):
        is_of_kind = error["type"] in _SHOULD_BE
        goes_deeper = any(len(path) < len(other) and other[: len(path)] == path for other in paths)
        if goes_deeper and (is_of_kind or _is_long_enough(error)):
            continue
        problem = _problem(error, tree, model, name)
        if is_of_kind:
            spot = ".".join(map(str, path))
            what = f"should be {' or '.join(wanted[path])}"
            problem = replace(problem, what=f"{spot}: {what}" if spot else what)
        yield problem


def _is_long_enough(error: ErrorDetails) -> bool:
    """Whether a list is too short only because some of its items are mistaken."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _problem(error: ErrorDetails, tree: CommentedMap, model: type[BaseModel], name: str) -> Problem:
    location, message = error["loc"], error["msg"]
    path, line, column = _locate(tree, location)
    where = f"{name}:{line}:{column}"
    spot = ".".join(map(str, path))
    if error["type"] == "extra_forbidden":
        known = sorted(_known_keys(model, location[:-1]))
        word = str(location[-1])
        return Problem(f"unknown key {spot!r}", where, _names(known), suggestion(word, known))
    if error["type"] == "missing":
        return Problem(f"{'.'.join(map(str, location))!r} is missing", where)
    context = error.get("ctx", {})
    if error["type"] in ("too_short", "string_too_short"):
        message = f"should have {context['min_length']} or more"
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    names = context.get("known")
    do = suggestion(str(context.get("name", error["input"])), names) if names else None
    allowed = _names(names) if names else None
    return Problem(f"{spot}: {message}" if spot else message, where, allowed, do)


def _locate(tree: Any, location: Location) -> tuple[list[int | str], int, int]:
    """The part of `location` that exists in the file, and its line and column (from 1)."""
    path: list[int | str] = []
    line, column = tree.lc.line, tree.lc.col
    node = tree
    for part in location:
        if isinstance(node, CommentedMap) and part in node:
            if part in (node.lc.data or {}):  # else it came by a merge key: where that stands
                line, column = node.lc.key(part)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
        else:
            continue  # a union's branch, named by pydantic, not written in the file
        path.append(part)
        node = node[part]
    return path, line + 1, column + 1


def _known_keys(model: Any, location: Location) -> set[str]:
    """The keys allowed at `location`, found by walking the annotations."""
    candidates = [model]
    for part in location:
        branches = [c for c in candidates if isinstance(c, type) and c.__name__ == part]
        candidates = (
            branches or [leaf for c in candidates for leaf in _leaves(_step(c, part))] or candidates
        )
    return {key for c in candidates if _is_model(c) for key in _aliases(c)}


def _step(annotation: Any, part: int | str) -> Any:
    if _is_model(annotation):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                return info.annotation
        return None
    if isinstance(part, int) and get_args(annotation):
        return get_args(annotation)[0]
    return None


def _leaves(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType, typing.Annotated):
        for argument in get_args(annotation):
            yield from _leaves(argument)
    elif annotation is not None:
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _aliases(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _names(names: Any) -> str:
    return ", ".join(map(str, names))


def _line_and_column(where: str) -> tuple[int, ...]:
    numbers = where.rsplit(":", 2)[-2:]
    return tuple(int(n) for n in numbers if n.isdigit())
