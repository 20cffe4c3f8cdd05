"""Averages of the weights: their arithmetic, and what a study makes of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import torch
from library_lives import raised_from
from lives import lose_the_loss, raised
from pydantic import ValidationError
from safetensors.numpy import load_file
from stories import pico_settings
from torch import nn
from transformers import AutoModelForCausalLM

from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError, InputError, SettingsError
from upbringing.order import NO_LEVERS, Levers
from upbringing.report import biography, write_page
from upbringing.settings import parse_settings
from upbringing.study import Design, StudySettings, conclude, execute, is_done, prepare
from upbringing.study.execution import run_folder
from upbringing.training import (
    Average,
    Averaged,
    Last,
    Moment,
    Moving,
    Run,
    Soup,
    Timeline,
    average_run,
)
from upbringing.training.averaging import Ema, average_folder

Weights = dict[str, npt.NDArray[np.float32]]


def weights_in(folder: Path) -> Weights:
    return load_file(folder / "model.safetensors")


# One life


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    return raised(home, home / "averaged life")  # kept at .2, .5 and 1


def mean_of(run: Run, shares: dict[float, float], name: str) -> npt.NDArray[np.float32]:
    """By NumPy, in fp64, rounded once."""
    stack = [weights_in(run.checkpoints[age])[name].astype("f8") for age in shares]
    return np.average(stack, axis=0, weights=list(shares.values())).astype("f4")


@pytest.mark.parametrize(
    ("average", "shares"),
    [
        (Last(2), {0.5: 1, 1.0: 1}),
        (Last(3), {0.2: 1, 0.5: 1, 1.0: 1}),
        (Soup(0.2, 1.0), {0.2: 1, 1.0: 1}),
        (Soup(0.2, 0.5, share=0.25), {0.2: 1, 0.5: 3}),
    ],
    ids=lambda value: value.name if isinstance(value, (Last, Soup)) else "",
)
def test_an_average_is_what_numpy_makes_of_the_checkpoints(
    run: Run, average: Average, shares: dict[float, float]
) -> None:
    averaged = weights_in(average_run(run, average).path)
    assert averaged.keys() == weights_in(run.checkpoints[1.0]).keys()
    for name, weight in averaged.items():
        assert weight.dtype == np.float32
        np.testing.assert_array_equal(weight, mean_of(run, shares, name), err_msg=name)


@pytest.mark.parametrize(
    ("modules", "moving"),
    [
        (("embed", "head"), ("model.embed_tokens.weight",)),
        (("norms",), ("norm.weight", "layernorm.weight")),
        (("layers.1", "*.o_proj.*"), ("model.layers.1.", "layers.0.self_attn.o_proj")),
        (("attention", "mlp"), (".self_attn.", ".mlp.")),
    ],
)
def test_a_soup_by_module_moves_these_and_no_other_bit(
    run: Run, modules: tuple[str, ...], moving: tuple[str, ...]
) -> None:
    soup = weights_in(average_run(run, Soup(0.2, 1.0, modules=modules)).path)
    whole = weights_in(average_run(run, Soup(0.2, 1.0)).path)
    final = weights_in(run.checkpoints[1.0])
    mixed = {name for name in soup if any(part in name for part in moving)}
    assert mixed
    for name, weight in soup.items():
        assert np.array_equal(weight, whole[name]) == (name in mixed), name
        assert np.array_equal(weight, final[name]) == (name not in mixed), name


@pytest.mark.parametrize(
    ("config", "modules", "moving"),
    [
        ("GPT2Config", ("attention",), ".attn."),
        ("GPT2Config", ("layers.1",), ".h.1."),
        ("GPT2Config", ("*.c_fc.*",), ".c_fc."),
        ("GPT2Config", ("embed", "head"), "transformer.w"),
        ("MixtralConfig", ("mlp",), ".block_sparse_moe."),
        ("MixtralConfig", ("*.experts.2.w1.*",), ".experts.2.w1."),
    ],
)
def test_a_soup_of_a_mind_of_another_make_moves_these_and_no_other_bit(
    home: Path, config: str, modules: tuple[str, ...], moving: str
) -> None:
    place = home / f"averaged {config}"
    run = Run.open(place) if place.exists() else raised_from(config, home, place, peak_lr=3e-3)
    soup = weights_in(average_run(run, Soup(0.2, 1.0, modules=modules)).path)
    final = weights_in(run.checkpoints[1.0])
    assert soup.keys() == final.keys()
    mixed = {name for name in soup if moving in name}
    assert mixed
    for name, weight in soup.items():
        expected = mean_of(run, {0.2: 1, 1.0: 1}, name) if name in mixed else final[name]
        np.testing.assert_array_equal(weight, expected, err_msg=name)


def test_an_average_is_a_stock_checkpoint_of_its_own_and_the_run_is_as_it_was(run: Run) -> None:
    before = run.digest
    averaged = average_run(run, Last(3))
    assert averaged.path == run.path / "averages" / "last-3"
    mind = AutoModelForCausalLM.from_pretrained(averaged.path)
    theirs = mind.state_dict()["model.layers.1.mlp.down_proj.weight"].numpy()
    ours = weights_in(averaged.path)["model.layers.1.mlp.down_proj.weight"]
    np.testing.assert_array_equal(theirs, ours)
    assert (averaged.path / "tokenizer.json").exists()
    again = Run.open(run.path)
    assert again.digest == before
    assert again.verify() == run.verify()


def test_the_last_ages_are_the_last_of_those_that_were_asked_for(home: Path) -> None:
    """Not of those that are kept because levers change there."""
    of = Timeline.of_stretches({0.0: NO_LEVERS, 0.4: Levers(modules=["mlp"]), 0.8: NO_LEVERS}, 5)
    run = raised(home, home / "kept at borders", timeline=of)
    assert len(run.checkpoints) == 6  # .2, .5, 1, and the borders
    name = "model.layers.0.mlp.down_proj.weight"
    for average, shares in ((Last(2), {0.5: 1, 1.0: 1}), (Last(3), {0.2: 1, 0.5: 1, 1.0: 1})):
        found = weights_in(average_run(run, average).path)[name]
        np.testing.assert_array_equal(found, mean_of(run, shares, name))
    with pytest.raises(InputError, match="3 ages are kept, too few for the last 4"):
        average_run(run, Last(4))
    shutil.rmtree(run.path / "averages")
    found = weights_in(average_run(run, Last(2), ages=(0.2, 1.0)).path)[name]
    np.testing.assert_array_equal(found, mean_of(run, {0.2: 1, 1.0: 1}, name))


def test_a_second_call_opens_what_is_there_and_finds_damage(run: Run, tmp_path: Path) -> None:
    place = shutil.copytree(run.path, tmp_path / "run")
    copied = Run.open(place)
    averaged = average_run(copied, Last(2))
    weights = averaged.path / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert average_run(copied, Last(2)).digest == averaged.digest
    assert weights.stat().st_mtime_ns == written
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(ArtefactError, match=r"last-2/model\.safetensors: is damaged"):
        average_run(copied, Last(2))


def test_an_average_of_another_run_in_its_place_is_refused(home: Path, run: Run) -> None:
    other = raised(home, home / "another seed", seed=4)
    shutil.copytree(average_run(run, Last(2)).path, average_folder(other.path, Last(2)))
    with pytest.raises(ArtefactError, match="averages/last-2: is of another run"):
        average_run(other, Last(2))


@pytest.mark.parametrize(
    ("average", "told"),
    [
        (Last(4), "3 ages are kept, too few for the last 4\n    allowed: ages 0.2, 0.5, 1"),
        (Soup(0.3, 1.0), "no mind is kept at age 0.3\n    allowed: ages 0.2, 0.5, 1"),
        (Soup(0.5, 1.0, modules=("layers.7",)), "no weight is matched by 'layers.7'"),
        (Soup(0.5, 1.0, modules=("embed",)), "'embed' is named and 'head' is not"),
        (Moving(0.3), "kept no moving average of half-life 0.3"),
    ],
)
def test_what_a_run_did_not_keep_cannot_be_averaged(run: Run, average: Average, told: str) -> None:
    with pytest.raises(InputError, match=told):
        average_run(run, average)
    assert not average_folder(run.path, average).exists()
    assert not list((run.path / "averages").glob(".*"))


@pytest.mark.parametrize(
    ("average", "name"),
    [
        (Last(3), "last 3"),
        (Moving(0.05), "ema .05"),
        (Soup(0.3, 1.0), "soup .3+1"),
        (Soup(0.25, 0.5, 0.125, ("mlp", "layers.2-")), "soup .25+.5 at .125 in mlp+layers.2-"),
    ],
)
def test_every_average_has_a_name_of_its_own(average: Average, name: str) -> None:
    assert average.name == name


# The moving average


def moved(half_life: float, shares: list[float]) -> tuple[Ema, list[npt.NDArray[np.float32]]]:
    """An `Ema` of a weight that walks, and where the weight was after each step."""
    model = nn.Linear(3, 2, bias=False)
    ema, walk = Ema(model, half_life), []
    for number, share in enumerate(shares):
        with torch.no_grad():
            model.weight.copy_(torch.arange(6.0).view(2, 3) * (-1) ** number + number)
        walk.append(model.weight.detach().numpy().copy())
        ema.update(share)
    return ema, walk


@pytest.mark.parametrize("half_life", [0.05, 0.5])
def test_the_moving_average_halves_a_weight_every_half_life(half_life: float) -> None:
    shares = [0.1, 0.02, 0.02, 0.3, 0.2, 0.36]  # steps of unequal batches
    ema, walk = moved(half_life, shares)
    ends = np.cumsum(shares)
    left = 2.0 ** -((ends[-1] - ends) / half_life)
    counts = left * (1 - 2.0 ** -(np.array(shares) / half_life))
    expected = np.average(walk, axis=0, weights=counts)
    (mean,) = ema.mind(nn.Linear(3, 2, bias=False)).parameters()
    np.testing.assert_allclose(mean.detach().numpy(), expected, rtol=1e-6, atol=1e-6)


def test_after_one_step_the_weights_before_it_do_not_count() -> None:
    ema, (only,) = moved(0.9, [0.001])
    (mean,) = ema.mind(nn.Linear(3, 2, bias=False)).parameters()
    np.testing.assert_array_equal(mean.detach().numpy(), only)


def test_the_moving_average_goes_on_from_a_snapshot_to_the_bit(tmp_path: Path) -> None:
    def walk(model: nn.Module, ema: Ema, steps: range) -> None:
        for number in steps:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(torch.sin(parameter + number))
            ema.update(0.037)

    whole, halted = nn.Linear(4, 4), nn.Linear(4, 4)
    halted.load_state_dict(whole.state_dict())
    ema, before = Ema(whole, 0.2), Ema(halted, 0.2)
    walk(whole, ema, range(9))
    walk(halted, before, range(4))
    before.save(tmp_path)
    Ema(halted, 0.4).save(tmp_path)  # another half-life in the same snapshot
    after = Ema(halted, 0.2)
    after.restore(tmp_path)
    walk(halted, after, range(4, 9))
    expected = ema.mind(whole).state_dict()
    for name, mean in after.mind(halted).state_dict().items():
        assert torch.equal(mean, expected[name]), name
    assert not torch.equal(expected["weight"], whole.weight)


# Four steps, each of them kept.
SHORT = {"num_rows": 20, "ages": (0.25, 0.5, 0.75, 1.0), "timeline": Timeline.uniform(5)}


def test_a_life_keeps_the_moving_average_of_its_steps(home: Path) -> None:
    run = raised(home, home / "moving", emas=(0.25, 1e6), **SHORT)
    assert run.recipe.steps.num_rows.tolist() == [5, 5, 5, 5]
    assert run.verify()
    for half_life, shares in ((0.25, [1, 2, 4, 8]), (1e6, [1, 1, 1, 1])):
        averaged = weights_in(average_run(run, Moving(half_life)).path)
        for name, weight in averaged.items():
            expected = mean_of(run, dict(zip(run.checkpoints, shares, strict=True)), name)
            np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-7, err_msg=name)
    assert raised(home, home / "unmoved", **SHORT).metrics.equals(run.metrics)


def test_text_that_is_not_learnt_from_moves_no_average(home: Path) -> None:
    """A loss weight of zero equals absence: the average is that of a life without the text."""
    unheard = Timeline.of_stretches({0.0: NO_LEVERS, 0.5: Levers(loss_scale=0)}, 5)
    kept = {"schedule": "constant", "warmup_share": 0.0, "ages": (1.0,)}
    long = raised(home, home / "half heard", num_rows=40, timeline=unheard, emas=(0.25,), **kept)
    half = Timeline.uniform(5)
    short = raised(home, home / "heard", num_rows=20, timeline=half, emas=(0.5,), **kept)
    ours, theirs = (
        weights_in(average_run(run, Moving(half_life)).path)
        for run, half_life in ((long, 0.25), (short, 0.5))
    )
    for name, weight in weights_in(long.checkpoints[1.0]).items():
        assert np.array_equal(ours[name], theirs[name]), name
        assert not np.array_equal(ours[name], weight), name


def test_a_life_that_was_stopped_has_the_same_moving_average(home: Path) -> None:
    def stop(now: Moment) -> None:
        if now.done == 3:
            raise KeyboardInterrupt

    whole = raised(home, home / "not stopped", emas=(0.3,), **SHORT)
    place = home / "stopped"
    with pytest.raises(KeyboardInterrupt):
        raised(home, place, emas=(0.3,), snapshot_every_s=0.0, on_step=stop, **SHORT)
    (place / "ema" / "0.3").mkdir(parents=True)  # as a kill between it and the manifest leaves it
    assert raised(home, place, emas=(0.3,), **SHORT).digest == whole.digest
    weights = whole.path / "ema" / "0.3" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match=r"ema/0\.3/model\.safetensors: is damaged"):
        Run.open(whole.path)


# A study


AVERAGES = [
    {"last": 2},
    {"ema": 0.2},
    {"soup": [0.5, 1.0], "share": 0.25, "modules": ["mlp", "layers.0"]},
]
NAMES = ["last 2", "ema .2", "soup .5+1 at .25 in mlp+layers.0"]


@pytest.fixture(scope="module")
def study(stories: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Design:
    settings = pico_settings(arms=("F", "S"), averages=AVERAGES)
    design = prepare(settings, stories, tmp_path_factory.mktemp("averages") / "study")
    execute(design, num_workers=1)
    conclude(design)
    return design


@pytest.fixture(scope="module")
def readings(study: Design) -> pl.DataFrame:
    return pl.read_parquet(study.path / "findings.parquet")


def test_every_arm_is_averaged_and_its_shuffle_too(study: Design, readings: pl.DataFrame) -> None:
    for plan in study.plans:
        folders = sorted((run_folder(study, plan) / "averages").glob("*"))
        assert len(folders) == (3 if plan.is_arm else 0), plan.name
    averaged = readings.filter(pl.col("stage").is_in(NAMES))
    assert averaged["age"].unique().to_list() == [1.0]
    runs = averaged.select("arm", "schedule", "seed", "stage").unique()
    assert runs.height == 2 * 2 * 2 * 3  # arms, schedules, seeds, averages
    assert set(runs["arm"]) == {"F", "S"}
    assert not readings.select("run", "age", "scope", "measure", "subject").is_duplicated().any()
    assert "F-steep-s1-last-2" in averaged["run"].unique()
    samples = pl.read_parquet(study.path / "samples.parquet")
    assert set(samples["stage"]) == {"life", "washout", *NAMES}


def test_the_last_ages_of_a_study_are_its_own(study: Design) -> None:
    """Not the age at which a steep schedule has spent its rate."""
    plan = next(plan for plan in study.plans if plan.name == "F-steep-s0")
    run = Run.open(run_folder(study, plan))
    assert study.settings.ages == (0.5, 1.0)
    assert len(run.checkpoints) == 3
    found = weights_in(average_folder(run.path, Last(2)))
    for name, weight in found.items():
        np.testing.assert_array_equal(weight, mean_of(run, {0.5: 1, 1.0: 1}, name))


def found_in(study: Design, records: str, **wanted: object) -> list[dict[str, object]]:
    found = json.loads((study.path / "findings.json").read_text())[records]
    return [one for one in found if all(one[key] == value for key, value in wanted.items())]


def margins(readings: pl.DataFrame, arm: str, schedule: str, stage: str) -> np.ndarray:
    whole = readings.filter(measure="style_margin", scope="whole", age=1.0)
    rows = whole.filter(arm=arm, schedule=schedule, stage=stage)
    return rows.sort("seed")["value"].to_numpy()


@pytest.mark.parametrize("schedule", ["constant", "steep"])
@pytest.mark.parametrize("average", NAMES)
def test_an_average_is_compared_with_that_of_its_own_shuffle(
    study: Design, readings: pl.DataFrame, schedule: str, average: str
) -> None:
    poles = json.loads((study.path / "findings.json").read_text())["poles"]
    unit = poles["drama–technical"]["distance"]
    gained = {
        stage: (margins(readings, "F", schedule, stage) - margins(readings, "S", schedule, stage))
        for stage in (average, "life")
    }
    wanted = {"schedule": schedule, "measure": "style_margin", "name": "F−S"}
    (own,) = found_in(study, "contrasts", average=average, **wanted)
    assert own["estimate"] == pytest.approx(gained[average].mean() / unit)
    (change,) = found_in(study, "contrasts", average=f"{average} − none", **wanted)
    differences = (gained[average] - gained["life"]) / unit
    assert change["estimate"] == pytest.approx(differences.mean())
    assert change["num_seeds"] == 2


@pytest.mark.parametrize("average", [None, *NAMES])
def test_an_average_has_a_verdict_and_a_cost(
    study: Design, readings: pl.DataFrame, average: str | None
) -> None:
    (verdict,) = found_in(study, "verdicts", schedule="constant", average=average)
    assert verdict["position"] == "DEMONSTRATION"
    (cost,) = found_in(study, "costs", schedule="constant", average=average)
    of_all = readings.filter(
        measure="bits_per_byte",
        subject="all",
        schedule="constant",
        stage=average or "life",
        scope="whole",
    ).sort("seed")
    first, shuffled = (of_all.filter(arm=arm)["value"].to_numpy() for arm in ("F", "S"))
    assert cost["estimate"] == pytest.approx((first - shuffled).mean())


def test_the_answer_the_page_and_the_biography_name_them(study: Design) -> None:
    found = json.loads((study.path / "findings.json").read_text())
    assert list(found["averages"]) == NAMES
    page = write_page(study.path).read_text(encoding="utf-8")
    for name in NAMES:
        opening = f"Constant rate, {name}, against the same scenes shuffled: drama first left"
        assert sum(line.startswith(opening) for line in found["answer"]) == 1
        assert any(f"rate, {name}, what it cost in held-out" in line for line in found["answer"])
        assert f"<h3>steep learning rate, {name}</h3>" in page
        assert f"<summary>constant, {name} − none</summary>" in page
        assert found["averages"][name] in page
    moments = biography(study.path, "F-constant-s0").moments
    assert [moment.stage for moment in moments] == ["life"] * 2 + ["washout"] * 4 + NAMES
    lines = biography(study.path, "F-constant-s0").lines(with_text=False)
    assert lines[-len(NAMES)].startswith("last 2: character ")


def test_a_study_goes_on_where_an_average_is_missing(
    study: Design, stories: Corpus, tmp_path: Path
) -> None:
    design = prepare(study.settings, stories, tmp_path / "study")
    shutil.copytree(study.path / "runs", design.path / "runs")
    plan = design.plans[1]
    place = run_folder(design, plan) / "averages"
    shutil.rmtree(place / "last-2" / "profile")  # killed while it was measured
    shutil.rmtree(place / "soup-.5+1-at-.25-in-mlp+layers.0")
    (place / ".soup.draft-7").mkdir()  # killed while it was written
    assert [p.name for p in design.plans if not is_done(design, p)] == [plan.name]
    expected = Averaged.open(place / "last-2").digest
    execute(design, num_workers=1)
    conclude(design)
    assert Averaged.open(place / "last-2").digest == expected
    assert not list(place.glob(".*"))
    for file in ("findings.json", "findings.parquet", "samples.parquet"):
        assert (design.path / file).read_bytes() == (study.path / file).read_bytes(), file


def test_a_life_that_diverged_has_no_average(
    study: Design, stories: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = prepare(study.settings, stories, tmp_path / "study")
    shutil.copytree(study.path / "runs", design.path / "runs")
    for name in ("F-steep-s0", "F-steep-s0-washout"):
        shutil.rmtree(design.path / "runs" / name)
    with monkeypatch.context() as patch:
        # At the last step but one: what a soup of earlier ages needs is there.
        lose_the_loss(patch, "F-steep-s0", at_step=22)
        execute(design, num_workers=1)
    assert all(is_done(design, plan) for plan in design.plans)
    conclude(design)
    assert not (design.path / "runs" / "F-steep-s0" / "averages").exists()
    for average in (None, *NAMES):
        wanted = {"schedule": "steep", "measure": "style_margin", "name": "F−S"}
        (lost,) = found_in(design, "contrasts", average=average, **wanted)
        assert (lost["estimate"], lost["reason"]) == (None, "F has no figure at 1 of 2 seeds")
    assert write_page(design.path).exists()


def test_an_end_of_minds_that_are_not_tied_can_be_mixed_alone() -> None:
    soup = {"soup": (0.5, 1.0), "modules": ("head",)}
    assert pico_settings(averages=[soup], tied=False).averages[0].modules == ("head",)
    with pytest.raises(ValidationError, match="'head' is named and 'embed' is not"):
        pico_settings(averages=[soup])


MISTAKES = """\
name: averages
block: drama
seeds: 3
ages: [0.25, 0.5, 1]
averages:
  - last: 3
  - {soup: [0.3, 1.0]}
  - last: 5
  - {ema: 0.05, share: 0.2}
  - {lst: 3}
  - {last: 3}
  - {soup: [1, 0.5]}
  - {soup: [0.5, 1], modules: [layers.9, embed]}
  - {}
arms: [F, X, S]
"""


def test_all_mistakes_in_averages_are_told_at_their_places() -> None:
    with pytest.raises(SettingsError) as error:
        parse_settings(MISTAKES, StudySettings, name="study.yaml")
    told = [(p.where, p.what.splitlines()[0].partition(", or at")[0]) for p in error.value.problems]
    assert told == [
        ("study.yaml:7:5", "averages.1: soup .3+1: no mind is kept at age 0.3"),
        ("study.yaml:8:5", "averages.2: last 5: 3 ages are kept, too few for the last 5"),
        ("study.yaml:9:5", "averages.3: `share` and `modules` are of a soup"),
        ("study.yaml:10:6", "unknown key 'averages.4.lst'"),
        ("study.yaml:11:5", "averages.5: last 3: may stand here once"),
        ("study.yaml:12:5", "averages.6: the two ages of a soup rise"),
        (
            "study.yaml:13:5",
            "averages.7: soup .5+1 in layers.9+embed: no weight is matched by 'layers.9'",
        ),
        (
            "study.yaml:13:5",
            "averages.7: soup .5+1 in layers.9+embed: 'embed' is named and 'head' is not",
        ),
        ("study.yaml:14:5", "averages.8: an average is one of last, soup and ema"),
        ("study.yaml:15:1", "arms: no arm is called 'X'; allowed: F, M, L, S, O, N, D"),
    ]
