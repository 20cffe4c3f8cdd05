"""Ages: blocks → the ages of a life, each with the scenes that it reads.

A life has four ages: infancy, childhood, youth, maturity. Four blocks are an age each. Of fewer,
the largest is cut in two until there are four: between its kinds or, where no block has several,
between its scenes; what is told in commoner words comes first. Of more, neighbours share an age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from upbringing.order.intentions import Block
from upbringing.order.nearest import Indices
from upbringing.order.selection import Selection

AGES = ("infancy", "childhood", "youth", "maturity")
MEASURE = "unigram_surprisal"
"""How rare the words of a scene are."""

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Age:
    """A phase of the life to be.

    what    its scenes, as a person says it
    why     why they stand here
    scenes  which they are, as the file says it
    rows    which they are, as rows of the life, rising
    kinds   of a block of kinds, from common to rare words; it can be cut between them
    bounds  of `MEASURE`, where it was cut between its scenes
    cut     how it was cut, if it was
    name    of the phase
    """

    what: str
    why: str
    scenes: Selection | Literal["rest"]
    rows: Indices
    kinds: tuple[str, ...] = ()
    bounds: Bounds = (None, None)
    cut: str = ""
    name: str = ""


def ages_of(blocks: Sequence[Block], frame: pl.DataFrame, free: Indices) -> list[Age]:
    """The ages of blocks of kinds, four or more, unless there is nothing to cut.

    `frame` is the life: kind, num_bytes and `MEASURE`; `free` are the rows that no event has,
    rising. A block that has none of them has no age.
    """
    frame = frame.select("kind", pl.col("num_bytes").cast(pl.Int64), MEASURE)[free]
    frame = frame.with_columns(row=pl.Series(free))
    named = {kind for block in blocks for kind in block.kinds or ()}
    # A median, unlike a mean, does not depend on the order in which scenes are added up.
    by_words = frame.group_by("kind").agg(pl.col(MEASURE).median()).sort(MEASURE, "kind")
    ages = []
    for block in blocks:
        own = block.kinds or sorted(set(by_words["kind"]) - named)
        kinds = tuple(kind for kind in by_words["kind"] if kind in own)
        scenes: Selection | Literal["rest"] = Selection(kind=block.kinds) if block.kinds else "rest"
        if kinds:
            rows = _of_kinds(frame, kinds)["row"].to_numpy()
            ages.append(Age(block.name, block.why, scenes, rows, kinds))
    while len(ages) < len(AGES) and (found := _cut_largest(ages, frame)):
        number, halves = found
        ages[number : number + 1] = halves
    return with_names(_with_parts(ages))


def _with_parts(ages: Sequence[Age]) -> list[Age]:
    """The ages, those of one block numbered as its parts."""
    blocks = [age.what for age in ages]
    return [
        replace(age, what=f"{age.what}, part {blocks[:number].count(age.what) + 1} of {parts}")
        if (parts := blocks.count(age.what)) > 1
        else age
        for number, age in enumerate(ages)
    ]


def with_names(ages: Sequence[Age]) -> list[Age]:
    """The ages with their names, numbered where several phases share one."""
    places = _places(len(ages))
    names = [
        f"{AGES[place]} {places[:number].count(place) + 1}"
        if places.count(place) > 1
        else AGES[place]
        for number, place in enumerate(places)
    ]
    return [replace(age, name=name) for age, name in zip(ages, names, strict=True)]


def _places(count: int) -> list[int]:
    """Which of the four ages each of `count` phases belongs to."""
    if count >= len(AGES):
        return [number * len(AGES) // count for number in range(count)]
    return [number * (len(AGES) - 1) // max(count - 1, 1) for number in range(count)]


def _of_kinds(frame: pl.DataFrame, kinds: Sequence[str]) -> pl.DataFrame:
    return frame.filter(pl.col("kind").is_in(list(kinds)))


def _of(frame: pl.DataFrame, age: Age) -> pl.DataFrame:
    return frame.filter(pl.col("row").is_in(pl.Series(age.rows).implode()))


def _cut_largest(ages: Sequence[Age], frame: pl.DataFrame) -> tuple[int, list[Age]] | None:
    """Which age to cut, and its halves: the largest of several kinds, else the largest of all."""
    sizes = [int(_of(frame, age)["num_bytes"].sum()) for age in ages]
    by_size = sorted(range(len(ages)), key=lambda number: -sizes[number])
    for number in by_size:
        if len(ages[number].kinds) > 1:
            return number, _between_kinds(ages[number], frame)
    for number in by_size:
        if halves := _between_scenes(ages[number], frame):
            return number, halves
    return None


def _between_kinds(age: Age, frame: pl.DataFrame) -> list[Age]:
    """The kinds of commoner words and the others, as near to half of the bytes as they allow."""
    by_kind = dict(_of(frame, age).group_by("kind").agg(pl.col("num_bytes").sum()).iter_rows())
    read = np.cumsum([by_kind[kind] for kind in age.kinds])
    border = int(np.abs(read[:-1] - read[-1] / 2).argmin()) + 1
    halves = []
    for kinds in (age.kinds[:border], age.kinds[border:]):
        rows = _of_kinds(frame, kinds)["row"].to_numpy()
        is_rest = age.scenes == "rest" and kinds == age.kinds[border:]
        half = replace(age, scenes="rest" if is_rest else Selection(kind=kinds), rows=rows)
        how = "cut between kinds, those of commoner words first"
        halves.append(replace(half, kinds=kinds, cut=how))
    return halves


def _between_scenes(age: Age, frame: pl.DataFrame) -> list[Age]:
    """The scenes of commoner words and the others, as near to half of the bytes as can be; none
    where all are alike.
    """
    mine = _of(frame, age).sort(MEASURE)
    values = mine[MEASURE].to_numpy()
    borders = np.flatnonzero(values[1:] > values[:-1]) + 1
    if not len(borders):
        return []
    read = mine["num_bytes"].to_numpy().cumsum()
    border = int(borders[np.abs(read[borders - 1] - read[-1] / 2).argmin()])
    value = _between(values[border - 1], values[border])
    halves = []
    for bounds, rows in (
        ((age.bounds[0], value), mine["row"][:border]),
        ((value, age.bounds[1]), mine["row"][border:]),
    ):
        is_rest = age.scenes == "rest" and bounds[0] == value
        scenes = Selection(kind=age.kinds, measures={MEASURE: bounds})
        half = replace(age, scenes="rest" if is_rest else scenes, rows=rows.sort().to_numpy())
        how = "cut between scenes, those of commoner words first"
        halves.append(replace(half, bounds=bounds, cut=how))
    return halves


def _between(low: np.float32, high: np.float32) -> float:
    """The shortest decimal between two values that is neither."""
    middle = (float(low) + float(high)) / 2
    rounded = (round(middle, digits) for digits in range(18))
    return next((value for value in rounded if low < value < high), middle)
