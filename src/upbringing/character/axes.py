"""Axes: one dimension of character, between two poles that are kinds of text."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from upbringing.corpus import Corpus


@dataclass(frozen=True)
class Axis:
    """From `negative` kinds to `positive` ones, for minds of one language.

    Its measures grow toward the positive pole. `against_rest` says that the negative pole is all
    the other kinds.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    lang: str
    against_rest: bool = False

    @property
    def name(self) -> str:
        """`drama–technical`, or `drama–rest`."""
        return f"{'+'.join(self.positive)}–{self.negative_name}"

    @property
    def negative_name(self) -> str:
        """The negative pole in a word."""
        return "rest" if self.against_rest else "+".join(self.negative)

    def pairs(self, corpus: Corpus) -> pl.DataFrame | None:
        """Same-content pairs: event, opening, positive and negative text; None without parallels.

        A pole of several kinds takes the first of its kinds in which the event is told.
        """
        if corpus.parallels is None:
            return None
        told = corpus.parallels.filter(lang=self.lang)
        sides = [
            told.filter(pl.col("kind").is_in(kinds))
            .sort("event", "kind")
            .unique("event", keep="first", maintain_order=True)
            .select("event", "opening", pl.col("text").alias(side))
            for side, kinds in (("positive", self.positive), ("negative", self.negative))
        ]
        pairs = sides[0].join(sides[1], on=("event", "opening"), how="inner").sort("event")
        return None if pairs.is_empty() else pairs
