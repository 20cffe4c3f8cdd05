"""The world as frames: scenes to read, scenes held out and same-event parallels; and as a corpus.

`world_scenes` tells each event once, in one voice that a keyed draw gives it; one event in ten is
held out, and differs from the others in nothing but being unread. `world_parallels` tells other
events in every voice after one opening, of topics, families and openings that no scene has. Event i
is the same text whatever `num_events` is. `make_world` writes both, and no parallel event that
shares eight words in a row with a training text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from upbringing.corpus.store import HELD_OUT, TRAIN, Corpus, write_corpus
from upbringing.corpus.world.events import Events, draw, draw_events
from upbringing.corpus.world.grammar import VOICES, Grammar, Lots, grammar, grammar_digest
from upbringing.corpus.world.overlap import overlapping
from upbringing.corpus.world.telling import Teller
from upbringing.corpus.world.templates import Words
from upbringing.errors import InputError
from upbringing.identity import keys_of

_HELD_OUT_EVERY = 10  # one event in ten, by a keyed draw


def world_scenes(lang: str, num_events: int, seed: int) -> pl.DataFrame:
    """`num_events` scenes, each event once in one voice; nine in ten are for training.

    All are drawn alike: those held out are unseen events of the distribution that training has.
    Columns: id, text, kind (the voice), lang, work (the topic), source, document (the event),
    place, split.
    """
    made = grammar(lang)
    ids = _ids(f"{lang}-event", num_events)
    keys = keys_of(ids)
    is_held_out = draw(keys, seed, "split", _HELD_OUT_EVERY) == 0
    voices = draw(keys, seed, "voice", len(VOICES))
    events = draw_events(made, ids, seed, for_probes=False)
    told = _tell(made, events, seed, voices, for_probes=False)
    return pl.DataFrame(
        {
            "id": ids,
            "text": pl.Series(told.texts, dtype=pl.String),
            "kind": np.array(VOICES)[voices],
            "lang": [lang] * num_events,
            "work": made.tables["topics"].columns["name"][events.rows["topic"]],
            "source": ["world"] * num_events,
            "document": ids,
            "place": np.zeros(num_events, dtype=np.uint32),
            "split": np.where(is_held_out, HELD_OUT, TRAIN),
        }
    )


def world_parallels(lang: str, num_events: int, seed: int) -> pl.DataFrame:
    """`num_events` events, each told in all four voices after the same opening.

    Topics, families and openings are those that no scene has. Columns: event, topic, family (of the
    voice), kind, lang, opening (a prefix of text), text. One row a telling: 4 x num_events rows, by
    event, then by voice.
    """
    made = grammar(lang)
    ids = _ids(f"{lang}-probe", num_events)
    events = draw_events(made, ids, seed, for_probes=True)
    topics = made.tables["topics"].columns["name"][events.rows["topic"]]
    frames = []
    for place, voice in enumerate(VOICES):
        told = _tell(made, events, seed, np.full(num_events, place), for_probes=True)
        frames.append(
            pl.DataFrame(
                {
                    "event": ids,
                    "topic": topics,
                    "family": pl.Series(told.families, dtype=pl.String),
                    "kind": [voice] * num_events,
                    "lang": [lang] * num_events,
                    "opening": pl.Series(told.openings, dtype=pl.String),
                    "text": pl.Series(told.texts, dtype=pl.String),
                }
            )
        )
    rows = pl.concat(frames)
    return rows[np.arange(len(rows)).reshape(len(VOICES), num_events).T.ravel()]


def make_world(
    place: Path | str,
    *,
    langs: Sequence[str] = ("en",),
    num_events: int,
    seed: int,
    num_probes: int = 200,
) -> Corpus:
    """Write a corpus of `num_events` scenes and `num_probes` parallel events a language.

    A parallel event that shares eight words in a row with a training text is left out, and counted
    in the corpus's facts. Raises `InputError` for an unknown language, a language named twice, and
    a `place` that exists.
    """
    if len(set(langs)) != len(langs) or not langs:
        raise InputError(f"{', '.join(langs) or 'no language'}", where="langs", do="name each once")
    scenes = [world_scenes(lang, num_events, seed) for lang in langs]
    parallels = pl.concat(
        without_overlap(world_parallels(lang, num_probes, seed), told)
        for lang, told in zip(langs, scenes, strict=True)
    )
    return write_corpus(
        place,
        pl.concat(scenes),
        recipe={
            "maker": "world",
            "langs": list(langs),
            "num_events": num_events,
            "num_probes": num_probes,
            "seed": seed,
        },
        inputs={f"grammar/{lang}": grammar_digest(lang) for lang in langs},
        parallels=parallels,
        facts={"num_parallels_left_out": num_probes * len(langs) - len(parallels) // len(VOICES)},
    )


def without_overlap(parallels: pl.DataFrame, scenes: pl.DataFrame) -> pl.DataFrame:
    """The parallels without events that repeat the words of a training scene.

    An event goes when one of its tellings shares a run of `overlap.NUM_WORDS` words.
    """
    texts = scenes.filter(split=TRAIN)["text"].to_list()
    bad = parallels.filter(overlapping(texts, parallels["text"].to_list()))["event"]
    return parallels.filter(~pl.col("event").is_in(bad.implode()))


@dataclass(frozen=True)
class _Told:
    openings: Words
    texts: Words
    families: Words


def _tell(made: Grammar, events: Events, seed: int, voices: Lots, *, for_probes: bool) -> _Told:
    """Each event once, in its voice; arrays of shape (num_events,)."""
    teller = Teller(made, events, seed)
    openings = teller.opening(np.arange(len(voices)), for_probes=for_probes)
    texts, names = (np.empty(len(voices), dtype=object) for _ in range(2))
    for place, voice in enumerate(VOICES):
        families = made.families(voice, for_probes=for_probes)
        mine = np.flatnonzero(voices == place)
        picks = draw(events.keys[mine], seed, f"family/{voice}", len(families))
        for pick, family in enumerate(families):
            at = mine[picks == pick]
            pairs = zip(openings[at], teller.body(family, at), strict=True)
            texts[at] = [opening + family.joint + body for opening, body in pairs]
            names[at] = family.name
    return _Told(openings, texts, names)


def _ids(stem: str, num_events: int) -> list[str]:
    if num_events < 1:
        raise InputError(f"{num_events} events", where="num_events", allowed="1 or more")
    return [f"{stem}-{number:07d}" for number in range(num_events)]
