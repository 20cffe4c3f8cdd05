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
from upbringing.order.places import known_arrangements, read_arrangement, say_arrangement

MEASURES = ("num_bytes", "num_words", "compression_ratio", "unigram_surprisal")


def arranged(corpus: Corpus, arrange: object, seed: int = 0) -> Order:
    phase = Phase(name="life", scenes="rest", arrange=arrange)
    return compile_order(corpus, Curriculum(name="x", phases=(phase,)), seed=seed)


measures = st.sampled_from([sign + name for name in MEASURES for sign in ("", "-")])
plain = st.one_of(
    st.sampled_from(["as_is", "shuffle"]),
    measures.map(lambda measure: {"sort": measure}),
    st.lists(measures, min_size=2, max_size=3).map(lambda several: {"sort": several}),
)
densities = st.one_of(
    st.floats(0.1, 5),
    st.lists(st.floats(0, 3), min_size=2, max_size=4).filter(lambda values: sum(values) > 0.5),
    st.fixed_dictionaries(
        {"from": st.floats(0.1, 2), "to": st.floats(0, 2)},
        optional={"shape": st.sampled_from(["linear", "cosine", "step"]), "at": st.just(0.3)},
    ),
    st.just({0: 1, 0.5: 0, 1: 2}),
)
arrangements = st.recursive(
    st.one_of(
        plain,
        st.permutations(KINDS).map(lambda kinds: {"blocks": kinds}),
        st.fixed_dictionaries(
            {"by": st.one_of(measures, st.just("random"))},
            optional={
                "how": st.sampled_from(["linear", "root", "quadratic", "step"]),
                "start": st.floats(0, 1),
                "steps": st.integers(1, 9),
            },
        ).map(lambda said: {"pacing": said}),
        st.fixed_dictionaries({"by": measures}, optional={"share": st.floats(0, 1)}).map(
            lambda said: {"warm_up": said}
        ),
        st.fixed_dictionaries(
            {"by": measures},
            optional={
                "sweeps": st.integers(1, 100),
                "turn": st.sampled_from(["up", "down", "alternate"]),
                "levels": st.integers(1, 9),
                "jitter": st.floats(0, 1),
            },
        ).map(lambda said: {"cyclic": said}),
        st.fixed_dictionaries({"by": measures}, optional={"peak": st.floats(0, 1)}).map(
            lambda said: {"arc": said}
        ),
        st.fixed_dictionaries({"by": measures}, optional={"turns": st.integers(1, 9)}).map(
            lambda said: {"spiral": said}
        ),
        st.fixed_dictionaries(dict.fromkeys(KINDS, densities)).map(
            lambda said: {"mixture": {"kinds": said}}
        ),
    ),
    lambda inside: st.one_of(
        inside.map(lambda said: {"reverse": said}),
        st.builds(
            lambda of, said: {"interleave": {"of": of, "inside": said}},
            st.sampled_from(["kind", "document"]),
            inside,
        ),
        st.builds(
            lambda kinds, said: {"blocks": {"kinds": kinds, "inside": said}},
            st.permutations(KINDS),
            inside,
        ),
    ),
    max_leaves=3,
)


def test_every_arrangement_is_under_test() -> None:
    assert known_arrangements() == [
        "arc", "as_is", "blocks", "chain", "cyclic", "interleave", "mixture", "pacing", "reverse",
        "shuffle", "sort", "spiral", "warm_up",
    ]  # fmt: skip


@given(arrange=arrangements)
def test_an_arrangement_is_written_as_it_is_read(arrange: object) -> None:
    read = read_arrangement(arrange)
    assert read_arrangement(say_arrangement(read)) == read


@given(arrange=arrangements, seed=st.integers(0, 2**63))
def test_backwards_twice_is_forwards(corpus: Corpus, arrange: object, seed: int) -> None:
    forwards = arranged(corpus, arrange, seed)
    backwards = arranged(corpus, {"reverse": arrange}, seed)
    assert backwards.sequence.tolist() == forwards.sequence[::-1].tolist()
    twice = arranged(corpus, {"reverse": {"reverse": arrange}}, seed)
    assert twice.digest == forwards.digest


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
        ("sort", 3, "valid tuple"),
        ("sort", "beauty", "no measure is called beauty"),
        ("blocks", "drama", "not allowed as a Sequence"),
        ("blocks", None, "needs a setting"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(name: str, setting: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_arrangement(name if setting is None else {name: setting})
