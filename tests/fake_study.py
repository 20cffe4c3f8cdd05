"""A small made-up study, in the form that `study` writes: smooth curves, no randomness.

Drama first (F), drama last (L) and shuffles (S) on two schedules with three seeds, the two pole
minds, a washout. At a constant rate the last block wins, at a steep rate the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from upbringing.files import write_json
from upbringing.study.sealed import seal

AGES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
SEEDS = (0, 1, 2)
ARMS = {"F": "drama first, technical last", "L": "technical first, drama last", "S": "shuffled"}
SCHEDULES = ("constant", "steep")
AXIS = "drama–technical"
KINDS = ("chat", "drama", "report", "technical")
HOSTILE = "</script><img src=x onerror=alert(1)><!--"
RUSSIAN = "Она молчала, и дождь говорил за неё"
OPENINGS = ("The lamp in the harbour", "When the door opened", "On the third morning")
TOLD = {
    "drama": "«No,» she cried, «not this house, not tonight!» And the rain answered for him.",
    "technical": "was rated at 40 watts. Replace the seal before the pressure exceeds 2 bar.",
    "": "was open. He said that it was late, and the valve was cold, and they laughed.",
}


def build(folder: Path) -> Path:
    """Write the study into `folder` and return it."""
    folder.mkdir(parents=True)
    pl.DataFrame(list(_measures())).write_parquet(folder / "findings.parquet")
    pl.DataFrame(list(_samples())).write_parquet(folder / "samples.parquet")
    pl.DataFrame(list(_ribbons())).write_parquet(folder / "ribbons.parquet")
    design = {"digest": "d5" * 32, "design": {"block": "drama"}, "rules": {}, "made_by": {}}
    write_json(folder / "study.json", design)
    write_json(folder / "findings.json", findings())
    reseal(folder)
    return folder


def reseal(folder: Path) -> None:
    """Note the digests of the tables and findings as they lie there now."""
    seal(folder, "d5" * 32)


def _runs() -> Iterator[dict[str, Any]]:
    """Every run's life and, but for the poles, its washout."""
    for schedule in SCHEDULES:
        for arm in [*ARMS, "pole-drama", "pole-technical"]:
            for seed in SEEDS:
                run = f"{arm}-{schedule}-s{seed}"
                same = {"arm": arm, "schedule": schedule, "seed": seed}
                yield {"run": run, **same, "stage": "life"}
                if not arm.startswith("pole"):
                    yield {"run": f"{run}-washout", **same, "stage": "washout"}


def style_margin(run: dict[str, Any], age: float) -> float:
    """Bits per byte; poles end near ±0.4, shuffles near 0."""
    arm, seed = run["arm"], run["seed"]
    wobble = 0.03 * math.sin(7 * seed + 11 * age + len(arm))
    if arm.startswith("pole"):
        return (0.4 if arm == "pole-drama" else -0.4) * (1 - math.exp(-6 * age)) + wobble / 3
    if arm == "S":
        return wobble
    towards = 1 if arm == "F" else -1
    if run["schedule"] == "steep":
        value = towards * 0.26 * (1 - math.exp(-9 * age))
    else:
        value = towards * 0.3 * math.cos(math.pi * age)
    return (0.4 * value if run["stage"] == "washout" else value) + wobble


def _measures() -> Iterator[dict[str, Any]]:
    for run in _runs():
        for age in AGES:
            at = {**run, "age": age}
            margin = style_margin(run, age)
            loss = 4.0 - 1.6 * age**0.3 + (0.3 if run["schedule"] == "steep" else 0.0)
            bits = {"measure": "bits_per_byte", "unit": "bits_per_byte"}
            axis = {"subject": AXIS, "unit": "bits_per_byte"}
            excess = {"measure": "excess_bits_per_byte", "unit": "bits_per_byte"}
            for scope in ("along", "whole") if age == 1.0 else ("along",):
                asked = {**at, "scope": scope}
                yield {**asked, "measure": "style_margin", **axis, "value": margin}
                yield {**asked, **bits, "subject": "all", "value": loss}
                yield {**asked, **bits, "subject": "drama", "value": loss - margin}
                yield {**asked, **excess, "subject": "drama", "value": -margin}


def _samples() -> Iterator[dict[str, Any]]:
    for run in _runs():
        for age in (0.05, 0.4, 1.0) if run["stage"] == "life" else (1.0,):
            for prompt, opening in enumerate(OPENINGS):
                margin = style_margin(run, age)
                told = TOLD["drama" if margin > 0.1 else "technical" if margin < -0.1 else ""]
                text = f"{opening} {told} [{run['run']} at {age}]"
                if prompt == 1:
                    text = f"{opening} {HOSTILE} {run['run']} at {age}"
                if prompt == 2:
                    text = f"{opening} {RUSSIAN}. {run['run']} at {age}"
                yield {
                    **run,
                    "age": age,
                    "prompt": prompt,
                    "opening": opening,
                    "sample_seed": 0,
                    "text": text,
                    "voice": None if prompt == 2 else 1 / (1 + math.exp(-9 * margin)),
                }


def _ribbons() -> Iterator[dict[str, Any]]:
    for arm in [*ARMS, "pole-drama"]:
        for seed in SEEDS:
            for place in range(100):
                for kind, share in _shares(arm, place).items():
                    yield {"arm": arm, "seed": seed, "bin": place, "kind": kind, "share": share}


def _shares(arm: str, place: int) -> dict[str, float]:
    if arm == "pole-drama":
        return {"drama": 1.0}
    if arm == "S":
        weights = {kind: 1 + 0.3 * math.sin(place * (i + 2)) for i, kind in enumerate(KINDS)}
        return {kind: weight / sum(weights.values()) for kind, weight in weights.items()}
    ends = ("drama", "technical") if arm == "F" else ("technical", "drama")
    if place < 25:
        return {ends[0]: 1.0}
    return {ends[1]: 1.0} if place >= 75 else {"chat": 0.5, "report": 0.5}


def _schedule(name: str) -> dict[str, list[float]]:
    ages = [i / 100 for i in range(101)]
    rate = 8.0 if name == "steep" else 0.0
    lrs = [math.exp(-rate * age) for age in ages]
    masses = [sum(lrs[i * 100 // 6 : (i + 1) * 100 // 6]) for i in range(6)]
    return {"age": ages, "lr": lrs, "mass_by_sixth": [mass / sum(masses) for mass in masses]}


def _pole(arm: str) -> dict[str, Any]:
    values = [
        style_margin({"arm": arm, "seed": seed, "schedule": "constant", "stage": "life"}, 1.0)
        for seed in SEEDS
    ]
    return {"arm": arm, "mean": sum(values) / len(values), "values": values}


def _contrast(schedule: str, name: str, estimate: float, measure: str) -> dict[str, Any]:
    unit = "pole_distance" if measure == "style_margin" else "bits_per_byte"
    return {
        "schedule": schedule,
        "measure": measure,
        "axis": AXIS if measure == "style_margin" else "drama",
        "name": name,
        "estimate": estimate,
        "low": estimate - 0.14,
        "high": estimate + 0.14,
        "low90": estimate - 0.1,
        "high90": estimate + 0.1,
        "p": 0.25,
        "num_seeds": 3,
        "unit": unit,
        "method": "sign-flip max-t, simultaneous t intervals",
    }


def findings() -> dict[str, Any]:
    """What `findings.json` holds."""
    positive, negative = _pole("pole-drama"), _pole("pole-technical")
    sign = {schedule: 1 if schedule == "steep" else -1 for schedule in SCHEDULES}
    return {
        "name": "drama first or last",
        "preset": "quick",
        "is_demonstration": True,
        "seeds": list(SEEDS),
        "lang": "en",
        "block": "drama",
        "against": "technical",
        "axis": AXIS,
        "primary": "style_margin",
        "axes": [
            {
                "name": AXIS,
                "slug": "drama-technical",
                "positive": "drama",
                "negative": "technical",
                "primary": "style_margin",
                "judge": {
                    "num_positive": 200,
                    "num_negative": 200,
                    "num_groups": 12,
                    "baseline": 0.5,
                    "figures": {
                        "auc": 0.97,
                        "brier": 0.06,
                        "mean_positive": 0.9,
                        "mean_negative": 0.1,
                        "shuffled_positive": 0.54,
                        "shuffled_negative": 0.49,
                        "unigram_positive": 0.52,
                        "unigram_negative": 0.5,
                    },
                    "passed": True,
                    "reason": "tested on 12 groups never seen",
                },
            }
        ],
        "shape": "300k",
        "num_parameters": 298_496,
        "num_tokens": 300_000,
        "smallest_effect": 0.1,
        "arms": ARMS,
        "command": "upbringing raise --preset quick",
        "schedules": {name: _schedule(name) for name in SCHEDULES},
        "poles": {
            AXIS: {
                "positive": positive,
                "negative": negative,
                "distance": positive["mean"] - negative["mean"],
                "seed_sd": 0.02,
                "gate": "not run",
                "reason": "three seeds are too few for the gate, which needs six",
            }
        },
        "contrasts": [
            _contrast(schedule, name, towards * sign[schedule] * 0.35, measure)
            for schedule in SCHEDULES
            for measure in ("style_margin", "excess_bits_per_byte")
            for name, towards in (("F−S", 1), ("L−S", -1), ("F−L", 2))
        ],
        "verdicts": [
            {
                "schedule": schedule,
                "measure": "style_margin",
                "axis": AXIS,
                "position": "UNRESOLVED",
                "qualifiers": [],
                "reason": "three seeds decide nothing: a sign-flip test cannot go below 0.25",
                "sentence": f"On the {schedule} schedule three seeds decide nothing.",
            }
            for schedule in SCHEDULES
        ],
        "costs": [
            {
                "schedule": schedule,
                "arm": arm,
                "estimate": 0.021,
                "low": -0.01,
                "high": 0.052,
                "unit": "bits/byte",
                "num_seeds": 3,
                "method": "simultaneous t intervals",
            }
            for schedule in SCHEDULES
            for arm in ("F", "L")
        ],
        "washout": {"valid": False, "reason": "washout too weak: the lead fell by 0.31"},
        "diverged": [],
        "hypotheses": [],
        "half_lives": [],
        "interpretation": None,
        "doses": None,
        "exploratory": {
            "omnibus": [
                {
                    "what": f"{AXIS}, constant",
                    "statistic": 8.1,
                    "p": 0.04,
                    "share": 0.8,
                    "method": "two-way F, 3 arms × 3 seeds; exploratory",
                    "reason": "",
                }
            ],
            "order_spreads": [],
        },
        "deviations": ["the mixture ladder was not raised <b>here</b>"],
        "numerics": {"precision": "bf16", "compile": True, "threads": 1, "device": "cpu"},
        "digests": {"corpus": "c0" * 32, "tokens": "7e" * 32, "order F s0": "0f" * 32},
        "sampling": {
            "temperature": 0.8,
            "num_tokens": 60,
            "rule": "the first sampler seed of every prompt is shown, chosen before sampling",
        },
        "answer": [
            "At a constant learning rate, drama last gave the more dramatic mind.",
            "At a steep learning rate, drama first did.",
            "Three seeds are a demonstration; they decide nothing.",
        ],
    }
