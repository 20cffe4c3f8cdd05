"""Cost: what a life on an order would take on this machine, told before anything is written.

Steps are timed, what they keep in memory is counted, tokens are estimated by a tokenizer that is
trained on a sample of the scenes; all else is arithmetic.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from upbringing.corpus import TRAIN, train_tokenizer
from upbringing.errors import InputError
from upbringing.identity import keyed_hash
from upbringing.order import Levers, Order
from upbringing.order.words import count, size
from upbringing.training.levers import Segment, Timeline
from upbringing.training.machine import Numerics, best_device, settle_process
from upbringing.training.model import Decoder, shape_named
from upbringing.training.optimizer import check_levers
from upbringing.training.recipe import DEFAULT_AGES

_NUM_SAMPLED = 2_000
_MOST_TIMED_S = 5.0
_NUM_TIMED = 8
_MOST_TIMED_TOKENS = 16_384  # a gigabyte or so
_BYTES_A_WEIGHT = 4  # fp32
_STATE_BYTES_A_WEIGHT = 4 * _BYTES_A_WEIGHT  # weight, gradient, two moments
_RESUME_BYTES_A_WEIGHT = 3 * _BYTES_A_WEIGHT  # weight, two moments
_DOUBT = 0.02  # of an estimated number of tokens


@dataclass(frozen=True)
class Stretch:
    """Phases that follow one another under the same levers: their steps share no rows with others.

    `num_rows` is an estimate.
    """

    phases: tuple[str, ...]
    num_rows: int
    batch_size: int

    @property
    def num_steps(self) -> int:
        """Optimiser steps, the last of which may not be full."""
        return -(-self.num_rows // self.batch_size)

    @property
    def warning(self) -> str | None:
        """What is wrong with its last step; None where it is full enough, or nobody can know."""
        full, rest = divmod(self.num_rows, self.batch_size)
        name = " and ".join(self.phases)
        if not full:
            return f"{name} is shorter than one step: about {rest} of {self.batch_size} rows"
        if rest > 0 and rest + _DOUBT * self.num_rows < self.batch_size / 4:
            return f"the last step of {name} holds only about {rest} of {self.batch_size} rows"
        return None


@dataclass(frozen=True)
class Cost:
    """What a life would take. Bytes of memory: `state_bytes` of weights, gradients and moments,
    `step_bytes` of what a step keeps for its backward pass. Bytes of disk: of all checkpoints, and
    of the snapshot to resume from while it lives."""

    num_visits: int
    num_tokens: int
    num_rows: int
    num_steps: int
    num_parameters: int
    seconds: float
    state_bytes: int
    step_bytes: int
    num_checkpoints: int
    checkpoint_bytes: int
    resume_bytes: int
    device: str
    warnings: tuple[str, ...]

    def lines(self) -> list[str]:
        """The cost in plain lines."""
        where = "one CPU thread" if self.device == "cpu" else self.device
        speed = f"{self.num_tokens / self.seconds:,.0f} tokens/s on {where}"
        read = f"{count(self.num_visits, 'visit')}, about {count(self.num_tokens, 'token')}"
        state, step = size(self.state_bytes), size(self.step_bytes)
        kept, resume = size(self.checkpoint_bytes), size(self.resume_bytes)
        mind = f"a mind of {self.num_parameters:,} parameters"
        return [
            f"{read} in {count(self.num_rows, 'row')}, {count(self.num_steps, 'step')}",
            f"time    {duration(self.seconds)} here, {mind} ({speed})",
            f"memory  {state} of weights, gradients and moments, {step} for a step",
            f"disk    {kept} of {self.num_checkpoints} checkpoints, {resume} to resume from",
        ]


@dataclass(frozen=True)
class _Timed:
    """An optimiser step: the fastest of a few in seconds, and the bytes it keeps to go back."""

    seconds: float
    num_bytes: int


def estimate_cost(order: Order, shape: str, batch_size: int, *, row_length: int = 128) -> Cost:
    """What a life on `order` would take. Counts what can be counted, and times a few steps.

    `batch_size` holds where a phase names none. Writes nothing.
    """
    form = shape_named(shape)
    tokens_a_byte = _tokens_a_byte(order, form.num_vocab)
    stretches = _stretches(order, tokens_a_byte, batch_size, row_length)
    timed = {
        rows: _time_step(shape, rows, row_length) for rows in {one.batch_size for one in stretches}
    }
    num_checkpoints = len(DEFAULT_AGES)
    return Cost(
        num_visits=order.num_visits,
        num_tokens=_tokens_until(order, order.num_visits, tokens_a_byte),
        num_rows=sum(stretch.num_rows for stretch in stretches),
        num_steps=sum(stretch.num_steps for stretch in stretches),
        num_parameters=form.num_parameters,
        seconds=sum(one.num_steps * timed[one.batch_size].seconds for one in stretches),
        state_bytes=_STATE_BYTES_A_WEIGHT * form.num_parameters,
        step_bytes=max(step.num_bytes for step in timed.values()),
        num_checkpoints=num_checkpoints,
        checkpoint_bytes=_BYTES_A_WEIGHT * form.num_parameters * num_checkpoints,
        resume_bytes=_RESUME_BYTES_A_WEIGHT * form.num_parameters,
        device=best_device(),
        warnings=(*_unfit(order, shape), *(one.warning for one in stretches if one.warning)),
    )


def _unfit(order: Order, shape: str) -> list[str]:
    """What the phases teach and a mind of the shape has not; of another make it may have it."""
    levers = [levers for _, levers in order.stretches]
    dwarf = Decoder(shape_named(shape).dwarf, row_length=1, seed=0)
    try:
        check_levers(dwarf, Timeline(tuple(Segment(0.0, one) for one in levers)))
    except InputError as error:
        return [f"a mind of shape {shape} cannot live it: {problem}" for problem in error.problems]
    return []


def _tokens_a_byte(order: Order, num_vocab: int) -> float:
    """Tokens a byte of text, by a tokenizer trained on a sample of the scenes."""
    scenes = order.corpus.columns(["key", "text", "split"]).filter(split=TRAIN)
    dealt = np.argsort(keyed_hash(scenes["key"].to_numpy(), 0, "plan/sample"))
    sample = scenes["text"].gather(dealt[:_NUM_SAMPLED])
    tokenizer = train_tokenizer(sample.to_list(), num_vocab)
    encoded = tokenizer.encode_batch_fast(sample.to_list(), add_special_tokens=False)
    return sum(len(scene) for scene in encoded) / int(sample.str.len_bytes().sum())


def _tokens_until(order: Order, position: int, tokens_a_byte: float) -> int:
    """Tokens of the visits before a position: those of the text, and one that opens each visit."""
    return int(int(order.read[position]) * tokens_a_byte) + position


def _stretches(
    order: Order, tokens_a_byte: float, batch_size: int, row_length: int
) -> list[Stretch]:
    """The phases as the trainer's timeline joins them; a row is of the phase of its first token."""
    by_position: dict[float, Levers] = dict(order.stretches)  # in place of age
    timeline = Timeline.of_stretches(by_position, batch_size)
    stops = [*timeline.borders[1:], order.num_visits]
    stretches = []
    for segment, stop in zip(timeline.segments, map(int, stops), strict=True):
        start = int(segment.from_age)
        names = [span.name for span in order.phases if span.start < stop and start < span.stop]
        first, last = (
            -(-_tokens_until(order, position, tokens_a_byte) // row_length)
            for position in (start, stop)
        )
        stretches.append(Stretch(tuple(names), last - first, segment.batch_size))
    return stretches


def _time_step(shape: str, batch_size: int, row_length: int) -> _Timed:
    """Time whole steps of a mind that learns nothing; the fastest is the least disturbed one.

    Of a batch of more than `_MOST_TIMED_TOKENS` as many rows as hold these, in proportion.
    """
    num_timed = min(batch_size, max(1, _MOST_TIMED_TOKENS // row_length))
    settle_process(1)
    numerics = Numerics(device=best_device())
    model = Decoder(shape_named(shape), row_length=row_length, seed=0).to(numerics.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)
    tokens_BT1 = torch.zeros(num_timed, row_length + 1, dtype=torch.long, device=numerics.device)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def step() -> float:
        started = time.perf_counter()
        with numerics.autocast():
            loss = model.losses(tokens_BT1).mean()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()  # waits for a GPU
        return time.perf_counter() - started

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        spent = step()  # it warms up, and is not timed
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    num_bytes = sum(large for place, large in kept.items() if place not in weights)
    times: list[float] = []
    while len(times) < 2 or (len(times) < _NUM_TIMED and spent + sum(times) < _MOST_TIMED_S):
        times.append(step())
    return _Timed(min(times) * batch_size / num_timed, num_bytes * batch_size // num_timed)


def duration(seconds: float) -> str:
    """`under 1 s`, `about 40 s`, `about 12 min`, `about 3.5 h`, `about 2.1 days`."""
    for unit, long in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * long or (unit != "min" and seconds >= long):
            return f"about {seconds / long:.1f} {unit}"
    return f"about {seconds:.0f} s" if seconds >= 1 else "under 1 s"
