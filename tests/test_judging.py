"""The judge of an axis: what it learns from, and that its examination is on text it never saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from stories import story_scenes
from threadpoolctl import threadpool_limits

from upbringing.character import Axis, judge_for
from upbringing.character.axes import PAIR_COLUMNS
from upbringing.corpus import Corpus, write_corpus
from upbringing.corpus.world import make_world

AXIS = Axis.between(("drama",), ("technical",), "en")


def of(place: Path, scenes: pl.DataFrame, **more: pl.DataFrame) -> Corpus:
    return write_corpus(place / "corpus", scenes, recipe={}, inputs={}, **more)


def works(scenes: pl.DataFrame, split: str, unit: str = "work") -> set[str]:
    told = scenes.filter(pl.col("kind").is_in(["drama", "technical"]), split=split)
    return set(told[unit])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place = tmp_path_factory.mktemp("world") / "corpus"
    return make_world(place, langs=["en", "ru"], num_events=800, num_probes=60, seed=0)


def test_where_there_are_parallels_the_judge_is_examined_on_their_topics(world: Corpus) -> None:
    judging = judge_for(world, AXIS)
    assert world.parallels is not None
    topics = set(world.parallels.filter(lang="en")["topic"])
    assert judging.judge.groups == works(world.scenes.filter(lang="en"), "train")
    assert judging.judge.groups.isdisjoint(topics)
    assert judging.report.num_groups == len(topics)
    assert judging.report.passed
    assert judging.report.reason == f"tested on {len(topics)} groups never seen"


def test_the_examination_is_on_parallels_of_the_poles_alone(tmp_path: Path, world: Corpus) -> None:
    """Foreign kinds and languages change nothing; other tellings of the poles do."""
    assert world.parallels is not None
    own = pl.col("kind").is_in(["drama", "technical"]) & (pl.col("lang") == "en")
    spoilt = pl.when(own).then("text").otherwise(pl.lit("Nothing at all."))
    spoilt_poles = pl.when(own).then(pl.lit("Nothing at all.")).otherwise("text")
    other = of(tmp_path / "a", world.scenes, parallels=world.parallels.with_columns(text=spoilt))
    assert judge_for(other, AXIS).report == judge_for(world, AXIS).report
    blank = world.parallels.with_columns(text=spoilt_poles)
    assert not judge_for(of(tmp_path / "b", world.scenes, parallels=blank), AXIS).report.passed


def test_parallels_of_other_kinds_leave_the_examination_to_held_out_works(tmp_path: Path) -> None:
    told = pl.DataFrame(
        [(f"event {n}", "poetry") for n in range(4)], schema=["event", "kind"], orient="row"
    ).with_columns(topic=pl.lit("t"), family=pl.lit("f"), lang=pl.lit("en"))
    told = told.with_columns(opening=pl.lit("So"), text=pl.lit("So it was."))
    plain = judge_for(of(tmp_path / "a", story_scenes()), AXIS)
    assert (
        judge_for(of(tmp_path / "b", story_scenes(), parallels=told), AXIS).report == plain.report
    )


def test_without_parallels_it_is_examined_on_works_held_out(tmp_path: Path) -> None:
    scenes = story_scenes()
    judging = judge_for(of(tmp_path, scenes), AXIS)
    assert judging.judge.groups == works(scenes, "train")
    assert judging.report.num_groups == len(works(scenes, "held_out")) == 4
    assert judging.report.passed
    told = "tested on 4 groups never seen; topic and manner are not separated"
    assert judging.report.reason == told


def test_pairs_of_the_axiss_own_leave_the_examination_to_held_out_works(tmp_path: Path) -> None:
    row = ("e", "t", "So", "So it was.", "So it is.")
    own = pl.DataFrame([row], schema=list(PAIR_COLUMNS), orient="row")
    corpus = of(tmp_path, story_scenes())
    assert judge_for(corpus, replace(AXIS, own=own)).report == judge_for(corpus, AXIS).report


@pytest.mark.parametrize("unit", ["document", "id"])
def test_a_kind_of_a_single_work_is_examined_on_what_was_held_out_of_it(
    tmp_path: Path, unit: str
) -> None:
    """The technical works become one work, or one document: its held-out parts are still unread."""
    one = pl.when(kind="technical").then(pl.lit("handbook"))
    scenes = story_scenes().with_columns(work=one.otherwise("work"))
    if unit == "id":
        scenes = scenes.with_columns(document=one.otherwise("document"))
    judging = judge_for(of(tmp_path, scenes), AXIS)
    handbook = scenes.filter(work="handbook")
    assert works(handbook, "train", unit) <= judging.judge.groups
    assert judging.judge.groups.isdisjoint(works(handbook, "held_out", unit))
    assert judging.report.num_groups == 2 + len(works(handbook, "held_out", unit))
    assert judging.report.passed, judging.report.reason


def test_a_work_both_read_and_held_out_is_no_group_of_its_own(tmp_path: Path) -> None:
    """Nothing that was read is asked about: with nothing held out, the judge doesn't pass."""
    judging = judge_for(of(tmp_path, story_scenes().with_columns(split=pl.lit("train"))), AXIS)
    assert judging.report.num_groups == 0
    assert judging.report.reason == "a side has no group that training has not seen"


def test_what_was_left_out_is_neither_learnt_from_nor_asked_about(tmp_path: Path) -> None:
    """And its work is held out still: nothing of it was read."""
    whole = judge_for(of(tmp_path / "a", story_scenes()), AXIS)
    is_first = pl.col("place") == 0
    split = pl.when((pl.col("split") == "held_out") & is_first).then(pl.lit("left_out"))
    scenes = story_scenes().with_columns(split=split.otherwise("split"))
    judging = judge_for(of(tmp_path / "b", scenes), AXIS)
    assert judging.judge.digest == whole.judge.digest
    assert judging.report.num_groups == whole.report.num_groups
    assert judging.report.num_positive < whole.report.num_positive


def test_the_number_of_threads_changes_no_bit(tmp_path: Path) -> None:
    voices = ("drama", "technical")
    corpus = make_world(tmp_path / "w", langs=["en"], num_events=800, seed=0, voices=voices)
    with threadpool_limits(limits=1):
        alone = judge_for(corpus, AXIS)
    with threadpool_limits(limits=4):
        together = judge_for(corpus, AXIS)
    assert together.judge.digest == alone.judge.digest
    assert together.report == alone.report
