"""Caveats: each is told where it applies, at its place in the file, and nowhere else."""

from __future__ import annotations

import pytest

from upbringing.corpus import Corpus
from upbringing.order import caveats, compile_order, parse_curriculum


def told(corpus: Corpus, text: str, *, seed: int | None = None) -> list[str]:
    curriculum = parse_curriculum(text, name="life.yaml")
    order = compile_order(corpus, curriculum, seed=seed)
    return [str(problem).splitlines()[0] for problem in caveats(curriculum, order)]


def test_a_whole_life_has_none(corpus: Corpus) -> None:
    whole = """
name: whole
phases:
  - {name: childhood, scenes: {kind: drama, part: [0, 0.5]}}
  - {name: youth, scenes: {kind: drama, part: [0.5, 1]}}
  - {name: maturity, scenes: rest, rehearse: {scenes: {kind: drama}, share: 0.1}}
"""
    assert told(corpus, whole) == []
    assert told(corpus, whole, seed=9) == []


def test_kinds_that_are_never_read(corpus: Corpus) -> None:
    text = """
name: narrow
phases:
  - {name: life, scenes: {kind: [drama, poetry]}}
"""
    # 20 scenes of each kind; every tenth scene is held out, of the kinds drama and technical.
    assert told(corpus, text) == [
        "life.yaml:3:1: kinds that are never read: chat (20), technical (16)"
    ]


def test_scenes_that_no_phase_reads(corpus: Corpus) -> None:
    text = """
name: some
phases:
  - {name: life, scenes: {work: [work 0, work 1, work 2, work 3, work 4, work 5, work 6]}}
"""
    (said,) = told(corpus, text)
    # Of work 7 are ten technical scenes, two of them held out.
    assert said.startswith("life.yaml:3:1: read by no phase: 8 scenes (")
    assert said.endswith("): technical (8)")


def test_what_the_life_leaves_out_is_meant(corpus: Corpus) -> None:
    text = """
name: narrowed
scenes: {kind: [drama, poetry]}
phases:
  - {name: life, scenes: {kind: drama}}
"""
    assert told(corpus, text) == ["life.yaml:4:1: kinds that are never read: poetry (20)"]
    assert told(corpus, text.replace("{kind: drama}", "rest")) == []


def test_a_part_without_its_counterpart(corpus: Corpus) -> None:
    text = """
name: parts
phases:
  - {name: childhood, scenes: {kind: drama, part: [0, 0.25]}}
  - name: youth
    scenes:
      kind: drama
      part: [0.5, 1]
  - {name: maturity, scenes: {kind: [chat, poetry, technical]}}
"""
    (said,) = told(corpus, text)
    assert said.startswith("life.yaml:8:7: `part` leaves text unread: ")
    assert told(corpus, text.replace("[0, 0.25]", "[0, 0.5]")) == []
    # The rest of it may be read under another name.
    assert told(corpus, text.replace("{kind: [chat, poetry, technical]}", "rest")) == []


def test_a_phase_that_is_over_at_once(corpus: Corpus) -> None:
    text = """
name: short
phases:
  - {name: birth, scenes: {id: drama/0001}, batch_size: 4}
  - {name: life, scenes: rest, passes: 20}
"""
    assert told(corpus, text) == ["life.yaml:4:5: phase 'birth' is <1% of life"]
    assert told(corpus, text.replace(", passes: 20", "")) == []


def test_events_that_are_not_where_they_were_asked_for(corpus: Corpus) -> None:
    text = """
name: events
phases:
  - {name: life, scenes: rest, passes: 20}
events:
  - {scenes: {id: drama/0001}, ages: [0.25, 0.75]}
  - {scenes: {kind: poetry}, ages: [1.0]}
"""
    begins, lasts = told(corpus, text)
    assert begins.startswith("life.yaml:7:5: event 2 is asked for at age 1, and begins at 0.9")
    assert lasts.startswith("life.yaml:7:5: event 2 takes ")


def test_a_rehearsal_that_says_the_same_again_and_again(corpus: Corpus) -> None:
    text = """
name: again
phases:
  - {name: childhood, scenes: {kind: drama}}
  - name: life
    scenes: rest
    rehearse: {scenes: {id: [drama/0001, drama/0005]}, share: 0.2}
"""
    (said,) = told(corpus, text)
    assert said.startswith("life.yaml:7:5: phase 'life' brings a scene back up to ")
    assert int(said.split()[-2]) > 4
    assert told(corpus, text.replace("0.2", "0.05")) == []


def test_events_are_no_rehearsal(corpus: Corpus) -> None:
    text = """
name: both
phases:
  - {name: childhood, scenes: {kind: drama}}
  - {name: life, scenes: rest, passes: 20, rehearse: {share: 0.01}}
events:
  - {scenes: {id: poetry/0002}, ages: {times: 20, first: 0.001, last: 0.9}}
"""
    assert [line for line in told(corpus, text) if "brings" in line] == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_part_is_dealt_by_the_orders_own_seed(corpus: Corpus, seed: int) -> None:
    text = """
name: parts
phases:
  - {name: childhood, scenes: {kind: drama, part: [0, 0.5]}}
  - {name: youth, scenes: {kind: drama, part: [0.5, 1.0]}}
  - {name: maturity, scenes: {kind: [chat, poetry, technical]}}
"""
    assert told(corpus, text, seed=seed) == []


def test_scenes_near_an_example_are_known_again(corpus: Corpus) -> None:
    text = """
name: near
phases:
  - {name: childhood, scenes: {near: {scene: drama/0001, top: 8}, part: [0, 0.5]}}
  - name: life
    scenes: {kind: [chat, technical, poetry], none_of: [{near: {scene: drama/0001, top: 8}}]}
"""
    said = told(corpus, text)
    assert any("`part` leaves text unread: " in line for line in said)
