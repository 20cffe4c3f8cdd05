"""Axes: one dimension of character, between two poles.

A pole is a manner of text: the kinds of a corpus that are written so. What an axis asks with, its
pairs and prompts, comes from the corpus, or with the axis from its own file (`axis_files`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from upbringing.corpus import Corpus
from upbringing.identity import digest_json

PAIR_COLUMNS = ("event", "topic", "opening", "positive", "negative")
"""Of same-content pairs: both texts begin with the opening and tell the same event."""

_ENDS = ("positive", "negative")
STYLE_MARGIN, VOICE = "style_margin", "voice"


@dataclass(frozen=True)
class Pole:
    """One end of an axis: what it is called, and the kinds of text that are there."""

    name: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """From the negative pole to the positive one, for minds of one language.

    Its measures grow toward the positive pole.

    primary  the measure that decides about it; by default `style_margin` where there are
             same-content pairs, else `voice`
    prompts  neutral openings of its own; those of the corpus where there are none
    own      same-content pairs of its own (`PAIR_COLUMNS`), in place of the corpus's
    judged   whether a judge of its voice is trained, on the kinds of its poles
    note     what it measures, and its limits
    """

    name: str
    lang: str
    positive: Pole
    negative: Pole
    primary: str | None = None
    prompts: tuple[str, ...] = ()
    own: pl.DataFrame | None = field(default=None, compare=False, repr=False)
    judged: bool = True
    note: str = ""

    @classmethod
    def between(
        cls,
        positive: tuple[str, ...],
        negative: tuple[str, ...],
        lang: str,
        *,
        against_rest: bool = False,
    ) -> Axis:
        """The axis between kinds: `drama–technical`, or `drama–rest` against all the others."""
        near = Pole("+".join(positive), positive)
        far = Pole("rest" if against_rest else "+".join(negative), negative)
        return cls(f"{near.name}–{far.name}", lang, near, far)

    @property
    def slug(self) -> str:
        """The name as a part of file names: `drama-technical`."""
        return self.name.replace("–", "-").replace("/", "-").replace(" ", "-")

    def pairs(self, corpus: Corpus) -> pl.DataFrame | None:
        """Same-content pairs (`PAIR_COLUMNS`): its own, else the corpus's; None without any.

        A pole of several kinds takes the first of its kinds in which the event is told.
        """
        if self.own is not None:
            return self.own
        if corpus.parallels is None:
            return None
        pairs = self.pairs_in(corpus.parallels.filter(lang=self.lang))
        return None if pairs.is_empty() else pairs

    def pairs_in(self, told: pl.DataFrame) -> pl.DataFrame:
        """The pairs (`PAIR_COLUMNS`) among events that are told in many kinds, by event."""
        sides = [
            told.filter(pl.col("kind").is_in(pole.kinds))
            .sort("event", "kind")
            .unique("event", keep="first", maintain_order=True)
            .select("event", "topic", "opening", pl.col("text").alias(side))
            for side, pole in zip(_ENDS, (self.positive, self.negative), strict=True)
        ]
        return sides[0].join(sides[1], on=PAIR_COLUMNS[:3], how="inner").sort("event")

    def primary_on(self, corpus: Corpus) -> str:
        """The measure that decides about the axis, where its questions come from this corpus."""
        return self.primary or (VOICE if self.pairs(corpus) is None else STYLE_MARGIN)

    @classmethod
    def from_json(cls, said: Mapping[str, Any], own: pl.DataFrame | None = None) -> Axis:
        """The axis that `as_json` wrote; `own` are its pairs, where it has any of its own."""
        positive, negative = (Pole(said[end]["name"], tuple(said[end]["kinds"])) for end in _ENDS)
        return cls(
            said["name"],
            said["lang"],
            positive,
            negative,
            primary=said["primary"],
            prompts=tuple(said["prompts"]),
            own=own,
            judged=said["judged"],
            note=said["note"],
        )

    def as_json(self) -> dict[str, Any]:
        """All of it but the pairs, of which there is a digest."""
        poles = zip(_ENDS, (self.positive, self.negative), strict=True)
        return {
            "name": self.name,
            "lang": self.lang,
            **{end: {"name": pole.name, "kinds": list(pole.kinds)} for end, pole in poles},
            "primary": self.primary,
            "prompts": list(self.prompts),
            "pairs": None if self.own is None else digest_json(self.own.to_dicts()),
            "judged": self.judged,
            "note": self.note,
        }
