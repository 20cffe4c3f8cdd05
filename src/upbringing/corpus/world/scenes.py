"""The world as frames: training scenes, held-out scenes and same-event parallels; and as a corpus.

`world_scenes` tells each event once, in one voice that a keyed draw gives it; `world_parallels`
tells held-out events in every voice after one opening. Held-out topics and families serve held-out
events only. Event i is the same text whatever `num_events` is. `make_world` writes both, and no
probe that shares eight words in a row with a training text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
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

    Columns: id, text, kind (the voice), lang, work (the topic), source, document (the event),
    place, split.
    """
    made = grammar(lang)
    ids = _ids(f"{lang}-event", num_events)
    keys = keys_of(ids)
    held_out = draw(keys, seed, "split", _HELD_OUT_EVERY) == 0
    voices = draw(keys, seed, "voice", len(VOICES))
    events = draw_events(made, ids, seed, held_out)
    told = _tell(made, events, seed, voices, held_out)
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
            "split": np.where(held_out, HELD_OUT, TRAIN),
        }
    )


def world_parallels(lang: str, num_events: int, seed: int) -> pl.DataFrame:
    """`num_events` held-out events, each told in all four voices after the same opening.

    Columns: event, topic, family (of the voice's held-out ones), kind, lang, opening (a prefix of
    text), text. One row a telling: 4 x num_events rows, by event, then by voice.
    """
    made = grammar(lang)
    ids = _ids(f"{lang}-probe", num_events)
    held_out = np.ones(num_events, dtype=bool)
    events = draw_events(made, ids, seed, held_out)
    topics = made.tables["topics"].columns["name"][events.rows["topic"]]
    frames = []
    for place, voice in enumerate(VOICES):
        told = _tell(made, events, seed, np.full(num_events, place), held_out)
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

    A held-out scene or a parallel event that shares eight words in a row with a training text is
    left out, and counted in the corpus's facts. Raises `InputError` for an unknown language, a
    language named twice, and a `place` that exists.
    """
    if len(set(langs)) != len(langs) or not langs:
        raise InputError(f"{', '.join(langs) or 'no language'}", where="langs", do="name each once")
    frames = [
        without_overlap(
            world_scenes(lang, num_events, seed), world_parallels(lang, num_probes, seed)
        )
        for lang in langs
    ]
    scenes = pl.concat([scenes for scenes, _ in frames])
    parallels = pl.concat([parallels for _, parallels in frames])
    return write_corpus(
        place,
        scenes,
        recipe={
            "maker": "world",
            "langs": list(langs),
            "num_events": num_events,
            "num_probes": num_probes,
            "seed": seed,
        },
        inputs={f"grammar/{lang}": grammar_digest(lang) for lang in langs},
        parallels=parallels,
        facts={
            "num_scenes_left_out": num_events * len(langs) - len(scenes),
            "num_parallels_left_out": num_probes * len(langs) - len(parallels) // len(VOICES),
        },
    )


def without_overlap(
    scenes: pl.DataFrame, parallels: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The scenes and parallels without held-out events that repeat a training text's words.

    An event goes when one of its tellings shares a run of `overlap.NUM_WORDS` words.
    """
    texts = scenes.filter(split=TRAIN)["text"].to_list()
    held_out = scenes.filter(split=HELD_OUT)
    bad_scenes = held_out.filter(overlapping(texts, held_out["text"].to_list()))["id"]
    bad_events = parallels.filter(overlapping(texts, parallels["text"].to_list()))["event"]
    return (
        scenes.filter(~pl.col("id").is_in(bad_scenes.implode())),
        parallels.filter(~pl.col("event").is_in(bad_events.implode())),
    )


@dataclass(frozen=True)
class _Told:
    openings: Words
    texts: Words
    families: Words


def _tell(
    made: Grammar, events: Events, seed: int, voices: Lots, held_out: npt.NDArray[np.bool_]
) -> _Told:
    """Each event once, in its voice; arrays of shape (num_events,)."""
    teller = Teller(made, events, seed)
    openings, texts, names = (np.empty(len(events.keys), dtype=object) for _ in range(3))
    for side in (False, True):
        here = np.flatnonzero(held_out == side)
        openings[here] = teller.opening(here, held_out=side)
        for place, voice in enumerate(VOICES):
            families = made.families(voice, held_out=side)
            mine = here[voices[here] == place]
            picks = draw(events.keys[mine], seed, f"family/{voice}/{side}", len(families))
            for pick, family in enumerate(families):
                at = mine[picks == pick]
                bodies = teller.body(family, at)
                pairs = zip(openings[at], bodies, strict=True)
                texts[at] = [opening + family.joint + body for opening, body in pairs]
                names[at] = family.name
    return _Told(openings, texts, names)


def _ids(stem: str, num_events: int) -> list[str]:
    if num_events < 1:
        raise InputError(f"{num_events} events", where="num_events", allowed="1 or more")
    return [f"{stem}-{number:07d}" for number in range(num_events)]
