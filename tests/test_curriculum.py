from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.errors import SettingsError
from upbringing.order import Curriculum, Phase, Selection, load_curriculum, parse_curriculum
from upbringing.order.places import known_arrangements, say_arrangement

FULL = """\
name: scenic-first
seed: 3
scenes:
  lang: en
phases:
- name: childhood
  scenes:
    kind:
    - drama
    - poetry
    part:
    - 0.0
    - 0.5
  arrange:
    sort: -num_bytes
  passes: 2
  batch_size: 8
  lr_scale: 0.5
- name: youth
  scenes:
    kind: technical
  arrange:
    blocks:
    - technical
- name: maturity
  scenes: rest
  arrange: as_is
"""

MISTAKEN = """\
name: many mistakes
seed: -1
phases:
  - name: childhood
    scenes: {knd: drama}
    batch_sise: 8
  - name: childhood
    scenes: rest
    arrange: shufle
    batch_size: -3
  - scenes: rest
    arrange: {sort: num_byte}
  - name: age of reason
    scenes: resst
    arrange: {shuffle: 3}
  - name: old age
    scenes: {kind: [], part: [1, 0]}
    arrange: {blocks: drama}
    passes: many
  - name: last words
    scenes: {lang: en}
    arrange: sort
"""


SHOWN = f"""\
c.yaml:2:1: seed: should be greater than or equal to 0
c.yaml:5:14: unknown key 'phases.0.scenes.knd'
    allowed: any_of, document, id, kind, lang, measures, near, none_of, part, source, work
    did you mean 'kind'?
c.yaml:6:5: unknown key 'phases.0.batch_sise'
    allowed: {", ".join(sorted(Phase.model_fields))}
    did you mean 'batch_size'?
c.yaml:7:5: phases.1.name: two phases are called 'childhood'; each needs its own name
c.yaml:9:5: phases.1.arrange: no arrangement is called shufle
    allowed: {", ".join(known_arrangements())}
    did you mean 'shuffle'?
c.yaml:10:5: phases.1.batch_size: should be greater than or equal to 1
c.yaml:11:5: phases.2.scenes: `scenes: rest` can stand in one phase only
c.yaml:11:5: 'phases.2.name' is missing
c.yaml:12:5: phases.2.arrange: no measure is called num_byte
    allowed: num_bytes, num_words, compression_ratio, unigram_surprisal, date
    did you mean 'num_bytes'?
c.yaml:14:5: phases.3.scenes: should be 'rest'
c.yaml:15:5: phases.3.arrange: 'shuffle' takes no setting
c.yaml:17:14: phases.4.scenes.kind: should have 1 or more
c.yaml:17:24: phases.4.scenes.part: a part is [from, to] with 0 ≤ from < to ≤ 1
c.yaml:18:5: phases.4.arrange: should be a list
c.yaml:19:5: phases.4.passes: should be a whole number
c.yaml:22:5: phases.5.arrange: 'sort' needs a setting: `{{sort: …}}`"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_curriculum(text, name="c.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_full_curriculum_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ltm_curriculum.yaml"
    file.write_text(FULL)
    childhood, youth, maturity = load_curriculum(file).phases
    assert childhood == Phase(
        name="childhood",
        scenes=Selection(kind=("drama", "poetry"), part=(0, 0.5)),
        arrange={"sort": "-num_bytes"},
        passes=2,
        batch_size=8,
        lr_scale=0.5,
    )
    assert say_arrangement(youth.arrange) == {"blocks": ["technical"]}
    assert maturity == Phase(name="maturity", scenes="rest", arrange="as_is")


def test_what_is_read_is_written_as_it_was() -> None:
    assert parse_curriculum(FULL).to_yaml() == FULL


def test_every_mistake_is_shown_at_its_place_with_a_suggestion() -> None:
    assert "\n".join(problems_of(MISTAKEN)) == SHOWN


@pytest.mark.parametrize(
    ("phases", "says"),
    [
        ("[]", "c.yaml:2:1: phases: a life needs at least one phase"),
        ("3", "c.yaml:2:1: phases: should be a list"),
        ("[{name: a}]", "c.yaml:2:10: phases.0: a phase needs `scenes`, or `phases`"),
        ("[{name: '', scenes: rest}]", "c.yaml:2:11: phases.0.name: should have 1 or more"),
        ("[{name: a, scenes: 3}]", "c.yaml:2:20: phases.0.scenes: should be a map"),
        ("[{name: a, scenes: rest, arrange: {sort: x, blocks: y}}]", "is one name, or one name"),
        ("[{name: a, scenes: rest, arrange: 3}]", "is one name, or one name"),
        ("[{name: a, scenes: rest, lr_scale: -1}]", "c.yaml:2:34: phases.0.lr_scale"),
    ],
)
def test_one_mistake_is_one_problem(phases: str, says: str) -> None:
    (problem,) = problems_of(f"name: x\nphases: {phases}\n")
    assert says in problem


# What a kind, a work or a phase may be called: anything but unprintable characters.
names = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=8)
many = st.lists(names, min_size=1, max_size=3, unique=True).map(tuple)
shares = st.floats(0, 1, allow_subnormal=False)
parts = st.tuples(shares, shares).map(sorted).filter(lambda p: p[0] < p[1]).map(tuple)
selections = st.builds(
    Selection,
    kind=st.none() | many,
    lang=st.none() | many,
    work=st.none() | many,
    document=st.none() | many,
    part=st.none() | parts,
)
arrangements = st.one_of(
    st.sampled_from(["shuffle", "as_is"]),
    st.sampled_from(["num_bytes", "-compression_ratio"]).map(lambda m: {"sort": m}),
    many.map(lambda kinds: {"blocks": list(kinds)}),
)
phases = st.builds(
    Phase,
    name=names,
    scenes=selections,
    arrange=arrangements,
    passes=st.integers(1, 4),
    batch_size=st.none() | st.integers(1, 99),
    lr_scale=st.floats(0, 4, allow_subnormal=False),
)
curricula = st.builds(
    Curriculum,
    name=names,
    seed=st.integers(0, 2**63),
    scenes=st.none() | selections,
    phases=st.lists(phases, min_size=1, max_size=4, unique_by=lambda phase: phase.name).map(tuple),
)


@given(curricula)
def test_a_curriculum_comes_back_from_its_yaml(curriculum: Curriculum) -> None:
    text = curriculum.to_yaml()
    again = parse_curriculum(text)
    assert again.model_dump() == curriculum.model_dump()
    assert again.to_yaml() == text
