"""Probes: the questions that every mind of a study is asked, made once and the same for all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import polars as pl
from tokenizers import Tokenizer

from upbringing.character.axes import Axis
from upbringing.character.judging import judge_for
from upbringing.character.likelihood import Passage, passage
from upbringing.character.openings import openings_of
from upbringing.character.samples import Sampling, check_room
from upbringing.character.voice import Judge
from upbringing.corpus import HELD_OUT, Corpus
from upbringing.errors import InputError, Problem
from upbringing.identity import digest_json, keyed_hash, keys_of
from upbringing.settings import suggestion
from upbringing.training import Run


@dataclass(frozen=True)
class ProbeSettings:
    """How much is asked. Part of a study's design.

    held_out_bytes  held-out text of each kind, in UTF-8 bytes
    num_pairs       same-content pairs, at most
    num_openings    openings that are continued
    """

    held_out_bytes: int = 12_000
    num_pairs: int = 64
    num_openings: int = 16
    sampling: Sampling = field(default_factory=Sampling)


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
class Probes:
    """Everything a mind is asked: held-out text by kind, pairs, openings, and the judge.

    `no_judge` says why there is none.
    """

    corpus: Corpus
    axis: Axis
    tokenizer: Tokenizer
    settings: ProbeSettings
    judge: Judge | None
    no_judge: str | None = None

    @cached_property
    def held_out(self) -> dict[str, list[Passage]]:
        """`held_out_by_kind` for the axis's language."""
        limit = self.settings.held_out_bytes
        return held_out_by_kind(self.corpus, self.tokenizer, limit, lang=self.axis.lang)

    @cached_property
    def pairs(self) -> list[Pair]:
        """Same-content pairs, drawn by a keyed hash of the event; empty without parallels."""
        frame = self.axis.pairs(self.corpus)
        if frame is None:
            return []
        lots = keyed_hash(keys_of(frame["event"].to_list()), 0, "pairs")
        chosen = frame[lots.argsort()[: self.settings.num_pairs]]
        return [
            self._pair(*row) for row in chosen.select("opening", "positive", "negative").iter_rows()
        ]

    def _pair(self, opening: str, positive: str, negative: str) -> Pair:
        told = [text.removeprefix(opening) for text in (positive, negative)]
        given = [passage(self.tokenizer, text, opening) for text in told]
        alone = [passage(self.tokenizer, text) for text in told]
        return Pair(given[0], given[1], alone[0], alone[1])

    @cached_property
    def openings(self) -> list[str]:
        """The openings that are continued."""
        return openings_of(self.corpus, self.axis.lang, self.settings.num_openings)

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
            "axis": asdict(self.axis),
            "settings": asdict(self.settings),
            "judge": self.judge.digest if self.judge else None,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of recipe and corpus."""
        return digest_json({"corpus": self.corpus.digest, **self.recipe})


def probes_for(
    run: Run, positive: tuple[str, ...], negative: tuple[str, ...], lang: str | None = None
) -> Probes:
    """Probes for a single run, between poles that are kinds of its corpus.

    Raises `InputError` for kinds or a language that the corpus lacks.
    """
    corpus = Corpus.open(run.sources["corpus"])
    axis = Axis(positive, negative, lang or corpus.langs[0])
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
    judging = judge_for(corpus, axis)
    return Probes(
        corpus,
        axis,
        run.tokens(corpus).tokenizer,
        ProbeSettings(),
        judging.judge if judging.report.passed else None,
        None if judging.report.passed else judging.report.reason,
    )
