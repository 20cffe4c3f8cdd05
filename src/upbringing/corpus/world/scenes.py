"""The world as frames: scenes to read, packets, and same-event parallels.

`world_scenes` tells each event once, in one voice that is dealt by a keyed rank; a tenth of them is
held out, and differs from the others in nothing but being unread. `world_packets` tells one event
in every voice, for a curriculum to place. `world_parallels` tells other events in every voice after
one opening, of topics, families and openings that no scene has. Event i is the same text whatever
`num_events` is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from upbringing.corpus.store import HELD_OUT, TRAIN
from upbringing.corpus.world.asides import (
    MOST_PACKETS,
    asides_of,
    facts_met_once,
    facts_of_packets,
    num_strangers,
    questions_of_facts,
)
from upbringing.corpus.world.events import Events, draw, draw_events
from upbringing.corpus.world.grammar import VOICES, Grammar, grammar
from upbringing.corpus.world.tables import Lots, Table
from upbringing.corpus.world.tales import Plan, plan_tales
from upbringing.corpus.world.telling import Teller
from upbringing.corpus.world.templates import Words
from upbringing.errors import InputError, Problem
from upbringing.settings import suggestion


@dataclass(frozen=True)
class Told:
    """Scenes as `write_corpus` takes them, and a question for each fact that they tell.

    Questions: document, kind, lang, split (of the scene that tells it), relation, prompt, answer,
    others.
    """

    scenes: pl.DataFrame
    questions: pl.DataFrame


def world_scenes(lang: str, num_events: int, seed: int, voices: Sequence[str] = VOICES) -> Told:
    """`num_events` scenes, each event once in one voice; nine tales in ten are for training.

    All are drawn alike: those held out are unseen events of the distribution that training has.
    Columns: id, text, kind (the voice), lang, work (the topic), source, document (the tale), place
    (in the tale), split. Which voices there are changes neither events nor tales, only who tells.
    """
    made = grammar(lang)
    check_voices(voices)
    ids = _ids(f"{lang}-event", num_events)
    plan = plan_tales(num_events, seed)
    plan = replace(plan, fact=np.where(plan.fact < num_strangers(lang), plan.fact, -1))
    tales = [f"{lang}-tale-{tale:07d}" for tale in plan.tale.tolist()]
    events = draw_events(lang, ids, tales, seed, for_probes=False)
    events = replace(events, rows=events.rows | facts_met_once(lang, plan.fact, seed))
    kinds = np.array(voices, dtype=object)[plan.rank % len(voices)]
    return _told(made, ids, tales, seed, kinds, events, plan, source="world")


def world_packets(lang: str, num_packets: int, seed: int, voices: Sequence[str] = VOICES) -> Told:
    """`num_packets` events, each told in every voice, all for training.

    A packet is a document of one scene a voice. They are about one event and one stranger, whose
    facts they tell in turn; no other scene speaks of either.
    """
    made = grammar(lang)
    check_voices(voices)
    if not 0 <= num_packets <= MOST_PACKETS:
        allowed = f"0 to {MOST_PACKETS}"
        raise InputError(f"{num_packets} packets", where="num_packets", allowed=allowed)
    number, scene = np.divmod(np.arange(num_packets * len(voices)), len(voices))
    names = [f"{lang}-packet-{packet:02d}" for packet in number.tolist()]
    events = draw_events(lang, names, names, seed, for_probes=False)
    events = replace(events, rows=events.rows | facts_of_packets(lang, number, scene, seed))
    kinds = np.array(list(voices) * num_packets, dtype=object)
    ids = [f"{name}-{kind}" for name, kind in zip(names, kinds, strict=True)]
    plan = Plan.of_facts(scene)
    return _told(made, ids, names, seed, kinds, events, plan, source="packet")


def world_parallels(
    lang: str, num_events: int, seed: int, voices: Sequence[str] = VOICES
) -> pl.DataFrame:
    """`num_events` events, each told in all voices after the same opening.

    Topics, families and openings are those that no scene has. Columns: event, topic, family (of the
    voice), kind, lang, opening (a prefix of text), text. A row a telling, by event, then by voice.
    """
    made = grammar(lang)
    check_voices(voices)
    ids = [name for name in _ids(f"{lang}-probe", num_events) for _ in voices]
    events = draw_events(lang, ids, ids, seed, for_probes=True)
    kinds = np.array(list(voices) * num_events, dtype=object)
    told = _tell(made, events, seed, kinds, for_probes=True)
    return pl.DataFrame(
        {
            "event": pl.Series(ids, dtype=pl.String),
            "topic": pl.Series(_topics(made, events), dtype=pl.String),
            "family": pl.Series(told.families, dtype=pl.String),
            "kind": pl.Series(kinds, dtype=pl.String),
            "lang": [lang] * len(ids),
            "opening": pl.Series(told.openings, dtype=pl.String),
            "text": pl.Series(told.texts, dtype=pl.String),
        }
    )


def check_voices(voices: Sequence[str]) -> None:
    """Raise `InputError` unless each of the voices is known and named once."""
    if problems := list(wrong_voices(voices)):
        raise InputError(problems)


def wrong_voices(voices: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with voices that a person names: unknown ones, none, one twice."""
    for voice in voices:
        if voice not in VOICES:
            near = suggestion(voice, VOICES)
            yield Problem(f"the world has no voice {voice!r}", None, ", ".join(VOICES), near)
    if not voices or len(set(voices)) != len(voices):
        said = ", ".join(voices) or "none"
        yield Problem(f"voices: {said}", None, ", ".join(VOICES), "name each once")


@dataclass(frozen=True)
class _Tellings:
    """Shape (num_scenes,) each."""

    openings: Words
    texts: Words
    families: Words


def _told(
    made: Grammar, ids: Sequence[str], tales: Sequence[str], seed: int, kinds: Words,
    events: Events, plan: Plan, *, source: str,
) -> Told:  # fmt: skip
    """Scenes with their asides, and the questions of the facts among these."""
    told = _tell(made, events, seed, kinds, for_probes=False)
    scenes = pl.DataFrame(
        {
            "id": pl.Series(ids, dtype=pl.String),
            "text": pl.Series(
                _with_asides(made, told.texts, events, seed, kinds, plan), dtype=pl.String
            ),
            "kind": pl.Series(kinds, dtype=pl.String),
            "lang": [made.lang] * len(ids),
            "work": pl.Series(_topics(made, events), dtype=pl.String),
            "source": [source] * len(ids),
            "document": pl.Series(tales, dtype=pl.String),
            "place": pl.Series(plan.place, dtype=pl.UInt32),
            "split": pl.Series(np.where(plan.is_held_out, HELD_OUT, TRAIN)),
        }
    )
    at = np.flatnonzero(plan.fact >= 0)
    asked = questions_of_facts(made, {name: rows[at] for name, rows in events.rows.items()})
    about = scenes[at].select("document", "kind", "lang", "split")
    return Told(scenes, pl.concat([about, asked], how="horizontal"))


def _tell(made: Grammar, events: Events, seed: int, kinds: Words, *, for_probes: bool) -> _Tellings:
    """Each event once, in its voice."""
    openings, texts, families = (np.empty(len(kinds), dtype=object) for _ in range(3))
    first = Teller(made.tables, events, seed)
    openings[:] = first.tell(made.openings[for_probes], np.arange(len(kinds)))
    for kind, mine in _by_kind(kinds):
        voice = made.voices[kind]
        rows = {**events.rows, "inferred": events.rows[voice.inferred]}
        teller = Teller(made.tables, replace(events, rows=rows), seed)
        known = voice.of_side(for_probes=for_probes)
        picks = draw(events.keys[mine], seed, f"family/{voice.name}", len(known))
        for pick, family in enumerate(known):
            at = mine[picks == pick]
            pairs = zip(openings[at], teller.body(family, at), strict=True)
            texts[at] = [opening + family.joint + body for opening, body in pairs]
            families[at] = family.name
    return _Tellings(openings, texts, families)


def _with_asides(
    made: Grammar, texts: Words, events: Events, seed: int, kinds: Words, plan: Plan
) -> Words:
    """The texts, each with its aside told in its voice, where there is one."""
    teller = Teller(made.tables, events, seed)
    asides = asides_of(made, teller, plan)
    tables = {**made.tables, "asides": Table.of({"aside": asides.clauses})}
    rows = {**events.rows, "aside": np.arange(len(texts))}
    teller = Teller(tables, replace(events, rows=rows), seed)
    whole = texts.copy()
    for kind, mine in _by_kind(kinds):
        voice = made.voices[kind]
        for frame, is_question in ((voice.asks, True), (voice.says, False)):
            at = mine[asides.is_told[mine] & (asides.is_question[mine] == is_question)]
            pairs = zip(texts[at], teller.tell(frame, at), strict=True)
            whole[at] = [text + voice.joint + aside for text, aside in pairs]
    return whole


def _by_kind(kinds: Words) -> list[tuple[str, Lots]]:
    """The positions of each kind, kinds in the order of VOICES."""
    return [(kind, at) for kind in VOICES if len(at := np.flatnonzero(kinds == kind))]


def _topics(made: Grammar, events: Events) -> Words:
    names: Words = made.tables["topics"].columns["name"][events.rows["topic"]]
    return names


def _ids(stem: str, number: int) -> list[str]:
    if number < 1:
        raise InputError(f"{number} events", where="num_events", allowed="1 or more")
    return [f"{stem}-{place:07d}" for place in range(number)]
