"""Telling: events → text, many at once.

Takes events and, for each, the voice's family. Gives the opening and the whole text. A choice is
drawn for all events that reach it in one NumPy call, then each branch is filled by one `%` a scene.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from upbringing.corpus.world.events import Events, draw
from upbringing.corpus.world.grammar import TABLE_OF, Family, Grammar, Lots
from upbringing.corpus.world.templates import Agreement, Cell, Choice, Template, Words


class Teller:
    """Fills templates for one set of events; every method takes the positions of some of them."""

    def __init__(self, made: Grammar, events: Events, seed: int) -> None:
        self._grammar = made
        self._events = events
        self._seed = seed

    def opening(self, at: Lots, *, for_probes: bool) -> Words:
        """The first sentence, drawn without regard to voice, shape (n,)."""
        return self._choose(self._grammar.openings[for_probes], at)

    def body(self, family: Family, at: Lots) -> list[str]:
        """What follows the opening, in one family of a voice.

        All its moves but the first, or all but the last: two lengths of the same story.
        """
        moves = [self._choose(move, at) for move in family.moves]
        starts = draw(self._events.keys[at], self._seed, "start", 2)
        parts = zip(starts, *moves, strict=True)
        return [family.joint.join(told[start : start + len(told) - 1]) for start, *told in parts]

    def _choose(self, choice: Choice, at: Lots) -> Words:
        keys = self._events.keys[at]
        picks = draw(keys, self._seed, choice.purpose, len(choice.options))
        if not any(option.slots for option in choice.options):
            return np.array([option.pattern for option in choice.options], dtype=object)[picks]
        told = np.empty(len(at), dtype=object)
        for place, option in enumerate(choice.options):
            here = np.flatnonzero(picks == place)
            told[here] = self._fill(option, at[here])
        return told

    def _fill(self, template: Template, at: Lots) -> Sequence[str]:
        if not template.slots:
            return [template.pattern] * len(at)
        columns = [self._slot(slot, at) for slot in template.slots]
        return [template.pattern % row for row in zip(*columns, strict=True)]

    def _slot(self, slot: Cell | Agreement | Choice, at: Lots) -> Words:
        if isinstance(slot, Choice):
            return self._choose(slot, at)
        words = self._agreement(slot, at) if isinstance(slot, Agreement) else self._cell(slot, at)
        return _capital(words) if slot.capital else words

    def _cell(self, slot: Cell, at: Lots) -> Words:
        table = self._grammar.tables[TABLE_OF[slot.attribute]]
        column = slot.column or table.first
        rows = self._events.rows[slot.attribute][at]
        if slot.partner is None:
            return table.columns[column][rows]
        return table.agreeing[column][rows, self._genders(slot.partner, at)]

    def _agreement(self, slot: Agreement, at: Lots) -> Words:
        return slot.forms[self._genders(slot.partner, at)]

    def _genders(self, attribute: str, at: Lots) -> Lots:
        genders = self._grammar.tables[TABLE_OF[attribute]].genders
        assert genders is not None, "the grammar checked that whoever is agreed with has a gender"
        return genders[self._events.rows[attribute][at]]


def _capital(words: Words) -> Words:
    return np.array([word[:1].upper() + word[1:] for word in words], dtype=object)
