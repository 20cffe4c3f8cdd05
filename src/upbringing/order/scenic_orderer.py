"""The scenic orderer: a corpus and an intention → a life, as a curriculum that a person can change.

Two intentions so far. *First X* puts a kind at the beginning and all else after it. *Scenic* is the
claim's own recipe (poetry and drama first, what is dry last), with the kinds between them from
predictable to surprising text, so that a life grows harder. Whether either does what is claimed is
a study's business; the file says so.
"""

from __future__ import annotations

import json

import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.store import TRAIN
from upbringing.errors import InputError
from upbringing.order.curriculum import parse_curriculum
from upbringing.settings import suggestion

SCENIC_FIRST = ("poetry", "drama")
SCENIC_LAST = ("technical",)
_YAML_WORDS = ("null", "true", "false", "yes", "no", "on", "off")


def compose(corpus: Corpus, intention: str, *, lang: str | None = None) -> str:
    """The YAML of a curriculum: `intention` is "scenic", or "first X" for a kind X.

    Raises `InputError` for an unknown intention or a kind that the corpus lacks.
    """
    kinds = _kinds(corpus, lang)
    if intention == "scenic":
        text = _scenic(kinds, lang)
    elif intention.startswith("first "):
        text = _first(intention.removeprefix("first ").strip(), kinds, lang)
    else:
        raise InputError(
            f"cannot compose {intention!r}", allowed="'scenic', 'first KIND'", do="name one of them"
        )
    parse_curriculum(text, name=f"compose {intention!r}")
    return text


def _kinds(corpus: Corpus, lang: str | None) -> list[str]:
    """The kinds of training scenes, from predictable to surprising (bits per byte of words)."""
    frame = corpus.columns(["kind", "lang", "split", "unigram_surprisal"]).filter(split=TRAIN)
    if lang is not None:
        frame = frame.filter(lang=lang)
    means = frame.group_by("kind").agg(pl.col("unigram_surprisal").mean())
    return means.sort("unigram_surprisal", "kind")["kind"].to_list()


def _first(kind: str, kinds: list[str], lang: str | None) -> str:
    if kind not in kinds:
        raise InputError(
            f"no scene is of kind {kind!r}",
            allowed=", ".join(kinds),
            do=suggestion(kind, kinds),
        )
    return "\n".join(
        [
            f"# {_word(kind)} first: the claim is that first data become the frame of the rest.",
            f"# `upbringing raise --first {_word(kind)}` tells whether they do.",
            *_head(_word(f"{kind}-first"), lang),
            f"  - name: childhood            # every scene of {_word(kind)}, before anything else",
            f"    scenes: {{kind: {_word(kind)}}}",
            "    arrange: shuffle           # no order inside the block: only its place is chosen",
            "  - name: life                 # all other scenes, mixed",
            "    scenes: rest",
            "    arrange: shuffle",
            "",
        ]
    )


def _scenic(kinds: list[str], lang: str | None) -> str:
    first = [kind for kind in SCENIC_FIRST if kind in kinds]
    if not first:
        raise InputError(
            f"a scenic life begins with {' or '.join(SCENIC_FIRST)}, and there is neither",
            allowed=", ".join(kinds),
            do='say which kind comes first: compose "first KIND"',
        )
    last = [kind for kind in SCENIC_LAST if kind in kinds]
    between = [kind for kind in kinds if kind not in first + last]
    lines = [
        "# scenic: poetry and drama first, as the claim has it; what is dry comes last.",
        *_head("scenic", lang),
        "  - name: infancy              # half of them, what repeats itself most first",
        f"    scenes: {{kind: {_words(first)}, part: [0, 0.5]}}",
        "    arrange: {sort: -compression_ratio}",
        "  - name: childhood            # the other half of the same kinds, mixed",
        f"    scenes: {{kind: {_words(first)}, part: [0.5, 1]}}",
        "    arrange: shuffle",
    ]
    if between:
        lines += [
            "  - name: youth                # from predictable to surprising kinds, one by one",
            f"    scenes: {{kind: {_words(between)}}}",
            f"    arrange: {{blocks: {_words(between)}}}",
        ]
    if last:
        lines += [
            "  - name: maturity             # exactness on top of the scenes, never under them",
            f"    scenes: {{kind: {_words(last)}}}",
            "    arrange: {sort: num_bytes}",
        ]
    return "\n".join([*lines, ""])


def _head(name: str, lang: str | None) -> list[str]:
    head = [f"name: {name}", "seed: 0                          # a study's seed takes its place"]
    if lang is not None:
        head.append(
            f"scenes: {{lang: {_word(lang)}}}            # a mind is raised in one language"
        )
    return [*head, "phases:"]


def _word(name: str) -> str:
    """A name as YAML: quoted (as JSON, which YAML reads) unless it is one plain word."""
    plain = name.replace("-", "").replace("_", "").isalpha() and name[0].isalpha()
    return name if plain and name.lower() not in _YAML_WORDS else json.dumps(name)


def _words(names: list[str]) -> str:
    return f"[{', '.join(map(_word, names))}]"
