"""Controls: permutations of the visits of a life, by the rule that each is named for."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import ids_of
from test_cli import run_command

from upbringing.corpus import Corpus
from upbringing.errors import SettingsError
from upbringing.order import (
    CONTROLS,
    SCHEMA_FILE,
    SCHEMA_LINE,
    Order,
    compile_order,
    load_curriculum,
    parse_curriculum,
)

LIFE = """\
# what a person wrote
name: four ages
phases:
  - {name: infancy, scenes: {kind: poetry}, arrange: {sort: num_bytes}, batch_size: 2}
  - name: childhood          # with a repetition
    scenes: {kind: chat, part: [0, 0.3]}
    passes: 2
  - {name: youth, scenes: {kind: drama}, arrange: as_is}
  - {name: maturity, scenes: rest, rehearse: {share: 0.1}}
events:
  - {scenes: {id: technical/0003}, ages: [0.1, 0.9]}
"""


def lived(corpus: Corpus, control: str | None, seed: int = 0, text: str = LIFE) -> Order:
    text += f"control: {control}\n" if control else ""
    return compile_order(corpus, parse_curriculum(text, name="c.yaml"), seed=seed)


def blocks_of(order: Order) -> list[list[str]]:
    ids = ids_of(order)
    return [ids[span.start : span.stop] for span in order.phases]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_control_is_the_same_visits_in_another_order(
    corpus: Corpus, control: str, seed: int
) -> None:
    own, other = lived(corpus, None, seed), lived(corpus, control, seed)
    assert other.visits_digest == own.visits_digest
    assert other.digest != own.digest
    assert Counter(ids_of(other)) == Counter(ids_of(own))


@pytest.mark.parametrize("control", CONTROLS)
def test_phases_stay_at_their_ages_with_their_levers(corpus: Corpus, control: str) -> None:
    own, other = lived(corpus, None), lived(corpus, control)
    assert [(s.name, s.levers) for s in other.phases] == [(s.name, s.levers) for s in own.phases]
    largest = own.num_bytes.max() / own.read[-1]
    for mine, its in zip(own.phases, other.phases, strict=True):
        assert 0 <= other.age_of(its.start) - own.age_of(mine.start) <= largest


def test_reverse_is_the_life_from_its_end_to_its_beginning(corpus: Corpus) -> None:
    assert ids_of(lived(corpus, "reverse")) == ids_of(lived(corpus, None))[::-1]


def test_random_keeps_the_visits_of_each_phase(corpus: Corpus) -> None:
    own, other = lived(corpus, None), lived(corpus, "random")
    assert other.phases == own.phases
    for mine, its in zip(blocks_of(own), blocks_of(other), strict=True):
        assert Counter(mine) == Counter(its)
        assert mine != its


def test_blocks_are_whole_and_never_in_the_order_of_the_file(corpus: Corpus) -> None:
    seen = set()
    for seed in range(20):
        blocks = blocks_of(lived(corpus, None, seed))
        order = ids_of(lived(corpus, "blocks", seed))
        found = []
        while order:
            left = [n for n in range(4) if n not in found]
            number = next(n for n in left if order[: len(blocks[n])] == blocks[n])
            found.append(number)
            order = order[len(blocks[number]) :]
        assert sorted(found) == [0, 1, 2, 3]
        assert found != [0, 1, 2, 3]
        seen.add(tuple(found))
    assert len(seen) > 8


def test_other_puts_the_phase_of_nearest_size_first(corpus: Corpus) -> None:
    own = lived(corpus, None)
    blocks = blocks_of(own)
    sizes = np.diff([own.read[span.start] for span in own.phases] + [own.read[-1]])
    nearest = 1 + int(np.abs(sizes[1:] - sizes[0]).argmin())
    blocks[0], blocks[nearest] = blocks[nearest], blocks[0]
    assert ids_of(lived(corpus, "other")) == [name for block in blocks for name in block]


def test_shuffles_differ_by_seed_and_from_one_another(corpus: Corpus) -> None:
    orders = {tuple(ids_of(lived(corpus, c, s))) for c in ("shuffle", "deal") for s in range(3)}
    assert len(orders) == 6


def test_the_meetings_of_one_scene_are_shuffled_apart(corpus: Corpus) -> None:
    life = "name: x\nphases: [{name: a, scenes: rest, passes: 3}]\n"
    ids = ids_of(lived(corpus, "shuffle", text=life))
    pairs = sum(a == b for a, b in pairwise(ids))
    assert pairs < 10  # by chance 2 of 215


@pytest.mark.parametrize("control", ["blocks", "other"])
def test_one_phase_has_no_other_order_of_phases(corpus: Corpus, control: str) -> None:
    life = "name: x\nphases: [{name: a, scenes: rest}]\n"
    with pytest.raises(SettingsError, match=r"c.yaml:3:1: `control: \w+` has no other phase"):
        lived(corpus, control, text=life)


def test_the_command_writes_every_control_as_a_file(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "life.yaml").write_text(LIFE)
    ran = run_command(tmp_path, "controls", "life.yaml", "-o", "controls")
    assert (ran.returncode, ran.stderr) == (0, "")
    files = sorted((tmp_path / "controls").glob("*.yaml"))
    assert (tmp_path / "controls" / SCHEMA_FILE).exists()
    assert [file.stem for file in files] == sorted(CONTROLS)
    for file in files:
        text = file.read_text()
        assert text.startswith(f"{SCHEMA_LINE}\n# A control of life.yaml: ")
        assert "# what a person wrote" in text
        assert "# with a repetition" in text
        order = compile_order(corpus, load_curriculum(file))
        assert ids_of(order) == ids_of(lived(corpus, file.stem))
        assert load_curriculum(file).name == f"four ages, control: {file.stem}"


def test_the_command_refuses_what_is_no_life(tmp_path: Path) -> None:
    (tmp_path / "life.yaml").write_text("name: x\nphases: []\n")
    ran = run_command(tmp_path, "controls", "life.yaml", "-o", "controls")
    assert ran.returncode == 2
    assert "life.yaml:2:1: phases: a life needs at least one phase" in ran.stderr
    (tmp_path / "control.yaml").write_text(LIFE + "control: shuffle\n")
    ran = run_command(tmp_path, "controls", "control.yaml", "-o", "controls")
    assert ran.returncode == 2
    assert "control.yaml:12:1: is a control itself" in ran.stderr
    assert not (tmp_path / "controls").exists()
