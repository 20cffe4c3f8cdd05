"""Lives: settings + corpus → what the minds of a study read, in which language and tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
import polars as pl

from upbringing.corpus import TRAIN, Corpus, Tokens, tokenize, train_tokenizer
from upbringing.errors import InputError, Problem
from upbringing.order import Block, Curriculum, Phase, Selection, block_of, compile_order
from upbringing.study.settings import StudySettings
from upbringing.training import shape_named


class OfMinds(Protocol):
    """What settings say of the minds that are to read a corpus."""

    @property
    def lang(self) -> str | None:
        """Their language; None where the corpus has one only."""

    @property
    def shape(self) -> str:
        """Their shape, by name."""

    @property
    def vocabulary(self) -> int | None:
        """Tokens of their vocabulary; None for the shape's own number."""


def language_of(settings: OfMinds, corpus: Corpus) -> str:
    """The minds' one language: the one asked for, or the only one there is."""
    if settings.lang is None and len(corpus.langs) > 1:
        raise InputError(
            "the corpus has several languages, and a mind is raised in one",
            where=str(corpus.path),
            allowed=", ".join(corpus.langs),
            do="say which with `lang`",
        )
    lang = settings.lang or corpus.langs[0]
    if lang not in corpus.langs:
        raise InputError(
            f"no scene is in {lang!r}", where=str(corpus.path), allowed=", ".join(corpus.langs)
        )
    return lang


def tokens_of(settings: OfMinds, corpus: Corpus, lang: str) -> Tokens:
    """The corpus in a tokenizer trained on its training scenes in the minds' language."""
    texts = corpus.columns(["text", "lang", "split"]).filter(lang=lang, split=TRAIN)["text"]
    num_vocab = settings.vocabulary or shape_named(settings.shape).num_vocab
    return tokenize(corpus, train_tokenizer(texts.to_list(), num_vocab))


def language_and_block(settings: StudySettings, corpus: Corpus) -> tuple[str, Block]:
    """The minds' language, and the block among all training scenes in it.

    Raises `InputError` for a language or kinds that the corpus lacks, both at once, kinds at their
    place in the settings.
    """
    try:
        lang = language_of(settings, corpus)
    except InputError as error:
        raise InputError([*error.problems, *_wrong_kinds(settings, corpus)]) from error
    return lang, _block_among(settings, corpus, Selection(lang=(lang,)))


def _wrong_kinds(settings: StudySettings, corpus: Corpus) -> tuple[Problem, ...]:
    """Kinds that the corpus has in no language."""
    try:
        _block_among(settings, corpus, None)
    except InputError as error:
        return error.problems
    return ()


def _block_among(settings: StudySettings, corpus: Corpus, life: Selection | None) -> Block:
    try:
        return block_of(
            corpus,
            settings.block,
            against=settings.against or (),
            next=settings.next or (),
            life=life,
        )
    except InputError as error:
        raise InputError(
            replace(problem, where=settings.where(problem.where or "block"))
            for problem in error.problems
        ) from error


def life_of(settings: StudySettings, corpus: Corpus, tokens: Tokens, lang: str) -> Selection:
    """A life of `settings.tokens`, dealt from all training scenes of the language."""
    there = _num_tokens(corpus, tokens, lang)
    wanted = settings.tokens or there
    if wanted > there:
        raise InputError(
            f"a life of {wanted:,} tokens is asked for, the corpus has {there:,} to train on",
            where=str(corpus.path),
            do="ask for fewer `tokens`, or give more text",
        )
    part = None if wanted == there else (0.0, round(wanted / there, 6))
    return Selection(lang=(lang,), part=part)


def in_life(block: Block, life: Selection, corpus: Corpus) -> Block:
    """The block as a life holds it; a short one may have lost a kind that has few scenes."""
    visited = compile_order(corpus, stream("life", life)).sequence
    held = corpus.columns(["kind", "num_bytes"])[visited]
    sizes = held.group_by("kind").agg(pl.col("num_bytes").cast(pl.Int64).sum()).sort("kind")
    num_bytes = dict(sizes.iter_rows())
    lost = [kind for kind in (*block.kinds, *block.against, *block.next) if kind not in num_bytes]
    others = tuple(kind for kind in block.others if kind in num_bytes)
    if lost or not (others or block.against):
        raise InputError(
            f"a life that short holds no scene of {', '.join(lost or block.others)}",
            do="ask for more `tokens`",
        )
    return replace(block, others=others, num_bytes=num_bytes, life=life)


def stream(name: str, life: Selection | None) -> Curriculum:
    """A life in one phase, shuffled."""
    return Curriculum(name=name, scenes=life, phases=(Phase(name=name, scenes="rest"),))


def _num_tokens(corpus: Corpus, tokens: Tokens, lang: str) -> int:
    """Tokens of all training scenes of a language."""
    scenes = corpus.columns(["lang", "split"]).with_row_index("row")
    rows = scenes.filter(lang=lang, split=TRAIN)["row"].to_numpy()
    return int(np.diff(tokens.offsets)[rows].sum())


def longest_life(settings: StudySettings, corpus: Corpus) -> int:
    """The most tokens a life can have in such a study. Raises `InputError` as `prepare` does."""
    lang = language_of(settings, corpus)
    return _num_tokens(corpus, tokens_of(settings, corpus, lang), lang)
