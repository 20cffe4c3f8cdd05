"""Strategies of one key: as the corpus has it, shuffled, sorted, backwards, one after another.

Each takes the selected scenes and gives a rank for each; small letters in the drawings are scenes
in corpus order, digits a measure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from upbringing.errors import InputError
from upbringing.order.parameters import Measures
from upbringing.order.places import Inside, Selected, arrangement
from upbringing.order.sorting import Ranks, Unsigned, coded, taken


@arrangement(reads=("document", "place"))
def as_is(scenes: Selected) -> Ranks:
    """The order of the corpus: documents as they were read, scenes as they stand in them."""
    return np.arange(len(scenes), dtype=np.uint64)


@arrangement()
def shuffle(scenes: Selected) -> Ranks:
    """A random order: the keyed lot of each scene's id."""
    return scenes.lots


@arrangement()
def sort(scenes: Selected, by: Measures) -> Ranks:
    """By a measure, rising; `-measure` falls. Of several, a later one breaks ties of the earlier.

    What ties in all of them stays together, by scene key.
    """
    first, *others = by
    ranks = scenes.by(first)
    for measure in others:
        if int(ranks.max(initial=0)) >> 32:
            ranks = np.unique(ranks, return_inverse=True)[1].astype(np.uint64)
        ranks <<= np.uint64(32)
        ranks |= scenes.by(measure)
    return ranks


@arrangement()
def reverse(scenes: Selected, of: Inside) -> Ranks:
    """Another arrangement from its end to its beginning."""
    return np.uint64(len(scenes) - 1) - scenes.positions(of)


@arrangement(reads=("kind",))
def blocks(scenes: Selected, kinds: Sequence[str], inside: Inside = "shuffle") -> Ranks:
    """One kind after another as listed, arranged inside each; every kind must be listed."""
    twice = [kind for place, kind in enumerate(kinds) if kind in kinds[:place]]
    if twice:
        raise InputError(f"`blocks` lists {twice[0]!r} twice", do="list every kind once")
    block = index_in(scenes.columns["kind"], kinds, "blocks")
    return block << np.uint64(32) | scenes.positions(inside)


def index_in(found: pl.Series, listed: Sequence[str], strategy: str) -> Unsigned:
    """The index in `listed` of each value; `InputError` for values that the list leaves out."""
    codes, values = coded(found)
    missing = sorted(set(found.unique()) - set(listed))
    if missing:
        raise InputError(
            f"`{strategy}` leaves out {', '.join(missing)}",
            do="list every kind that the phase selects",
        )
    index = {value: number for number, value in enumerate(listed)}
    table = np.array([index.get(value, 0) for value in values], dtype=np.uint32)
    return taken(table, codes)
