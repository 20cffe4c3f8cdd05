"""A population writes what its members would have written alone, and none of them sees another."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lives import NEVER_S, TINY, forked
from safetensors.torch import load_file
from stories import pico_settings

from upbringing.corpus import Corpus, load_tokenizer, tokenize
from upbringing.errors import InputError, ShortageError, StoppedError, VerificationError
from upbringing.files import file_digest, folder_digest
from upbringing.order import Levers, Order, Rows, compile_order, parse_curriculum
from upbringing.study import Progress, execute, is_done, prepare
from upbringing.study.execution import run_folder, stage_folders
from upbringing.training import (
    Decoder,
    Numerics,
    Recipe,
    Run,
    Segment,
    Timeline,
    settle_process,
    train,
)
from upbringing.training import population as of_population
from upbringing.training.feed import Batch, Feed
from upbringing.training.population import Member, raise_population
from upbringing.training.stacked import StackedDecoder
from upbringing.training.stacked_adamw import StackedAdamW

SHUFFLE = "{name: other, phases: [{name: life, scenes: rest, arrange: shuffle}]}"
EXACT = Numerics("fp64", population=4)


@pytest.fixture(scope="module")
def orders(home: Path) -> Path:
    """The folder of three orders of one corpus."""
    corpus = Corpus.open(home / "corpus")
    for seed in range(3):
        compile_order(corpus, parse_curriculum(SHUFFLE), seed=seed).save(
            home / "orders" / str(seed)
        )
    return home / "orders"


def member_of(orders: Path, place: Path, number: int, **other: Any) -> Member:
    """A life on an order of its own, from a seed of its own."""
    home = orders.parent
    corpus = Corpus.open(home / "corpus")
    tokens = tokenize(corpus, load_tokenizer(home / "tokenizer.json"))
    order = orders / str(number % 3)
    row_length = other.pop("row_length", 16)
    attention = other.pop("attention", "across")
    rows = Rows(Order.open(order, corpus), tokens, row_length, "stream", attention)
    recipe = Recipe.of(
        rows,
        TINY,
        seed=number,
        schedule="cosine",
        batch_size=4,
        numerics=Numerics("fp32", population=4),
        num_rows=72,
        ages=(0.2, 0.5, 1.0),
    )
    sources = {"corpus": corpus.path, "order": order}
    return Member(rows, replace(recipe, **other), place / f"mind {number}", sources)


def levered(*segments: tuple[float, Levers]) -> Timeline:
    return Timeline(tuple(Segment(age, levers) for age, levers in segments))


def of_all_kinds(orders: Path, place: Path, **common: Any) -> list[Member]:
    """Four lives with four orders, seeds, lengths, batch sizes and timelines."""
    return [
        member_of(orders, place, 0, **common),
        member_of(
            orders,
            place,
            1,
            timeline=levered(
                (0.0, Levers(batch_size=2)),
                (0.4, Levers(batch_size=6, modules=["attention", "layers.1"])),
                (0.7, Levers(batch_size=2, moments="anew", rewarm=0.5)),
            ),
            peak_lr=5e-3,
            weight_decay=0.3,
            **common,
        ),
        member_of(
            orders,
            place,
            2,
            timeline=levered(
                (0.0, Levers(batch_size=4)),
                (0.3, Levers(batch_size=4, loss_scale=0.0)),
                (0.5, Levers(batch_size=4, loss_scale=0.5, modules={"mlp": 0.2, "norms": 0})),
            ),
            clip_norm=0.3,
            loss_by_kind={"drama": 0.25},
            **common,
        ),
        member_of(orders, place, 3, num_rows=37, beta1=0.8, beta2=0.9, **common),
    ]


def alone(member: Member, place: Path) -> Run:
    """The same life without a population."""
    recipe = replace(member.recipe, numerics=replace(member.recipe.numerics, population=1))
    return train(
        member.rows,
        recipe,
        place / member.place.name,
        sources=member.sources,
        parent=member.parent,
        snapshot_every_s=NEVER_S,
    )


def everything(place: Path) -> dict[str, str]:
    """The digest of every file below a folder, hidden ones too."""
    files = (file for file in place.rglob("*") if file.is_file())
    return {file.relative_to(place).as_posix(): file_digest(file) for file in files}


@pytest.mark.parametrize("attention", ["across", "within"])
def test_a_population_lives_the_lives_of_its_members(
    orders: Path, tmp_path: Path, attention: str
) -> None:
    members = of_all_kinds(orders, tmp_path, attention=attention, numerics=EXACT)
    runs = raise_population(members, snapshot_every_s=NEVER_S)
    assert max(run.metrics.height for run in runs) > 20
    for member, run in zip(members, runs, strict=True):
        single = alone(member, tmp_path / "alone")
        assert run.verify() == single.verify()
        assert set(everything(run.path)) == set(everything(single.path))
        assert run.manifest.facts == single.manifest.facts
        for column in ("loss", "grad_norm"):
            expected = single.metrics[column].to_numpy()
            assert run.metrics[column].to_numpy() == pytest.approx(expected, rel=1e-5, abs=1e-8)
        for age, folder in single.checkpoints.items():
            found = load_file(run.checkpoints[age] / "model.safetensors")
            for name, weight in load_file(folder / "model.safetensors").items():
                assert found[name].numpy() == pytest.approx(weight.numpy(), abs=1e-6), (age, name)


def test_two_hundred_steps_in_double_and_ten_in_single_precision(
    orders: Path, tmp_path: Path
) -> None:
    for numerics, num_steps in ((EXACT, 200), (Numerics("fp32", population=4), 10)):
        place = tmp_path / numerics.precision
        members = [
            member_of(
                orders,
                place,
                number,
                numerics=numerics,
                row_length=8,
                num_rows=num_steps,
                batch_size=1,
                timeline=Timeline.uniform(1),
            )
            for number in range(2)
        ]
        for member, run in zip(members, raise_population(members), strict=True):
            expected = alone(member, place / "alone").metrics["loss"]
            assert len(expected) == num_steps
            assert run.metrics["loss"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-5)


def test_micro_batches_and_a_parent_are_as_in_a_life_alone(orders: Path, tmp_path: Path) -> None:
    numerics = Numerics("fp64", accumulation=2, population=2)
    first = member_of(orders, tmp_path, 0, numerics=numerics, num_rows=40)
    (parent,) = raise_population([first])
    begin = parent.checkpoints[1.0]
    child = member_of(
        orders, tmp_path, 1, numerics=numerics, num_rows=40, starts_from=folder_digest(begin)
    )
    other = member_of(orders, tmp_path, 2, numerics=numerics, num_rows=24)
    child = replace(child, parent=begin)
    runs = raise_population([child, other])
    for member, run in zip([child, other], runs, strict=True):
        single = alone(member, tmp_path / "alone")
        assert run.verify() == single.verify()
        expected = single.metrics["loss"].to_numpy()
        assert run.metrics["loss"].to_numpy() == pytest.approx(expected, rel=1e-9)
    assert runs[0].metrics["loss"][0] < runs[1].metrics["loss"][0] - 0.5


def test_a_mind_that_diverges_is_marked_and_disturbs_no_other_by_one_bit(
    orders: Path, tmp_path: Path
) -> None:
    def raised(place: Path, peak_lr: float) -> list[Run]:
        kinds = of_all_kinds(orders, place)
        wild = replace(kinds[0], recipe=replace(kinds[0].recipe, peak_lr=peak_lr))
        return raise_population([kinds[1], wild, *kinds[2:]])

    calm, wild = raised(tmp_path / "calm", 1e-2), raised(tmp_path / "wild", 1e30)
    assert [run.diverged_at is None for run in wild] == [True, False, True, True]
    single = alone(member_of(orders, tmp_path, 0, peak_lr=1e30), tmp_path / "alone")
    assert wild[1].diverged_at == single.diverged_at
    assert wild[1].verify() == single.verify()
    assert set(everything(wild[1].path)) == set(everything(single.path))
    before = load_file(wild[1].path / "diverged" / "before" / "model.safetensors")
    assert all(weight.isfinite().all() for weight in before.values())
    for index in (0, 2, 3):
        assert wild[index].digest == calm[index].digest
        ours, theirs = everything(wild[index].path), everything(calm[index].path)
        assert {k: v for k, v in ours.items() if k != "recipe.json"} == {
            k: v for k, v in theirs.items() if k != "recipe.json"
        }


def lived(orders: Path, place: Path, dies: Callable[[], None] | None) -> int | None:
    """A population in a process of its own: its exit code. It dies where `dies` arranges it."""
    process = forked.Process(target=_live, args=(orders, place, dies))
    process.start()
    process.join()
    return process.exitcode


def _live(orders: Path, place: Path, dies: Callable[[], None] | None) -> None:
    settle_process(1)
    if dies:
        dies()
    raise_population(of_all_kinds(orders, place), snapshot_every_s=0.0)


class KilledWhileSaving:
    """SIGKILL when half of the at-th file of state is written."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> None:
        whole, written = of_population.save_file, []

        def save_half(tensors: Any, file: Path) -> None:
            whole(tensors, file)
            written.append(file)
            if len(written) == self.at:
                os.truncate(file, file.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

        of_population.save_file = save_half


@pytest.fixture(scope="module")
def unbroken(orders: Path) -> dict[str, str]:
    """Every file of a population that nothing struck."""
    place = orders.parent / "population"
    assert lived(orders, place, None) == 0
    return everything(place)


# While all four live, a step saves four files of state: the first mind's first one; the third's
# after seven steps; three on the way, the last of them when the shortest life has ended.
@pytest.mark.parametrize("kills", [(1,), (4 * 7 + 3,), (6, 11, 30)])
def test_killed_between_the_snapshots_of_two_minds_it_continues_to_the_same_bytes(
    orders: Path, unbroken: dict[str, str], kills: tuple[int, ...]
) -> None:
    # Beside the unbroken one, so that the recipes say the same way to the sources.
    place = orders.parent / f"killed at {kills}"
    for at in kills:
        assert lived(orders, place, KilledWhileSaving(at)) == -signal.SIGKILL
    assert not list(place.glob("mind 0/run.json"))
    assert lived(orders, place, None) == 0
    assert everything(place) == unbroken


def test_a_member_that_asks_to_stop_stops_all_and_all_continue(
    orders: Path, unbroken: dict[str, str]
) -> None:
    place, seen = orders.parent / "a population that stopped", []

    def stop(moment: Any) -> None:
        seen.append(moment.done)
        if moment.done == 5:
            raise StoppedError("enough")

    first, *others = of_all_kinds(orders, place)
    with pytest.raises(StoppedError):
        raise_population([replace(first, on_step=stop), *others], snapshot_every_s=NEVER_S)
    assert seen == [1, 2, 3, 4, 5]
    assert len(list(place.glob("mind */resume/step_00000005"))) == 4
    raise_population([first, *others])
    assert everything(place) == unbroken


def test_a_finished_population_is_not_lived_again(orders: Path, unbroken: dict[str, str]) -> None:
    place = orders.parent / "population"

    def never(moment: Any) -> None:
        pytest.fail("a step was taken")

    members = [replace(member, on_step=never) for member in of_all_kinds(orders, place)]
    assert [run.path for run in raise_population(members)] == [m.place for m in members]
    assert everything(place) == unbroken


def test_what_each_mind_is_fed_is_checked_as_it_lives(
    orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Feed.batch

    def swapped(feed: Feed, step: int, piece: int = 0, num_pieces: int = 1) -> Batch:
        batch = whole(feed, step, piece, num_pieces)
        if step == 4 and feed.rows.order.digest == members[2].recipe.order:
            batch.tokens_BT1[:2] = batch.tokens_BT1[:2].flip(0)
        return batch

    members = of_all_kinds(orders, tmp_path)
    monkeypatch.setattr(Feed, "batch", swapped)
    with pytest.raises(VerificationError, match=r"mind 2: step 4, row 16"):
        raise_population(members)


def test_members_that_cannot_share_a_pass_are_refused_and_nothing_is_written(
    orders: Path, tmp_path: Path
) -> None:
    def refused(*members: Member) -> str:
        with pytest.raises(InputError) as refusal:
            raise_population(members)
        assert not any(member.place.exists() for member in members)
        return str(refusal.value)

    ours = [member_of(orders, tmp_path, number) for number in range(5)]
    wider = member_of(orders, tmp_path, 7, row_length=20, numerics=Numerics(population=4))
    assert "differ in row length, numerics" in refused(ours[0], wider)
    assert "5 minds in one pass" in refused(*ours)
    assert "one place" in refused(ours[0], ours[0])
    adapter = levered((0.0, Levers(batch_size=4, lora={"rank": 2})))
    for other in ({"timeline": adapter}, {"emas": (0.1,)}):
        said = refused(ours[0], member_of(orders, tmp_path, 8, **other))
        what = "a LoRA adapter" if "timeline" in other else "a moving average"
        do = "raise such a mind alone, by `train`, with numerics of `population=1`"
        assert said == f"{what} in a population\n    {do}"
    assert "no member" in refused()


@pytest.mark.parametrize(
    ("whose", "name"),
    [
        (Decoder, "to"),
        (StackedDecoder, "__init__"),
        (StackedDecoder, "to"),
        (StackedAdamW, "__init__"),
        (of_population, "load_file"),
        (of_population, "save_file"),
    ],
)
def test_minds_that_lack_memory_say_what_to_lower(
    orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: Any, name: str
) -> None:
    def lacks(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def stop(moment: Any) -> None:
        raise StoppedError("enough")

    first, second = (member_of(orders, tmp_path, number) for number in range(2))
    first = replace(first, on_step=stop)
    if name == "load_file":
        with pytest.raises(StoppedError):
            raise_population([first, second])
    monkeypatch.setattr(whose, name, lacks)
    said = "2 minds in one pass, with their moments, do not fit into the memory that is left\n"
    with pytest.raises(ShortageError, match=rf"^{said} +fewer minds in a pass .*smaller shape$"):
        raise_population([first, second])


def test_a_device_without_double_precision_is_asked_for_none(
    orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> None:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    def raised(place: Path) -> list[float]:
        (run,) = raise_population([member_of(orders, place, 0)])
        return run.metrics["loss"].to_list()

    expected = raised(tmp_path / "fine")
    monkeypatch.setattr(of_population, "finest", lambda _: torch.float32)
    monkeypatch.setattr(torch.Tensor, "double", none)
    assert raised(tmp_path / "coarse") == pytest.approx(expected, abs=1e-4)


def test_no_two_minds_of_a_population_are_alike(unbroken: dict[str, str], orders: Path) -> None:
    """Seeds and orders are each mind's own."""
    runs = [Run.open(place) for place in sorted((orders.parent / "population").iterdir())]
    first = [load_file(run.checkpoints[0.2] / "model.safetensors") for run in runs]
    embeddings = [weights["model.embed_tokens.weight"].numpy() for weights in first]
    for index, ours in enumerate(embeddings):
        for theirs in embeddings[index + 1 :]:
            assert np.abs(ours - theirs).max() > 0.01
    assert len({run.manifest.facts["ledger"] for run in runs}) == 4


def test_a_study_raises_its_minds_in_populations(stories: Corpus, tmp_path: Path) -> None:
    numerics = {"device": "cpu", "precision": "fp32", "population": 5}
    settings = pico_settings(arms=("F", "S"), schedules=("steep",), numerics=numerics)
    design = prepare(settings, stories, tmp_path / "study")
    heard: list[Progress] = []
    execute(design, num_workers=1, on_progress=heard.append)
    assert all(is_done(design, plan) for plan in design.plans)
    assert {p.run for p in heard} == {plan.name for plan in design.plans}
    assert {p.stage for p in heard} == {"life", "washout", "measured"}
    for plan in design.plans:
        folders = stage_folders(design, plan)
        rows = design.rows(plan.order, plan.recipe.row_length)
        sources = {"corpus": stories.path, "order": design.path / "orders" / plan.order}
        member = Member(rows, plan.recipe, folders["life"], sources)
        single, run = alone(member, tmp_path / "alone"), Run.open(folders["life"])
        assert run.verify() == single.verify()
        expected = single.metrics["loss"].to_numpy()
        assert run.metrics["loss"].to_numpy() == pytest.approx(expected, rel=1e-4)
    before = everything(design.path)
    shutil.rmtree(run_folder(design, design.plans[0]))
    execute(design, num_workers=1)  # alone of its pass it is raised again, to the same bits
    assert everything(design.path) == before


def test_members_that_cannot_be_are_refused_before_a_file_is_written(
    orders: Path, tmp_path: Path
) -> None:
    of = Timeline((Segment(0.0, Levers(batch_size=1, modules=["layers.9"])),))
    members = [member_of(orders, tmp_path, number) for number in range(2)]
    wrong = replace(members[1], recipe=replace(members[1].recipe, timeline=of))
    with pytest.raises(InputError, match=r"no weight is matched by 'layers\.9'"):
        raise_population([members[0], wrong])
    assert not any(member.place.exists() for member in members)
