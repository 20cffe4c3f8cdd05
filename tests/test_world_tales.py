"""Tales: stories and single scenes, dealt so that no voice has more of anything than another."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upbringing.corpus.world import VOICES
from upbringing.corpus.world.tales import DEAL, LONGEST, SHORTEST, Plan, plan_tales

BLOCK = 24 * DEAL  # tales


def whole_blocks(num_blocks: int, seed: int) -> Plan:
    """The scenes of the first whole blocks of tales."""
    plan = plan_tales(num_blocks * BLOCK * 2, seed)
    return plan_tales(int(np.sum(plan.tale < num_blocks * BLOCK)), seed)


@settings(max_examples=20, deadline=None)
@given(num_scenes=st.integers(1, 3000), seed=st.integers(0, 5))
def test_a_longer_plan_begins_with_the_shorter(num_scenes: int, seed: int) -> None:
    long, short = plan_tales(3000, seed), plan_tales(num_scenes, seed)
    for name in ("tale", "place", "length", "rank", "fact", "on_calendar", "is_held_out"):
        assert getattr(short, name).tolist() == getattr(long, name)[:num_scenes].tolist()


def test_scenes_of_a_tale_follow_one_another() -> None:
    plan = whole_blocks(3, seed=3)
    lengths = []
    for _, scenes in groupby(range(len(plan.tale)), key=lambda scene: plan.tale[scene]):
        places = [(int(plan.place[scene]), int(plan.length[scene])) for scene in scenes]
        assert places == [(place, len(places)) for place in range(len(places))]
        lengths.append(len(places))
    assert plan.tale.tolist() == sorted(plan.tale.tolist())
    assert set(lengths) == {1, *range(SHORTEST, LONGEST + 1)}


def test_every_voice_is_dealt_the_same_in_a_block() -> None:
    assert len(VOICES) == DEAL
    plan = whole_blocks(11, seed=1)
    first = plan.place == 0
    voice = plan.rank % DEAL
    dealt = [
        (
            sorted(plan.length[first & (voice == v)].tolist()),
            int(np.sum(plan.fact[voice == v] >= 0)),
            int(np.sum(plan.on_calendar[voice == v])),
            int(np.sum(plan.is_held_out[voice == v])),
        )
        for v in range(DEAL)
    ]
    assert dealt == [dealt[0]] * DEAL
    lengths, num_facts, num_remarks, num_held_out = dealt[0]
    assert Counter(lengths) == {1: 11 * 22, 4: 5, 5: 5, 6: 4, 7: 4, 8: 4}
    assert num_facts == num_remarks == 11 * 2
    assert num_held_out == 11 * 2 + 4 + 5  # two stories of 22


def test_an_eleventh_of_every_sort_is_held_out() -> None:
    plan = whole_blocks(55, seed=4)
    single = ~plan.in_story
    for sort in (plan.fact >= 0, plan.on_calendar, single, plan.in_story, plan.length == 8):
        assert plan.is_held_out[sort].mean() == pytest.approx(1 / 11)
    by_tale = {}
    for tale, held_out in zip(plan.tale.tolist(), plan.is_held_out.tolist(), strict=True):
        assert by_tale.setdefault(tale, held_out) == held_out


def test_each_fact_is_told_once_and_by_no_story() -> None:
    plan = whole_blocks(4, seed=0)
    told = plan.fact[plan.fact >= 0]
    assert np.sort(told).tolist() == list(range(4 * 2 * DEAL))
    assert not plan.in_story[plan.fact >= 0].any()
    assert not (plan.on_calendar & (plan.fact >= 0)).any()


@pytest.mark.parametrize("num_voices", [2, 4, 6])
def test_fewer_voices_are_dealt_nearly_alike(num_voices: int) -> None:
    plan = whole_blocks(10, seed=2)
    tales = plan.rank[plan.place == 0] % num_voices
    counts = Counter(tales.tolist())
    assert max(counts.values()) - min(counts.values()) <= 10 * 2
