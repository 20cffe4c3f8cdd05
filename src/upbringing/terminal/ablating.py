"""Ablating: what a module put back does to a mind, for the command line."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from upbringing.character import Ablation, ablate
from upbringing.terminal.console import printable, say, wide
from upbringing.training import Run


def ablate_run(place: Path, age: float, *, num_random: int) -> None:
    """Print what a module of a run, put back to what it was before it learnt, does to each kind.

    Raises what `ablate` raises.
    """
    found = ablate(Run.open(place), age, num_random=num_random)
    learnt = f"{len(found.weights)} weights that learnt from age {found.from_age:g}"
    say(f"{learnt} to {found.to_age:g}, put back to what they were, beside {num_random} random")
    say("modules of that size; effects in bits per byte of held-out text")
    wide.print(_table(found))


def _table(ablation: Ablation) -> Table:
    """A row a kind: the effect of the module, beside those of random ones."""
    heads = ("kind", "bits/byte", "effect", "of random", "their SD", "of them below")
    table = Table(*heads, box=None)
    for kind, *figures, below in ablation.by_kind.iter_rows():
        values = [f"{value:.3f}" for value in figures]
        table.add_row(Text(printable(kind)), *values, f"{below:.0%}")
    return table
