from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from conftest import KINDS, ids_of
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus
from upbringing.identity import keyed_hash
from upbringing.order import Order, Phase, compile_order
from upbringing.order.curriculum import Curriculum
from upbringing.order.places import check_setting, known_arrangements

MEASURES = ("num_bytes", "num_words", "compression_ratio", "unigram_surprisal")


def arranged(corpus: Corpus, arrange: object, seed: int = 0) -> Order:
    phase = Phase(name="life", scenes="rest", arrange=arrange)
    return compile_order(corpus, Curriculum(name="x", phases=(phase,)), seed=seed)


arrangements = st.one_of(
    st.sampled_from(["as_is", "shuffle"]),
    st.sampled_from([sign + name for name in MEASURES for sign in ("", "-")]).map(
        lambda measure: {"sort": measure}
    ),
    st.permutations(KINDS).map(lambda kinds: {"blocks": kinds}),
)


def test_every_arrangement_is_under_test() -> None:
    assert known_arrangements() == ["as_is", "blocks", "shuffle", "sort"]


@given(arrange=arrangements, seed=st.integers(0, 2**63))
def test_every_arrangement_is_a_permutation_of_the_same_visits(
    corpus: Corpus, arrange: object, seed: int
) -> None:
    order = arranged(corpus, arrange, seed)
    everything = corpus.scenes.filter(split="train")["id"].to_list()
    assert Counter(ids_of(order)) == Counter(everything)
    assert order.visits_digest == arranged(corpus, "as_is").visits_digest


def test_as_is_is_the_order_of_the_corpus(corpus: Corpus) -> None:
    assert ids_of(arranged(corpus, "as_is")) == corpus.scenes.filter(split="train")["id"].to_list()


@pytest.mark.parametrize("measure", MEASURES)
def test_sort_rises_and_falls_with_ties_by_id(corpus: Corpus, measure: str) -> None:
    scenes = corpus.scenes.filter(split="train").sort("key")
    rising = scenes.sort(measure, maintain_order=True)["id"].to_list()
    falling = scenes.sort(-pl.col(measure).cast(pl.Float64), maintain_order=True)["id"].to_list()
    assert ids_of(arranged(corpus, {"sort": measure})) == rising
    assert ids_of(arranged(corpus, {"sort": f"-{measure}"})) == falling


def test_blocks_come_as_listed_and_are_shuffled_inside(corpus: Corpus) -> None:
    kinds = ["poetry", "chat", "technical", "drama"]
    scenes = corpus.scenes.filter(split="train")
    lots = keyed_hash(scenes["key"].to_numpy(), 4, "order/life/0").tolist()
    expected = sorted(
        zip([kinds.index(kind) for kind in scenes["kind"]], lots, scenes["id"], strict=True)
    )
    order = arranged(corpus, {"blocks": kinds}, seed=4)
    assert ids_of(order) == [name for _, _, name in expected]


def test_blocks_may_list_kinds_that_are_not_there(corpus: Corpus) -> None:
    order = arranged(corpus, {"blocks": ["letters", *KINDS]})
    assert ids_of(order) == ids_of(arranged(corpus, {"blocks": list(KINDS)}))


@pytest.mark.parametrize(
    ("name", "setting", "says"),
    [
        ("shuffle", 1, "takes no setting"),
        ("sort", None, "needs a setting"),
        ("sort", 3, "valid string"),
        ("sort", "beauty", "no measure is called beauty"),
        ("blocks", "drama", "not allowed as a Sequence"),
        ("blocks", None, "needs a setting"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(name: str, setting: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_setting(name, setting)
