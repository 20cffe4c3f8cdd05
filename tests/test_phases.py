"""Phases inside phases: each keeps its own order, however they come together."""

from __future__ import annotations

import itertools

import pytest
from conftest import KINDS, ids_of
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import Corpus
from upbringing.errors import SettingsError
from upbringing.identity import keyed_hash, keys_of
from upbringing.order import Levers, Order, PhaseSpan, compile_order, parse_curriculum

INNER = {
    "poems": "{name: poems, scenes: {kind: poetry}, arrange: {sort: num_bytes}}",
    "plays": "{name: plays, scenes: {kind: drama}, arrange: {sort: -num_words}}",
    "talk": "{name: talk, scenes: {kind: chat}, arrange: as_is, passes: 2}",
}
ALLOWED_INSIDE = "\n    allowed: arrange, join, keep, name, passes, phases, scenes"

JOINS = [
    "in_turn",
    "interleave",
    "shuffle",
    "{mixture: {poems: [1, 0], plays: 1, talk: {from: 0.1, to: 1, shape: cosine}}}",
]


def compiled(corpus: Corpus, phases: str, seed: int = 0) -> Order:
    text = f"name: x\nphases: [{phases}]\n"
    return compile_order(corpus, parse_curriculum(text, name="c.yaml"), seed=seed)


def nested(join: str, *more: str) -> str:
    keys = [f"join: {join}", f"phases: [{', '.join(INNER.values())}]", *more]
    return f"{{name: childhood, {', '.join(keys)}}}"


def alone(corpus: Corpus) -> dict[str, list[str]]:
    """The visits of each inner phase, were it the whole life."""
    return {name: ids_of(compiled(corpus, phase)) for name, phase in INNER.items()}


def problems_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_curriculum(f"name: x\nphases:\n{text}", name="c.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("join", JOINS)
def test_every_phase_inside_keeps_its_order(corpus: Corpus, join: str) -> None:
    whole = ids_of(compiled(corpus, nested(join)))
    parts = alone(corpus)
    assert len(whole) == sum(map(len, parts.values()))
    for part in parts.values():
        mine = set(part)
        assert [name for name in whole if name in mine] == part


def test_in_turn_is_the_order_of_the_file_and_one_phase(corpus: Corpus) -> None:
    order = compiled(corpus, nested("in_turn", "batch_size: 4"))
    assert ids_of(order) == list(itertools.chain(*alone(corpus).values()))
    assert order.phases == (PhaseSpan("childhood", 0, len(order.sequence), Levers(batch_size=4)),)


def test_shuffled_phases_come_by_the_lots_of_their_names(corpus: Corpus) -> None:
    parts = alone(corpus)
    seen = set()
    for seed in range(12):
        lots = keyed_hash(keys_of(list(parts)), seed, "order/childhood/0/join").tolist()
        names = [name for _, name in sorted(zip(lots, parts, strict=True))]
        expected = [name for part in names for name in parts[part]]
        assert ids_of(compiled(corpus, nested("shuffle"), seed)) == expected
        seen.add(tuple(names))
    assert len(seen) > 2


def test_interleaved_phases_are_spread_evenly(corpus: Corpus) -> None:
    parts = alone(corpus)
    places = sorted(
        ((k + 0.5) / len(part), number, name)
        for number, part in enumerate(parts.values())
        for k, name in enumerate(part)
    )
    assert ids_of(compiled(corpus, nested("interleave"))) == [name for *_, name in places]


def test_a_mixture_moves_from_one_phase_to_another(corpus: Corpus) -> None:
    two = f"phases: [{INNER['poems']}, {INNER['plays']}]"
    join = "join: {mixture: {poems: [1, 0], plays: [0, 1]}}"
    whole = ids_of(compiled(corpus, f"{{name: a, {join}, {two}}}"))
    half = len(whole) // 2
    early = [sum(name[:6] == "poetry" for name in part) for part in (whole[:half], whole[half:])]
    # A rate that falls to 0 in a line has three quarters of its area in the first half.
    assert abs(early[0] - 0.75 * sum(early)) <= 1


def test_shares_that_the_supply_forbids_are_refused(corpus: Corpus) -> None:
    two = f"phases: [{INNER['poems']}, {INNER['talk']}]"
    join = "join: {mixture: {poems: 1, talk: 1}, given: shares}"
    with pytest.raises(SettingsError) as caught:
        compiled(corpus, f"{{name: a, {join}, {two}}}")
    assert [problem.where for problem in caught.value.problems] == ["c.yaml:2:20"] * 2
    assert "30 visits of poems, and there are 20" in str(caught.value)


def test_passes_of_the_whole_come_anew_and_backwards(corpus: Corpus) -> None:
    life = "{name: a, %s, phases: [{name: b, scenes: {kind: drama}}, {name: c, scenes: rest}]}"
    anew = ids_of(compiled(corpus, life % "passes: 2"))
    first, second = anew[:72], anew[72:]
    assert first != second
    assert sorted(first[:16]) == sorted(second[:16])
    turned = ids_of(compiled(corpus, life % "passes: {count: 2, again: reversed}"))
    assert turned[72:] == turned[:72][::-1]


def test_phases_nest_to_any_depth(corpus: Corpus) -> None:
    deep = INNER["poems"]
    for name in ("a", "b", "c"):
        deep = f"{{name: {name}, phases: [{deep}]}}"
    assert ids_of(compiled(corpus, deep)) == alone(corpus)["poems"]


def test_rest_and_rehearsal_know_what_is_inside(corpus: Corpus) -> None:
    later = "{name: later, scenes: rest, rehearse: {scenes: {kind: drama}, share: 0.2}}"
    order = compiled(corpus, f"{nested('interleave')}, {later}")
    start = order.phases[1].start
    kinds = {name.split("/")[0] for name in ids_of(order)[start:]}
    assert kinds == {"technical", "drama"}


def test_a_scene_has_one_owner_wherever_it_stands(corpus: Corpus) -> None:
    again = "{name: again, scenes: {kind: drama}}"
    with pytest.raises(SettingsError, match="16 scenes of phase 'again' belong to phase 'plays'"):
        compiled(corpus, f"{nested('in_turn')}, {again}")


def test_what_goes_wrong_inside_is_shown_at_its_place(corpus: Corpus) -> None:
    text = "name: x\nphases:\n  - name: a\n    phases:\n      - {name: b, scenes: {knd: x}}\n"
    with pytest.raises(SettingsError, match=r"c.yaml:5:28: unknown key 'phases.0.phases.0.scenes"):
        parse_curriculum(text, name="c.yaml")
    text = text.replace("knd: x", "kind: tragedy")
    with pytest.raises(SettingsError, match=r"c.yaml:5:28: no scene has the kind 'tragedy'"):
        compile_order(corpus, parse_curriculum(text, name="c.yaml"))


def test_what_does_not_fit_together_is_shown_at_once() -> None:
    assert problems_of(
        """\
  - name: a
  - {name: b, join: interleave, scenes: rest}
  - {name: c, scenes: rest, keep: document, phases: [{name: d, scenes: {kind: drama}}]}
  - name: e
    join: {mixture: {f: 1, g: 1}}
    phases:
      - {name: f, scenes: rest}
      - {name: f, scenes: {kind: chat}}
      - {name: h, scenes: {kind: poetry}, batch_size: 4}
  - {name: i, phases: []}
  - {name: j, phases: [{name: k, scenes: rest}], join: sideways}
"""
    ) == [
        "c.yaml:3:5: phases.0: a phase needs `scenes`, or `phases` of its own",
        "c.yaml:4:15: phases.1.join: `join` is for a phase with `phases` of its own",
        "c.yaml:5:15: phases.2.scenes: a phase with `phases` of its own takes no `scenes`",
        "c.yaml:5:29: phases.2.keep: a phase with `phases` of its own takes no `keep`",
        "c.yaml:7:12: phases.3.join.mixture: the mixture leaves out 'h'",
        "c.yaml:7:28: phases.3.join.mixture.g: no phase inside is called 'g'",
        "c.yaml:9:19: phases.3.phases.0.scenes: `scenes: rest` can stand in one phase only",
        "c.yaml:10:10: phases.3.phases.1.name: two phases are called 'f'; each needs its own name",
        "c.yaml:11:43: unknown key 'phases.3.phases.2.batch_size'" + ALLOWED_INSIDE,
        "c.yaml:12:15: phases.4.phases: a phase needs at least one phase in `phases`",
        "c.yaml:13:34: phases.5.phases.0.scenes: `scenes: rest` can stand in one phase only",
        "c.yaml:13:50: phases.5.join: should be 'in_turn', 'interleave' or 'shuffle'",
    ]


@st.composite
def trees(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> str:
    """A phase over these kinds, each in a leaf of its own, split and joined at random."""
    if len(kinds) == 1:
        return f"{{name: {kinds[0]}, scenes: {{kind: {kinds[0]}}}, arrange: {{sort: num_words}}}}"
    cut = draw(st.integers(1, len(kinds) - 1))
    halves = (kinds[:cut], kinds[cut:])
    inner = ", ".join(draw(trees(half)) for half in halves)
    join = draw(st.sampled_from(["in_turn", "interleave", "shuffle"]))
    return f"{{name: {'-'.join(kinds)}, join: {join}, phases: [{inner}]}}"


@given(trees(), st.integers(0, 3))
def test_a_tree_of_phases_is_a_permutation_that_keeps_every_leaf(
    corpus: Corpus, tree: str, seed: int
) -> None:
    whole = ids_of(compiled(corpus, tree, seed))
    assert len(whole) == len(set(whole)) == 72
    for kind in KINDS:
        leaf = f"{{name: {kind}, scenes: {{kind: {kind}}}, arrange: {{sort: num_words}}}}"
        assert [name for name in whole if name.startswith(kind)] == ids_of(compiled(corpus, leaf))


@given(trees())
def test_what_is_read_is_written_and_read_again(tree: str) -> None:
    curriculum = parse_curriculum(f"name: x\nphases: [{tree}]\n")
    again = parse_curriculum(curriculum.to_yaml())
    assert again.model_dump() == curriculum.model_dump()


@pytest.mark.parametrize(
    ("said", "weights"),
    [("priority: 0.5", [1, 0.5, 0.25]), ("priority: [1, 0, 2]", [1, 0, 2])],
)
def test_passes_count_for_more_or_less(corpus: Corpus, said: str, weights: list[float]) -> None:
    """A pass begins where its third of the phase's bytes does, and carries its own levers."""
    phases = f"""
  - {{name: youth, scenes: {{kind: drama}}, lr_scale: 2, passes: {{count: 3, {said}}}}}
  - {{name: age, scenes: rest, passes: {{count: 2, priority: 3, weighs: loss}}}}
"""
    order = compile_order(corpus, parse_curriculum(f"name: a\nphases:{phases}"))
    youth, age = order.phases
    third = (youth.stop - youth.start) // 3
    begins = [youth.start + number * third for number in range(3)]
    assert [begin for begin, _ in youth.stretches] == begins
    assert [levers.lr_scale for _, levers in youth.stretches] == [2 * w for w in weights]
    half = age.start + (age.stop - age.start) // 2
    assert [(b, levers.loss_scale, levers.lr_scale) for b, levers in age.stretches] == [
        (age.start, 1, 1), (half, 3, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "priority", "stretches"),
    [
        (3, 1, [(0, 1, 0.1, "anew")]),
        (3, [0.5] * 3, [(0, 0.5, 0.1, "anew")]),
        (2, 0.5, [(0, 1, 0.2, "anew"), (1, 0.5, 0, "keep")]),
        (3, [1, 1, 2], [(0, 1, 0.15, "anew"), (2, 2, 0, "keep")]),
        (20, [2] + [1] * 19, [(0, 2, 1, "anew"), (1, 1, 0, "keep")]),
    ],
)
def test_what_a_phase_begins_with_it_begins_with_once(
    corpus: Corpus,
    count: int,
    priority: float | list[float],
    stretches: list[tuple[int, float, float, str]],
) -> None:
    """The rate rises over a tenth of the phase; a border lies where a pass counts otherwise."""
    passes = f"{{count: {count}, priority: {priority}}}"
    phase = f"{{name: youth, scenes: rest, rewarm: 0.1, moments: anew, passes: {passes}}}"
    (youth,) = compile_order(corpus, parse_curriculum(f"name: a\nphases: [{phase}]")).phases
    assert [
        (begin * count // youth.stop, levers.lr_scale, levers.rewarm, levers.moments)
        for begin, levers in youth.stretches
    ] == [(n, scale, pytest.approx(rewarm), moments) for n, scale, rewarm, moments in stretches]


def test_a_priority_for_each_pass_or_none() -> None:
    text = "name: a\nphases:\n  - {name: b, scenes: rest, passes: {count: 3, priority: [1, 2]}}"
    with pytest.raises(SettingsError, match="2 priorities for 3 passes"):
        parse_curriculum(text)
