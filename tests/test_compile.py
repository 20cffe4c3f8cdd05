from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from conftest import LEVERED, ids_of

from upbringing.corpus import Corpus
from upbringing.errors import SettingsError
from upbringing.identity import keyed_hash
from upbringing.order import Levers, Order, PhaseSpan, compile_order, parse_curriculum


def compiled(corpus: Corpus, phases: str, *, seed: int = 0, scenes: str = "") -> Order:
    text = f"name: test\nseed: {seed}\n{scenes}\nphases:\n{phases}"
    return compile_order(corpus, parse_curriculum(text, name="c.yaml"))


def training(corpus: Corpus) -> pl.DataFrame:
    return corpus.scenes.filter(split="train")


def dealt(scenes: pl.DataFrame, seed: int, purpose: str) -> list[str]:
    """The ids in the order of their lots: the oracle of a shuffle."""
    lots = keyed_hash(scenes["key"].to_numpy(), seed, purpose).tolist()
    return [name for _, name in sorted(zip(lots, scenes["id"], strict=True))]


def test_a_shuffle_is_the_order_of_the_lots(corpus: Corpus) -> None:
    order = compiled(corpus, "  - {name: life, scenes: rest}", seed=3)
    assert ids_of(order) == dealt(training(corpus), 3, "order/life/0")
    assert order.phases == (PhaseSpan("life", 0, 72),)


def test_phases_follow_each_other_with_their_borders_and_levers(corpus: Corpus) -> None:
    order = compile_order(corpus, parse_curriculum(LEVERED))
    scenes = training(corpus)
    by_size = scenes.filter(pl.col("kind").is_in(["poetry", "chat"])).sort("num_bytes", "key")
    assert ids_of(order) == [
        *dealt(scenes.filter(kind="drama"), 5, "order/childhood/0"),
        *by_size["id"],
        *dealt(scenes.filter(kind="technical"), 5, "order/maturity/0"),
    ]
    assert order.phases == (
        PhaseSpan("childhood", 0, 16, Levers(batch_size=3, lr_scale=0.5)),
        PhaseSpan("youth", 16, 56),
        PhaseSpan("maturity", 56, 72, Levers(batch_size=7)),
    )


def test_rest_may_come_first(corpus: Corpus) -> None:
    order = compiled(
        corpus, "  - {name: a, scenes: rest}\n  - {name: b, scenes: {kind: [drama, chat]}}"
    )
    kinds = [name.split("/")[0] for name in ids_of(order)]
    assert set(kinds[:36]) == {"poetry", "technical"}
    assert set(kinds[36:]) == {"chat", "drama"}


def test_each_pass_deals_the_scenes_anew(corpus: Corpus) -> None:
    order = compiled(corpus, "  - {name: life, scenes: rest, passes: 3}")
    ids = ids_of(order)
    passes = [ids[start : start + 72] for start in (0, 72, 144)]
    assert passes == [dealt(training(corpus), 0, f"order/life/{n}") for n in range(3)]
    assert len(order.met(0)) == 3


def test_parts_of_one_selection_are_disjoint_and_whole(corpus: Corpus) -> None:
    phases = "\n".join(
        f"  - {{name: p{n}, scenes: {{kind: drama, part: [{low}, {high}]}}, arrange: as_is}}"
        for n, (low, high) in enumerate([(0, 0.3), (0.3, 0.5), (0.5, 1)])
    )
    order = compiled(corpus, phases, seed=2)
    drama = training(corpus).filter(kind="drama")
    assert sorted(ids_of(order)) == drama["id"].to_list()
    total = drama["num_bytes"].sum()
    for span, share in zip(order.phases, (0.3, 0.2, 0.5), strict=True):
        size = order.num_bytes[span.start : span.stop].sum()
        assert abs(size - share * total) <= drama["num_bytes"].max()
    other = compiled(corpus, phases, seed=3)
    assert set(ids_of(other)[:3]) != set(ids_of(order)[:3])


def test_a_life_narrowed_to_a_part_is_the_same_for_every_seed(corpus: Corpus) -> None:
    lives = [
        ids_of(
            compiled(
                corpus, "  - {name: a, scenes: rest}", seed=seed, scenes="scenes: {part: [0, 0.5]}"
            )
        )
        for seed in (0, 1)
    ]
    assert sorted(lives[0]) == sorted(lives[1])
    assert lives[0] != lives[1]
    assert 30 < len(lives[0]) < 42


def test_the_seed_of_a_study_takes_the_place_of_the_files(corpus: Corpus) -> None:
    curriculum = parse_curriculum("name: x\nseed: 4\nphases: [{name: life, scenes: rest}]")
    assert compile_order(corpus, curriculum, seed=9).digest == (
        compiled(corpus, "  - {name: life, scenes: rest}", seed=9).digest
    )


def test_held_out_scenes_are_never_met(corpus: Corpus) -> None:
    order = compiled(corpus, "  - {name: life, scenes: rest}")
    held_out = corpus.scenes.with_row_index().filter(split="held_out")["index"]
    assert not set(held_out) & set(order.sequence.tolist())


def test_the_order_says_which_columns_it_read(corpus: Corpus) -> None:
    order = compile_order(corpus, parse_curriculum(LEVERED))
    assert order.columns == ("key", "split", "num_bytes", "kind")
    by_surprise = compiled(
        corpus, "  - {name: a, scenes: {work: work 1}, arrange: {sort: -num_words}}"
    )
    assert by_surprise.columns == ("key", "split", "num_bytes", "work", "num_words")


def test_every_unknown_name_is_shown_with_its_place_and_a_suggestion(corpus: Corpus) -> None:
    with pytest.raises(SettingsError) as caught:
        compiled(
            corpus,
            "  - name: a\n    scenes: {kind: [drama, dramma], lang: ru}\n"
            "  - name: b\n    scenes: {document: document 99}\n"
            "  - name: c\n    scenes: {kind: drama}\n"
            "  - name: d\n    scenes: {kind: drama}\n"
            "  - name: e\n    scenes: {kind: chat, work: work 1}\n",
        )
    problems = [str(problem) for problem in caught.value.problems]
    assert [problem.split(":", 3)[1:3] for problem in problems] == [
        ["6", "28"],
        ["6", "37"],
        ["8", "14"],
        ["12", "5"],
        ["14", "5"],
    ]
    assert "no scene has the kind 'dramma'" in problems[0]
    assert "allowed: chat, drama, poetry, technical" in problems[0]
    assert "did you mean 'drama'?" in problems[0]
    assert "no scene has the lang 'ru'" in problems[1]
    assert "no scene has the document 'document 99'" in problems[2]
    assert "16 scenes of phase 'd' belong to phase 'c' already" in problems[3]
    assert "phase 'e' selects no scene" in problems[4]


def test_a_rest_of_nothing_is_refused(corpus: Corpus) -> None:
    with pytest.raises(SettingsError, match=r"c\.yaml:7:5: phase 'b' selects no scene"):
        compiled(corpus, "  - {name: a, scenes: {lang: en}}\n  - name: b\n    scenes: rest\n")


def test_blocks_that_leave_kinds_out_are_shown_at_their_places(corpus: Corpus) -> None:
    with pytest.raises(SettingsError) as caught:
        compiled(
            corpus,
            "  - {name: a, scenes: {kind: [drama, chat]}, arrange: {blocks: [chat]}}\n"
            "  - {name: b, scenes: rest, arrange: {blocks: [drama]}}\n",
        )
    assert [str(problem).splitlines()[0] for problem in caught.value.problems] == [
        "c.yaml:5:46: `blocks` leaves out drama",
        "c.yaml:6:29: `blocks` leaves out poetry, technical",
    ]


GOLDEN = "408260455a502c74d81f05d8bc0f0462c71ec2e7144f1be8dfaed2f45b5ea172"


def test_the_digest_of_a_compiled_order_is_golden(corpus: Corpus) -> None:
    assert compile_order(corpus, parse_curriculum(LEVERED)).digest == GOLDEN


COMPILE = """
import sys
from upbringing.corpus import Corpus
from upbringing.order import compile_order, parse_curriculum
corpus = Corpus.open(sys.argv[1])
print(compile_order(corpus, parse_curriculum(sys.argv[2])).digest)
"""


@pytest.mark.parametrize(("threads", "hash_seed"), [("1", "0"), ("2", "1"), ("4", "77")])
def test_threads_and_hash_seeds_change_nothing(
    corpus: Corpus, threads: str, hash_seed: str
) -> None:
    environment = os.environ | {"POLARS_MAX_THREADS": threads, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", COMPILE, str(corpus.path), LEVERED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == GOLDEN


def test_the_digests_are_those_of_the_scenes_keys(corpus: Corpus) -> None:
    order = compiled(corpus, "  - {name: life, scenes: rest}")
    again = Order.from_ids(corpus, ids_of(order))
    assert again.digest == order.digest
    backwards = Order.from_rows(corpus, np.asarray(order.sequence)[::-1])
    assert backwards.digest != order.digest
    assert backwards.visits_digest == order.visits_digest
