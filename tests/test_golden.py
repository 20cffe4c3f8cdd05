"""Golden losses: a life of thirty rows under each schedule and lever, step by step, in fp32."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lives import raised
from matrix import LEVERS, OWN_LOOP
from worlds import make_home

from upbringing.training import CURVES

SCHEDULES: dict[str, Any] = {name: name for name in CURVES} | {
    "wsd": {"wsd": 0.6},
    "table": {0: 1, 0.5: 0.2, 1: 0},
}
WAYS = {
    **{name: {"schedule": said} for name, said in SCHEDULES.items()},
    **{name: options for name, options in LEVERS.items() if name != "schedule"},
}

# Six steps of five rows, linear; more where levers begin and end, after 12 and 24 rows or each six.
# What leaves a life as it is has the losses of the life without it: micro-batches those of
# `linear`, a moving average those of `loss`, under which it is kept.
GOLDEN = """
constant                   5.6943 5.6083 5.2896 5.0801 4.8826 4.8082
linear                     5.6943 5.6083 5.3242 5.1714 5.0560 5.0847
cosine                     5.6943 5.6083 5.3032 5.1383 5.0250 5.0683
wsd                        5.6943 5.6083 5.2896 5.0801 4.9112 4.9070
steep                      5.6943 5.6083 5.4692 5.4070 5.3919 5.5193
inverse_sqrt               5.6943 5.6083 5.3915 5.2789 5.1950 5.2312
table                      5.6943 5.6083 5.3464 5.2289 5.1707 5.2321
modules                    5.6943 5.6083 5.3856 5.1551 5.0632 4.9778 4.9704 5.0594
moments anew               5.6943 5.6083 5.3856 5.1551 5.0682 4.9304 4.9885 5.1747
adapter                    5.6943 5.6083 5.3856 5.1551 5.1695 5.1644 5.1952 5.2779
adapter in weighed passes  5.6943 5.5251 5.6134 5.3780 5.3086 5.3217 5.3174 5.3044 5.4426 5.7851
batch size                 5.6943 5.6083 5.3856 5.1418 5.0815 4.9784 4.9285 4.9274 5.0390
loss                       5.6943 5.6083 5.3856 5.1551 5.1706 5.1679 5.1974 5.2782
re-warming                 5.6943 5.6083 5.3856 5.1551 5.1107 5.0167 5.0155 5.1105
priority                   5.6943 5.6083 5.3242 5.1707 5.0547 5.0844
dose                       5.6943 5.6017 5.3608 5.1992 5.0807 5.0966
moving average             5.6943 5.6083 5.3856 5.1551 5.1706 5.1679 5.1974 5.2782
micro-batches              5.6943 5.6083 5.3242 5.1714 5.0560 5.0847
"""


@pytest.fixture(scope="module")
def golden_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("golden") / "home", OWN_LOOP)


@pytest.mark.parametrize("way", WAYS)
def test_the_losses_of_a_way_to_raise_a_mind_are_golden(way: str, golden_home: Path) -> None:
    rows = (re.split(" {2,}", line) for line in GOLDEN.strip().splitlines())
    (golden,) = ([*map(float, losses.split())] for name, losses in rows if name == way)
    run = raised(golden_home, golden_home / way, num_rows=30, ages=(1.0,), **WAYS[way])
    assert run.metrics["loss"].to_list() == pytest.approx(golden, abs=2e-4)
