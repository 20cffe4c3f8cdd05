"""Inside a mind: measures of its activations, by name; and measures between minds of one's own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command import Command
from test_comparing import family, held_out  # noqa: F401  (family is a fixture)

from upbringing.character import Asked, Axis, AxisProbes, Probes, ProbeSettings, measures_named
from upbringing.character.between import measures_between, own_measures_between
from upbringing.character.between.activations import activations
from upbringing.character.between.direction import trait_directions
from upbringing.character.between.met import memory_by_layer, met_once
from upbringing.character.between.steering import steer
from upbringing.character.measures import readings_of
from upbringing.corpus import Corpus
from upbringing.errors import InputError
from upbringing.training import Run, open_mind

TOLD = Axis.between(("drama",), ("technical",), "en")
UNTOLD = Axis.between(("poetry",), ("technical",), "en")
NAMES = ["trait_clarity", "steering", "order_memory"]

GAPS = """
from upbringing.character.between import Subject, Together, measure_between


@measure_between(unit="letters")
def gap(minds: Together):
    \"\"\"How much longer one name is.\"\"\"

    def apart(a: Subject, b: Subject):
        return {"": abs(len(a.name) - len(b.name))}

    return minds.each_two(apart)


@measure_between(unit="letters", one_birth=True)
def kin(minds: Together):
    return minds.each_two(lambda a, b: {"seed": a.seed}, one_birth=True)


@measure_between(unit="letters")
def flat(minds: Together):
    return {"": [0.0]}
"""


@pytest.fixture
def asked(family: Path) -> Asked:  # noqa: F811
    corpus, run = Corpus.open(family / "corpus"), Run.open(family / "F0")
    axes = (AxisProbes(TOLD, None), AxisProbes(UNTOLD, None))
    tokenizer = run.tokens(corpus).tokenizer
    probes = Probes(corpus, axes, tokenizer, ProbeSettings(3000, 24, 2))
    return Asked(open_mind(run.checkpoints[1.0]), probes, run.checkpoints[1.0], run)


def test_the_inside_is_asked_where_it_is_named(asked: Asked) -> None:
    found = {(one.measure, one.subject): one for one in readings_of(asked, measures_named(NAMES))}
    pairs = asked.probes.pairs[TOLD.name]
    assert len(pairs) == 24
    sides = [[getattr(pair, side) for pair in pairs] for side in ("positive", "negative")]
    streams = [activations(asked.mind, side) for side in sides]
    clearest = max(one.d_prime for one in trait_directions(streams[0], streams[1], birth="any"))
    assert found["trait_clarity", TOLD.name].value == clearest > 0
    memory = memory_by_layer(asked.mind, met_once(asked.run))  # type: ignore[arg-type]
    values = [found["order_memory", f"layers.{layer}"].value for layer in range(len(memory))]
    assert values == [one.spearman for one in memory]
    assert found["order_memory", "chance"].value == max(one.shuffled_high for one in memory)
    assert found["steering", TOLD.name].unit == "bits/byte per pole distance"


def test_steering_moves_the_margin_that_half_of_the_pairs_have(asked: Asked) -> None:
    (one,) = (r for r in readings_of(asked, measures_named(["steering"])) if r.subject == TOLD.name)
    pairs = asked.probes.pairs[TOLD.name]
    directions = trait_directions(
        *(activations(asked.mind, [getattr(p, side) for p in pairs]) for side in SIDES),
        birth="any",
    )
    all_texts = steer(
        asked.mind,
        max(directions, key=lambda direction: direction.d_prime),
        [pair.positive for pair in pairs],
        [pair.negative for pair in pairs],
        num_random=0,
    )
    assert one.value == pytest.approx(all_texts.margin_slope, rel=0.5)
    assert one.value > 0


SIDES = ("positive", "negative")


def test_an_axis_without_pairs_is_read_off_what_is_held_out(asked: Asked) -> None:
    (clarity,) = measures_named(["trait_clarity"])
    subjects = {one.subject for one in readings_of(asked, [clarity])}
    texts = [asked.probes.held_out[kind] for kind in ("poetry", "technical")]
    assert UNTOLD.name not in asked.probes.pairs
    assert (UNTOLD.name in subjects) == (min(map(len, texts)) >= 12)


def test_of_a_life_that_is_not_known_there_is_no_memory(asked: Asked) -> None:
    (memory,) = measures_named(["order_memory"])
    assert list(readings_of(Asked(asked.mind, asked.probes), [memory])) == []
    early = Asked(asked.mind, asked.probes, run=asked.run, age=0.01)
    assert list(readings_of(early, [memory])) == []  # it has met too few scenes


@pytest.mark.parametrize("name", measures_between())
def test_every_measure_between_minds_states_its_unit_its_cost_and_how_it_fails(name: str) -> None:
    lines = [line.strip() for line in (measures_between()[name].ask.__doc__ or "").splitlines()]
    stated = [line.partition(" ")[0] for line in lines]
    assert [word for word in stated if word in {"Unit:", "Cost:", "Fails:"}] == [
        "Unit:", "Cost:", "Fails:",
    ]  # fmt: skip


def test_a_measure_between_minds_of_ones_own(
    upbringing: Command,
    family: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GAPS)
    before = list(measures_between())
    runs = [family / name for name in ("F0", "L0", "F1")]
    asked = ("--add", "mine.py:gap", "--add", "mine.py:kin", "--no-barrier")
    said = upbringing("compare", *runs, *asked, "--json", "found.json")
    assert (said.code, said.err) == (0, "")
    assert list(measures_between()) == before
    assert any(line.startswith("mine.py:gap, letters") for line in said.lines)
    found = json.loads(Path("found.json").read_text("utf-8"))["between"]["pairs"]
    own = {(row["first"], row["second"], row["measure"]): row for row in found}
    assert own["F0", "L0", "mine.py:gap"]["value"] == 0
    kin = own["L0", "F1", "mine.py:kin"]
    assert (kin["value"], kin["reason"], kin["of"]) == (None, "another initialisation", "seed")
    wrong = upbringing("compare", *runs, "--add", "mine.py:gapp", "--add", "none.py:gap")
    assert (wrong.code, "no measure called 'gapp'" in wrong.err) == (2, True)
    assert "there is no file 'none.py'" in wrong.err
    flat = upbringing("compare", *runs, "--add", "mine.py:flat")
    assert flat.code == 2
    assert "mine.py:flat fails: ValueError: figures are (3, 3), minds by minds" in flat.err


def test_the_measure_of_the_documents_can_be_asked(
    upbringing: Command,
    family: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    document = (Path(__file__).parent.parent / "docs" / "comparing-minds.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    Path("mine.py").write_text(code)
    said = upbringing("compare", family / "F0", family / "L0", "--add", "mine.py:gap")
    assert (said.code, said.err) == (0, "")
    (line,) = (line for line in said.lines if line.startswith("mine.py:gap"))
    assert 0 < float(line.split()[1]) < 1


def test_own_measures_between_minds_are_loaded_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GAPS)
    (gap,) = own_measures_between(["mine.py:gap"])
    assert (gap.name, gap.unit, gap.is_distance, gap.one_birth) == (
        "mine.py:gap", "letters", True, False,
    )  # fmt: skip
    with pytest.raises(InputError, match="cka"):
        own_measures_between(["cka"])
