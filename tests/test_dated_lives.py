"""Lives by the documents' own dates: sorted, selected, and pinned to the ages that they give."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import ids_of, tiny_scenes

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import SettingsError
from upbringing.order import Order, caveats, compile_order, parse_curriculum

FIRST = date(1999, 12, 31)


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The tiny corpus; each document is from a day of its own, poetry from no day."""
    scenes = tiny_scenes()
    days = np.random.default_rng(3).permutation(20)
    dates = [
        None if kind == "poetry" else FIRST + timedelta(days=int(days[int(document.split()[1])]))
        for kind, document in scenes.select("kind", "document").iter_rows()
    ]
    place: Path = tmp_path_factory.mktemp("dated") / "corpus"
    scenes = scenes.with_columns(date=pl.Series(dates, dtype=pl.Date))
    return write_corpus(place, scenes, recipe={"made": "by a test"}, inputs={})


def lived(corpus: Corpus, life: str) -> Order:
    return compile_order(corpus, parse_curriculum(f"name: x\n{life}\n", name="c.yaml"))


def refused(corpus: Corpus, life: str) -> str:
    with pytest.raises(SettingsError) as caught:
        lived(corpus, life)
    return str(caught.value)


def test_scenes_are_sorted_by_date_ties_by_key(dated: Corpus) -> None:
    order = lived(
        dated, "phases: [{name: a, scenes: {kind: [chat, drama]}, arrange: {sort: date}}]"
    )
    mine = dated.scenes.filter(pl.col("kind").is_in(["chat", "drama"]), split="train")
    assert ids_of(order) == mine.sort("date", "key")["id"].to_list()
    assert "date" in order.columns


def test_dates_closer_than_single_precision_are_told_apart(tmp_path: Path) -> None:
    scenes = tiny_scenes()
    times = 20_000 + np.random.default_rng(1).permutation(len(scenes)) / 86_400
    scenes = scenes.with_columns(date=pl.Series(times))
    corpus = write_corpus(tmp_path / "corpus", scenes, recipe={}, inputs={})
    order = lived(corpus, "phases: [{name: a, scenes: rest, arrange: {sort: -date}}]")
    mine = corpus.scenes.filter(split="train").sort("date", descending=True)
    assert ids_of(order) == mine["id"].to_list()


def test_a_range_of_dates_ends_included(dated: Corpus) -> None:
    life = "phases: [{name: a, scenes: {measures: {date: [2000-01-03, 2000-01-09]}}}]"
    days = pl.col("date").is_between(
        (date(2000, 1, 3) - date(1970, 1, 1)).days, (date(2000, 1, 9) - date(1970, 1, 1)).days
    )
    expected = dated.scenes.filter(days, split="train")["id"].to_list()
    assert sorted(ids_of(lived(dated, life))) == sorted(expected)
    assert expected
    curriculum = parse_curriculum(f"name: x\n{life}\n")
    assert parse_curriculum(curriculum.to_yaml()).phases == curriculum.phases


def test_every_scene_comes_at_the_age_of_its_date(dated: Corpus) -> None:
    life = "phases: [{name: life, scenes: {kind: [poetry, technical]}, arrange: as_is}]"
    events = "events: [{scenes: {kind: [chat, drama]}, ages: date}]"
    order = lived(dated, f"{life}\n{events}")
    assert [name for name in ids_of(order) if name[:4] in ("poet", "tech")] == ids_of(
        lived(dated, life)
    )
    scenes = dated.scenes
    mine = scenes.filter(pl.col("kind").is_in(["chat", "drama"]), split="train")
    # Those of one date come in the order of the corpus.
    by_date = mine.sort("date", maintain_order=True)
    assert [n for n in ids_of(order) if n[:4] in ("chat", "dram")] == by_date["id"].to_list()
    first, last = mine["date"].min(), mine["date"].max()
    assert isinstance(first, float)
    assert isinstance(last, float)
    when = dict(zip(mine["id"], (mine["date"] - first) / (last - first), strict=True))
    on_a_day = mine.group_by("date").agg(pl.col("num_bytes").sum())["num_bytes"]
    slack = int(on_a_day.to_numpy().max()) + int(order.num_bytes.max())
    for position, name in enumerate(ids_of(order)):
        if name in when:
            asked = when[name] * order.read[-1]
            assert abs(int(order.read[position]) - asked) <= slack


def test_a_whole_life_by_date_needs_no_other_scene(dated: Corpus) -> None:
    order = lived(
        dated,
        "phases: [{name: one, scenes: {id: poetry/0002}}]\n"
        "events: [{scenes: {measures: {date: [null, null]}}, ages: date}]",
    )
    mine = dated.scenes.filter(pl.col("date").is_not_null(), split="train")
    expected = mine.sort("date", maintain_order=True)["id"].to_list()
    assert [name for name in ids_of(order) if name != "poetry/0002"] == expected


def test_a_life_by_date_is_no_event_that_lasts_too_long(dated: Corpus) -> None:
    phases = "name: x\nphases: [{name: a, scenes: {kind: [poetry, technical]}}]\n"
    for ages, num_warned in (("date", 0), ("[0.5]", 1)):
        events = f"events: [{{scenes: {{kind: [chat, drama]}}, ages: {ages}}}]\n"
        curriculum = parse_curriculum(phases + events)
        said = [str(problem) for problem in caveats(curriculum, compile_order(dated, curriculum))]
        assert sum("of life each time" in line for line in said) == num_warned


def test_what_has_no_date_is_refused(dated: Corpus, corpus: Corpus) -> None:
    life = "phases: [{name: a, scenes: rest, arrange: {sort: date}}]"
    said = refused(dated, life)
    assert said.startswith("c.yaml:2:34: 20 of 72 scenes have no date")
    assert "measures: {date: [null, null]}" in said
    assert "asks for dates, and no scene of the corpus has one" in refused(corpus, life)
    life = "phases: [{name: a, scenes: {kind: chat}}]\n"
    said = refused(dated, life + "events: [{scenes: {none_of: [{kind: chat}]}, ages: date}]")
    assert "c.yaml:3:46: 20 of 52 scenes have no date" in said


def test_one_date_gives_no_ages(dated: Corpus) -> None:
    life = "phases: [{name: a, scenes: rest}]\nevents: [{scenes: {id: chat/0000}, ages: date}]"
    assert "c.yaml:3:36: these scenes have one date only" in refused(dated, life)
    with pytest.raises(SettingsError, match="ages: should be 'date'"):
        lived(dated, "phases: [{name: a, scenes: rest}]\nevents: [{scenes: {}, ages: dates}]")
