"""A mind that is asked: what several measures need of its answers is worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.character.likelihood import Passage, bits
from upbringing.character.probes import Probes
from upbringing.character.recall import margins, since_met
from upbringing.character.samples import draw_samples
from upbringing.training import Mind, Run

FloatArray = npt.NDArray[np.float64]

_SIDES, _ALONE = ("positive", "negative"), ("positive_alone", "negative_alone")


@dataclass(frozen=True)
class Asked:
    """One mind and the probes it is asked with.

    mind        the mind
    probes      what is asked
    checkpoint  its stock Hugging Face folder, where it has one
    run         the life it comes from, where it is no average of several ages
    age         how much of that life it has lived
    """

    mind: Mind
    probes: Probes
    checkpoint: Path | None = None
    run: Run | None = None
    age: float = 1.0

    def bits(self, passages: Sequence[Passage]) -> FloatArray:
        """−log₂ p of each passage, shape (N,)."""
        return bits(self.mind, passages)

    @cached_property
    def held_out(self) -> dict[str, FloatArray]:
        """−log₂ p of each held-out passage, by kind."""
        return self._scored[0]

    @cached_property
    def pairs(self) -> dict[str, FloatArray]:
        """−log₂ p of the pairs of each axis behind their openings, shape (2, num_pairs): of the
        positive text, and of the negative one.
        """
        return self._scored[1]

    @cached_property
    def pairs_alone(self) -> dict[str, FloatArray]:
        """The same of the texts without their openings."""
        told = self._sides(_ALONE)
        scored = bits(self.mind, [passage for group in told.values() for passage in group])
        by_axis = np.split(scored, np.cumsum([len(group) for group in told.values()])[:-1])
        return {name: of.reshape(2, -1) for name, of in zip(told, by_axis, strict=True)}

    def _sides(self, sides: Sequence[str]) -> dict[str, list[Passage]]:
        """Both sides of all pairs, one side after the other, by axis."""
        return {
            name: [getattr(pair, side) for side in sides for pair in pairs]
            for name, pairs in self.probes.pairs.items()
        }

    @cached_property
    def _scored(self) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        """Held-out text and pairs, scored together: one set of forward passes."""
        probes = self.probes
        told = self._sides(_SIDES)
        groups = [*probes.held_out.values(), *told.values()]
        scored = bits(self.mind, [passage for group in groups for passage in group])
        by_group = np.split(scored, np.cumsum([len(group) for group in groups])[:-1])
        num_kinds = len(probes.held_out)
        return (
            dict(zip(probes.held_out, by_group[:num_kinds], strict=True)),
            {
                name: found.reshape(2, -1)
                for name, found in zip(told, by_group[num_kinds:], strict=True)
            },
        )

    @cached_property
    def answers(self) -> list[FloatArray]:
        """−log₂ p of every value that each fact might have, in the order of its options."""
        options = [question.options for question in self.probes.questions]
        scored = bits(self.mind, [option for values in options for option in values])
        return np.split(scored, np.cumsum([len(values) for values in options])[:-1])

    @cached_property
    def margins(self) -> FloatArray:
        """`recall.margins` of the facts, in bits: (num_questions,)."""
        return margins(self.probes.questions, self.answers)

    @cached_property
    def since_met(self) -> list[FloatArray] | None:
        """`recall.since_met` of each fact."""
        return since_met(self.run, self.age, self.probes)

    @cached_property
    def samples(self) -> pl.DataFrame:
        """How it goes on: prompt (its number), opening, sample_seed, text."""
        probes = self.probes
        drawn = draw_samples(self.mind, probes.tokenizer, probes.openings, probes.settings.sampling)
        return pl.DataFrame(
            {
                "prompt": [sample.opening for sample in drawn],
                "opening": [probes.openings[sample.opening] for sample in drawn],
                "sample_seed": [sample.seed for sample in drawn],
                "text": [sample.text for sample in drawn],
            },
            schema={
                "prompt": pl.Int64(),
                "opening": pl.String(),
                "sample_seed": pl.Int64(),
                "text": pl.String(),
            },
        )

    @cached_property
    def voices(self) -> dict[str, FloatArray]:
        """By axis that has a judge, the voice of each sample, (num_samples,); NaN of a sample whose
        opening is another axis's.
        """
        heard = {}
        for one in self.probes.asked:
            if one.judge is None:
                continue
            own = self.samples["opening"].is_in(self.probes.openings_by_axis[one.axis.name])
            texts = self.samples.select(pl.col("opening") + pl.col("text")).to_series()
            voice = np.full(len(texts), np.nan)
            voice[own.to_numpy()] = one.judge.score(texts.filter(own).to_list())
            heard[one.axis.name] = voice
        return heard
