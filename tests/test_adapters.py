"""The feed in PyTorch's loaders and in Hugging Face's Trainer; other trainers are in `peers/`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader
from trainers import BATCH_SIZE, SCALED, feed_at, home_beside, live, mind
from transformers import Trainer, TrainingArguments

from upbringing.errors import InputError, ResumeError
from upbringing.training.adapters.huggingface import OrderCallback
from upbringing.training.adapters.pytorch import (
    FedBatches,
    FedRows,
    OrderSampler,
    loader,
    sample,
    scale_rates,
    watch,
)
from upbringing.training.consumed import Consumed
from upbringing.training.feed import Feed, Share
from upbringing.training.witness import Witness

PEERS = Path(__file__).parent / "peers"
SHARES = [Share(), Share(0, 2), Share(1, 2), Share(0, 1, 3), Share(1, 2, 3)]


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return home_beside(tmp_path_factory.mktemp("adapters"))


@pytest.fixture(scope="module")
def feed(scaled: Path) -> Feed:
    return feed_at(scaled)


@pytest.fixture
def witness(feed: Feed, scaled: Path, tmp_path: Path) -> Iterator[Witness]:
    with closing(Witness(tmp_path / "consumed", feed, order=scaled / "order")) as witness:
        yield witness


def listed(batches: Iterable[dict[str, torch.Tensor]]) -> list[dict[str, Any]]:
    return [{key: value.tolist() for key, value in batch.items()} for batch in batches]


def due_to(share: Share, feed: Feed, from_step: int = 0) -> list[dict[str, Any]]:
    steps = range(from_step, len(feed))
    return listed(sample(b) for step in steps for b in feed.micro_batches(step, share))


@pytest.mark.parametrize("share", SHARES, ids=str)
def test_the_sampler_gives_each_rank_its_micro_batches_in_order(feed: Feed, share: Share) -> None:
    for from_step in (0, 5):
        sampler = OrderSampler(feed, share, from_step=from_step)
        batches = DataLoader(FedRows(feed), BATCH_SIZE // share.num_pieces, sampler=sampler)
        assert listed(batches) == due_to(share, feed, from_step)
        assert len(batches) == (len(feed) - from_step) * share.accumulation


@pytest.mark.parametrize("share", SHARES, ids=str)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_loader_gives_the_same_whatever_the_workers(
    feed: Feed, share: Share, num_workers: int
) -> None:
    batches = loader(feed, share, from_step=2, num_workers=num_workers)
    assert listed(batches) == listed(batches) == due_to(share, feed, 2)
    assert len(batches) == (len(feed) - 2) * share.accumulation


def test_rows_end_where_the_order_ends(feed: Feed) -> None:
    rows = FedRows(feed)
    assert len(rows) == len(feed) * BATCH_SIZE
    assert len(list(rows)) == len(rows)  # type: ignore[call-overload]
    for place in (-1, len(rows)):
        with pytest.raises(IndexError):
            rows[place]


def test_a_state_goes_on_in_another_world(feed: Feed) -> None:
    before = FedBatches(feed, Share(0, 1, 3))
    batches = iter(before)
    for _ in range(6):
        next(batches)
    after = FedBatches(feed, Share(1, 2, 1))
    after.load_state_dict(before.state_dict())
    assert listed(after) == due_to(Share(1, 2, 1), feed, 2)
    next(batches)
    with pytest.raises(InputError, match="from micro-batch 1 of 3 of a step"):
        after.load_state_dict(before.state_dict())


def test_what_the_model_is_given_in_training_is_noted(
    feed: Feed, witness: Witness, tmp_path: Path
) -> None:
    model = mind(feed)
    watch(model, witness)
    compiled = torch.compile(model, backend="eager")
    for step in range(len(feed)):
        given = sample(feed.batch(step))
        model.eval()
        model(**given)
        model.train()
        (compiled if step % 2 else model)(**given)
        witness.stepped()
    assert Consumed.open(tmp_path / "consumed").verify().startswith("consumed its order")
    with pytest.raises(InputError, match=f"the order ends after {len(feed)} steps"):
        model(**sample(feed.batch(0)))


def test_what_a_model_needs_for_its_order_is_missed(scaled: Path, tmp_path: Path) -> None:
    within = feed_at(scaled, attention="within")
    model, given = mind(within), sample(within.batch(0))
    with closing(Witness(tmp_path / "consumed", within, order=scaled / "order")) as witness:
        watch(model, witness)
        with pytest.raises(InputError, match="the model caches keys and values"):
            model(**given)
        model.config.use_cache = False
        with pytest.raises(InputError, match="is given an attention_mask"):
            model(**given, attention_mask=torch.ones_like(given["input_ids"]))
        model(**given)
        del given["position_ids"]
        with pytest.raises(InputError, match="is given no position_ids"):
            model(**given)
        del given["labels"]
        with pytest.raises(InputError, match="no labels and no position_ids"):
            model(**given)


def test_position_ids_keep_a_llama_within_scenes(scaled: Path) -> None:
    within = feed_at(scaled, attention="within", row_length=96, batch_size=3)
    given = sample(within.batch(1))
    model = mind(within).eval()
    model.config.use_cache = False
    with torch.no_grad():
        packed = model(**given).logits
        for row, ids in enumerate(given["input_ids"]):
            begins = torch.nonzero(given["position_ids"][row] == 0).flatten().tolist()
            assert len(begins) > 3
            for begin, end in pairwise([*begins, len(ids)]):
                alone = model(ids[begin:end][None]).logits[0]
                torch.testing.assert_close(packed[row, begin:end], alone)


@pytest.mark.parametrize("rate", [0.5, torch.tensor(0.5)], ids=["number", "tensor"])
def test_a_rate_is_scaled_within_the_step_only(
    feed: Feed, witness: Witness, rate: float | torch.Tensor
) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=rate)
    scale_rates(optimizer, witness)
    found = []
    for _ in range(len(feed)):
        weight.data.zero_()
        weight.grad = torch.ones(1)
        optimizer.step()
        assert optimizer.param_groups[0]["lr"] is rate
        found.append(-weight.item())
        witness.stepped()
    in_childhood = found.count(0.25)
    assert found == [0.25] * in_childhood + [0.5] * (len(feed) - in_childhood)
    assert 0 < in_childhood < len(feed)
    first_of_youth = int(feed.steps.first_row[in_childhood])
    span = feed.rows.order.phases[1]
    assert "lr_scale: 0.5" in SCALED
    assert feed.rows.visits_of_row(first_of_youth)[0] == span.start


def trainer_for(feed: Feed, home: Path, place: Path, **settings: Any) -> Trainer:
    said: dict[str, Any] = {
        "train_sampling_strategy": "sequential",
        "num_train_epochs": 1,
        "per_device_train_batch_size": BATCH_SIZE,
        "dataloader_pin_memory": False,
        "use_cpu": True,
        "report_to": "none",
        "save_steps": 2,
        "disable_tqdm": True,
    }
    return Trainer(
        mind(feed),
        TrainingArguments(str(place), **(said | settings)),
        train_dataset=FedRows(feed),
        callbacks=[OrderCallback(feed, place / "consumed", order=home / "order")],
    )


REFUSED = {
    "train_sampling_strategy is 'random'": {"train_sampling_strategy": "random"},
    "train_sampling_strategy is 'group_by_length'": {"train_sampling_strategy": "group_by_length"},
    "ignore_data_skip is True": {"ignore_data_skip": True},
    "auto_find_batch_size is True": {"auto_find_batch_size": True},
    "label_smoothing_factor is 0.1": {"label_smoothing_factor": 0.1},
    "split_batches is True": {"accelerator_config": {"split_batches": True}},
    "24 steps are asked for, and the order has 12": {"num_train_epochs": 2},
    "13 steps are asked for": {"max_steps": 13},
    r"5 rows a device × 1 processes × 2 of accumulation are 10 rows": {
        "per_device_train_batch_size": 5,
        "gradient_accumulation_steps": 2,
    },
}


@pytest.mark.parametrize("what", REFUSED)
def test_trainer_refuses_what_breaks_the_order(
    feed: Feed, scaled: Path, tmp_path: Path, what: str
) -> None:
    trainer = trainer_for(feed, scaled, tmp_path, **REFUSED[what])
    with pytest.raises(InputError, match=what) as refused:
        trainer.train()
    assert len(refused.value.problems) == 1
    assert not (tmp_path / "consumed").exists()


def test_trainer_refuses_all_at_once(feed: Feed, scaled: Path, tmp_path: Path) -> None:
    settings = {"train_sampling_strategy": "random", "num_train_epochs": 3}
    trainer = trainer_for(feed, scaled, tmp_path, **settings)
    trainer.train_dataset = FedRows(feed_at(scaled))
    with pytest.raises(InputError) as refused:
        trainer.train()
    assert len(refused.value.problems) == 3


def test_trainer_refuses_phases_with_batches_of_their_own(
    home: Path, feed: Feed, tmp_path: Path
) -> None:
    levered = feed_at(home)
    with pytest.raises(InputError, match="the phases ask for batches of 3, 7, 12 rows"):
        trainer_for(levered, home, tmp_path).train()


def test_trainer_begins_anew_after_an_error(feed: Feed, scaled: Path, tmp_path: Path) -> None:
    trainer = trainer_for(feed, scaled, tmp_path)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(torch.optim.AdamW, "step", None)
        with pytest.raises(TypeError):
            trainer.train()
    trainer.train()
    assert Consumed.open(tmp_path / "consumed").verify().startswith("consumed its order")


def test_trainer_keeps_attention_within_scenes(scaled: Path, tmp_path: Path) -> None:
    within = feed_at(scaled, attention="within")
    trainer_for(within, scaled, tmp_path, max_steps=2).train()
    said = Consumed.open(tmp_path / "consumed").verify()
    assert said.startswith(f"consumed 2 of {len(within)} steps")


def test_trainer_goes_on_from_what_it_consumed_only(
    feed: Feed, scaled: Path, tmp_path: Path
) -> None:
    trainer_for(feed, scaled, tmp_path, max_steps=4).train()
    notes = tmp_path / "consumed" / "from_00000000_rank_0_of_1.notes"
    whole = notes.read_bytes()
    notes.write_bytes(b"")
    with pytest.raises(ResumeError, match="what was consumed before step 4 is not"):
        trainer_for(feed, scaled, tmp_path).train(resume_from_checkpoint=True)
    notes.write_bytes(whole)
    trainer_for(feed, scaled, tmp_path).train(resume_from_checkpoint=True)
    assert Consumed.open(tmp_path / "consumed").verify().startswith("consumed its order")


def test_trainer_does_not_go_on_from_a_checkpoint_without_a_witness(
    feed: Feed, scaled: Path, tmp_path: Path
) -> None:
    bare = trainer_for(feed, scaled, tmp_path, max_steps=2)
    bare.remove_callback(OrderCallback)
    bare.train()
    with pytest.raises(ResumeError, match="step 2 was written without a witness"):
        trainer_for(feed, scaled, tmp_path).train(resume_from_checkpoint=True)


def test_trainer_is_killed_and_goes_on_in_another_world(tmp_path: Path) -> None:
    live(PEERS / "with_trainer.py", tmp_path, [(2, 3), (1, 1)])
