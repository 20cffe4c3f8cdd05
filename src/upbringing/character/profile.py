"""The profile: what a mind is like at each age it was kept at.

run/profile/profile.parquet   age, measure, subject, value, unit
run/profile/samples.parquet   age, prompt, opening, sample_seed, text, voice
run/profile/profile.json      manifest
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from upbringing.character.likelihood import bits, bits_per_byte
from upbringing.character.probes import Probes
from upbringing.character.samples import draw_samples
from upbringing.errors import ArtefactError
from upbringing.files import open_manifest, remove_drafts, staged, write_manifest
from upbringing.training import Mind, open_mind

FORMAT = "profile/1"

_READINGS = {
    "age": pl.Float64(),
    "measure": pl.String(),
    "subject": pl.String(),
    "value": pl.Float64(),
    "unit": pl.String(),
}
_SAMPLES = {
    "age": pl.Float64(),
    "prompt": pl.Int64(),
    "opening": pl.String(),
    "sample_seed": pl.Int64(),
    "text": pl.String(),
    "voice": pl.Float64(),
}


@dataclass(frozen=True)
class Reading:
    """One figure about a mind: `value` in `unit` of `measure` on `subject` (a kind or an axis)."""

    measure: str
    subject: str
    value: float
    unit: str


class Minds(Protocol):
    """Minds by age, and their digest: those of a run, or an average of it."""

    @property
    def path(self) -> Path:
        """The folder, in which the profile is kept too."""

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and of how they came about."""

    @property
    def checkpoints(self) -> Mapping[float, Path]:
        """Checkpoint folders by age, rising."""


@dataclass(frozen=True)
class Profile:
    """A run's readings and samples, by age."""

    readings: pl.DataFrame
    samples: pl.DataFrame

    @classmethod
    def open(cls, place: Path) -> Profile:
        """Open and check `run/profile/`."""
        open_manifest(place, FORMAT)
        return cls(
            pl.read_parquet(place / "profile.parquet", glob=False),
            pl.read_parquet(place / "samples.parquet", glob=False),
        )


def measure_run(run: Minds, probes: Probes) -> Profile:
    """Profile every checkpoint of a run or of its average, once; a second call opens what is there.

    A life that ended before its first checkpoint has an empty profile.
    Raises `ArtefactError` if it was profiled with other probes.
    """
    place = run.path / "profile"
    inputs = {"run": run.digest, "probes": probes.digest}
    if place.exists():
        if dict(open_manifest(place, FORMAT).inputs) != inputs:
            raise ArtefactError(
                "was measured with other probes", where=str(place), do="remove this folder"
            )
        return Profile.open(place)
    remove_drafts(run.path)
    readings, samples = [], [pl.DataFrame(schema=_SAMPLES)]
    for age, folder in run.checkpoints.items():
        mind = open_mind(folder)
        found, said = _at_one_age(mind, probes)
        readings += [(age, r.measure, r.subject, r.value, r.unit) for r in found]
        samples.append(said.select(pl.lit(age).alias("age"), pl.all()))
    profile = Profile(pl.DataFrame(readings, _READINGS, orient="row"), pl.concat(samples))
    with staged(place) as draft:
        profile.readings.write_parquet(draft / "profile.parquet")
        profile.samples.write_parquet(draft / "samples.parquet")
        write_manifest(draft, FORMAT, recipe=probes.recipe, inputs=inputs)
    return profile


def _at_one_age(mind: Mind, probes: Probes) -> tuple[list[Reading], pl.DataFrame]:
    samples = sample_frame(mind, probes)
    readings = [*competence(mind, probes), *style(mind, probes)]
    if probes.judge:
        voice = float(samples["voice"].mean())  # type: ignore[arg-type]
        readings.append(Reading("voice", probes.axis.name, voice, "probability"))
    return readings, samples


def competence(mind: Mind, probes: Probes) -> list[Reading]:
    """Held-out bits per byte of each kind, of all kinds (their mean), and the block's excess.

    Excess is the positive kinds' mean minus the mean of all other kinds: below zero where the mind
    knows the block better than the rest.
    """
    by_kind = bits_per_byte(mind, probes.held_out)
    block = [value for kind, value in by_kind.items() if kind in probes.axis.positive]
    rest = [value for kind, value in by_kind.items() if kind not in probes.axis.positive]
    figures = [("bits_per_byte", kind, value) for kind, value in by_kind.items()]
    figures.append(("bits_per_byte", "all", float(np.mean(list(by_kind.values())))))
    if block and rest:
        name = "+".join(probes.axis.positive)
        excess = float(np.mean(block) - np.mean(rest))
        figures.append(("excess_bits_per_byte", name, excess))
    return [Reading(measure, subject, value, "bits/byte") for measure, subject, value in figures]


def style(mind: Mind, probes: Probes) -> list[Reading]:
    """The style margin on same-content pairs a, b behind an opening c, three ways:

        style_margin      mean of log₂p(a∣c)/bytes(a) − log₂p(b∣c)/bytes(b)
        style_margin_sum  mean of log₂p(a∣c) − log₂p(b∣c), bits a pair
        style_margin_pmi  as the first, of log₂p(a∣c) − log₂p(a): what the opening adds

    Empty where the corpus has no pairs.
    """
    pairs = probes.pairs
    if not pairs:
        return []
    sides = ("positive", "negative", "positive_alone", "negative_alone")
    needed = bits(mind, [getattr(pair, side) for side in sides for pair in pairs])
    a, b, a_alone, b_alone = needed.reshape(4, len(pairs))
    bytes_a = np.array([pair.positive.num_bytes for pair in pairs])
    bytes_b = np.array([pair.negative.num_bytes for pair in pairs])
    name = probes.axis.name
    return [
        Reading("style_margin", name, float((b / bytes_b - a / bytes_a).mean()), "bits/byte"),
        Reading("style_margin_sum", name, float((b - a).mean()), "bits"),
        Reading(
            "style_margin_pmi",
            name,
            float(((a_alone - a) / bytes_a - (b_alone - b) / bytes_b).mean()),
            "bits/byte",
        ),
    ]


def sample_frame(mind: Mind, probes: Probes) -> pl.DataFrame:
    """Samples as rows: prompt, opening, sample_seed, text, and voice where there is a judge."""
    drawn = draw_samples(mind, probes.tokenizer, probes.openings, probes.settings.sampling)
    openings = [probes.openings[sample.opening] for sample in drawn]
    voice = (
        probes.judge.score([o + s.text for o, s in zip(openings, drawn, strict=True)])
        if probes.judge
        else [None] * len(drawn)
    )
    return pl.DataFrame(
        {
            "prompt": [sample.opening for sample in drawn],
            "opening": openings,
            "sample_seed": [sample.seed for sample in drawn],
            "text": [sample.text for sample in drawn],
            "voice": voice,
        },
        schema={name: kind for name, kind in _SAMPLES.items() if name != "age"},
    )
