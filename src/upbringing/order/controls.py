"""Controls: the visits of a life in another order, against which its own order is judged.

Each control keeps every visit of the curriculum, repeats and events included, so that a life and
its controls are permutations of one another; what differs between them is order alone.

    shuffle  S: all visits in a random order
    deal     N: one more shuffle, by a draw of its own: how two shuffles differ is chance
    random   the phases stay where they are; inside each, its visits in a random order
    blocks   the phases, each as it is, one after another in a random order other than the file's
    other    O: the first phase changes places with the phase that is nearest to it in size
    reverse  from the last visit to the first

The phases remain stretches of age, with their levers: a control begins each at the age at which the
curriculum does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from upbringing.errors import InputError
from upbringing.identity import Keys, keyed_hash
from upbringing.order.additions import Life
from upbringing.order.mixing import inside_groups
from upbringing.order.sorting import Rows, argsort

Control = Literal["shuffle", "deal", "random", "blocks", "other", "reverse"]
CONTROLS: tuple[Control, ...] = get_args(Control)

Positions = npt.NDArray[np.integer]


@dataclass(frozen=True)
class _Lived:
    """A life: its visits, and the borders of its P phases, (P + 1,), the last one its end."""

    sequence: Rows
    borders: npt.NDArray[np.int64]
    life: Life

    def lots(self, control: str) -> Keys:
        """A lot for each visit, (num_visits,), from the scene and the number of the meeting."""
        places = np.arange(len(self.sequence), dtype=np.uint64)
        meeting, _ = inside_groups(self.sequence.astype(np.uint64), places)
        first = keyed_hash(self.life.keys[self.sequence], self.life.seed, f"control/{control}")
        return keyed_hash(first + meeting, self.life.seed, "control/meeting")

    @property
    def num_bytes(self) -> npt.NDArray[np.int64]:
        """The bytes of each phase, (P,)."""
        return np.diff(self.life.read(self.sequence)[self.borders])

    def phases(self, numbers: Positions) -> Positions:
        """The positions of these phases, one after another."""
        spans = [np.arange(self.borders[n], self.borders[n + 1]) for n in numbers]
        return np.concatenate(spans)


def controlled(
    control: Control, sequence: Rows, starts: list[int], life: Life
) -> tuple[Rows, list[int]]:
    """The visits in the order of a control, and where its phases start.

    `sequence` is (num_visits,), `starts` the first visit of each phase. Raises `InputError` where
    there are too few phases for the control.
    """
    borders = np.array([*starts, len(sequence)])
    order = _CONTROLS[control](_Lived(sequence, borders, life))
    # Levers belong to age: what was behind a border in bytes is behind it still.
    behind = life.read(sequence)[borders]
    other: Rows = sequence[order]
    return other, np.searchsorted(life.read(other), behind)[:-1].tolist()


def _shuffle(lived: _Lived) -> Positions:
    return _by_lot(lived.lots("shuffle"))


def _deal(lived: _Lived) -> Positions:
    return _by_lot(lived.lots("deal"))


def _by_lot(lots: Keys) -> Positions:
    return argsort(lots, np.arange(len(lots), dtype=np.uint64))


def _random(lived: _Lived) -> Positions:
    lots = lived.lots("random")
    spans = [np.arange(a, b) for a, b in zip(lived.borders, lived.borders[1:], strict=False)]
    return np.concatenate([span[_by_lot(lots[span])] for span in spans])


def _blocks(lived: _Lived) -> Positions:
    _needs_two(lived, "blocks")
    numbers = np.arange(len(lived.borders) - 1)
    for draw in count():
        lots = keyed_hash(numbers.astype(np.uint64), lived.life.seed, f"control/blocks/{draw}")
        dealt = np.argsort(lots)
        if (dealt != numbers).any():
            break
    return lived.phases(dealt)


def _other(lived: _Lived) -> Positions:
    _needs_two(lived, "other")
    sizes = lived.num_bytes
    nearest = 1 + int(np.abs(sizes[1:] - sizes[0]).argmin())
    numbers = np.arange(len(sizes))
    numbers[[0, nearest]] = nearest, 0
    return lived.phases(numbers)


def _reverse(lived: _Lived) -> Positions:
    return np.arange(len(lived.sequence))[::-1]


def _needs_two(lived: _Lived, control: str) -> None:
    if len(lived.borders) < 3:
        do = "give the life two phases or more"
        raise InputError(f"`control: {control}` has no other phase to put first", do=do)


_CONTROLS: Mapping[Control, Callable[[_Lived], Positions]] = {
    "shuffle": _shuffle,
    "deal": _deal,
    "random": _random,
    "blocks": _blocks,
    "other": _other,
    "reverse": _reverse,
}
