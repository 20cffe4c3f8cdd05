"""The design: everything a study will do, fixed and hashed before the first mind is raised.

    study/study.json    the design with the rules of its verdict, its digest; where the corpus lies
    study/orders/       an order for each arm and seed, the poles, the ladder, the washout
    study/judge.json    the judge of voice

`Design.open` reads it; `preparation.prepare` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from upbringing.character import Axis, Judge, Probes, ProbeSettings, Sampling
from upbringing.corpus import Corpus, Tokens, load_tokenizer, tokenize
from upbringing.errors import ArtefactError
from upbringing.identity import digest_json
from upbringing.order import Order, Rows
from upbringing.study.fixed import read_fixed
from upbringing.study.settings import ProbeAmounts, StudySettings
from upbringing.training import Recipe
from upbringing.training.averaging import Average

FORMAT = "study/1"
WASHOUT = "washout"


@dataclass(frozen=True)
class Plan:
    """One run to come: its arm, schedule and seed, the order it reads, its recipe.

    `is_arm` is False for poles and ladder, which give the unit and are not compared.
    """

    name: str
    arm: str
    schedule: str
    seed: int
    order: str
    recipe: Recipe
    is_arm: bool


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
    def axis(self) -> Axis:
        """The dimension of character under test."""
        axis = self.said["axis"]
        return Axis(
            tuple(axis["positive"]), tuple(axis["negative"]), axis["lang"], axis["against_rest"]
        )

    @property
    def primary(self) -> str:
        """The measure that decides: `style_margin` where pairs exist, else `voice`."""
        return str(self.said["primary"])

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
        file = self.path / "judge.json"
        judge = Judge.load(file)
        if judge.digest != self.said["digests"]["judge"]:
            raise ArtefactError("is another judge than the study's", where=str(file))
        settings = probe_settings(self.settings.probes)
        return Probes(self.corpus, self.axis, self.tokens.tokenizer, settings, judge)


def probe_settings(asked: ProbeAmounts) -> ProbeSettings:
    """How much is asked, as the study's YAML says it."""
    return ProbeSettings(
        held_out_bytes=asked.held_out_bytes,
        num_pairs=asked.num_pairs,
        num_openings=asked.num_openings,
        sampling=Sampling(asked.temperature, asked.num_sampled_tokens, asked.num_sampler_seeds),
    )


def study_folder(path: Path) -> Path:
    """The study at `path`, or the one inside the folder of a whole protocol."""
    inside = path / "study"
    return inside if (inside / "study.json").exists() else path
