"""Preparation: settings + corpus → a design on disk, with its orders, its judge and its proof.

The comparison class is proved here, before anything is trained, and the whole design is hashed.
Preparing the same study again finds it there; another study in its place is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from upbringing.character import Axis, Judge, Probes, judge_for
from upbringing.corpus import Corpus, Tokens
from upbringing.errors import InputError
from upbringing.files import remove_drafts, storage, write_text
from upbringing.order import (
    Block,
    Order,
    Rows,
    arm_curriculum,
    compile_order,
    describe_arm,
    ladder_order,
)
from upbringing.study.comparison import check_comparison_class
from upbringing.study.cut_short import cut_short
from upbringing.study.design import FORMAT, WASHOUT, Design, Plan, probe_settings
from upbringing.study.fixed import fix
from upbringing.study.lives import block_among, in_life, language_of, life_of, stream, tokens_of
from upbringing.study.poles import LADDER
from upbringing.study.rules import RULES, pairs_for
from upbringing.study.settings import StudySettings
from upbringing.training import Decoder, Numerics, Priority, Recipe, Shape, best_device, shape_named
from upbringing.training.dose import dose_weights
from upbringing.training.optimizer import check_levers
from upbringing.training.recipe import digestible


def prepare(settings: StudySettings, corpus: Corpus, place: Path) -> Design:
    """Design the study at `place`, or find it there.

    Raises `InputError` for kinds or languages that the corpus lacks, `ComparisonError` for arms
    that are not one comparison class, `ResumeError` if another study lies at `place`.
    """
    _check_lives(settings)
    lang = language_of(settings, corpus)
    block = block_among(settings, corpus, lang)
    tokens = tokens_of(settings, corpus, lang)
    block = in_life(block, life_of(settings, corpus, tokens, lang), corpus)
    axis = Axis(block.kinds, block.against or block.others, lang, against_rest=not block.against)
    draft = _Draft(settings, corpus, tokens, block, axis)
    orders = dict(draft.orders())
    lives = {arm: orders[f"{arm}-s{settings.seeds[0]}"] for arm in settings.arms}
    num_rows = Rows(lives["S"], tokens, settings.row_length).num_rows
    plans = tuple(draft.plans(orders, num_rows))
    _prove(plans, orders, tokens)
    judging = judge_for(corpus, axis)
    probes = Probes(corpus, axis, tokens.tokenizer, probe_settings(settings.probes), judging.judge)
    probes.check(settings.row_length)
    design = {
        "settings": settings.model_dump(mode="json"),
        "rules": RULES,
        "lang": lang,
        "axis": asdict(axis),
        "primary": "voice" if axis.pairs(corpus) is None else "style_margin",
        "arms": {arm: describe_arm(arm, block) for arm in settings.arms},
        "curricula": {arm: arm_curriculum(arm, block).to_yaml() for arm in settings.arms},
        "num_parameters": draft.shape.num_parameters,
        "num_tokens": num_rows * settings.row_length,
        "contrasts": [list(pair) for pair in pairs_for(settings.arms)],
        "judge": asdict(judging.report),
        "runs": [{**vars(plan), "recipe": plan.recipe.as_json()} for plan in plans],
        "digests": {
            "corpus": corpus.digest,
            "tokenizer": tokens.digest,
            "judge": judging.judge.digest,
            **{f"order {name}": order.digest for name, order in orders.items()},
        },
    }
    _write(place, digestible(design), corpus, orders, judging.judge)
    return Design.open(place)


def _check_lives(settings: StudySettings) -> None:
    """Raise `InputError` for levers that such minds cannot have, before anything is made."""
    adapts = any(segment.levers.lora for segment in settings.timeline.segments)
    averages = any(one.ema for one in settings.averages)
    several = settings.numerics.population > 1
    if (adapts and (averages or several)) or (averages and several):
        raise InputError(
            "an adapter, a moving average and a population go together in no study",
            do="leave all but one of `lora`, `ema` and `population` out",
        )
    form = replace(shape_named(settings.shape), width=2, num_heads=1, mlp_width=1, num_vocab=1)
    check_levers(Decoder(form, row_length=1, seed=0), settings.timeline)  # as to names of parts


@dataclass(frozen=True)
class _Draft:
    """A study in the making: orders and plans follow from these."""

    settings: StudySettings
    corpus: Corpus
    tokens: Tokens
    block: Block
    axis: Axis

    def orders(self) -> Iterator[tuple[str, Order]]:
        """Every order by name: arms and ladder for each seed, one washout for all."""
        life_tokens = 0
        for seed in self.settings.seeds:
            for arm in self.settings.arms:
                order = compile_order(self.corpus, arm_curriculum(arm, self.block), seed=seed)
                life_tokens = Rows(order, self.tokens, self.settings.row_length).num_tokens
                yield f"{arm}-s{seed}", order
            for arm, share in self.rungs.items():
                sides = [(self.axis.positive, share), (self.axis.negative, 1 - share)]
                yield (
                    f"{arm}-s{seed}",
                    ladder_order(
                        self.corpus,
                        self.tokens,
                        [side for side in sides if side[1]],
                        lang=self.axis.lang,
                        num_tokens=life_tokens,
                        seed=seed,
                    ),
                )
        if self.settings.washout:
            yield WASHOUT, compile_order(self.corpus, stream(WASHOUT, self.block.life), seed=0)

    @property
    def rungs(self) -> dict[str, float]:
        """Pole and ladder arms with their share of the positive pole."""
        ends = {f"pole-{'+'.join(self.axis.positive)}": 1.0, f"pole-{self.axis.negative_name}": 0.0}
        shares = dict(zip(LADDER, (0.25, 0.5, 0.75), strict=True)) if self.settings.ladder else {}
        return ends | shares

    def plans(self, orders: Mapping[str, Order], num_rows: int) -> Iterator[Plan]:
        """The runs: the arms under every schedule, the poles and the ladder under the first.

        One unit of character for the whole study, so that schedules can be compared in it.
        """
        for schedule in self.settings.curves:
            for seed in self.settings.seeds:
                for arm in self.settings.arms:
                    yield self._plan(arm, schedule, seed, orders, num_rows, is_arm=True)
        for seed in self.settings.seeds:
            for arm in self.rungs:
                first = next(iter(self.settings.curves))
                yield self._plan(arm, first, seed, orders, num_rows, is_arm=False)

    def _plan(
        self, arm: str, schedule: str, seed: int, orders: Mapping[str, Order], num_rows: int, *,
        is_arm: bool,
    ) -> Plan:  # fmt: skip
        order, asked = f"{arm}-s{seed}", self.settings
        rows = Rows(orders[order], self.tokens, asked.row_length)
        curve = asked.curves[schedule]
        recipe = Recipe.of(
            rows,
            self.shape,
            seed=seed,
            schedule=curve,
            batch_size=asked.batch_size,
            timeline=asked.timeline,
            numerics=self.numerics,
            peak_lr=asked.peak_of(schedule),
            num_rows=num_rows,
            # Poles are a yardstick at the end of life; arms are looked at through it.
            ages=tuple(sorted({*asked.ages, *cut_short(curve)})) if is_arm else (1.0,),
        )
        half_lives = tuple(one.ema for one in asked.averages if one.ema) if is_arm else ()
        recipe = replace(recipe, batch_rule=asked.batch_rule, emas=half_lives)
        if asked.priority:
            priority = Priority(asked.priority.curve, asked.priority.weighs)
            recipe = replace(recipe, priority=priority)
        if arm == "D":
            first = Rows(orders[f"F-s{seed}"], self.tokens, asked.row_length)
            weights = dose_weights(rows, first, recipe.steps, self.block.kinds)
            recipe = replace(recipe, loss_by_kind=weights)
        return Plan(f"{arm}-{schedule}-s{seed}", arm, schedule, seed, order, recipe, is_arm)

    @property
    def shape(self) -> Shape:
        """The study's shape with the vocabulary that the tokenizer really has."""
        return replace(shape_named(self.settings.shape), num_vocab=self.tokens.num_vocab)

    @property
    def numerics(self) -> Numerics:
        """Fixed for the study; one thread a mind on a CPU, where minds run side by side."""
        asked = self.settings.numerics
        device = best_device() if asked.device == "auto" else asked.device
        return Numerics(asked.precision, asked.compiled, device=device, population=asked.population)


def _prove(plans: tuple[Plan, ...], orders: Mapping[str, Order], tokens: Tokens) -> None:
    """Every seed's arms are one comparison class under every schedule."""
    groups: dict[tuple[str, int], dict[str, tuple[Rows, Recipe]]] = {}
    for plan in plans:
        if plan.is_arm:
            rows = Rows(orders[plan.order], tokens, plan.recipe.row_length)
            groups.setdefault((plan.schedule, plan.seed), {})[plan.arm] = (rows, plan.recipe)
    for arms in groups.values():
        check_comparison_class(arms)


def _write(
    place: Path,
    design: Mapping[str, Any],
    corpus: Corpus,
    orders: Mapping[str, Order],
    judge: Judge,
) -> None:
    """Write orders, curricula, judge and, last, the design; or find the same study there."""

    def write_parts() -> None:
        _clear_unfinished(place)
        with storage(place):
            (place / "curricula").mkdir(parents=True, exist_ok=True)
        for name, order in orders.items():
            order.save(place / "orders" / name)
        for arm, text in design["curricula"].items():
            about = f"{arm}: {design['arms'][arm]}. Each seed of the study takes the place"
            said = f"# {about} of `seed`.\n{text}"
            write_text(place / "curricula" / f"{arm}.yaml", said)
        judge.save(place / "judge.json")

    fix(place / "study.json", FORMAT, design, corpus, write_parts)


def _clear_unfinished(place: Path) -> None:
    """Without `study.json` a preparation was cut short: its orders and judge are made anew."""
    for folder in ("orders", "curricula"):
        shutil.rmtree(place / folder, ignore_errors=True)
    (place / "judge.json").unlink(missing_ok=True)
    remove_drafts(place)
