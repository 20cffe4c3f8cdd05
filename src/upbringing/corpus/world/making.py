"""Making: the world's frames → a corpus folder, with no parallel that repeats a training text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from upbringing.corpus.overlap import overlapping
from upbringing.corpus.store import TRAIN, Corpus, write_corpus
from upbringing.corpus.world.asides import questions_of_calendar
from upbringing.corpus.world.grammar import VOICES, grammar, grammar_digest, languages
from upbringing.corpus.world.scenes import (
    world_packets,
    world_parallels,
    world_scenes,
    wrong_voices,
)
from upbringing.destinations import check_new
from upbringing.errors import InputError, Problem
from upbringing.settings import suggestion


def make_world(
    place: Path | str,
    *,
    langs: Sequence[str] = ("en",),
    num_events: int,
    seed: int,
    voices: Sequence[str] = VOICES,
    num_probes: int = 200,
    num_packets: int = 0,
) -> Corpus:
    """Write a corpus of `num_events` scenes a language, with parallels, packets and questions.

    A parallel event that overlaps a training text is left out, and counted in the corpus's facts.
    Raises `InputError` for an unknown language or voice, one named twice, and a `place` that
    exists.
    """
    check_new(Path(place))
    if problems := [*wrong_languages(langs), *wrong_voices(voices)]:
        raise InputError(problems)
    scenes, questions, parallels = [], [], []
    for lang in langs:
        told = world_scenes(lang, num_events, seed, voices)
        packets = world_packets(lang, num_packets, seed, voices)
        scenes += [told.scenes, packets.scenes]
        asked = [told.questions, packets.questions, questions_of_calendar(grammar(lang))]
        questions.append(_numbered(pl.concat(asked, how="diagonal"), lang))
        probes = world_parallels(lang, num_probes, seed, voices)
        parallels.append(without_overlap(probes, pl.concat([told.scenes, packets.scenes])))
    kept = pl.concat(parallels)
    return write_corpus(
        place,
        pl.concat(scenes),
        recipe={
            "maker": "world",
            "langs": list(langs),
            "num_events": num_events,
            "seed": seed,
            "voices": list(voices),
            "num_probes": num_probes,
            "num_packets": num_packets,
        },
        inputs={f"grammar/{lang}": grammar_digest(lang) for lang in langs},
        parallels=kept,
        questions=pl.concat(questions),
        facts={"num_parallels_left_out": num_probes * len(langs) - len(kept) // len(voices)},
    )


def wrong_languages(langs: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the languages that a person names."""
    known = languages()
    for lang in langs:
        if lang not in known:
            what, near = f"the world has no language {lang!r}", suggestion(lang, known)
            yield Problem(what, None, ", ".join(known), near)
    if not langs or len(set(langs)) != len(langs):
        said = ", ".join(langs) or "none"
        yield Problem(f"languages: {said}", None, ", ".join(known), "name each once")


def _numbered(questions: pl.DataFrame, lang: str) -> pl.DataFrame:
    ids = [f"{lang}-question-{number:05d}" for number in range(len(questions))]
    return questions.with_columns(id=pl.Series(ids), lang=pl.lit(lang))


def without_overlap(parallels: pl.DataFrame, scenes: pl.DataFrame) -> pl.DataFrame:
    """The parallels without events of which one telling overlaps a training scene."""
    texts = scenes.filter(split=TRAIN)["text"].to_list()
    bad = parallels.filter(overlapping(texts, parallels["text"].to_list()))["event"]
    return parallels.filter(~pl.col("event").is_in(bad.implode()))
