"""Probes: the questions that every mind of a study is asked, made once and the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl
from tokenizers import Tokenizer

from upbringing.character.axes import Axis
from upbringing.character.judging import judge_for
from upbringing.character.likelihood import Passage, passage
from upbringing.character.openings import openings_of
from upbringing.character.questions import Question, questions_of
from upbringing.character.samples import Sampling, check_room
from upbringing.character.voice import Judge
from upbringing.corpus import HELD_OUT, Corpus
from upbringing.errors import InputError, Problem
from upbringing.identity import digest_json, keyed_hash, keys_of
from upbringing.settings import suggestion
from upbringing.training import Run

if TYPE_CHECKING:
    from upbringing.character.measures import Measure


@dataclass(frozen=True)
class ProbeSettings:
    """How much is asked. Part of a study's design.

    held_out_bytes  held-out text of each kind, in UTF-8 bytes
    num_pairs       same-content pairs, at most
    num_openings    openings that are continued
    num_questions   facts that are asked for, at most
    sampling        how openings are continued
    along_share     the share of each that is asked along a life; all is asked at its end
    """

    held_out_bytes: int = 12_000
    num_pairs: int = 64
    num_openings: int = 16
    num_questions: int = 240
    sampling: Sampling = field(default_factory=Sampling)
    along_share: float = 0.5

    @property
    def along(self) -> ProbeSettings:
        """How much is asked along a life."""

        def part(number: int) -> int:
            return max(1, round(self.along_share * number))

        return replace(
            self,
            held_out_bytes=part(self.held_out_bytes),
            num_pairs=part(self.num_pairs),
            num_openings=part(self.num_openings),
            num_questions=part(self.num_questions),
        )


@dataclass(frozen=True)
class Pair:
    """One content in two voices behind one opening, each also alone (for PMI)."""

    positive: Passage
    negative: Passage
    positive_alone: Passage
    negative_alone: Passage


def held_out_by_kind(
    corpus: Corpus, tokenizer: Tokenizer, num_bytes: int, *, lang: str | None = None
) -> dict[str, list[Passage]]:
    """Held-out scenes of each kind, in the order of a keyed hash, up to `num_bytes` a kind.

    Of one language, or of all. Raises `InputError` where none is held out.
    """
    names = ["id", "key", "kind", "lang", "split", "text", "num_bytes"]
    frame = corpus.columns(names).filter(split=HELD_OUT)
    frame = frame if lang is None else frame.filter(lang=lang)
    if frame.is_empty():
        raise InputError("no scene is held out", where=str(corpus.path))
    lots = keyed_hash(frame["key"].to_numpy(), 0, "held out")
    frame = frame.with_columns(lot=pl.Series(lots)).sort("lot", "id")
    before = pl.col("num_bytes").cast(pl.Int64).cum_sum().over("kind") - pl.col("num_bytes")
    taken = frame.filter(before < num_bytes).sort("kind", "lot", "id")
    return {
        str(kind): [passage(tokenizer, text) for text in scenes["text"]]
        for (kind,), scenes in taken.group_by("kind", maintain_order=True)
    }


@dataclass(frozen=True)
class AxisProbes:
    """An axis with the judge of its voice; `no_judge` says why there is none."""

    axis: Axis
    judge: Judge | None
    no_judge: str | None = None


@dataclass(frozen=True)
class Probes:
    """Everything a mind is asked: held-out text by kind, facts, and pairs, openings and a judge by
    axis.

    The first axis is the one under test. `extra` are measures that are asked for besides those of
    the package (`measures`).
    """

    corpus: Corpus
    asked: tuple[AxisProbes, ...]
    tokenizer: Tokenizer
    settings: ProbeSettings
    extra: tuple[Measure, ...] = ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The dimensions of character that are asked about."""
        return tuple(one.axis for one in self.asked)

    @property
    def axis(self) -> Axis:
        """The axis under test."""
        return self.asked[0].axis

    @cached_property
    def along(self) -> Probes:
        """The part that is asked along a life: the first of everything, the same at every age."""
        return replace(self, settings=self.settings.along)

    @cached_property
    def held_out(self) -> dict[str, list[Passage]]:
        """`held_out_by_kind` for the axes' language."""
        limit = self.settings.held_out_bytes
        return held_out_by_kind(self.corpus, self.tokenizer, limit, lang=self.axis.lang)

    @cached_property
    def pairs(self) -> dict[str, list[Pair]]:
        """Same-content pairs of each axis that has any, drawn by a keyed hash of the event."""
        found = {}
        for axis in self.axes:
            frame = axis.pairs(self.corpus)
            if frame is not None:
                lots = keyed_hash(keys_of(frame["event"].to_list()), 0, "pairs")
                chosen = frame[lots.argsort()[: self.settings.num_pairs]]
                texts = chosen.select("opening", "positive", "negative")
                found[axis.name] = [self._pair(*row) for row in texts.iter_rows()]
        return found

    def _pair(self, opening: str, positive: str, negative: str) -> Pair:
        told = [text.removeprefix(opening) for text in (positive, negative)]
        given = [passage(self.tokenizer, text, opening) for text in told]
        alone = [passage(self.tokenizer, text) for text in told]
        return Pair(given[0], given[1], alone[0], alone[1])

    @cached_property
    def questions(self) -> list[Question]:
        """Facts that are asked for; none where the corpus does not say what can be asked."""
        number = self.settings.num_questions
        return questions_of(self.corpus, self.tokenizer, self.axis.lang, number)

    @cached_property
    def openings_by_axis(self) -> dict[str, list[str]]:
        """The openings after which each axis's voice is listened to: its own, or the corpus's."""
        number = self.settings.num_openings
        shared: list[str] = []
        if any(not axis.prompts for axis in self.axes):
            shared = openings_of(self.corpus, self.axis.lang, number)
        return {axis.name: list(axis.prompts[:number]) or shared for axis in self.axes}

    @cached_property
    def openings(self) -> list[str]:
        """All openings that are continued, each once."""
        return list(dict.fromkeys(chain.from_iterable(self.openings_by_axis.values())))

    def check(self, row_length: int) -> None:
        """Raise now what asking a mind of that row length would raise after its whole life.

        `InputError` for a language without held-out scenes or shared openings, and for openings
        that fill a row.
        """
        assert self.held_out
        check_room(self.tokenizer, self.openings, row_length)

    @property
    def recipe(self) -> dict[str, Any]:
        """What the answers depend on besides the mind."""
        return {
            "axes": [
                {**one.axis.as_json(), "judge": one.judge.digest if one.judge else None}
                for one in self.asked
            ],
            "settings": asdict(self.settings),
            "extra": {measure.name: measure.file_digest for measure in self.extra},
        }

    @property
    def digest(self) -> str:
        """SHA-256 of recipe and corpus."""
        return digest_json({"corpus": self.corpus.digest, **self.recipe})


def probes_for(
    run: Run, positive: tuple[str, ...], negative: tuple[str, ...], lang: str | None = None
) -> Probes:
    """Probes for a single run, between poles that are kinds of its corpus, by default in the
    language that it read.

    Raises `InputError` for kinds or a language that the corpus lacks.
    """
    corpus = Corpus.open(run.sources["corpus"])
    axis = axis_between(corpus, positive, negative, lang or lang_read(run, corpus))
    return probes_of(corpus, (axis,), run.tokens(corpus).tokenizer)


def lang_read(run: Run, corpus: Corpus) -> str:
    """The language of which a run read most bytes."""
    if len(corpus.langs) == 1:
        return corpus.langs[0]
    rows = run.rows()
    visits = rows.order.sequence[: rows.num_visits_in(run.recipe.num_rows)]
    read = corpus.columns(["lang", "num_bytes"])[visits]
    sizes = read.group_by("lang").agg(pl.col("num_bytes").cast(pl.Int64).sum())
    return str(sizes.sort("num_bytes", "lang")["lang"][-1])


def axis_between(
    corpus: Corpus, positive: tuple[str, ...], negative: tuple[str, ...], lang: str
) -> Axis:
    """The axis between kinds of a corpus.

    Raises `InputError` for kinds or a language that the corpus lacks.
    """
    axis = Axis.between(positive, negative, lang)
    own = corpus.columns(["kind", "lang"]).filter(lang=axis.lang)
    known = own["kind"].unique().sort().to_list()
    problems = [
        Problem(f"no scene is of kind {kind!r}", None, ", ".join(known), suggestion(kind, known))
        for kind in (*positive, *negative)
        if kind not in known
    ]
    if axis.lang not in corpus.langs:
        problems = [Problem(f"no scene is in {axis.lang!r}", None, ", ".join(corpus.langs))]
    problems += [Problem(f"{kind!r} is both poles") for kind in positive if kind in negative]
    if problems:
        raise InputError(problems)
    return axis


def probes_of(
    corpus: Corpus,
    axes: Sequence[Axis],
    tokenizer: Tokenizer,
    settings: ProbeSettings | None = None,
    extra: Sequence[Measure] = (),
) -> Probes:
    """Probes on several axes, each with a judge where one passes its examination."""
    return Probes(
        corpus,
        tuple(_asked(corpus, axis) for axis in axes),
        tokenizer,
        settings or ProbeSettings(),
        tuple(extra),
    )


def _asked(corpus: Corpus, axis: Axis) -> AxisProbes:
    if not axis.judged:
        return AxisProbes(axis, None, "its axis asks for none")
    judging = judge_for(corpus, axis)
    if judging.report.passed:
        return AxisProbes(axis, judging.judge)
    return AxisProbes(axis, None, judging.report.reason)
