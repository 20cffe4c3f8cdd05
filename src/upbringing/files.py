"""Atomic artefacts: a folder appears whole or not at all, is never overwritten, and knows itself.

A folder is written beside its place and renamed into it. Its manifest (`corpus.json`, `order.json`,
…) holds the recipe, the digests of the inputs and of every file, the versions and the command that
makes it again. `open_manifest` checks all of it before anything is used.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upbringing.destinations import check_new, kind_of
from upbringing.errors import ArtefactError, InputError, StorageError
from upbringing.identity import digest_json

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# What polars, safetensors and NumPy (the last two) say of it without an errno.
_SAID = ("No space left on device", "File too large", "requested and", "Not enough free space")
_VERSIONED = ("upbringing", "numpy", "polars", "torch", "tokenizers", "transformers")


@dataclass(frozen=True)
class Manifest:
    """What an artefact says of itself; `digest` covers all of it but who made it, and when."""

    format: str
    recipe: Mapping[str, Any]
    inputs: Mapping[str, str]
    files: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    made_by: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 (canonical JSON) of what the artefact is: all but `made_by`."""
        return digest_json(
            {
                "format": self.format,
                "recipe": self.recipe,
                "inputs": self.inputs,
                "files": self.files,
                "facts": self.facts,
            }
        )


@contextmanager
def storage(place: Path) -> Iterator[None]:
    """Turn a full disk (or a file size limit) into a `StorageError` that names the place."""
    try:
        yield
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in _NO_ROOM
        if full or any(words in str(error) for words in _SAID):
            raise StorageError(
                "no room left to write",
                where=str(place),
                do="free some space and run the same command again: it continues",
            ) from error
        raise


@contextmanager
def staged(place: Path, *, shared: bool = False) -> Iterator[Path]:
    """A folder to fill that becomes `place` on success and vanishes on failure.

    Where it is `shared`, whoever fills it fills it alike: if another process was first, its folder
    stays and the draft vanishes. Raises `InputError` if `place` exists otherwise or cannot be made,
    `StorageError` if the disk is full.
    """
    place = Path(place)
    if not shared:
        check_new(place)
    draft = place.with_name(f".{place.name}.draft-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with storage(place), _named(place, draft):
            draft.mkdir(parents=True)
            yield draft
            _sync(draft)
            try:
                draft.rename(place)
            except OSError:
                if not shared:
                    check_new(place)  # it was taken while this was written
                if not place.is_dir():
                    raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _named(place: Path, draft: Path) -> Iterator[None]:
    """Where a draft cannot be written, say so of its place: a person knows no drafts."""
    try:
        yield
    except OSError as error:
        amiss = Path(error.filename or "")
        if draft.name not in str(amiss) and amiss not in place.parents[:-1]:
            raise
        what = f"cannot be written: {error.strerror}"
        raise StorageError(what, where=str(place), do="choose another place") from error


def remove_drafts(folder: Path) -> None:
    """Clear away what a killed process left half-written in `folder`."""
    for draft in folder.glob(".*.draft-*"):
        shutil.rmtree(draft) if draft.is_dir() else draft.unlink()


def _sync(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb+") as handle:
                os.fsync(handle.fileno())


@contextmanager
def staged_file(file: Path) -> Iterator[Path]:
    """A draft to write that becomes `file` on success, replacing what was there, or vanishes.

    Its folder is made. Raises `StorageError` where the disk is full, or nothing can be written.
    """
    draft = file.with_name(f".{file.name}.draft-{os.getpid()}")
    try:
        with storage(file), _named(file, draft):
            if not file.parent.is_dir():
                file.parent.mkdir(parents=True)
            yield draft
            draft.replace(file)
    finally:
        if draft.exists():
            draft.unlink()


def write_text(file: Path, text: str) -> None:
    """Write one file atomically, replacing what was there."""
    with staged_file(file) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(file: Path, value: Any) -> None:
    """Write readable JSON (two spaces, UTF-8) atomically."""
    write_text(file, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_text(file: Path) -> str:
    """The text of a file that a person names. Raises `InputError` where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("no such file", where=str(file)) from error
    except IsADirectoryError as error:
        what = f"is {kind_of(file) or 'a folder'}, and no file"
        raise InputError(what, where=str(file)) from error
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text: byte {error.start:,} is {error.object[error.start]:#04x}"
        raise InputError(what, where=str(file)) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from error


def read_json(file: Path) -> Any:
    """Read JSON; a missing or broken file is an `ArtefactError` that names it."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtefactError("no such file", where=str(file)) from error
    except UnicodeDecodeError as error:
        what = f"is damaged at byte {error.start:,}"
        raise ArtefactError(what, where=str(file), do="make the artefact again") from error
    except json.JSONDecodeError as error:
        what = f"is damaged, no JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        raise ArtefactError(what, where=str(file), do="make the artefact again") from error


def folder_digest(folder: Path) -> str:
    """SHA-256 (hex) of canonical JSON: the digest of every file in a folder by relative name."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return digest_json({file.relative_to(folder).as_posix(): file_digest(file) for file in files})


def file_digest(file: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def made_by() -> dict[str, Any]:
    """The command line and the versions that make the artefact at hand."""
    versions = {"python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in _VERSIONED}
    by_command = Path(sys.argv[0]).name == "upbringing"
    command = shlex.join(["upbringing", *sys.argv[1:]]) if by_command else "upbringing (Python)"
    return {"command": command, "versions": versions}


def write_manifest(
    folder: Path,
    format_: str,
    *,
    recipe: Mapping[str, Any],
    inputs: Mapping[str, str],
    facts: Mapping[str, Any] | None = None,
    only: Sequence[str] = ("**/*",),
) -> Manifest:
    """Describe the files in `folder` in `<name>.json`, where `format_` is `<name>/<version>`.

    `only` are glob patterns of what belongs to the artefact; all of it by default.
    """
    found = sorted(file for pattern in only for file in folder.glob(pattern) if file.is_file())
    files = {
        file.relative_to(folder).as_posix(): {
            "bytes": file.stat().st_size,
            "sha256": file_digest(file),
        }
        for file in found
    }
    manifest = Manifest(format_, recipe, inputs, files, facts or {}, made_by())
    write_json(
        folder / f"{format_.split('/', maxsplit=1)[0]}.json",
        {
            "format": manifest.format,
            "digest": manifest.digest,
            "recipe": recipe,
            "inputs": inputs,
            "files": files,
            "facts": manifest.facts,
            "made_by": manifest.made_by,
        },
    )
    return manifest


def _what_is_there(folder: Path, name: str) -> str:
    """Why a folder is no `name`, the manifest of which it lacks."""
    if not folder.exists():
        return "no such folder"
    kind = kind_of(folder)
    if kind is None or name in kind:
        return f"is not a finished {name} ({name}.json is missing)"
    return f"is {kind}, and no {name}"


def open_manifest(folder: Path, format_: str, *, whole: bool = True) -> Manifest:
    """Read and check an artefact; where not the `whole` of it, its files by their sizes only.

    Raises `ArtefactError` when the folder is no such artefact, its format differs, its manifest was
    edited, or a file is missing, cut or changed.
    """
    name = format_.partition("/")[0]
    file = folder / f"{name}.json"
    if not file.exists():
        raise ArtefactError(_what_is_there(folder, name), where=str(folder))
    said = read_json(file)
    try:
        manifest = Manifest(*(said[k] for k in Manifest.__dataclass_fields__))
        digest = said["digest"]
    except (KeyError, TypeError) as error:
        raise ArtefactError(f"lacks the field {error}", where=str(file)) from error
    if manifest.format != format_:
        raise ArtefactError(
            f"has format {manifest.format!r}", where=str(file), allowed=format_, do="make it again"
        )
    if manifest.digest != digest:
        raise ArtefactError("was changed after it was written", where=str(file), do="make it again")
    for relative, facts in manifest.files.items():
        path = folder / relative
        if not path.is_file():
            raise ArtefactError("is missing", where=str(path), do="make the artefact again")
        is_cut = path.stat().st_size != facts["bytes"]
        if is_cut or (whole and file_digest(path) != facts["sha256"]):
            raise ArtefactError("is damaged", where=str(path), do="make the artefact again")
    return manifest
