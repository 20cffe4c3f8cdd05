"""Comparing: run folders → what lies between their minds, and inside each, in a terminal.

Takes runs and studies, asks their minds at one age on the same held-out text, prints tables and
writes the records.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import Any

from upbringing.character.between import MeasureBetween, measures_between, own_measures_between
from upbringing.character.between.comparison import Between, compare_minds
from upbringing.character.between.direction import direction_cosine
from upbringing.character.between.met import Met, memory_by_layer, met_once
from upbringing.character.between.trait import PoleTexts, Trait, examine_trait, pole_texts
from upbringing.character.likelihood import Passage
from upbringing.character.probes import held_out_by_kind
from upbringing.corpus import Corpus, load_tokenizer
from upbringing.errors import InputError, Problem
from upbringing.files import write_json
from upbringing.terminal.compared import Life, open_lives
from upbringing.terminal.comparing_tables import (
    Cosine,
    Remembered,
    between_tables,
    map_table,
    memory_table,
    trait_tables,
)
from upbringing.terminal.console import say, wide

_LINE_EVERY_S = 15.0


@dataclass(frozen=True)
class Questions:
    """What is asked of the minds.

    age             at which
    held_out_bytes  of held-out text of each kind
    corpus          that the text is of; the runs' own by default
    lang            of that text; by default the language of the runs, where they read only one
    order_memory    whether each mind is asked when it met its scenes
    poles           positive and negative kinds whose direction is looked for in each mind
    add             measures between minds of a person's own, by path
    barrier         whether the loss barrier is measured
    """

    age: float = 1.0
    held_out_bytes: int = 12_000
    corpus: Path | None = None
    lang: str | None = None
    order_memory: bool = False
    poles: tuple[Sequence[str], Sequence[str]] | None = None
    add: Sequence[str] = ()
    barrier: bool = True

    def measures(self) -> list[MeasureBetween]:
        """The measures between minds that are asked for; raises `InputError` for unknown ones."""
        known = measures_between()
        if not self.barrier:
            del known["loss_barrier"]
        return [*known.values(), *own_measures_between(self.add)]


def compare_runs(paths: Sequence[Path], asked: Questions, json: Path | None = None) -> None:
    """Print all that can be said of the minds at `paths`, and write it to `json`.

    Raises `InputError` with everything that is in the way, before anything is measured.
    """
    measures = asked.measures()
    lives = open_lives(paths, asked.age, one_corpus=asked.corpus is None)
    if len(lives) == 1 and not (asked.order_memory or asked.poles):
        raise InputError(
            "one mind has nothing to be compared with",
            where=str(paths[0]),
            do="name another run, or ask for --order-memory or --trait",
        )
    corpus = Corpus.open(asked.corpus or lives[0].run.sources["corpus"])
    lang = asked.lang or (lives[0].lang() if asked.corpus is None else None)
    ground = _ground(lives, corpus, lang, asked)
    found: dict[str, Any] = {"age": asked.age, "minds": [_said_of(life) for life in lives]}
    if len(lives) > 1:
        found["between"] = _say_between(lives, ground.by_kind, asked.age, measures)
    if asked.order_memory:
        found["order_memory"] = _say_memory(lives, ground.met)
    if asked.poles and ground.texts:
        found["trait"] = _say_traits(lives, ground.texts, asked.poles)
    if json is not None:
        write_json(json, found)
        say(f"\n{json}")


def _said_of(life: Life) -> dict[str, Any]:
    return {
        "name": life.name,
        "run": life.run.digest,
        "order": life.order,
        "seed": life.seed,
        "recipe": life.group,
        "birth": life.birth,
    }


@dataclass(frozen=True)
class _Ground:
    """What minds are asked about, of all that is asked for.

    by_kind  held-out passages
    met      of each mind, the scenes that it met once
    texts    of the poles of a trait
    """

    by_kind: Mapping[str, Sequence[Passage]]
    met: Sequence[Met]
    texts: PoleTexts | None


def _ground(lives: Sequence[Life], corpus: Corpus, lang: str | None, asked: Questions) -> _Ground:
    """Raises `InputError` with everything for which there is no text."""
    tokenizer = load_tokenizer(lives[0].checkpoint)
    by_kind, met, texts = {}, [], None
    problems: list[Problem] = []
    if len(lives) > 1:
        with _noting(problems):
            by_kind = held_out_by_kind(corpus, tokenizer, asked.held_out_bytes, lang=lang)
    for life in lives if asked.order_memory else ():
        with _noting(problems):
            met.append(met_once(life.run, asked.age))
    if asked.poles:
        with _noting(problems):
            texts = pole_texts(corpus, tokenizer, *asked.poles, lang=lang)
            texts.halves()  # too few are told now, before anything is measured
    if problems:
        raise InputError(problems)
    return _Ground(by_kind, met, texts)


@contextmanager
def _noting(problems: list[Problem]) -> Iterator[None]:
    """Add what is wrong to `problems`, and go on."""
    try:
        yield
    except InputError as error:
        problems += error.problems


def _say_between(
    lives: Sequence[Life],
    by_kind: Mapping[str, Sequence[Passage]],
    age: float,
    measures: Sequence[MeasureBetween],
) -> dict[str, Any]:
    """Print what lies between the minds, and give the records."""
    between = compare_minds(
        [life.subject for life in lives],
        list(chain.from_iterable(by_kind.values())),
        [kind for kind, passages in by_kind.items() for _ in passages],
        measures,
        on_pair=_Watch("pairs"),
    )
    say(
        f"{len(lives)} minds at age {age:g}, on {between.num_passages} held-out passages of "
        f"{len(by_kind)} kinds and {between.num_contexts:,} contexts"
    )
    for table in between_tables(between):
        say("")
        wide.print(table)
    if len(lives) > 2:
        say("")
        wide.print(map_table(between))
    return _records(between)


def _records(between: Between) -> dict[str, Any]:
    minds = [
        {"name": subject.name, "x": float(x), "y": float(y), "bits_per_byte": float(rate)}
        for subject, (x, y), rate in zip(
            between.subjects, between.map.layout, between.map.bits_per_byte_R, strict=True
        )
    ]
    spreads = [
        {"measure": figure.measure, "of": figure.of, "unit": figure.by.unit}
        | asdict(spread := between.orders_against_seeds(figure))
        | {"ratio": spread.ratio if figure.by.is_distance else None}
        for figure in between.figures
    ]
    return {
        "num_passages": between.num_passages,
        "num_contexts": between.num_contexts,
        "pairs": between.pairs.to_dicts(),
        "orders_against_seeds": spreads,
        "map": {"shares": list(between.map.shares), "minds": minds},
    }


def _say_memory(lives: Sequence[Life], met: Sequence[Met]) -> list[dict[str, Any]]:
    """Print whether each mind shows when it met its scenes, beside what others show of it."""
    found: list[Remembered] = []
    watch = _Watch("minds asked when they met what they read")
    for number, (life, own) in enumerate(zip(lives, met, strict=True)):
        readers = {"itself": life.mind, "itself at birth": life.at_birth()}
        for other in lives:
            if other.seed == life.seed and other.order != life.order:
                readers[other.name] = other.mind
        for reader, mind in readers.items():
            if mind is not None:
                found.append(Remembered(life.name, reader, tuple(memory_by_layer(mind, own))))
        watch(number + 1, len(lives))
    say("")
    wide.print(memory_table(found))
    return [asdict(remembered) for remembered in found]


def _say_traits(
    lives: Sequence[Life], texts: PoleTexts, poles: tuple[Sequence[str], Sequence[str]]
) -> dict[str, Any]:
    """Print the direction of a trait in each mind, what steering does, and the cosines."""
    traits: dict[str, Trait] = {}
    watch = _Watch("minds steered")
    for number, life in enumerate(lives):
        traits[life.name] = examine_trait(life.mind, texts, life.birth)
        watch(number + 1, len(lives))
    cosines = [
        Cosine(a.name, b.name, ours.layer, direction_cosine(ours, theirs))
        for a, b in combinations(lives, 2)
        if a.birth == b.birth
        for ours, theirs in zip(traits[a.name].directions, traits[b.name].directions, strict=True)
    ]
    what = "same-content pairs" if texts.are_pairs else "texts (topic and manner not separated)"
    say(f"\n{'+'.join(poles[0])} against {'+'.join(poles[1])}: {len(texts.positive)} {what}")
    for table in trait_tables(traits, cosines):
        say("")
        wide.print(table)
    return {
        "positive": list(poles[0]),
        "negative": list(poles[1]),
        "are_pairs": texts.are_pairs,
        "minds": [_trait_record(name, trait) for name, trait in traits.items()],
        "cosines": [asdict(cosine) for cosine in cosines],
    }


def _trait_record(name: str, trait: Trait) -> dict[str, Any]:
    directions = [
        {key: value for key, value in asdict(direction).items() if key != "vector_D"}
        for direction in trait.directions
    ]
    steering = asdict(trait.steering) | {"share_below": trait.steering.share_below}
    return {"name": name, "directions": directions, "steering": steering}


class _Watch:
    """Says now and then how many of something are done, and how long the others will take."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._first = self._said = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if done == 1:
            self._first = now
        elif done < of and now - self._said > _LINE_EVERY_S:
            self._said = now
            left = (now - self._first) * (of - done) / (done - 1)
            say(f"  {done} of {of} {self._what}, about {left:.0f} s left")
