"""Showing: any artefact in a terminal.

What needs a trainer imports it where it is needed: a look at an order answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.text import Text
from rich.tree import Tree

from upbringing.corpus import Corpus
from upbringing.errors import InputError
from upbringing.files import write_text
from upbringing.order import Order
from upbringing.terminal.console import corpus_tree, out, printable, say, wide
from upbringing.terminal.looking import (
    say_acquaintance,
    say_comparison,
    say_ends,
    say_moment,
    say_order,
)


@dataclass(frozen=True)
class Question:
    """What is asked of an order: an age, a scene, another order, a drawing; None is not asked."""

    at: float | None = None
    scene: str | None = None
    against: Path | None = None
    svg: Path | None = None

    @property
    def asked(self) -> list[str]:
        """The options by name."""
        return [f"--{name}" for name, value in vars(self).items() if value is not None]

    @property
    def is_look(self) -> bool:
        """Whether only a moment or a scene is asked for, which are read without all the rest."""
        return bool(self.asked) and self.against is None and self.svg is None


def show_artefact(path: Path, question: Question, *, corpus: Path | None = None) -> None:
    """Print what an artefact holds. A question is for an order, or the order of a run.

    Raises `InputError` for a folder that is no artefact of ours, and for a question that it cannot
    answer.
    """
    if (path / "order.json").exists():
        if question.is_look:
            _look(path, question, corpus)
        else:
            _show_order(_order(path, corpus), path, question)
    elif (path / "run.json").exists():
        _show_run(path, question)
    elif (path / "corpus.json").exists():
        _refuse(path, question, "a corpus")
        out.print(corpus_tree(Corpus.open(path)))
    elif any((folder / "study.json").exists() for folder in (path, path / "study")):
        _refuse(path, question, "a study")
        _show_study(path)
    else:
        raise InputError(
            "is no artefact of ours" if path.exists() else "no such folder",
            where=str(path),
            allowed="a corpus, an order, a run, a study",
        )


def _refuse(path: Path, question: Question, what: str) -> None:
    if question.asked:
        raise InputError(
            f"is {what}, and {', '.join(question.asked)} asks an order",
            where=str(path),
            do="name an order, or a run",
        )


def _look(path: Path, question: Question, corpus: Path | None) -> None:
    """Answer from what little the answer lies in; where that is amiss, check all to name it."""
    try:
        _show_order(_order(path, corpus, whole=False), path, question)
    except InputError:
        raise
    except Exception:
        _order(path, corpus)
        raise


def _order(path: Path, corpus: Path | None, *, whole: bool = True) -> Order:
    if corpus is None:
        raise InputError("an order is shown with its corpus", do="add --corpus FOLDER")
    return Order.open(path, Corpus.open(corpus, whole=whole), whole=whole)


def _show_order(order: Order, path: Path, question: Question) -> None:
    if question.at is not None:
        say_moment(order, question.at)
    if question.scene is not None:
        say_acquaintance(order, question.scene)
    drawn = {str(path): order}
    if question.against is not None:
        other, names = question.against, (str(path), str(question.against))
        drawn[str(other)] = Order.open(other, order.corpus)
        say_comparison(order, drawn[str(other)], names)
    if question.svg is not None:
        from upbringing.report import order_picture

        write_text(question.svg, order_picture(drawn))
        say(str(question.svg))
    if not question.asked:
        say_order(order, f"order {path}")
        say_ends(order)


def _show_run(path: Path, question: Question) -> None:
    from upbringing.report import biography
    from upbringing.report.turning import lines_of_run
    from upbringing.terminal.changing import say_changes
    from upbringing.training import Run, curve_label

    run = Run.open(path)
    if question.asked:
        _show_order(run.rows().order, path, question)
        return
    recipe, facts = run.recipe, run.manifest.facts
    losses = run.metrics["loss"]
    ended = "" if run.diverged_at is None else f", diverged at step {run.diverged_at}"
    tree = Tree(Text(printable(f"run {run.path}  {run.digest[:12]}")))
    rate = f"{curve_label(recipe.schedule)} learning rate"
    for line in (
        f"order {recipe.order[:12]}, seed {recipe.seed}, {rate}",
        f"{facts['num_steps']:,} steps{ended}, ledger {facts['ledger'][:12]}",
        f"loss {losses[0]:.2f} → {losses[-1]:.2f} nats a token",
        f"checkpoints at ages {', '.join(f'{age:g}' for age in run.checkpoints) or 'none'}",
    ):
        tree.add(Text(line))
    study = run.path.parent.parent
    is_of_study = (study / "findings.json").exists()
    lines = biography(study, run.path.name).lines() if is_of_study else []
    lines = [*lines, *lines_of_run(run)]
    wide.print(tree)
    for line in lines:
        say(line)
    if run.has_changes:
        say_changes(run)


def _show_study(folder: Path) -> None:
    from upbringing.study import Design, is_done, open_findings, study_folder

    path = study_folder(folder)
    design = Design.open(path)
    num_done = sum(is_done(design, plan) for plan in design.plans)
    say(f"study {path}: {num_done} of {len(design.plans)} runs done, design {design.digest[:12]}")
    for arm, words in design.said["arms"].items():
        say(f"  {arm}  {words}")
    if (path / "findings.json").exists():
        for line in open_findings(path)["answer"]:
            say(line)
