"""Minds → verdict: the whole path, studies, how many seeds, tables, imprints, pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from upbringing.cli.options import (
    CorpusOption,
    Lang,
    LogTo,
    NoText,
    Schedules,
    Sinks,
    Texts,
    Workers,
    curves_in,
    fields_in,
    is_new,
    log_to_sinks,
    numbers_in,
    some_names,
)
from upbringing.destinations import kind_of
from upbringing.errors import InputError


def raise_(
    texts: Texts = None,
    first: Annotated[str | None, typer.Option(help="The kind under test.")] = None,
    last: Annotated[str | None, typer.Option(help="Its counterpart, at the far end.")] = None,
    preset: Annotated[str, typer.Option(help="quick, standard or confirm.")] = "quick",
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder of it all.")] = Path(
        "raised"
    ),
    lang: Lang = None,
    shape: Annotated[str | None, typer.Option(help="300k, 1m, 3m, 10m, 30m, 124m.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Tokens of a life.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Minds an arm.")] = None,
    arms: Annotated[str | None, typer.Option(help="Of F,M,L,S,O,N,D.")] = None,
    schedules: Schedules = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows of an optimiser step.")] = None,
    fields: Annotated[str | None, typer.Option(help="text=…,kind=…,lang=…,work=…,date=…")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend broken encodings.")] = False,
    workers: Workers = None,
    no_text: NoText = False,
    log: Sinks = None,
    log_to: LogTo = None,
) -> None:
    """Raise minds on the same scenes in several orders, and write what the order did."""
    from upbringing.protocol import TextSource, raise_minds, world_source
    from upbringing.study import preset as settings_of
    from upbringing.terminal.console import say
    from upbringing.terminal.study_progress import StudyProgress

    mirrored = log_to_sinks(log, log_to, out)
    settings = settings_of(
        preset,
        name=f"{first or 'drama'} first",
        block=some_names(first),
        against=some_names(last) or (None if texts or preset != "quick" else ["technical"]),
        lang=lang or (None if texts else "en"),
        shape=shape,
        tokens=tokens,
        seeds=seeds,
        arms=some_names(arms),
        schedules=schedules and curves_in(schedules, "--schedules"),
        batch_size=batch_size,
    )
    source = (
        TextSource(texts, fields_in(fields), lang, repair)
        if texts
        else world_source(
            lang or "en", {"--first": settings.block, "--last": settings.against or ()}
        )
    )
    try:
        raised = raise_minds(
            source,
            settings,
            out,
            num_workers=workers,
            with_text=not no_text,
            tell=say,
            watch=StudyProgress,
            log=mirrored,
        )
    except InputError as error:  # of kinds that a corpus of texts turns out to lack
        options = {"block": "--first", "against": "--last"}
        problems = [replace(p, where=options.get(p.where or "", p.where)) for p in error.problems]
        raise InputError(problems) from error
    say("")
    for line in raised.findings["answer"]:
        say(line)
    say(f"\n{raised.page}")


def study(
    settings: Annotated[Path, typer.Argument(help="study.yaml")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option("-o", "--out", help="The study; continues if it is there.")],
    workers: Workers = None,
    design_only: Annotated[
        bool, typer.Option("--design-only", help="Stop before training.")
    ] = False,
    gates_only: Annotated[
        bool, typer.Option("--gates-only", help="Raise poles and ladders, say what is measurable.")
    ] = False,
    log: Sinks = None,
    log_to: LogTo = None,
) -> None:
    """Raise and measure all minds of a study, and decide by its rules."""
    from upbringing.corpus import Corpus
    from upbringing.files import file_digest
    from upbringing.protocol import state_line, warnings_of
    from upbringing.settings import load_settings
    from upbringing.study import StudySettings, conclude, execute, gates, lines_of, prepare
    from upbringing.study.preregistration import FILE as PREREGISTRATION
    from upbringing.terminal.console import say, wide
    from upbringing.terminal.gating import gates_table
    from upbringing.terminal.study_progress import StudyProgress

    mirrored = log_to_sinks(log, log_to, out)
    design = prepare(load_settings(settings, StudySettings), Corpus.open(corpus), out)
    say(f"{out / 'study.json'}: {len(design.plans)} runs, design {design.digest[:16]}")
    written = out / PREREGISTRATION
    say(f"{written}: hashed before the first run, SHA-256 {file_digest(written)}")
    for line in warnings_of(design):
        say(line)
    if design_only:
        return
    say(state_line(design))
    with StudyProgress(design, rungs_only=gates_only) as progress:
        execute(
            design, rungs_only=gates_only, num_workers=workers, on_progress=progress, log=mirrored
        )
    if gates_only:
        wide.print(gates_table(gates(design)))
        return
    for line in lines_of(conclude(design)):
        say(line)


def power(
    pilot: Annotated[Path | None, typer.Argument(help="A concluded study; or --seed-sd.")] = None,
    position: Annotated[str, typer.Option(help="The verdict that is hoped for.")] = "PRIMACY",
    effect: Annotated[float, typer.Option(min=0, help="Pole distances above other arms.")] = 0.3,
    seeds: Annotated[str, typer.Option(help="Numbers of seeds, with commas.")] = "6,8,10,12,16",
    arms: Annotated[str | None, typer.Option(help="The pilot's, or F,M,L,S.")] = None,
    axes: Annotated[int, typer.Option(min=1, help="How many the study will ask about.")] = 1,
    axis: Annotated[str | None, typer.Option(help="Of the pilot; its first by default.")] = None,
    schedule: Annotated[str | None, typer.Option(help="Of the pilot; its first.")] = None,
    seed_sd: Annotated[float | None, typer.Option(min=1e-6, help="In pole distances.")] = None,
) -> None:
    """Say how many seeds a verdict needs, before anything is trained."""
    from upbringing.terminal.powering import show_power

    show_power(
        position,
        effect,
        numbers_in(seeds, "--seeds"),
        arms=some_names(arms),
        num_axes=axes,
        pilot=pilot,
        axis=axis,
        schedule=schedule,
        seed_sd=seed_sd,
    )


def factorial(
    studies: Annotated[list[Path], typer.Argument(help="Concluded studies with shared seeds.")],
    out: Annotated[Path, typer.Option("-o", "--out", callback=is_new, help="Its records.")] = Path(
        "factorial.json"
    ),
    axis: Annotated[
        str | None, typer.Option(help="One that all have; each block's own by default.")
    ] = None,
    declare: Annotated[
        str | None, typer.Option(help="Settings that may differ too, or corpus; with commas.")
    ] = None,
) -> None:
    """Set studies side by side: block × schedule × size, and what each factor changes."""
    from upbringing.terminal.factorial_tables import show_factorial

    show_factorial(studies, axis=axis, declared=some_names(declare) or [], out=out)


def imprint(
    corpus: Annotated[Path, typer.Argument(help="A corpus folder; best a world with packets.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Continues if it is there.")],
    lang: Lang = None,
    shape: Annotated[str, typer.Option(help="300k, 1m, 3m, 10m, 30m, 124m.")] = "300k",
    schedules: Schedules = "linear",
    ages: Annotated[int, typer.Option(help="At which packets are met, and packets a life.")] = 8,
    seeds: Annotated[int, typer.Option(help="Of twice as many lives as ages.")] = 4,
    tokens: Annotated[int | None, typer.Option(help="Of a life; all by default.")] = None,
    packet_scenes: Annotated[int, typer.Option(help="Where a corpus has no packets.")] = 8,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows of an optimiser step.")] = 8,
    row_length: Annotated[int, typer.Option(min=8, help="Tokens of a row.")] = 128,
    peak_lr: Annotated[float | None, typer.Option(help="The shape's own by default.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="AdamW's; 0.1 by default.")] = None,
    workers: Workers = None,
    log: Sinks = None,
    log_to: LogTo = None,
) -> None:
    """Measure what is left of text by the age at which it was met, beside what is predicted."""
    from upbringing.study import ImprintSettings
    from upbringing.terminal.imprinting import measure_imprint

    mirrored = log_to_sinks(log, log_to, out)
    settings = ImprintSettings(
        lang=lang,
        shape=shape,
        schedules=tuple(curves_in(schedules or "", "--schedules")),
        num_ages=ages,
        num_seeds=seeds,
        tokens=tokens,
        scenes_a_packet=packet_scenes,
        batch_size=batch_size,
        row_length=row_length,
        peak_lr=peak_lr,
        weight_decay=weight_decay,
    )
    measure_imprint(corpus, settings, out, num_workers=workers, log=mirrored)


def report(
    of: Annotated[Path, typer.Argument(help="A study folder, or a corpus folder.")],
    no_text: NoText = False,
    picture: Annotated[
        Path | None, typer.Option(callback=is_new, help="Also write its picture, a new SVG.")
    ] = None,
) -> None:
    """Write the page of a study or of a corpus: one HTML file that asks nothing of the network."""
    from upbringing.corpus import Corpus
    from upbringing.files import write_text
    from upbringing.report import picture as picture_of
    from upbringing.report import write_corpus_page, write_page
    from upbringing.study import study_folder
    from upbringing.terminal.console import say

    kind = kind_of(of)
    if kind not in ("a corpus", "a study"):
        what = "no such folder" if not of.exists() else f"is {kind or 'no artefact of ours'}"
        raise InputError(what, where=str(of), allowed="a study or a corpus, of which a page is")
    if kind == "a corpus":
        if picture is not None:
            raise InputError("a corpus has no picture", where=str(of), do="leave --picture out")
        say(str(write_corpus_page(Corpus.open(of), with_text=not no_text)))
        return
    folder = study_folder(of)
    say(str(write_page(folder, with_text=not no_text)))
    if picture is not None:
        write_text(picture, picture_of(folder))
        say(str(picture))
