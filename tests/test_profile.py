"""The profile: figures worked out by hand on known minds; measured once, by one set of probes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from minds import TableMind, byte_tokenizer, ids_of_text, random_table

from upbringing.character import (
    ALONG,
    WHOLE,
    Asked,
    Axis,
    AxisProbes,
    Probes,
    ProbeSettings,
    Profile,
    Sampling,
    measure_run,
    measures,
    probes_of,
)
from upbringing.character.competence import bits_per_byte, excess_bits_per_byte
from upbringing.character.profile import sample_frame
from upbringing.character.style import style_margin, style_margin_pmi, style_margin_sum, voice
from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError
from upbringing.study import Design
from upbringing.training import Run

AXIS = Axis.between(("drama",), ("technical",), "en")
SETTINGS = ProbeSettings(700, 6, 2, sampling=Sampling(num_tokens=10, num_seeds=2))


@pytest.fixture(scope="module")
def probes(stories: Corpus) -> Probes:
    return probes_of(stories, (AXIS,), byte_tokenizer(), SETTINGS)


def about(probes: Probes, *axes: Axis) -> Probes:
    """The same probes about other axes, without judges."""
    return replace(probes, asked=tuple(AxisProbes(axis, None) for axis in axes))


def taught_by(corpus: Corpus, kind: str) -> TableMind:
    """A mind that has counted which byte follows which in one kind of text."""
    tokenizer = byte_tokenizer()
    table = np.full((257, 257), 0.1)
    for text in corpus.scenes.filter(kind=kind, split="train")["text"]:
        ids = [0, *ids_of_text(tokenizer, text)]
        np.add.at(table, (ids[:-1], ids[1:]), 1)
    return TableMind(table)


def test_style_margins_by_hand(stories: Corpus, probes: Probes) -> None:
    mind = TableMind(random_table(4))
    told = AXIS.pairs(stories)
    assert told is not None
    margins, sums, pmis = [], [], []
    for row in told.to_dicts():
        opening = ids_of_text(probes.tokenizer, row["opening"])
        per_byte, plain, added = {}, {}, {}
        for side in ("positive", "negative"):
            text = row[side].removeprefix(row["opening"])
            ids = ids_of_text(probes.tokenizer, text)
            behind = mind.bits([0, *opening, *ids], 1 + len(opening))
            alone = mind.bits([0, *ids], 1)
            size = len(text.encode())
            plain[side], per_byte[side] = -behind, -behind / size  # log₂ p
            added[side] = (alone - behind) / size
        margins.append(per_byte["positive"] - per_byte["negative"])
        sums.append(plain["positive"] - plain["negative"])
        pmis.append(added["positive"] - added["negative"])
    asked = Asked(mind.as_mind(), probes)
    expected = {style_margin: margins, style_margin_sum: sums, style_margin_pmi: pmis}
    for ask, values in expected.items():
        assert ask(asked) == pytest.approx({"drama–technical": np.mean(values)}, rel=1e-9)


def test_style_is_positive_in_a_mind_of_the_positive_pole(stories: Corpus, probes: Probes) -> None:
    drama, technical = (taught_by(stories, kind) for kind in ("drama", "technical"))
    margin = {
        name: style_margin(Asked(mind.as_mind(), probes))["drama–technical"]
        for name, mind in (("drama", drama), ("technical", technical))
    }
    assert margin["drama"] > 0.5
    assert margin["technical"] < -0.5
    turned = about(probes, Axis.between(("technical",), ("drama",), "en"))
    found = style_margin(Asked(drama.as_mind(), turned))
    assert found == pytest.approx({"technical–drama": -margin["drama"]})


def test_axes_are_asked_about_together_as_alone(stories: Corpus, probes: Probes) -> None:
    poetry = Axis.between(("poetry",), ("drama",), "en")
    mind = taught_by(stories, "drama").as_mind()
    both = style_margin(Asked(mind, about(probes, AXIS, poetry)))
    alone = [style_margin(Asked(mind, about(probes, axis))) for axis in (AXIS, poetry)]
    assert both == pytest.approx(alone[0] | alone[1])
    assert list(both) == ["drama–technical", "poetry–drama"]


def test_competence_by_hand(stories: Corpus, probes: Probes) -> None:
    mind = taught_by(stories, "drama")
    asked = Asked(mind.as_mind(), probes)
    expected = {
        kind: sum(mind.bits(p.ids, 1) for p in passages) / sum(p.num_bytes for p in passages)
        for kind, passages in probes.held_out.items()
    }
    found = dict(bits_per_byte(asked))
    assert found.pop("all") == pytest.approx(np.mean(list(expected.values())))
    assert found == pytest.approx(expected)
    excess = excess_bits_per_byte(asked)
    rest = (expected["poetry"] + expected["technical"]) / 2
    assert excess == pytest.approx({"drama": expected["drama"] - rest})
    assert excess["drama"] < -0.3  # it knows drama better than the rest


def test_excess_of_a_block_of_two_kinds(stories: Corpus, probes: Probes) -> None:
    both = about(probes, Axis.between(("drama", "poetry"), ("technical",), "en"))
    asked = Asked(TableMind(random_table(1)).as_mind(), both)
    kinds = bits_per_byte(asked)
    expected = (kinds["drama"] + kinds["poetry"]) / 2 - kinds["technical"]
    assert excess_bits_per_byte(asked) == pytest.approx({"drama+poetry": expected})


def test_a_block_that_is_everything_has_no_excess(probes: Probes) -> None:
    everything = about(probes, Axis.between(("drama", "poetry", "technical"), (), "en"))
    assert excess_bits_per_byte(Asked(TableMind(random_table(1)).as_mind(), everything)) == {}


def test_samples_carry_the_judges_voice(probes: Probes) -> None:
    mind = TableMind(random_table(), row_length=64).as_mind()
    asked = Asked(mind, probes)
    frame = sample_frame(asked)
    assert frame.select("prompt", "sample_seed").rows() == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert frame["opening"].to_list() == [o for o in probes.openings for _ in range(2)]
    judge = probes.asked[0].judge
    assert judge is not None
    heard = judge.score([o + t for o, t in frame.select("opening", "text").iter_rows()])
    assert frame["voice"].to_list() == heard.tolist()
    assert voice(asked) == pytest.approx({"drama–technical": heard.mean()})
    unheard = Asked(mind, about(probes, AXIS))
    silent = sample_frame(unheard)
    assert voice(unheard) == {}
    assert silent["voice"].to_list() == [None] * 4
    assert silent.drop("voice").equals(frame.drop("voice"))


def test_an_axis_is_heard_after_its_own_openings_only(probes: Probes) -> None:
    judge = probes.asked[0].judge
    mine = replace(AXIS, name="mine", prompts=("So it was",))
    both = replace(probes, asked=(*probes.asked, AxisProbes(mine, judge)))
    asked = Asked(TableMind(random_table(), row_length=64).as_mind(), both)
    is_own = asked.samples["opening"].to_numpy() == "So it was"
    assert is_own.tolist() == [False] * 4 + [True] * 2
    assert np.isnan(asked.voices["mine"]).tolist() == (~is_own).tolist()
    assert np.isnan(asked.voices["drama–technical"]).tolist() == is_own.tolist()
    assert sample_frame(asked)["voice"].is_null().to_list() == is_own.tolist()
    assert voice(asked)["mine"] == pytest.approx(np.mean(asked.voices["mine"][is_own]))


def test_a_profile_holds_every_age(pico: Design) -> None:
    profile = Profile.open(pico.path / "runs" / "F-constant-s0" / "profile")
    readings = profile.readings
    assert readings.columns == ["age", "scope", "measure", "subject", "value", "unit"]
    scopes = readings.select("age", "scope").unique(maintain_order=True).rows()
    assert scopes == [(0.5, ALONG), (1.0, ALONG), (1.0, WHOLE)]
    at_the_end = readings.filter(scope=WHOLE)
    subjects = {
        measure: at_the_end.filter(measure=measure)["subject"].to_list() for measure in measures()
    }
    assert subjects["bits_per_byte"] == ["drama", "poetry", "technical", "all"]
    assert subjects["style_margin"] == ["drama–technical"]
    asked = [name for name in measures() if subjects[name]]
    told = [name for name in asked if measures()[name].tell]  # of the life, after all ages
    assert told == ["forgetting", "acquisition_age"]
    in_order = [name for name in asked if name not in told] + told
    assert at_the_end["measure"].unique(maintain_order=True).to_list() == in_order
    units = {name: one.unit for name, one in measures().items()}
    said = dict(readings.select("measure", "unit").unique().iter_rows())
    assert said == {name: units[name] for name in said}
    along = {name for name, one in measures().items() if one.along}
    assert set(readings.filter(scope=ALONG)["measure"]) <= along
    assert math.isfinite(readings["value"].sum())


def test_samples_are_those_of_along_before_the_end_and_of_all_at_the_end(pico: Design) -> None:
    profile = Profile.open(pico.path / "runs" / "F-constant-s0" / "profile")
    sizes = profile.samples.group_by("age", maintain_order=True).len().rows()
    assert sizes == [(0.5, 2 * 2), (1.0, 3 * 2)]
    heard = profile.readings.filter(scope=WHOLE, measure="voice")["value"][0]
    assert heard == pytest.approx(profile.samples.filter(age=1.0)["voice"].mean())


def test_passages_add_up_to_the_bits_of_their_kind(pico: Design) -> None:
    profile = Profile.open(pico.path / "runs" / "F-constant-s0" / "profile")
    sums = profile.passages.group_by("kind", maintain_order=True).agg(
        pl.col("bits").sum() / pl.col("num_bytes").sum()
    )
    said = profile.readings.filter(pl.col("subject") != "all", scope=WHOLE, measure="bits_per_byte")
    assert dict(sums.iter_rows()) == pytest.approx(
        dict(said.select("subject", "value").iter_rows())
    )


def files_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.iterdir()}


def test_measuring_again_finds_what_is_there(pico_copy: Path) -> None:
    design = Design.open(pico_copy)
    run = Run.open(pico_copy / "runs" / "S-constant-s1")
    before = files_of(run.path / "profile")
    profile = measure_run(run, design.probes)
    assert files_of(run.path / "profile") == before
    assert profile.readings.equals(Profile.open(run.path / "profile").readings)


def test_measuring_anew_gives_the_same_and_clears_drafts(pico_copy: Path) -> None:
    design = Design.open(pico_copy)
    run = Run.open(pico_copy / "runs" / "S-constant-s1")
    before = Profile.open(run.path / "profile")
    (run.path / "profile").rename(run.path / ".profile.draft-1")
    again = measure_run(run, design.probes)
    assert again.readings.equals(before.readings)
    assert again.samples.equals(before.samples)
    assert not list(run.path.glob(".*"))


def test_other_probes_are_refused(pico_copy: Path) -> None:
    design = Design.open(pico_copy)
    run = Run.open(pico_copy / "runs" / "S-constant-s1")
    other = replace(design.probes, settings=replace(design.probes.settings, num_pairs=3))
    with pytest.raises(ArtefactError, match="was measured with other probes"):
        measure_run(run, other)


def test_a_damaged_profile_is_named(pico_copy: Path) -> None:
    file = pico_copy / "runs" / "S-constant-s1" / "profile" / "profile.parquet"
    frame = pl.read_parquet(file).with_columns(pl.col("value") + 1)
    frame.write_parquet(file)
    with pytest.raises(ArtefactError, match=r"profile\.parquet: is damaged"):
        Profile.open(file.parent)
