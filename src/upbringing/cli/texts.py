"""Text → scenes: reading texts, making a world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from upbringing.cli.options import LangOfTexts, Out, fields_in, names_in, some_names, spoken


def ingest(
    texts: Annotated[list[Path], typer.Argument(help="Folders of .txt/.md, or .jsonl files.")],
    out: Out,
    lang: LangOfTexts = None,
    fields: Annotated[str | None, typer.Option(help="text=…,kind=…,lang=…,work=…,date=…")] = None,
    smallest: Annotated[int, typer.Option(help="Bytes of the smallest scene.")] = 300,
    largest: Annotated[int, typer.Option(help="Bytes of the largest scene.")] = 1500,
    repair: Annotated[bool, typer.Option("--repair", help="Mend broken encodings.")] = False,
) -> None:
    """Make a corpus of scenes from texts."""
    from upbringing.corpus import ingest as ingest_texts
    from upbringing.corpus import skipped_lines
    from upbringing.terminal.console import corpus_tree, say
    from upbringing.terminal.console import out as console

    corpus, reading = ingest_texts(
        texts, out, fields=fields_in(fields), lang=lang,
        smallest_bytes=smallest, largest_bytes=largest, repair=repair,
    )  # fmt: skip
    for line in skipped_lines(reading):
        say(line)
    console.print(corpus_tree(corpus))


def world(
    out: Out,
    lang: Annotated[str, typer.Option(callback=spoken, help="en, ru, or en,ru.")] = "en",
    events: Annotated[int, typer.Option(min=1, help="Events, thus scenes, a language.")] = 25_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the whole world.")] = 0,
    voices: Annotated[str | None, typer.Option(help="Some of them, with commas; else all.")] = None,
    probes: Annotated[int, typer.Option(min=1, help="Held-out events told in all voices.")] = 200,
    packets: Annotated[int, typer.Option(min=0, help="Events to place at an age of choice.")] = 0,
) -> None:
    """Write the built-in corpus: events told in many voices, made by rule from a seed."""
    from upbringing.corpus.world import VOICES, make_world
    from upbringing.report import write_corpus_page
    from upbringing.terminal.console import corpus_tree, say
    from upbringing.terminal.console import out as console

    corpus = make_world(
        out,
        langs=names_in(lang),
        num_events=events,
        seed=seed,
        voices=some_names(voices) or VOICES,
        num_probes=probes,
        num_packets=packets,
    )
    console.print(corpus_tree(corpus))
    say(str(write_corpus_page(corpus)))
