"""What a person sees in a terminal: plain lines, trees and tables."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from upbringing.corpus import Corpus, left_out_line

if TYPE_CHECKING:  # a look at an order does not wait for a trainer to be imported
    from collections.abc import Mapping

    from upbringing.character import Ablation, Profile
    from upbringing.study.poles import Poles

out = Console(highlight=False, soft_wrap=True)
wide = Console(highlight=False, soft_wrap=True, width=200)  # for tables: no figure is cut short


def say(line: str | Text) -> None:
    """One line, as it is: text from a corpus is never read as markup."""
    out.print(Text(printable(line)) if isinstance(line, str) else line)


def printable(text: str) -> str:
    """Text whose control characters (a terminal would obey them) are shown as a mark."""
    return "".join(
        "\ufffd" if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in text
    )


def profile_table(profile: Profile) -> Table:
    """A run's readings: a row a measure and subject, a column an age.

    The column "in full" has what was asked at the end with all the probes.
    """
    ages = profile.readings["age"].unique().sort().to_list()
    moments = [*((age, "along") for age in ages), (max(ages, default=1.0), "whole")]
    table = Table("measure", "of", *(f"{age:g}" for age in ages), "in full", "unit", box=None)
    rows = profile.readings.group_by("measure", "subject", "unit", maintain_order=True)
    for (measure, subject, unit), readings in rows:
        found = {(a, scope): v for a, scope, v in readings["age", "scope", "value"].iter_rows()}
        values = [f"{found[at]:.3f}" if at in found else "–" for at in moments]
        table.add_row(
            Text(printable(str(measure))), Text(printable(str(subject))), *values, str(unit)
        )
    return table


def ablation_table(ablation: Ablation) -> Table:
    """What a module put back does to each kind, beside random modules."""
    heads = ("kind", "bits/byte", "effect", "of random", "their SD", "of them below")
    table = Table(*heads, box=None)
    for kind, *figures, below in ablation.by_kind.iter_rows():
        values = [f"{value:.3f}" for value in figures]
        table.add_row(Text(printable(kind)), *values, f"{below:.0%}")
    return table


def gates_table(gates: Mapping[str, Poles]) -> Table:
    """How far apart the poles of each axis are at a size, and whether it can be measured there."""
    table = Table("axis", "gate", "pole distance", "seed SD", "why", box=None)
    for axis, poles in gates.items():
        figures = (poles.distance, poles.seed_sd)
        told = ["–" if figure is None else f"{figure:.3f}" for figure in figures]
        table.add_row(Text(printable(axis)), poles.gate, *told, Text(printable(poles.reason)))
    return table


def corpus_tree(corpus: Corpus) -> Tree:
    """A corpus as a tree of its kinds."""
    tree = Tree(Text(printable(f"corpus {corpus.path}  {corpus.digest[:12]}")))
    for kind, size in corpus.manifest.facts["by_kind"].items():
        held_out = size["num_bytes_held_out"] / size["num_bytes"]
        megabytes = size["num_bytes"] / 1e6
        line = f"{kind}: {size['num_scenes']:,} scenes, {megabytes:.2f} MB, {held_out:.0%} held out"
        tree.add(Text(printable(line)))
    if left_out := left_out_line(corpus):
        tree.add(Text(left_out))
    if dates := corpus.manifest.facts.get("dates"):
        line = f"dated: {dates['num_scenes']:,} scenes, from {dates['from']} to {dates['to']}"
        tree.add(Text(line))
    return tree
