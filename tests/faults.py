"""Faults planted in what a trainer consumes, and where a reader of the rows themselves finds them.

A `Ground` is an order with its rows as they should be fed. A fault is a function that feeds them
wrongly, as trainers do: each gives the rows of every step. `told` compares these with the order row
by row, by their contents and without any digest, and says what `first_divergence` must say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from conftest import tiny_scenes

from upbringing.corpus import tokenize, train_tokenizer, write_corpus
from upbringing.errors import InputError, VerificationError
from upbringing.order import Order, Packing, Rows, compile_order, parse_curriculum
from upbringing.training import Ledger
from upbringing.training.consumed import Consumed
from upbringing.training.feed import IGNORED, Feed, Share
from upbringing.training.ledger import Divergence, row_digests
from upbringing.training.witness import Witness

Rng = np.random.Generator

CURRICULUM = """
name: with two passes
seed: 5
phases:
  - {name: childhood, scenes: {kind: drama}, batch_size: 4, passes: 2}
  - {name: youth, scenes: {kind: [poetry, chat]}, batch_size: 12}
  - {name: maturity, scenes: rest, batch_size: 8}
"""
ROW_LENGTHS: dict[Packing, int] = {"stream": 16, "whole": 160, "single": 110}
NUM_OTHERS = 5
# Ranks and micro-batches that divide the batches.
WORLDS = [(1, 1), (2, 1), (4, 1), (1, 2), (2, 2), (1, 4)]


@dataclass(frozen=True)
class Row:
    """What was fed: tokens (T + 1,) and whether each target counts (T,), as bytes; its digest."""

    tokens: bytes
    counts: bytes
    digest: np.uint64

    @classmethod
    def of(cls, tokens: Any, counts: Any) -> Row:
        (digest,) = row_digests(tokens[None], counts[None])
        return cls(tokens.tobytes(), counts.tobytes(), digest)

    @property
    def content(self) -> tuple[bytes, bytes]:
        return self.tokens, self.counts

    def changed(self, tokens: Any = None, counts: Any = None) -> Row:
        """The row with others in place of its own."""
        return Row.of(
            np.frombuffer(self.tokens, np.int64) if tokens is None else tokens,
            np.frombuffer(self.counts, np.bool_) if counts is None else counts,
        )


Fed = list[list[Row]]


@dataclass(frozen=True)
class Ground:
    """An order to be fed.

    rows     its rows
    names    the scenes of each, told by hand
    places   where each content stands in the order
    stale    the rows of other orders of the same scenes, in the same packing
    reseeded the rows of the order with one of its phases shuffled otherwise
    """

    home: Path
    feed: Feed
    rows: list[Row]
    names: list[str]
    places: dict[tuple[bytes, bytes], list[int]]
    stale: list[list[Row]]
    reseeded: list[list[Row]]

    @property
    def due(self) -> Fed:
        """The rows of each step."""
        return self.in_steps(self.rows)

    def in_steps(self, flat: Sequence[Row]) -> Fed:
        """Rows in steps of the sizes that they should have; what is left over ends the last."""
        sizes = self.feed.steps.num_rows
        begins = (sizes.cumsum() - sizes).tolist()
        cut = [list(flat[begin : begin + size]) for begin, size in zip(begins, sizes, strict=True)]
        cut[-1] += flat[sum(sizes.tolist()) :]
        return [step for step in cut if step]


def make_grounds(place: Path) -> list[Ground]:
    """The same scenes in each packing; of a corpus of 80, some of which are met twice."""
    corpus = write_corpus(place / "corpus", tiny_scenes(), recipe={}, inputs={})
    tokens = tokenize(corpus, train_tokenizer(corpus.scenes["text"].to_list(), 300))
    order = compile_order(corpus, parse_curriculum(CURRICULUM))
    order.save(place / "order")
    stale = [
        compile_order(corpus, parse_curriculum(CURRICULUM), seed=seed)
        for seed in range(100, 100 + NUM_OTHERS)
    ]
    return [
        _ground(place, Rows(order, tokens, ROW_LENGTHS[packing], packing), stale)
        for packing in ROW_LENGTHS
    ]


def _ground(home: Path, rows: Rows, stale: list[Order]) -> Ground:
    own = _rows_of(rows)
    places: dict[tuple[bytes, bytes], list[int]] = {}
    for number, row in enumerate(own):
        places.setdefault(row.content, []).append(number)
    return Ground(
        home=home,
        feed=Feed.of(rows, 8),
        rows=own,
        names=list(_names(rows)),
        places=places,
        stale=[_rows_of(replace(rows, order=order)) for order in stale],
        reseeded=[_rows_of(replace(rows, order=order)) for order in _reseeded(rows.order)],
    )


def _rows_of(rows: Rows) -> list[Row]:
    return [Row.of(*row) for row in zip(*rows.gather(0, rows.num_rows), strict=True)]


def _names(rows: Rows) -> Iterator[str]:
    """The scenes of each row's first input and last target, from an owner for every token."""
    ids = rows.order.corpus.scenes["id"].to_list()
    lengths = np.diff(rows.tokens.offsets)[rows.order.sequence]
    owners = np.repeat(rows.order.sequence, lengths)
    begin = 0
    for length in rows.gather(0, rows.num_rows)[1].sum(1).tolist():
        here = owners[begin : begin + length + 1]
        first, last = ids[here[0]], ids[here[-1]]
        yield f"scene {first}" if first == last else f"scenes {first} … {last}"
        begin += length


def _reseeded(order: Order) -> Iterator[Order]:
    """The order with a phase shuffled otherwise; its second pass as the first; and so on."""
    sequence = np.asarray(order.sequence)
    first = order.phases[0]
    middle = (first.start + first.stop) // 2
    again = sequence.copy()
    again[middle : first.stop] = again[first.start : middle]
    yield replace(order, sequence=again)
    for number, span in enumerate([*order.phases, *order.phases]):
        other = sequence.copy()
        lot = np.random.default_rng([7, number])
        other[span.start : span.stop] = lot.permutation(sequence[span.start : span.stop])
        yield replace(order, sequence=other)


# Faults


def swapped_within_a_step(ground: Ground, rng: Rng) -> Fed:
    fed = ground.due
    step = fed[rng.choice([n for n, rows in enumerate(fed) if len(rows) > 1])]
    one, other = rng.choice(len(step), 2, replace=False)
    step[one], step[other] = step[other], step[one]
    return fed


def swapped_across_steps(ground: Ground, rng: Rng) -> Fed:
    fed = ground.due
    one, other = (fed[n] for n in rng.choice(len(fed), 2, replace=False))
    a, b = rng.integers(len(one)), rng.integers(len(other))
    one[a], other[b] = other[b], one[a]
    return fed


def dropped(ground: Ground, rng: Rng) -> Fed:
    """The rows after it move up."""
    row = rng.integers(len(ground.rows))
    return ground.in_steps([*ground.rows[:row], *ground.rows[row + 1 :]])


def dropped_from_a_step(ground: Ground, rng: Rng) -> Fed:
    fed = ground.due
    step = fed[rng.integers(len(fed))]
    del step[rng.integers(len(step))]
    return fed


def doubled(ground: Ground, rng: Rng) -> Fed:
    """The rows after it move down."""
    row = rng.integers(len(ground.rows))
    return ground.in_steps([*ground.rows[: row + 1], *ground.rows[row:]])


def doubled_in_a_step(ground: Ground, rng: Rng) -> Fed:
    fed = ground.due
    step = fed[rng.integers(len(fed))]
    row = rng.integers(len(step))
    step.insert(row, step[row])
    return fed


def a_workers_share_shifted(ground: Ground, rng: Rng) -> Fed:
    """One of several workers, which take turns, reads every piece of a batch a row too late."""
    num_workers, num_pieces = int(rng.integers(2, 5)), int(rng.choice([1, 2, 4]))
    shifted, since = int(rng.integers(num_workers)), rng.integers(len(ground.feed))
    fed, begin, turn = [], 0, 0
    for step, rows in enumerate(ground.due):
        size = int(ground.feed.steps.batch_size[step]) // num_pieces
        taken: list[Row] = []
        for first in range(begin, begin + len(rows), size):
            late = int(step >= since and turn % num_workers == shifted)
            last = min(first + size, begin + len(rows))
            taken += ground.rows[first + late : last + late]
            turn += 1
        fed.append(taken)
        begin += len(rows)
    return [step for step in fed if step]


def a_stale_cache(ground: Ground, rng: Rng) -> Fed:
    """From some step on, the rows that another order has at the same places."""
    other = ground.stale[rng.integers(len(ground.stale))]
    since = int(ground.feed.steps.first_row[rng.integers(len(ground.feed))])
    return ground.in_steps([*ground.rows[:since], *other[since:]])


def a_lost_epoch_seed(ground: Ground, rng: Rng) -> Fed:
    """A phase in another shuffle, or its second pass in that of the first."""
    return ground.in_steps(ground.reseeded[rng.integers(len(ground.reseeded))])


def a_repeated_tail(ground: Ground, rng: Rng) -> Fed:
    """The first samples again: to fill the last batch, or for further steps."""
    fed = ground.due
    again = ground.rows[: rng.integers(1, 30)]
    if rng.integers(2):
        fed[-1] += again
    else:
        fed += [again[begin : begin + 8] for begin in range(0, len(again), 8)]
    return fed


def a_token_changed(ground: Ground, rng: Rng) -> Fed:
    fed = ground.due
    step = fed[rng.integers(len(fed))]
    at = rng.integers(len(step))
    tokens = np.frombuffer(step[at].tokens, np.int64).copy()
    place = rng.integers(len(tokens))
    tokens[place] = (tokens[place] + rng.integers(1, 299)) % 299
    step[at] = step[at].changed(tokens=tokens)
    return fed


def a_mask_changed(ground: Ground, rng: Rng) -> Fed:
    """Targets that count no longer, or now do; their number may stay the same."""
    fed = ground.due
    step = fed[rng.integers(len(fed))]
    at = rng.integers(len(step))
    counts = np.frombuffer(step[at].counts, np.bool_).copy()
    turned = rng.choice(len(counts), rng.integers(1, 4), replace=False)
    counts[turned] ^= True
    if not counts.any():
        counts[turned[0]] = True
    step[at] = step[at].changed(counts=counts)
    return fed


def cut_short(ground: Ground, rng: Rng) -> Fed:
    fed = ground.due
    return fed[: rng.integers(len(fed))]


FAULTS: tuple[Callable[[Ground, Rng], Fed], ...] = (
    swapped_within_a_step, swapped_across_steps, dropped, dropped_from_a_step, doubled,
    doubled_in_a_step, a_workers_share_shifted, a_stale_cache, a_lost_epoch_seed, a_repeated_tail,
    a_token_changed, a_mask_changed, cut_short,
)  # fmt: skip


@dataclass(frozen=True)
class Plant:
    """A fault planted, what was fed with it, and what must be said of it."""

    name: str
    fed: Fed
    told: Divergence


def plant(number: int, grounds: Sequence[Ground]) -> tuple[Ground, Plant]:
    """The plant of that number, and where: each kind of fault on each ground in turn.

    A draw that changes nothing (equal rows swapped) is drawn again.
    """
    fault = FAULTS[number % len(FAULTS)]
    ground = grounds[number // len(FAULTS) % len(grounds)]
    rng = np.random.default_rng([11, number])
    while True:
        fed = fault(ground, rng)
        told = tell(ground, fed)
        if told:
            return ground, Plant(fault.__name__, fed, told)


def tell(ground: Ground, fed: Fed) -> Divergence | None:
    """Where what was fed and the order differ first, from the contents of rows alone."""
    due = ground.due
    begin = 0
    for step in range(max(len(due), len(fed))):
        if step == len(due):
            return Divergence(
                step, begin, "the end of the life", _told(ground, fed[step][0], begin)
            )
        if step == len(fed):
            return Divergence(step, begin, ground.names[begin], "nothing: the ledger ends here")
        for place in range(max(len(due[step]), len(fed[step]))):
            row = begin + place
            if place == len(fed[step]):
                gone = "nothing: the row was dropped"
                return Divergence(step, row, ground.names[row], gone)
            found = _told(ground, fed[step][place], row)
            if place == len(due[step]):
                return Divergence(step, row, "no further row in this step", found)
            if fed[step][place].content != due[step][place].content:
                return Divergence(step, row, ground.names[row], found)
        begin += len(due[step])
    return None


def _told(ground: Ground, row: Row, near: int) -> str:
    there = ground.places.get(row.content)
    if there is None:
        return f"a row that is not in the order (digest {int(row.digest):016x})"
    place = min(there, key=lambda known: abs(known - near))
    return f"row {place}, {ground.names[place]}"


# Where the plants are looked for


def ledger_of(fed: Fed) -> Ledger:
    """The ledger of a life that was fed so."""
    ledger = Ledger()
    for step in fed:
        ledger.add(np.array([row.digest for row in step], dtype=np.uint64))
    return ledger


def noted(ground: Ground, fed: Fed, place: Path, world: tuple[int, int]) -> str:
    """What `verify` says of the notes of a world that was fed so; its error as a string.

    A witness refuses more steps than the order has; then what it says.
    """
    world_size, accumulation = world
    num_pieces = world_size * accumulation
    try:
        for rank in range(world_size):
            share = Share(rank, world_size, accumulation)
            witness = Witness(place, ground.feed, share, order=ground.home / "order")
            with closing(witness):
                for step, rows in enumerate(fed):
                    size = int(ground.feed.steps.batch_size[min(step, len(ground.feed) - 1)])
                    width = size // num_pieces
                    for micro in range(accumulation):
                        piece = share.piece(micro)
                        last = len(rows) if piece + 1 == num_pieces else (piece + 1) * width
                        _note(ground, witness, rows[piece * width : last])
                    witness.stepped()
        return Consumed.open(place).verify()
    except (InputError, VerificationError) as error:
        return str(error)


def must_say(ground: Ground, plant: Plant, place: Path) -> str:
    """How it must begin what `noted` says of a plant.

    A life that was cut short is no other order: it is said how far it went.
    """
    num_steps = len(ground.feed)
    if plant.told.step == num_steps:
        return f"the order ends after {num_steps} steps, and the trainer goes on"
    if plant.told.found != "nothing: the ledger ends here":
        return f"{place}: {plant.told}"
    if not plant.fed:
        return f"{place}: nothing was consumed"
    return f"consumed {len(plant.fed)} of {num_steps} steps of its order, row by row"


def _note(ground: Ground, witness: Witness, rows: list[Row]) -> None:
    length = ground.feed.rows.row_length
    tokens = np.array([np.frombuffer(row.tokens, np.int64) for row in rows], np.int64)
    counts = np.array([np.frombuffer(row.counts, np.bool_) for row in rows], np.bool_)
    labels = tokens.reshape(-1, length + 1).copy()
    labels[:, 1:][~counts.reshape(-1, length)] = IGNORED
    witness.note(torch.from_numpy(tokens.reshape(-1, length + 1)), torch.from_numpy(labels))
