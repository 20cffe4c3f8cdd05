"""Between our minds and lm-evaluation-harness, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from upbringing.character import Probes
from upbringing.character.harness.tasks import export_tasks
from upbringing.errors import InputError
from upbringing.study import Design, study_folder
from upbringing.study.harnessed import Harnessed, import_results
from upbringing.terminal.console import say, wide
from upbringing.terminal.measuring import probes_on_axes
from upbringing.training import Run, open_mind


def export_harness(
    of: Path,
    out: Path,
    positive: list[str] | None,
    negative: list[str] | None,
    *,
    axes: Sequence[str] = (),
    lang: str | None = None,
) -> None:
    """Write what the minds of a study, or of a run, are asked as tasks of the harness.

    A run of no study is asked on the axis between two poles, and on `axes`, by default in the
    language that it read.
    """
    probes, checkpoint = _asked(of, positive, negative, axes, lang)
    facts = export_tasks(checkpoint, open_mind(checkpoint).row_length, probes, out).facts
    for name, task in facts.items():
        left = f", {task['num_left_out']} left out" if task["num_left_out"] else ""
        say(f"{name}: {task['measure']} of {task['subject']}, {task['num_items']:,} items{left}")
    say(f"what must be set is in {out / 'README.md'}")


def import_harness(sources: Sequence[Path], out: Path, study: Path | None) -> None:
    """Bring results of the harness back as readings, and say what a study's contrasts are."""
    found = import_results(sources, out, study=study)
    for note in found.notes:
        say(note)
    num_minds = found.readings.select("run", "age").unique().height
    say(f"{out}: {found.readings.height:,} readings of {num_minds} minds")
    if found.contrasts:
        wide.print(_contrast_table(found))


def _asked(
    of: Path,
    positive: list[str] | None,
    negative: list[str] | None,
    axes: Sequence[str],
    lang: str | None,
) -> tuple[Probes, Path]:
    """The probes of a study or a run, and a checkpoint that lends its tokenizer."""
    place = study_folder(of)
    if not (place / "study.json").exists() and (of.parent.parent / "study.json").exists():
        place = of.parent.parent
    if (place / "study.json").exists():
        if positive or negative or axes or lang:
            do = "leave the poles, --axis and --lang out"
            raise InputError("a study has its axes", where=str(place), do=do)
        checkpoints = sorted(place.glob("runs/*/checkpoints/age_*"))
        if not checkpoints:
            raise InputError("no mind of it was kept yet", where=str(place))
        return Design.open(place).probes, checkpoints[0]
    run = Run.open(of)
    if bool(positive) != bool(negative) or not (positive or axes):
        do = "say --positive and --negative, or --axis"
        raise InputError("a run of no study has no axis", where=str(of), do=do)
    poles = (positive, negative) if positive and negative else None
    if not run.checkpoints:
        raise InputError("it diverged before its first checkpoint", where=str(of))
    checkpoint = next(iter(run.checkpoints.values()))
    return probes_on_axes(run, poles, axes, (), lang), checkpoint


def _contrast_table(found: Harnessed) -> Table:
    table = Table("schedule", "measure", "of", "contrast", "estimate", "95%", "p", "unit", box=None)
    for one in found.contrasts:
        interval = one.reason or "–" if one.low is None else f"{one.low:.4f} to {one.high:.4f}"
        table.add_row(
            one.schedule,
            one.measure,
            Text(one.axis),
            one.name,
            "–" if one.estimate is None else f"{one.estimate:.4f}",
            interval,
            "–" if one.p is None else f"{one.p:.3f}",
            one.unit,
        )
    return table
