"""What an arrangement does to a corpus, in a terminal or as a picture, before any curriculum.

Takes an arrangement as it would stand behind `arrange:`, and a selection of scenes; prints where
each scene comes to lie, a letter a kind, or draws it. Mistakes have their place in what was typed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import model_validator
from rich.text import Text

from upbringing.corpus import Corpus
from upbringing.errors import InputError, Problem, SettingsError
from upbringing.files import write_text
from upbringing.order import Order, Selection
from upbringing.order.places import Inside
from upbringing.order.sketch import Band, Sketch, arranged, sketch
from upbringing.order.words import count, size
from upbringing.settings import Settings, parse_settings
from upbringing.terminal.console import out, printable, say
from upbringing.terminal.looking import say_ends
from upbringing.terminal.ribbon import Palette
from upbringing.terminal.showing import Question

_NUM_LINES = 9
_WIDEST, _WIDEST_LABEL = 100, 12


class _Typed(Settings):
    """An arrangement, the whole of what was typed."""

    arrange: Inside

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, said: Any) -> dict[str, Any]:
        return {"arrange": said}


@dataclass(frozen=True)
class Trial:
    """What an arrangement does to a selection of a corpus, from a seed; None is not asked."""

    arrange: str | None = None
    select: str | None = None
    seed: int | None = None

    @property
    def asked(self) -> list[str]:
        """The options by name."""
        return [f"--{name}" for name, value in vars(self).items() if value is not None]


def show_trial(path: Path, trial: Trial, question: Question) -> None:
    """Print what the arrangement does to the training scenes of the corpus at `path`, or draw it.

    Raises `InputError` for what is asked of an order beside it, and `SettingsError` for what is no
    arrangement, no selection, or does not fit the corpus.
    """
    of_order = [option for option in question.asked if option != "--svg"]
    if of_order:
        what = f"{', '.join(of_order)} asks an order, and {', '.join(trial.asked)} a corpus"
        raise InputError(what, do="ask one of them")
    if trial.arrange is None:
        raise InputError(f"{', '.join(trial.asked)} without --arrange", do="add --arrange YAML")
    order, drawn = _tried(Corpus.open(path), trial.arrange, trial.select, trial.seed or 0)
    if question.svg is not None:
        from upbringing.report import arrangement_picture

        write_text(question.svg, arrangement_picture(drawn, trial.arrange))
        say(str(question.svg))
        return
    scenes = f"{count(order.num_visits, 'scene')}, {size(int(order.read[-1]))}"
    say(f"{trial.arrange}: {scenes}, seed {order.seed}")
    for line in _plot(drawn, Palette.of(order)):
        say(line)
    say_ends(order)


def _tried(corpus: Corpus, arrange: str, select: str | None, seed: int) -> tuple[Order, Sketch]:
    # A name alone is a setting without a value.
    text = arrange if ":" in arrange else f"{arrange}:"
    typed = parse_settings(text, _Typed, name="--arrange")
    selection = None if select is None else parse_settings(select, Selection, name="--select")
    try:
        order = arranged(corpus, typed.arrange, selection, seed=seed)
    except SettingsError as error:
        problems = [_as_typed(problem, typed, selection) for problem in error.problems]
        raise SettingsError(problems) from error
    return order, sketch(order, typed.arrange)


def _as_typed(problem: Problem, typed: _Typed, selection: Selection | None) -> Problem:
    """A problem of the curriculum that was made, at its place in what was typed."""
    at = (problem.where or "").split(".")[3:]
    is_of_selection = selection is not None and ".scenes" in (problem.where or "")
    where = selection.where(*at) if selection is not None and is_of_selection else typed.where()
    return replace(problem, where=where)


def _plot(drawn: Sketch, palette: Palette) -> list[Text]:
    """Each band as lines of letters, the axis of age, and which letter is which kind."""
    labels = [printable(name) for band in drawn.bands for _, name in band.ticks]
    margin = min(max(map(len, labels), default=1), _WIDEST_LABEL)
    num_columns = max(1, min(_WIDEST, out.width - margin - 4))
    lines = []
    for band in drawn.bands:
        lines += [Text(""), Text(" " * (margin + 1) + band.said)]
        lines += _band(drawn, band, palette, num_columns, margin)
    axis = Text(f"{'0':>{margin}} {'─' * num_columns} 1")
    return [*lines, axis, *palette.key(out.width)]


def _band(drawn: Sketch, band: Band, palette: Palette, num_columns: int, margin: int) -> list[Text]:
    """Lines of letters, the highest visits above; where several meet, the most frequent kind's."""
    num_lines = len(band.ticks) if band.is_lanes else _NUM_LINES

    def line_of(height: float) -> int:
        return min(int((1 - height) * num_lines), num_lines - 1)

    cells: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for age, height, kind in zip(drawn.ages, band.heights, drawn.kinds, strict=True):
        if not np.isnan(height):
            cells[line_of(height), int(age * num_columns)][kind] += 1
    names = {line_of(height): printable(name)[:margin] for height, name in band.ticks if name}
    lines = []
    for line in range(num_lines):
        text = Text(f"{names.get(line, ''):>{margin}} ")
        for column in range(num_columns):
            met = cells[line, column].most_common(1)
            text.append(*palette.mark(met[0][0]) if met else (" ",))
        text.rstrip()
        lines.append(text)
    return lines
