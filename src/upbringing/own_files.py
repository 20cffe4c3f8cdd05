"""A person's own file of strategies or of measures, named by its path in a YAML, as a module.

The file is Python and is run, as any program that a person runs; what it decorates with
`@arrangement` or `@measure` can be named as `PATH:FUNCTION`. A path is relative to where the
command runs. A file that has changed is run again, so what is made carries the digest of the file
that made it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from upbringing.errors import InputError
from upbringing.files import file_digest

SUFFIX = ".py"

T = TypeVar("T")

_DIGESTS: dict[str, str] = {}


def run_file(path: str) -> None:
    """Run the file at `path`, once for each content, as the module of that name.

    Raises `ValueError` for a file that is not there, and for whatever goes wrong in it.
    """
    try:
        if not Path(path).is_file():
            what = f"there is no file {path!r}; a path is relative to where the command runs"
            raise ValueError(what)
        digest = file_digest(Path(path))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if _DIGESTS.get(path) == digest:
        return
    spec = importlib.util.spec_from_file_location(path, path)
    assert spec is not None, "a path that ends in .py has a loader"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a person's own code raises
        del sys.modules[path]
        raise ValueError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    _DIGESTS[path] = digest


def digest_of_file(path: str) -> str:
    """SHA-256 (hex) of the file as it was run."""
    return _DIGESTS[path]


def name_of(function: Callable[..., Any]) -> str:
    """By what a decorated function is named: `mood`, or `mine.py:mood` in a person's own file."""
    module = function.__module__
    return f"{module}:{function.__name__}" if module.endswith(SUFFIX) else function.__name__


def decorated_at(name: str, known: Mapping[str, T], decorator: str) -> T:
    """What `known` has under `PATH:FUNCTION` when the file at that path has been run.

    Raises `InputError` for a file that cannot be run, and for a function that it does not decorate.
    """
    path, _, function = name.rpartition(":")
    try:
        run_file(path)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
    if name not in known:
        inside = [one for one in known if one.startswith(f"{path}:")]
        raise InputError(
            f"{path} has no measure called {function!r}",
            allowed=", ".join(inside) or f"functions that are decorated with {decorator}",
        )
    return known[name]
