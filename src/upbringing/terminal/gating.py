"""Gating: which axes can be measured at a size, for the command line."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from upbringing.study.poles import Poles
from upbringing.terminal.console import printable


def gates_table(gates: Mapping[str, Poles]) -> Table:
    """How far apart the poles of each axis are at a size, and whether it can be measured there."""
    table = Table("axis", "gate", "pole distance", "seed SD", "why", box=None)
    for axis, poles in gates.items():
        figures = (poles.distance, poles.seed_sd)
        told = ["–" if figure is None else f"{figure:.3f}" for figure in figures]
        table.add_row(Text(printable(axis)), poles.gate, *told, Text(printable(poles.reason)))
    return table
