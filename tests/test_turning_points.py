"""Turning points: found where they were planted, rarely where there are none, and not oversaid."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import fake_study
import numpy as np
import polars as pl
import pytest
from command import Command

from upbringing.character import learning_curves
from upbringing.errors import InputError
from upbringing.identity import generator
from upbringing.report import turning, turning_words
from upbringing.report.folder import read_study
from upbringing.report.records import Findings
from upbringing.study.reading import Ribbons, shares_between
from upbringing.study.statistics import binomial_lower_bound
from upbringing.study.turning_points import turning_points, turns_of_life
from upbringing.study.turns import Departure, Distance, Forgetting, TurningPoints
from upbringing.training import Run

AGES = (0.1, 0.25, 0.5, 0.75, 1.0)
MARGIN = ("style_margin", "drama–technical")
Value = Callable[[str, int, float], float]

RIBBONS = pl.DataFrame(
    [
        {"arm": arm, "seed": seed, "bin": place, "kind": kind, "share": share}
        for arm in ("F", "L", "S")
        for seed in range(8)
        for place in range(100)
        for kind, share in (
            {"drama": 0.5, "chat": 0.5}
            if arm == "S"
            else {"drama" if (place < 50) == (arm == "F") else "chat": 1.0}
        ).items()
    ]
)


def lives(
    value: Value,
    subject: tuple[str, str] = MARGIN,
    *,
    arms: Sequence[str] = ("F", "S"),
    num_seeds: int = 8,
    ages: Sequence[float] = AGES,
) -> pl.DataFrame:
    """Readings of one measure under one schedule."""
    measure, of = subject
    return pl.DataFrame(
        [
            {
                "arm": arm, "schedule": "constant", "seed": seed, "stage": "life", "age": age,
                "measure": measure, "subject": of, "value": value(arm, seed, age), "unit": "bits",
            }
            for arm in arms
            for seed in range(num_seeds)
            for age in ages
        ]
    )  # fmt: skip


def noise(number: int, scale: float = 1.0) -> Value:
    """Lives whose noise wanders with age, another walk for each arm and seed."""

    def value(arm: str, seed: int, age: float) -> float:
        walk = generator(number, "walk", f"{arm}{seed}").standard_normal(len(AGES)).cumsum()
        return scale * float(walk[AGES.index(age)])

    return value


def found(readings: pl.DataFrame, *, arms: Sequence[str] = ("F",)) -> TurningPoints:
    return turning_points(readings, RIBBONS, [MARGIN], arms=arms)


# Departures


def test_a_departure_is_found_at_its_age() -> None:
    wander = noise(1, 0.1)

    def value(arm: str, seed: int, age: float) -> float:
        return wander(arm, seed, age) + (2.0 if arm == "F" and age >= 0.5 else 0.0)

    (one,) = found(lives(value)).departures
    assert (one.outside, one.since, one.age) == ((0.5, 0.75, 1.0), 0.5, 0.5)
    assert one.read == pytest.approx({"drama": 1.0})  # from 0.25 to 0.5
    at = {distance.age: distance for distance in one.course}
    assert at[0.5].estimate == pytest.approx(2.0, abs=0.2)
    assert (at[0.5].p or 1) <= 0.05 < (at[0.1].p or 0)


def test_a_departure_that_comes_back_stays_nowhere() -> None:
    wander = noise(2, 0.1)

    def value(arm: str, seed: int, age: float) -> float:
        return wander(arm, seed, age) + (2.0 if arm == "F" and age in (0.25, 0.5) else 0.0)

    (one,) = found(lives(value)).departures
    assert (one.outside, one.since, one.age) == ((0.25, 0.5), None, 0.25)


def test_to_change_sides_is_not_to_stay() -> None:
    wander = noise(3, 0.1)

    def value(arm: str, seed: int, age: float) -> float:
        return wander(arm, seed, age) + (2.0 if age < 0.6 else -2.0) * (arm == "F")

    (one,) = found(lives(value)).departures
    assert (one.outside, one.since) == (AGES, 0.75)


def test_few_seeds_show_and_do_not_decide() -> None:
    def value(arm: str, seed: int, age: float) -> float:
        return (5.0 if arm == "F" and age >= 0.5 else 0.0) + 0.01 * seed * age * (arm == "F")

    (one,) = found(lives(value, num_seeds=5)).departures
    assert (one.is_decided, one.outside, one.since) == (False, (), None)
    assert one.age == 1.0  # where it is farthest, on average
    (six,) = found(lives(value, num_seeds=6)).departures
    assert six.is_decided
    assert six.outside


def test_a_life_that_diverged_leaves_a_gap_and_no_stay() -> None:
    wander = noise(4, 0.1)

    def value(arm: str, seed: int, age: float) -> float:
        return wander(arm, seed, age) + (2.0 if arm == "F" and age >= 0.25 else 0.0)

    readings = lives(value).filter(
        ~((pl.col("arm") == "F") & (pl.col("seed") == 3) & (pl.col("age") > 0.6))
    )
    (one,) = found(readings).departures
    assert [at.estimate is None for at in one.course] == [False, False, False, True, True]
    assert (one.outside, one.since) == ((0.25, 0.5), None)


@pytest.mark.parametrize("num_arms", [1, 3])
def test_null_clouds_are_left_in_at_most_one_study_of_twenty(num_arms: int) -> None:
    """Arms that are shuffles too, whose noise wanders with age; so with what they forget and
    acquire.
    """
    arms = [f"arm-{number}" for number in range(num_arms)]
    measures = [("style_margin", "a"), ("bits_per_byte", "drama"), ("bits_per_byte", "chat")]
    num_studies = 200
    num_wrong = np.zeros(3, dtype=int)
    for study in range(num_studies):
        readings = pl.concat(
            lives(noise(10 * study + number), measure, arms=["S", *arms])
            for number, measure in enumerate(measures)
        )
        points = turning_points(readings, RIBBONS.head(0), measures[:2], arms=arms)
        num_wrong += [
            any(one.outside for one in points.departures),
            any(one.is_more for one in points.forgetting),
            any(one.is_other for one in points.acquisition),
        ]
    assert all(binomial_lower_bound(int(wrong), num_studies) <= 0.05 for wrong in num_wrong)


# Forgetting and acquisition


def bits(value: Value) -> pl.DataFrame:
    """Held-out bits of two kinds: drama as given, chat falling alike in all."""

    def falling(arm: str, seed: int, age: float) -> float:
        return 4 - age + 0.001 * seed

    of = [("bits_per_byte", "drama"), ("bits_per_byte", "chat")]
    return pl.concat([lives(value, of[0]), lives(falling, of[1])])


def forgetful(arm: str, seed: int, age: float) -> float:
    """F forgets drama by 0.6 bits between 0.5 and 0.75; the shuffle learns all along."""
    wobble = 0.01 * float(generator(seed, "wobble", f"{arm}{age}").standard_normal())
    return 4 - age + wobble + (0.85 if arm == "F" and age > 0.6 else 0.0)


def test_the_largest_forgetting_is_found_with_what_was_read() -> None:
    (one,) = found(bits(forgetful)).forgetting
    assert one.largest is not None
    assert (one.largest.kind, one.largest.start, one.largest.end) == ("drama", 0.5, 0.75)
    assert one.largest.bits == pytest.approx(0.6, abs=0.03)
    assert one.shuffled == pytest.approx(-0.25, abs=0.03)
    assert one.largest.read == pytest.approx({"chat": 1.0})
    assert one.is_more


def test_where_nothing_rises_nothing_is_forgotten() -> None:
    def learning(arm: str, seed: int, age: float) -> float:
        return 4 - age - 0.01 * seed * age

    (one,) = found(bits(learning)).forgetting
    assert (one.largest, one.is_more, one.reason) == (None, False, None)


def test_the_forgetting_of_shuffles_is_not_more_than_theirs() -> None:
    (one,) = found(bits(noise(9, 0.02))).forgetting
    assert one.largest is not None
    assert not one.is_more


def test_a_diverged_life_takes_the_figure_with_it() -> None:
    readings = bits(forgetful).filter(
        ~((pl.col("arm") == "S") & (pl.col("seed") == 0) & (pl.col("age") > 0.8))
    )
    points = found(readings)
    assert points.forgetting[0].reason == "S has no figure at 1 of 8 seeds"
    assert points.acquisition[0].shuffled is None
    assert not points.acquisition[0].is_other


def test_acquisition_is_compared_with_the_shuffles() -> None:
    def value(arm: str, seed: int, age: float) -> float:
        steps = (0.1, 0.25) if arm == "F" else (0.5, 0.75)
        more = 0.02 * seed * (arm == "F" and age > 0.5)  # so that half of it comes a little later
        return 4 - float(np.interp(age, steps, (0, 2))) - more

    points = found(bits(value))
    drama, chat = sorted(points.acquisition, key=lambda one: one.acquired.kind != "drama")
    assert drama.acquired.age == pytest.approx(0.175, abs=0.01)
    assert drama.shuffled == pytest.approx(0.625)
    assert drama.acquired.read == pytest.approx({"drama": 1.0})
    assert drama.is_other
    assert not chat.is_other
    assert points.acquisition[0] is drama  # sorted by age


# One life


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([4.0, 3.0, 2.0], (0.5, True)),  # half of the gain is reached in the middle
        ([4.0, 2.0, 3.0], (0.3, True)),  # what is lost later was acquired none the less
        ([4.0, 4.0, 2.0], (0.75, True)),
        ([2.0, 3.0, 2.5], (0.1, False)),  # at its best when it was first looked at
    ],
)
def test_half_gain(curve: list[float], expected: tuple[float, bool]) -> None:
    age, is_seen = learning_curves.half_gain(np.array([0.1, 0.5, 1.0]), np.array(curve))
    assert (age, is_seen) == (pytest.approx(expected[0]), expected[1])


def life(drama: Sequence[float], chat: Sequence[float], ages: Sequence[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "age": [*ages, *ages, *ages],
            "measure": ["bits_per_byte"] * 3 * len(ages),
            "subject": ["drama"] * len(ages) + ["chat"] * len(ages) + ["all"] * len(ages),
            "value": [*drama, *chat, *([99.0] * len(ages))],
        }
    )


def test_figures_of_one_life_by_hand() -> None:
    readings = life([4.0, 2.0, 2.5], [4.0, 3.5, 3.0], [0.25, 0.5, 1.0])
    assert learning_curves.forgetting(readings) == {"chat": 0.0, "drama": 0.5}
    assert learning_curves.acquisition_age(readings) == {"chat": 0.5, "drama": 0.375}
    with pytest.raises(InputError, match="several readings"):
        learning_curves.forgetting(pl.concat([readings, readings]))


def test_turns_of_one_life() -> None:
    readings = life([4.0, 2.0, 2.5], [4.0, 3.5, 3.0], [0.25, 0.5, 1.0])
    ribbon = RIBBONS.filter(arm="F", seed=0).select("bin", "kind", "share")
    turns = turns_of_life(readings, ribbon)
    assert turns.forgotten is not None
    assert (turns.forgotten.kind, turns.forgotten.bits) == ("drama", 0.5)
    assert (turns.forgotten.start, turns.forgotten.end) == (0.5, 1.0)
    assert turns.forgotten.read == pytest.approx({"chat": 1.0})
    assert [(one.kind, one.age) for one in turns.acquired] == [("drama", 0.375), ("chat", 0.5)]
    told = turning_words.life_lines(turns)
    assert told[0] == (
        "its largest forgetting: drama +0.500 bits/byte from age 0.50 to 1.00, while it read"
        " chat 100%"
    )
    assert "drama: half of what it gained was reached by age 0.38" in told[1]
    better = turns_of_life(life([4.0, 3.0, 2.0], [4.0, 3.0, 2.0], [0.2, 0.6, 1.0]), ribbon)
    assert turning_words.life_lines(better)[0] == "no kind got worse from one kept age to the next"
    (line,) = turning_words.life_lines(turns_of_life(life([4.0], [4.0], [1.0]), ribbon))
    assert line == "kept at fewer than two ages: what it forgot and acquired is not known"


def test_shares_between_ages_weigh_the_hundredths_they_touch() -> None:
    ribbon = RIBBONS.filter(arm="F", seed=0)
    assert shares_between(ribbon, 0.25, 0.75) == pytest.approx({"chat": 0.5, "drama": 0.5})
    assert shares_between(ribbon, 0.495, 0.505) == pytest.approx({"chat": 0.5, "drama": 0.5})
    assert Ribbons(RIBBONS).read("S", 0.0, 1.0) == pytest.approx({"chat": 0.5, "drama": 0.5})
    assert Ribbons(RIBBONS).read("nobody", 0.0, 1.0) == {}


# Words


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return read_study(fake_study.build(tmp_path_factory.mktemp("fake") / "study")).findings


DISTANCES = (Distance(0.5, 0.3, 0.2), Distance(1.0, 0.4, 0.01))
DEPARTURE = Departure("constant", "F", *MARGIN, "bits/byte", DISTANCES, 8, {"drama": 1.0})


def test_a_departure_is_said_as_it_is_decided(findings: Findings) -> None:
    def said(**changes: object) -> str:
        return turning_words.departure_sentence(dataclasses.replace(DEPARTURE, **changes), findings)  # type: ignore[arg-type]

    assert "on average off the shuffles from age 1.00 on (+0.400 bits/byte, p 0.01" in said()
    assert "off the shuffles" not in said(num_seeds=5)
    assert said(num_seeds=5).endswith("5 seeds: shown, not decided.")
    assert "p 0.01" not in said(num_seeds=5)
    inside = (Distance(0.5, 0.3, 0.2), Distance(1.0, 0.4, 0.06))
    assert "not shown to be off the shuffles, on average, at any of 2 ages" in said(course=inside)
    back = (Distance(0.5, 0.3, 0.01), Distance(1.0, 0.4, 0.2))
    assert "at age 0.50, and not to the end" in said(course=back)
    alike = (Distance(0.5, 0.0, None), Distance(1.0, 0.0, None))
    assert "the same as the shuffles at every age" in said(course=alike)
    lost = (Distance(0.5, None, None), Distance(1.0, None, None))
    assert "no age has a figure" in said(course=lost)


def test_the_section_and_the_lines_say_the_same(findings: Findings) -> None:
    readings = pl.concat([bits(forgetful), lives(noise(5))])
    points = found(readings)
    html = turning.section(points, findings)
    told = turning.lines(points, findings)
    assert len(told) == 3
    for line in told:
        assert line.startswith("constant learning rate: F (drama first, technical last)")
        assert line.partition("rate: ")[2].split(" (")[0] in html
    assert "<table>" in html
    assert "steep" not in html  # nothing was found under it


def test_names_on_the_page_are_escaped(findings: Findings) -> None:
    hostile = dataclasses.replace(DEPARTURE, subject="<img src=x>", read={"<b>": 1.0})
    html = turning.section(TurningPoints((hostile,), (), ()), findings)
    assert "<img" not in html
    assert "<b>" not in html


def test_forgetting_without_a_figure_says_why(findings: Findings) -> None:
    one = Forgetting("constant", "F", None, None, None, 8, "S has no figure at 1 of 8 seeds")
    assert "no figure (S has no figure at 1 of 8 seeds)" in turning_words.forgetting_sentence(
        one, findings
    )


def test_a_run_is_shown_with_its_turning_points(pico_copy: Path, upbringing: Command) -> None:
    said = upbringing("show", pico_copy / "runs" / "F-constant-s0")
    assert said.code == 0, said.err
    told = said.out.replace("\n", " ")
    assert "its largest forgetting" in told or "no kind got worse" in told
    assert "F (drama first, technical at the far end)" in told
    assert "2 seeds: shown, not decided." in told


def test_words_are_of_the_mean_not_of_each_life(findings: Findings) -> None:
    """What is tested is a mean over seeds: lives may lie among the shuffles none the less."""
    html = turning.section(TurningPoints((DEPARTURE,), (), ()), findings)
    assert "mean over seeds of its difference" in html
    assert "Ages off" in html
    assert "outside" not in html
    assert "cloud" not in html


def test_a_run_read_what_it_lived_of_its_order(pico_copy: Path, monkeypatch) -> None:
    """A washout lives a share of its order: what it read is of that share."""
    run = Run.open(pico_copy / "runs" / "F-constant-s0")
    seen = []
    monkeypatch.setattr(
        turning, "turns_of_life", lambda _, ribbon: seen.append(ribbon) or turns_of_life(_, ribbon)
    )
    turning.lines_of_run(run)
    half = dataclasses.replace(run.recipe, num_rows=run.recipe.num_rows // 2)
    turning.lines_of_run(dataclasses.replace(run, recipe=half))
    whole, first = ({*frame.filter(bin=99)["kind"]} for frame in seen)
    assert "technical" in whole  # which comes at the far end
    assert "technical" not in first


def test_a_whole_study_has_its_turning_points(pico_copy: Path) -> None:
    points = turning.turning_points_of(read_study(pico_copy))
    assert {one.arm for one in points.departures} == {"F", "L"}
    assert {one.schedule for one in points.forgetting} == {"constant", "steep"}
    assert not any(one.is_decided for one in points.departures)  # two seeds
    assert all(
        "shown, not decided" in line
        for line in turning.lines(points, read_study(pico_copy).findings)
        if "farthest" in line
    )
