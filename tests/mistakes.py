"""Random mistakes in a curriculum: in the tree of what it says, or in the letters of its YAML."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from curricula import as_yaml

Parts = tuple[Any, int | str]
"""A map or a list, and the key or the index of a part of it."""

STRANGE: tuple[Any, ...] = (
    None, True, "", "x", "rest", "date", "кот", 0, -1, 1, 2, 0.5, -0.5, 1e-300, 1e300, 10**6,
    10**30, 10**400, -(10**30), float("nan"), float("inf"), -float("inf"), [], {}, [[]], [None],
    [0, 0], [1, 0], {"a": 1}, {"from": 1, "to": float("nan")}, {"sort": "num_byte"}, {1: 2},
    {"": ""}, {None: None}, {True: []}, {0.5: 1, "a": 2}, "\x00", "\u2028", "a\nb", "'", "a.py:b",
    "x" * 500,
)  # fmt: skip

LETTERS = [*"{}[]:,&*!|>%@`\"'#-?.~ \t\n\r", *"\x00\x07\x7f\x85\u2028\ufeff𝄞"]

LINES = (
    "<<: *a", "<<: {seed: 1}", "<<: [1]", "? [a, b]\n: c", "? {a: b}", "&a seed: 1", "seed: *a",
    "--- 1", "...", "%YAML 1.1", "!!set {a, b}", "phases: !!omap [a: 1]", "name: !x y",
    "seed: !!int x", "seed: 0o17", "seed: 1_000", "seed: 0x1F", "name: !!binary aGk=",
    "name: 12:30",
    "scenes: &s {any_of: [*s]}", "phases: &p [{name: a, phases: *p}]", "seed: 2001-13-45",
    "phases: [{name: r, scenes: rest, arrange: &r {reverse: *r}}]", "name: |\n  x\n y", "- a",
    "scenes: !!set {kind}", "scenes: {none_of: !!set {kind}}", "seed: 1:2:3", "? seed", ": seed",
    "phases: [{name: a, scenes: &b {kind: drama}}, {name: b, scenes: {<<: *b, knd: 1, lang: xx}}]",
    "phases: [{name: b, scenes: {<<: {kind: 3, lang: xx}, measures: {<<: {num_bytes: [2, 1]}}}}]",
)  # fmt: skip


def with_mistakes(curriculum: dict[str, Any], rng: np.random.Generator) -> str:
    """The YAML of a curriculum with one mistake or several; a few of them may do no harm."""
    tree = copy.deepcopy(curriculum)
    in_tree = int(rng.integers(0, 4))
    for _ in range(in_tree):
        if places := list(_parts(tree)):
            mistake = _IN_TREES[int(rng.integers(len(_IN_TREES)))]
            mistake(places[int(rng.integers(len(places)))], rng)
    text = as_yaml(tree, rng)
    for _ in range(int(rng.integers(0, 3)) if in_tree else 1):
        text = _IN_TEXTS[int(rng.integers(len(_IN_TEXTS)))](text, rng)
    return text


def _parts(value: Any) -> Iterator[Parts]:
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _parts(value[key])


def _strange(rng: np.random.Generator) -> Any:
    return copy.deepcopy(STRANGE[int(rng.integers(len(STRANGE)))])


def _misspelt(word: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(word))) if word else 0
    return word[:at] + "q" * int(rng.integers(2)) + word[at + 1 :]


def _misspell(place: Parts, rng: np.random.Generator) -> None:
    holder, key = place
    if isinstance(holder[key], str):
        holder[key] = _misspelt(holder[key], rng)
    elif isinstance(key, str):
        holder[_misspelt(key, rng)] = holder.pop(key)


def _leave_out(place: Parts, rng: np.random.Generator) -> None:
    del place[0][place[1]]


def _replace(place: Parts, rng: np.random.Generator) -> None:
    place[0][place[1]] = _strange(rng)


def _wrap(place: Parts, rng: np.random.Generator) -> None:
    holder, key = place
    is_list = rng.random() < 0.5
    holder[key] = [holder[key]] if is_list else {str(key): holder[key]}


def _add(place: Parts, rng: np.random.Generator) -> None:
    holder, key = place
    if isinstance(holder, list):
        holder.insert(int(key), _strange(rng))
    else:
        words = ("scenes", "phases", "join", "arrange", "share", "kind", "given", "", 1, "x", None)
        holder[words[int(rng.integers(len(words)))]] = _strange(rng)


def _double(place: Parts, rng: np.random.Generator) -> None:
    holder, key = place
    if isinstance(holder, list):
        holder.append(copy.deepcopy(holder[int(key)]))


def _move(place: Parts, rng: np.random.Generator) -> None:
    """What stands in one place of a map stands under another key."""
    holder, key = place
    other = list(holder)[int(rng.integers(len(holder)))] if isinstance(holder, dict) else key
    holder[other] = copy.deepcopy(holder[key])


def _deepen(place: Parts, rng: np.random.Generator) -> None:
    holder, key = place
    name = ("reverse", "any_of", "phases", "x")[int(rng.integers(4))]
    for _ in range(int(rng.choice([5, 30, 60]))):
        inside = [holder[key]] if name in ("any_of", "phases") else holder[key]
        holder[key] = {name: inside}


def _letter(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(text)))
    letter = LETTERS[int(rng.integers(len(LETTERS)))]
    return text[:at] + letter + text[at + int(rng.integers(2)) :]


def _cut(text: str, rng: np.random.Generator) -> str:
    low, high = sorted(int(at) for at in rng.integers(len(text) + 1, size=2))
    return (text[:low] if rng.random() < 0.5 else text[:low] + text[min(high, low + 9) :]) or "\n"


def _line(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines()
    at, other = (int(at) for at in rng.integers(len(lines), size=2))
    way = int(rng.integers(5))
    if way == 0:
        lines[at] = " " * int(rng.integers(1, 4)) + lines[at]
    elif way == 1:
        lines[at] = lines[at][int(rng.integers(1, 4)) :]
    elif way == 2:
        lines.insert(other, lines[at])
    elif way == 3:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines.insert(at, LINES[int(rng.integers(len(LINES)))])
    return "\n".join(lines) + "\n"


def _aliases(text: str, rng: np.random.Generator) -> str:
    """An anchor before one value and its alias after another, later or earlier: a loop as well."""
    ends = [int(found) + 2 for found in rng.choice(_ends_of(text, ": "), 2)]
    at, other = sorted(ends, reverse=rng.random() < 0.2)
    alias = "*a " if rng.random() < 0.5 else "*a, "
    return text[:at] + "&a " + text[at:other] + alias + text[other:]


def _ends_of(text: str, mark: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(mark, at)] or [0]


def _pile(text: str, rng: np.random.Generator) -> str:
    """Brackets in brackets, or aliases of aliases that unfold to more than any memory holds."""
    way = int(rng.integers(4))
    if way == 0:
        return text + "x: " + "[" * int(rng.choice([30, 3_000]))
    if way == 1:
        depth = int(rng.choice([30, 3_000]))
        return text + "x: " + "{a: " * depth + "1" + "}" * depth + "\n"
    if way == 2:
        return text + "\n".join("  " * depth + "- x:" for depth in range(300)) + "\n"
    names = "abcdefghijk"
    piles = [f"  - &{b} {{any_of: [{', '.join(['*' + a] * 9)}]}}" for a, b in pairwise(names)]
    return "\n".join(["x:", "  - &a {kind: drama}", *piles]) + f"\nscenes: *{names[-1]}\n" + text


_IN_TREES: tuple[Callable[[Parts, np.random.Generator], None], ...] = (
    _misspell, _misspell, _leave_out, _replace, _replace, _wrap, _add, _double, _move, _deepen,
)  # fmt: skip
_IN_TEXTS: tuple[Callable[[str, np.random.Generator], str], ...] = (
    _letter, _letter, _cut, _line, _line, _aliases, _pile,
)  # fmt: skip
