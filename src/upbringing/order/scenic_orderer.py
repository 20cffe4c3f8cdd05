"""The scenic orderer: a corpus and an intention → a life, as a curriculum that a person can change.

An intention is a character (its recipe, from a book of recipes), a sketch ("myth, then conflict,
then the rest"), an example text that the life shall follow, or "first KIND". Its blocks become the
ages of a life; inside an age scenes are chained by their vectors, between two ages a bridge leads
from the one into the next, and the motif of the first block returns at growing intervals. Whether
such a life does to a mind what was intended is a study's business; the file says so.

The same corpus and intention give the same text: nothing is drawn, and what decides is compared as
exact integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.store import TRAIN
from upbringing.corpus.vectors import TFIDF, Source, Vectors, vectors_of
from upbringing.errors import InputError
from upbringing.order.ages import MEASURE, Age, ages_of
from upbringing.order.bridges import chained
from upbringing.order.curriculum import parse_curriculum
from upbringing.order.example_text import Followed, hearts_of
from upbringing.order.intentions import Block, blocks_of_recipe, blocks_of_sketch
from upbringing.order.motif import leading_motif, returns
from upbringing.order.nearest import Indices, Points, on_grid
from upbringing.order.recipe_book import CHARACTERS, CLAIMED, Claimed, raise_command, recipe_of
from upbringing.order.scenic_yaml import Composed, comment, flow, lang_line, seed_line
from upbringing.order.selection import Scenes
from upbringing.settings import suggestion

_COLUMNS = ("id", "key", "kind", "lang", "document", "place", "num_bytes", MEASURE)


def compose(
    corpus: Corpus,
    intention: str | None = None,
    *,
    example: str | None = None,
    lang: str | None = None,
    vectors: Source = TFIDF,
    book: str = CLAIMED,
) -> str:
    """The YAML of a life that follows an intention or else an `example` text.

    intention  a character, a sketch of kinds, or "first KIND"
    lang       the language of the life; needed where the corpus has several
    vectors    what scenes are compared by
    book       of recipes, `claimed` or `measured`, for a character

    Raises `InputError` for what the corpus cannot give, with what it has.
    """
    if (intention is None) == (example is None):
        raise InputError("a life follows an intention or an example, one of the two")
    if book != CLAIMED and (intention or "").strip().casefold() not in CHARACTERS:
        what = "a book holds recipes of characters, and none is asked for"
        raise InputError(what, allowed=", ".join(CHARACTERS), do="leave the book out")
    frame = _life(corpus, lang)
    if intention is None:
        scenes = Scenes(frame, _vectors(corpus, vectors))
        intended = _like(str(example), scenes)
    else:
        kinds = sorted(frame["kind"].unique())
        if (kind := _first_of(intention, kinds)) is not None:
            return _first(kind, kinds, lang)
        intended = _intended(intention.strip(), book, frame, kinds)
        scenes = Scenes(frame, _vectors(corpus, vectors))
    text = _composed(intended, scenes, corpus, lang).to_yaml(vectors)
    parse_curriculum(text, name="the composed life")
    return text


def _vectors(corpus: Corpus, source: Source) -> Vectors:
    try:
        return vectors_of(corpus, source)
    except ValueError as error:
        raise InputError(f"{error}, not {source!r}") from error


def _life(corpus: Corpus, lang: str | None) -> pl.DataFrame:
    """The training scenes of one language, by key, with their row in the corpus."""
    columns = corpus.columns([*_COLUMNS, "split"])
    frame = columns.with_row_index("row").filter(split=TRAIN).sort("key")
    langs = sorted(frame["lang"].unique())
    if lang is None and len(langs) > 1:
        raise InputError(
            "a mind is raised in one language, and these scenes are in several",
            where=str(corpus.path),
            allowed=", ".join(langs),
            do=f"choose one: --lang {langs[0]}",
        )
    if lang is not None and lang not in langs:
        what, near = f"no scene is in the language {lang!r}", suggestion(lang, langs)
        raise InputError(what, where=str(corpus.path), allowed=", ".join(langs), do=near)
    return frame if lang is None else frame.filter(lang=lang)


def _first_of(intention: str, kinds: list[str]) -> str | None:
    """The kind of "first KIND"; None for any other intention, such as "first myth, then chat"."""
    word, _, kind = intention.lstrip().partition(" ")
    by_name = {known.casefold(): known for known in kinds}
    return by_name.get(kind.strip().casefold()) if word.casefold() == "first" else None


def _first(kind: str, kinds: list[str], lang: str | None) -> str:
    """One kind before all else and nothing arranged besides: as a study's arm F reads."""
    said = flow(kind)
    lines = [
        *comment(f"{said} first: the claim is that first data become the frame of the rest."),
        *comment(f"`upbringing raise --first {said}` tells whether they do."),
        f"name: {flow(f'{kind}-first')}",
        *seed_line(),
        *lang_line(lang),
        "phases:",
        f"  - name: childhood            # every scene of {said}, before anything else",
        f"    scenes: {{kind: {said}}}",
        "    arrange: shuffle           # no order inside the block: only its place is chosen",
    ]
    if len(kinds) > 1:
        lines += [
            "  - name: life                 # all other scenes, mixed",
            "    scenes: rest",
            "    arrange: shuffle",
        ]
    return "\n".join([*lines, ""])


@dataclass(frozen=True)
class _Intended:
    """What an intention makes of a life.

    head     what it is, a paragraph each
    rows     that it reads
    opening  those of its first block; `theme` is what they are about, in words, and `centre` as a
             point, None for the middle of them
    ages     the ages, of the rows that no event has
    """

    name: str
    head: tuple[str, ...]
    theme: str
    rows: Indices
    opening: Indices
    centre: Points | None
    ages: Callable[[Indices], list[Age]]


def _intended(intention: str, book: str, frame: pl.DataFrame, kinds: list[str]) -> _Intended:
    if intention.casefold() in CHARACTERS:
        return _of_character(intention.casefold(), book, frame, kinds)
    word, _, others = intention.partition(" ")
    return _of_sketch(others if word.casefold() == "first" else intention, frame, kinds)


def _of_character(character: str, book: str, frame: pl.DataFrame, kinds: list[str]) -> _Intended:
    recipe = recipe_of(character, book)
    if isinstance(recipe, Claimed):
        head: tuple[str, ...] = (
            f"{character}, as claimed ({recipe.claim}): {recipe.words}.",
            "That such a life makes such a mind is a claim. What tests it:",
            f"  {raise_command(recipe.first, recipe.last or ())}",
        )
    else:
        study = recipe.study
        head = (
            f"{character}, as measured: {recipe.finding}.",
            f"The study is {study.digest}, its report {study.report}.",
        )
    return _of_blocks(character, head, blocks_of_recipe(recipe, kinds), frame)


def _of_sketch(sketch: str, frame: pl.DataFrame, kinds: list[str]) -> _Intended:
    blocks = blocks_of_sketch(sketch, kinds)
    name = " → ".join(block.name for block in blocks)
    head = [f"A sketch: {name}.", "One life does not tell what its order does to a mind."]
    if first := blocks[0].kinds:
        head += [
            "What reading the first block first does is tested by:",
            f"  {raise_command(first)}",
        ]
    return _of_blocks(name, tuple(head), blocks, frame)


def _of_blocks(
    name: str, head: tuple[str, ...], blocks: list[Block], frame: pl.DataFrame
) -> _Intended:
    named = {kind for block in blocks for kind in block.kinds or ()}
    others = set(frame["kind"]) - named
    kinds = [block.kinds or others for block in blocks]
    return _Intended(
        name=name,
        head=head,
        theme=f"the middle of {blocks[0].name}",
        rows=_rows(frame, set().union(*kinds)),
        opening=_rows(frame, set(kinds[0])),
        centre=None,
        ages=lambda free: ages_of(blocks, frame, free),
    )


def _rows(frame: pl.DataFrame, kinds: set[str]) -> Indices:
    return np.flatnonzero(frame["kind"].is_in(list(kinds)).to_numpy())


def _like(example: str, scenes: Scenes) -> _Intended:
    """A life that follows a text, a stretch an age, and comes to all else in the last."""
    assert scenes.vectors is not None
    if scenes.vectors.map_text is None:
        raise InputError(
            "a table of vectors has no place for an example text",
            do="compare scenes by tfidf or by a model",
        )
    followed = Followed(hearts_of(example, scenes.vectors.map_text), scenes)
    head = (
        "A life that follows an example text, cut into stretches where it turns to another matter.",
        "An age for each: the scenes nearest to the passage that stands for it.",
        "One life does not tell what its order does to a mind.",
    )
    return _Intended(
        name="like an example",
        head=head,
        theme="the first passage",
        rows=np.arange(len(scenes)),
        opening=followed.nearest(0),
        centre=followed.centres[0],
        ages=followed.ages,
    )


def _composed(intended: _Intended, scenes: Scenes, corpus: Corpus, lang: str | None) -> Composed:
    """The life with its motif, its ages and their bridges."""
    frame = scenes.frame
    assert scenes.vectors is not None
    points = on_grid(scenes.vectors.of(frame["row"].to_numpy()))
    motif = leading_motif(frame, points, intended.rows, intended.opening, intended.centre)
    free = np.arange(len(scenes))
    if motif is not None:
        free = np.setdiff1d(free, motif.rows)
    chains = chained(intended.ages(free), frame, points)
    texts = corpus.columns(["text"])["text"].gather(frame["row"])
    sizes = scenes.num_bytes
    when = None
    if motif is not None:
        by_age = [int(sizes[chain.age.rows].sum()) for chain in chains]
        last_scenes = [int(sizes[chain.end]) for chain in chains if chain.end is not None]
        when = returns(int(sizes[motif.rows].sum()), by_age, last_scenes)
    return Composed(
        name=intended.name,
        head=intended.head,
        lang=lang,
        theme=intended.theme,
        ages=chains,
        motif=motif,
        when=when,
        frame=frame,
        texts=texts,
        num_without=int((~points.any(axis=1)).sum()),
    )
