"""What lies between minds and inside them, as tables of a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from rich.table import Table
from rich.text import Text

from upbringing.character.between.comparison import Between, Figure
from upbringing.character.between.order_memory import OrderMemory
from upbringing.character.between.trait import Trait
from upbringing.terminal.console import printable

_MOST_IN_A_MATRIX = 8


@dataclass(frozen=True)
class Remembered:
    """How the meetings of the life `of` are read in a mind, by layer."""

    of: str
    read_in: str
    by_layer: tuple[OrderMemory, ...]


@dataclass(frozen=True)
class Cosine:
    """The cosine of a trait's directions in two minds of one birth, in a layer."""

    first: str
    second: str
    layer: int
    cosine: float


def between_tables(between: Between) -> Iterator[Table]:
    """Of two minds every figure; of more, each against what orders and seeds change."""
    if len(between.subjects) == 2:
        yield _pair_table(between)
        return
    if len(between.subjects) <= _MOST_IN_A_MATRIX:
        yield from (_matrix(between, figure) for figure in between.figures if not figure.of)
    yield _spread_table(between)


def _pair_table(between: Between) -> Table:
    table = _table("measure", "of", "figure", "unit")
    for row in between.pairs.iter_rows(named=True):
        value = row["reason"] or f"{row['value']:.4f}"
        table.add_row(_named(row["measure"]), row["of"], value, row["unit"])
    return table


def _matrix(between: Between, figure: Figure) -> Table:
    """One figure between each two minds."""
    title = f"{_named(figure.measure)}, {figure.by.unit}"
    names = [printable(subject.name) for subject in between.subjects]
    table = _table(title, *names)
    lacking = "other birth" if figure.by.one_birth else "–"
    for name, values_R in zip(names, figure.values_RR, strict=True):
        cells = (lacking if isnan(value) else f"{value:.4f}" for value in values_R)
        table.add_row(Text(name), *cells)
    return table


def _spread_table(between: Between) -> Table:
    """A row a figure: its mean over pairs that differ in order, in seed, in both."""
    heads = ("other order", "other seed", "both", "order ÷ seed")
    table = _table("measure", "of", *heads, "unit")
    numbers = ["", "", "", "", "pairs"]
    for figure in between.figures:
        spread = between.orders_against_seeds(figure)
        ratio = spread.ratio if figure.by.is_distance else None
        means = (spread.orders, spread.seeds, spread.both, ratio)
        cells = ["–" if mean is None else f"{mean:.4f}" for mean in means]
        table.add_row(_named(figure.measure), figure.of, *cells, figure.by.unit)
        if figure is between.figures[0]:
            numbers = [
                *map(str, (spread.num_orders, spread.num_seeds, spread.num_both)), "", "pairs"
            ]  # fmt: skip
    table.add_row("of so many", "", *numbers)
    return table


def map_table(between: Between) -> Table:
    """Where each mind stands in the plane of the map."""
    x, y = (f"{share:.0%}" for share in between.map.shares)
    table = _table("mind", "order", "seed", f"x ({x})", f"y ({y})", "bits/byte")
    for subject, (across, up), rate in zip(
        between.subjects, between.map.layout, between.map.bits_per_byte_R, strict=True
    ):
        figures = (f"{across:.3f}", f"{up:.3f}", f"{rate:.3f}")
        names = (Text(printable(name)) for name in (subject.name, subject.order))
        table.add_row(*names, str(subject.seed), *figures)
    return table


def memory_table(found: Sequence[Remembered]) -> Table:
    """A row a life and reader: the rank correlation of guessed and true age, by layer."""
    num_layers = max(len(remembered.by_layer) for remembered in found)
    layers = [f"layers.{number}" for number in range(num_layers)]
    table = _table("when a scene was met", "read in", *layers, "by chance below", "scenes")
    for remembered in found:
        by_layer = remembered.by_layer
        cells = [f"{memory.spearman:.3f}" for memory in by_layer]
        cells += [""] * (num_layers - len(cells))
        chance = max(memory.shuffled_high for memory in by_layer)
        names = (Text(printable(name)) for name in (remembered.of, remembered.read_in))
        table.add_row(*names, *cells, f"{chance:.3f}", str(by_layer[0].num_scenes))
    return table


def trait_tables(traits: Mapping[str, Trait], cosines: Sequence[Cosine]) -> Iterator[Table]:
    """d′ by mind and layer; what steering does; the cosines between minds of one birth."""
    heads = ("poles apart", "by chance below", "random directions below")
    clear = _table("d′, held out", "layer", *heads)
    for name, trait in traits.items():
        for direction in trait.directions:
            figures = (direction.d_prime, direction.chance_d_prime, direction.random_d_prime)
            cells = (f"{figure:.2f}" for figure in figures)
            clear.add_row(Text(printable(name)), f"layers.{direction.layer}", *cells)
    yield clear
    effects = ("margin", "positive texts", "random, mean size", "random below", "cost at ±1")
    steered = _table("steering, bits/byte per pole distance", "layer", *effects)
    for name, trait in traits.items():
        found = trait.steering
        random = sum(map(abs, found.random_slopes)) / len(found.random_slopes)
        slopes = (f"{found.margin_slope:.4f}", f"{found.positive_slope:.4f}", f"{random:.4f}")
        rest = (f"{found.share_below:.0%}", f"{found.cost:.4f}")
        steered.add_row(Text(printable(name)), f"layers.{found.layer}", *slopes, *rest)
    yield steered
    if cosines:
        table = _table("cosine of directions", "and", "layer", "cosine")
        for cosine in cosines:
            names = (Text(printable(name)) for name in (cosine.first, cosine.second))
            table.add_row(*names, f"layers.{cosine.layer}", f"{cosine.cosine:.3f}")
        yield table


def _named(measure: str) -> str:
    return measure.replace("_", " ")


def _table(*heads: str) -> Table:
    return Table(*heads, box=None, pad_edge=False)
