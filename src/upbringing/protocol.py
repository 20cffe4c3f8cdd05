"""The mini-protocol, start to end: text → scenes → orders → minds → verdict → page.

One folder holds it all: `corpus/`, and `study/` with its `report.html`. Every stage that is done is
left as it is, so the same call continues, or finds that nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upbringing.corpus import Corpus, Fields, ingest
from upbringing.corpus.world import make_world
from upbringing.report import write_page
from upbringing.study import Design, Progress, StudySettings, conclude, execute, prepare


@dataclass(frozen=True)
class Raised:
    """Where it all lies, and what came out (`findings.json`)."""

    study: Path
    page: Path
    findings: Mapping[str, Any]


@dataclass(frozen=True)
class WorldSource:
    """The built-in corpus: how many events, in which language, from which seed."""

    lang: str = "en"
    num_events: int = 12_000
    seed: int = 0


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
    on_design: Callable[[Design], Callable[[Progress], None]] | None = None,
) -> Raised:
    """Raise minds on one corpus in several orders at `place`, and write the page of it.

    `tell` is given a line a stage, `on_design` the design and gives back what hears of progress.
    Raises any `UpbringingError`; what was done until then stays, and the same call continues.
    """
    corpus = _corpus(source, place / "corpus", tell)
    design = prepare(settings, corpus, place / "study")
    tell(_plan_line(design))
    execute(design, num_workers=num_workers, on_progress=on_design(design) if on_design else None)
    findings = conclude(design)
    page = write_page(design.path, with_text=with_text)
    return Raised(design.path, page, findings)


def _corpus(source: WorldSource | TextSource, place: Path, tell: Callable[[str], None]) -> Corpus:
    """The corpus at `place`, made if it is not there."""
    if place.exists():
        corpus = Corpus.open(place)
        tell(f"corpus: {corpus.num_scenes:,} scenes, there already ({place})")
        return corpus
    if isinstance(source, WorldSource):
        corpus = make_world(
            place, langs=[source.lang], num_events=source.num_events, seed=source.seed
        )
        tell(
            f"corpus: {corpus.num_scenes:,} scenes of the built-in world ({', '.join(corpus.kinds)})"
        )
        return corpus
    corpus, reading = ingest(
        source.paths, place, fields=source.fields, lang=source.lang, repair=source.repair
    )
    skipped = f", {len(reading.skipped)} texts skipped" if reading.skipped else ""
    tell(f"corpus: {corpus.num_scenes:,} scenes ({', '.join(corpus.kinds)}){skipped}")
    for problem in reading.skipped[:5]:
        tell(f"  skipped {problem}")
    return corpus


def _plan_line(design: Design) -> str:
    settings = design.settings
    return (
        f"study: {len(design.plans)} minds of {design.said['num_parameters']:,} parameters, "
        f"{design.said['num_tokens']:,} tokens each; "
        f"{', '.join(settings.arms)} × {', '.join(settings.schedules)} × "
        f"{len(settings.seeds)} seeds"
    )
