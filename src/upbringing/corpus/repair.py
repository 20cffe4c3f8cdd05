"""Repair: text whose UTF-8 was once read as another encoding and saved like that.

Takes a text, gives it back readable, or as it was where there is nothing to repair. Two mistakes
are undone: UTF-8 read as Mac Roman (a Russian `Да` saved as `–î–∞`), which ftfy does not know, and
then the ones that ftfy does. Only encodings are touched: quotes, dashes, ligatures, spaces and
line ends stay what they are.
"""

from __future__ import annotations

import re
from functools import cache

import ftfy

# “É, opening a line of French, reads as one UTF-8 sequence too. Mangled text holds many of them,
# and hardly a character that Mac Roman has beyond ASCII stands outside of them.
_FEWEST_SEQUENCES = 4
_SMALLEST_SHARE = 0.9


def repair(text: str) -> str:
    """The text with its encoding repaired; a second repair changes nothing more.

    Where a character was lost on the way, the characters around it still come back.
    """
    if text.isascii():
        return text
    lines = _undo_mac_roman(text).splitlines(keepends=True)
    return "".join(line if line.isascii() else ftfy.fix_encoding(line) for line in lines)


def _undo_mac_roman(text: str) -> str:
    found = _sequences().findall(text)
    in_mac_roman = len(_high_characters().findall(text))
    if len(found) < _FEWEST_SEQUENCES or sum(map(len, found)) < _SMALLEST_SHARE * in_mac_roman:
        return text
    return _sequences().sub(_decoded, text)


def _decoded(match: re.Match[str]) -> str:
    try:
        return match[0].encode("mac_roman").decode("utf-8")
    except UnicodeDecodeError:  # surrogates and overlong forms
        return match[0]


@cache
def _sequences() -> re.Pattern[str]:
    """What one non-ASCII character of UTF-8 looks like when read as Mac Roman."""
    more = _characters(0x80, 0xBF)
    two, three, four = _characters(0xC2, 0xDF), _characters(0xE0, 0xEF), _characters(0xF0, 0xF4)
    return re.compile(f"{two}{more}|{three}{more}{{2}}|{four}{more}{{3}}")


@cache
def _high_characters() -> re.Pattern[str]:
    return re.compile(_characters(0x80, 0xFF))


def _characters(first: int, last: int) -> str:
    return "[" + bytes(range(first, last + 1)).decode("mac_roman") + "]"
