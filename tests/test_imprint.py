"""The imprint: predicted by AdamW's coefficients, measured on packets met at every age."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command

from upbringing.corpus import Corpus
from upbringing.corpus.world import make_world
from upbringing.errors import ArtefactError, InputError, ResumeError
from upbringing.files import read_json, write_json
from upbringing.order import Levers
from upbringing.study import (
    ImprintDesign,
    ImprintSettings,
    conclude_imprint,
    execute_imprint,
    prepare_imprint,
)
from upbringing.training import Imprint, Run, Timeline
from upbringing.training.levers import Steps, plan_steps

NUM_STEPS, PEAK_LR = 2000, 2e-3
SETTINGS = ImprintSettings(num_ages=4, num_seeds=2, scenes_a_packet=2, row_length=32)


def steps_of(schedule: str, timeline: Timeline | None = None, warmup_share: float = 0.0) -> Steps:
    return plan_steps(
        8 * NUM_STEPS, timeline or Timeline.uniform(8), schedule=schedule, peak_lr=PEAK_LR,
        warmup_share=warmup_share,
    )  # fmt: skip


def decay_for(strength: float) -> float:
    """The weight decay λ at which λ·η₀·T is `strength`."""
    return strength / (PEAK_LR * NUM_STEPS)


@pytest.mark.parametrize("strength", [0.07, 1.0, 4.0, 16.0])
def test_a_linear_rate_leaves_what_its_closed_form_says(strength: float) -> None:
    """k = λη₀T: the density is k·(1 − a)·exp(−k(1 − a)²/2) / (1 − exp(−k/2))."""
    imprint = Imprint.of(steps_of("linear"), decay_for(strength))
    left = 1 - imprint.borders[:-1]
    closed = strength * left * np.exp(-strength * left**2 / 2) / (1 - np.exp(-strength / 2))
    assert imprint.density == pytest.approx(closed, rel=0.03)
    peak = max(0.0, 1 - strength**-0.5)
    assert imprint.peak_age == pytest.approx(peak, abs=0.002)
    assert imprint.peak[0] <= peak + 1e-9 <= imprint.peak[1]


def test_a_constant_rate_leaves_an_exponential() -> None:
    imprint = Imprint.of(steps_of("constant"), decay_for(3.0))
    closed = 3 * np.exp(-3 * (1 - imprint.borders[:-1])) / (1 - np.exp(-3))
    assert imprint.density == pytest.approx(closed, rel=0.01)
    assert imprint.tabled(2)[1] / imprint.tabled(2)[0] == pytest.approx(np.exp(1.5), rel=0.01)


def test_without_decay_a_step_leaves_its_rate() -> None:
    steps = steps_of("steep", warmup_share=0.1)
    imprint = Imprint.of(steps, 0.0)
    assert imprint.density == pytest.approx(steps.lr / steps.lr.mean())
    even = Imprint.of(steps_of("constant"), 0.0)
    assert (even.peak, even.tabled(3).tolist()) == ((0.0, 1.0), pytest.approx([1, 1, 1]))


@pytest.mark.parametrize("schedule", ["constant", "linear", "steep"])
def test_it_integrates_to_one_whatever_the_levers(schedule: str) -> None:
    stretches = {
        0.0: Levers(batch_size=3, rewarm=0.5), 0.3: Levers(lr_scale=0.2), 0.55: Levers(batch_size=7)
    }  # fmt: skip
    steps = steps_of(schedule, Timeline.of_stretches(stretches, 8), warmup_share=0.02)
    imprint = Imprint.of(steps, 0.1)
    assert float(imprint.density @ np.diff(imprint.borders)) == pytest.approx(1)
    for num_bins in (1, 7, 100):
        assert imprint.tabled(num_bins).mean() == pytest.approx(1)


@pytest.mark.parametrize(
    ("schedule", "levers"),
    [("linear", {"lr_scale": 0.0}), ("linear", {"loss_scale": 0.0}), ({0.9999: 0, 1: 1}, {})],
)
def test_a_life_that_learns_at_no_age_has_no_imprint(
    schedule: Any, levers: dict[str, float]
) -> None:
    steps = steps_of(schedule, Timeline.of_stretches({0.0: Levers(**levers)}, 8))
    with pytest.raises(InputError, match="nothing is learnt at any age"):
        Imprint.of(steps, 0.1)


def test_a_decay_that_takes_more_than_a_whole_weight_is_refused() -> None:
    """Each step takes lr·λ of a weight away, at most all of it."""
    steps = steps_of("linear")
    assert float(Imprint.of(steps, 1 / PEAK_LR).density.min()) >= 0
    with pytest.raises(
        InputError, match=r"0\.002 takes more .*\n    allowed: a weight decay from 0 to 500"
    ):
        Imprint.of(steps, 501.0)


def test_a_token_of_a_larger_batch_leaves_less_and_of_an_unread_stretch_nothing() -> None:
    stretches = {
        0.0: Levers(batch_size=4), 0.25: Levers(batch_size=8), 0.5: Levers(loss_scale=0),
        0.75: Levers(),
    }  # fmt: skip
    imprint = Imprint.of(steps_of("constant", Timeline.of_stretches(stretches, 8)), 0.0)
    four, eight, unread, again = imprint.tabled(4)
    assert (four, unread) == (pytest.approx(2 * eight), 0)
    assert again == pytest.approx(eight)


@pytest.fixture(scope="module")
def design(stories: Corpus) -> ImprintDesign:
    """A prepared imprint of 16 lives, none of them raised."""
    return prepare_imprint(SETTINGS, stories, stories.path.parent / "imprint")


@pytest.fixture
def fresh(design: ImprintDesign, tmp_path: Path) -> ImprintDesign:
    """The same, to do as one likes with."""
    shutil.copytree(design.path, tmp_path / "imprint")
    (tmp_path / "corpus").symlink_to(design.corpus.path)
    return ImprintDesign.open(tmp_path / "imprint")


def test_every_packet_is_met_at_every_age_and_every_life_meets_every_packet(
    design: ImprintDesign,
) -> None:
    assert len(design.lives) == 2 * 2 * SETTINGS.num_ages
    slots = set(range(SETTINGS.num_ages))
    for life in design.lives.values():
        assert {met.slot for met in life.met.values()} == slots
        assert len(life.met) == SETTINGS.num_ages
    for seed in range(SETTINGS.num_seeds):
        lives = [life for life in design.lives.values() if life.seed == seed]
        met = Counter((name, met.slot) for life in lives for name, met in life.met.items())
        assert met == Counter((packet.name, slot) for packet in design.packets for slot in slots)


def test_packets_stand_where_they_are_pinned_in_one_and_the_same_shuffle(
    design: ImprintDesign,
) -> None:
    ids = design.corpus.columns(["id"])["id"].to_list()
    packet_of = {scene: packet.name for packet in design.packets for scene in packet.ids}
    fillers: dict[int, set[tuple[str, ...]]] = {}
    visits: dict[str, set[str]] = {}
    for life in design.lives.values():
        order = design.rows(life).order
        read = [ids[row] for row in order.sequence]
        fillers.setdefault(life.seed, set()).add(tuple(s for s in read if s not in packet_of))
        visits.setdefault(life.name[:-1], set()).add(order.visits_digest)
        met = dict.fromkeys(packet_of[scene] for scene in read if scene in packet_of)
        assert list(met) == sorted(life.met, key=lambda name: life.met[name].slot)
        for packet in design.packets:
            if packet.name not in life.met:
                assert not set(packet.ids) & set(read)
                continue
            first = read.index(packet.ids[0])
            assert read[first : first + len(packet.ids)] == list(packet.ids)
            slot_age = (life.met[packet.name].slot + 0.5) / SETTINGS.num_ages
            assert order.age_of(first) == pytest.approx(slot_age, abs=0.02)
            assert life.met[packet.name].begin == pytest.approx(slot_age, abs=0.03)
    assert [len(found) for found in fillers.values()] == [1, 1]
    assert {len(found) for found in visits.values()} == {1}
    assert set.intersection(*fillers.values()) == set()  # each seed has a shuffle of its own


def pretend(design: ImprintDesign, curve: Mapping[int, float], noise: float = 0.0) -> None:
    """Known files with large effects of packets and lives, and this much left of each slot."""
    rng = np.random.default_rng(4)
    of_packet = {packet.name: rng.normal(0, 5) for packet in design.packets}
    for life in design.lives.values():
        level = rng.normal(0, 5)
        knows = {
            name: level + hard + (curve[life.met[name].slot] if name in life.met else 0.0)
            + noise * rng.normal()
            for name, hard in of_packet.items()
        }  # fmt: skip
        design.known(life).parent.mkdir(parents=True, exist_ok=True)
        write_json(design.known(life), {"run": life.name, "knows": {"text": knows}})


def test_how_hard_packets_are_and_how_able_minds_cancels_out(fresh: ImprintDesign) -> None:
    planted = {0: 0.01, 1: 0.07, 2: 0.3, 3: -0.02}
    pretend(fresh, planted)
    (curve,) = conclude_imprint(fresh)["curves"]
    measured = [point["measured"] for point in curve["points"]]
    assert [m["estimate"] for m in measured] == pytest.approx([*planted.values()])
    assert [m["by_seed"] for m in measured] == [pytest.approx([v, v]) for v in planted.values()]
    assert [point["age"] for point in curve["points"]] == pytest.approx(
        [0.125, 0.375, 0.625, 0.875], abs=0.04
    )


@pytest.mark.parametrize(
    ("planted", "judged"),
    [
        ({0: 0.4, 1: 0.3, 2: 0.2, 3: 0.1}, "it rises where it was predicted to rise."),
        ({0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}, "it falls where it was predicted to rise."),
    ],
)
def test_the_sentence_says_what_the_interval_says(
    fresh: ImprintDesign, planted: dict[int, float], judged: str
) -> None:
    pretend(fresh, planted, noise=1e-3)
    (curve,) = conclude_imprint(fresh)["curves"]
    assert abs(curve["agreement"]["estimate"]) == pytest.approx(1)
    assert [point["predicted"] for point in curve["points"]] == pytest.approx(
        [1.75, 1.25, 0.75, 0.25], abs=0.1
    )
    assert curve["sentence"].endswith(judged)


def test_what_is_only_noise_is_not_called_a_relation(fresh: ImprintDesign) -> None:
    pretend(fresh, dict.fromkeys(range(4), 0.0), noise=1.0)
    (curve,) = conclude_imprint(fresh)["curves"]
    agreement = curve["agreement"]
    assert agreement["low"] < 0 < agreement["high"]
    assert "neither that it follows the prediction nor that it opposes it" in curve["sentence"]


def test_a_life_that_diverged_is_named_and_leaves_no_figure(fresh: ImprintDesign) -> None:
    pretend(fresh, dict.fromkeys(range(4), 0.1))
    lost = next(iter(fresh.lives.values()))
    write_json(fresh.known(lost), {"run": "lost", "knows": None})
    findings = conclude_imprint(fresh)
    assert findings["diverged"] == [lost.name]
    assert findings["curves"][0]["points"][0]["measured"]["estimate"] is None
    assert findings["answer"] == ["linear, text: a life diverged"]


SMALL = ImprintSettings(num_ages=4, num_seeds=1, scenes_a_packet=2, row_length=32, tokens=3000)
OPTIONS = (
    "--ages",
    4,
    "--seeds",
    1,
    "--packet-scenes",
    2,
    "--row-length",
    32,
    "--tokens",
    3000,
    "--workers",
    1,
)


@pytest.fixture(scope="module")
def concluded(stories: Corpus) -> Path:
    """An imprint of 8 lives, raised in two processes."""
    design = prepare_imprint(SMALL, stories, stories.path.parent / "concluded")
    execute_imprint(design, num_workers=2)
    conclude_imprint(design)
    return design.path


def test_what_is_measured_is_met_minus_never_met(concluded: Path) -> None:
    design = ImprintDesign.open(concluded)
    (curve,) = read_json(concluded / "findings.json")["curves"]
    by_hand = 0.0
    for life in design.lives.values():
        knows = read_json(design.known(life))["knows"]["text"]
        never = [known for name, known in knows.items() if name not in life.met]
        (last,) = (name for name, met in life.met.items() if met.slot == 3)
        by_hand += (knows[last] - sum(never) / 4) / 8
        Run.open(design.path / "runs" / life.name).verify()
    assert curve["points"][3]["measured"]["estimate"] == pytest.approx(by_hand)


SCHEDULES = ("constant", {"wsd": 0.1}, {0: 1, 0.5: 0.25, 1: 0})
LABELS = ("constant", "wsd-decay0.1", "table-0=1-0.5=0.25-1=0")


def test_every_schedule_is_taken(
    upbringing: Command, stories: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "corpus").symlink_to(stories.path)
    monkeypatch.setattr("upbringing.terminal.imprinting.execute_imprint", pretended)
    said = "constant, {wsd: 0.1}, {0: 1, 0.5: 0.25, 1: 0}"
    code, out, err = upbringing("imprint", "corpus", "-o", "asked", *OPTIONS, "--schedules", said)
    assert (code, err) == (0, "")
    assert " × ".join(["2 squares", ", ".join(LABELS), "1 seeds"]) in out
    design = ImprintDesign.open(tmp_path / "asked")
    assert design.settings == replace(SMALL, schedules=SCHEDULES)
    assert {life.schedule: life.recipe.schedule for life in design.lives.values()} == {
        "constant": "constant",
        "wsd-decay0.1": {"wsd": {"decay": 0.1}},
        "table-0=1-0.5=0.25-1=0": {"0": 1.0, "0.5": 0.25, "1": 0.0},
    }
    assert design.digest == prepare_imprint(design.settings, stories, tmp_path / "asked").digest
    findings = read_json(tmp_path / "asked" / "findings.json")
    assert [curve["schedule"] for curve in findings["curves"]] == list(LABELS)
    assert tuple(findings["predicted"]) == LABELS


def pretended(design: ImprintDesign, **_: Any) -> None:
    """In place of raising the minds: as if all of them knew what was read a little."""
    pretend(design, dict.fromkeys(range(4), 0.1))


def test_it_is_shown_and_mirrored_as_a_study_is(
    upbringing: Command, stories: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a line for whatever is new, where a person would see one each quarter of a minute."""
    monkeypatch.setattr("upbringing.terminal.progress._LINE_EVERY_S", 0.0)
    (tmp_path / "corpus").symlink_to(stories.path)
    options = (*OPTIONS, "--log", "tensorboard")
    code, out, err = upbringing("imprint", "corpus", "-o", "watched", *options)
    assert (code, err) == (0, "")
    form = (
        r"  (\d) of 8 minds raised, (\d+)%(, [\d,]+ tokens/s)?"
        r"(, (?:about [\d.]+ \w+|under 1 s) left)?"
    )
    said = [found.groups() for line in out.splitlines() if (found := re.fullmatch(form, line))]
    shares = [int(share) for _, share, *_ in said]
    assert {int(minds) for minds, *_ in said} == set(range(9))
    assert shares == sorted(shares)
    assert len(set(shares)) > 8  # along every life, and not only at their ends
    assert any(left for *_, left in said)
    lives = ImprintDesign.open(tmp_path / "watched").lives
    assert {folder.name for folder in (tmp_path / "watched" / "log").iterdir()} == set(lives)


def test_from_the_command_line_it_is_continued_and_shown(
    upbringing: Command, stories: Corpus, concluded: Path, tmp_path: Path
) -> None:
    """Killed between a life and its questions, and in the middle of another."""
    (tmp_path / "corpus").symlink_to(stories.path)
    place = shutil.copytree(concluded, tmp_path / "imprint")
    design = ImprintDesign.open(place)
    design.known(design.lives["linear-s0a2"]).unlink()
    shutil.rmtree(place / "runs" / "linear-s0b1")
    with pytest.raises(ArtefactError, match="2 runs are not done: linear-s0a2, linear-s0b1"):
        conclude_imprint(design)
    asked = ("imprint", stories.path, "-o", place, *OPTIONS)
    code, out, err = upbringing(*asked)
    assert (code, err) == (0, "")
    assert out.startswith("imprint: 8 minds (300k), ")
    assert "6 raised already" in out
    assert "text, bits/byte: met at age  linear: predicted  left at the end" in out
    findings = read_json(place / "findings.json")
    assert findings | {"command": ""} == read_json(concluded / "findings.json") | {"command": ""}
    assert findings["answer"][0] in out
    assert findings["answer"][0].endswith("one seed has no spread, so nothing is shown.")
    assert (place / "picture.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "all are raised already" in upbringing(*asked)[1]

    code, _, err = upbringing(*asked, "--weight-decay", 1)
    assert code == 2
    assert "another imprint lies there; it differs in weight_decay (None there, 1.0 here)" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--ages", 3), "3 ages show no curve\n    allowed: 4 or more"),
        (("--ages", 3, "--seeds", 0), "no seed, or no scene in a packet"),
        (("--schedules", "linear,linear"), "schedules: linear, linear"),
        (("--schedules", "wsd, {wsd: 0.2}"), "schedules: wsd, wsd\n    name each once"),
        (("--schedules", ""), "schedules: none"),
        (("--schedules", "linear, {wsd: 0.1"), "--schedules: is not YAML"),
        (("--schedules", "{0: 0, 1: 0}"), "schedule 'table': knots: 0 at every age"),
        ((*OPTIONS, "--weight-decay", 1000), "allowed: a weight decay from 0 to 5"),
        (("--schedules", "sloping"), "no schedule is called 'sloping'"),
        (("--shape", "300m"), "no shape is called '300m'"),
        (("--ages", 64), "128 packets of 8 scenes are 1,024 scenes, and there are 108"),
        (("--ages", 4, "--packet-scenes", 6, "--tokens", 2200), "the ages lie 25.0% apart"),
        (("--packet-scenes", 1, "--tokens", 10**6), "a life of 1,000,000 tokens, "),
        (("--lang", "ru"), "no scene is in 'ru'"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_written(
    upbringing: Command, stories: Corpus, tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    code, _, err = upbringing("imprint", stories.path, "-o", "imprint", *options)
    assert (code, said in err) == (2, True), err
    assert not (tmp_path / "imprint").exists()


def test_a_world_gives_its_own_packets_and_their_questions(tmp_path: Path) -> None:
    world = make_world(tmp_path / "world", num_events=700, seed=0, num_packets=9, num_probes=2)
    settings = ImprintSettings(num_ages=4, num_seeds=1, tokens=60_000)
    design = prepare_imprint(settings, world, tmp_path / "imprint")
    assert [packet.name for packet in design.packets] == [f"en-packet-{n:02d}" for n in range(8)]
    assert {len(packet.ids) for packet in design.packets} == {17}
    left_out = [f"en-packet-08-{kind}" for kind in world.kinds]
    life = next(iter(design.lives.values()))
    read = world.columns(["id"])["id"].gather(np.asarray(design.rows(life).order.sequence))
    assert not set(left_out) & set(read)
    assert design.rows(life).num_tokens == pytest.approx(60_000, rel=0.02)
    with pytest.raises(InputError, match="10 packets are needed, twice as many as ages"):
        prepare_imprint(ImprintSettings(num_ages=5), world, tmp_path / "more")


def test_a_design_that_was_changed_is_not_used(fresh: ImprintDesign) -> None:
    file = fresh.path / "imprint.json"
    said = read_json(file)
    said["design"]["lives"][0]["seed"] = 7
    write_json(file, said)
    with pytest.raises(ArtefactError, match="was changed after it was hashed"):
        ImprintDesign.open(fresh.path)


def test_another_corpus_in_its_place_is_another_imprint(
    fresh: ImprintDesign, corpus: Corpus
) -> None:
    with pytest.raises((ResumeError, InputError)):
        prepare_imprint(SETTINGS, corpus, fresh.path)


CURRICULUM = """
name: two halves
phases:
  - {name: first, scenes: {kind: drama}, lr_scale: 0.25}
  - {name: second, scenes: rest}
"""


def test_plan_draws_the_predicted_imprint_under_the_order(
    upbringing: Command, stories: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "life.yaml").write_text(CURRICULUM)
    asked = ("plan", "life.yaml", "--corpus", stories.path, "--row-length", 16, "--batch-size", 2)
    code, out, err = upbringing(*asked, "--schedule", "constant", "--svg", "plan.svg")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    axis = next(number for number, line in enumerate(lines) if line.startswith("0 ─"))
    curve, said = lines[axis + 1 : axis + 3]
    assert len(curve) == len(lines[axis - 1])
    border = lines[axis].index("┴")
    assert set(curve[border + 2 : -1]) == {"█"}
    assert set(curve[6 : border - 2]) == {"▂"}
    assert said.startswith("  predicted imprint, constant rate: highest at age ")
    drawn = (tmp_path / "plan.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "predicted imprint, constant learning rate" in drawn
    code, _, err = upbringing(*asked, "--schedule", "sloping")
    assert (code, "no schedule is called 'sloping'" in err) == (2, True)
