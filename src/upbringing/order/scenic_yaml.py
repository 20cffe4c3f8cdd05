"""The composed life as a file: YAML that a person can read and change, a comment on each choice.

Takes the ages with their chains, the motif and what was intended; gives text. A comment says why
the scenes stand here, how near a bridge is and between which words, what a return adds.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from ruamel.yaml import YAML

from upbringing.corpus.vectors import TFIDF, Source
from upbringing.order.bridges import Chained
from upbringing.order.curriculum import Spaced
from upbringing.order.motif import MOST_OF_LIFE, Motif
from upbringing.order.nearest import Indices
from upbringing.order.selection import Selection
from upbringing.order.words import count, percent

WIDTH = 100
_EXCERPT = 44  # characters of a scene that a comment shows


HOW = (
    "Inside an age each scene stands beside those it is nearest to by vector. A bridge is the "
    "nearest pair of scenes, one of each age, that leaves stories together: the age ends with the "
    "one, and the next begins with the other. Nothing is drawn by lot: every seed lives this life."
)


@dataclass(frozen=True)
class Composed:
    """A life as it was composed, ready to be written.

    head         what was intended, a paragraph each
    ages         with their chains, in order
    motif, when  what returns, None where nothing does; `theme` is what it is the middle of
    frame        the life: id, kind, num_bytes by row, and its `texts`
    num_without  scenes without a vector
    """

    name: str
    head: Sequence[str]
    lang: str | None
    ages: Sequence[Chained]
    motif: Motif | None
    when: Spaced | None
    theme: str
    frame: pl.DataFrame
    texts: pl.Series
    num_without: int

    def to_yaml(self, vectors: Source) -> str:
        """The file, without a first line for editors; `vectors` is what scenes were compared by."""
        lines = [line for paragraph in (*self.head, HOW) for line in comment(paragraph)]
        if self.num_without:
            said = f"Of the scenes {self.num_without:,} have no vector: chains put them anywhere."
            lines += comment(said)
        lines += [f"name: {flow(self.name)}", *seed_line(), *lang_line(self.lang)]
        if vectors != TFIDF:
            lines.append(f"vectors: {flow(vectors)}")
        lines.append("phases:")
        for number in range(len(self.ages)):
            lines += self._phase(number)
        return "\n".join([*lines, *self._unread(), *self._events(), ""])

    def _unread(self) -> list[str]:
        """What no age reads."""
        read = np.concatenate([*(chain.age.rows for chain in self.ages), self._returning[0]])
        unread = self.frame[np.setdiff1d(np.arange(self.frame.height), read)]
        if not unread.height:
            return []
        kinds = ", ".join(sorted(unread["kind"].unique()))
        said = f"Not read, for no block names it: {kinds} ({count(unread.height, 'scene')})."
        return comment(said, 2)

    def _phase(self, number: int) -> list[str]:
        chain = self.ages[number]
        age = chain.age
        share = self._bytes(age.rows) / self._num_bytes
        said = f"{age.what[0].upper()}{age.what[1:]}: {age.why}"
        said += f"; {age.cut}." if age.cut else "."
        said += f" {count(len(age.rows), 'scene')}, {percent(share)} of life."
        return [
            f"  - name: {age.name}",
            *comment(said, 4),
            *self._scenes(number),
            *self._chain(number),
            *_stories(chain),
        ]

    def _bytes(self, rows: Indices) -> int:
        return int(self.frame["num_bytes"].gather(rows).cast(pl.Int64).sum())

    @property
    def _returning(self) -> tuple[Indices, int]:
        """The rows that return, and how often they are met."""
        if self.motif is None or self.when is None:
            return np.array([], dtype=np.int64), 0
        return self.motif.rows, self.when.times

    @property
    def _num_bytes(self) -> int:
        """Of the whole life, returns included."""
        rows, times = self._returning
        return sum(self._bytes(chain.age.rows) for chain in self.ages) + times * self._bytes(rows)

    def _scenes(self, number: int) -> list[str]:
        """The selection; nearness to a text over several lines, with a name for later ages."""
        age = self.ages[number].age
        if not isinstance(age.scenes, Selection):
            return ["    scenes: rest"]
        if age.scenes.near is None:
            return scenes_lines(age.scenes, 4)
        near = age.scenes.near
        is_named_later = any(
            age.scenes in (later.age.scenes.none_of or ())
            for later in self.ages[number + 1 :]
            if isinstance(later.age.scenes, Selection)
        )
        lines = [
            f"    scenes:{f' &{age.name}' if is_named_later else ''}",
            "      near:",
            f"        top: {near.top}",
            "        text: >-",
            *textwrap.wrap(
                near.text or "", WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 10,
                break_long_words=False, break_on_hyphens=False,
            ),
        ]  # fmt: skip
        if age.scenes.none_of:
            names = [f"*{earlier.age.name}" for earlier in self.ages[:number]]
            lines.append(f"      none_of: [{', '.join(names)}]  # what is read before")
        return lines

    def _chain(self, number: int) -> list[str]:
        chain = self.ages[number]
        if chain.start is None and chain.end is None:
            return ["    arrange: chain             # each scene beside those it is nearest to"]
        lines = ["    arrange:", "      chain:"]
        if chain.start is not None:
            before = self.ages[number - 1].age.name
            said = f"        start: {self._id(chain.start)}"
            lines.append(f"{said}  # the bridge from {before} arrives")
        if chain.end is not None:
            after = self.ages[number + 1]
            assert after.start is not None
            said = (
                f"Bridge to {after.age.name}, cosine {chain.cosine:.2f}: "
                f"{self._excerpt(chain.end)} → {self._excerpt(after.start)}"
            )
            lines += [*comment(said, 8), f"        end: {self._id(chain.end)}"]
        return lines

    def _events(self) -> list[str]:
        if self.motif is None or self.when is None:
            share = percent(MOST_OF_LIFE)
            return comment(
                f"No motif returns: in so short a life it would take over {share} each time."
            )
        motif, when = self.motif, self.when
        num_read = len(motif.rows) + sum(len(chain.age.rows) for chain in self.ages)
        added = len(motif.rows) * (when.times - 1)
        opening = self._excerpt(int(motif.rows[0]))
        is_story = "the story" if motif.is_story else "the scenes"
        said = (
            f"The leading motif: {is_story} nearest to {self.theme} (cosine "
            f"{motif.cosine:.2f}), {opening}. Life opens with it, and it comes back at intervals "
            f"that grow: {when.times} times {count(len(motif.rows), 'scene')}, which adds "
            f"{count(added, 'visit')} to {num_read:,}."
        )
        ages = {"first": 0, "last": when.last, "times": when.times, "spacing": when.spacing}
        return [
            "events:",
            *comment(said, 2),
            *scenes_lines(motif.scenes, 2, key="- scenes: "),
            f"    ages: {flow(ages)}",
        ]

    def _id(self, row: int) -> str:
        return flow(self.frame["id"][row])

    def _excerpt(self, row: int) -> str:
        text = self.texts[row][: 4 * _EXCERPT]
        shown = "".join(char for char in text if char.isprintable() or char.isspace())
        return f'"{textwrap.shorten(shown, _EXCERPT, placeholder=" …")}"'


def _stories(chain: Chained) -> list[str]:
    stories = f"{chain.num_stories:,} {'story' if chain.num_stories == 1 else 'stories'}"
    if chain.keeps:
        return [f"    keep: document             # {stories} stay together, in order"]
    if chain.num_stories:
        said = (
            f"{stories} may be told out of order: too few scenes stand alone to close the age. "
            "`keep: document` holds them together, and gives up the bridge."
        )
        return comment(said, 4)
    return []


def seed_line() -> list[str]:
    """The seed, with what becomes of it."""
    return ["seed: 0                          # a study's seed takes its place"]


def lang_line(lang: str | None) -> list[str]:
    """The narrowing to a language, if there is one."""
    said = f"scenes: {{lang: {flow(lang)}}}"
    return [f"{said:<32} # a mind is raised in one language"] if lang else []


def comment(text: str, indent: int = 0) -> list[str]:
    """A text as lines of comment; what follows a line break keeps its line."""
    before = f"{' ' * indent}# "
    return [
        wrapped
        for line in text.splitlines()
        for wrapped in textwrap.wrap(
            line, WIDTH, initial_indent=before, subsequent_indent=before,
            break_long_words=False, break_on_hyphens=False, drop_whitespace=True,
        )
    ]  # fmt: skip


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    return " ".join(_flow_lines(value, width=1_000_000))


def scenes_lines(scenes: Selection, indent: int, key: str = "scenes: ") -> list[str]:
    """A selection under its key, on one line or, where it is long, on several."""
    said = {
        name: value[0] if isinstance(value, tuple) and len(value) == 1 else value
        for name, value in scenes.model_dump(exclude_none=True).items()
    }
    first, *others = _flow_lines(said, width=WIDTH - indent - len(key))
    return [f"{' ' * indent}{key}{first}", *(f"{' ' * (indent + 4)}{line}" for line in others)]


def _flow_lines(value: Any, width: int) -> list[str]:
    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = width
    stream = io.StringIO()
    # A word alone would end its document with a mark; in a list it does not.
    is_word = not isinstance(value, (dict, list, tuple))
    yaml.dump([value] if is_word else _plain(value), stream)
    said = stream.getvalue().strip()
    return [line.strip() for line in (said[1:-1] if is_word else said).splitlines()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
