"""What a person sees in a terminal: plain lines, a bar while work is long, trees and tables."""

from __future__ import annotations

import time
import unicodedata
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from upbringing.corpus import Corpus

if TYPE_CHECKING:  # a look at an order does not wait for a trainer to be imported
    from upbringing.character import Profile
    from upbringing.study import Design
    from upbringing.study import Progress as RunProgress

out = Console(highlight=False, soft_wrap=True)
wide = Console(highlight=False, soft_wrap=True, width=200)  # for tables: no figure is cut short

_LINE_EVERY_S = 15.0


def say(line: str | Text) -> None:
    """One line, as it is: text from a corpus is never read as markup."""
    out.print(Text(printable(line)) if isinstance(line, str) else line)


def printable(text: str) -> str:
    """Text whose control characters (a terminal would obey them) are shown as a mark."""
    return "".join(
        "\ufffd" if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in text
    )


class StudyProgress:
    """How far a study is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, design: Design) -> None:
        from upbringing.study import is_done
        from upbringing.study.execution import has_washout

        washout = design.settings.washout
        self.total = {}
        for plan in design.plans:
            if is_done(design, plan):
                continue
            steps = len(plan.recipe.steps)
            extra = round(steps * washout.share) if washout and has_washout(design, plan) else 0
            self.total[plan.name] = steps + extra
        self.lives = {plan.name: len(plan.recipe.steps) for plan in design.plans}
        self.done = dict.fromkeys(self.total, 0)
        self.num_measured, self.said_at, self.started_at = 0, time.monotonic(), time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), "{task.percentage:.0f}%",
            TimeRemainingColumn(compact=True), console=out, transient=True,
        )  # fmt: skip
        self.task = self.bar.add_task("raising", total=max(1, sum(self.total.values())))

    def __enter__(self) -> StudyProgress:
        if out.is_terminal:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if out.is_terminal:
            self.bar.stop()

    def __call__(self, progress: RunProgress) -> None:
        """Take note of a run's progress."""
        if progress.stage == "measured":
            self.num_measured += 1
            self.done[progress.run] = self.total[progress.run]
        elif progress.stage == "life":
            self.done[progress.run] = progress.done
        else:
            self.done[progress.run] = self.lives[progress.run] + progress.done
        self._show()

    def _show(self) -> None:
        done = sum(self.done.values())
        minds = f"{self.num_measured} of {len(self.total)} minds raised"
        if out.is_terminal:
            self.bar.update(self.task, completed=done, description=minds)
        elif time.monotonic() - self.said_at > _LINE_EVERY_S:
            self.said_at = time.monotonic()
            share = done / max(1, sum(self.total.values()))
            left = (self.said_at - self.started_at) * (1 - share) / max(share, 1e-9)
            say(f"  {minds}, {share:.0%}, about {left:.0f} s left")


def profile_table(profile: Profile) -> Table:
    """A run's readings: a row a measure and subject, a column an age."""
    ages = profile.readings["age"].unique().sort().to_list()
    table = Table("measure", "of", *(f"{age:g}" for age in ages), "unit", box=None)
    rows = profile.readings.group_by("measure", "subject", "unit", maintain_order=True)
    for (measure, subject, unit), readings in rows:
        values = [f"{value:.3f}" for value in readings.sort("age")["value"]]
        table.add_row(Text(str(measure)), Text(str(subject)), *values, str(unit))
    return table


def corpus_tree(corpus: Corpus) -> Tree:
    """A corpus as a tree of its kinds."""
    tree = Tree(Text(printable(f"corpus {corpus.path}  {corpus.digest[:12]}")))
    for kind, size in corpus.manifest.facts["by_kind"].items():
        held_out = size["num_bytes_held_out"] / size["num_bytes"]
        megabytes = size["num_bytes"] / 1e6
        line = f"{kind}: {size['num_scenes']:,} scenes, {megabytes:.2f} MB, {held_out:.0%} held out"
        tree.add(Text(printable(line)))
    if dates := corpus.manifest.facts.get("dates"):
        line = f"dated: {dates['num_scenes']:,} scenes, from {dates['from']} to {dates['to']}"
        tree.add(Text(line))
    return tree
