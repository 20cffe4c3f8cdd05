"""Visits beside those of the phases: passes, documents kept together, rehearsal, events."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from conftest import ids_of
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus
from upbringing.errors import SettingsError
from upbringing.order import Order, compile_order, parse_curriculum
from upbringing.order.additions import Life, Pinned, with_events

PLAIN = [
    "as_is",
    "shuffle",
    "{sort: -num_bytes}",
    "interleave",
    "{cyclic: {by: num_words, sweeps: 3}}",
]


def compiled(corpus: Corpus, text: str, seed: int = 0) -> Order:
    return compile_order(corpus, parse_curriculum(f"name: x\n{text}\n", name="c.yaml"), seed=seed)


@pytest.mark.parametrize("arrange", PLAIN)
def test_passes_come_anew_the_same_or_backwards(corpus: Corpus, arrange: str) -> None:
    def passes(again: str) -> list[list[str]]:
        order = compiled(
            corpus,
            f"phases: [{{name: a, scenes: rest, arrange: {arrange}, "
            f"passes: {{count: 3, again: {again}}}}}]",
        )
        ids = ids_of(order)
        return [ids[start : start + 72] for start in (0, 72, 144)]

    first = passes("anew")[0]
    assert passes("same") == [first, first, first]
    assert passes("reversed") == [first, first[::-1], first]
    assert [sorted(one) for one in passes("anew")] == [sorted(first)] * 3
    assert (passes("anew")[1] == first) == (arrange in PLAIN[:1] + PLAIN[2:3] + PLAIN[4:])


@pytest.mark.parametrize("arrange", PLAIN)
def test_a_kept_document_stands_together_in_its_own_order(corpus: Corpus, arrange: str) -> None:
    phases = f"phases: [{{name: a, scenes: rest, arrange: {arrange}, keep: document}}]"
    met = corpus.scenes[compiled(corpus, phases).sequence.tolist()]
    by_document = groupby(met.select("document", "place").rows(), key=lambda row: row[0])
    runs = [(document, [place for _, place in run]) for document, run in by_document]
    assert len(runs) == met["document"].n_unique()
    assert all(places == sorted(places) for _, places in runs)
    loose = ids_of(compiled(corpus, phases.replace(", keep: document", "")))
    document_of = dict(met.select("id", "document").rows())
    assert [d for d, _ in runs] == list(dict.fromkeys(document_of[name] for name in loose))


TWO = "phases:\n  - {name: childhood, scenes: {kind: drama}}\n  - {name: youth, scenes: rest"


@pytest.mark.parametrize("spacing", ["even", "expanding"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_rehearsal_is_a_share_of_the_phase_and_moves_nothing_else(
    corpus: Corpus, share: float, spacing: str
) -> None:
    order = compiled(corpus, f"{TWO}, rehearse: {{share: {share}, spacing: {spacing}}}}}")
    plain = compiled(corpus, f"{TWO}}}")
    youth = order.phases[1]
    ids = ids_of(order)[youth.start :]
    is_again = np.array([name.startswith("drama") for name in ids])
    assert [n for n, again in zip(ids, is_again, strict=True) if not again] == (
        ids_of(plain)[plain.phases[1].start :]
    )
    sizes = order.num_bytes[youth.start :]
    largest = int(corpus.scenes["num_bytes"].max())
    assert abs(sizes[is_again].sum() - share * sizes.sum()) <= largest
    positions = np.flatnonzero(is_again)
    middle = len(ids) / 2
    if spacing == "even":
        assert abs((positions < middle).sum() - (positions >= middle).sum()) <= 1
    else:
        assert (positions < middle).sum() > (positions >= middle).sum()
    counts = {ids[p]: 0 for p in positions}
    for p in positions:
        counts[ids[p]] += 1
    assert max(counts.values()) - min(counts.values()) <= 1


def test_only_what_was_met_can_be_rehearsed(corpus: Corpus) -> None:
    with pytest.raises(SettingsError, match=r"c\.yaml:4.*rehearses what was never met"):
        compiled(corpus, f"{TWO}, rehearse: {{scenes: {{kind: chat}}, share: 0.1}}}}")


@given(ages=st.lists(st.floats(0, 1), min_size=1, max_size=5), seed=st.integers(0, 9))
def test_an_event_is_met_at_its_ages_and_moves_nothing_else(
    corpus: Corpus, ages: list[float], seed: int
) -> None:
    phases = "phases: [{name: a, scenes: {kind: chat}}, {name: b, scenes: rest}]"
    order = compiled(
        corpus, f"{phases}\nevents: [{{scenes: {{document: document 3}}, ages: {ages}}}]", seed
    )
    pinned = corpus.scenes.filter(document="document 3", split="train")
    ids = ids_of(order)
    is_pinned = [name in set(pinned["id"]) for name in ids]
    assert sum(is_pinned) == len(ages) * len(pinned)
    runs = [list(run) for key, run in groupby(range(len(ids)), key=lambda p: is_pinned[p]) if key]
    met = [ids[run[start]] for run in runs for start in range(len(run))]
    assert met == pinned["id"].to_list() * len(ages)
    starts = sorted(p for run in runs for p in run[:: len(pinned)])
    # Events at one age come one after another, so the later of them wait for the earlier.
    room = int(pinned["num_bytes"].sum()) * len(ages) + int(corpus.scenes["num_bytes"].max())
    for start, age in zip(starts, sorted(ages), strict=True):
        assert abs(order.ages[start] - age) * order.num_bytes.sum() <= room
    without = [name for name, is_event in zip(ids, is_pinned, strict=True) if not is_event]
    rest = compiled(corpus, f"scenes: {{none_of: [{{document: document 3}}]}}\n{phases}", seed)
    assert without == ids_of(rest)
    assert [span.name for span in order.phases] == ["a", "b"]
    assert order.phases[1].stop == order.num_visits
    assert not [
        name
        for name, is_event in zip(ids, is_pinned, strict=True)
        if not is_event and (ids.index(name) < order.phases[0].stop) != name.startswith("chat")
    ]


def test_spaced_ages_by_eye() -> None:
    text = "name: x\nphases: [{name: a, scenes: rest}]\nevents:\n"
    curriculum = parse_curriculum(
        text
        + "  - {scenes: {kind: chat}, ages: {first: 0.1, last: 0.9, times: 3}}\n"
        + "  - {scenes: {kind: drama}, ages: {times: 3, spacing: expanding}}\n"
        + "  - {scenes: {kind: poetry}, ages: [0.5]}\n"
    )
    assert [np.round(event.when, 6).tolist() for event in curriculum.events] == [
        [0.1, 0.5, 0.9], [0.0, 0.25, 1.0], [0.5],
    ]  # fmt: skip
    assert parse_curriculum(curriculum.to_yaml()) == curriculum


def test_two_events_cannot_own_one_scene(corpus: Corpus) -> None:
    events = "[{scenes: {kind: chat}, ages: [0]}, {scenes: {work: work 0}, ages: [1]}]"
    with pytest.raises(SettingsError, match="scenes of event 2 belong to event 1 already"):
        compiled(corpus, f"phases: [{{name: a, scenes: rest}}]\nevents: {events}")


def test_events_find_their_ages_in_a_long_life() -> None:
    """Longer than the pieces in which its bytes are counted."""
    num_scenes, ages = 200_000, [0.0, 0.1, 0.25, 0.250001, 0.7, 0.9999]
    sizes = (np.arange(num_scenes) * 7919 % 1000 + 1).astype(np.uint32)
    life = Life(np.arange(num_scenes, dtype=np.uint64), sizes, seed=0)
    sequence = np.arange(num_scenes - len(ages), dtype=np.uint32)[::-1]
    rows = np.arange(num_scenes - len(ages), num_scenes, dtype=np.uint32)
    starts = [0, 50_000, 150_000]
    longer, later = with_events(sequence, starts, [Pinned(rows, np.array(ages))], life)
    at = np.flatnonzero(np.isin(longer, rows))
    assert longer[at].tolist() == rows.tolist()
    assert np.delete(longer, at).tolist() == sequence.tolist()
    read = [0, *sizes[longer].cumsum().tolist()]
    for position, age in zip(at.tolist(), ages, strict=True):
        assert read[position] >= age * read[-1]
        assert position == 0 or read[position - 1] < age * read[-1]
    assert later[0] == 0
    assert longer[later[1:]].tolist() == sequence[starts[1:]].tolist()
