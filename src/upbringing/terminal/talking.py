"""Talking: the same prompt to several minds, for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from upbringing.character import Sampling, draw_samples
from upbringing.corpus import load_tokenizer
from upbringing.study import Design, study_folder
from upbringing.terminal.console import say
from upbringing.training import Run, open_mind


def talk_to(paths: Sequence[Path], prompt: str, age: float, sampling: Sampling) -> None:
    """Print how each mind goes on from `prompt` at `age`, and the rule that chose the samples.

    A folder of a model is a mind of no known age. Raises `InputError` for a prompt that fills a row
    of the mind.
    """
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
    for run in _runs(path):
        if run.checkpoints:
            nearest = min(run.checkpoints, key=lambda known: abs(known - age))
            yield f"{run.path.name}, age {nearest:g}", run.checkpoints[nearest]
        else:
            yield run.path.name, None


def _runs(path: Path) -> list[Run]:
    """The run at a path; of a study, every arm's first seed under the first schedule."""
    study = study_folder(path)
    if not (study / "study.json").exists():
        return [Run.open(path)]
    settings = Design.open(study).settings
    first = f"{next(iter(settings.curves))}-s{settings.seeds[0]}"
    return [Run.open(study / "runs" / f"{arm}-{first}") for arm in settings.arms]
