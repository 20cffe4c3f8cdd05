"""The factorial table of several studies: printed, and written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from upbringing.files import made_by, write_json
from upbringing.study.concluded import cells_of
from upbringing.study.factorial import CELL, INTERACTION, Effect, factorial
from upbringing.study.phrases import demonstration, number
from upbringing.study.statistics import FEWEST_SEEDS
from upbringing.terminal.console import printable, say, wide


def show_factorial(
    studies: Sequence[Path], *, axis: str | None, declared: Sequence[str], out: Path
) -> None:
    """Print what every cell and every interaction came to, and write it to `out`.

    Raises `InputError` for what is no table.
    """
    found = factorial(cells_of(studies, axis=axis), declared=declared)
    also = f"; they differ in {', '.join(found.declared)} too" if found.declared else ""
    for kind, heading in ((CELL, "cells"), (INTERACTION, "interactions")):
        effects = [effect for effect in found.effects if effect.kind == kind]
        if effects:
            say(f"{heading}, {found.measure} in {found.unit}: {effects[0].contrast.method}{also}")
            wide.print(_table(effects))
    if len(found.seeds) < FEWEST_SEEDS:
        say(demonstration(len(found.seeds)))
    write_json(out, {**asdict(found), "made_by": made_by()})
    say(str(out))


def _table(effects: Sequence[Effect]) -> Table:
    factors = list(dict.fromkeys(factor for effect in effects for factor in effect.levels))
    table = Table(*factors, "contrast", "estimate", "95%, jointly", "p", box=None)
    for effect in effects:
        c = effect.contrast
        figures = [c.reason or "", "", ""]
        if c.estimate is not None and c.low is not None and c.high is not None:
            assert c.p is not None
            interval = f"{number(c.low)} to {number(c.high)}"
            figures = [number(c.estimate), interval, f"{c.p:.3f}"]
        levels = [Text(printable(effect.levels.get(factor, "all"))) for factor in factors]
        table.add_row(*levels, c.name, *figures)
    return table
