"""Preparation: one design for one study, hashed before a mind is raised, and never another's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from stories import pico_settings, story_scenes

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import ArtefactError, ComparisonError, InputError, ResumeError
from upbringing.files import read_json, write_json
from upbringing.identity import digest_json
from upbringing.order import Order, compile_order, load_curriculum
from upbringing.study import Design, prepare
from upbringing.study import drafting as drafting_module
from upbringing.study.rules import RULES


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "study"


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_same_study_has_the_same_digest_wherever_it_lies(
    stories: Corpus, place: Path, tmp_path: Path
) -> None:
    first = prepare(pico_settings(), stories, place)
    second = prepare(pico_settings(), stories, tmp_path / "deep" / "down" / "study")
    assert first.digest == second.digest
    assert everything_in(first.path).keys() == everything_in(second.path).keys()


def test_preparing_again_changes_nothing(stories: Corpus, place: Path) -> None:
    first = prepare(pico_settings(), stories, place)
    before = everything_in(place)
    assert prepare(pico_settings(), stories, place).digest == first.digest
    assert everything_in(place) == before


def test_the_design_is_hashed_with_its_rules_before_the_first_run(
    stories: Corpus, place: Path
) -> None:
    design = prepare(pico_settings(), stories, place)
    assert not (place / "runs").exists()
    said = read_json(place / "study.json")
    assert said["digest"] == design.digest == digest_json(said["design"])
    assert said["design"]["rules"] == RULES
    assert said["design"]["settings"]["seeds"] == [0, 1]
    assert "corpus" not in said["design"]  # where it lies is not in the hash
    assert said["design"]["digests"]["corpus"] == stories.digest


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seeds": 3}, r"seeds \(\[0, 1\] there, \[0, 1, 2\] here\)"),
        ({"schedules": ("steep",)}, "schedules"),
        ({"tokens": 2500}, r"tokens \(3000 there, 2500 here\)"),
        ({"against": "poetry", "peak_lr": 1e-3}, r"against .*, peak_lr"),
    ],
)
def test_another_study_in_its_place_is_refused_and_the_settings_named(
    stories: Corpus, place: Path, changes: dict[str, Any], named: str
) -> None:
    prepare(pico_settings(), stories, place)
    before = everything_in(place)
    with pytest.raises(ResumeError, match=f"another study lies there; it differs in {named}"):
        prepare(pico_settings(**changes), stories, place)
    assert everything_in(place) == before


def test_the_same_settings_on_another_corpus_are_another_study(
    stories: Corpus, place: Path, tmp_path: Path
) -> None:
    prepare(pico_settings(), stories, place)
    scenes = story_scenes(9)
    other = write_corpus(
        tmp_path / "corpus", scenes, recipe={}, inputs={}, parallels=stories.parallels
    )
    with pytest.raises(ResumeError, match=r"differs in .*digests"):
        prepare(pico_settings(), other, place)


def test_an_interrupted_preparation_is_done_anew(
    stories: Corpus, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare(pico_settings(), stories, place)
    expected = {k: v for k, v in everything_in(place).items() if k.endswith(".npy")}
    shutil.rmtree(place)

    written = []

    def save(order: Order, folder: Path) -> Path:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(folder)
        return real(order, folder)

    real = Order.save
    with monkeypatch.context() as patch:
        patch.setattr(Order, "save", save)
        with pytest.raises(KeyboardInterrupt):
            prepare(pico_settings(), stories, place)
    assert len(list((place / "orders").iterdir())) == 3
    assert not (place / "study.json").exists()
    (place / "orders" / ".L-s0.draft-7").mkdir()  # what a kill leaves behind

    assert prepare(pico_settings(), stories, place).digest == whole.digest
    found = everything_in(place)
    assert {k: v for k, v in found.items() if k.endswith(".npy")} == expected
    assert not list((place / "orders").glob(".*"))


def test_another_study_may_take_the_place_of_one_never_finished(
    stories: Corpus, place: Path
) -> None:
    prepare(pico_settings(), stories, place)
    (place / "study.json").unlink()
    design = prepare(pico_settings(seeds=3, arms=("F", "S")), stories, place)
    assert len(list((place / "orders").iterdir())) == 3 * (2 + 2) + 1
    assert design.settings.seeds == (0, 1, 2)


def test_every_arm_lies_there_as_a_curriculum_of_its_orders(stories: Corpus, place: Path) -> None:
    design = prepare(pico_settings(arms=("F", "M", "L", "S", "O", "N")), stories, place)
    files = sorted((place / "curricula").glob("*.yaml"))
    assert [file.stem for file in files] == sorted(design.settings.arms)
    for file in files:
        assert file.read_text().startswith(f"# {file.stem}: {design.said['arms'][file.stem]}")
        for seed in design.settings.seeds:
            order = compile_order(stories, load_curriculum(file), seed=seed)
            own = design.rows(f"{file.stem}-s{seed}", 32).order
            assert np.array_equal(order.sequence, own.sequence)


def test_an_edited_design_is_refused(stories: Corpus, place: Path) -> None:
    prepare(pico_settings(), stories, place)
    file = place / "study.json"
    said = json.loads(file.read_text())
    said["design"]["settings"]["seeds"] = [0, 1, 2]
    write_json(file, said)
    for open_it in (
        lambda: Design.open(place),
        lambda: prepare(pico_settings(), stories, place),
    ):
        with pytest.raises(ArtefactError, match=r"study\.json: was changed after it was hashed"):
            open_it()


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": "study/1", "design": {}}', "no JSON"])
def test_what_is_no_study(text: str, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(ArtefactError, match=r"study\.json: is (not|damaged, no JSON)"):
        Design.open(tmp_path)


def test_an_exchanged_order_is_refused(stories: Corpus, place: Path) -> None:
    design = prepare(pico_settings(), stories, place)
    shutil.rmtree(place / "orders" / "F-s0")
    shutil.copytree(place / "orders" / "L-s0", place / "orders" / "F-s0")
    with pytest.raises(ArtefactError, match="orders/F-s0: is another order than the study's"):
        design.rows("F-s0", 32)


def test_both_may_be_moved_together_and_the_corpus_alone(stories: Corpus, tmp_path: Path) -> None:
    shutil.copytree(stories.path, tmp_path / "a" / "corpus")
    design = prepare(pico_settings(), Corpus.open(tmp_path / "a" / "corpus"), tmp_path / "a" / "s")
    (tmp_path / "a").rename(tmp_path / "b")
    assert Design.open(tmp_path / "b" / "s").corpus.digest == stories.digest
    (tmp_path / "b" / "corpus").rename(tmp_path / "elsewhere")
    moved = Corpus.open(tmp_path / "elsewhere")
    again = prepare(pico_settings(), moved, tmp_path / "b" / "s")
    assert again.digest == design.digest
    assert again.corpus.path == tmp_path / "elsewhere"


def test_the_arms_of_a_seed_are_permutations_of_one_life(stories: Corpus, place: Path) -> None:
    design = prepare(pico_settings(arms=("F", "M", "L", "S", "O", "N")), stories, place)
    orders = {
        (arm, seed): design.rows(f"{arm}-s{seed}", 32).order
        for arm in design.settings.arms
        for seed in (0, 1)
    }
    assert len({order.visits_digest for order in orders.values()}) == 1
    assert len({order.digest for order in orders.values()}) == 12
    kinds = stories.scenes["kind"]
    first, last = (
        [kinds[int(row)] for row in orders[arm, 0].sequence[[0, -1]]] for arm in ("F", "L")
    )
    assert first == ["drama", "technical"]
    assert last == ["technical", "drama"]


def test_the_plans(stories: Corpus, place: Path) -> None:
    design = prepare(pico_settings(ladder=True), stories, place)
    names = [plan.name for plan in design.plans]
    assert names[:6] == [f"{arm}-constant-s{seed}" for seed in (0, 1) for arm in "FLS"]
    assert names[6:12] == [f"{arm}-steep-s{seed}" for seed in (0, 1) for arm in "FLS"]
    rungs = ("pole-drama", "pole-technical", "mix-25", "mix-50", "mix-75")
    assert names[12:] == [f"{rung}-constant-s{seed}" for seed in (0, 1) for rung in rungs]
    assert [plan.role for plan in design.plans] == ["arm"] * 12 + ["rung"] * 10
    assert {plan.recipe.num_rows for plan in design.plans} == {design.said["num_tokens"] // 32}
    ages = {plan.schedule: plan.recipe.ages for plan in design.plans if plan.is_arm}
    assert ages == {"constant": (0.5, 1.0), "steep": (0.5, 0.6021, 1.0)}  # when its rate is spent
    by_seed = [(plan.seed, plan.recipe.seed, plan.order) for plan in design.plans]
    assert all(seed == own and order.endswith(f"-s{seed}") for seed, own, order in by_seed)


def test_every_mind_is_of_the_form_and_the_numerics_that_are_asked_for(
    stories: Corpus, place: Path
) -> None:
    settings = pico_settings(tied=False, weight_decay=0.5, numerics={"accumulation": 2})
    for plan in prepare(settings, stories, place).plans:
        assert plan.recipe.shape is not None
        assert not plan.recipe.shape.tied
        assert plan.recipe.weight_decay == 0.5
        assert plan.recipe.numerics.accumulation == 2


def test_arms_that_are_not_one_class_are_refused_before_anything_is_written(
    stories: Corpus, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiler that loses a scene in one arm is caught by the study."""

    def forgetful(corpus: Corpus, curriculum: Any, *, seed: int | None = None) -> Order:
        order = real(corpus, curriculum, seed=seed)
        if curriculum.name == "L":
            return Order.from_rows(corpus, order.sequence[1:], seed=order.seed)
        return order

    real = drafting_module.compile_order
    monkeypatch.setattr(drafting_module, "compile_order", forgetful)
    with pytest.raises(ComparisonError, match="arms F and L differ in visits: 1 scenes"):
        prepare(pico_settings(), stories, place)
    assert not place.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"block": "dramma"},
            "no scene is of kind 'dramma'\n    allowed: drama, poetry, technical",
        ),
        ({"block": "dramma"}, "did you mean 'drama'"),
        ({"against": "drama"}, "'drama' is the block and its counterpart"),
        ({"lang": "ru"}, "no scene is in 'ru'\n    allowed: en"),
        ({"tokens": 10**6}, "a life of 1,000,000 tokens is asked for, the corpus has"),
        ({"row_length": 8}, "tokens long\n    allowed: under 8"),
        ({"numerics": {"accumulation": 3}}, "rows cannot be cut into 3 equal pieces"),
    ],
)
def test_what_cannot_be_asked_leaves_nothing_behind(
    stories: Corpus, place: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        prepare(pico_settings(**changes), stories, place)
    assert not place.exists()


def test_a_device_that_is_not_here_leaves_nothing_behind(
    stories: Corpus, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(InputError, match="no device 'mps' is here\n    allowed: auto, cpu"):
        prepare(pico_settings(numerics={"device": "mps"}), stories, place)
    assert not place.exists()


def test_a_short_life_may_lack_a_kind_of_few_scenes(tmp_path: Path, place: Path) -> None:
    rare = (
        story_scenes()
        .filter(id="en/poetry/0/0")
        .with_columns(
            id=pl.lit("rare"), kind=pl.lit("rare"), work=pl.lit("rare"), document=pl.lit("rare")
        )
    )
    corpus = write_corpus(
        tmp_path / "corpus", pl.concat([story_scenes(), rare]), recipe={}, inputs={}
    )
    with pytest.raises(
        InputError, match="a life that short holds no scene of rare\n    ask for mo"
    ):
        prepare(pico_settings(block="rare", tokens=1000), corpus, place)
    design = prepare(pico_settings(tokens=1000, arms=("F", "S", "O")), corpus, place)
    assert "rare" not in design.said["curricula"]["F"]
    assert design.said["arms"]["O"].startswith("poetry in the place of drama")


def test_a_corpus_in_two_languages_wants_one(tmp_path: Path, place: Path) -> None:
    scenes = pl.concat([story_scenes(), story_scenes(lang="xx")])
    both = write_corpus(tmp_path / "corpus", scenes, recipe={}, inputs={})
    with pytest.raises(InputError, match="several languages") as error:
        prepare(pico_settings(), both, place)
    assert "allowed: en, xx\n    say which with `lang`" in str(error.value)
    design = prepare(pico_settings(lang="xx"), both, place)
    rows = design.rows("S-s0", 32).order.sequence
    assert set(both.scenes["lang"].gather(rows)) == {"xx"}
    assert design.primary == "voice"


def test_kinds_without_a_shared_opening_are_refused_before_training(
    tmp_path: Path, place: Path
) -> None:
    text = (
        pl.col("text")
        .str.replace_all("He looked", "He gazed")
        .str.replace_all("When the", "As the")
    )
    changed = pl.when(kind="drama").then(text).otherwise("text")
    scenes = story_scenes().with_columns(text=changed)
    apart = write_corpus(tmp_path / "corpus", scenes, recipe={}, inputs={})
    with pytest.raises(InputError, match="no two words begin a sentence in every kind"):
        prepare(pico_settings(), apart, place)
    assert not place.exists()
