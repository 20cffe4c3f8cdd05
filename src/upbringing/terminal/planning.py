"""The plan: what a curriculum would do on a corpus, told before anything is made.

Prints the order with its predicted imprint, what a life on it would cost, and what may be amiss.
"""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from upbringing.corpus import Corpus
from upbringing.files import write_text
from upbringing.order import caveats, compile_order, load_curriculum
from upbringing.terminal.console import out, say
from upbringing.terminal.looking import say_order
from upbringing.terminal.ribbon import curve_line, num_columns
from upbringing.training import USUAL_SHAPE, Imprint, Life, curve_label, estimate_cost


def show_plan(
    curriculum: Path, corpus: Path, life: Life, *, seed: int | None, svg: Path | None
) -> None:
    """Print what a life on a curriculum would read, what it would cost, and what may be amiss.

    Beside the order stands its predicted imprint; both are drawn to `svg`. Raises `InputError` as
    `Life.check` does, before the long work.
    """
    life.check()
    written = load_curriculum(curriculum)
    order = compile_order(Corpus.open(corpus), written, seed=seed)
    shape = life.shape or USUAL_SHAPE
    cost = estimate_cost(order, shape, life.batch_size, row_length=life.row_length)
    imprint, schedule = life.planned_imprint(order, cost.num_rows), curve_label(life.schedule)
    under = _imprint_lines(imprint, schedule)
    say_order(order, f"plan {curriculum}", tenths=True, under=under)
    if svg is not None:
        from upbringing.report import plan_picture

        write_text(svg, plan_picture(order, str(curriculum), imprint, schedule))
        say(str(svg))
    say("")
    for line in cost.lines():
        say(line)
    for warning in [*caveats(written, order), *cost.warnings]:
        say(f"warning: {warning}")


def _imprint_lines(imprint: Imprint, schedule: str) -> list[Text]:
    """The predicted imprint on the ribbon's axis of age, and where it is highest."""
    begin, end = imprint.peak
    where = f"at age {imprint.peak_age:.2f} ({begin:.2f} to {end:.2f} within 1%)"
    most = f"{imprint.density.max():.1f} × an even life's"
    said = f"  predicted imprint, {schedule} rate: highest {where}, {most}"
    return [curve_line(imprint.tabled(num_columns(out.width))), Text(said)]
