"""Preparation: settings + corpus → a design on disk, with its orders, its judge and its proof.

The comparison class is proved here, before anything is trained, and the whole design is hashed.
Preparing the same study again finds it there; another study in its place is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from upbringing.character import Axis, AxisProbes, Judge, Probes, judge_for, measures, own_measures
from upbringing.character.axis_files import find_axes
from upbringing.corpus import Corpus, Tokens
from upbringing.errors import InputError
from upbringing.files import remove_drafts, staged_file, storage, write_text
from upbringing.identity import digest_json
from upbringing.order import (
    Block,
    Order,
    Rows,
    arm_curriculum,
    compile_order,
    describe_arm,
)
from upbringing.study.comparison import check_comparison_class
from upbringing.study.cut_short import cut_short
from upbringing.study.design import (
    FORMAT,
    JUDGE,
    PAIRS,
    WASHOUT,
    Design,
    Plan,
    axis_folder,
    probe_settings,
)
from upbringing.study.fixed import fix
from upbringing.study.interpretation import FIRST_ARMS, borders_of
from upbringing.study.lives import block_among, in_life, language_of, life_of, stream, tokens_of
from upbringing.study.preregistration import FILE, check_hypotheses, preregistration, signed
from upbringing.study.rules import RULES, pairs_for
from upbringing.study.rungs import Rungs
from upbringing.study.settings import StudySettings
from upbringing.training import (
    Decoder,
    Numerics,
    Priority,
    Recipe,
    Said,
    Shape,
    best_device,
    shape_named,
)
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
    extra = own_measures(settings.measures, check=True)
    axes = _axes(settings, corpus, block, lang)
    check_hypotheses(settings.hypotheses, [axis.name for axis in axes])
    ladder = settings.ladder
    rungs = [Rungs.of(axis, corpus.kinds, ladder=ladder, is_first=axis is axes[0]) for axis in axes]
    draft = _Draft(settings, corpus, tokens, block, rungs)
    orders = dict(draft.orders())
    lives = {arm: orders[f"{arm}-s{settings.seeds[0]}"] for arm in settings.arms}
    num_rows = Rows(lives["S"], tokens, settings.row_length).num_rows
    plans = tuple(draft.plans(orders, num_rows))
    _prove(plans, orders, tokens)
    heard = {axis.name: judge_for(corpus, axis) for axis in axes if axis.judged}
    judges = {name: judging.judge for name, judging in heard.items()}
    probes = Probes(
        corpus,
        tuple(AxisProbes(axis, judges.get(axis.name)) for axis in axes),
        tokens.tokenizer,
        probe_settings(settings.probes),
    )
    probes.check(settings.row_length)
    design = {
        "settings": settings.model_dump(mode="json"),
        "rules": RULES,
        "lang": lang,
        "axes": [
            {
                **of.axis.as_json(),
                "examination": asdict(heard[of.axis.name].report) if of.axis.judged else None,
                "rungs": dict(of.shares),
            }
            for of in rungs
        ],
        "arms": {arm: describe_arm(arm, block) for arm in settings.arms},
        "curricula": {arm: arm_curriculum(arm, block).to_yaml() for arm in settings.arms},
        "num_parameters": draft.shape.num_parameters,
        "num_tokens": num_rows * settings.row_length,
        "contrasts": [list(pair) for pair in pairs_for(settings.arms)],
        "measures": [*measures(), *settings.measures],
        "runs": [{**vars(plan), "recipe": plan.recipe.as_json()} for plan in plans],
        "digests": {
            "corpus": corpus.digest,
            "tokenizer": tokens.digest,
            **{f"judge {name}": judge.digest for name, judge in judges.items()},
            **{f"measure {measure.name}": measure.file_digest for measure in extra},
            **{f"order {name}": order.digest for name, order in orders.items()},
        },
    }
    design["preregistration"] = preregistration(design)
    _write(place, digestible(design), corpus, orders, axes, judges)
    return Design.open(place)


def _axes(settings: StudySettings, corpus: Corpus, block: Block, lang: str) -> list[Axis]:
    """The axis under test and those that are asked about besides, each with what decides."""
    other_end = block.against or block.others
    under_test = Axis.between(block.kinds, other_end, lang, against_rest=not block.against)
    axes = [under_test, *find_axes(settings.axes, lang, corpus)]
    named = [axis.slug for axis in axes]
    twice = [axis.name for place, axis in enumerate(axes) if axis.slug in named[:place]]
    if twice:
        raise InputError(
            f"two axes of the study are called {twice[0]}",
            where="axes",
            do="rename one of them; that from the block to its counterpart is always there",
        )
    return [replace(axis, primary=axis.primary_on(corpus)) for axis in axes]


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
    rungs: Sequence[Rungs]

    def orders(self) -> Iterator[tuple[str, Order]]:
        """Every order by name: arms and ladder for each seed, one washout for all."""
        life_tokens = 0
        for seed in self.settings.seeds:
            for arm in self.settings.arms:
                order = compile_order(self.corpus, arm_curriculum(arm, self.block), seed=seed)
                life_tokens = Rows(order, self.tokens, self.settings.row_length).num_tokens
                yield f"{arm}-s{seed}", order
            for rungs in self.rungs:
                for arm in rungs.shares:
                    order = rungs.order(
                        arm, self.corpus, self.tokens, num_tokens=life_tokens, seed=seed
                    )
                    yield f"{arm}-s{seed}", order
        if self.settings.washout:
            yield WASHOUT, compile_order(self.corpus, stream(WASHOUT, self.block.life), seed=0)

    def plans(self, orders: Mapping[str, Order], num_rows: int) -> Iterator[Plan]:
        """The runs: the arms under every schedule, the poles and the ladder under the first.

        One unit of character for the whole study, so that schedules can be compared in it.
        """
        for schedule in self.settings.curves:
            for seed in self.settings.seeds:
                for arm in self.settings.arms:
                    yield self._plan(arm, schedule, seed, orders, num_rows, is_arm=True)
        first = next(iter(self.settings.curves))
        for rungs in self.rungs:
            for seed in self.settings.seeds:
                for arm in rungs.shares:
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
            ages=self._ages(curve, orders) if is_arm else (1.0,),
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

    def _ages(self, curve: Said, orders: Mapping[str, Order]) -> tuple[float, ...]:
        """The ages that are kept of every arm under a schedule."""
        asked = self.settings
        kept = {*asked.ages, *cut_short(curve)}
        for arm in FIRST_ARMS if asked.next else ():
            order = orders[f"{arm}-s{asked.seeds[0]}"]
            kept |= {*borders_of(Rows(order, self.tokens, asked.row_length))}
        return tuple(sorted(kept))

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
    axes: Sequence[Axis],
    judges: Mapping[str, Judge],
) -> None:
    """Write orders, curricula, axes and, last, the design; or find the same study there."""

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
        write_text(place / FILE, signed(design["preregistration"], digest_json(design)))
        for axis in axes:
            folder = axis_folder(place, axis)
            with storage(place):
                folder.mkdir(parents=True)
            if axis.name in judges:
                judges[axis.name].save(folder / JUDGE)
            if axis.own is not None:
                with staged_file(folder / PAIRS) as draft:
                    axis.own.write_parquet(draft)

    fix(place / "study.json", FORMAT, design, corpus, write_parts)


def _clear_unfinished(place: Path) -> None:
    """Without `study.json` a preparation was cut short: what it made is made anew."""
    for folder in ("orders", "curricula", "axes"):
        shutil.rmtree(place / folder, ignore_errors=True)
    remove_drafts(place)
