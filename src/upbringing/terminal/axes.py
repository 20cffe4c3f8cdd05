"""What `upbringing axis` says: an axis to fill in, a check, a list, one from two heaps of text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

from upbringing.character.axis_check import Finding, check_axis
from upbringing.character.axis_files import (
    SCHEMA_FILE,
    SCHEMA_LINE,
    axis_file,
    axis_schema,
    built_in_axes,
    built_in_langs,
    check_names,
    load_axis,
)
from upbringing.character.axis_from_texts import axis_from_texts
from upbringing.corpus import Corpus, Fields, skipped_lines
from upbringing.destinations import check_new
from upbringing.errors import InputError, Problem
from upbringing.files import write_json, write_text
from upbringing.terminal.console import corpus_tree, out, printable, say, wide

_NEW = """\
{schema}
name: {name}
lang: {lang}

# Measures grow from the negative pole to the positive one. Kinds are those of your corpus that are
# written so: from them the judge of voice learns, and minds are raised that give the axis its unit.
negative: {{name: {negative}, kinds: []}}
positive: {{name: {positive}, kinds: []}}

# Same-content pairs: a .jsonl or .parquet beside this file, 200 pairs over 20 topics or more.
# A line of it, where both texts begin with the opening and tell the same event:
#   {{"event": "1", "topic": "harbour", "opening": "The old pump stopped.",
#    "positive": "The old pump stopped. …", "negative": "The old pump stopped. …"}}
# Leave it out for the pairs that a corpus brings; say `world` for those of the built-in world.
# pairs: {slug}.pairs.jsonl

# Neutral openings, after which voice is listened to. Leave them out for those of the corpus.
# prompts: [It was then, In the morning]

judge: true                # false where no voice shall be heard
# primary: style_margin    # what decides; without it the margin where there are pairs, else voice

note: >-
  What it measures, and its limits.
"""


def write_new(name: str, lang: str, folder: Path) -> None:
    """Write a commented axis to fill in, with its schema beside it."""
    ends = [end.strip() for end in name.replace("-", "–").split("–")]
    if len(ends) != 2 or not all(ends):
        raise InputError(f"{name!r} names no two poles", allowed="NEGATIVE-POSITIVE: calm-wild")
    check_names(ends, lang)
    slug = "-".join(ends).replace(" ", "-")
    file = folder / f"{slug}.yaml"
    check_new(file)
    negative, positive = (_scalar(end) for end in ends)
    write_text(
        file,
        _NEW.format(
            schema=SCHEMA_LINE,
            name="–".join(ends),
            negative=negative,
            positive=positive,
            lang=_scalar(lang),
            slug=slug,
        ),
    )
    write_json(folder / SCHEMA_FILE, axis_schema())
    say(f"{file}: fill it in, then `upbringing axis check {file} --corpus CORPUS`")


def _scalar(name: str) -> str:
    """A name as YAML reads it back: in quotes where it would be read as a number or a truth."""
    return name if YAML(typ="safe").load(name) == name else json.dumps(name)


def show_check(said: str, corpus: Path | None, lang: str | None) -> None:
    """Say what is right with an axis or doubtful; raise `InputError` with all that is wrong."""
    opened = None if corpus is None else Corpus.open(corpus)
    spoken = lang or (opened.langs[0] if opened else built_in_langs()[0])
    axis = load_axis(axis_file(said, spoken), opened)
    wrong = _wrong_ones(check_axis(axis, opened), said)
    if wrong:
        raise InputError(wrong)


def _wrong_ones(found: Sequence[Finding], where: str) -> list[Problem]:
    """Say what is right or doubtful; give what is wrong."""
    for finding in found:
        if finding.level != "wrong":
            say(f"{finding.level:<9} {finding.what}")
    return [Problem(finding.what, where) for finding in found if finding.level == "wrong"]


def show_list(langs: Sequence[str] | None) -> None:
    """The axes that are built in: a row each, with what they have."""
    table = Table("axis", "lang", "negative", "positive", "pairs", "topics", "judge", box=None)
    for lang in langs or built_in_langs():
        for name, file in built_in_axes(lang).items():
            axis = load_axis(file)
            assert axis.own is not None, "without a corpus they are generated"
            poles = [f"{p.name} ({', '.join(p.kinds)})" for p in (axis.negative, axis.positive)]
            sizes = [str(len(axis.own)), str(axis.own["topic"].n_unique())]
            table.add_row(Text(name), lang, *poles, *sizes, "yes" if axis.judged else "no")
    wide.print(table)


def make_from_texts(
    negative: Path,
    positive: Path,
    place: Path,
    *,
    names: Sequence[str] | None,
    lang: str | None,
    fields: Fields,
) -> None:
    """Make an axis and its corpus of two heaps of text; say what it is, and is not.

    They stay where they are made; raises `InputError` for what keeps a study from asking them.
    """
    made = axis_from_texts(negative, positive, place, names=names, lang=lang, fields=fields)
    for line in skipped_lines(made.reading):
        say(line)
    out.print(corpus_tree(made.corpus))
    wrong = _wrong_ones(check_axis(made.axis, made.corpus), str(made.file))
    say(printable(made.axis.note))
    if wrong:
        do = f"a study cannot ask it so: mend it, or remove {place} and make it of more text"
        raise InputError([*wrong[:-1], replace(wrong[-1], do=do)])
    say(f"{made.file}: name it in a study of {made.corpus.path}, under axes")
