"""Showing and talking: any artefact in a terminal, and the same prompt to several minds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text
from rich.tree import Tree

from upbringing.character import Sampling, draw_samples
from upbringing.console import (
    corpus_tree,
    order_ribbon,
    order_tree,
    out,
    say,
    say_meeting,
)
from upbringing.corpus import Corpus, load_tokenizer
from upbringing.errors import InputError, Problem, UpbringingError, VerificationError
from upbringing.order import Order, meeting, meetings_with
from upbringing.report import biography
from upbringing.study import Design, is_done, open_findings, study_folder
from upbringing.training import Run, read_checkpoint


def show_artefact(
    path: Path, *, corpus: Path | None = None, at: float | None = None, scene: str | None = None
) -> None:
    """Print what an artefact holds. `at` and `scene` ask an order, or the order of a run.

    Raises `InputError` for a folder that is no artefact of ours.
    """
    if (path / "corpus.json").exists():
        out.print(corpus_tree(Corpus.open(path)))
    elif (path / "order.json").exists():
        _show_order(_order(path, corpus), str(path), at, scene)
    elif (path / "run.json").exists():
        _show_run(Run.open(path), at, scene)
    elif (study_folder(path) / "study.json").exists():
        _show_study(study_folder(path))
    else:
        raise InputError(
            "is no artefact of ours" if path.exists() else "no such folder",
            where=str(path),
            allowed="a corpus, an order, a run, a study",
        )


def _order(path: Path, corpus: Path | None) -> Order:
    if corpus is None:
        raise InputError("an order is shown with its corpus", do="add --corpus FOLDER")
    return Order.open(path, Corpus.open(corpus))


def _show_order(order: Order, title: str, at: float | None, scene: str | None) -> None:
    if at is not None:
        if not 0 <= at <= 1:
            raise InputError(f"{at} is no age", allowed="0 to 1")
        say_meeting(meeting(order, order.at(at)))
    if scene is not None:
        found = meetings_with(order, scene)
        for visit in found:
            say_meeting(visit)
        if not found:
            say(f"scene {scene} is never met")
    if at is None and scene is None:
        out.print(order_tree(order, title))
        out.print(order_ribbon(order))
        for position in (0, order.num_visits - 1):
            say_meeting(meeting(order, position))


def _show_run(run: Run, at: float | None, scene: str | None) -> None:
    if at is not None or scene is not None:
        _show_order(run.rows().order, str(run.path), at, scene)
        return
    recipe, facts = run.recipe, run.manifest.facts
    losses = run.metrics["loss"]
    ended = "" if run.diverged_at is None else f", diverged at step {run.diverged_at}"
    tree = Tree(Text(f"run {run.path}  {run.digest[:12]}"))
    for line in (
        f"order {recipe.order[:12]}, seed {recipe.seed}, {recipe.schedule} learning rate",
        f"{facts['num_steps']:,} steps{ended}, ledger {facts['ledger'][:12]}",
        f"loss {losses[0]:.2f} → {losses[-1]:.2f} nats a token",
        f"checkpoints at ages {', '.join(f'{age:g}' for age in run.checkpoints) or 'none'}",
    ):
        tree.add(Text(line))
    out.print(tree)
    study = run.path.parent.parent
    if (study / "findings.json").exists():
        for line in biography(study, run.path.name).lines():
            say(line)


def _show_study(path: Path) -> None:
    design = Design.open(path)
    num_done = sum(is_done(design, plan) for plan in design.plans)
    say(f"study {path}: {num_done} of {len(design.plans)} runs done, design {design.digest[:12]}")
    for arm, words in design.said["arms"].items():
        say(f"  {arm}  {words}")
    if (path / "findings.json").exists():
        for line in open_findings(path)["answer"]:
            say(line)


def verify_runs(paths: Sequence[Path]) -> None:
    """Check every run named, and of a study all that are finished; a line for each that holds.

    Raises `VerificationError` with everything that does not.
    """
    problems: list[Problem] = []
    for folder in [run for path in paths for run in _finished_runs(path)]:
        try:
            ledger = Run.open(folder).verify()
        except UpbringingError as error:
            problems += [p if p.where else replace(p, where=str(folder)) for p in error.problems]
        else:
            say(f"{folder}: consumed its order, row by row; ledger {ledger[:16]}")
    if problems:
        raise VerificationError(problems)


def _finished_runs(path: Path) -> list[Path]:
    """The runs of a study, or the run itself, finished or not."""
    study = study_folder(path)
    if not (study / "study.json").exists():
        return [path]
    found = sorted(file.parent for file in study.glob("runs/*/run.json"))
    if not found:
        raise InputError("no run is finished yet", where=str(study))
    return found


def talk_to(paths: Sequence[Path], prompt: str, age: float, sampling: Sampling) -> None:
    """Print how each mind goes on from `prompt` at `age`, and the rule that chose the samples.

    Raises `InputError` for a prompt that fills a row of the mind.
    """
    runs = _runs(paths)
    say(sampling.rule)
    for run in runs:
        if not run.checkpoints:
            say(f"\n{run.path.name} diverged before its first checkpoint")
            continue
        nearest = min(run.checkpoints, key=lambda known: abs(known - age))
        model = read_checkpoint(run.checkpoints[nearest])
        tokenizer = load_tokenizer(run.checkpoints[nearest])
        for sample in draw_samples(model, tokenizer, [prompt], sampling):
            say(f"\n{run.path.name}, age {nearest:g}, seed {sample.seed}")
            say(f"{prompt}{sample.text}")


def _runs(paths: Sequence[Path]) -> list[Run]:
    """The runs named; of a study, every arm's first seed under the first schedule."""
    folders: list[Path] = []
    for path in paths:
        study = study_folder(path)
        if (study / "study.json").exists():
            settings = Design.open(study).settings
            first = f"{settings.schedules[0]}-s{settings.seeds[0]}"
            folders += [study / "runs" / f"{arm}-{first}" for arm in settings.arms]
        else:
            folders.append(path)
    return [Run.open(folder) for folder in folders]
