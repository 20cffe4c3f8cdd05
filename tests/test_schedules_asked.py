"""Schedules on the command line: each that a study takes, by name, with settings, as a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from command import Command

from upbringing.cli.options import curves_in
from upbringing.errors import SettingsError
from upbringing.order import ARMS
from upbringing.study import StudySettings
from upbringing.training import CURVES, curve_label


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ("linear", ["linear"]),
        ("linear,steep", ["linear", "steep"]),
        ("{wsd: 0.1}", ["wsd-decay0.1"]),
        ("{0: 1, 1: 0}, constant", ["table-0=1-1=0", "constant"]),
        ("cosine, {wsd: {decay: 0.1, to: 0.5}}", ["cosine", "wsd-decay0.1-to0.5"]),
        ("", []),
    ],
)
def test_schedules_are_told_apart_by_commas_outside_of_them(said: str, labels: list[str]) -> None:
    assert [curve_label(curve) for curve in curves_in(said, "--schedules")] == labels


@pytest.mark.parametrize("said", ["{wsd: 0.1", "linear]", "linear,,steep", "{? [a] : 1}"])
def test_what_is_no_list_is_refused_by_the_name_of_its_option(said: str) -> None:
    with pytest.raises(SettingsError, match=r"^--schedules: "):
        curves_in(said, "--schedules")


@dataclass(frozen=True)
class Raised:
    """What `raise` prints of minds that were raised."""

    page: str = "page"
    findings: Any = None


def test_raise_takes_what_a_study_takes(
    upbringing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[StudySettings] = []

    def raise_minds(source: object, settings: StudySettings, *_: Any, **__: Any) -> Raised:
        asked.append(settings)
        return Raised(findings={"answer": []})

    monkeypatch.setattr("upbringing.protocol.raise_minds", raise_minds)
    options = ("--schedules", "{wsd: 0.1}, {0: 1, 1: 0}, cosine", "--arms", ",".join(ARMS))
    said = upbringing("raise", "--preset", "standard", *options)
    assert (said.code, said.err) == (0, "")
    (settings,) = asked
    assert list(settings.curves) == ["wsd-decay0.1", "table-0=1-1=0", "cosine"]
    assert settings.arms == ARMS
    said = upbringing("raise", "--schedules", "constant, {wsd: 2}")
    assert (said.code, "schedule 'wsd': decay: " in said.err) == (2, True)


def test_help_says_which_arms_and_schedules_there_are(upbringing: Command) -> None:
    said = re.sub(r"[│\s]+", " ", upbringing("raise", "--help").out)
    assert f"Of {','.join(ARMS)}." in said
    for verb in ("raise", "imprint"):
        said = re.sub(r"[│\s]+", " ", upbringing(verb, "--help").out)
        named = ", ".join(name for name in CURVES if name != "table")
        assert f"{named}, or tables; with commas." in said
