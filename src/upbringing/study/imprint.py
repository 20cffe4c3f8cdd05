"""The imprint, measured: what is left of a packet of text by the age at which a mind met it.

Takes a corpus and settings; gives minds that met the same packets at other ages, and how well each
knows every packet at the end of its life. The design is two Latin squares that are each other's
control:

- K packets, K ages, K lives: in life j packet p is met at the age of slot (p + j) mod K, so that
  every life meets every packet once and every packet is met at every age. All else is one shuffle.
- The other K packets are never met in these lives: they are the zero. In as many lives more they
  are met and the first K are not, so that it cancels how hard a packet is.

The lives of a square are permutations of the same visits, which is proved before one is raised. A
seed is the initial weights and the shuffle of 2·K lives.

    imprint/imprint.json    the design, hashed before the first life
    imprint/orders/         an order a seed and life, for every schedule
    imprint/runs/           the runs, each with what its mind knows (`known.json`)
    imprint/findings.json   `imprint_findings`
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from upbringing.corpus import Corpus, Tokens, load_tokenizer, tokenize
from upbringing.errors import ArtefactError, InputError, Problem
from upbringing.files import write_json
from upbringing.identity import digest_json
from upbringing.order import Order, Rows
from upbringing.study.execution import LIFE
from upbringing.study.fixed import read_fixed
from upbringing.study.packets import Asked, Packet
from upbringing.study.pool import OnProgress, Progress, Work, side_by_side
from upbringing.training import (
    NO_LOG,
    KindsRead,
    Log,
    Moment,
    OnStep,
    Recipe,
    Said,
    curve_label,
    read_checkpoint,
    read_curve,
    say_curve,
    shape_named,
    train,
)

FORMAT = "imprint/1"
FEWEST_AGES = 4


@dataclass(frozen=True)
class ImprintSettings:
    """What is asked; None is left to the corpus or to the shape.

    schedules        curves of the learning rate over age (`read_curve`)
    num_ages         slots of age, as many as packets that a life meets
    num_seeds        of 2 · num_ages lives each
    tokens           length of a life, packets included; by default all training scenes once
    scenes_a_packet  where the corpus has no packets of its own
    """

    lang: str | None = None
    shape: str = "300k"
    vocabulary: int | None = None
    schedules: tuple[Said, ...] = ("linear",)
    num_ages: int = 8
    num_seeds: int = 4
    tokens: int | None = None
    scenes_a_packet: int = 8
    batch_size: int = 8
    row_length: int = 128
    peak_lr: float | None = None
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.num_ages < FEWEST_AGES:
            what = f"{self.num_ages} ages show no curve"
            problems.append(Problem(what, allowed=f"{FEWEST_AGES} or more"))
        if self.num_seeds < 1 or self.scenes_a_packet < 1:
            problems.append(Problem("no seed, or no scene in a packet", allowed="1 or more"))
        if self.peak_lr is not None and not 0 < self.peak_lr < math.inf:
            problems.append(Problem(f"the peak rate is {self.peak_lr:g}", allowed="above 0"))
        if self.weight_decay is not None and not 0 <= self.weight_decay < math.inf:
            what = f"a weight decay of {self.weight_decay:g}"
            problems.append(Problem(what, allowed="0 or more"))
        schedules: list[Said] = []
        for said in self.schedules:
            try:
                schedules.append(say_curve(read_curve(said)))
            except InputError as error:
                problems += error.problems
        labels = [curve_label(said) for said in schedules]
        if not self.schedules or len(set(labels)) < len(labels):
            what = f"schedules: {', '.join(labels) or 'none'}"
            problems.append(Problem(what, do="name each once"))
        try:
            shape_named(self.shape)
        except InputError as error:
            problems += error.problems
        if problems:
            raise InputError(problems)
        # As JSON gives it back: a table's ages are text there.
        object.__setattr__(self, "schedules", tuple(schedules))

    @property
    def curves(self) -> dict[str, Said]:
        """The schedules by the names that runs and records have for them."""
        return {curve_label(said): said for said in self.schedules}


@dataclass(frozen=True)
class Met:
    """The number of an age, and from which age to which the packet is really read."""

    slot: int
    begin: float
    end: float


@dataclass(frozen=True)
class ImprintLife:
    """One run to come. `met` says at which slot each packet is met; others never are.

    schedule  by its name in `curves`
    """

    name: str
    schedule: str
    seed: int
    order: str
    met: Mapping[str, Met]
    recipe: Recipe


@dataclass(frozen=True)
class ImprintDesign:
    """A prepared measurement. `said` is the design in `imprint.json`."""

    path: Path
    said: Mapping[str, Any]
    corpus_path: Path

    @classmethod
    def open(cls, path: Path) -> ImprintDesign:
        """Open it; raises `ArtefactError` if it is none or was changed."""
        path = Path(path)
        return cls(path, *read_fixed(path / "imprint.json", FORMAT))

    @property
    def digest(self) -> str:
        """SHA-256 of the design as canonical JSON."""
        return digest_json(self.said)

    @cached_property
    def settings(self) -> ImprintSettings:
        """What was asked."""
        said = self.said["settings"]
        return ImprintSettings(**{**said, "schedules": tuple(said["schedules"])})

    @cached_property
    def packets(self) -> tuple[Packet, ...]:
        """All packets: those of the first square, then those of the other."""
        return tuple(Packet(said["name"], tuple(said["ids"])) for said in self.said["packets"])

    @cached_property
    def lives(self) -> dict[str, ImprintLife]:
        """The runs by name, in the order in which they are started."""
        return {
            said["name"]: ImprintLife(
                **{
                    **said,
                    "met": {name: Met(**met) for name, met in said["met"].items()},
                    "recipe": Recipe.from_json(said["recipe"]),
                }
            )
            for said in self.said["lives"]
        }

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, checked against the design."""
        corpus = Corpus.open(self.corpus_path)
        if corpus.digest != self.said["digests"]["corpus"]:
            raise ArtefactError("is another corpus than the imprint's", where=str(corpus.path))
        return corpus

    @cached_property
    def tokens(self) -> Tokens:
        """The corpus in the minds' tokens."""
        digest = self.said["digests"]["tokenizer"]
        return tokenize(self.corpus, load_tokenizer(self.corpus.path / "tokens" / digest))

    def rows(self, life: ImprintLife) -> Rows:
        """The rows of a life."""
        found = Order.open(self.path / "orders" / life.order, self.corpus)
        if found.digest != life.recipe.order:
            raise ArtefactError("is another order than the imprint's", where=f"orders/{life.order}")
        return Rows(found, self.tokens, life.recipe.row_length)

    def known(self, life: ImprintLife) -> Path:
        """Where it lies what the mind of a life knows."""
        return self.path / "runs" / life.name / "known.json"

    def todo(self) -> list[str]:
        """The runs that are not yet raised and asked."""
        return [name for name, life in self.lives.items() if not self.known(life).exists()]


def execute_imprint(
    design: ImprintDesign,
    *,
    num_workers: int | None = None,
    on_progress: OnProgress | None = None,
    log: Log = NO_LOG,
) -> None:
    """Raise and ask all minds that are not yet; the same call continues after a kill.

    `log` says where the figures of each step go besides. Raises what a run raises, and
    `ResumeError` if a worker is killed.
    """
    begin = partial(_begin, design.path, log)
    side_by_side(begin, design.todo(), num_workers=num_workers, on_progress=on_progress)


def _begin(path: Path, log: Log) -> Work:
    """What a process does for each run of the design at `path`, which it opens once."""
    design = ImprintDesign.open(path)
    asked = Asked.of(design.corpus, design.packets, design.tokens.tokenizer)

    def work(name: str, report: OnProgress) -> None:
        def warn(line: str) -> None:
            report(Progress(name, LIFE, warning=line))

        with log.open(warn) as mirror:
            _raise_one(design, asked, design.lives[name], report, mirror(name))

    return work


def _raise_one(
    design: ImprintDesign, asked: Asked, life: ImprintLife, report: OnProgress, mirrored: OnStep
) -> None:
    """Raise one mind and write down what it knows; nothing of one that diverged."""
    rows = design.rows(life)
    kinds = KindsRead(rows, life.recipe.steps)

    def on_step(now: Moment) -> None:
        mirrored(now)
        report(Progress(life.name, LIFE, now, kinds.at(now.done - 1)))

    run = train(
        rows,
        life.recipe,
        design.path / "runs" / life.name,
        sources={"corpus": design.corpus.path, "order": design.path / "orders" / life.order},
        on_step=on_step,
    )
    knows = None
    if run.diverged_at is None:
        knows = asked.knows(read_checkpoint(run.checkpoints[1.0]))
    write_json(design.known(life), {"run": run.digest, "knows": knows})
    report(Progress(life.name, "measured"))
