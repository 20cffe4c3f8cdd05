"""Preparation: settings + corpus → a design on disk, with its orders, its judge and its proof.

The comparison class is proved here, before anything is trained, and the whole design is hashed.
Preparing the same study again finds it there; another study in its place is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from upbringing.character import (
    Axis,
    AxisProbes,
    Judge,
    Probes,
    judge_for,
    measures,
    measures_named,
)
from upbringing.character.axis_files import find_axes
from upbringing.corpus import Corpus, Tokens
from upbringing.destinations import check_continued
from upbringing.errors import InputError
from upbringing.files import remove_drafts, staged_file, storage, write_text
from upbringing.identity import digest_json
from upbringing.order import (
    Block,
    Order,
    Rows,
    arm_curriculum,
    describe_arm,
)
from upbringing.study.comparison import check_comparison_class
from upbringing.study.design import (
    FORMAT,
    JUDGE,
    PAIRS,
    Design,
    Plan,
    axis_folder,
    probe_settings,
)
from upbringing.study.drafting import Draft
from upbringing.study.fixed import fix
from upbringing.study.lives import in_life, language_and_block, life_of, tokens_of
from upbringing.study.preregistration import FILE, check_hypotheses, preregistration, signed
from upbringing.study.rules import RULES, pairs_for
from upbringing.study.rungs import Rungs
from upbringing.study.settings import StudySettings
from upbringing.training import (
    Decoder,
    Recipe,
    device_named,
    shape_named,
)
from upbringing.training.feed import check_cut
from upbringing.training.optimizer import check_levers
from upbringing.training.recipe import digestible

_PARTS = ("orders", "curricula", "axes")


def prepare(settings: StudySettings, corpus: Corpus, place: Path) -> Design:
    """Design the study at `place`, or find it there.

    Raises `InputError` for kinds or languages that the corpus lacks, `ComparisonError` for arms
    that are not one comparison class, `ResumeError` if another study lies at `place`, and
    `InputError` if something else does.
    """
    check_continued(place, ("study.json", *_PARTS), "study")
    _check_lives(settings)
    lang, block = language_and_block(settings, corpus)
    tokens = tokens_of(settings, corpus, lang)
    block = in_life(block, life_of(settings, corpus, tokens, lang), corpus)
    extra = measures_named(settings.measures, check=True)
    axes = _axes(settings, corpus, block, lang)
    check_hypotheses(settings.hypotheses, [axis.name for axis in axes])
    ladder = settings.ladder
    rungs = [Rungs.of(axis, corpus.kinds, ladder=ladder, is_first=axis is axes[0]) for axis in axes]
    draft = Draft(settings, corpus, tokens, block, rungs)
    _prove(draft.plans, draft.orders, tokens)
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
        "num_tokens": draft.num_rows * settings.row_length,
        "contrasts": [list(pair) for pair in pairs_for(settings.arms)],
        "measures": [*measures(), *settings.measures],
        "runs": [{**vars(plan), "recipe": plan.recipe.as_json()} for plan in draft.plans],
        "digests": {
            "corpus": corpus.digest,
            "tokenizer": tokens.digest,
            **{f"judge {name}": judge.digest for name, judge in judges.items()},
            **{f"measure {measure.name}": measure.file_digest for measure in extra},
            **{f"order {name}": order.digest for name, order in draft.orders.items()},
        },
    }
    design["preregistration"] = preregistration(design)
    _write(place, digestible(design), corpus, draft.orders, axes, judges)
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
    """Raise `InputError` for what such minds cannot have or be, before anything is made."""
    device_named(settings.numerics.device)
    for segment in settings.timeline.segments:
        check_cut(segment.batch_size, settings.numerics.accumulation)
    adapts = any(segment.levers.lora for segment in settings.timeline.segments)
    averages = any(one.ema for one in settings.averages)
    several = settings.numerics.population > 1
    if (adapts and (averages or several)) or (averages and several):
        raise InputError(
            "an adapter, a moving average and a population go together in no study",
            do="leave all but one of `lora`, `ema` and `population` out",
        )
    dwarf_shape = replace(shape_named(settings.shape).dwarf, tied=settings.tied)
    dwarf = Decoder(dwarf_shape, row_length=1, seed=0)
    check_levers(dwarf, settings.timeline)  # as to names of parts


def _prove(plans: Sequence[Plan], orders: Mapping[str, Order], tokens: Tokens) -> None:
    """Every seed's arms are one comparison class under every schedule; so are its random orders."""
    groups: dict[tuple[str, str, int], dict[str, tuple[Rows, Recipe]]] = {}
    for plan in plans:
        if plan.role != "rung":
            rows = Rows(orders[plan.order], tokens, plan.recipe.row_length)
            groups.setdefault((plan.role, plan.schedule, plan.seed), {})[plan.arm] = (
                rows,
                plan.recipe,
            )
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
    for folder in _PARTS:
        shutil.rmtree(place / folder, ignore_errors=True)
    remove_drafts(place)
