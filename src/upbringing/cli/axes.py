"""Axes of character: `upbringing axis`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from upbringing.cli.options import Lang, LangOfTexts, Out, fields_in, some_names, spoken


def axis_new(
    name: Annotated[str, typer.Argument(help="NEGATIVE-POSITIVE, as calm-wild.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A folder.")] = Path(),
    lang: Annotated[str, typer.Option(callback=spoken, help="Of the minds that are asked.")] = "en",
) -> None:
    """Write a commented axis to fill in."""
    from upbringing.terminal.axes import write_new

    write_new(name, lang, out)


def axis_check(
    axis: Annotated[str, typer.Argument(help="A file, or the name of one that is built in.")],
    corpus: Annotated[Path | None, typer.Option(help="On which it shall be asked.")] = None,
    lang: Lang = None,
) -> None:
    """Say all that is right or wrong with an axis, best on the corpus where it is asked."""
    from upbringing.terminal.axes import show_check

    show_check(axis, corpus, lang)


def axis_list(lang: Lang = None) -> None:
    """List the axes that are built in."""
    from upbringing.terminal.axes import show_list

    show_list(some_names(lang))


def axis_from_texts(
    negative: Annotated[Path, typer.Argument(help="A folder or file of texts: one pole.")],
    positive: Annotated[Path, typer.Argument(help="Another: the pole that measures grow to.")],
    out: Out,
    names: Annotated[str | None, typer.Option(help="NEGATIVE,POSITIVE; else theirs.")] = None,
    lang: LangOfTexts = None,
    fields: Annotated[str | None, typer.Option(help="text=…,lang=…,work=…,date=…")] = None,
) -> None:
    """Make an axis, and its corpus, of two heaps of text."""
    from upbringing.terminal.axes import make_from_texts

    told = some_names(names)
    make_from_texts(negative, positive, out, names=told, lang=lang, fields=fields_in(fields))
