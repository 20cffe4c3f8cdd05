"""The population: P lives in one pass, each with its own order, seed and levers.

`raise_population` writes for each of its members the folder that `train` writes for one, and
continues where it was killed. Pass k is step k of every life that still has one. A mind whose life
is over, or whose loss is not a number, takes no part in it and disturbs no other by one bit.

Shapes: P minds, B rows, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from upbringing.errors import InputError, StoppedError
from upbringing.order import Rows
from upbringing.training.birth import born
from upbringing.training.checkpoint import Rhythm, write_checkpoint
from upbringing.training.feed import Feed
from upbringing.training.ledger import digests_fed
from upbringing.training.loop import OnStep
from upbringing.training.machine import enough_memory, finest, stop_asked
from upbringing.training.model import Decoder
from upbringing.training.recipe import Recipe
from upbringing.training.records import Records
from upbringing.training.run import Run, begin
from upbringing.training.stacked import StackedDecoder
from upbringing.training.stacked_adamw import StackedAdamW
from upbringing.training.stacked_feed import StackedBatch, StackedFeed
from upbringing.training.stacked_levers import StackedLevers

_FEWER = "fewer minds in a pass (`population`), or a smaller shape"
_LOWER = "fewer minds in a pass (`population`); or lower the batch size, row length or shape"
_ALONE = "raise such a mind alone, by `train`, with numerics of `population=1`"


@dataclass(frozen=True)
class Member:
    """One life of a population; what `train` takes for a life alone."""

    rows: Rows
    recipe: Recipe
    place: Path
    sources: Mapping[str, Path]
    parent: Path | None = None
    on_step: OnStep | None = None


def raise_population(
    members: Sequence[Member], *, snapshot_every_s: float | None = None
) -> list[Run]:
    """Raise all members together, or continue where their runs stand; gives their runs.

    The same members in the same order come to the same bits on one set-up. Without
    `snapshot_every_s`, snapshots take a twentieth of the time at most. Raises `InputError` for
    members that cannot share a pass, else what `train` raises. A life that diverges ends alone.
    """
    _check(members)
    is_over = all(_is_finished(member) for member in members)
    with enough_memory(f"{len(members)} minds in one pass, with their moments,", do=_FEWER):
        # What cannot be is refused before a file is written.
        population = None if is_over else _Population(members)
        for member in members:
            begin(member.place, member.recipe, member.sources)
        if population:
            population.take_up()
            _raise(population, snapshot_every_s)
    return [Run.open(member.place) for member in members]


def _raise(population: _Population, snapshot_every_s: float | None) -> None:
    rhythm = Rhythm(snapshot_every_s)
    with stop_asked() as asked:
        population.end_what_is_over()
        while population.under_way:
            due = population.step()
            try:
                population.tell(due)
            except StoppedError:
                population.save_snapshots()
                raise
            if asked.number is not None:
                population.save_snapshots()
                raise asked.error(f"stopped after step {population.number}")
            population.end_what_is_over()
            if rhythm.is_due:
                with rhythm.saving():
                    population.save_snapshots()


def _check(members: Sequence[Member]) -> None:
    """Raise `InputError` for members that cannot share a pass."""
    if not members:
        raise InputError("a population has no member")
    recipes = [member.recipe for member in members]
    alike: dict[str, Callable[[Recipe], object]] = {
        "shape": lambda recipe: recipe.shape,
        "row length": lambda recipe: recipe.row_length,
        "attention": lambda recipe: recipe.attention,
        "numerics": lambda recipe: recipe.numerics,
    }
    differing = [name for name, of in alike.items() if len({of(recipe) for recipe in recipes}) > 1]
    if differing:
        raise InputError(
            f"the members of a population differ in {', '.join(differing)}",
            allowed="orders, seeds, rates and levers of their own",
            do="raise them in several populations, or each alone",
        )
    if len({member.place for member in members}) < len(members):
        raise InputError("two members of a population have one place")
    numerics = recipes[0].numerics
    if numerics.population < len(members) or numerics.world_size > 1:
        raise InputError(
            f"{len(members)} minds in one pass",
            allowed=f"by their numerics {numerics.population}, in one process",
        )
    if any(s.levers.lora for recipe in recipes for s in recipe.timeline.segments):
        raise InputError("a LoRA adapter in a population", do=_ALONE)
    if any(recipe.emas for recipe in recipes):
        raise InputError("a moving average in a population", do=_ALONE)


def _is_finished(member: Member) -> bool:
    return (member.place / "run.json").exists()


class _Population:
    """The minds under way, and their records; a member that was finished before has none.

    under_way  the records of the lives that are not over, by the member's index
    saved_at   the steps that a life had done at its last snapshot, by index
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members, recipes = members, [member.recipe for member in members]
        self.numerics, self.row_length = recipes[0].numerics, recipes[0].row_length
        self.device = torch.device(self.numerics.device)
        minds = [_born(member) for member in members]
        self.template = minds[0]  # what a mind is put into to be written
        self.stack = StackedDecoder(minds).to(self.device)
        self.losses = (
            torch.compile(self.stack.losses, dynamic=False)
            if self.numerics.compiled
            else self.stack.losses
        )
        self.levers = StackedLevers(recipes, self.template.parts)
        parameters = dict(self.stack.named_parameters())
        self.adamw = StackedAdamW(parameters, self.levers.habits(), compiled=self.numerics.compiled)
        feeds = [
            Feed(member.rows, steps, member.recipe.loss_by_kind)
            for member, steps in zip(members, self.levers.steps, strict=True)
        ]
        self.feed = StackedFeed(feeds, self.numerics.accumulation)
        self.under_way: dict[int, Records] = {}
        self.saved_at: dict[int, int] = {}

    def take_up(self) -> None:
        """Begin at the members' places, or go on from the snapshots there."""
        self.under_way = {
            index: Records(member.rows, member.recipe, member.place)
            for index, member in enumerate(self.members)
            if not _is_finished(member)
        }
        for index, records in self.under_way.items():
            self._take_up(index, records)

    @property
    def number(self) -> int:
        """The steps that are done by the lives that stand furthest behind."""
        return min(records.num_done for records in self.under_way.values())

    def _take_up(self, index: int, records: Records) -> None:
        if records.snapshot is None:
            records.keep(self._writer(index))
            return
        tensors = load_file(records.snapshot.folder / "state.safetensors")
        for name, weight in self.stack.weights_of(index).items():
            weight.copy_(tensors[f"weight.{name}"])
        self.adamw.restore(index, tensors)
        self.saved_at[index] = records.num_done

    def step(self) -> list[int]:
        """Live the next step of every life that stands there, and keep checkpoints; gives whose.

        After a resume some lives may stand further on than others; they wait.
        """
        number = self.number
        due = [p for p, records in self.under_way.items() if records.num_done == number]
        for p in due:
            if self.levers.begins_anew(number, p):
                self.adamw.begin_anew(p)
        sums_P2 = torch.zeros(len(self.members), 2, dtype=finest(self.device), device=self.device)
        with self._enough_memory(number):
            fed = [
                self._learn(number, batch, sums_P2)
                for batch in self.feed.micro_batches(number, due)
            ]
            norm_P = self.adamw.step(self.levers.rates(number, due), sums_P2[:, 0].isfinite())
        # All kernels are on their way; what is read and hashed here costs a GPU no time.
        digests = {p: np.concatenate([digests_fed(batch.of(p)) for batch in fed]) for p in due}
        outcome_P3 = torch.cat([sums_P2, norm_P[:, None].to(sums_P2)], dim=1).tolist()
        for p in due:
            loss_sum, num_targets, norm = outcome_P3[p]
            records = self.under_way[p]
            records.note(digests[p], loss_sum / num_targets, norm)
            if not records.has_diverged:
                records.keep(self._writer(p))
        return due

    def _enough_memory(self, number: int) -> AbstractContextManager[None]:
        rows = f"{self.feed.num_rows(number)} rows of {self.row_length} tokens"
        return enough_memory(f"{len(self.members)} minds in one pass, with {rows} each,", do=_LOWER)

    def _learn(self, number: int, batch: StackedBatch, sums_P2: Tensor) -> StackedBatch:
        """Add the gradients of a piece of the batch; gives what was fed, read back."""
        batch = batch.to(self.device)
        fed = batch.to(torch.device("cpu"))
        with self.numerics.autocast():
            losses_PBT = self.losses(batch.tokens_PBT1, batch.positions_PBT)
        counted_PBT = losses_PBT * batch.weights_PBT
        weighed_PBT = counted_PBT
        if batch.scales_PBT is not None:
            weighed_PBT = counted_PBT * batch.scales_PBT
        share_P = torch.from_numpy(self.levers.loss_shares(number)).to(weighed_PBT)
        torch.autograd.backward((weighed_PBT.sum((1, 2)) * share_P).sum())
        counted_P = counted_PBT.detach().sum((1, 2))
        sums_P2 += torch.stack([counted_P, batch.weights_PBT.sum((1, 2))], dim=1)
        return fed

    def tell(self, due: Sequence[int]) -> None:
        """Say of each step that was just lived that it was."""
        for p in due:
            on_step = self.members[p].on_step
            if on_step:
                on_step(self.under_way[p].moment)

    def end_what_is_over(self) -> None:
        """Finish the runs whose lives are over."""
        for p, records in list(self.under_way.items()):
            if records.is_over:
                records.finish(self._writer(p))
                del self.under_way[p]

    def save_snapshots(self) -> None:
        """Save all that a resume needs, of each life that has gone on since its last snapshot."""
        for p, records in self.under_way.items():
            if self.saved_at.get(p, 0) == records.num_done:
                continue
            state = {f"weight.{name}": w for name, w in self.stack.weights_of(p).items()}
            state |= self.adamw.state(p)
            with records.saving() as folder:
                save_file({key: t.cpu() for key, t in state.items()}, folder / "state.safetensors")
            self.saved_at[p] = records.num_done

    def _writer(self, index: int) -> Callable[[Path], None]:
        """Writes the mind at `index` as it is, as a stock checkpoint."""

        def write(place: Path) -> None:
            self.template.load_state_dict(self.stack.weights_of(index))
            write_checkpoint(place, self.template, self.members[index].rows.tokens.tokenizer)

        return write


def _born(member: Member) -> Decoder:
    mind = born(member.recipe, member.parent)
    if not isinstance(mind, Decoder):
        raise InputError("a mind of another make in a population", do=_ALONE)
    mind.check(member.rows)
    return mind
