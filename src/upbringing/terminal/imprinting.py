"""The imprint, start to end: a corpus → minds that met the same packets at other ages → a curve.

Takes a corpus and settings, prints what is measured beside what was predicted, and writes the
findings and their picture. The same call continues, or finds that nothing is left to do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from upbringing.corpus import Corpus
from upbringing.files import write_text
from upbringing.report import imprint_picture
from upbringing.study import (
    ImprintDesign,
    ImprintSettings,
    Progress,
    conclude_imprint,
    execute_imprint,
    prepare_imprint,
)
from upbringing.terminal.console import say, wide

_LINE_EVERY_S = 15.0


def measure_imprint(
    corpus: Path, settings: ImprintSettings, place: Path, *, num_workers: int | None = None
) -> None:
    """Raise and ask what is still to raise at `place`, and print the curves."""
    design = prepare_imprint(settings, Corpus.open(corpus), place)
    for line in _plan_lines(design):
        say(line)
    execute_imprint(design, num_workers=num_workers, on_progress=_Watch(design))
    findings = conclude_imprint(design)
    write_text(place / "picture.svg", imprint_picture(findings))
    for table in tables_of(findings["curves"]):
        say("")
        wide.print(table)
    for line in ["", *findings["answer"], "", str(place / "picture.svg")]:
        say(line)


def _plan_lines(design: ImprintDesign) -> list[str]:
    settings, left = design.settings, len(design.todo())
    num_lives = len(design.lives)
    first = next(iter(design.lives.values()))
    num_tokens = first.recipe.num_rows * first.recipe.row_length
    plan = (
        f"imprint: {num_lives} minds ({settings.shape}), {num_tokens:,} tokens each; "
        f"{settings.num_ages} ages × 2 squares × {', '.join(settings.schedules)} × "
        f"{settings.num_seeds} seeds, design {design.digest[:12]}"
    )
    done = f"{num_lives - left} raised already" if left else "all are raised already"
    return [plan, done] if left < num_lives else [plan]


class _Watch:
    """Says now and then how many minds are raised, and how long the others will take."""

    def __init__(self, design: ImprintDesign) -> None:
        self.total, self.done = len(design.todo()), 0
        self.started = self.said = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        self.done += progress.stage == "measured"
        now = time.monotonic()
        if self.done and now - self.said > _LINE_EVERY_S:
            self.said = now
            left = (now - self.started) * (self.total - self.done) / self.done
            say(f"  {self.done} of {self.total} minds raised, about {left:.0f} s left")


def tables_of(curves: Sequence[dict[str, Any]]) -> list[Table]:
    """A table a measure: a row an age, and of each schedule what was predicted and measured."""
    tables = []
    for measure in dict.fromkeys(curve["measure"] for curve in curves):
        own = [curve for curve in curves if curve["measure"] == measure]
        table = Table(f"{measure}, {own[0]['unit']}: met at age", box=None, pad_edge=False)
        for curve in own:
            table.add_column(f"{curve['schedule']}: predicted", justify="right")
            table.add_column("left at the end", justify="right")
        for points in zip(*(curve["points"] for curve in own), strict=True):
            cells = [
                cell
                for point in points
                for cell in (f"{point['predicted']:.2f}", _measured(point["measured"]))
            ]
            table.add_row(f"{points[0]['age']:.2f}", *cells)
        tables.append(table)
    return tables


def _measured(figure: dict[str, Any]) -> str:
    """`0.160 (0.112 to 0.208)`."""
    if figure["estimate"] is None:
        return str(figure["reason"])
    if figure["low"] is None:
        return f"{figure['estimate']:.3f}"
    return f"{figure['estimate']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
