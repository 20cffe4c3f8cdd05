"""The error tree. Every error a person can mend derives from `UpbringingError`.

    UpbringingError            anything a person can mend; the command line exits with 2
    ├── InputError             a file, an argument or a text that cannot be used
    │   └── SettingsError      a YAML file with mistakes, all of them at once
    ├── ArtefactError          a folder of ours that is damaged, foreign or of another format
    ├── ComparisonError        arms that differ in more than the declared factor
    ├── ResumeError            a run that cannot be continued with what it is given
    ├── VerificationError      a run that did not consume its order
    ├── StorageError           the disk is full or refuses a write
    ├── ShortageError          the memory of a device does not hold what is asked of it
    └── StoppedError           work that was asked to stop, is saved, and can be continued

Our own invariants are `assert`s; whatever else escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what was found, where, what is allowed, what to do."""

    what: str
    where: str | None = None
    allowed: str | None = None
    do: str | None = None

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        tail = [f"allowed: {self.allowed}"] if self.allowed else []
        tail += [self.do] if self.do else []
        return "\n    ".join([head, *tail])


class UpbringingError(Exception):
    """Anything a person can mend. Holds one `Problem` or several."""

    def __init__(
        self,
        what: str | Iterable[Problem],
        *,
        where: str | None = None,
        allowed: str | None = None,
        do: str | None = None,
    ) -> None:
        if isinstance(what, str):
            self.problems: tuple[Problem, ...] = (Problem(what, where, allowed, do),)
        else:
            self.problems = tuple(what)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InputError(UpbringingError):
    """A file, an argument or a text that cannot be used."""


class SettingsError(InputError):
    """A YAML file with mistakes: every one of them, with line and column."""


class ArtefactError(UpbringingError):
    """A folder of ours that is damaged, foreign or written in another format."""


class ComparisonError(UpbringingError):
    """Arms that differ in more than the factor that the study declares."""


class ResumeError(UpbringingError):
    """A run that cannot be continued with what it is given."""


class VerificationError(UpbringingError):
    """A run that did not consume its order; the first divergence is in the message."""


class StorageError(UpbringingError):
    """The disk is full or refuses a write. Nothing half-written is left behind."""


class ShortageError(UpbringingError):
    """The memory of a device does not hold what is asked of it."""


class StoppedError(UpbringingError):
    """Work that was asked to stop. It is saved; the same command continues it."""
