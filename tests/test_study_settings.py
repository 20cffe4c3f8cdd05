"""study.yaml: presets, and every mistake at its place."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from stories import pico_settings

from upbringing.errors import InputError, SettingsError
from upbringing.settings import parse_settings
from upbringing.study import StudySettings, preset
from upbringing.training import CURVES


@pytest.mark.parametrize(("name", "num_seeds"), [("quick", 3), ("standard", 8), ("confirm", 10)])
def test_presets(name: str, num_seeds: int) -> None:
    settings = preset(name)
    assert (settings.preset, len(settings.seeds)) == (name, num_seeds)
    said = settings.model_dump(mode="json")
    assert StudySettings.model_validate(said).model_dump(mode="json") == said


def test_calibration_seeds_are_not_those_that_confirm() -> None:
    assert not {*preset("confirm").seeds} & {*preset("standard").seeds, *preset("quick").seeds}


def test_a_preset_with_changes() -> None:
    changed = preset("quick", block=["poetry"], seeds=4, tokens=None, lang="ru")
    assert changed.block == ("poetry",)
    assert changed.seeds == (0, 1, 2, 3)
    assert changed.tokens == preset("quick").tokens  # None changes nothing
    assert changed.lang == "ru"


def test_unknown_preset() -> None:
    with pytest.raises(InputError, match="no preset is called 'qick'\n    allowed: confirm, quick"):
        preset("qick")


def test_mistakes_in_the_changes_are_all_told() -> None:
    with pytest.raises(SettingsError) as error:
        preset("quick", arms=["F", "X", "S"], shape="301k", schedules=["slow"], seeds=1)
    said = [(p.what, p.where) for p in error.value.problems]
    where = "preset quick with what you ask for"
    assert said == [
        ("arms: no arm is called 'X'; allowed: F, M, L, S, O, N, D", where),
        (f"schedules.0: no schedule is called 'slow'; allowed: {', '.join(CURVES)}", where),
        ("seeds: a study needs 2 seeds or more, its verdict 6", where),
        ("shape: no shape is called '301k'; allowed: 300k, 1m, 3m, 10m, 30m, 124m", where),
    ]


FIVE_MISTAKES = """\
name: five mistakes
block: drama
arms: [F, L]
schedules: [constant, slow]
seeds: 3
shapes: 1m
probes: {num_pair: 4}
ages: [0.5, 0.2]
"""


def test_five_mistakes_are_all_told_at_their_places() -> None:
    with pytest.raises(SettingsError) as error:
        parse_settings(FIVE_MISTAKES, StudySettings, name="study.yaml")
    said = [(p.where, p.what.split(":")[0], p.do) for p in error.value.problems]
    assert said == [
        ("study.yaml:3:1", "arms", None),
        ("study.yaml:4:23", "schedules.1", None),
        ("study.yaml:6:1", "unknown key 'shapes'", "did you mean 'shape'?"),
        ("study.yaml:7:10", "unknown key 'probes.num_pair'", "did you mean 'num_pairs'?"),
        ("study.yaml:8:1", "ages", None),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": ("F", "L")}, "add S to the arms"),
        ({"arms": ("S",)}, "compared with nothing"),
        ({"arms": ("F", "S", "F")}, "each may stand here once"),
        ({"seeds": (1, 1)}, "each may stand here once"),
        ({"seeds": 1}, "a study needs 2 seeds"),
        ({"seeds": (-1, 2)}, "greater than or equal to 0"),
        ({"schedules": ("steep", "steep")}, "each may stand here once"),
        ({"ages": (0.5, 0.9)}, "the last one is 1"),
        ({"ages": (0.5, 0.5, 1.0)}, "ages rise"),
        ({"tokens": 10}, "greater than or equal to 1000"),
        ({"block": ()}, "at least 1 item"),
        ({"washout": {"share": 0}}, "greater than 0"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        pico_settings(**changes)
