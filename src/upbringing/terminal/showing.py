"""Showing and talking: any artefact in a terminal, and the same prompt to several minds.

What needs a trainer imports it where it is needed: a look at an order answers at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from upbringing.corpus import Corpus, load_tokenizer
from upbringing.destinations import kind_of
from upbringing.errors import InputError, Problem, UpbringingError, VerificationError
from upbringing.files import read_json, write_text
from upbringing.order import Order
from upbringing.terminal.console import corpus_tree, out, printable, say, wide
from upbringing.terminal.looking import (
    say_acquaintance,
    say_comparison,
    say_ends,
    say_moment,
    say_order,
)

if TYPE_CHECKING:
    from upbringing.character import Sampling
    from upbringing.training import Run


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


def verify_runs(paths: Sequence[Path]) -> None:
    """Check every run and folder of notes named, of a study all finished runs; a line for each.

    Raises `VerificationError` with everything that does not.
    """
    problems: list[Problem] = []
    for folder in [found for path in paths for found in _to_verify(path)]:
        try:
            line = _verified(folder)
        except UpbringingError as error:
            problems += [p if p.where else replace(p, where=str(folder)) for p in error.problems]
        else:
            say(f"{folder}: {line}")
    if problems:
        raise VerificationError(problems)


def _verified(folder: Path) -> str:
    """What is true of a run, or of notes; raises where it isn't."""
    if _holds_notes(folder):
        from upbringing.training.consumed import Consumed

        return Consumed.open(folder).verify()
    from upbringing.training import Run

    return f"consumed its order, row by row; ledger {Run.open(folder).verify()[:16]}"


def _format_of(export: Path) -> str:
    return str(read_json(export / "export.json")["recipe"]["as"])


def _holds_notes(folder: Path) -> bool:
    return (folder / "feed.json").exists() or any(folder.glob("*.notes"))


def _to_verify(path: Path) -> list[Path]:
    """The finished runs of a study, or the folder itself."""
    from upbringing.study import study_folder

    if kind_of(path) == "an export":
        what = f"is an export as {_format_of(path)}, and is checked against its order"
        do = f"say --as {_format_of(path)} --order FOLDER --corpus FOLDER"
        raise InputError(what, where=str(path), do=do)

    study = study_folder(path)
    if not (study / "study.json").exists():
        return [path]
    found = sorted(file.parent for file in study.glob("runs/*/run.json"))
    if not found:
        raise InputError("no run is finished yet", where=str(study))
    return found


def talk_to(paths: Sequence[Path], prompt: str, age: float, sampling: Sampling) -> None:
    """Print how each mind goes on from `prompt` at `age`, and the rule that chose the samples.

    A folder of a model is a mind of no known age. Raises `InputError` for a prompt that fills a row
    of the mind.
    """
    from upbringing.character import draw_samples
    from upbringing.training import open_mind

    asked = [named for path in paths for named in _checkpoints(path, age)]
    say(sampling.rule)
    for name, folder in asked:
        if folder is None:
            say(f"\n{name} diverged before its first checkpoint")
            continue
        for sample in draw_samples(open_mind(folder), load_tokenizer(folder), [prompt], sampling):
            say(f"\n{name}, seed {sample.seed}")
            say(f"{prompt}{sample.text}")


def _checkpoints(path: Path, age: float) -> Iterator[tuple[str, Path | None]]:
    """The checkpoints nearest to `age` at a path, each with a name; None where there is none."""
    if (path / "config.json").exists():
        yield path.resolve().name, path
        return
    for run in _runs([path]):
        if run.checkpoints:
            nearest = min(run.checkpoints, key=lambda known: abs(known - age))
            yield f"{run.path.name}, age {nearest:g}", run.checkpoints[nearest]
        else:
            yield run.path.name, None


def _runs(paths: Sequence[Path]) -> list[Run]:
    """The runs named; of a study, every arm's first seed under the first schedule."""
    from upbringing.study import Design, study_folder
    from upbringing.training import Run

    folders: list[Path] = []
    for path in paths:
        study = study_folder(path)
        if (study / "study.json").exists():
            settings = Design.open(study).settings
            first = f"{next(iter(settings.curves))}-s{settings.seeds[0]}"
            folders += [study / "runs" / f"{arm}-{first}" for arm in settings.arms]
        else:
            folders.append(path)
    return [Run.open(folder) for folder in folders]
