"""Intentions: what a person says a life shall be → its blocks, in order.

Takes the name of a character, or a sketch such as "myth, then conflict, then the rest", and the
kinds of a corpus; gives blocks of kinds, each with the reason for its place. Blocks follow one
another after `then`, `→`, `->`, `потом` or `затем`; kinds share a block by a comma, `and`, `+` or
`и`. Whatever the corpus lacks is named at once, with what is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from upbringing.errors import InputError, Problem
from upbringing.order.recipe_book import CHARACTERS, Claimed, Measured
from upbringing.settings import suggestion

_THEN = re.compile(r",?\s*(?:\band\b|\bа\b|\bи\b)?\s*(?:\bthen\b|→|->|\bпотом\b|\bзатем\b)", re.I)
_AND = re.compile(r",|\+|\band\b|\bи\b", re.I)
_REST = ("the rest", "rest", "остальное", "всё остальное", "все остальное")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True)
class Block:
    """Kinds that are read together, None for all that no other block names, and why they stand
    here, as a sentence without its full stop.
    """

    kinds: tuple[str, ...] | None
    why: str

    @property
    def name(self) -> str:
        """Its kinds as a person lists them."""
        if self.kinds is None:
            return "the rest"
        *most, last = self.kinds
        return f"{', '.join(most)} and {last}" if most else last


def blocks_of_recipe(recipe: Claimed | Measured, known: Sequence[str]) -> list[Block]:
    """What the recipe puts first and next, the rest, what it puts last.

    Raises `InputError` where the corpus lacks what comes first or next: without it, the life would
    be another recipe's. What comes last in a claimed recipe is no part of the claim, and is left to
    the rest where the corpus lacks it.
    """
    said = "what the claim puts" if isinstance(recipe, Claimed) else "what the study put"
    asked = [*recipe.first, *(recipe.next or ())]
    asked += (recipe.last or ()) if isinstance(recipe, Measured) else ()
    if missing := [kind for kind in asked if kind not in known]:
        have = [kind for kind in asked if kind in known]
        sketch = " then ".join([have[0] if have else known[0], "the rest"])
        raise InputError(
            f"the recipe for {recipe.character!r} needs {_listed(missing)}, and no scene is of "
            + ("that kind" if len(missing) == 1 else "those kinds"),
            allowed=", ".join(known),
            do=f"sketch a life of what is there: compose CORPUS {sketch!r}",
        )
    last = tuple(kind for kind in recipe.last or () if kind in known)
    blocks = [Block(recipe.first, f"{said} first")]
    if recipe.next:
        blocks.append(Block(recipe.next, f"{said} next"))
    if set(known) - {*asked, *last}:
        where = "all else, between the two ends" if last else "all else"
        if recipe.last and not last:
            where += f"; what would come last, {' and '.join(recipe.last)}, is not here"
        blocks.append(Block(None, where))
    if last:
        whose = "our choice: the far end of the character; the claim names no last"
        blocks.append(Block(last, whose if isinstance(recipe, Claimed) else f"{said} last"))
    return blocks


def blocks_of_sketch(sketch: str, known: Sequence[str]) -> list[Block]:
    """The blocks that a sketch names, in order. Raises `InputError` with all that it gets wrong."""
    by_name = {kind.casefold(): kind for kind in known} | {kind: kind for kind in known}
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    blocks: list[Block] = []
    parts = [part.strip() for part in _parts(sketch, _THEN, by_name)]
    for number, part in enumerate(parts):
        names = [name.strip() for name in _parts(part, _AND, by_name)]
        if not part or not all(names):
            what = f"block {number + 1} of {len(parts)} names nothing"
            problems.append(Problem(what, allowed=", ".join(known)))
            continue
        kinds: list[str] = []
        is_rest = False
        for name in names:
            word = name if name in by_name else name.casefold()
            if word not in by_name and word in _REST:
                is_rest, kind = True, "the rest"
            elif word not in by_name:
                problems.append(_unknown(name, known, is_alone=len(parts) == len(names) == 1))
                continue
            else:
                kind = by_name[word]
                kinds.append(kind)
            if kind in seen:
                what = f"{kind!r} stands in block {seen[kind] + 1} and in block {number + 1}"
                do = "name it once: a scene belongs to one block"
                problems.append(Problem(what, do=do))
            seen.setdefault(kind, number)
        if is_rest and kinds:
            what = f"block {number + 1} names the rest and {_listed(kinds)}"
            problems.append(
                Problem(what, do="name the rest alone: it holds all that no block names")
            )
        place = _ORDINALS[number] if number < len(_ORDINALS) else f"number {number + 1}"
        blocks.append(Block(None if is_rest else tuple(kinds), f"{place} in the sketch"))
    if "the rest" in seen and not problems and not set(known) - set(seen):
        problems.append(Problem("nothing is left for the rest", do="leave it out"))
    if problems:
        raise InputError(problems)
    return blocks


def _parts(text: str, border: re.Pattern[str], by_name: dict[str, str]) -> list[str]:
    """The text cut at borders; a kind's name is never cut, whatever it is."""
    name = text.strip()
    return [text] if name in by_name or name.casefold() in by_name else border.split(text)


def _unknown(name: str, known: Sequence[str], *, is_alone: bool) -> Problem:
    if is_alone:
        allowed = f"{', '.join(known)}; or a character: {', '.join(CHARACTERS)}"
        near = suggestion(name, [*known, *CHARACTERS])
        return Problem(f"{name!r} is neither a kind nor a character", allowed=allowed, do=near)
    return Problem(
        f"no scene is of kind {name!r}", allowed=", ".join(known), do=suggestion(name, known)
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
