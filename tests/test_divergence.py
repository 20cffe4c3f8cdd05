"""Jensen–Shannon: nothing from itself, one bit from a stranger, SciPy's square in between."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from minds import NUM_BYTES, TableMind, random_table
from scipy.spatial.distance import jensenshannon

from upbringing.character.between.divergence import jensen_shannon
from upbringing.character.likelihood import Passage
from upbringing.errors import InputError
from upbringing.training import Mind


class Talker(TableMind):
    """A mind of a table of probabilities, with logits."""

    def logits(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        return self.log_p_VV[tokens_BT] + 3.0


def talker(p_VV: np.ndarray, row_length: int = 32) -> Mind:
    return cast(Mind, Talker(p_VV, row_length))


def passages_of(num_passages: int, seed: int = 0) -> list[Passage]:
    rng = np.random.default_rng(seed)
    return [
        Passage((0, *rng.integers(1, NUM_BYTES, rng.integers(3, 40)).tolist()), 1 + n % 3, 9)
        for n in range(num_passages)
    ]


def test_it_is_the_square_of_scipys_in_bits() -> None:
    a, b, c = (talker(random_table(seed)) for seed in range(3))
    passages = [Passage((0, 3, 4, 5), 1, 3), Passage((0, 7, 8, 9, 2), 3, 2)]
    contexts = [0, 3, 4, 8, 9]  # before 3, 4, 5; and before 9, 2
    found = jensen_shannon([a, b, c], passages)
    assert found.num_contexts == 5
    minds = [cast(Talker, mind).p_VV for mind in (a, b, c)]
    for i, p_VV in enumerate(minds):
        for j, q_VV in enumerate(minds):
            by_hand = np.mean([jensenshannon(p_VV[x], q_VV[x], 2) ** 2 for x in contexts])
            assert found.bits_RR[i, j] == pytest.approx(by_hand, abs=1e-9)


def test_a_mind_and_itself_do_not_differ_by_a_bit() -> None:
    a, b = talker(random_table(0)), talker(random_table(0))
    found = jensen_shannon([a, b, a], passages_of(20))
    assert (found.bits_RR == 0).all()


def test_minds_that_expect_no_token_in_common_differ_by_one_bit() -> None:
    even = np.where(np.arange(NUM_BYTES) % 2, 1e-300, 1.0) * np.ones((NUM_BYTES, 1))
    odd = np.where(np.arange(NUM_BYTES) % 2, 1.0, 1e-300) * np.ones((NUM_BYTES, 1))
    found = jensen_shannon([talker(even), talker(odd)], passages_of(5))
    assert found.bits_RR[0, 1] == pytest.approx(1, abs=1e-12)


def test_contexts_are_thinned_evenly_and_batches_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a, b, passages = talker(random_table(0)), talker(random_table(1)), passages_of(30)
    whole = jensen_shannon([a, b], passages, most_contexts=100_000)
    before = [x for p in passages for x in (p.ids[:33])[p.num_given - 1 : -1]]
    assert whole.num_contexts == len(before)
    thinned = jensen_shannon([a, b], passages, most_contexts=len(before) // 3)
    p_VV, q_VV = (cast(Talker, mind).p_VV for mind in (a, b))
    every = -(-len(before) // (len(before) // 3))
    by_hand = [jensenshannon(p_VV[x], q_VV[x], 2) ** 2 for x in before[::every]]
    assert thinned.num_contexts == len(by_hand)
    assert thinned.bits_RR[0, 1] == pytest.approx(np.mean(by_hand), abs=1e-9)
    monkeypatch.setattr("upbringing.character.between.divergence._PROBABILITIES_AT_ONCE", 1)
    small = jensen_shannon([a, b], passages, most_contexts=len(before) // 3)
    assert small.bits_RR[0, 1] == pytest.approx(thinned.bits_RR[0, 1], abs=1e-12)


def test_unlike_vocabularies_are_refused() -> None:
    with pytest.raises(InputError, match="the minds know 5, 257 tokens"):
        jensen_shannon([talker(random_table()), talker(np.ones((5, 5)))], passages_of(1))
