"""Compared: run and study folders → lives whose minds can be compared, or every reason why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from upbringing.character.between.birth import birth_of
from upbringing.character.between.together import Subject
from upbringing.errors import InputError, Problem, UpbringingError
from upbringing.identity import digest_json
from upbringing.study import Design, study_folder
from upbringing.training import Decoder, Mind, Run, open_mind


@dataclass(frozen=True)
class Life:
    """A run and its mind at the age that is asked for; `order` and `group` as in `Subject`."""

    name: str
    run: Run
    checkpoint: Path
    order: str
    group: str

    @cached_property
    def mind(self) -> Mind:
        """The mind, opened once."""
        return open_mind(self.checkpoint)

    @property
    def seed(self) -> int:
        """The seed of its weights."""
        return self.run.recipe.seed

    @property
    def birth(self) -> str:
        """`birth_of` its recipe."""
        return birth_of(self.run.recipe)

    @property
    def subject(self) -> Subject:
        """What lies between minds is asked of it by this."""
        return Subject(self.name, self.mind, self.order, self.seed, self.group, self.birth)

    def at_birth(self) -> Mind | None:
        """The mind before its first step; None where it was raised on from another one."""
        recipe = self.run.recipe
        if recipe.shape is None or recipe.starts_from is not None:
            return None
        return Decoder(recipe.shape, row_length=recipe.row_length, seed=recipe.seed)

    def lang(self) -> str | None:
        """The language of all that it read; None where there are several."""
        order = self.run.rows().order
        langs = order.corpus.columns(["lang"])["lang"].gather(order.sequence).unique()
        return str(langs[0]) if len(langs) == 1 else None


def open_lives(paths: Sequence[Path], age: float, *, one_corpus: bool = True) -> list[Life]:
    """The lives at `paths`, of a study those of all its arms, with their minds at `age`.

    Raises `InputError` with every reason for which they cannot be compared: folders that are no
    finished runs, ages that were not kept, unlike tokenizers, and corpora where there must be
    `one_corpus`.
    """
    found = [life for path in paths for life in _lives_at(path, age)]
    lives = [life for life in found if isinstance(life, Life)]
    problems = [problem for problem in found if isinstance(problem, Problem)]
    problems += _unlike(lives, one_corpus=one_corpus)
    if problems:
        raise InputError(problems)
    names = Counter(life.name for life in lives)
    return [
        life if names[life.name] == 1 else replace(life, name=str(life.run.path)) for life in lives
    ]


def _lives_at(path: Path, age: float) -> Iterator[Life | Problem]:
    """The lives at a path, or what is wrong with each."""
    study = study_folder(path)
    if not (study / "study.json").exists():
        yield _life(path, age)
        return
    for plan in Design.open(study).plans:
        if plan.is_arm:
            yield _life(study / "runs" / plan.name, age)


def _life(path: Path, age: float) -> Life | Problem:
    try:
        run = Run.open(path)
    except UpbringingError as error:
        return error.problems[0]
    except OSError:
        return Problem("is no finished run", where=str(path))
    kept = {round(known, 4): folder for known, folder in run.checkpoints.items()}
    if round(age, 4) not in kept:
        ages = ", ".join(f"{known:g}" for known in kept)
        diverged = "" if run.diverged_at is None else f": it diverged at step {run.diverged_at}"
        what = f"the mind was not kept at age {age:g}{diverged}"
        return Problem(what, where=str(path), allowed=ages or None)
    order, group = _labels(run)
    return Life(path.resolve().name, run, kept[round(age, 4)], order, group)


def _labels(run: Run) -> tuple[str, str]:
    """The order, and all else of a life but its seed; by the names of its study if it is of one."""
    path = run.path.resolve()
    study = path.parent.parent
    if (study / "study.json").exists():
        for plan in Design.open(study).plans:
            if plan.name == path.name:
                return plan.arm, plan.schedule
    of_its_own = {"order", "seed", "ages", "emas", "numerics"}
    said = run.recipe.as_json()
    group = {name: value for name, value in said.items() if name not in of_its_own}
    return run.recipe.order[:12], digest_json(group)[:12]


def _unlike(lives: Sequence[Life], *, one_corpus: bool) -> Iterator[Problem]:
    """In what the lives differ and may not."""
    tokenizers = {life.run.recipe.tokenizer: life.name for life in lives}
    if len(tokenizers) > 1:
        yield Problem(
            f"{_listed(tokenizers.values())} read in other tokens: what they expect next cannot be "
            "compared",
            do="raise them with one tokenizer: train --tokenizer",
        )
    corpora = {life.run.recipe.corpus: life.name for life in lives}
    if len(corpora) > 1 and one_corpus:
        yield Problem(
            f"{_listed(corpora.values())} were raised on other corpora",
            do="say by whose held-out text they are compared: --corpus",
        )


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"
