"""The world as frames: training scenes, held-out scenes and same-event parallels.

`world_scenes` tells each event once, in one voice that a keyed draw gives it; `world_parallels`
tells held-out events in every voice after one opening. Held-out topics and families serve held-out
events only. Event i is the same text whatever `num_events` is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus.world.events import Events, draw, draw_events
from upbringing.corpus.world.grammar import VOICES, Grammar, Lots, Words, grammar
from upbringing.corpus.world.telling import Teller
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
            "split": np.where(held_out, "held_out", "train"),
        },
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
