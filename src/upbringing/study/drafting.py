"""Drafting: settings + corpus + axes → every order and every run that a study will have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from upbringing.corpus import Corpus, Tokens
from upbringing.order import Block, Order, Rows, arm_curriculum, compile_order
from upbringing.study.cut_short import cut_short
from upbringing.study.design import RANDOM, WASHOUT, Plan, Role
from upbringing.study.interpretation import FIRST_ARMS, borders_of
from upbringing.study.lives import stream
from upbringing.study.rungs import Rungs
from upbringing.study.settings import StudySettings
from upbringing.training import (
    Numerics,
    Priority,
    Recipe,
    Shape,
    device_named,
    shape_named,
)
from upbringing.training.dose import dose_weights


@dataclass(frozen=True)
class Draft:
    """A study in the making: orders and plans follow from these."""

    settings: StudySettings
    corpus: Corpus
    tokens: Tokens
    block: Block
    rungs: Sequence[Rungs]

    @cached_property
    def orders(self) -> Mapping[str, Order]:
        """Every order by name: arms and rungs for each seed, random orders and one washout for all
        seeds.
        """
        return dict(self._orders())

    def _orders(self) -> Iterator[tuple[str, Order]]:
        life_tokens = 0
        for seed in self.settings.seeds:
            for arm in self.settings.arms:
                order = compile_order(self.corpus, arm_curriculum(arm, self.block), seed=seed)
                life_tokens = self._rows(order).num_tokens
                yield f"{arm}-s{seed}", order
            for rungs in self.rungs:
                for arm in rungs.shares:
                    order = rungs.order(
                        arm, self.corpus, self.tokens, num_tokens=life_tokens, seed=seed
                    )
                    yield f"{arm}-s{seed}", order
        shuffle = stream(RANDOM, self.block.life)
        for number, name in enumerate(self._random_orders):
            yield name, compile_order(self.corpus, shuffle, seed=number)
        if self.settings.washout:
            yield WASHOUT, compile_order(self.corpus, stream(WASHOUT, self.block.life), seed=0)

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """The runs: arms and random orders under every schedule, poles and ladder under the first.

        One unit of character for the whole study, so that schedules can be compared in it.
        """
        return tuple(self._plans())

    def _plans(self) -> Iterator[Plan]:
        for schedule in self.settings.curves:
            for seed in self.settings.seeds:
                for arm in self.settings.arms:
                    yield self._plan("arm", arm, f"{arm}-s{seed}", schedule, seed)
                for name in self._random_orders:
                    yield self._plan("random order", name, name, schedule, seed)
        first = next(iter(self.settings.curves))
        for rungs in self.rungs:
            for seed in self.settings.seeds:
                for arm in rungs.shares:
                    yield self._plan("rung", arm, f"{arm}-s{seed}", first, seed)

    def _plan(self, role: Role, arm: str, order: str, schedule: str, seed: int) -> Plan:
        asked, is_arm = self.settings, role == "arm"
        rows, curve = self._rows(self.orders[order]), asked.curves[schedule]
        recipe = Recipe.of(
            rows,
            self.shape,
            seed=seed,
            schedule=curve,
            batch_size=asked.batch_size,
            timeline=asked.timeline,
            numerics=self.numerics,
            peak_lr=asked.peak_of(schedule),
            num_rows=self.num_rows,
            # Arms are looked at through life, all others at its end.
            ages=self._ages if is_arm else (1.0,),
        )
        half_lives = tuple(one.ema for one in asked.averages if one.ema) if is_arm else ()
        recipe = replace(
            recipe,
            batch_rule=asked.batch_rule,
            emas=half_lives,
            weight_decay=asked.weight_decay,
        )
        if asked.priority:
            priority = Priority(asked.priority.curve, asked.priority.weighs)
            recipe = replace(recipe, priority=priority)
        if is_arm:
            kept = {*recipe.ages, *cut_short(recipe.steps)}
            recipe = replace(recipe, ages=tuple(sorted(kept)))
        if arm == "D":
            first = self._rows(self.orders[f"F-s{seed}"])
            weights = dose_weights(rows, first, recipe.steps, self.block.kinds)
            recipe = replace(recipe, loss_by_kind=weights)
        return Plan(f"{arm}-{schedule}-s{seed}", arm, schedule, seed, order, recipe, role)

    @cached_property
    def _ages(self) -> tuple[float, ...]:
        """The ages that are kept of every arm."""
        asked = self.settings
        kept = {*asked.ages}
        for arm in FIRST_ARMS if asked.next else ():
            kept |= {*borders_of(self._rows(self.orders[f"{arm}-s{asked.seeds[0]}"]))}
        return tuple(sorted(kept))

    def _rows(self, order: Order) -> Rows:
        return Rows(order, self.tokens, self.settings.row_length)

    @property
    def _random_orders(self) -> list[str]:
        return [f"{RANDOM}-{number}" for number in range(1, 1 + (self.settings.random_orders or 0))]

    @cached_property
    def num_rows(self) -> int:
        """The rows of every life: those of the shuffle."""
        return self._rows(self.orders[f"S-s{self.settings.seeds[0]}"]).num_rows

    @property
    def shape(self) -> Shape:
        """The study's shape with the vocabulary that the tokenizer really has."""
        asked = self.settings
        form = shape_named(asked.shape)
        return replace(form, num_vocab=self.tokens.num_vocab, tied=asked.tied)

    @property
    def numerics(self) -> Numerics:
        """Fixed for the study; one thread a mind on a CPU, where minds run side by side."""
        asked = self.settings.numerics
        return Numerics(
            asked.precision,
            asked.compiled,
            device=device_named(asked.device),
            accumulation=asked.accumulation,
            population=asked.population,
        )
