"""What each mind answered, laid out for the page: the controls and the data behind them.

Takes a `Study`; gives HTML for the section and a JSON value for the page's script. Openings and
answers leave this module only as escaped HTML or as JSON strings; they are never markup.
"""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl

from upbringing.report import words
from upbringing.report.colours import arm_colour
from upbringing.report.folder import Study


def section(study: Study) -> str:
    """Controls for age, schedule, seed, prompt and draw above an empty place for the minds."""
    samples, findings = study.samples, study.findings
    schedules = [s for s in findings.schedules if s in samples["schedule"]]
    openings = samples.select("prompt", "opening").unique(subset="prompt").sort("prompt")
    steps = study.moments(samples)
    stages = [stage for stage, _ in steps]
    first_step = max(stages.count("life") - 1, 0)
    return f"""
<p>Every mind is given the same opening; the rest is its own. {escape(_sentence(study))}</p>
<div class="controls">
  <div class="across">
    <label for="sample-age">Move through {escape(_stretches(stages))}: <output id="sample-age-shown"
      for="sample-age"></output></label>
    <input type="range" id="sample-age" min="0" max="{len(steps) - 1}" step="1"
      value="{first_step}">
    {_stage_names(stages)}
  </div>
  {_select("prompt", "Opening", [(str(p), text) for p, text in openings.iter_rows()], "across")}
  {_select("schedule", "Learning rate", [(s, s) for s in schedules])}
  {_select("seed", "Seed", [(str(s), str(s)) for s in _distinct(samples, "seed")])}
  {_select("draw", "Sampler seed", [(str(s), str(s)) for s in _distinct(samples, "sample_seed")])}
</div>
<div class="minds" id="minds" lang="{escape(findings.lang)}"></div>"""


def data(study: Study) -> dict[str, Any]:
    """Steps through life, arms with colours, and `[key, opening, text, voice]` for each sample.

    A key is `arm/schedule/seed/step/prompt/sampler seed`, as the script joins it.
    """
    steps = study.moments(study.samples)
    place = {step: i for i, step in enumerate(steps)}
    arms = sorted(study.samples["arm"].unique().to_list(), key=words.arm_rank)
    answers = []
    for row in study.samples.to_dicts():
        step = place[row["stage"], row["age"]]
        key = (row["arm"], row["schedule"], row["seed"], step, row["prompt"], row["sample_seed"])
        opening, text = row["opening"], row["text"].removeprefix(row["opening"])
        voice = None if row["voice"] is None else words.number(row["voice"])
        answers.append(["/".join(map(str, key)), opening, text, voice])
    return {
        "steps": [words.age(age, stage) for stage, age in steps],
        "arms": [
            {"id": arm, "label": words.arm(arm, study.findings), "colour": arm_colour(arm)}
            for arm in arms
        ],
        "answers": answers,
        "scale": f"{study.findings.block} voice",
    }


def _sentence(study: Study) -> str:
    sampling, block = study.findings.sampling, study.findings.block
    rule = sampling.rule.rstrip(".")
    return (
        f"Temperature {sampling.temperature:g}, {sampling.num_tokens} tokens. Which samples are"
        f" shown: {rule}. “{block} voice” is the probability that the judge gives to {block}."
    )


def _stretches(stages: list[str]) -> str:
    """`life`, `life and washout`: what the slider goes through."""
    *others, last = dict.fromkeys(stages)
    return f"{', '.join(others)} and {last}" if others else last


def _stage_names(stages: list[str]) -> str:
    """The stretches of the slider under it, each as long as its steps; none for life alone.

    Steps lie one apart from end to end, so the first and the last stretch lack half a step.
    """
    names = list(dict.fromkeys(stages))
    if len(names) < 2:
        return ""
    inside = "".join(
        f'<span style="flex-grow:{stages.count(name) - (name in (names[0], names[-1])) / 2:g}">'
        f"{escape(name)}</span>"
        for name in names
    )
    return f'<div class="stages" aria-hidden="true">{inside}</div>'


def _distinct(samples: pl.DataFrame, column: str) -> list[int]:
    return samples[column].unique().sort().to_list()


def _select(name: str, label: str, options: list[tuple[str, str]], css_class: str = "") -> str:
    hidden = " hidden" if len(options) < 2 else ""
    inside = "".join(
        f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options
    )
    return (
        f'<div class="{css_class}"{hidden}><label for="sample-{name}">{label}</label>'
        f'<select id="sample-{name}">{inside}</select></div>'
    )
