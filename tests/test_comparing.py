"""Comparing: four lives, two orders and two seeds, by the command and by its parts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from command import Command
from conftest import tiny_scenes
from lives import TINY
from minds import byte_tokenizer
from stories import say_in, story_scenes
from tokenizers import Tokenizer

from upbringing.character.between.comparison import compare_minds, differ_in
from upbringing.character.between.direction import Direction
from upbringing.character.between.together import Subject, measures_between
from upbringing.character.between.trait import examine_trait, pole_texts
from upbringing.character.likelihood import Passage
from upbringing.character.probes import held_out_by_kind
from upbringing.corpus import Corpus, tokenize, train_tokenizer, write_corpus
from upbringing.errors import InputError
from upbringing.order import Rows, compile_order, parse_curriculum
from upbringing.terminal.compared import open_lives
from upbringing.training import Decoder, Numerics, Recipe, Run, Shape, open_mind, train

KINDS = ("drama", "technical")
ORDERS = {
    "F": "{name: x, phases: [{name: a, scenes: {kind: drama}}, {name: b, scenes: rest}]}",
    "L": "{name: x, phases: [{name: a, scenes: {kind: technical}}, {name: b, scenes: rest}]}",
}


def told(num_events: int = 24) -> pl.DataFrame:
    """Events told as drama and as technical, behind openings of their own."""
    rng = np.random.default_rng(3)
    return pl.DataFrame(
        [
            {
                "event": f"event {number}",
                "topic": "test",
                "family": "test",
                "kind": kind,
                "lang": "en",
                "opening": (opening := f"On day {number},"),
                "text": f"{opening} {say_in(kind, 2, rng)}",
            }
            for number in range(num_events)
            for kind in KINDS
        ]
    )


def raise_life(place: Path, rows: Rows, order: Path, seed: int) -> Run:
    recipe = Recipe.of(
        rows,
        TINY,
        seed=seed,
        schedule="linear",
        batch_size=4,
        peak_lr=2e-2,
        numerics=Numerics("fp32"),
        ages=(0.5, 1.0),
    )
    sources = {"corpus": rows.order.corpus.path, "order": order}
    return train(rows, recipe, place, sources=sources)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with parallels, two orders of it, and a life of each order and seed."""
    place = tmp_path_factory.mktemp("family")
    corpus = write_corpus(
        place / "corpus", story_scenes(), recipe={"made": "by a test"}, inputs={}, parallels=told()
    )
    tokens = tokenize(corpus, train_tokenizer(corpus.scenes["text"].to_list(), 300))
    for name, text in ORDERS.items():
        order = compile_order(corpus, parse_curriculum(text))
        order.save(place / name)
        for seed in (0, 1):
            raise_life(place / f"{name}{seed}", Rows(order, tokens, 32), place / name, seed)
    return place


def held_out(corpus: Corpus, tokenizer: Tokenizer) -> tuple[list[Passage], list[str]]:
    """Held-out passages and the kind of each."""
    by_kind = held_out_by_kind(corpus, tokenizer, 3000)
    told_of = [(passage, kind) for kind, own in by_kind.items() for passage in own]
    return [passage for passage, _ in told_of], [kind for _, kind in told_of]


def mind_of(family: Path, name: str) -> Decoder:
    mind = open_mind(Run.open(family / name).checkpoints[1.0])
    assert isinstance(mind, Decoder)
    return mind


def test_lives_are_told_apart_by_order_and_seed(family: Path) -> None:
    lives = open_lives([family / name for name in ("F0", "L0", "F1")], 1.0)
    f0, l0, f1 = (life.subject for life in lives)
    assert [differ_in(f0, other) for other in (f0, l0, f1)] == ["nothing", "order", "seed"]
    assert differ_in(l0, f1) == "order+seed"
    assert f0.birth == l0.birth != f1.birth
    assert lives[0].lang() == "en"
    at_birth = lives[0].at_birth()
    assert isinstance(at_birth, Decoder)
    drawn = Decoder(lives[0].run.recipe.shape, row_length=32, seed=0)  # type: ignore[arg-type]
    assert torch.equal(at_birth.embed, drawn.embed)


def test_every_measure_between_two_minds_of_one_birth(family: Path) -> None:
    lives = open_lives([family / "F0", family / "L0", family / "F1"], 1.0)
    corpus = Corpus.open(family / "corpus")
    tokenizer = lives[0].run.tokens(corpus).tokenizer
    passages, kinds = held_out(corpus, tokenizer)
    between = compare_minds(
        [life.subject for life in lives], passages, kinds, [*measures_between().values()]
    )
    pairs = between.pairs
    measures = {"model_map", "jensen_shannon", "cka", "procrustes", "procrustes_unrelated"}
    assert set(pairs["measure"]) == measures | {"weight_distance", "loss_barrier"}
    value = {
        (row["first"] + row["second"], row["measure"], row["of"]): row["value"]
        for row in pairs.iter_rows(named=True)
    }
    for pair in ("F0L0", "F0F1", "L0F1"):
        assert 0 < value[pair, "jensen_shannon", ""] < 1
        parts = [value[pair, "model_map", of] for of in ("kinds", "within kinds")]
        assert min(parts) > 0
        assert value[pair, "model_map", ""] == pytest.approx(sum(parts))
        for layer in ("layers.0", "layers.1"):
            assert value[pair, "procrustes", layer] < value[pair, "procrustes_unrelated", layer]
            assert 0 < value[pair, "cka", layer] < 1
    assert value["F0L0", "weight_distance", "all"] > 0
    assert value["F0L0", "loss_barrier", ""] >= 0
    assert value["F0F1", "weight_distance", "all"] is None
    assert value["L0F1", "loss_barrier", ""] is None
    figure = next(f for f in between.figures if f.measure == "jensen_shannon")
    spread = between.orders_against_seeds(figure)
    assert spread.orders == value["F0L0", "jensen_shannon", ""]
    assert spread.seeds == value["F0F1", "jensen_shannon", ""]
    assert spread.both == value["L0F1", "jensen_shannon", ""]


def test_a_mind_and_itself(family: Path) -> None:
    lives = open_lives([family / "F0", family / "F0"], 0.5)
    assert [life.name for life in lives] == [str(family / "F0")] * 2
    corpus = Corpus.open(family / "corpus")
    tokenizer = lives[0].run.tokens(corpus).tokenizer
    passages, kinds = held_out(corpus, tokenizer)
    told: list[tuple[int, int]] = []
    between = compare_minds(
        [life.subject for life in lives],
        passages,
        kinds,
        [*measures_between().values()],
        on_pair=lambda *done: told.append(done),
    )
    assert told == [(1, 1)] * 2  # weights, barrier
    for row in between.pairs.iter_rows(named=True):
        expected = {"cka": 1.0, "procrustes_unrelated": row["value"]}.get(row["measure"], 0.0)
        assert row["value"] == pytest.approx(expected, abs=1e-9), row


# A trait


def test_poles_are_pairs_of_one_event_or_else_what_is_held_out(family: Path) -> None:
    corpus = Corpus.open(family / "corpus")
    tokenizer = Run.open(family / "F0").tokens(corpus).tokenizer
    texts = pole_texts(corpus, tokenizer, ["drama"], ["technical"], lang="en", most=20)
    assert texts.are_pairs
    assert len(texts.positive) == len(texts.negative) == len(set(texts.groups[0])) == 20
    assert texts.groups[0] == texts.groups[1]
    parallels = {(r["event"], r["kind"]): r for r in told().iter_rows(named=True)}
    for kind, side in zip(KINDS, (texts.positive, texts.negative), strict=True):
        for event, passage in zip(texts.groups[0], side, strict=True):
            row = parallels[event, kind]
            assert tokenizer.decode(list(passage.ids[1:])) == row["text"]
            assert passage.num_bytes == len(row["text"].encode()) - len(row["opening"].encode())
    scenes = pole_texts(corpus, tokenizer, ["poetry"], ["technical"], lang="en")
    assert not scenes.are_pairs
    assert set(scenes.groups[0]) == {"poetry work 6", "poetry work 7"}
    with pytest.raises(InputError) as caught:
        pole_texts(corpus, tokenizer, ["dramma"], ["technical", "song"])
    assert len(caught.value.problems) == 2
    assert "did you mean 'drama'?" in str(caught.value)


def test_a_trait_in_a_mind(family: Path) -> None:
    corpus = Corpus.open(family / "corpus")
    tokenizer = Run.open(family / "F0").tokens(corpus).tokenizer
    texts = pole_texts(corpus, tokenizer, ["drama"], ["technical"])
    trait = examine_trait(mind_of(family, "F0"), texts, "b", num_random=2)
    assert [direction.num_groups for direction in trait.directions] == [12, 12]
    assert trait.clearest.d_prime == max(d.d_prime for d in trait.directions)
    assert trait.clearest.is_found
    assert trait.steering.layer == trait.clearest.layer
    few = texts.only(set(texts.groups[0][:1]))
    with pytest.raises(InputError, match="1 groups of texts are too few to be halved"):
        few.halves()


def test_a_trait_is_tried_on_events_that_it_was_not_made_from(
    family: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = pole_texts(
        Corpus.open(family / "corpus"), byte_tokenizer(), ["drama"], ["technical"], lang="en"
    )
    read: list[set[Passage]] = []

    def looked_at(mind: Decoder, passages: tuple[Passage, ...]) -> np.ndarray:
        read.append(set(passages))
        return np.random.default_rng(len(read)).normal(size=(1, len(passages), 8))

    def steered(
        mind: Decoder, direction: Direction, *sides: tuple[Passage], num_random: int
    ) -> str:
        read.extend(map(set, sides))
        return "tried"

    monkeypatch.setattr("upbringing.character.between.trait.activations", looked_at)
    monkeypatch.setattr("upbringing.character.between.trait.steer", steered)
    examine_trait(mind_of(family, "F0"), texts, "b")
    made_positive, made_negative, tried_positive, tried_negative = read
    assert made_positive | tried_positive == set(texts.positive)
    assert made_negative | tried_negative == set(texts.negative)
    assert not made_positive & tried_positive
    assert not made_negative & tried_negative


# The command


def test_two_runs(upbringing: Command, family: Path) -> None:
    said = upbringing("compare", family / "F0", family / "L0", "--json", "found.json")
    assert (said.code, said.err) == (0, "")
    assert said.lines[0].startswith("2 minds at age 1, on 36 held-out passages of 3 kinds and ")
    for measure in ("model map", "jensen shannon", "cka", "procrustes", "loss barrier"):
        assert any(line.startswith(measure) for line in said.lines)
    found = json.loads(Path("found.json").read_text("utf-8"))
    assert [mind["name"] for mind in found["minds"]] == ["F0", "L0"]
    assert {pair["differ_in"] for pair in found["between"]["pairs"]} == {"order"}
    again = upbringing("compare", family / "F0", family / "L0", "--json", "found.json")
    assert (again.code, "nothing is overwritten" in again.err) == (2, True)


def test_four_runs_with_all_that_can_be_asked(upbringing: Command, family: Path) -> None:
    runs = [family / name for name in ("F0", "F1", "L0", "L1")]
    options = ("--no-barrier", "--order-memory", "--trait", "drama:technical", "--age", "0.5")
    said = upbringing("compare", *runs, *options, "--json", "found.json")
    assert (said.code, said.err) == (0, "")
    assert "loss barrier" not in said.out
    assert "other birth" not in said.out
    for words in ("order ÷ seed", "of so many", "itself at birth", "steering", "cosine of"):
        assert words in said.out
    found = json.loads(Path("found.json").read_text("utf-8"))
    spread = found["between"]["orders_against_seeds"][0]
    assert (spread["measure"], spread["of"]) == ("model_map", "")
    assert (spread["num_orders"], spread["num_seeds"], spread["num_both"]) == (2, 2, 2)
    assert spread["ratio"] == pytest.approx(spread["orders"] / spread["seeds"])
    ratios = {s["measure"]: s["ratio"] for s in found["between"]["orders_against_seeds"]}
    assert ratios["procrustes"] > 0
    assert ratios["cka"] is ratios["procrustes_unrelated"] is ratios["weight_distance"] is None
    readers = [(one["of"], one["read_in"]) for one in found["order_memory"]]
    assert readers[:3] == [("F0", "itself"), ("F0", "itself at birth"), ("F0", "L0")]
    assert len(readers) == 12
    assert found["trait"]["are_pairs"]
    assert {(c["first"], c["second"]) for c in found["trait"]["cosines"]} == {
        ("F0", "L0"),
        ("F1", "L1"),
    }


def test_minds_of_two_births(upbringing: Command, family: Path) -> None:
    said = upbringing("compare", family / "F0", family / "F1")
    barrier = next(line for line in said.lines if line.startswith("loss barrier"))
    assert "another initialisation" in barrier


def test_one_run_is_asked_about_itself(upbringing: Command, family: Path) -> None:
    alone = upbringing("compare", family / "F0")
    assert (alone.code, "nothing to be compared with" in alone.err) == (2, True)
    said = upbringing("compare", family / "F0", "--order-memory")
    assert said.code == 0
    assert [line.split()[0] for line in said.lines if line] == ["when", "F0", "F0"]


def test_everything_that_is_in_the_way_is_told(
    upbringing: Command, family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = tiny_scenes()
    corpus = write_corpus(tmp_path / "tiny", scenes, recipe={"made": "by a test"}, inputs={})
    tokens = tokenize(corpus, train_tokenizer(scenes["text"].to_list(), 280))
    order = compile_order(corpus, parse_curriculum("{name: x, phases: [{name: a, scenes: rest}]}"))
    order.save(tmp_path / "order")
    raise_life(tmp_path / "other", Rows(order, tokens, 32), tmp_path / "order", 0)
    (tmp_path / "empty").mkdir()
    said = upbringing("compare", family / "F0", "other", "empty", "nowhere")
    assert said.code == 2
    for words in ("read in other tokens", "raised on other corpora", "empty", "nowhere"):
        assert words in said.err
    unkept = upbringing("compare", family / "F0", family / "L0", "--age", "0.3")
    assert unkept.err.count("the mind was not kept at age 0.3") == 2
    assert "allowed: 0.5, 1" in unkept.err
    measured: list[object] = []
    monkeypatch.setattr("upbringing.terminal.comparing.compare_minds", measured.append)
    lacking = upbringing(
        "compare", family / "F0", family / "L0", "--trait", "drama:tecnical", "--lang", "xx"
    )
    assert (lacking.code, lacking.out, measured) == (2, "", [])
    assert "tecnical" in lacking.err
    wrong = upbringing("compare", family / "F0", "--trait", "drama")
    assert (wrong.code, "allowed: KINDS:KINDS" in wrong.err) == (2, True)


def test_a_study_gives_all_its_arms(upbringing: Command, pico_copy: Path) -> None:
    said = upbringing("compare", pico_copy, "--no-barrier", "--held-out-bytes", 900)
    assert (said.code, said.err) == (0, "")
    assert said.lines[0].startswith("12 minds at age 1, on ")
    row = next(line for line in said.lines if line.startswith("of so many"))
    assert row.split()[3:6] == ["12", "6", "12"]  # of two schedules, three arms, two seeds
    within = upbringing("compare", pico_copy / "runs" / "F-constant-s0", "runs/none")
    assert within.code == 2


def test_subjects_may_be_of_any_minds() -> None:
    """Without a run: two minds of chance, compared by what is given of them."""
    shape = Shape(16, 2, 2, 24, num_vocab=60, peak_lr=0.0)
    minds = [Decoder(shape, row_length=24, seed=seed) for seed in (0, 0, 1)]
    subjects = [
        Subject(f"mind {n}", mind, "same", n, "", birth)
        for n, (mind, birth) in enumerate(zip(minds, ("a", "a", "b"), strict=True))
    ]
    rng = np.random.default_rng(0)
    passages = [Passage((0, *rng.integers(1, 60, 20).tolist()), 1, 30) for _ in range(8)]
    between = compare_minds(subjects, passages, ["one"] * 8, [measures_between()["jensen_shannon"]])
    assert between.num_contexts == 160
    (figure,) = between.figures
    js = figure.values_RR
    assert js[0, 1] == 0
    assert js[0, 2] > 0
