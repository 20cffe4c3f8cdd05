"""Recipe books: which kinds come first, next and last for each character, and on whose word.

Two books that are never mixed up, as data beside this module. *As claimed* holds the claim's own
words; *as measured* holds what a study has shown, each entry with the digest of that study and the
place of its report. Takes a character and a book, gives its recipe, or an error that says how to
come by one.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from upbringing.errors import InputError
from upbringing.order.selection import Names
from upbringing.settings import Settings, load_settings, mistake, suggestion, validate_all

Character = Literal[
    "precise", "scenic", "reactive", "polite", "dramatic", "ironic", "archetypal", "logical"
]
CHARACTERS: tuple[str, ...] = get_args(Character)

BOOKS = CLAIMED, MEASURED = ("claimed", "measured")

_FOLDER = Path(__file__).with_name("recipe_books")
_PARTS = ("first", "next", "last")

Words = Annotated[str, Field(min_length=1)]


class Recipe(Settings):
    """Which kinds a character reads first, next and last; all others come before the last."""

    character: Character
    first: Names
    next: Names | None = None
    last: Names | None = None


class Claimed(Recipe):
    """A recipe in the words of a claim, which has a number."""

    claim: Annotated[str, Field(pattern=r"^C[1-9][0-9]*$")]
    words: Words


class Study(Settings):
    """The study that has shown something: the digest of its design, and where its report is."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    report: Words


class Measured(Recipe):
    """A recipe that a study has shown to work, with what it found."""

    finding: Words
    study: Study


def _each_once(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """A character has one recipe, and a recipe names a kind once."""
    mistakes = []
    seen: set[str] = set()
    for number, said in enumerate(value if isinstance(value, list) else ()):
        recipe: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
        character = recipe.get("character")
        if isinstance(character, str) and character in seen:
            what = f"{character!r} has a recipe already"
            mistakes.append(mistake((number, "character"), what))
        seen |= {character} if isinstance(character, str) else set()
        kinds: set[str] = set()
        for part in _PARTS:
            named = recipe.get(part) or []
            listed = [named] if isinstance(named, str) else list(named)
            twice = [kind for place, kind in enumerate(listed) if kind in {*kinds, *listed[:place]}]
            if twice:
                what = f"the kind {twice[0]!r} is named twice"
                mistakes.append(mistake((number, part), what))
            kinds |= set(listed)
    return validate_all(value, validate, mistakes)


class ClaimedBook(Settings):
    """The file of recipes as claimed."""

    recipes: Annotated[tuple[Claimed, ...], WrapValidator(_each_once)]


class MeasuredBook(Settings):
    """The file of recipes as measured."""

    recipes: Annotated[tuple[Measured, ...], WrapValidator(_each_once)]


_MODELS: Mapping[str, type[ClaimedBook] | type[MeasuredBook]] = {
    CLAIMED: ClaimedBook,
    MEASURED: MeasuredBook,
}


def load_book(book: str, file: Path | None = None) -> dict[str, Claimed | Measured]:
    """The recipes of a book by character: of the one that is shipped, or of another `file`.

    Raises `InputError` for an unknown book, `SettingsError` with all mistakes of the file.
    """
    if book not in BOOKS:
        raise InputError(
            f"no recipe book is called {book!r}",
            allowed=", ".join(BOOKS),
            do=suggestion(book, BOOKS),
        )
    read = load_settings(file or _FOLDER / f"as_{book}.yaml", _MODELS[book])
    return {recipe.character: recipe for recipe in read.recipes}


def recipe_of(character: str, book: str = CLAIMED) -> Claimed | Measured:
    """The recipe of a character; `InputError` where the book has none."""
    recipes = load_book(book)
    if character not in recipes:
        claimed = load_book(CLAIMED)[character]
        raise InputError(
            f"no study has shown a recipe for {character!r} yet",
            allowed=", ".join(recipes) or "the book is empty; --book claimed has the claim's own",
            do=f"run one: `{raise_command(claimed.first, claimed.last or ())}`",
        )
    return recipes[character]


def raise_command(first: Sequence[str], last: Sequence[str] = ()) -> str:
    """The command that tests what reading these kinds first does to a mind."""
    command = ["upbringing", "raise", "--first", ",".join(first)]
    command += ["--last", ",".join(last)] if last else []
    return f"{shlex.join(command)} --preset standard TEXTS..."
