"""The profile: figures worked out by hand on known minds; measured once, by one set of probes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from minds import TableMind, byte_tokenizer, ids_of_text, random_table

from upbringing.character import Axis, Probes, ProbeSettings, Sampling, judge_for, measure_run
from upbringing.character.profile import Profile, competence, sample_frame, style
from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError
from upbringing.study import Design
from upbringing.training import Run

AXIS = Axis(("drama",), ("technical",), "en")
ASKED = ProbeSettings(700, 6, 2, Sampling(num_tokens=10, num_seeds=2))


@pytest.fixture(scope="module")
def probes(stories: Corpus) -> Probes:
    return Probes(stories, AXIS, byte_tokenizer(), ASKED, judge_for(stories, AXIS).judge)


def taught_by(corpus: Corpus, kind: str) -> TableMind:
    """A mind that has counted which byte follows which in one kind of text."""
    tokenizer = byte_tokenizer()
    table = np.full((257, 257), 0.1)
    for text in corpus.scenes.filter(kind=kind, split="train")["text"]:
        ids = [0, *ids_of_text(tokenizer, text)]
        np.add.at(table, (ids[:-1], ids[1:]), 1)
    return TableMind(table)


def by_subject(readings: list, measure: str) -> dict[str, float]:
    return {r.subject: r.value for r in readings if r.measure == measure}


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
    readings = style(mind.as_mind(), probes)
    assert [(r.measure, r.unit) for r in readings] == [
        ("style_margin", "bits/byte"),
        ("style_margin_sum", "bits"),
        ("style_margin_pmi", "bits/byte"),
    ]
    assert {r.subject for r in readings} == {"drama–technical"}
    found = [r.value for r in readings]
    np.testing.assert_allclose(found, [np.mean(margins), np.mean(sums), np.mean(pmis)], rtol=1e-9)


def test_style_is_positive_in_a_mind_of_the_positive_pole(stories: Corpus, probes: Probes) -> None:
    drama, technical = (taught_by(stories, kind) for kind in ("drama", "technical"))
    margin = {
        name: by_subject(style(mind.as_mind(), probes), "style_margin")["drama–technical"]
        for name, mind in (("drama", drama), ("technical", technical))
    }
    assert margin["drama"] > 0.5
    assert margin["technical"] < -0.5
    turned = replace(probes, axis=Axis(("technical",), ("drama",), "en"))
    assert style(drama.as_mind(), turned)[0].value == pytest.approx(-margin["drama"])


def test_competence_by_hand(stories: Corpus, probes: Probes) -> None:
    mind = taught_by(stories, "drama")
    readings = competence(mind.as_mind(), probes)
    expected = {
        kind: sum(mind.bits(p.ids, 1) for p in passages) / sum(p.num_bytes for p in passages)
        for kind, passages in probes.held_out.items()
    }
    found = by_subject(readings, "bits_per_byte")
    assert found.pop("all") == pytest.approx(np.mean(list(expected.values())))
    assert found == pytest.approx(expected)
    excess = by_subject(readings, "excess_bits_per_byte")
    rest = (expected["poetry"] + expected["technical"]) / 2
    assert excess == pytest.approx({"drama": expected["drama"] - rest})
    assert excess["drama"] < -0.3  # it knows drama better than the rest


def test_excess_of_a_block_of_two_kinds(stories: Corpus, probes: Probes) -> None:
    both = replace(probes, axis=Axis(("drama", "poetry"), ("technical",), "en"))
    readings = competence(TableMind(random_table(1)).as_mind(), both)
    kinds = by_subject(readings, "bits_per_byte")
    expected = (kinds["drama"] + kinds["poetry"]) / 2 - kinds["technical"]
    assert by_subject(readings, "excess_bits_per_byte") == pytest.approx({"drama+poetry": expected})


def test_a_block_that_is_everything_has_no_excess(probes: Probes) -> None:
    everything = replace(probes, axis=Axis(("drama", "poetry", "technical"), (), "en"))
    readings = competence(TableMind(random_table(1)).as_mind(), everything)
    assert by_subject(readings, "excess_bits_per_byte") == {}


def test_samples_carry_the_judges_voice(probes: Probes) -> None:
    mind = TableMind(random_table(), row_length=64).as_mind()
    frame = sample_frame(mind, probes)
    assert frame.select("prompt", "sample_seed").rows() == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert frame["opening"].to_list() == [o for o in probes.openings for _ in range(2)]
    assert probes.judge is not None
    heard = probes.judge.score([o + t for o, t in frame.select("opening", "text").iter_rows()])
    assert frame["voice"].to_list() == heard.tolist()
    silent = sample_frame(mind, replace(probes, judge=None))
    assert silent["voice"].to_list() == [None] * 4
    assert silent.drop("voice").equals(frame.drop("voice"))


def test_a_profile_holds_every_age(pico: Design) -> None:
    profile = Profile.open(pico.path / "runs" / "F-constant-s0" / "profile")
    assert profile.readings.columns == ["age", "measure", "subject", "value", "unit"]
    assert profile.readings["age"].unique().sort().to_list() == [0.5, 1.0]
    measures = profile.readings.filter(age=1.0).select("measure", "subject").rows()
    assert measures == [
        ("bits_per_byte", "drama"),
        ("bits_per_byte", "poetry"),
        ("bits_per_byte", "technical"),
        ("bits_per_byte", "all"),
        ("excess_bits_per_byte", "drama"),
        ("style_margin", "drama–technical"),
        ("style_margin_sum", "drama–technical"),
        ("style_margin_pmi", "drama–technical"),
        ("voice", "drama–technical"),
    ]
    voices = profile.samples.filter(age=1.0)["voice"]
    heard = profile.readings.filter(age=1.0, measure="voice")["value"][0]
    assert heard == pytest.approx(voices.mean())
    assert profile.samples.height == 2 * 3 * 2
    assert math.isfinite(profile.readings["value"].sum())


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
