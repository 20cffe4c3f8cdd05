"""Probes: the same for every mind, and another digest whenever the questions are others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from minds import byte_tokenizer
from stories import say_in, story_scenes

from upbringing.character import (
    Axis,
    AxisProbes,
    Pole,
    Probes,
    ProbeSettings,
    judge_for,
    probes_for,
    probes_of,
)
from upbringing.character.measures import Measure
from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import InputError
from upbringing.study import Design
from upbringing.training import Run

AXIS = Axis.between(("drama",), ("technical",), "en")
POETRY = Axis.between(("poetry",), ("technical",), "en")


@pytest.fixture(scope="module")
def probes(stories: Corpus) -> Probes:
    return probes_of(stories, (AXIS,), byte_tokenizer())


def asked_about(probes: Probes, **changes: Any) -> Probes:
    """The same with another axis or judge."""
    return replace(probes, asked=(replace(probes.asked[0], **changes),))


def test_the_digest_changes_with_each_thing_that_matters(
    stories: Corpus, probes: Probes, tmp_path: Path
) -> None:
    other = write_corpus(tmp_path / "corpus", story_scenes(7), recipe={}, inputs={})
    sampling = probes.settings.sampling
    pairs = AXIS.pairs(stories)
    assert pairs is not None
    own = Measure("mine.py:mood", "bits", along=True, ask=lambda _: {}, file_digest="a")
    axes = [
        replace(AXIS, positive=Pole("drama", ("poetry",))),
        replace(AXIS, negative=Pole("rest", ("technical",))),
        replace(AXIS, primary="voice"),
        replace(AXIS, prompts=("So it was that",)),
        replace(AXIS, own=pairs[:3]),
        replace(AXIS, own=pairs[1:4]),
    ]
    questions = [
        probes,
        probes.along,
        replace(probes, corpus=other),
        *(asked_about(probes, axis=axis) for axis in axes),
        asked_about(probes, judge=None),
        asked_about(probes, judge=judge_for(stories, POETRY).judge),
        replace(probes, asked=(*probes.asked, AxisProbes(POETRY, None))),
        replace(probes, extra=(own,)),
        replace(probes, extra=(replace(own, file_digest="b"),)),
        *(
            replace(probes, settings=replace(probes.settings, **{name: 7}))
            for name in ("held_out_bytes", "num_pairs", "num_openings", "num_questions")
        ),
        *(
            replace(probes, settings=replace(probes.settings, sampling=changed))
            for changed in (
                replace(sampling, temperature=0.9),
                replace(sampling, num_tokens=61),
                replace(sampling, num_seeds=5),
            )
        ),
    ]
    assert len({asked.digest for asked in questions}) == len(questions)
    assert replace(probes).digest == probes.digest


def test_held_out_text_is_held_out_whole_scenes_up_to_the_limit(probes: Probes) -> None:
    frame = probes.corpus.scenes.filter(split="held_out")
    sizes = {kind: frame.filter(kind=kind)["num_bytes"].to_list() for kind in probes.corpus.kinds}
    for limit in (1, 500, 1200, 10**9):
        asked = replace(probes, settings=replace(probes.settings, held_out_bytes=limit)).held_out
        assert list(asked) == ["drama", "poetry", "technical"]
        for kind, passages in asked.items():
            taken = [p.num_bytes for p in passages]
            assert sum(taken[:-1]) < limit
            assert sum(taken) >= min(limit, sum(sizes[kind]))
    assert sorted(taken) == sorted(sizes["technical"])


def test_more_is_asked_by_adding_to_what_is_asked(probes: Probes) -> None:
    few = replace(probes, settings=ProbeSettings(held_out_bytes=600, num_pairs=2, num_openings=2))
    assert few.pairs[AXIS.name] == probes.pairs[AXIS.name][:2]
    assert few.openings == probes.openings[:2]
    for kind, passages in few.held_out.items():
        assert passages == probes.held_out[kind][: len(passages)]


def test_along_a_life_the_same_part_is_asked_at_every_age(probes: Probes) -> None:
    settings = ProbeSettings(1000, 4, 4, 8, along_share=0.25)
    along = replace(probes, settings=settings).along
    assert along.settings == replace(
        settings, held_out_bytes=250, num_pairs=1, num_openings=1, num_questions=2
    )
    assert along.pairs[AXIS.name] == probes.pairs[AXIS.name][:1]
    nothing_less = replace(settings, along_share=0.001).along
    assert (nothing_less.num_pairs, nothing_less.num_openings) == (1, 1)


def test_an_axis_may_bring_its_own_openings_and_pairs(probes: Probes) -> None:
    own = pl.DataFrame(
        {
            "event": ["a", "b"],
            "topic": ["t", "t"],
            "opening": ["So ", "Then "],
            "positive": ["So he wept.", "Then she sang."],
            "negative": ["So press the key.", "Then turn it."],
        }
    )
    mine = Axis("mine", "en", AXIS.positive, AXIS.negative, prompts=("So it was",), own=own)
    both = replace(probes, asked=(*probes.asked, AxisProbes(mine, None)))
    shared = probes.openings_by_axis[AXIS.name]
    assert both.openings_by_axis == {AXIS.name: shared, "mine": ["So it was"]}
    assert both.openings == [*shared, "So it was"]
    assert (len(both.pairs["mine"]), both.axis) == (2, AXIS)
    told = both.pairs["mine"][0].positive
    assert probes.tokenizer.decode(list(told.ids[told.num_given :])) in {"he wept.", "she sang."}


def test_pairs_score_what_follows_the_opening(probes: Probes) -> None:
    told = AXIS.pairs(probes.corpus)
    assert told is not None
    openings = {
        row["positive"].removeprefix(row["opening"]): row["opening"] for row in told.to_dicts()
    }
    assert len(probes.pairs[AXIS.name]) == 6
    for pair in probes.pairs[AXIS.name]:
        scored = probes.tokenizer.decode(list(pair.positive.ids[pair.positive.num_given :]))
        given = probes.tokenizer.decode(list(pair.positive.ids[1 : pair.positive.num_given]))
        assert given == openings[scored]
        assert pair.positive.num_bytes == len(scored.encode())
        assert pair.positive_alone.ids == (0, *pair.positive.ids[pair.positive.num_given :])
        assert (
            pair.negative.ids[: pair.negative.num_given]
            == (pair.positive.ids[: pair.positive.num_given])
        )


def test_what_cannot_be_asked_is_refused_before_a_life(probes: Probes, tmp_path: Path) -> None:
    probes.check(row_length=64)
    with pytest.raises(InputError, match="tokens long\n    allowed: under 8"):
        probes.check(row_length=8)
    scenes = story_scenes().with_columns(split=pl.lit("train"))
    all_read = write_corpus(tmp_path / "corpus", scenes, recipe={}, inputs={})
    with pytest.raises(InputError, match="no scene is held out"):
        replace(probes, corpus=all_read).check(row_length=64)


def test_a_judge_with_nothing_to_learn_from_knows_nothing(tmp_path: Path) -> None:
    one_scene = story_scenes(num_works=4).filter(
        (pl.col("kind") != "drama") | (pl.col("place") == 0)
    )
    short = one_scene.with_columns(
        text=pl.when(kind="drama").then(pl.lit("He wept. ") + pl.col("work")).otherwise("text")
    ).filter((pl.col("kind") != "drama") | (pl.col("work") != "drama work 0"))
    corpus = write_corpus(tmp_path / "corpus", short, recipe={}, inputs={})
    judging = judge_for(corpus, AXIS)
    assert not judging.report.passed
    assert judging.report.reason == (
        "too little to learn from, 1 pieces of text on the positive side"
    )
    said = say_in("drama", 6, np.random.default_rng(0))
    assert judging.judge.score([said, ""]).tolist() == [0.5, 0.5]


def test_probes_for_a_single_run(pico: Design) -> None:
    run = Run.open(pico.path / "runs" / "F-constant-s0")
    probes = probes_for(run, ("drama",), ("technical",))
    assert (probes.axis, probes.corpus.digest) == (AXIS, pico.corpus.digest)
    assert probes.asked[0].judge is not None
    assert probes.asked[0].no_judge is None
    with pytest.raises(InputError) as error:
        probes_for(run, ("dramma", "sermon"), ("technical",))
    assert "no scene is of kind 'dramma'" in str(error.value)
    assert "did you mean 'drama'?" in str(error.value)
    assert "no scene is of kind 'sermon'" in str(error.value)
    with pytest.raises(InputError, match="no scene is in 'ru'\n    allowed: en"):
        probes_for(run, ("drama",), ("technical",), "ru")
    with pytest.raises(InputError, match="'drama' is both poles"):
        probes_for(run, ("drama",), ("drama",))
