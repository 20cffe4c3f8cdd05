"""The imprint, start to end: a corpus → minds that met the same packets at other ages → a curve.

Takes a corpus and settings, prints what is measured beside what was predicted, and writes the
findings and their picture. The same call continues, or finds that nothing is left to do.
"""

from __future__ import annotations

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
    conclude_imprint,
    execute_imprint,
    prepare_imprint,
)
from upbringing.study.execution import LIFE
from upbringing.terminal.console import say, wide
from upbringing.terminal.study_progress import MindsProgress
from upbringing.training import NO_LOG, Log


def measure_imprint(
    corpus: Path,
    settings: ImprintSettings,
    place: Path,
    *,
    num_workers: int | None = None,
    log: Log = NO_LOG,
) -> None:
    """Raise and ask what is still to raise at `place`, and print the curves.

    `log` says where the figures of each step go besides.
    """
    design = prepare_imprint(settings, Corpus.open(corpus), place)
    for line in _plan_lines(design):
        say(line)
    to_do = {name: {LIFE: len(design.lives[name].recipe.steps)} for name in design.todo()}
    with MindsProgress(to_do) as progress:
        execute_imprint(design, num_workers=num_workers, on_progress=progress, log=log)
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
        f"{settings.num_ages} ages × 2 squares × {', '.join(settings.curves)} × "
        f"{settings.num_seeds} seeds, design {design.digest[:12]}"
    )
    done = f"{num_lives - left} raised already" if left else "all are raised already"
    return [plan, done] if left < num_lives else [plan]


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
