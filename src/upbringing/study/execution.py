"""Execution: raise and measure every mind of a study, side by side, whatever was done before.

Each mind has a process of one thread (`pool`); by `numerics: {population: P}` each process raises P
minds in one pass. Whatever is finished is left alone, whatever was interrupted continues, so the
same command after a crash or a kill goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from upbringing.character import measure_run
from upbringing.files import folder_digest
from upbringing.study.design import WASHOUT, Design, Plan
from upbringing.study.kept import keep, take_in
from upbringing.study.pool import OnProgress, Progress, Work, side_by_side
from upbringing.training import (
    NO_LOG,
    KindsRead,
    Log,
    Member,
    Moment,
    OnStep,
    Run,
    Timeline,
    raise_population,
    train,
)
from upbringing.training.averaging import average_folder, average_run

LIFE = "life"
WASHOUT_AGES = (0.1, 0.25, 0.5, 1.0)


def execute(
    design: Design,
    *,
    rungs_only: bool = False,
    num_workers: int | None = None,
    on_progress: OnProgress | None = None,
    log: Log = NO_LOG,
) -> None:
    """Raise, wash out and measure all runs of the design that are not yet done.

    With `rungs_only` those of the poles and ladders alone, by which axes pass their gates.
    Raises what a run raises (`StorageError`, `ArtefactError`, …), `ResumeError` if a worker is
    killed, `StoppedError` after SIGTERM, `KeyboardInterrupt` after Ctrl-C; in each case the same
    study can be executed again.
    """
    todo = [
        plans[0].name
        for plans in _groups(design)
        if not all(is_done(design, plan) or (rungs_only and plan.role != "rung") for plan in plans)
    ]
    begin = partial(_begin, design.path, log, rungs_only)
    if _fills_a_device(design):
        num_workers = num_workers or 1
    side_by_side(begin, todo, num_workers=num_workers, on_progress=on_progress)


def _begin(path: Path, log: Log, rungs_only: bool) -> Work:
    """What a process does for each group of the design at `path`, which it opens once."""
    design = Design.open(path)
    groups = {plans[0].name: plans for plans in _groups(design)}

    def work(name: str, report: OnProgress) -> None:
        wanted = [plan for plan in groups[name] if not (rungs_only and plan.role != "rung")]
        raise_group(design, wanted, report, log)

    return work


def _groups(design: Design) -> list[Sequence[Plan]]:
    """The runs of the design that are raised in one pass; each alone unless it says otherwise."""
    size = design.settings.numerics.population
    return [design.plans[first : first + size] for first in range(0, len(design.plans), size)]


def _fills_a_device(design: Design) -> bool:
    """Whether one process has work enough for a whole accelerator."""
    numerics = design.plans[0].recipe.numerics
    return numerics.population > 1 and numerics.device != "cpu"


def is_done(design: Design, plan: Plan) -> bool:
    """Whether a run, its averages and its washout are made and measured."""
    life, *later = stage_folders(design, plan).values()
    if not (life / "profile").exists():
        return False
    is_whole = all((folder / "profile").exists() for folder in later)
    return is_whole or Run.open(life).diverged_at is not None


def stage_folders(design: Design, plan: Plan) -> dict[str, Path]:
    """Where a run of the design lies: its life, its averages by name, its washout.

    Rungs and random orders have a life alone; so has a run that diverges.
    """
    life = run_folder(design, plan)
    averages = design.averages if plan.is_arm else ()
    folders = {LIFE: life} | {one.name: average_folder(life, one) for one in averages}
    return folders | ({WASHOUT: washout_folder(design, plan)} if has_washout(design, plan) else {})


def run_folder(design: Design, plan: Plan) -> Path:
    """Where a run of the design lies."""
    return design.path / "runs" / plan.name


def washout_folder(design: Design, plan: Plan) -> Path:
    """Where its washout lies."""
    return design.path / "runs" / f"{plan.name}-{WASHOUT}"


def has_washout(design: Design, plan: Plan) -> bool:
    """Whether a run is to be washed out: the arms are."""
    return plan.is_arm and design.settings.washout is not None


def raise_group(design: Design, plans: Sequence[Plan], report: OnProgress, log: Log) -> None:
    """Raise minds, measure them, average their weights, wash them out, measure what they became."""

    def warn(line: str) -> None:
        report(Progress(plans[0].name, LIFE, warning=line))

    with log.open(warn) as mirror:
        lives = [_member(design, plan, report, mirror) for plan in plans]
        washouts = []
        for plan, run in zip(plans, _lived(design, plans, lives), strict=True):
            measure_run(run, design.probes)
            if run.diverged_at is not None:
                continue
            for average in design.averages if plan.is_arm else ():
                averaged = average_run(run, average, design.settings.ages)
                measure_run(averaged, design.probes)
            if has_washout(design, plan):
                forked = _washout(design, plan, run)
                washouts.append(_member(design, forked, report, mirror, run.checkpoints[1.0]))
        for washed in _raised(washouts):
            measure_run(washed, design.probes)
    for plan in plans:
        report(Progress(plan.name, "measured"))


def _member(
    design: Design,
    plan: Plan,
    report: OnProgress,
    mirror: Callable[[str], OnStep],
    parent: Path | None = None,
) -> Member:
    """A life, or with a parent a washout, that says of each step that it was lived."""
    stage = WASHOUT if parent else LIFE
    place = (washout_folder if parent else run_folder)(design, plan)
    rows = design.rows(plan.order, plan.recipe.row_length)
    kinds, mirrored = KindsRead(rows, plan.recipe.steps), mirror(place.name)

    def on_step(now: Moment) -> None:
        mirrored(now)
        report(Progress(plan.name, stage, now, kinds.at(now.done - 1)))

    return Member(
        rows,
        plan.recipe,
        place,
        sources={"corpus": design.corpus.path, "order": design.path / "orders" / plan.order},
        parent=parent,
        on_step=on_step,
    )


def _lived(design: Design, plans: Sequence[Plan], lives: Sequence[Member]) -> list[Run]:
    """The runs of some plans; rungs that another study raised are taken in, new ones are kept."""
    rungs = {
        life.place: life for plan, life in zip(plans, lives, strict=True) if plan.role == "rung"
    }
    taken = {place: take_in(rung, design.corpus) for place, rung in rungs.items()}
    found = {place: run for place, run in taken.items() if run}
    raised = _raised([life for life in lives if life.place not in found])
    for run in raised:
        if run.path in rungs:
            keep(run, rungs[run.path], design.corpus)
    found |= {run.path: run for run in raised}
    return [found[life.place] for life in lives]


def _raised(members: Sequence[Member]) -> list[Run]:
    """Their runs: of a population in one pass, else of one life after another."""
    if members and members[0].recipe.numerics.population > 1:
        return raise_population(members)
    return [train(**vars(member)) for member in members]


def _washout(design: Design, plan: Plan, run: Run) -> Plan:
    """The fork: the same shuffled stream for every run, at a re-warmed, constant rate."""
    washout = design.settings.washout
    assert washout is not None
    recipe = replace(
        plan.recipe,
        order=design.said["digests"][f"order {WASHOUT}"],
        schedule="constant",
        peak_lr=plan.recipe.peak_lr * washout.lr_scale,
        timeline=Timeline.uniform(design.settings.batch_size),
        num_rows=max(1, round(washout.share * plan.recipe.num_rows)),
        ages=WASHOUT_AGES,
        emas=(),
        loss_by_kind={},
        priority=None,
        starts_from=folder_digest(run.checkpoints[1.0]),
    )
    return replace(plan, order=WASHOUT, recipe=recipe)
