"""Findings: profiles → tables → records, and the answer in words.

    study/*.parquet       the tables (`gathering`)
    study/findings.json   poles, contrasts, costs, verdicts, the answer: what a page shows
    study/concluded.json  the digests of these (`sealed`)

Made anew from the runs each time: the runs are the data, this is arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from upbringing.errors import ArtefactError
from upbringing.files import read_json, write_json
from upbringing.study.answer import answer
from upbringing.study.beside import explored, half_lives, spreads_of_orders
from upbringing.study.design import WASHOUT, Design, Dimension
from upbringing.study.doses import Doses, doses
from upbringing.study.execution import LIFE, is_done
from upbringing.study.facts import deviations_of, facts_of
from upbringing.study.figures import COMPANIONS, CUT_SHORT, Figures
from upbringing.study.gathering import gather, lived_runs, ribbons, write_table
from upbringing.study.interpretation import Interpretation, interpretation
from upbringing.study.poles import Poles, Washout
from upbringing.study.preregistration import answered
from upbringing.study.sealed import break_seal, check_seal, seal
from upbringing.study.statistics import Contrast, Cost
from upbringing.study.verdict import Evidence, Verdict, decide

_NOT_WASHED = Washout(valid=False, reason="an averaged mind is not washed out")


def conclude(design: Design) -> dict[str, Any]:
    """Write the findings of a study whose runs are all done; gives `findings.json`.

    Raises `ArtefactError` that names the runs that are missing.
    """
    missing = [plan.name for plan in design.plans if not is_done(design, plan)]
    if missing:
        raise ArtefactError(
            f"{len(missing)} runs are not done: {', '.join(missing[:8])}",
            where=str(design.path),
            do="run the study again: it continues",
        )
    readings, samples = gather(design)
    findings = _findings(design, readings)
    break_seal(design.path)
    write_table(readings, design.path / "findings.parquet")
    write_table(samples, design.path / "samples.parquet")
    write_table(ribbons(design), design.path / "ribbons.parquet")
    write_json(design.path / "findings.json", findings)
    seal(design.path, design.digest)
    return findings


def gates(design: Design) -> dict[str, Poles]:
    """Which axes of a study can be measured, from its rungs alone, which must be done."""
    readings, _ = gather(design, [plan for plan in design.plans if plan.role == "rung"])
    return dict(Figures.of(design, readings).poles)


@dataclass(frozen=True)
class _Decided:
    """The records of every schedule and average, in their order."""

    contrasts: list[Contrast] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def _findings(design: Design, readings: pl.DataFrame) -> dict[str, Any]:
    settings = design.settings
    diverged = [run.path.name for run in lived_runs(design) if run.diverged_at is not None]
    figures = Figures.of(design, readings)
    washout = figures.washout()
    decided = _decided(figures, washout)
    hypotheses = answered(settings.hypotheses, decided.verdicts, design.axis.name)
    measures = readings["measure"].unique()
    deviations = deviations_of(design, diverged=diverged, measures=measures)
    fading = half_lives(figures)
    read = interpretation(design, figures.readings)
    told = answer(
        block="+".join(settings.block),
        contrasts=decided.contrasts,
        verdicts=decided.verdicts,
        costs=decided.costs,
        diverged=diverged,
        half_lives=fading,
        hypotheses=hypotheses,
        deviations=deviations,
    )
    return {
        **facts_of(design),
        "poles": {name: asdict(poles) for name, poles in figures.poles.items()},
        "contrasts": [asdict(contrast) for contrast in decided.contrasts],
        "verdicts": [asdict(verdict) for verdict in decided.verdicts],
        "costs": [asdict(cost) for cost in decided.costs],
        "washout": _record(washout),
        "diverged": diverged,
        "deviations": deviations,
        "hypotheses": [asdict(one) for one in hypotheses],
        "half_lives": [asdict(one) for one in fading],
        "interpretation": _record(read),
        "doses": _record(doses(figures)),
        "exploratory": {
            "omnibus": [asdict(one) for one in explored(figures)],
            "order_spreads": [asdict(one) for one in spreads_of_orders(figures)],
        },
        "answer": told,
    }


def _decided(figures: Figures, washout: Washout | None) -> _Decided:
    """Contrasts, costs and a verdict for each axis, by schedule and average."""
    design, found = figures.design, _Decided()
    settings = design.settings
    for schedule in settings.curves:
        for average in (None, *(average.name for average in design.averages)):
            stage = average or LIFE
            own = figures.contrasts(schedule, stage)
            is_washed = bool(settings.washout) and average is None
            washed = figures.contrasts(schedule, WASHOUT) if is_washed else []
            price = figures.costs(schedule, stage)
            after = _NOT_WASHED if average else washout
            for one in design.dimensions:
                poles = figures.poles[one.axis.name]
                found.verdicts.append(_verdict(design, one, poles, own, price, after, washed))
            found.contrasts.extend([*own, *washed])
            found.costs.extend(price)
        if figures.cut_short(schedule):
            found.contrasts.extend(figures.contrasts(schedule, CUT_SHORT))
    found.contrasts.extend(figures.interactions())
    return found


def _record(found: Interpretation | Doses | Washout | None) -> dict[str, Any] | None:
    return asdict(found) if found else None


def _verdict(
    design: Design,
    dimension: Dimension,
    poles: Poles,
    contrasts: Sequence[Contrast],
    price: Sequence[Cost],
    washout: Washout | None,
    washed: Sequence[Contrast],
) -> Verdict:
    """What the rules say of one axis under one schedule."""
    axis, settings = dimension.axis, design.settings
    own = [c for c in contrasts if c.axis == axis.name]
    if settings.next and settings.against:  # O begins with the other pole, no other kind
        own = [c for c in own if c.name != "F−O"]
    first = contrasts[0]
    evidence = Evidence(
        schedule=first.schedule,
        average=first.average,
        measure=dimension.primary,
        block="+".join(settings.block),
        axis=axis.name,
        toward="" if dimension is design.dimensions[0] else axis.positive.name,
        poles=poles,
        contrasts=[c for c in own if c.measure == dimension.primary],
        costs=price,
        washout=washout,
        washed=[c for c in washed if (c.axis, c.measure) == (axis.name, dimension.primary)],
        companions=[c for c in own if c.measure in COMPANIONS],
    )
    return decide(evidence)


def lines_of(findings: Mapping[str, Any]) -> list[str]:
    """What a terminal is told: the answer, and how the next block was read, if there is one."""
    read = findings["interpretation"]
    return [*findings["answer"], *(read["sentences"] if read else ())]


def open_findings(study: Path) -> Mapping[str, Any]:
    """`findings.json` of a concluded study.

    Raises `ArtefactError` if there is none, or if what is derived of its runs is damaged.
    """
    check_seal(Path(study))
    found: Mapping[str, Any] = read_json(Path(study) / "findings.json")
    return found
