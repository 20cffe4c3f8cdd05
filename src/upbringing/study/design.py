"""The design: everything a study will do, fixed and hashed before the first mind is raised.

    study/study.json    the design with the rules of its verdict, its digest; where the corpus lies
    study/orders/       an order for each arm and seed, the poles, the ladder, the washout
    study/axes/NAME/    the judge of an axis's voice; its pairs, where they are not the corpus's

`Design.open` reads it; `preparation.prepare` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

from upbringing.character import (
    Axis,
    AxisProbes,
    Judge,
    Probes,
    ProbeSettings,
    Sampling,
    measures_named,
)
from upbringing.corpus import Corpus, Tokens, load_tokenizer, tokenize
from upbringing.errors import ArtefactError
from upbringing.identity import digest_json
from upbringing.order import Order, Rows
from upbringing.study.fixed import read_fixed
from upbringing.study.rungs import Rungs
from upbringing.study.settings import ProbeAmounts, StudySettings
from upbringing.training import Recipe
from upbringing.training.averaging import Average

FORMAT = "study/3"
WASHOUT, RANDOM = "washout", "random"
JUDGE, PAIRS = "judge.json", "pairs.parquet"


Role = Literal["arm", "rung", "random order"]


@dataclass(frozen=True)
class Plan:
    """One run to come: its arm, schedule and seed, the order it reads, its recipe.

    Arms are compared; rungs, the poles and the ladder, give the unit; random orders, each read at
    every seed, say how much orders differ by chance.
    """

    name: str
    arm: str
    schedule: str
    seed: int
    order: str
    recipe: Recipe
    role: Role

    @property
    def is_arm(self) -> bool:
        """Whether it is compared: looked at through its life, averaged, washed out."""
        return self.role == "arm"


@dataclass(frozen=True)
class Dimension:
    """An axis as a study asks about it: with its judge, that one's examination, and its rungs."""

    axis: Axis
    judge: Judge | None
    examination: Mapping[str, Any] | None
    rungs: Rungs

    @property
    def is_heard(self) -> bool:
        """Whether it has a judge of voice that passed its examination."""
        return self.examination is not None and self.examination["passed"]

    @property
    def primary(self) -> str:
        """The measure that decides about it."""
        assert self.axis.primary is not None, "a study decides it beforehand"
        return self.axis.primary


@dataclass(frozen=True)
class Design:
    """A prepared study. `said` is `study.json`'s design, `corpus_path` where its corpus lies."""

    path: Path
    said: Mapping[str, Any]
    corpus_path: Path

    @classmethod
    def open(cls, path: Path) -> Design:
        """Open a study folder; raises `ArtefactError` if it is none or was changed."""
        path = Path(path)
        return cls(path, *read_fixed(path / "study.json", FORMAT))

    @property
    def digest(self) -> str:
        """SHA-256 of the design as canonical JSON."""
        return digest_json(self.said)

    @cached_property
    def settings(self) -> StudySettings:
        """The study's YAML."""
        return StudySettings.model_validate(self.said["settings"])

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """The runs, in the order in which they are started."""
        return tuple(
            Plan(**{**plan, "recipe": Recipe.from_json(plan["recipe"])})
            for plan in self.said["runs"]
        )

    @cached_property
    def averages(self) -> tuple[Average, ...]:
        """The averages of weights that every arm's minds are compared in, besides as they are."""
        return tuple(asked.average for asked in self.settings.averages)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The axes of the study; the first is the one under test."""
        return tuple(self._dimension(said) for said in self.said["axes"])

    def _dimension(self, said: Mapping[str, Any]) -> Dimension:
        axis = Axis.from_json(said)
        folder = axis_folder(self.path, axis)
        if said["pairs"]:
            own = pl.read_parquet(folder / PAIRS, glob=False)
            axis = replace(axis, own=own)
            if axis.as_json()["pairs"] != said["pairs"]:
                raise ArtefactError("holds other pairs than the study's", where=str(folder / PAIRS))
        judge = None
        if axis.judged:
            judge = Judge.load(folder / JUDGE)
            if judge.digest != self.said["digests"][f"judge {axis.name}"]:
                raise ArtefactError("is another judge than the study's", where=str(folder / JUDGE))
        return Dimension(axis, judge, said["examination"], Rungs(axis, said["rungs"]))

    @property
    def axis(self) -> Axis:
        """The dimension of character under test."""
        return self.dimensions[0].axis

    @property
    def primary(self) -> str:
        """The measure that decides about it: `style_margin` where pairs exist, else `voice`."""
        return self.dimensions[0].primary

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, checked against the design."""
        corpus = Corpus.open(self.corpus_path)
        if corpus.digest != self.said["digests"]["corpus"]:
            raise ArtefactError("is another corpus than the study's", where=str(corpus.path))
        return corpus

    @cached_property
    def tokens(self) -> Tokens:
        """The corpus in the study's tokens."""
        digest = self.said["digests"]["tokenizer"]
        return tokenize(self.corpus, load_tokenizer(self.corpus.path / "tokens" / digest))

    def rows(self, order: str, row_length: int) -> Rows:
        """The rows of one of the study's orders."""
        found = Order.open(self.path / "orders" / order, self.corpus)
        if found.digest != self.said["digests"][f"order {order}"]:
            raise ArtefactError("is another order than the study's", where=f"orders/{order}")
        return Rows(found, self.tokens, row_length)

    @cached_property
    def probes(self) -> Probes:
        """The questions that every mind is asked."""
        extra = measures_named(self.settings.measures)
        for measure in extra:
            if measure.file_digest != self.said["digests"][f"measure {measure.name}"]:
                raise ArtefactError("is another measure than the study's", where=measure.name)
        return Probes(
            self.corpus,
            tuple(AxisProbes(one.axis, one.judge) for one in self.dimensions),
            self.tokens.tokenizer,
            probe_settings(self.settings.probes),
            extra,
        )


def axis_folder(study: Path, axis: Axis) -> Path:
    """Where a study keeps what belongs to one of its axes."""
    return study / "axes" / axis.slug


def probe_settings(asked: ProbeAmounts) -> ProbeSettings:
    """How much is asked, as the study's YAML says it."""
    return ProbeSettings(
        held_out_bytes=asked.held_out_bytes,
        num_pairs=asked.num_pairs,
        num_openings=asked.num_openings,
        num_questions=asked.num_questions,
        along_share=asked.along_share,
        sampling=Sampling(asked.temperature, asked.num_sampled_tokens, asked.num_sampler_seeds),
    )


def study_folder(path: Path) -> Path:
    """The study at `path`, or the one inside the folder of a whole protocol."""
    inside = path / "study"
    return inside if (inside / "study.json").exists() else path
