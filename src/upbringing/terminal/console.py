"""What a person sees in a terminal: plain lines, and the tree of a corpus."""

from __future__ import annotations

import unicodedata

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from upbringing.corpus import Corpus, left_out_line

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
