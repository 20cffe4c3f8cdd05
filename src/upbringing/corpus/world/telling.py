"""Telling: events → text, many at once.

Takes events and, for each, the voice's family. Gives openings, bodies, and whatever a choice of the
grammar says of them. A choice is drawn for all events that reach it in one NumPy call, then each
branch is filled by one `%` a scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from upbringing.corpus.world.events import Events, draw
from upbringing.corpus.world.grammar import TABLE_OF, Family
from upbringing.corpus.world.tables import Lots, Table
from upbringing.corpus.world.templates import Agreement, Cell, Choice, Template, Words


class Teller:
    """Fills templates for one set of events; every method takes the positions of some of them."""

    def __init__(self, tables: Mapping[str, Table], events: Events, seed: int) -> None:
        self._tables = tables
        self._events = events
        self._seed = seed

    def body(self, family: Family, at: Lots) -> list[str]:
        """What follows the opening, in one family of a voice."""
        moves = [self.tell(move, at) for move in family.moves]
        return [family.joint.join(told) for told in zip(*moves, strict=True)]

    def tell(self, choice: Choice, at: Lots) -> Words:
        """One of the choice's options for each event, shape (n,)."""
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
            return self.tell(slot, at)
        words = self._agreement(slot, at) if isinstance(slot, Agreement) else self._cell(slot, at)
        return _capital(words) if slot.capital else words

    def _cell(self, slot: Cell, at: Lots) -> Words:
        table = self._tables[TABLE_OF[slot.attribute]]
        column = slot.column or table.first
        rows = self._events.rows[slot.attribute][at]
        if slot.partner is None:
            return table.columns[column][rows]
        return table.agreeing[column][rows, self._classes(slot.partner, at)]

    def _agreement(self, slot: Agreement, at: Lots) -> Words:
        return slot.forms[self._classes(slot.partner, at)]

    def _classes(self, attribute: str, at: Lots) -> Lots:
        classes = self._tables[TABLE_OF[attribute]].classes
        assert classes is not None, "the grammar checked that there is something to agree with"
        return classes[self._events.rows[attribute][at]]


def _capital(words: Words) -> Words:
    return np.array([word[:1].upper() + word[1:] for word in words], dtype=object)
