"""HTML that every page of the report is made of: one file, nothing from the network.

Takes sections, and for a page that draws, its scripts. Gives a document under a content policy that
forbids all requests and every script but those that are inlined. Text is escaped by whoever makes a
section; what is made here is escaped here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from upbringing.report.colours import css_variables

_ASSETS = files("upbringing.report")


@dataclass(frozen=True)
class Section:
    """A part of a page: the id of its element, its heading if it has one, its HTML."""

    name: str
    title: str | None
    body: str


def document(
    title: str,
    sections: Sequence[Section],
    *,
    data: dict[str, object] | None = None,
    scripts: Sequence[str] = (),
) -> str:
    """A whole page. `data` is JSON for the scripts, by the id of the element that holds it."""
    assert not any("</script" in script.lower() for script in scripts), "it would end its element"
    held = "".join(
        f'<script type="application/json" id="{name}">{_json(value)}</script>\n'
        for name, value in (data or {}).items()
    )
    note = "<p>The pictures and the samples are drawn by this page's own script.</p>"
    return Template(asset("page.html")).substitute(
        title=escape(title),
        script_hashes=" ".join(map(_hash, scripts)) or "'none'",
        colours=css_variables(),
        style=asset("page.css"),
        noscript=f"<noscript>{note}</noscript>" if scripts else "",
        sections="\n".join(map(_section, sections)),
        scripts=held + "\n".join(f"<script>{script}</script>" for script in scripts),
    )


def asset(name: str) -> str:
    """A file of the report's own: style, script, template."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def _section(section: Section) -> str:
    heading = f"<h2>{section.title}</h2>" if section.title else ""
    return f'<section id="{section.name}">{heading}{section.body}</section>'


def _hash(script: str) -> str:
    """A script's place in the content policy: the base64 of its SHA-256."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(value: object) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def row_head(name: str, meaning: str) -> str:
    """The first cell of a row: what it is, and below it what that means."""
    return f'<th scope="row">{escape(name)}<small>{escape(meaning)}</small></th>'


def number_cell(text: str, below: str = "") -> str:
    """A figure, and a note below it."""
    small = f"<small>{escape(below)}</small>" if below else ""
    return f'<td class="number">{escape(text)}{small}</td>'


def _class_of(cell: str) -> str:
    """The class of a cell as HTML, as an attribute."""
    found = re.match(r'<td( class="\w+")', cell)
    return found[1] if found else ""


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls sideways by itself; a heading stands as the cells below it do."""
    below = rows[0] if rows else [""] * len(head)
    heads = "".join(
        f'<th scope="col"{_class_of(cell)}>{escape(text)}</th>'
        if text
        else f"<td{_class_of(cell)}></td>"
        for text, cell in zip(head, below, strict=True)
    )
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )
