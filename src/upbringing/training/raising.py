"""Raising one mind: an order and a corpus on disk → a run, with what a person leaves unsaid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, get_args

from upbringing.corpus import TRAIN, Corpus, Tokens, load_tokenizer, tokenize, train_tokenizer
from upbringing.errors import InputError, Problem
from upbringing.files import folder_digest
from upbringing.order import Adapter, Order, Rows, packing_named
from upbringing.training.imprint import Imprint
from upbringing.training.levers import BatchRule, Priority, Segment, Steps, Timeline, plan_steps
from upbringing.training.loop import OnStep, train
from upbringing.training.machine import Numerics, Precision, device_named, settle_process
from upbringing.training.model import USUAL_SHAPE, Shape, shape_named
from upbringing.training.recipe import Recipe
from upbringing.training.run import Run, check_place
from upbringing.training.schedules import Said, read_curve
from upbringing.training.world import World, joined_world

_CHECKPOINT = "config.json"

Watch = Callable[[Rows, Steps], OnStep]
"""Makes, of what will be read and in which steps, what is called after each of them."""


@dataclass(frozen=True)
class Life:
    """What a person says of one life; None is left to the shape or to the corpus.

    shape               by name; `300k` where the life has no parent
    untied              the head is a matrix of its own, and not the embedding
    schedule, priority  curves over age (`schedules.read_curve`)
    weighs              what the priority is a factor on: `rate` or `loss`
    batch_rule          how the rate follows a phase's own batch size: `sqrt`, `linear` or `none`
    parent              a checkpoint, ours or of any causal model of Hugging Face, that is raised
                        further; its own tokenizer is taken
    lora                rank of an adapter that learns in place of the weights
    accumulation        micro-batches that a process cuts its share of a batch into
    device              `cpu`, `cuda`, `mps`, or `auto`, the best that is there
    """

    shape: str | None = None
    untied: bool = False
    schedule: Said = "linear"
    seed: int = 0
    batch_size: int = 8
    row_length: int = 128
    packing: str = "stream"
    attention: str = "across"
    peak_lr: float | None = None
    weight_decay: float = Recipe.weight_decay
    tokenizer: Path | None = None
    priority: Said | None = None
    weighs: str = "rate"
    batch_rule: str = "sqrt"
    parent: Path | None = None
    lora: int | None = None
    precision: str = "bf16"
    compiled: bool = False
    num_threads: int = 1
    accumulation: int = 1
    device: str = "auto"

    def check(self) -> None:
        """Raise `InputError`, for everything at once, for what can be told before the long work."""
        problems = [
            Problem(f"no {what} is called {said!r}", allowed=", ".join(allowed))
            for what, said, allowed in (
                ("precision", self.precision, get_args(Precision)),
                ("batch rule", self.batch_rule, get_args(BatchRule)),
                ("way to weigh", self.weighs, get_args(Literal["rate", "loss"])),
            )
            if said not in allowed
        ]
        readings: list[Callable[[], object]] = [
            partial(packing_named, self.packing, self.attention),
            partial(device_named, self.device),
            partial(shape_named, self.shape or USUAL_SHAPE),
            partial(read_curve, self.schedule),
            partial(
                read_curve, "constant" if self.priority is None else self.priority, of="priority"
            ),
        ]
        for reading in readings:
            try:
                reading()
            except InputError as error:
                problems += error.problems
        if not 0 <= self.weight_decay < math.inf:
            what = f"the weight decay is {self.weight_decay:g}"
            problems.append(Problem(what, allowed="0 and above"))
        if self.peak_lr is not None and not 0 < self.peak_lr < math.inf:
            problems.append(Problem(f"the peak rate is {self.peak_lr:g}", allowed="above 0"))
        if self.priority is None and self.weighs == "loss":
            what = "a factor on the loss, and no priority that is one"
            problems.append(Problem(what, do="say which: `priority`, or --priority"))
        if self.lora is not None and self.lora < 1:
            problems.append(Problem(f"an adapter of rank {self.lora}", allowed="1 and more"))
        if self.parent is not None and self.peak_lr is None:
            what = "a mind that is raised further has no learning rate of its own"
            problems.append(Problem(what, do="say which: `peak_lr`, or --peak-lr"))
        if self.parent is not None and (self.shape or self.untied):
            what = "a mind that is raised further has its shape already"
            problems.append(Problem(what, do="leave `shape` and `untied` out, or --from"))
        if self.parent is not None and not (self.parent / _CHECKPOINT).exists():
            what, do = "is no checkpoint", "give a folder with config.json and model.safetensors"
            problems.append(Problem(what, where=str(self.parent), do=do))
        if problems:
            raise InputError(problems)

    @property
    def born_as(self) -> Shape | None:
        """The shape of the mind; None where a parent has it."""
        if self.parent is not None:
            return None
        return replace(shape_named(self.shape or USUAL_SHAPE), tied=not self.untied)

    def numerics(self, world: World) -> Numerics:
        """The numerics on this machine."""
        return Numerics(
            cast(Precision, self.precision),
            self.compiled,
            self.num_threads,
            device_named(self.device),
            world_size=world.size,
            accumulation=self.accumulation,
        )

    def recipe(self, rows: Rows, world: World) -> Recipe:
        """The recipe for a life on these rows, with the levers of the order's phases."""
        timeline = Timeline.of_phases(rows, self.batch_size)
        if self.lora is not None:
            timeline = _adapted(timeline, Adapter(rank=self.lora))
        recipe = Recipe.of(
            rows,
            self.born_as,
            seed=self.seed,
            schedule=self.schedule,
            batch_size=self.batch_size,
            timeline=timeline,
            numerics=self.numerics(world),
            peak_lr=self.peak_lr,
        )
        further: dict[str, Any] = {
            "batch_rule": self.batch_rule,
            "weight_decay": self.weight_decay,
            "priority": self._weighing,
        }
        if self.parent:
            further["starts_from"] = folder_digest(self.parent)
        return replace(recipe, **further)

    def planned_imprint(self, order: Order, num_rows: int) -> Imprint:
        """The imprint of this life on `order`, in about `num_rows` rows.

        Parts that learn at another rate, or not at all, are taken as the rest. Raises `InputError`
        for a life that learns at no age.
        """
        shape = self.born_as
        peak = self.peak_lr or (shape and shape.peak_lr)
        assert peak, "a life with a parent says its rate"
        levers = {order.age_of(start): levers for start, levers in order.stretches}
        steps = plan_steps(
            num_rows,
            Timeline.of_stretches(levers, self.batch_size),
            schedule=self.schedule,
            peak_lr=peak,
            warmup_share=Recipe.warmup_share,
            batch_size=self.batch_size,
            batch_rule=cast(BatchRule, self.batch_rule),
            priority=self._weighing,
        )
        return Imprint.of(steps, self.weight_decay)

    @property
    def _weighing(self) -> Priority | None:
        """The priority as the recipe has it."""
        if self.priority is None:
            return None
        return Priority(self.priority, cast(Literal["rate", "loss"], self.weighs))


def raise_on_order(
    order: Path, corpus: Path, place: Path, life: Life, *, watch: Watch | None = None
) -> Run:
    """Raise a mind on an order with its own levers, or continue the run at `place`.

    Without a tokenizer one is trained on the corpus's training scenes, of the shape's vocabulary.
    In a process that `torchrun` started, with the others of its world. Raises `InputError` for what
    a person says that cannot be, and what `train` raises.
    """
    life.check()
    check_place(place)
    settle_process(life.num_threads)
    with joined_world(device_named(life.device)) as world:
        if not world.is_first:
            world.wait()  # the first one tokenises
        opened = Corpus.open(corpus)
        packing, attention = packing_named(life.packing, life.attention)
        tokens = _tokens(opened, life)
        rows = Rows(Order.open(order, opened), tokens, life.row_length, packing, attention)
        if world.is_first:
            world.wait()
        recipe = life.recipe(rows, world)
        return train(
            rows,
            recipe,
            place,
            sources={"corpus": corpus, "order": order},
            parent=life.parent,
            world=world,
            on_step=watch(rows, recipe.steps) if watch and world.is_first else None,
        )


def _tokens(corpus: Corpus, life: Life) -> Tokens:
    file = life.tokenizer or life.parent
    if file is not None:
        return tokenize(corpus, load_tokenizer(file))
    texts = corpus.columns(["text", "split"]).filter(split=TRAIN)["text"].to_list()
    shape = life.born_as
    assert shape is not None, "a life without a parent has a shape"
    return tokenize(corpus, train_tokenizer(texts, shape.num_vocab))


def _adapted(timeline: Timeline, adapter: Adapter) -> Timeline:
    """The timeline with an adapter in every stretch. Raises `InputError` where one says its own."""
    own = [s for s in timeline.segments if s.levers.modules or s.levers.lora]
    if own:
        what = f"from age {own[0].from_age:g} on, the order says what learns"
        raise InputError(what, do="leave --lora out, or take it out of the curriculum")
    return Timeline(
        tuple(
            Segment(one.from_age, one.levers.model_copy(update={"lora": adapter}))
            for one in timeline.segments
        )
    )
