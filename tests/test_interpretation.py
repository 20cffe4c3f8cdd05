"""Interpretation: one block read after another or after its counterpart, by hand on tiny lives."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from stories import pico_settings

from upbringing.character import ALONG
from upbringing.character.likelihood import bits, passage
from upbringing.corpus import Corpus
from upbringing.errors import InputError, SettingsError
from upbringing.settings import parse_settings
from upbringing.study import Design, StudySettings, execute, prepare
from upbringing.study.gathering import gather
from upbringing.study.interpretation import (
    Interpretation,
    borders_of,
    interpretation,
    sentence_of,
)
from upbringing.study.statistics import Contrast, Table, family
from upbringing.training import Run, open_mind

CHANGES = {
    "next": "poetry", "arms": ("F", "O", "S"), "schedules": ("constant",), "washout": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def design(stories: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Design:
    """A study of drama or technical first and poetry next, its minds raised."""
    place = tmp_path_factory.mktemp("interpretation") / "study"
    design = prepare(pico_settings(**CHANGES), stories, place)
    execute(design, num_workers=1)
    return design


@pytest.fixture(scope="module")
def readings(design: Design) -> pl.DataFrame:
    return gather(design)[0]


@pytest.fixture(scope="module")
def found(design: Design, readings: pl.DataFrame) -> Interpretation:
    result = interpretation(design, readings)
    assert result is not None
    return result


def run_of(design: Design, arm: str, seed: int) -> Run:
    return Run.open(design.path / "runs" / f"{arm}-constant-s{seed}")


def contrast_of(found: Interpretation, when: str, measure: str) -> Contrast:
    (contrast,) = (
        c for c in found.contrasts if (c.schedule, c.measure) == (f"constant, {when}", measure)
    )
    return contrast


def test_minds_are_kept_at_the_borders_of_the_next_block(
    design: Design, found: Interpretation
) -> None:
    assert (found.first, found.other, found.next) == ("drama", "technical", "poetry")
    for arm in ("F", "O"):
        rows = design.rows(f"{arm}-s0", 32)
        kinds = rows.order.corpus.columns(["kind"])["kind"].gather(rows.order.sequence)
        is_next = (kinds == "poetry").to_numpy()
        ages = rows.starts[[is_next.argmax(), len(kinds) - is_next[::-1].argmax()]]
        ages = np.round(ages / (rows.num_rows * 32), 4)
        assert borders_of(rows) == found.ages[arm] == pytest.approx(tuple(ages))
    borders = {age for ages in found.ages.values() for age in ages}
    for arm in ("F", "O", "S"):
        assert set(run_of(design, arm, 1).checkpoints) == {0.5, 1.0, *borders}


def test_what_the_next_block_cost_as_it_was_met(design: Design, found: Interpretation) -> None:
    by_arm = {}
    for arm in ("F", "O"):
        of_seeds = []
        for seed in (0, 1):
            run, rows = run_of(design, arm, seed), design.rows(f"{arm}-s{seed}", 32)
            kinds = rows.order.corpus.columns(["kind"])["kind"]
            nats = num_tokens = 0
            for step, loss in run.metrics.select("step", "loss").iter_rows():
                first = int(run.recipe.steps.first_row[step])
                size = int(run.recipe.steps.num_rows[step])
                begin, end = int(rows.borders[first]), int(rows.borders[first + size])
                low, high = rows.visits_between(begin, end)
                if set(kinds.gather(rows.order.sequence[low:high])) == {"poetry"}:
                    nats += loss * (end - begin)
                    num_tokens += end - begin
            span = rows.order.phases[1]
            num_bytes = int(rows.order.num_bytes[span.start : span.stop].sum())
            tokens_a_byte = (rows.starts[span.stop] - rows.starts[span.start]) / num_bytes
            of_seeds.append(nats / math.log(2) / num_tokens * tokens_a_byte)
        by_arm[arm] = np.array(of_seeds)
    contrast = contrast_of(found, "while poetry", "prequential")
    assert contrast.estimate == pytest.approx((by_arm["F"] - by_arm["O"]).mean())
    assert contrast.unit == "bits/byte"


def test_how_its_scenes_are_read_by_the_minds_before_it(
    design: Design, found: Interpretation
) -> None:
    scenes = design.corpus.scenes.filter(kind="poetry", split="train")
    lived = design.rows("F-s0", 32).order
    ids = lived.corpus.columns(["id"])["id"].gather(lived.sequence).to_list()
    scenes = scenes.filter(pl.col("id").is_in(ids))  # fewer than are asked at most
    passages = [passage(design.tokens.tokenizer, text) for text in scenes["text"]]
    needed = {
        arm: np.mean(
            [
                bits(open_mind(run_of(design, arm, seed).checkpoints[found.ages[arm][0]]), passages)
                for seed in (0, 1)
            ],
            axis=0,
        )
        / scenes["num_bytes"].to_numpy()
        for arm in ("F", "O")
    }
    differences = needed["F"] - needed["O"]
    contrast = contrast_of(found, "before poetry", "own_scenes")
    assert contrast.estimate == pytest.approx(differences.mean())
    strongest = np.argsort(-np.abs(differences))[:5]
    assert [scene.scene for scene in found.scenes] == [scenes["id"][int(n)] for n in strongest]
    assert [scene.difference for scene in found.scenes] == pytest.approx(differences[strongest])


@pytest.mark.parametrize(
    ("measure", "subject"),
    [("bits_per_byte", "poetry"), ("style_margin", "drama–technical")],
)
def test_readings_are_compared_at_the_borders_and_at_the_end(
    readings: pl.DataFrame, found: Interpretation, measure: str, subject: str
) -> None:
    own = readings.filter(measure=measure, subject=subject, scope=ALONG, stage="life")
    for when, place in (("before poetry", 0), ("after poetry", 1), ("at the end", None)):
        means = [
            own.filter(arm=arm, age=1.0 if place is None else found.ages[arm][place])["value"]
            for arm in ("F", "O")
        ]
        assert [len(values) for values in means] == [2, 2]
        contrast = contrast_of(found, when, measure)
        assert contrast.estimate == pytest.approx(means[0].mean() - means[1].mean())


def test_all_figures_under_a_schedule_are_one_family(found: Interpretation) -> None:
    alone = family(
        [Table({"F": np.array([1.0, 2.0]), "O": np.zeros(2)}, "constant", "x", "bits")],
        [("F", "O")], seed=0,
    )  # fmt: skip
    widths = {
        (c.high - c.low) / abs(c.high90 - c.low90)
        for c in found.contrasts
        if c.low is not None and c.high90 != c.low90
    }
    assert max(widths) == pytest.approx(min(widths))
    assert min(widths) > (alone[0].high - alone[0].low) / (alone[0].high90 - alone[0].low90)


def test_a_study_without_a_next_block_interprets_nothing(pico: Design) -> None:
    assert interpretation(pico, gather(pico)[0]) is None


def test_two_seeds_decide_nothing_and_it_is_said(found: Interpretation) -> None:
    assert len(found.sentences) == len(found.contrasts) + 2
    assert found.sentences[-1] == "2 seeds are a demonstration: nothing of this is decided."


def test_blocks_of_unlike_sizes_are_named(found: Interpretation) -> None:
    begins = {arm: begin for arm, (begin, _) in found.ages.items()}
    assert abs(begins["F"] - begins["O"]) > 0.01  # the stories are so
    assert found.sentences[-2] == (
        f"poetry begins at age {begins['F']:.2f} in F and at {begins['O']:.2f} in O: the two "
        "blocks before it are not of one size, and so its own place differs too."
    )


def test_without_a_counterpart_another_kind_stands_in(stories: Corpus, tmp_path: Path) -> None:
    changes = {**CHANGES, "against": None, "next": "technical"}
    design = prepare(pico_settings(**changes), stories, tmp_path / "study")
    assert design.said["arms"]["O"] == "poetry in the place of drama, first, technical next"


def contrast(low: float | None, high: float | None, **changes: object) -> Contrast:
    middle = None if low is None or high is None else (low + high) / 2
    plain = Contrast(
        "constant, before poetry", "own_scenes", "F−O", middle, low, high, low, high, 0.5, 8,
        "bits/byte", "t", axis="poetry",
    )  # fmt: skip
    return replace(plain, **changes)


def test_a_sentence_is_no_stronger_than_its_contrast() -> None:
    words = ("drama", "technical", "poetry")
    assert sentence_of(contrast(0.01, 0.03), *words) == (
        "Constant rate, before poetry: with drama first, the cost of scenes of poetry that are "
        "read next was 0.020 bits/byte higher than with technical first (95%: 0.010 to 0.030)."
    )
    assert "0.010 bits/byte lower" in sentence_of(contrast(-0.03, 0.01), *words)
    assert "no difference included" in sentence_of(contrast(-0.03, 0.01), *words)
    assert "no difference included" not in sentence_of(contrast(-0.03, -0.01), *words)
    unsure = contrast(None, None, estimate=0.1, reason="one seed has no spread")
    assert "(no interval: one seed has no spread)" in sentence_of(unsure, *words)
    lost = contrast(None, None, reason="F has no figure at 1 of 8 seeds")
    assert "has no figure against technical first (F has no figure" in sentence_of(lost, *words)


def test_the_study_of_the_documents_is_read_as_it_stands() -> None:
    text = (Path(__file__).parent.parent / "docs" / "measures.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert parse_settings(said, StudySettings, name="docs/measures.md").next == ("poetry",)


def test_what_is_read_next_needs_both_arms_and_a_place_of_its_own(
    stories: Corpus, tmp_path: Path
) -> None:
    both_ends = "name: x\nblock: drama\nnext: poetry\narms: [F, O, S, L]\nseeds: 2\n"
    with pytest.raises(InputError, match="leave M and L to a study without `next`"):
        parse_settings(both_ends, StudySettings, name="study.yaml")
    text = "name: x\nblock: drama\nnext: poetry\narms: [F, S]\nseeds: 2\n"
    with pytest.raises(SettingsError, match="compared in F and O: add both to the arms"):
        parse_settings(text, StudySettings, name="study.yaml")
    with pytest.raises(InputError, match="'technical' is read next, and elsewhere"):
        prepare(pico_settings(**{**CHANGES, "next": "technical"}), stories, tmp_path / "study")
