"""What learnt where: how far each part of a mind moved while each stretch of its levers lasted."""

from __future__ import annotations

from rich.table import Table

from upbringing.terminal.console import say, wide
from upbringing.training import Run
from upbringing.training.changes import WHOLE, changes_by_part, stretches_of

_PARTS = ("embed", "attention", "mlp", "norms", "head")


def say_changes(run: Run) -> None:
    """Print the stretches of a life with their levers, and what each has changed."""
    say("")
    say("how far the weights moved under each stretch of levers, as a share of what they were")
    for stretch in stretches_of(run.recipe):
        ages = f"{stretch.from_age:g}–{stretch.to_age:g}"
        say(f"  {ages:<14} {', '.join(stretch.levers.words())}")
    wide.print(changes_table(run))


def changes_table(run: Run) -> Table:
    """Relative change: a row a part of the mind, a column a stretch of its life."""
    found = changes_by_part(run.changes)
    stretches = list(found.select("from_age", "to_age").unique(maintain_order=True).iter_rows())
    table = Table("part", box=None)
    for begin, end in stretches:
        table.add_column(f"{begin:g}–{end:g}", justify="right")
    figures = {tuple(key): change for *key, change in found.iter_rows()}
    for part in sorted(found["part"].unique(), key=_place):
        table.add_row(part, *(f"{figures[*ages, part]:.3g}" for ages in stretches))
    return table


def _place(part: str) -> tuple[int, int]:
    """Parts first, then layers by number, the whole mind last."""
    if part.startswith("layers."):
        return 1, int(part.removeprefix("layers."))
    return (2, 0) if part == WHOLE else (0, _PARTS.index(part))
