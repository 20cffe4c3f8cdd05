"""A life as a ribbon of letters: what is read when, in a few lines of a terminal.

Takes the shares of kinds by stretches of life; gives rich texts, in colour where the terminal has
colours and legible by their letters where it has none.
"""

from __future__ import annotations

import string
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.table import Table
from rich.text import Text

from upbringing.order import Order, ribbon
from upbringing.order.words import percent
from upbringing.terminal.console import printable

_COLOURS = ("blue", "yellow", "green", "magenta", "cyan", "red", "bright_black", "white")
_OTHERS, _OTHERS_LETTER = "others", "·"
_MOST_KINDS = 24
_ALPHABET = string.ascii_letters + string.digits
_BLOCKS = "▁▂▃▄▅▆▇█"
_NUM_LINES = 4
_WIDEST = 100


@dataclass(frozen=True)
class Palette:
    """The kinds that are told apart, the earliest read first, with a letter and a colour each.

    Of more than 24 kinds, those with the smallest share of the text are `others`.
    """

    letters: dict[str, str]

    @classmethod
    def of(cls, *orders: Order) -> Palette:
        """One palette for all of these orders."""
        read = pl.concat([ribbon(order) for order in orders])
        kinds = read.group_by("kind").agg(
            pl.col("share").sum(),
            age=(pl.col("bin") * pl.col("share")).sum() / pl.col("share").sum(),
        )
        most = kinds.sort("share", "kind", descending=[True, False])
        kept = most.head(_MOST_KINDS if most.height <= _MOST_KINDS else _MOST_KINDS - 1)
        letters = _letters(kept.sort("age", "kind")["kind"].to_list())
        return cls(letters | ({_OTHERS: _OTHERS_LETTER} if most.height > kept.height else {}))

    def shares(self, order: Order, num_bins: int) -> npt.NDArray[np.float64]:
        """The share of each kind of the palette in equal stretches of life: (num_bins, kinds)."""
        names = list(self.letters)
        table = np.zeros((num_bins, len(names)))
        for place, kind, share in ribbon(order, num_bins).iter_rows():
            table[place, names.index(kind) if kind in self.letters else -1] += share
        return table

    def style(self, number: int) -> str:
        """The colour of the kind of that number."""
        return _COLOURS[number % len(_COLOURS)]

    def mark(self, kind: str) -> tuple[str, str]:
        """The letter and the colour of a kind; those of `others` for one that is not told apart."""
        number = list(self.letters).index(kind if kind in self.letters else _OTHERS)
        return self.letters.get(kind, _OTHERS_LETTER), self.style(number)

    def key(self, width: int) -> list[Text]:
        """Which letter is which kind, in lines of that width."""
        said = [f"{letter} {printable(kind)}" for kind, letter in self.letters.items()]
        held = [kind.replace(" ", "\xa0") for kind in said]  # no line breaks inside a name
        lines = textwrap.wrap("   ".join(held), max(width - 2, 1), break_long_words=False)
        return [Text(f"  {line}".replace("\xa0", " ")) for line in lines]


def _letters(kinds: Sequence[str]) -> dict[str, str]:
    """A letter of its own for each kind: its first free one, else the alphabet's."""
    letters: dict[str, str] = {}
    for kind in kinds:
        own = [letter for letter in [*kind, *kind.upper(), *_ALPHABET] if letter.isalnum()]
        letters[kind] = next(letter for letter in own if letter not in letters.values())
    return letters


def ribbon_lines(order: Order, palette: Palette, width: int) -> list[Text]:
    """The ribbon of an order: a column a stretch of life, its letters in proportion to the kinds.

    The last line is the axis of age, with a tick where a phase begins.
    """
    num_bins = num_columns(width)
    letters = list(palette.letters.values())
    reached = palette.shares(order, num_bins).cumsum(axis=1)
    lines = []
    for line in range(_NUM_LINES):
        text = Text("  ")
        # The kind whose stretch of the column holds the middle of the letter.
        numbers = (reached < (line + 0.5) / _NUM_LINES).sum(axis=1).clip(max=len(letters) - 1)
        for kind, columns in groupby(numbers.tolist()):
            text.append(letters[kind] * len(list(columns)), style=palette.style(kind))
        lines.append(text)
    return [*lines, _axis(order, num_bins)]


def num_columns(width: int) -> int:
    """The columns of a ribbon on a terminal of that width."""
    return max(1, min(_WIDEST, width - 4))


def curve_line(heights: npt.NDArray[np.float64]) -> Text:
    """A curve under a ribbon, a block a column, (num_columns,): the highest is full."""
    levels = np.ceil(heights / max(heights.max(), 1e-12) * len(_BLOCKS)).astype(int) - 1
    return Text("  " + "".join(_BLOCKS[level] for level in levels.clip(min=0)))


def _axis(order: Order, num_bins: int) -> Text:
    marks = ["─"] * num_bins
    for span in order.phases[1:]:
        marks[min(int(order.age_of(span.start) * num_bins), num_bins - 1)] = "┴"
    return Text(f"0 {''.join(marks)} 1")


def tenths_table(order: Order, palette: Palette) -> Table:
    """The share of each kind in each tenth of life, in percent; a row a kind."""
    shares = palette.shares(order, 10)
    table = Table(
        "age from", *(f"{tenth / 10:.1f}" for tenth in range(10)), "all", box=None, pad_edge=False
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for number, kind in enumerate(palette.letters):
        row = [*shares[:, number], shares[:, number].mean()]
        table.add_row(Text(printable(kind)), *(percent(share) if share else "·" for share in row))
    return table
