from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lives import everything, rows_of
from safetensors import safe_open
from transformers import GPT2Config, GPT2LMHeadModel

from upbringing.corpus import load_tokenizer, write_tokenizer
from upbringing.errors import InputError, ResumeError, StoppedError
from upbringing.files import folder_digest
from upbringing.order import Rows, compile_order, parse_curriculum
from upbringing.training import Imprint, Life, Moment, OnStep, raise_on_order, read_checkpoint
from upbringing.training.levers import Steps
from upbringing.training.world import World

LIFE = Life(row_length=64, batch_size=16, precision="fp32")


def test_a_mind_is_raised_with_what_a_person_leaves_unsaid(home: Path) -> None:
    place = home / "by a person"
    run = raise_on_order(home / "order", home / "corpus", place, LIFE)
    assert run.recipe.schedule == "linear"
    assert run.recipe.peak_lr == 2e-3
    # The order's own levers, where it has them.
    assert [s.batch_size for s in run.recipe.timeline.segments] == [3, 16, 7]
    assert read_checkpoint(run.checkpoints[1.0]).shape.num_vocab < 2048
    assert run.verify() == run.manifest.facts["ledger"]
    again = raise_on_order(home / "order", home / "corpus", place, LIFE)
    assert again.digest == run.digest
    with pytest.raises(ResumeError, match="another seed"):
        raise_on_order(home / "order", home / "corpus", place, Life(**{**vars(LIFE), "seed": 1}))
    with pytest.raises(ResumeError, match=r"another numerics\.accumulation"):
        raise_on_order(home / "order", home / "corpus", place, replace(LIFE, accumulation=3))


@pytest.mark.parametrize("there", ["order", "others"])
def test_a_run_is_never_put_into_a_folder_of_something_else(home: Path, there: str) -> None:
    (home / "others").mkdir(exist_ok=True)
    (home / "others" / "letter.txt").write_text("dear")
    before = sorted((home / there).iterdir())
    with pytest.raises(InputError, match="choose another -o"):
        raise_on_order(home / "order", home / "corpus", home / there, LIFE)
    assert sorted((home / there).iterdir()) == before


def test_a_tokenizer_may_be_given(home: Path) -> None:
    life = Life(**{**vars(LIFE), "tokenizer": home / "tokenizer.json", "peak_lr": 1e-3})
    run = raise_on_order(home / "order", home / "corpus", home / "given", life)
    assert run.recipe.tokenizer == rows_of(home).tokens.digest
    assert run.recipe.peak_lr == 1e-3


def test_a_head_of_its_own_and_a_decay_of_its_own(home: Path) -> None:
    life = replace(LIFE, untied=True, weight_decay=0.5)
    run = raise_on_order(home / "order", home / "corpus", home / "untied life", life)
    assert run.recipe.weight_decay == 0.5
    with safe_open(run.checkpoints[1.0] / "model.safetensors", "pt") as weights:
        assert "lm_head.weight" in weights.keys()  # noqa: SIM118


def test_the_imprint_that_is_planned_is_that_of_the_life(home: Path) -> None:
    """On an order of one phase, where no border falls otherwise in bytes than in tokens."""
    life = replace(
        LIFE, shape="1m", schedule="cosine", priority={0: 1, 1: 0.2}, peak_lr=0.02,
        weight_decay=3.0, batch_size=5,
    )  # fmt: skip
    rows = rows_of(home)
    order = compile_order(
        rows.order.corpus, parse_curriculum("{name: one, phases: [{name: life, scenes: rest}]}")
    )
    recipe = life.recipe(Rows(order, rows.tokens, life.row_length), World())
    planned = life.planned_imprint(order, recipe.num_rows)
    lived = Imprint.of(recipe.steps, recipe.weight_decay)
    assert np.array_equal(planned.density, lived.density)
    assert np.array_equal(planned.borders, lived.borders)
    assert planned.peak_age < 0.5


@pytest.fixture(scope="module")
def gpt2(home: Path) -> Path:
    """A model of the library's, tied, with the tokenizer of `home`."""
    tokenizer = load_tokenizer(home / "tokenizer.json")
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(), n_embd=16, n_layer=2, n_head=2, n_positions=64,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    GPT2LMHeadModel(config).save_pretrained(home / "gpt2")
    write_tokenizer(home / "gpt2", tokenizer)
    return home / "gpt2"


@pytest.mark.parametrize("rank", [None, 2], ids=["whole", "by an adapter"])
def test_a_model_of_the_librarys_is_raised_further_and_goes_on_to_the_same_bytes(
    home: Path, gpt2: Path, rank: int | None
) -> None:
    life = replace(LIFE, parent=gpt2, peak_lr=1e-2, lora=rank, row_length=48, batch_size=5)

    def stop_after_nine(rows: Rows, steps: Steps) -> OnStep:
        del rows, steps

        def on_step(now: Moment) -> None:
            if now.done == 9:
                raise StoppedError("enough")

        return on_step

    order, corpus = home / "order", home / "corpus"
    whole = raise_on_order(order, corpus, home / f"further {rank}", life)
    assert whole.recipe.starts_from == folder_digest(gpt2)
    assert whole.verify()
    place = home / f"further {rank}, stopped"
    with pytest.raises(StoppedError):
        raise_on_order(order, corpus, place, life, watch=stop_after_nine)
    raise_on_order(order, corpus, place, life)
    assert everything(place) == everything(whole.path)
    ended = GPT2LMHeadModel.from_pretrained(whole.checkpoints[1.0])
    begun = dict(GPT2LMHeadModel.from_pretrained(gpt2).named_parameters())
    moved = {name for name, w in ended.named_parameters() if not w.equal(begun[name])}
    matrices = {name for name in begun if ".c_" in name and name.endswith(".weight")}
    assert moved == (matrices if rank else set(begun))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"shape": "7b"}, "no shape is called '7b'"),
        ({"schedule": "slow"}, "no schedule is called 'slow'"),
        ({"precision": "fp8"}, "no precision is called 'fp8'"),
        ({"peak_lr": float("nan")}, "the peak rate is nan"),
        ({"weighs": "loss"}, "no priority that is one"),
        ({"device": "tpu"}, "no device 'tpu' is here\n    allowed: auto, cpu"),
        ({"weight_decay": -1.0}, "the weight decay is -1\n    allowed: 0 and above"),
        ({"parent": Path("mind"), "shape": "1m"}, "has its shape already"),
        ({"parent": Path("mind"), "untied": True}, "has its shape already"),
    ],
)
def test_what_is_not_there_is_refused_before_the_work(
    home: Path, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        raise_on_order(
            home / "order", home / "corpus", home / "wrong", Life(**{**vars(LIFE), **wrong})
        )
    assert not (home / "wrong").exists()
