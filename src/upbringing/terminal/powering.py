"""How many seeds a verdict needs, told before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from upbringing.errors import InputError
from upbringing.study.concluded import pilot_table
from upbringing.study.power import (
    OUTLIER_SDS,
    PLANNED_POWER,
    Planned,
    Promise,
    Spread,
    fewest_seeds,
    promise,
    spread_of,
)
from upbringing.study.rules import NONE
from upbringing.terminal.console import say, wide

USUAL_ARMS = ("F", "M", "L", "S")
NUM_STUDIES = 1_000  # a chance of the table
NUM_STUDIES_A_STEP = 500  # of the search for the seeds needed


def show_power(
    position: str,
    effect: float,
    numbers_of_seeds: Sequence[int],
    *,
    arms: Sequence[str] | None = None,
    num_axes: int = 1,
    pilot: Path | None = None,
    axis: str | None = None,
    schedule: str | None = None,
    seed_sd: float | None = None,
) -> None:
    """Print the chance of the planned verdict by seeds, and how many it needs.

    The seed SD is the pilot's, with the limit under which it lies at 80%, or the one given; the
    arms are the pilot's unless given. Raises `InputError` without either, and for what cannot be
    planned.
    """
    if (pilot is None) == (seed_sd is None):
        raise InputError(
            "the spread between seeds comes from a pilot or from --seed-sd",
            do="name the folder of a concluded study, or give --seed-sd in pole distances",
        )
    if seed_sd is not None and not 0 < seed_sd < np.inf:
        raise InputError(f"--seed-sd is {seed_sd:g}", allowed="above 0, finite")
    if pilot is not None:
        values = pilot_table(pilot, axis=axis, schedule=schedule).values
        spread, arms = spread_of(np.stack(list(values.values()))), arms or tuple(values)
    else:
        assert seed_sd is not None
        spread, arms = Spread(seed_sd, seed_sd), arms or USUAL_ARMS
    planned = Planned(tuple(arms), position, 0.0 if position == NONE else effect, num_axes)
    rows = [_scenarios(planned, number, spread) for number in numbers_of_seeds]
    say(_spread_line(spread, pilot))
    say(_plan_line(planned))
    wide.print(_table(rows, spread))
    say(_needs(planned, spread))
    say(
        f"chances are of {NUM_STUDIES:,} simulated studies each, ±3 points, the seeds needed of "
        f"{NUM_STUDIES_A_STEP} at each number that was tried, ±4 points; "
        f"an outlying run lies {OUTLIER_SDS:g} seed SDs off"
    )


def _spread_line(spread: Spread, pilot: Path | None) -> str:
    said = f"seed SD {spread.seed_sd:.3f} pole distances"
    if not spread.num_df:
        return said
    limit = f"under {spread.upper:.3f} at 80%, by {spread.num_df} degrees of freedom"
    return f"{said} in {pilot}: {limit}; the pole distance is taken as known"


def _plan_line(planned: Planned) -> str:
    effect = f" by {planned.effect:g} pole distances" if planned.effect else ""
    axes = "one axis" if planned.num_axes == 1 else f"{planned.num_axes} axes"
    return f"planned: {planned.position}{effect}; arms {', '.join(planned.arms)}; {axes}"


def _scenarios(planned: Planned, num_seeds: int, spread: Spread) -> list[Promise]:
    """At the seed SD, at its limit where it has one, and with one outlying run."""
    limit = (
        [promise(planned, num_seeds, spread.upper, num_studies=NUM_STUDIES)]
        if spread.num_df
        else []
    )
    return [
        promise(planned, num_seeds, spread.seed_sd, num_studies=NUM_STUDIES),
        *limit,
        promise(planned, num_seeds, spread.seed_sd, num_outliers=1, num_studies=NUM_STUDIES),
    ]


def _table(rows: Sequence[Sequence[Promise]], spread: Spread) -> Table:
    """A row a number of seeds: the chance of the verdict in each scenario, and of its parts."""
    limit = [f"if SD {spread.upper:.3f}"] if spread.num_df else []
    parts = rows[0][0].contrasts
    heads = ("seeds", "verdict", *limit, "an outlying run", *parts, "one contrast, closed form")
    table = Table(*heads, box=None)
    for first, *others in rows:
        closed = "–" if first.one_contrast is None else f"{first.one_contrast:.0%}"
        chances = [one.position for one in (first, *others)] + list(first.contrasts.values())
        table.add_row(str(first.num_seeds), *(f"{chance:.0%}" for chance in chances), closed)
    return table


def _needs(planned: Planned, spread: Spread) -> str:
    """How many seeds, at the estimate and where the seed SD is at its limit."""
    line = f"{planned.position} needs {_number(planned, spread.seed_sd)} for {PLANNED_POWER:.0%}"
    if not spread.num_df:
        return line
    return f"{line}; if the seed SD is {spread.upper:.3f}, {_number(planned, spread.upper)}"


def _number(planned: Planned, sd: float) -> str:
    needed = fewest_seeds(planned, sd, num_studies=NUM_STUDIES_A_STEP)
    return f"{needed} seeds" if needed else "more than 60 seeds"
