"""Knowledge: a planted fact is found, one never told is not; what was met, the order says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from lives import TINY
from minds import TableMind, random_table

from upbringing.character import Asked, Axis, AxisProbes, Probes, ProbeSettings
from upbringing.character import asked as asking
from upbringing.character.knowledge import (
    SINCE,
    knowledge_by_kind,
    knowledge_margin,
    knowledge_retention,
    retention_curve,
)
from upbringing.character.questions import Question, questions_of
from upbringing.character.recall import margins
from upbringing.corpus import Corpus, Tokens, tokenize, train_tokenizer
from upbringing.corpus.world import make_world
from upbringing.errors import ArtefactError
from upbringing.identity import generator
from upbringing.order import Order, Rows
from upbringing.training import Numerics, Recipe, Run, Shape, open_mind, train

AXIS = Axis.between(("drama",), ("technical",), "en")
ROW_LENGTH = 64
AGES = (0.3, 0.6, 1.0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """19 facts that are told in training text, 19 that are not."""
    place = tmp_path_factory.mktemp("world") / "corpus"
    return make_world(place, num_events=600, seed=0, num_probes=4, num_packets=2)


@pytest.fixture(scope="module")
def tokens(world: Corpus) -> Tokens:
    return tokenize(world, train_tokenizer(world.scenes["text"].to_list(), 1500))


@pytest.fixture(scope="module")
def probes(world: Corpus, tokens: Tokens) -> Probes:
    return Probes(world, (AxisProbes(AXIS, None),), tokens.tokenizer, ProbeSettings())


@pytest.fixture(scope="module")
def life(world: Corpus, tokens: Tokens, probes: Probes, tmp_path_factory) -> Run:
    """A tiny life that meets facts once, twice or never, the last of them after its end."""
    told = [question.row for question in probes.questions if question.is_told]
    train_rows = np.flatnonzero((world.scenes["split"] == "train").to_numpy())
    others = [row for row in train_rows.tolist() if row not in told][:60]
    visits = [*told[:5], *others[:20], *told[5:9], *others[20:40], *told[3:14], *others[40:]]
    visits += told[14:]
    return raised(world, tokens, visits, TINY, tmp_path_factory.mktemp("life"), cut=0.9)


def raised(
    world: Corpus, tokens: Tokens, visits: list[int], shape: Shape, place: Path, cut: float = 1.0
) -> Run:
    """A life on visits in this order, of which a share is lived."""
    order = Order.from_rows(world, visits)
    order.save(place / "order")
    rows = Rows(order, tokens, ROW_LENGTH)
    recipe = Recipe.of(
        rows, shape, seed=0, schedule="constant", numerics=Numerics("fp32"), batch_size=8,
        num_rows=round(cut * rows.num_rows), ages=AGES,
    )  # fmt: skip
    sources = {"corpus": world.path, "order": place / "order"}
    return train(rows, recipe, place / "run", sources=sources)


def question(relation: str, answer: int) -> Question:
    return Question(0, "drama", is_told=True, relation=relation, answer=answer, options=())


def test_margins_by_hand() -> None:
    asked = [question("pet", 0), question("pet", 1)]
    costs = [np.array([1.0, 5.0, 6.0]), np.array([4.0, 2.0, 7.0])]
    # The second name makes value 2 dearer by 1, so value 0 would cost 4 − 1 behind the first.
    assert margins(asked, costs) == pytest.approx([(4 - 1) - 1, (5 + 1) - 2])


def test_who_knows_only_what_is_common_knows_nothing() -> None:
    rng = np.random.default_rng(0)
    asked = [question("pet", int(rng.integers(12))) for _ in range(20)]
    common, hard = rng.normal(10, 4, size=12), rng.normal(0, 3, size=20)
    costs = [common + by for by in hard]
    assert margins(asked, costs) == pytest.approx(np.zeros(20), abs=1e-9)
    costs[7][asked[7].answer] -= 5  # one fact is learnt
    expected = np.zeros(20)
    expected[7] = 5
    assert margins(asked, costs) == pytest.approx(expected, abs=1e-9)


def test_relations_are_told_apart_and_a_lone_question_tells_nothing() -> None:
    asked = [question("pet", 0), question("town", 0), question("pet", 1)]
    found = margins(asked, [np.arange(3.0), np.arange(3.0), np.arange(3.0)])
    assert found == pytest.approx([0, np.nan, 0], nan_ok=True)
    assert np.isnan(margins([question("pet", 0)] * 3, [np.arange(3.0)] * 3)).all()
    assert len(margins([], [])) == 0


def test_facts_are_those_that_one_scene_tells(world: Corpus, tokens: Tokens) -> None:
    everything = questions_of(world, tokens.tokenizer, "en", 1000)
    assert Counter(one.is_told for one in everything) == {True: 19, False: 19}
    texts = world.scenes["text"]
    sources = world.scenes["source"]
    for one in everything:
        assert sources[one.row] == "world"  # a packet tells each of its facts more than once
        assert world.scenes["kind"][one.row] == one.kind
        assert (world.scenes["split"][one.row] == "train") == one.is_told
        right = one.options[one.answer]
        prompt, answer = (
            tokens.tokenizer.decode(list(ids))
            for ids in (right.ids[1 : right.num_given], right.ids[right.num_given :])
        )
        assert answer.startswith(" ")
        assert f"{prompt}{answer}" in texts[one.row]
        assert len(one.options) == 12
    by_relation: dict[str, set[tuple[bytes, ...]]] = {}
    for one in everything:
        values = tuple(bytes(str(o.ids[o.num_given :]), "ascii") for o in one.options)
        by_relation.setdefault(one.relation, set()).add(values)
    assert all(len(values) == 1 for values in by_relation.values())  # in one order


def test_fewer_questions_are_a_part_of_more_and_kinds_take_turns(
    world: Corpus, tokens: Tokens
) -> None:
    few, more = (questions_of(world, tokens.tokenizer, "en", number) for number in (16, 40))
    for is_told, number in ((True, 12), (False, 4)):
        first, all_of_them = (
            [one.row for one in asked if one.is_told is is_told] for asked in (few, more)
        )
        assert len(first) == number
        assert all_of_them[:number] == first
    assert max(Counter(one.kind for one in few if one.is_told).values()) == 1
    assert questions_of(world, tokens.tokenizer, "ru", 40) == []


def test_a_corpus_without_questions_is_asked_none(stories: Corpus, tokens: Tokens) -> None:
    assert questions_of(stories, tokens.tokenizer, "en", 40) == []
    nothing = Probes(stories, (AxisProbes(AXIS, None),), tokens.tokenizer, ProbeSettings())
    mind = TableMind(random_table()).as_mind()
    for ask in (knowledge_margin, knowledge_by_kind, knowledge_retention):
        assert ask(Asked(mind, nothing)) == {}


def times_met(run: Run, rows: Rows, row: int, age: float) -> list[float]:
    """How long ago a scene was read to its end, each time, by counting tokens."""
    steps = run.recipe.steps
    read = int(steps.num_rows[: steps.after(age)].sum())
    since, place = [], 0
    for visit in rows.order.sequence.tolist():
        place += int(rows.tokens.offsets[visit + 1] - rows.tokens.offsets[visit])
        last_row = (place - 2) // ROW_LENGTH  # of which the scene's last token is a target
        if visit == row and last_row < read:
            since.append((read - 1 - last_row) / run.recipe.num_rows)
    return since


@pytest.mark.parametrize("age", AGES)
def test_what_was_met_is_what_the_order_says(
    probes: Probes, life: Run, tokens: Tokens, age: float
) -> None:
    follows = np.random.default_rng(0).gamma(0.4, size=(tokens.num_vocab, tokens.num_vocab))
    asked = Asked(TableMind(follows + 1e-4).as_mind(), probes, run=life, age=age)
    margin = margins(probes.questions, asked.answers)
    rows = life.rows()
    since = [times_met(life, rows, one.row, age) for one in probes.questions]
    assert [times.tolist() for times in asked.since_met] == [pytest.approx(t) for t in since]
    met = [bool(times) for times in since]
    told = [one.is_told for one in probes.questions]
    groups = {
        "met": np.array(met),
        "not met": np.array(told) & ~np.array(met),
        "never told": ~np.array(told),
    }
    assert all(group.any() for group in groups.values())
    assert knowledge_margin(asked) == pytest.approx(
        {name: np.nanmean(margin[group]) for name, group in groups.items()}
    )
    once = np.array([times[0] if len(times) == 1 else np.nan for times in since])
    expected = {
        f"{low:g}–{high:g}": np.nanmean(margin[(low <= once) & (once < high)])
        for low, high in pairwise(SINCE)
        if ((low <= once) & (once < high)).any()
    }
    assert expected
    assert knowledge_retention(asked) == pytest.approx(expected)
    kinds = {one.kind for one in probes.questions if one.is_told}
    by_kind = knowledge_by_kind(asked)
    assert set(by_kind) == kinds
    own = [
        margin[n] for n, one in enumerate(probes.questions) if one.is_told and one.kind == "chat"
    ]
    assert by_kind["chat"] == pytest.approx(np.nanmean(own))


def test_what_was_met_and_the_margins_are_worked_out_once_a_mind(
    probes: Probes, life: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    for name in ("margins", "since_met"):
        real = getattr(asking, name)

        def counted(*args, real=real, name=name):
            calls[name] += 1
            return real(*args)

        monkeypatch.setattr(asking, name, counted)
    asked = Asked(open_mind(life.checkpoints[1.0]), probes, run=life)
    for ask in (knowledge_margin, knowledge_by_kind, knowledge_retention):
        assert ask(asked)
    assert calls == {"margins": 1, "since_met": 1}


def test_some_facts_are_met_twice_and_some_after_the_end(probes: Probes, life: Run) -> None:
    rows = life.rows()
    times = Counter(len(times_met(life, rows, q.row, 1.0)) for q in probes.questions if q.is_told)
    assert set(times) == {0, 1, 2}


def test_what_another_life_met_is_not_guessed(probes: Probes, life: Run) -> None:
    mind = open_mind(life.checkpoints[1.0])
    further = replace(life, recipe=replace(life.recipe, starts_from="another mind"))
    for run in (None, further):
        asked = Asked(mind, probes, run=run)
        assert list(knowledge_margin(asked)) == ["never told"]
        assert knowledge_retention(asked) == {}
        assert "chat" in knowledge_by_kind(asked)


def test_an_order_that_was_changed_is_named(probes: Probes, life: Run) -> None:
    mind = open_mind(life.checkpoints[1.0])
    other = replace(life, recipe=replace(life.recipe, order="0" * 64))
    with pytest.raises(ArtefactError, match="is another order than the run's"):
        knowledge_margin(Asked(mind, probes, run=other))


def test_a_planted_fact_is_found_and_one_never_told_is_not(
    world: Corpus, tokens: Tokens, probes: Probes, tmp_path: Path
) -> None:
    planted = [question.row for question in probes.questions if question.is_told][:6]
    passes = [generator(0, "planted", str(n)).permutation(planted) for n in range(120)]
    shape = Shape(32, 2, 4, 64, num_vocab=0, peak_lr=1e-2)
    run = raised(world, tokens, np.concatenate(passes).tolist(), shape, tmp_path)
    young, old = (
        Asked(open_mind(run.checkpoints[age]), probes, run=run, age=age) for age in (0.3, 1.0)
    )
    found = knowledge_margin(old)
    is_never = [not question.is_told for question in probes.questions]
    never = margins(probes.questions, old.answers)[is_never]
    error = never.std(ddof=1) / np.sqrt(len(never))
    assert found["met"] > 3 * error
    assert abs(found["never told"]) < 2 * error
    assert found["not met"] < found["met"] / 2
    assert knowledge_margin(young)["met"] < found["met"]


def test_the_retention_curve_is_read_off_a_profile() -> None:
    readings = pl.DataFrame(
        {
            "age": [0.5, 0.5, 1.0, 1.0],
            "measure": [*["knowledge_retention"] * 3, "voice"],
            "subject": ["0–0.05", "0.2–0.4", "0.7–1", "0–0.05"],
            "value": [3.0, 1.0, 0.5, 9.0],
        }
    )
    curve = retention_curve(readings)
    assert curve.select("age", "since_from", "since_to", "value").rows() == [
        (0.5, 0.0, 0.05, 3.0), (0.5, 0.2, 0.4, 1.0), (1.0, 0.7, 1.0, 0.5),
    ]  # fmt: skip
