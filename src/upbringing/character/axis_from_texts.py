"""An axis from a person's own two heaps of text: a corpus of two kinds, and the axis between them.

Takes two paths as `ingest` reads them; everything under one is of one kind. There are no
same-content pairs, so voice decides, and topic and manner are not separated: that is written into
the axis.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from upbringing.character.axes import VOICE, Axis, Pole
from upbringing.character.axis_files import check_names, save_axis
from upbringing.corpus import Corpus, Fields, Reading, ingest
from upbringing.errors import InputError
from upbringing.files import staged

CORPUS = "corpus"

LIMITS = (
    "Made of two heaps of text. What tells them apart may be their topics, their authors or their"
    " manner: topic and manner are not separated. {examined} A study of it says which heap a mind"
    " sounds like, and not why."
)
_EXAMINED = {
    "work": "learns from whole works and is examined on others",
    "document": "learns from whole documents and is examined on others, maybe of the same work",
    "scene": "is examined on other scenes of the same text that it learns from, which flatters it",
}


@dataclass(frozen=True)
class FromTexts:
    """The axis and its file, the corpus of both heaps, and what was read and skipped."""

    axis: Axis
    file: Path
    corpus: Corpus
    reading: Reading


def axis_from_texts(
    negative: Path,
    positive: Path,
    place: Path,
    *,
    names: Sequence[str] | None = None,
    lang: str | None = None,
    fields: Fields | None = None,
) -> FromTexts:
    """Make the folder `place` with `corpus/` and the axis from one heap of text to the other.

    The kinds, and the poles, are called after the heaps, or `names`, negative first. Without `lang`
    each text's is guessed, and the axis is of the one with the most text. Raises `InputError` as
    `ingest` does, for names that no pole may have, for two heaps of one name, and where a heap has
    no text in that language.
    """
    heaps = (Path(negative), Path(positive))
    kinds = tuple(names or (_name_of(heap) for heap in heaps))
    if len(kinds) != 2:
        raise InputError(f"{len(kinds)} names for two heaps", do="say --names, negative,positive")
    check_names(kinds, lang or "en")
    if len(set(kinds)) < 2:
        raise InputError(
            f"both heaps are called {kinds[0]!r}", do="say --names, negative and positive"
        )
    with staged(Path(place)) as draft:
        corpus, reading = ingest(heaps, draft / CORPUS, fields=fields, lang=lang, kinds=kinds)
        spoken = lang or _most_spoken(corpus)
        present = corpus.columns(["kind", "lang"]).filter(lang=spoken)["kind"].unique()
        for heap, kind in zip(heaps, kinds, strict=True):
            if kind not in present:
                raise InputError(f"has no text in {spoken!r}", where=str(heap), do="say --lang")
        poles = [Pole(kind, (kind,)) for kind in kinds]
        note = LIMITS.format(examined=_examined(corpus, kinds, spoken))
        name = f"{kinds[0]}–{kinds[1]}"
        axis = Axis(name, spoken, poles[1], poles[0], primary=VOICE, note=note)
        file = save_axis(axis, draft).name
    return FromTexts(axis, place / file, Corpus.open(place / CORPUS), reading)


def _name_of(heap: Path) -> str:
    """What a heap is called: its folder or file, without what no pole's name may hold."""
    return re.sub(r"[^\w+.]+", "-", heap.resolve().stem).strip("-")


def _examined(corpus: Corpus, kinds: Sequence[str], lang: str) -> str:
    """How the judge is examined, by what each kind was split (`corpus.held_out`)."""
    held_out = [group for group in corpus.manifest.facts["held_out"] if group["lang"] == lang]
    by_kind = {group["kind"]: group["by"] for group in held_out}
    told = {kind: _EXAMINED[by_kind[kind]] for kind in kinds}
    if len(set(told.values())) == 1:
        return f"Its judge {told[kinds[0]]}."
    return " ".join(f"Of {kind} its judge {said}." for kind, said in told.items())


def _most_spoken(corpus: Corpus) -> str:
    sizes = corpus.columns(["lang", "num_bytes"]).group_by("lang").agg(pl.col("num_bytes").sum())
    return str(sizes.sort("num_bytes", "lang")["lang"][-1])
