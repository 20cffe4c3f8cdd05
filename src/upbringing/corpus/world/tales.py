"""Tales: which scenes belong together, in which voice, and what they say beside their event.

Takes the number of scenes and the seed. Gives a `Plan`, a row a scene. A tale is one scene, or a
story of 4 to 8 that raise a question and answer it. Tales come in blocks of 408, dealt within a
block by a keyed rank (permuted blocks), so that in every whole block each of the 17 voices has
2 stories of the same lengths as any other's, 22 single scenes, and among those 2 facts met once and
2 remarks on the calendar. One deal in eleven, of stories and of each sort of single scenes, is held
out. A plan of more scenes begins with the plan of fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upbringing.corpus.world.tables import Lots
from upbringing.identity import Keys, keyed_hash

DEAL = 17  # as many as there are voices: one for each

_BLOCK = 24 * DEAL
_STORIES = 2 * DEAL  # the lowest ranks
_FACTS = range(2 * DEAL, 4 * DEAL)
_CALENDAR = range(4 * DEAL, 6 * DEAL)
_HELD_OUT_EVERY = 11  # deals; it shares no factor with the lengths of stories

SHORTEST, LONGEST = 4, 8  # scenes of a story


@dataclass(frozen=True)
class Plan:
    """Of each scene, arrays of shape (num_scenes,).

    `tale` is the number of its tale, `place` its place there, `length` the scenes of that tale;
    `rank` the tale's rank in its block, which deals the voice; `fact` the number of the fact that
    it tells or -1; `on_calendar` whether it remarks on a feast; `is_held_out` of training.
    """

    tale: Lots
    place: Lots
    length: Lots
    rank: Lots
    fact: Lots
    on_calendar: npt.NDArray[np.bool_]
    is_held_out: npt.NDArray[np.bool_]

    @classmethod
    def of_facts(cls, facts: Lots) -> Plan:
        """Scenes that each stand alone and tell a fact."""
        nil = np.zeros_like(facts)
        return cls(facts, nil, nil + 1, nil, facts, nil.astype(bool), nil.astype(bool))

    @property
    def in_story(self) -> npt.NDArray[np.bool_]:
        """Whether a scene is one of several."""
        return self.length > 1


def plan_tales(num_scenes: int, seed: int) -> Plan:
    """The tales of the first `num_scenes` scenes; the last may be cut."""
    num_blocks = num_scenes // _BLOCK + 1  # a tale has at least one scene
    tales = np.arange(num_blocks * _BLOCK, dtype=np.int64)
    block = tales // _BLOCK
    rank = _ranks(tales.astype(np.uint64), seed, num_blocks)
    is_story = rank < _STORIES
    # The two deals of stories in a block take the next two of the five lengths.
    deal = rank // DEAL
    length = np.where(is_story, SHORTEST + (2 * block + deal) % (LONGEST - SHORTEST + 1), 1)
    # Two deals of stories and 22 of single scenes a block: each sort and length comes in its turn.
    single = deal - _STORIES // DEAL
    turn = np.where(is_story, 2 * block + deal, single - block)
    is_held_out = turn % _HELD_OUT_EVERY == 0
    in_facts = (rank >= _FACTS.start) & (rank < _FACTS.stop)
    fact = np.where(in_facts, block * len(_FACTS) + rank - _FACTS.start, -1)
    on_calendar = (rank >= _CALENDAR.start) & (rank < _CALENDAR.stop)
    tale = np.repeat(tales, length)[:num_scenes]
    first = np.cumsum(length) - length
    return Plan(
        tale=tale,
        place=np.arange(num_scenes) - first[tale],
        length=length[tale],
        rank=rank[tale],
        fact=fact[tale],
        on_calendar=on_calendar[tale],
        is_held_out=is_held_out[tale],
    )


def _ranks(tales: Keys, seed: int, num_blocks: int) -> Lots:
    """The rank of each tale's lot among its block's."""
    lots = keyed_hash(tales, seed, "world/rank").reshape(num_blocks, _BLOCK)
    ranks: Lots = lots.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable").ravel()
    return ranks
