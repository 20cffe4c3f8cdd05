"""The tables of a study → the biography of one run: what it read when, what it was like then.

Takes a study folder and the name of a run; gives a `Biography` of plain records, and its lines for
a terminal. Lines hold text of the corpus and of the mind: print them as text, not as markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from upbringing.errors import InputError
from upbringing.report import words
from upbringing.report.folder import Study, read_study
from upbringing.report.ribbons import ribbon_shares
from upbringing.settings import suggestion
from upbringing.study.reading import shares_between

MAX_CHARACTERS = 160
"""How much of an answer a line quotes."""


@dataclass(frozen=True)
class Answer:
    """What the mind said to one opening, and what the judge heard in it."""

    opening: str
    text: str
    voice: float | None


@dataclass(frozen=True)
class Moment:
    """A mind at an age at which it was measured, and what happened since the moment before."""

    stage: str
    """`life`, `washout`, or the name of an average of the weights."""
    age: float
    read: dict[str, float]
    """Share of each kind in the bytes read since the moment before, the largest first."""
    learning: float | None
    """Share of life's learning-rate mass spent since the moment before; None after its end."""
    position: float | None
    """The primary measure in the study's scale: pole distances from the negative pole."""
    bits_per_byte: float | None
    """Held out, all kinds."""
    answer: Answer | None
    """To the first prompt from the first sampler seed."""


@dataclass(frozen=True)
class Biography:
    """The moments of one run, youngest first, then its washout and the averages of its weights."""

    run: str
    arm: str
    description: str
    schedule: str
    seed: int
    scale: str
    moments: tuple[Moment, ...]

    @property
    def turning_point(self) -> Moment | None:
        """The moment of life that ends the largest change of character; None for fewer than two."""
        placed = [m for m in self.moments if m.stage == "life" and m.position is not None]
        steps = [(abs((b.position or 0.0) - (a.position or 0.0)), b) for a, b in pairwise(placed)]
        return max(steps, key=lambda step: step[0])[1] if steps else None

    def lines(self, *, with_text: bool = True) -> tuple[str, ...]:
        """The biography as plain lines; `with_text` quotes what the mind said."""
        turn = self.turning_point
        told = [f"{self.run}: {self.description}, {self.schedule} learning rate, seed {self.seed}"]
        for moment in self.moments:
            told.append(_sentence(moment, self.scale, is_turn=moment is turn))
            if with_text and moment.answer is not None:
                told.append(f"    “{_quote(moment.answer)}”")
        return tuple(told)


def biography(study_folder: Path, run: str) -> Biography:
    """The biography of one run of a study, its washout and its averages included.

    Raises `ArtefactError` for a folder that is no whole study, `InputError` for a run it lacks.
    """
    study = read_study(study_folder)
    of_life = study.along.filter(pl.col("stage") == "life")
    own = of_life.filter(pl.col("run") == run)
    if own.is_empty():
        known = of_life["run"].unique().sort().to_list()
        raise InputError(
            f"has no run {run!r}",
            where=str(study.folder),
            allowed=", ".join(known),
            do=suggestion(run, known),
        )
    arm, schedule, seed = own.row(0, named=True)["arm"], own["schedule"][0], int(own["seed"][0])
    return Biography(
        run=run,
        arm=arm,
        description=words.arm(arm, study.findings),
        schedule=schedule,
        seed=seed,
        scale=study.scale.label,
        moments=tuple(_moments(study, arm, schedule, seed)),
    )


def _moments(study: Study, arm: str, schedule: str, seed: int) -> list[Moment]:
    is_own = (pl.col("arm") == arm) & (pl.col("schedule") == schedule) & (pl.col("seed") == seed)
    measures = study.along.filter(is_own)
    is_loss = (pl.col("measure") == "bits_per_byte") & (pl.col("subject") == "all")
    positions = _by_moment(study.character.filter(is_own), "position")
    losses = _by_moment(measures.filter(is_loss), "value")
    answers = _answers(study.samples.filter(is_own))
    shares = ribbon_shares(study, arm, seed)
    course = study.findings.schedules[schedule]
    mass = course.mass_between(0.0, 1.0)
    moments = []
    before = 0.0
    for stage, age in study.moments(measures):
        in_life = stage == "life"
        moments.append(
            Moment(
                stage=stage,
                age=age,
                read=shares_between(shares, before, age) if in_life else {},
                learning=course.mass_between(before, age) / mass if in_life else None,
                position=positions.get((stage, age)),
                bits_per_byte=losses.get((stage, age)),
                answer=answers.get((stage, age)),
            )
        )
        before = age
    return moments


def _by_moment(rows: pl.DataFrame, column: str) -> dict[tuple[str, float], float]:
    return {(stage, age): value for stage, age, value in rows.select("stage", "age", column).rows()}


def _answers(samples: pl.DataFrame) -> dict[tuple[str, float], Answer]:
    ordered = samples.sort("prompt", "sample_seed", descending=True)  # so that the first is left
    return {
        (row["stage"], row["age"]): Answer(
            row["opening"], row["text"].removeprefix(row["opening"]), row["voice"]
        )
        for row in ordered.iter_rows(named=True)
    }


def _sentence(moment: Moment, scale: str, *, is_turn: bool) -> str:
    parts = []
    if moment.read:
        kinds = ", ".join(f"{kind} {words.percent(share)}" for kind, share in moment.read.items())
        parts.append(f"read {kinds}")
    if moment.learning is not None:
        parts.append(f"{words.percent(moment.learning)} of its learning")
    parts.append(f"character {words.number(moment.position)} {scale}")
    parts.append(f"{words.number(moment.bits_per_byte)} bits/byte")
    if is_turn:
        parts.append("its largest change")
    return f"{words.age(moment.age, moment.stage)}: {'; '.join(parts)}"


def _quote(answer: Answer) -> str:
    """One line that no control character can leave."""
    text = " ".join(f"{answer.opening}{answer.text}".split())
    text = "".join(c if c.isprintable() else "·" for c in text)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS].rstrip()}…"
