"""Killed under a lever, a life continues to the same bytes; `make matrix` does so 20 times."""

from __future__ import annotations

from pathlib import Path

import pytest
from matrix import LEVERS, OWN_LOOP, lever_faults
from worlds import make_home


@pytest.fixture(scope="module")
def lever_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("levers") / "home", OWN_LOOP)


@pytest.mark.parametrize("lever", LEVERS)
def test_killed_under_a_lever_it_comes_to_the_same_bytes(
    lever: str, lever_home: Path, tmp_path: Path
) -> None:
    assert list(lever_faults(lever, lever_home, tmp_path, 1)) == [[]]
