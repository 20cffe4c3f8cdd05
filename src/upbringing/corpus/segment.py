"""Segment: a document → scenes, cut where the text itself pauses.

Takes a text and a size range, gives its pieces in reading order; joined, they are the text, to the
character. Every piece is within the range (a text below the range is one piece). Of all borders
that keep the range, the strongest is taken, and of equals the last, so that a scene is as whole and
as long as it can be:

    section    a blank line before a Markdown heading, or two blank lines
    paragraph  a blank line, as between paragraphs, stanzas and the speeches of a play
    speech     a line that opens with a speaker (`A: `) or a dash (`— `)
    line       the end of a line, as in verse
    sentence   the end of a sentence
    space      between words
    character  between any two characters

The default range, 300 to 1,500 bytes, is 50 to 250 English words or half as many Russian ones: long
enough that a stanza, a short exchange or an argument is not torn from what it answers, short enough
that a block of some 100 kB still holds a hundred scenes to arrange. The time is linear in the text.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from upbringing.errors import InputError

SMALLEST_BYTES = 300
LARGEST_BYTES = 1_500

_BORDERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\s+",
        r"""[.!?…]["'»”’)\]]{0,3}\s+|[。！？]""",
        r"\n",
        r"\n(?=[-–—] |[^\W\d_][\w.'’ -]{0,40}: )",
        r"\n\s*\n",
        r"(?<=\n\n)(?=#{1,6} )|(?<=\n\n\n)(?=[^\n])",
    )
)
"""Weakest first; a border is where a match ends. No text, however odd, makes them backtrack twice
over the same run of characters."""


def cut(
    text: str, smallest_bytes: int = SMALLEST_BYTES, largest_bytes: int = LARGEST_BYTES
) -> list[str]:
    """The pieces of `text`, each of `smallest_bytes` to `largest_bytes` of UTF-8.

    `"".join(cut(text)) == text`, always; a text within the range is one piece, and so is a shorter
    one. Raises `InputError` for a range that not every text could keep.
    """
    check_range(smallest_bytes, largest_bytes)
    if len(text.encode()) <= largest_bytes:
        return [text]
    bytes_before = _bytes_before(text)
    strengths = _strengths(text)
    pieces, start = [], 0
    while bytes_before[-1] - bytes_before[start] > largest_bytes:
        begin, end = int(bytes_before[start]), int(bytes_before[-1])
        earliest = begin + smallest_bytes
        latest = min(begin + largest_bytes, end - smallest_bytes)  # the rest keeps the range too
        low = int(np.searchsorted(bytes_before, earliest, side="left"))
        high = int(np.searchsorted(bytes_before, latest, side="right"))
        stop = high - 1 - int(strengths[low:high][::-1].argmax())
        pieces.append(text[start:stop])
        start = stop
    return [*pieces, text[start:]]


def check_range(smallest_bytes: int, largest_bytes: int) -> None:
    """Raise `InputError` for a size range in which a cut could be impossible."""
    if smallest_bytes < 4 or largest_bytes < 3 * smallest_bytes:
        raise InputError(
            f"scenes of {smallest_bytes} to {largest_bytes} bytes cannot be cut from every text",
            allowed="a smallest size of 4 bytes or more, a largest of three times that or more",
        )


def _bytes_before(text: str) -> npt.NDArray[np.int64]:
    """Bytes of UTF-8 before each character and after the last, shape (len(text) + 1,)."""
    points = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    widths = 1 + (points > 0x7F).astype(np.int8) + (points > 0x7FF) + (points > 0xFFFF)
    return np.concatenate([[0], widths.cumsum(dtype=np.int64)])


def _strengths(text: str) -> npt.NDArray[np.int8]:
    """Strength of a cut before each character and at the end, shape (len(text) + 1,)."""
    strengths = np.zeros(len(text) + 1, dtype=np.int8)
    for strength, pattern in enumerate(_BORDERS, 1):
        strengths[[match.end() for match in pattern.finditer(text)]] = strength
    return strengths
