"""What several verbs ask alike: options by their type, and what is written in them, read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from upbringing.destinations import check_new
from upbringing.errors import InputError, SettingsError

if TYPE_CHECKING:
    from upbringing.corpus import Fields
    from upbringing.corpus.vectors import Source
    from upbringing.training import Log


def is_new(option: typer.CallbackParam, place: Path | None) -> Path | None:
    """A place to write, refused before the work where something lies there, or nothing can."""
    check_new(place, option.opts[0])
    return place


def spoken(option: typer.CallbackParam, lang: str | None) -> str | None:
    """A language, or several, that are not an empty word."""
    if lang is not None and not all(part.strip() for part in lang.split(",")):
        raise InputError(f"{option.opts[0]} is {lang!r}", do="say a language, or leave it out")
    return lang


Out = Annotated[
    Path, typer.Option("-o", "--out", callback=is_new, help="Where to write; must not exist.")
]
Texts = Annotated[list[Path] | None, typer.Argument(help="Folders of .txt/.md, or .jsonl files.")]
CorpusOption = Annotated[Path, typer.Option("--corpus", help="A corpus folder.")]
Lang = Annotated[str | None, typer.Option(callback=spoken, help="The minds' language (en, ru, …).")]
LangOfTexts = Annotated[
    str | None, typer.Option(callback=spoken, help="Of texts that do not say theirs.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Takes the place of the curriculum's seed.")]
Shape = Annotated[
    str | None, typer.Option(help="300k (if nothing is said), 1m, 3m, 10m, 30m or 124m.")
]
Schedule = Annotated[
    str, typer.Option(help="constant, linear, cosine, wsd, steep, inverse_sqrt, or a table.")
]
Schedules = Annotated[
    str | None,
    typer.Option(
        help="constant, linear, cosine, wsd, steep, inverse_sqrt, or tables; with commas."
    ),
]
Priority = Annotated[
    str | None, typer.Option(help="How much each age counts: a curve, as for --schedule.")
]
Weighs = Annotated[str, typer.Option(help="Priority is a factor on: rate or loss.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Where a phase names none.")]
BatchRule = Annotated[
    str, typer.Option(help="How the rate follows a phase's batch size: sqrt, linear, none.")
]
RowLength = Annotated[int, typer.Option(min=8, help="Tokens of a row.")]
PeakRate = Annotated[float | None, typer.Option(help="The shape's own by default.")]
WeightDecay = Annotated[float, typer.Option(help="AdamW's λ, of matrices.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one a core by default.")]
NoText = Annotated[bool, typer.Option("--no-text", help="Leave corpus text out of the page.")]
Sinks = Annotated[
    str | None, typer.Option(help="Mirror each step to tensorboard, trackio, wandb; with commas.")
]
LogTo = Annotated[Path | None, typer.Option(help="Where to; OUT/log by default.")]


def some_names(names: str | None) -> list[str] | None:
    """Names with commas; None where none is said."""
    return names_in(names) if names else None


def names_in(listed: str) -> list[str]:
    """`F, S` as names."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def numbers_in(listed: str, option: str) -> list[int]:
    """`6,8,10` as numbers."""
    wrong = [said for said in names_in(listed) if not said.isdigit() or int(said) < 2]
    if wrong or not names_in(listed):
        raise InputError(f"{option} is {listed!r}", allowed="whole numbers from 2 on, with commas")
    return [int(said) for said in names_in(listed)]


def poles_in(said: str) -> tuple[list[str], list[str]]:
    """`drama,poetry:technical` as two lists of kinds."""
    positive, _, negative = said.partition(":")
    poles = names_in(positive), names_in(negative)
    if not all(poles):
        raise InputError(f"--trait is {said!r}", allowed="KINDS:KINDS, such as drama:technical")
    return poles


def fields_in(given: str | None) -> Fields:
    """`text=body,kind=label` as the fields of records."""
    from upbringing.corpus import Fields

    pairs = [pair.partition("=") for pair in some_names(given) or []]
    known = Fields.__dataclass_fields__
    wrong = [name for name, _, value in pairs if name not in known or not value]
    if wrong:
        raise InputError(
            f"--fields has {wrong[0]!r}", allowed=", ".join(f"{n}=NAME" for n in known)
        )
    return Fields(**{name: value for name, _, value in pairs})


def log_to_sinks(sinks: str | None, folder: Path | None, out: Path) -> Log:
    """Where each step is mirrored to; raises `InputError` for a place without a sink."""
    from upbringing.training import Log

    named = tuple(some_names(sinks) or ())
    if folder is not None and not named:
        raise InputError("--log-to without --log", do="say what logs there: --log tensorboard")
    return Log(named, folder or out / "log")


def curve_in(said: str, option: str) -> Any:
    """A name as it is; what looks like a map as YAML."""
    if not said.lstrip().startswith("{"):
        return said
    from upbringing.yaml_tree import read_tree

    return dict(read_tree(said, name=option))


def curves_in(listed: str, option: str) -> list[Any]:
    """`linear, {wsd: 0.1}` as several curves, each a name or a map."""
    from upbringing.yaml_tree import read_tree

    try:
        return list(read_tree(f"{{curves: [{listed}]}}", name=option)["curves"])
    except SettingsError as error:
        # Its columns are those of more than a person wrote.
        raise SettingsError([replace(p, where=option) for p in error.problems]) from error


def vectors_in(said: str) -> Source:
    """`model2vec=FOLDER` as a curriculum writes it, `{model2vec: FOLDER}`; what it names is there.

    It is checked although some intentions compare no scenes, and would not look at it.
    """
    from upbringing.corpus.vectors import MODELS, TFIDF

    name, equals, folder = said.partition("=")
    if said == TFIDF or (equals and name in MODELS and Path(folder).is_dir()):
        return {name: folder} if equals else said
    if said.endswith(".npy") and not equals and Path(said).is_file():
        return said
    raise InputError(
        f"no vectors are {said!r}",
        where="--vectors",
        allowed=", ".join([TFIDF, "FILE.npy", *(f"{model}=FOLDER" for model in MODELS)]),
        do="name a file or a folder that is there",
    )
