"""Russian forms: a phrase in its dictionary form → every form that a template may ask for.

Takes a cell of a column whose header ends in `:np`, `:vp` or `:adj`, and inflects it with pymorphy3
(OpenCorpora's dictionary). Gives the further forms by name; a form that must agree with another
word is `<m|f|n|masculine animate>`. Promises an error where there is no such form, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from functools import cache

from pymorphy3 import MorphAnalyzer
from pymorphy3.analyzer import Parse

from upbringing.errors import InputError

Grammemes = Set[str]

_CASES = {"gen": "gent", "dat": "datv", "acc": "accs", "ins": "ablt", "loc": "loct"}

_FINITE: Mapping[str, Grammemes] = {
    "do": {"impr", "sing", "excl"},
    "do_polite": {"impr", "plur", "excl"},
    "will": {"indc", "futr", "3per", "sing"},
    "shall": {"indc", "futr", "1per", "sing"},
    "let_us": {"indc", "futr", "1per", "plur"},
}

# Masculine, feminine, neuter, and a masculine that lives: only its accusative differs.
_GENDERS: tuple[Grammemes, ...] = ({"masc", "inan"}, {"femn"}, {"neut"}, {"masc", "anim"})


def noun_phrase(cell: str) -> dict[str, str]:
    """gen, dat, acc, ins, loc of a nominative noun with the adjectives before it.

    What follows the noun stays as it is ("дырка от гвоздя"), but for a patronymic.
    """
    words, at = cell.split(" "), _place_of_noun(cell)
    noun = _noun(cell, words[at])
    number, lives = noun.tag.number, "anim" if "anim" in noun.tag else "inan"
    agreeing: Grammemes = {number} if number == "plur" else {number, noun.tag.gender}
    forms = {}
    for name, case in _CASES.items():
        animacy = {lives} if case == "accs" and agreeing & {"masc", "plur"} else set()
        told = list(words)
        for place in range(at):
            adjective = _first(words[place], {"PRTF", "nomn"} | agreeing) or _read(
                cell, words[place], {"ADJF", "nomn"} | agreeing
            )
            told[place] = _form(cell, adjective, {case} | agreeing | animacy)
        told[at] = _form(cell, noun, {case, number})
        for place in range(at + 1, len(words)):
            if patronymic := _first(words[place], {"Patr", "nomn", noun.tag.gender}):
                told[place] = _form(cell, patronymic, {case})
        forms[name] = " ".join(told)
    return forms


def gender_of(cell: str) -> str | None:
    """What agrees with a noun phrase: m, f, n, a (masculine, living), or None in the plural."""
    tag = _noun(cell, cell.split(" ")[_place_of_noun(cell)]).tag
    if tag.number == "plur":
        return None
    return "a" if {"masc", "anim"} in tag else str(tag.gender)[0]


def is_animate(cell: str) -> bool:
    """Whether a noun phrase is of somebody, or of a creature."""
    return "anim" in _noun(cell, cell.split(" ")[_place_of_noun(cell)]).tag


def verb_phrase(cell: str) -> dict[str, str]:
    """Past (`fixed`, m and f), imperatives and futures of a perfective infinitive and its objects.

    Infinitives inflect at the start and after «и»: "согреть и связать доски".
    """
    words = cell.split(" ")
    verbs = {0: _read(cell, words[0], {"INFN", "perf"})}
    for place in range(2, len(words)):
        verb = _first(words[place], {"INFN", "perf"})
        if verb and words[place - 1] == "и":
            verbs[place] = verb

    def told(grammemes: Grammemes) -> str:
        forms = {place: _form(cell, verb, grammemes) for place, verb in verbs.items()}
        return " ".join(forms.get(place, word) for place, word in enumerate(words))

    past = f"<{told({'past', 'masc'})}|{told({'past', 'femn'})}>"
    return {"fixed": past} | {name: told(grammemes) for name, grammemes in _FINITE.items()}


def adjective(cell: str) -> dict[str, str]:
    """Agreeing forms of a masculine nominative adjective: `nom` and the other cases."""
    word = _read(cell, cell, {"ADJF", "nomn", "masc"})
    forms = {}
    for name, case in {"nom": "nomn", **_CASES}.items():
        # Elsewhere than in the accusative what lives and what doesn't are told alike.
        drop = set() if case == "accs" else {"inan", "anim"}
        said = [_form(cell, word, ({case, "sing"} | gender) - drop) for gender in _GENDERS]
        forms[name] = f"<{'|'.join(said)}>"
    return forms


def _place_of_noun(cell: str) -> int:
    """The first noun; a word that can be an adjective is one where a noun follows ("рабочий")."""
    words = cell.split(" ")
    for place, word in enumerate(words):
        followed = place + 1 < len(words) and _first(words[place + 1], {"NOUN", "nomn"})
        if _first(word, {"NOUN", "nomn"}) and not (_first(word, {"ADJF", "nomn"}) and followed):
            return place
    raise InputError(f"{cell!r} has no noun in the nominative", where="world grammar")


def _noun(cell: str, word: str) -> Parse:
    """The noun's reading: with a capital a name where it can be one ("Роза"), else never a name."""
    readings = [reading for reading in _readings(word) if {"NOUN", "nomn"} in reading.tag]
    is_name = [bool({"Name", "Surn", "Patr"} & reading.tag.grammemes) for reading in readings]
    fitting = [r for r, name in zip(readings, is_name, strict=True) if name == word[0].isupper()]
    return (fitting or readings or [_read(cell, word, {"NOUN", "nomn"})])[0]


def _first(word: str, grammemes: Grammemes) -> Parse | None:
    """The likeliest reading of a word that has these grammemes."""
    return next((reading for reading in _readings(word) if grammemes in reading.tag), None)


def _read(cell: str, word: str, grammemes: Grammemes) -> Parse:
    reading = _first(word, grammemes)
    if reading is None:
        wanted = ", ".join(sorted(grammemes))
        raise InputError(f"{word!r} in {cell!r} is not {wanted}", where="world grammar")
    return reading


def _form(cell: str, reading: Parse, grammemes: Grammemes) -> str:
    """The word in another form, with the capital that it has in the cell."""
    form = reading.inflect(grammemes)
    if form is None:
        wanted = ", ".join(sorted(grammemes))
        raise InputError(f"{reading.word!r} in {cell!r} has no {wanted}", where="world grammar")
    told = str(form.word)
    is_name = any(word.lower() == reading.word and word != reading.word for word in cell.split(" "))
    return told.capitalize() if is_name else told


@cache
def _readings(word: str) -> list[Parse]:
    readings: list[Parse] = _analyzer().parse(word)
    return readings


@cache
def _analyzer() -> MorphAnalyzer:
    return MorphAnalyzer()


FORMS: Mapping[str, Callable[[str], dict[str, str]]] = {
    "np": noun_phrase,
    "vp": verb_phrase,
    "adj": adjective,
}
"""What the ending of a column's header asks for."""
