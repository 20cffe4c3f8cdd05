"""Wording: passages as text that lm-evaluation-harness turns into the very same tokens.

A mind is asked in tokens: an end-of-text token, an opening and a text, each encoded by itself. The
harness is given text and encodes opening and text as one. Most passages come to the same tokens
either way, and each is tried: one that does not is left out, never approximated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from upbringing.character.likelihood import Passage
from upbringing.corpus import end_of_text_id, load_tokenizer

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """A context and options that go on from it, as the harness is given them."""

    given: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Window:
    """A stretch of a passage that fits in a row: what it is read after, and what is scored."""

    given: str
    text: str


@dataclass(frozen=True)
class Wording:
    """The rules of the harness for a checkpoint that is opened by `AutoTokenizer`.

    checkpoint  a stock Hugging Face folder
    row_length  the most tokens that are read at once, which it calls `max_length`

    That a text is cut between two tokens changes neither side's: pairs are merged in the same order
    on each side, and none across the cut. Where that fails (half a letter of UTF-8) it is seen.
    """

    checkpoint: Path
    row_length: int

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer as we read it."""
        return load_tokenizer(self.checkpoint)

    @cached_property
    def end_of_text(self) -> int:
        """The token before each passage, which it calls `prefix_token_id`."""
        return end_of_text_id(self.tokenizer)

    def choice(self, passages: Sequence[Passage]) -> Choice | None:
        """Passages with one opening as one item, where all of them fit in a row."""
        cut = [self.windows(passage) for passage in passages]
        whole = [windows[0] for windows in cut if windows and len(windows) == 1]
        openings = {window.given for window in whole}
        if len(whole) < len(passages) or len(openings) != 1:
            return None
        return Choice(openings.pop(), tuple(window.text for window in whole))

    def windows(self, passage: Passage) -> list[Window] | None:
        """A passage of any length in the windows in which we read it: each but the first after the
        token before it. None where the harness would read other tokens.
        """
        found = []
        for given, scored in _cut(passage, self.row_length):
            window = Window(self._text(given), self._text(scored))
            if not window.given or self._pair(window) != (given, scored):
                return None
            found.append(window)
        return found or None

    def text(self, passage: Passage) -> str | None:
        """A passage as a text that the harness cuts as it likes; None where it would read other
        tokens.
        """
        text = self._text(passage.ids[1:])
        is_same = (self.end_of_text, *self._ids(text)) == passage.ids
        return text if text and is_same else None

    def _pair(self, window: Window) -> tuple[Ids, Ids]:
        """What it makes of a context and a continuation, encoded as one; spaces go over."""
        given = window.given.rstrip()
        opening = self._ids(given)
        whole = self._ids(window.given + window.text)
        return opening, whole[len(opening) :]

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def _ids(self, text: str) -> Ids:
        return tuple(self._theirs.encode(text, add_special_tokens=False))

    @cached_property
    def _theirs(self) -> Any:
        from transformers import AutoTokenizer  # a second of imports

        return AutoTokenizer.from_pretrained(self.checkpoint, local_files_only=True)


def _cut(passage: Passage, size: int) -> Iterator[tuple[Ids, Ids]]:
    """Given and scored ids of each window that scores something, by the rule of `likelihood`."""
    for start in range(0, len(passage.ids) - 1, size):
        ids = passage.ids[start : start + size + 1]
        first = max(1, passage.num_given - start)
        if first < len(ids):
            yield ids[:first], ids[first:]
