"""Corpus → one HTML file: what there is to read, kind by kind, and how alike the kinds are.

Takes an opened corpus; gives `report.html` in its folder. A corpus whose held-out events are told
in every voice shows some of them side by side; one with linked scenes shows a story; one with
questions shows what a mind can be asked. Promises: every text is escaped; without text, no scene,
opening or question is in the file; no script at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np
import polars as pl

from upbringing.corpus import Corpus
from upbringing.files import write_text
from upbringing.report import words
from upbringing.report.markup import Section, document, number_cell, row_head, table

_NUM_EVENTS = 3  # told side by side, a language
_NUM_QUESTIONS = 6


def write_corpus_page(corpus: Corpus, *, with_text: bool = True) -> Path:
    """Write `report.html` into the corpus folder, replacing an older one; return its path."""
    page = corpus.path / "report.html"
    write_text(page, render_corpus(corpus, with_text=with_text))
    return page


def render_corpus(corpus: Corpus, *, with_text: bool) -> str:
    """The page as text."""
    sections = [Section("head", None, _head(corpus))]
    sections += [
        Section(f"kinds-{lang}", f"What there is to read: {escape(lang)}", _sizes(corpus, lang))
        for lang in corpus.langs
    ]
    if with_text:
        sections += _texts(corpus)
    sections.append(Section("making", "How it was made", _making(corpus)))
    return document(f"{corpus.path.name} · upbringing", sections)


def _head(corpus: Corpus) -> str:
    num_bytes = sum(kind["num_bytes"] for kind in corpus.manifest.facts["by_kind"].values())
    facts = [
        f"{words.count(corpus.num_scenes)} scenes",
        f"{num_bytes / 1e6:.1f} MB",
        f"{len(corpus.kinds)} kinds",
        f"languages: {', '.join(corpus.langs)}",
    ]
    return (
        f"<h1>{escape(str(corpus.path.name))}</h1>"
        '<div class="answer"><p>What a mind raised on this corpus can read.</p></div>'
        f'<p class="facts">{escape(" · ".join(facts))}</p>'
    )


def _sizes(corpus: Corpus, lang: str) -> str:
    """A row a kind: how much of it there is, and measures that should not tell kinds apart."""
    scenes = corpus.scenes.filter(lang=lang)
    rows = [
        [
            row_head(str(kind), f"{_held_out(its):.0%} held out"),
            number_cell(f"{len(its):,}"),
            number_cell(f"{int(its['num_bytes'].sum()) / 1e6:.2f}"),
            number_cell(f"{_mean(its, 'num_bytes'):.0f}"),
            number_cell(f"{_mean(its, 'num_words'):.0f}"),
            number_cell(f"{_mean(its, 'unigram_surprisal'):.2f}"),
            number_cell(f"{_mean(its, 'compression_ratio'):.2f}"),
        ]
        for (kind,), its in scenes.sort("kind", maintain_order=True).group_by(
            "kind", maintain_order=True
        )
    ]
    head = ["Kind", "scenes", "MB", "bytes", "words", "bits/byte", "compression"]
    caption = (
        "Bytes and words are means of a scene; bits/byte is the surprisal of its words by how"
        " common they are in this language here; compression is bytes over bytes under zlib."
    )
    return table(caption, head, rows)


def _texts(corpus: Corpus) -> list[Section]:
    sections = []
    for lang in corpus.langs:
        if corpus.parallels is not None:
            told = corpus.parallels.filter(lang=lang)
            title = f"The same event in every voice: {escape(lang)}"
            sections.append(Section(f"voices-{lang}", title, _side_by_side(told)))
        scenes = corpus.scenes.filter(lang=lang)
        if story := _story(scenes):
            sections.append(Section(f"story-{lang}", f"Linked scenes: {escape(lang)}", story))
        if corpus.questions is not None:
            asked = corpus.questions.filter(lang=lang)
            title = f"What a mind can be asked: {escape(lang)}"
            sections.append(Section(f"questions-{lang}", title, _questions(asked)))
        if corpus.parallels is None:
            title = f"A scene of each kind: {escape(lang)}"
            sections.append(Section(f"scenes-{lang}", title, _one_of_each(scenes)))
    return sections


def _side_by_side(parallels: pl.DataFrame) -> str:
    """The first events, each a grid of its tellings; held out, so that no mind has read them."""
    events = parallels["event"].unique(maintain_order=True)[:_NUM_EVENTS]
    parts = []
    for place, event in enumerate(events):
        told = parallels.filter(event=event)
        opening = str(told["opening"][0])
        tellings = [
            _telling(kind, text.removeprefix(opening).strip())
            for kind, text in told.select("kind", "text").iter_rows()
        ]
        parts.append(
            f"<details{' open' if place == 0 else ''}><summary>{escape(opening)}</summary>"
            f'<div class="minds">{"".join(tellings)}</div></details>'
        )
    note = '<p class="note">No mind reads these; they compare voices on one event.</p>'
    return note + "".join(parts)


def _story(scenes: pl.DataFrame) -> str | None:
    """The first whole document of several scenes, one after another; None where there is none."""
    longer = scenes.filter(pl.len().over("document") > 1)
    if longer.is_empty():
        return None
    story = longer.filter(document=longer["document"][0]).sort("place")
    told = story.select(pl.format("{}, {}", "kind", pl.col("place") + 1), "text").iter_rows()
    tellings = "".join(_telling(kind, text) for kind, text in told)
    name = escape(str(story["document"][0]))
    num_documents = longer["document"].n_unique()
    return (
        f'<p class="note">{len(longer) / len(scenes):.0%} of the scenes stand in'
        f" {num_documents:,} documents of several. The first one, {name}:</p>"
        f'<div class="minds">{tellings}</div>'
    )


def _questions(asked: pl.DataFrame) -> str:
    """Some of each sort: those of one scene, and those of the whole corpus."""
    once = pl.col("document").is_not_null()
    some = pl.concat([asked.filter(once)[:_NUM_QUESTIONS], asked.filter(~once)[:_NUM_QUESTIONS]])
    rows = [
        [
            row_head(prompt + " …", f"told once, in {kind}" if kind else "told in many scenes"),
            f"<td>{escape(answer)}</td>",
            f"<td>{escape(', '.join(others[:3]))} …</td>",
        ]
        for prompt, kind, answer, others in some.select(
            "prompt", "kind", "answer", "others"
        ).iter_rows()
    ]
    num_once = int(asked.select(once.sum()).item())
    caption = f"{num_once:,} facts met once, {len(asked) - num_once:,} of the calendar."
    return table(caption, ["Prompt", "answer", "others"], rows)


def _one_of_each(scenes: pl.DataFrame) -> str:
    first = scenes.group_by("kind", maintain_order=True).first().select("kind", "text")
    return f'<div class="minds">{"".join(_telling(k, t) for k, t in first.iter_rows())}</div>'


def _telling(kind: str, text: str) -> str:
    return (
        f'<div class="mind" style="--swatch:var(--rule)"><h3>{escape(kind)}</h3>'
        f"<p>{escape(text)}</p></div>"
    )


def _making(corpus: Corpus) -> str:
    recipe = {name: _plain(value) for name, value in corpus.manifest.recipe.items()}
    facts = {**recipe, "digest": corpus.digest}
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return f"<dl>{items}</dl>"


def _plain(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, (str, dict)):
        return ", ".join(map(str, value))
    return str(value)


def _mean(scenes: pl.DataFrame, column: str) -> float:
    return float(np.mean(scenes[column].to_numpy()))


def _held_out(scenes: pl.DataFrame) -> float:
    return len(scenes.filter(split="held_out")) / len(scenes)
