"""An order in a terminal: whole, at one age, through one scene, against another order.

Takes an `Order`, prints to the console. Text from a corpus is shown as it is, cut to a few lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from upbringing.order import (
    Acquaintance,
    Alone,
    Comparison,
    Encounter,
    Meeting,
    Order,
    PhaseView,
    acquaintance,
    compare,
    meeting,
    moment,
    phases_of,
)
from upbringing.order.words import count, percent, size
from upbringing.terminal.console import out, printable, say
from upbringing.terminal.ribbon import Palette, ribbon_lines, tenths_table

_MOST_KINDS = 3
_NUM_ENDS = 3


def say_order(
    order: Order, title: str, *, tenths: bool = False, under: Sequence[Text] = ()
) -> None:
    """The tree of phases and the ribbon; with `tenths`, the shares of kinds in figures too.

    `under` are lines to stand between the ribbon and its key.
    """
    for line in _tree(order, title):
        say(line)
    say("")
    palette = Palette.of(order)
    for text in [*ribbon_lines(order, palette, out.width), *under, *palette.key(out.width)]:
        say(text)
    if tenths:
        say("")
        out.print(tenths_table(order, palette))


def say_ends(order: Order) -> None:
    """The first scenes and the last."""
    begin = min(_NUM_ENDS, order.num_visits)
    end = max(begin, order.num_visits - _NUM_ENDS)
    for name, positions in (("first", range(begin)), ("last", range(end, order.num_visits))):
        if positions:
            say(f"\n{name}")
        for position in positions:
            say(_one_line(meeting(order, position)))


def _tree(order: Order, title: str) -> list[str]:
    """An order as a tree of its phases; a line is as long as it is, and never cut."""
    num_scenes = 1 + int(np.count_nonzero(np.diff(order.meetings.keys)))
    visits = count(order.num_visits, "visit")
    again = "" if num_scenes == order.num_visits else f" to {count(num_scenes, 'scene')}"
    branches = [f"{visits}{again}, {size(int(order.read[-1]))}, seed {order.seed}"]
    branches += [_phase(view) for view in phases_of(order)]
    return [
        f"{title}  sequence {order.digest[:12]}  visits {order.visits_digest[:12]}",
        *(f"├── {branch}" for branch in branches[:-1]),
        f"└── {branches[-1]}",
    ]


def _phase(view: PhaseView) -> str:
    kinds = sorted(view.share_by_kind.items(), key=lambda item: (-item[1], item[0]))
    shares = ", ".join(f"{kind} {percent(share)}" for kind, share in kinds[:_MOST_KINDS])
    shares += f", {len(kinds) - _MOST_KINDS} more" if len(kinds) > _MOST_KINDS else ""
    levers = "".join(f", {said}" for said in view.span.levers.words())
    visits = count(view.span.stop - view.span.start, "visit")
    return (
        f"{view.span.name}: age {view.from_age:.3f}–{view.to_age:.3f}, {visits}, {shares}{levers}"
    )


def say_moment(order: Order, age: float) -> None:
    """What is read at an age, between its neighbours."""
    found = moment(order, age)
    here, (begin, end) = found.here, found.phase_ages
    behind = (age - begin) / (end - begin)
    say(f"age {age:g}: {here.phase} ({begin:.3f}–{end:.3f}), {behind:.0%} of it behind")
    for before in found.before:
        say(_one_line(before))
    where = f"position {here.position:,} of {order.num_visits:,}"
    say(f"→ {here.age:.4f}  {here.scene} ({here.kind}), {where}")
    say_text(here.text or "", 8)
    for after in found.after:
        say(_one_line(after))


def say_acquaintance(order: Order, scene: str) -> None:
    """When a scene is met, what lies between the meetings, and who stands beside it."""
    found = acquaintance(order, scene)
    times = {0: "never met", 1: "met once"}.get(
        found.num_meetings, f"met {found.num_meetings:,} times"
    )
    why = ": it is held out of training" if found.is_held_out else ""
    say(f"{scene} ({found.kind}) is {times}{why}")
    say_text(found.text, 4)
    told = -1
    for encounter in found.meetings:
        if encounter.number > told + 1:
            say(f"     … {count(encounter.number - told - 1, 'meeting')} …")
        told = encounter.number
        _say_encounter(found, encounter)
    if found.num_meetings > 2:
        least, median, most = np.quantile(found.gaps.ages, [0, 0.5, 1])
        say(f"gaps: {least:.4f} of life at least, {median:.4f} in the middle, {most:.4f} at most")


def _say_encounter(found: Acquaintance, encounter: Encounter) -> None:
    here, number = encounter.here, encounter.number
    say(f"{number + 1:>3}  age {here.age:.4f}, position {here.position:,}, phase {here.phase}")
    beside = [
        f"{word} {other.scene} ({other.kind})"
        for word, other in (("after", encounter.before), ("before", encounter.after))
        if other is not None
    ]
    if beside:
        say(f"     {', '.join(beside)}")
    if number:
        age, visits, num_bytes = (
            gap[number - 1]
            for gap in (found.gaps.ages, found.gaps.num_visits, found.gaps.num_bytes)
        )
        between = f"{count(int(visits), 'other visit')}, {size(int(num_bytes))} between"
        say(f"     {age:.4f} of life after the one before: {between}")


def say_comparison(first: Order, second: Order, names: tuple[str, str]) -> None:
    """What moved from one order to another, by how much, and which visits only one has."""
    found = compare(first, second)
    palette = Palette.of(first, second)
    for order, name in zip((first, second), names, strict=True):
        say(name)
        for text in ribbon_lines(order, palette, out.width):
            say(text)
    for text in palette.key(out.width):
        say(text)
    say("")
    for line in _differences(found, names):
        say(line)
    if not found.is_same:
        say("")
        out.print(_kinds_table(found))


def _differences(found: Comparison, names: tuple[str, str]) -> list[str]:
    if found.is_same:
        return [f"the same order: {count(found.num_common, 'visit')}, one after another"]
    if found.is_permutation:
        return [f"permutations of the same {count(found.num_common, 'visit')}", *_moved(found)]
    lines = [f"{count(found.num_common, 'visit')} in both; they are no permutations of each other"]
    for alone, name in zip(found.alone, names, strict=True):
        lines += _only(alone, name)
    return lines + _moved(found)


def _only(alone: Alone, name: str) -> list[str]:
    if not alone.num_visits:
        return []
    scenes = ", ".join(visit.scene for visit in alone.first)
    more = ", …" if alone.num_visits > len(alone.first) else ""
    visits = f"{count(alone.num_visits, 'visit')}, {size(alone.num_bytes)}"
    return [f"only in {name}: {visits}: {scenes}{more}"]


def _moved(found: Comparison) -> list[str]:
    if found.shift is None:
        return []
    before, after = found.shift.largest
    most = f"{before.scene} ({before.kind}) most: {before.age:.3f} → {after.age:.3f}"
    lines = [f"a visit moves by {found.shift.mean:.3f} of life on average, {most}"]
    if found.tau is not None:
        share = (1 + found.tau) / 2
        pairs = f"{percent(share)} of all pairs of visits keep their order"
        lines.append(f"{pairs} (Kendall's tau {found.tau:.2f})")
    return lines


def _kinds_table(found: Comparison) -> Table:
    """A row a kind: its mean age and its share of each half of life, in both orders."""
    table = Table(
        "kind",
        "mean age",
        "share of the first half",
        "of the second half",
        box=None,
        pad_edge=False,
    )
    for column in table.columns[1:]:
        column.justify = "center"
    for row in found.kinds.iter_rows(named=True):
        ages = [_age(row[f"age_{n}"]) for n in (1, 2)]
        early, late = (
            [percent(row[f"{half}_{n}"] or 0.0) for n in (1, 2)] for half in ("early", "late")
        )
        cells = (f"{left:>4} → {right:<4}" for left, right in (ages, early, late))
        table.add_row(Text(printable(row["kind"])), *cells)
    return table


def _age(age: float | None) -> str:
    return "none" if age is None else f"{age:.2f}"


def _one_line(visit: Meeting) -> str:
    """A visit in one line, with as much of its text as the line holds."""
    head = f"  {visit.age:.4f}  {visit.scene} ({visit.kind})  "
    room = max(out.width - len(head), 20)
    return head + textwrap.shorten(visit.text or "", room, placeholder=" …")


def say_text(text: str, most_lines: int) -> None:
    """The beginning of a scene, indented, its own line breaks kept."""
    width = max(20, min(out.width, 100) - 6)
    lines: Sequence[str] = [
        part
        for line in text.strip().splitlines()
        for part in textwrap.wrap(line, width, drop_whitespace=True) or [""]
    ]
    for line in lines[:most_lines]:
        say(f"    {line}")
    if len(lines) > most_lines:
        say("    …")
