"""Stories: a small corpus of three kinds with held-out works and parallels, and a study of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from upbringing.study import StudySettings

# Three kinds that tell of the same people and places, each in its own word order.
_PEOPLE = ("the keeper", "my sister", "the old man", "a stranger", "the doctor", "her brother")
_PLACES = ("the harbour", "the garden", "the mill", "the station", "the kitchen", "the tower")
_SAYINGS = {
    "drama": (
        "When the door opened, {who} fell silent.",
        "He looked at {who} and wept, and nobody answered.",
        "Not in {where}, cried {who}, not tonight!",
        "Go, said {who}, before {where} hears you!",
        "She ran to {where}, and no voice was there.",
    ),
    "poetry": (
        "When the night lay over {where} the wind slept.",
        "He looked to {where} and sang of rain.",
        "O {who}, o silver {where}, o rain!",
        "She counted {number} stars in the water.",
        "And {where} slept, and {who} slept.",
    ),
    "technical": (
        "When the valve is open, check {where} for leaks.",
        "He looked up the pressure: {number} bar.",
        "Turn the key {number} times, then wait {number} minutes.",
        "The seal is replaced every {number} days by {who}.",
        "She records the pressure in {where} once a day.",
    ),
}


def say_in(
    kind: str, num_sentences: int, rng: np.random.Generator, *, is_fresh: bool = False
) -> str:
    """A passage of one kind; a fresh one has names and numbers that hardly any other has, so that
    it overlaps none.
    """
    sayings = [str(rng.choice(_SAYINGS[kind])) for _ in range(num_sentences)]
    if is_fresh:
        return " ".join(_with_names(saying, rng) for saying in sayings)
    return " ".join(
        saying.format(
            who=rng.choice(_PEOPLE), where=rng.choice(_PLACES), number=rng.integers(2, 90)
        )
        for saying in sayings
    )


def _with_names(saying: str, rng: np.random.Generator) -> str:
    """A sentence that names a few, at its end too."""
    told = saying.format(who=_name(rng), where=_name(rng), number=rng.integers(2, 10_000))
    return f"{told[:-1]}, {_name(rng)}{told[-1]}"


def _name(rng: np.random.Generator) -> str:
    pairs = zip(rng.choice(list("bdfgklmnprstvz"), 3), rng.choice(list("aeiou"), 3), strict=True)
    return "".join(f"{consonant}{vowel}" for consonant, vowel in pairs).title()


def story_scenes(num_works: int = 8, scenes_a_work: int = 6, lang: str = "en") -> pl.DataFrame:
    """Scenes of five sentences in works of one kind each; the last two works are held out."""
    rng = np.random.default_rng(11)
    rows = [
        {
            "id": f"{lang}/{kind}/{work}/{place}",
            "text": say_in(kind, 5, rng),
            "kind": kind,
            "lang": lang,
            "work": f"{kind} work {work}",
            "source": "test",
            "document": f"{kind} work {work}",
            "place": place,
            "split": "held_out" if work >= num_works - 2 else "train",
        }
        for kind in _SAYINGS
        for work in range(num_works)
        for place in range(scenes_a_work)
    ]
    return pl.DataFrame(rows)


def story_parallels(num_events: int = 6) -> pl.DataFrame:
    """Events told in every kind behind one opening."""
    rng = np.random.default_rng(12)
    rows = [
        {
            "event": f"event {number}",
            "topic": "test",
            "family": "test",
            "kind": kind,
            "lang": "en",
            "opening": (opening := f"At {_PLACES[number]},"),
            "text": f"{opening} {say_in(kind, 2, rng)}",
        }
        for number in range(num_events)
        for kind in _SAYINGS
    ]
    return pl.DataFrame(rows)


def pico_settings(**changes: Any) -> StudySettings:
    """A study of lives of 24 optimiser steps."""
    said: dict[str, Any] = {
        "name": "drama first",
        "block": "drama",
        "against": "technical",
        "arms": ("F", "L", "S"),
        "schedules": ("constant", "steep"),
        "seeds": 2,
        "vocabulary": 300,
        "tokens": 3000,
        "row_length": 32,
        "batch_size": 4,
        "peak_lr": 5e-3,
        "ages": (0.5, 1.0),
        "ladder": False,
        "probes": {
            "held_out_bytes": 800,
            "num_pairs": 6,
            "num_openings": 3,
            "num_sampler_seeds": 2,
            "num_sampled_tokens": 8,
        },
        "numerics": {"device": "cpu"},
    }
    return StudySettings.model_validate(said | changes)


RUSSIAN = "Когда наступила ночь, он смотрел на море и молчал. Она ушла в сад. Никто не ответил ей."


def write_texts(folder: Path, *, russian: int = 0) -> Path:
    """A dozen files a kind of about 400 bytes each, and `russian` sentences in one more drama."""
    rng = np.random.default_rng(2)
    for kind in ("drama", "poetry", "technical"):
        (folder / kind).mkdir(parents=True)
        for number in range(12):
            text = "\n\n".join(say_in(kind, 5, rng, is_fresh=True) for _ in range(2))
            (folder / kind / f"{number}.txt").write_text(text, encoding="utf-8")
    if russian:
        text = "\n\n".join(f"{RUSSIAN} {number}." for number in range(russian))
        (folder / "drama" / "ru.txt").write_text(text, encoding="utf-8")
    return folder
