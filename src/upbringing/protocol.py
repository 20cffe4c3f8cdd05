"""The mini-protocol, start to end: text → scenes → orders → minds → verdict → page.

One folder holds it all: `corpus/`, and `study/` with its `report.html`. Every stage that is done is
left as it is, so the same call continues, or finds that nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from upbringing.corpus import (
    TRAIN,
    Corpus,
    Fields,
    ingest,
    left_out_line,
    read_documents,
    skipped_lines,
)
from upbringing.corpus.world import make_world, wrong_languages, wrong_voices
from upbringing.destinations import check_continued
from upbringing.errors import InputError, ResumeError
from upbringing.files import remove_drafts
from upbringing.report import write_page
from upbringing.study import (
    Design,
    OnProgress,
    StudySettings,
    conclude,
    execute,
    is_done,
    longest_life,
    prepare,
)
from upbringing.study.power import power_line
from upbringing.training import NO_LOG, Log

EVERYDAY_VOICES = ("plain", "technical", "drama", "chat")
"""What a short life reads, so that each kind is a quarter of it; others are added by name."""


@dataclass(frozen=True)
class Raised:
    """Where it all lies, and what came out (`findings.json`)."""

    study: Path
    page: Path
    findings: Mapping[str, Any]


@dataclass(frozen=True)
class WorldSource:
    """The built-in corpus: how many events, in which language and voices, from which seed."""

    lang: str = "en"
    num_events: int = 12_000
    seed: int = 0
    voices: tuple[str, ...] = EVERYDAY_VOICES


def world_source(lang: str, kinds: Mapping[str, Sequence[str]]) -> WorldSource:
    """The built-in corpus in its everyday voices and in `kinds`, by the options that name them.

    Raises `InputError` for what the world does not have, by option.
    """
    problems = [replace(problem, where="--lang") for problem in wrong_languages([lang])]
    problems += [
        replace(problem, where=option)
        for option, named in kinds.items()
        for problem in (wrong_voices(named) if named else ())
    ]
    if problems:
        raise InputError(problems)
    named = [kind for said in kinds.values() for kind in said]
    return WorldSource(lang, voices=tuple(dict.fromkeys([*EVERYDAY_VOICES, *named])))


@dataclass(frozen=True)
class TextSource:
    """A person's own texts, and how to read them."""

    paths: Sequence[Path]
    fields: Fields = field(default_factory=Fields)
    lang: str | None = None
    repair: bool = False


def raise_minds(
    source: WorldSource | TextSource,
    settings: StudySettings,
    place: Path,
    *,
    num_workers: int | None = None,
    with_text: bool = True,
    tell: Callable[[str], None] = lambda _: None,
    watch: Callable[[Design], AbstractContextManager[OnProgress | None]] = lambda _: nullcontext(),
    log: Log = NO_LOG,
) -> Raised:
    """Raise minds on one corpus in several orders at `place`, and write the page of it.

    Of a corpus in several languages the one with the most text is taken, unless `settings` say,
    and of texts that are shorter than the life asked for, all.
    `tell` is given a line a stage; `watch` opens what hears of progress while minds are raised;
    `log` says where the figures of each step go besides.
    Raises any `UpbringingError`; what was done until then stays, and the same call continues.
    """
    check_continued(place, ("corpus/corpus.json", "study/study.json"), "protocol of ours")
    corpus = _corpus(source, place / "corpus", tell)
    settings = _in_one_language(settings, corpus, tell)
    if isinstance(source, TextSource):
        settings = _as_long_as_it_can_be(settings, corpus, tell)
    design = prepare(settings, corpus, place / "study")
    tell(_plan_line(design))
    for line in warnings_of(design):
        tell(line)
    tell(state_line(design))
    with watch(design) as on_progress:
        execute(design, num_workers=num_workers, on_progress=on_progress, log=log)
    findings = conclude(design)
    page = write_page(design.path, with_text=with_text)
    return Raised(design.path, page, findings)


def _corpus(source: WorldSource | TextSource, place: Path, tell: Callable[[str], None]) -> Corpus:
    """The corpus at `place`, made if it is not there; it must be of the same source."""
    if place.exists():
        corpus = Corpus.open(place)
        if not _is_of(corpus, source):
            raise ResumeError(
                "a corpus of other texts, or of texts read otherwise, lies there",
                where=str(place),
                do="choose another -o",
            )
        tell(f"corpus: {corpus.num_scenes:,} scenes, there already ({place})")
        return corpus
    remove_drafts(place.parent)
    if isinstance(source, WorldSource):
        corpus = make_world(
            place,
            langs=[source.lang],
            num_events=source.num_events,
            seed=source.seed,
            voices=source.voices,
        )
        kinds = ", ".join(corpus.kinds)
        tell(f"corpus: {corpus.num_scenes:,} scenes of the built-in world ({kinds})")
        return corpus
    corpus, reading = ingest(
        source.paths, place, fields=source.fields, lang=source.lang, repair=source.repair
    )
    tell(f"corpus: {corpus.num_scenes:,} scenes ({', '.join(corpus.kinds)})")
    for line in skipped_lines(reading):
        tell(line)
    if left_out := left_out_line(corpus):
        tell(left_out)
    return corpus


def _is_of(corpus: Corpus, source: WorldSource | TextSource) -> bool:
    """Whether a corpus was made of this source; texts are read again, and not cut again."""
    recipe = corpus.manifest.recipe
    if isinstance(source, WorldSource):
        asked: Mapping[str, Any] = {
            "maker": "world",
            "langs": [source.lang],
            "num_events": source.num_events,
            "seed": source.seed,
            "voices": list(source.voices),
        }
        return all(recipe.get(key) == value for key, value in asked.items())
    asked = {"maker": "ingest", "fields": source.fields.recipe, "repair": source.repair}
    if any(recipe.get(key) != value for key, value in asked.items()):
        return False
    reading = read_documents(source.paths, source.fields, lang=source.lang, repair=source.repair)
    return recipe.get("lang") == source.lang and corpus.manifest.inputs == reading.inputs


def _in_one_language(
    settings: StudySettings, corpus: Corpus, tell: Callable[[str], None]
) -> StudySettings:
    """The settings with a language: of several, the one with the most bytes to train on."""
    if settings.lang is not None or len(corpus.langs) == 1:
        return settings
    scenes = corpus.columns(["lang", "split", "num_bytes"]).filter(split=TRAIN)
    sizes = scenes.group_by("lang").agg(pl.col("num_bytes").cast(pl.Int64).sum())
    lang = str(sizes.sort("num_bytes", "lang", descending=[True, False])["lang"][0])
    others = ", ".join(other for other in corpus.langs if other != lang)
    tell(f"language: {lang}, which has the most text here (also {others}; choose with --lang)")
    return settings.model_copy(update={"lang": lang})


def _as_long_as_it_can_be(
    settings: StudySettings, corpus: Corpus, tell: Callable[[str], None]
) -> StudySettings:
    """The settings with a life of all the text there is, where they ask for more."""
    longest = longest_life(settings, corpus)
    if settings.tokens is None or settings.tokens <= longest:
        return settings
    tell(f"life: {longest:,} tokens, all there are to train on ({settings.tokens:,} asked for)")
    return settings.model_copy(update={"tokens": None})


def _plan_line(design: Design) -> str:
    settings = design.settings
    return (
        f"study: {len(design.plans)} minds of {design.said['num_parameters']:,} parameters, "
        f"{design.said['num_tokens']:,} tokens each; "
        f"{', '.join(settings.arms)} × {', '.join(settings.curves)} × "
        f"{len(settings.seeds)} seeds, the poles{' and the ladder' if settings.ladder else ''}"
        f"{f', {settings.random_orders} random orders' if settings.random_orders else ''}"
    )


def warnings_of(design: Design) -> list[str]:
    """What a person should know before the first mind is raised."""
    pairs = [(first, second) for first, second in design.said["contrasts"]]
    line = power_line(len(design.settings.seeds), pairs, len(design.dimensions))
    return [line] if line else []


def state_line(design: Design) -> str:
    """What of it was done before."""
    num_done = sum(is_done(design, plan) for plan in design.plans)
    if num_done == len(design.plans):
        return "all minds are raised already: nothing is left to train"
    return f"{num_done} raised already, the others continue" if num_done else "raising them"
