"""What a study says besides its verdicts, as sections, from hypotheses to what only explores.

Takes the records of `findings.json`; gives HTML in which every string of the study is escaped. Each
section shows the sentences that were made of its records, and the records folded away.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from upbringing.report import words
from upbringing.report.markup import number_cell, row_head, table
from upbringing.report.records import (
    Contrast,
    Exploratory,
    Findings,
    HalfLife,
    Interpretation,
    Told,
)
from upbringing.report.tables import contrasts_table


def hypotheses(findings: Findings) -> str:
    """What was expected before the first run, and what came of it."""
    rows = [
        [f"<td>{escape(one.text)}</td>", f"<td>{escape(one.answer)}</td>",
         f"<td>{escape(one.reason)}</td>"]
        for one in findings.hypotheses
    ]  # fmt: skip
    return table("Written and hashed before the first run.", ["Expected", "Came", "Why"], rows)


def interpretation(found: Interpretation, findings: Findings) -> str:
    """How the same next block was read after either first one."""
    rows = [
        [
            row_head(one.scene, one.kind),
            number_cell(words.number(one.difference, 3, sign=True)),
            f"<td>{escape(one.schedule)}</td>",
        ]
        for one in found.scenes
    ]
    caption = (
        f"Scenes of {found.next} that are read most differently: bits per byte more after"
        f" {found.first} than after {found.other}."
    )
    scenes = table(caption, ["Scene", "Difference", "Rate"], rows) if rows else ""
    return _told(found, findings, scenes)


def doses(found: Told, findings: Findings) -> str:
    """What the order was worth to style and to knowledge, in amounts of the block."""
    about = (
        "Style and knowledge on one scale: the minds of the ladder read the block in known amounts,"
        " and 1 is what every arm reads of it."
    )
    return f'<p class="note">{escape(about)}</p>{_told(found, findings, "")}'


def fading(found: Sequence[HalfLife]) -> str:
    """How long what each place left outlived the washout; one sentence where that is all alike."""
    has_figures = any((one.estimate, one.low, one.high) != (None, None, None) for one in found)
    if not has_figures and len({(one.answer, one.reason) for one in found}) == 1:
        names = ", ".join(dict.fromkeys(one.name for one in found))
        why = f"{found[0].answer} ({found[0].reason.rstrip('.')})"
        said = f"Half-lives of {names} over the washout: {why}."
        return f"<p>{escape(said)}</p>"
    rows = [
        [
            row_head(f"{one.name}, {one.schedule}", one.axis),
            f"<td>{escape(one.answer)}</td>",
            number_cell(words.number(one.estimate, 0), words.interval(one.low, one.high, digits=0)),
            f"<td>{escape(one.reason)}</td>",
        ]
        for one in found
    ]
    caption = f"Half-lives over the washout, {escape(found[0].unit)}; {found[0].method}."
    return table(caption, ["Contrast", "Answer", "Half-life", "Why"], rows)


def explored(found: Exploratory) -> str:
    """Whether the arms differ at all, and how much random orders differ."""
    rows = [
        [
            row_head(one.what, one.method),
            number_cell(words.number(one.statistic), one.reason),
            number_cell(words.p_value(one.p)),
            number_cell(words.number(one.share)),
        ]
        for one in found.omnibus
    ]
    caption = (
        "All arms at once: do they differ at all? Nothing is decided by this, since a control may"
        " be what differs."
    )
    heads = ["", "F", "p", "Share of the spread within seeds"]
    whole = f"<details><summary>All arms at once</summary>{table(caption, heads, rows)}</details>"
    if not found.order_spreads:
        return whole
    spreads = [
        [
            row_head(one.what, f"{one.num_orders} random orders × {one.num_seeds} seeds"),
            number_cell(words.number(one.ratio), one.reason),
            number_cell(words.interval(one.low, one.high)),
        ]
        for one in found.order_spreads
    ]
    caption = (
        "Random orders, each read at every seed: the variance between orders over what is left"
        " between minds. 0: orders drawn by chance differ no more than minds of one order do."
    )
    return table(caption, ["", "σ²order/σ²residual", "95%"], spreads) + whole


def _told(found: Told, findings: Findings, more: str) -> str:
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in found.sentences)
    groups = groupby(found.contrasts, key=lambda c: (c.schedule, c.measure))
    tables = "".join(_of(list(group), findings) for _, group in groups)
    return f"{sentences}<details><summary>The figures</summary>{tables}{more}</details>"


def _of(contrasts: Sequence[Contrast], findings: Findings) -> str:
    return f"<h4>{escape(contrasts[0].schedule)}</h4>{contrasts_table(contrasts, findings)}"
