"""The profile: what a mind is like at each age it was kept at.

run/profile/profile.parquet    age, scope, measure, subject, value, unit
run/profile/samples.parquet    age, prompt, opening, sample_seed, text, voice
run/profile/passages.parquet   kind, passage, num_bytes, bits: held-out text at the last age
run/profile/profile.json       manifest

Along a life a fixed part of the probes is asked, at the last age all of them too. A reading's scope
says which: `along` figures compare ages, `whole` ones minds at their end. `voice` is that of the
axis under test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from upbringing.character.asked import Asked
from upbringing.character.measures import measures, readings_of, readings_of_life
from upbringing.character.probes import Probes
from upbringing.errors import ArtefactError
from upbringing.files import open_manifest, remove_drafts, staged, write_manifest
from upbringing.training import Run, open_mind

FORMAT = "profile/2"
ALONG, WHOLE = "along", "whole"

_READINGS = {
    "age": pl.Float64(),
    "scope": pl.String(),
    "measure": pl.String(),
    "subject": pl.String(),
    "value": pl.Float64(),
    "unit": pl.String(),
}
_PASSAGES = {
    "kind": pl.String(),
    "passage": pl.Int64(),
    "num_bytes": pl.Int64(),
    "bits": pl.Float64(),
}
_SAMPLES = {
    "age": pl.Float64(),
    "prompt": pl.Int64(),
    "opening": pl.String(),
    "sample_seed": pl.Int64(),
    "text": pl.String(),
    "voice": pl.Float64(),
}


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
    """A run's readings and samples by age, and what held-out text costs it at the end."""

    readings: pl.DataFrame
    samples: pl.DataFrame
    passages: pl.DataFrame

    @classmethod
    def open(cls, place: Path) -> Profile:
        """Open and check `run/profile/`."""
        open_manifest(place, FORMAT)
        return cls(
            pl.read_parquet(place / "profile.parquet", glob=False),
            pl.read_parquet(place / "samples.parquet", glob=False),
            pl.read_parquet(place / "passages.parquet", glob=False),
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
    profile = _measured(run, probes)
    with staged(place) as draft:
        profile.readings.write_parquet(draft / "profile.parquet")
        profile.samples.write_parquet(draft / "samples.parquet")
        profile.passages.write_parquet(draft / "passages.parquet")
        write_manifest(draft, FORMAT, recipe=probes.recipe, inputs=inputs)
    return profile


def _measured(run: Minds, probes: Probes) -> Profile:
    wanted = [*measures().values(), *probes.extra]
    along = [one for one in wanted if one.along]
    life = run if isinstance(run, Run) else None
    readings, samples = [], [pl.DataFrame(schema=_SAMPLES)]
    passages = pl.DataFrame(schema=_PASSAGES)
    for age, folder in run.checkpoints.items():
        scopes = {ALONG: (probes.along, along)}
        if age == max(run.checkpoints):
            scopes[WHOLE] = probes, wanted
        mind = open_mind(folder)
        for scope, (part, asked_for) in scopes.items():
            asked = Asked(mind, part, folder, life, age)
            found = readings_of(asked, asked_for)
            readings += [(age, scope, r.measure, r.subject, r.value, r.unit) for r in found]
        samples.append(sample_frame(asked).select(pl.lit(age).alias("age"), pl.all()))
        passages = _passages(asked)
    told = pl.DataFrame(readings, _READINGS, orient="row")
    if len(run.checkpoints) > 1:
        end = max(run.checkpoints)
        of_life = readings_of_life(told.filter(scope=ALONG), wanted)
        rows = [(end, WHOLE, r.measure, r.subject, r.value, r.unit) for r in of_life]
        told = pl.concat([told, pl.DataFrame(rows, _READINGS, orient="row")])
    return Profile(told, pl.concat(samples), passages)


def sample_frame(asked: Asked) -> pl.DataFrame:
    """Samples as rows: prompt, opening, sample_seed, text, and voice where there is a judge."""
    voice = asked.voices.get(asked.probes.axis.name)
    heard = pl.Series("voice", voice, pl.Float64(), nan_to_null=True, strict=False)
    return asked.samples.with_columns(
        pl.lit(None, pl.Float64()).alias("voice") if voice is None else heard
    )


def _passages(asked: Asked) -> pl.DataFrame:
    """What each held-out passage costs the mind."""
    rows = [
        (kind, number, one.num_bytes, float(bits))
        for kind, passages in asked.probes.held_out.items()
        for number, (one, bits) in enumerate(zip(passages, asked.held_out[kind], strict=True))
    ]
    return pl.DataFrame(rows, _PASSAGES, orient="row")
