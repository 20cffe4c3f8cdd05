"""Templates: a line of the data → text with slots.

Takes a line and a name for its choices, gives a `Template`. A line is text with three marks, which
may stand inside one another:

    {who}  {case.fixed}  {Who}   a cell of the event's row; a capital letter capitalises it
    {who:he|she}  {trouble.failed:obj}   the form that agrees with the gender of `who`, `obj`
    [now|at {hour}]              one of the alternatives, drawn for each event

`//` breaks the line. A cell holds `<m|f|n>` or `<m|f>` where it must agree with another word. What
has a tone instead of a gender is agreed with alike: {outcome:luckily|sadly}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upbringing.errors import InputError

CLASSES = 4  # m or good, f or bad, n, a living m: what a word agrees with

Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Cell:
    """A word of the event: `attribute`'s `column`, in the form that agrees with `partner`."""

    attribute: str
    column: str
    partner: str | None
    capital: bool


@dataclass(frozen=True)
class Agreement:
    """One of `forms` (`CLASSES`,), by the gender or tone of `partner`."""

    partner: str
    forms: Words
    capital: bool


@dataclass(frozen=True)
class Choice:
    """One of `options`, drawn for each event under the name `purpose`."""

    purpose: str
    options: tuple[Template, ...]


@dataclass(frozen=True)
class Template:
    """Text with a `%s` for each slot, and the slots in order."""

    pattern: str
    slots: tuple[Cell | Agreement | Choice, ...]


def read_choice(lines: str, purpose: str) -> Choice:
    """A block of alternatives, one a line, as a choice named `purpose`."""
    alternatives = lines.strip().splitlines()
    return Choice(
        purpose,
        tuple(_compile(line, f"{purpose}/{place}") for place, line in enumerate(alternatives)),
    )


def _compile(text: str, purpose: str) -> Template:
    """One line of the data as a `Template`; `purpose` names its choices."""
    pattern, rest = "", text.replace("//", "\n")
    slots: list[Cell | Agreement | Choice] = []
    while mark := re.search(r"[\[{]", rest):
        end = _closing(rest, mark.start())
        inside = rest[mark.start() + 1 : end]
        slots.append(_slot(mark[0], inside, f"{purpose}.{len(slots)}"))
        pattern += rest[: mark.start()].replace("%", "%%") + "%s"
        rest = rest[end + 1 :]
    return Template(pattern + rest.replace("%", "%%"), tuple(slots))


def _closing(text: str, start: int) -> int:
    """The index of the bracket that closes the one at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise InputError(f"a bracket is not closed in {text!r}", where="world grammar")


def _alternatives(text: str) -> Iterator[str]:
    """The text cut at every bar that stands in no bracket."""
    start = depth = 0
    for place, letter in enumerate(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _slot(mark: str, inside: str, purpose: str) -> Cell | Agreement | Choice:
    if mark == "[":
        options = enumerate(_alternatives(inside))
        return Choice(purpose, tuple(_compile(text, f"{purpose}.{k}") for k, text in options))
    head, _, tail = inside.partition(":")
    capital, head = head[0].isupper(), head[0].lower() + head[1:]
    if "|" in tail:
        forms = words(agree(f"<{tail}>", place) for place in range(CLASSES))
        return Agreement(head, forms, capital)
    attribute, _, column = head.partition(".")
    return Cell(attribute, column, tail or None, capital)


def slots_of(template: Template) -> Iterator[Cell | Agreement | Choice]:
    """Every slot of a template, those inside its choices too."""
    for slot in template.slots:
        yield slot
        if isinstance(slot, Choice):
            for option in slot.options:
                yield from slots_of(option)


def agree(cell: str, place: int) -> str:
    """The cell with each `<m|f|n>` in one form; a form that is not there is as the first."""

    def form(found: re.Match[str]) -> str:
        forms = found[1].split("|")
        return forms[place] if place < len(forms) else forms[0]

    return re.sub("<([^>]*)>", form, cell)


def words(cells: Iterable[str]) -> Words:
    """The cells as an array of `str` objects, shape (n,)."""
    return np.array(list(cells), dtype=object)
