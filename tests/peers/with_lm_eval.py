# /// script
# dependencies = ["lm-eval[hf]>=0.4.13"]
# ///
"""lm-evaluation-harness: the same log-likelihoods as ours, and any task of it as a measure."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harnessing import Home, home_at
from ruamel.yaml import YAML

from upbringing.character import Probes
from upbringing.character.asked import Asked
from upbringing.character.harness.results import read_results
from upbringing.character.harness.running import (
    check_harness_tasks,
    harness_measure,
    harness_readings,
)
from upbringing.character.harness.tasks import export_tasks
from upbringing.character.measures import measures, readings_of
from upbringing.errors import InputError
from upbringing.study.harnessed import import_results
from upbringing.training import open_mind

PARITY = 1e-4
AXIS = "drama–technical"
STYLE = ("style_margin", "style_margin_sum", "style_margin_pmi")
MEASURES = (*STYLE, "bits_per_byte", "knowledge_margin", "knowledge_by_kind")


@pytest.fixture(scope="module", params=["en", "ru"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_at(tmp_path_factory.mktemp(request.param), request.param)


def evaluated(tasks: Path, minds: list[Path]) -> Path:
    """What the command of the exported README does, in the folder of the tasks."""
    readme = (tasks / "README.md").read_text("utf-8")
    command = readme.partition("```\n")[2].partition("\n```")[0]
    lines = [line for line in command.splitlines() if not line.startswith(("pip", "upbringing"))]
    script = "\n".join(lines).replace("RUN/checkpoints/age_*", " ".join(map(str, minds)))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tasks, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return tasks / "results"


@pytest.mark.parametrize("row_length", [512, 128, 48])
def test_figures_are_ours_to_a_ten_thousandth(
    home: Home, tmp_path: Path, row_length: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where rows are shorter than the texts; of the items that were kept."""
    checkpoints = tmp_path / "runs" / "F-s0" / "checkpoints"
    minds = [
        home.mind(checkpoints / f"age_{age:.4f}", row_length=row_length, seed=seed)
        for seed, age in enumerate((0.5, 1.0))
    ]
    probes = home.probes(num_pairs=24)
    export_tasks(minds[0], row_length, probes, tmp_path / "tasks")
    kept = only_kept(probes, tmp_path / "tasks")
    results = evaluated(tmp_path / "tasks", minds)
    largest = dict.fromkeys((*MEASURES, "rolling"), 0.0)
    for result in read_results([results]):
        assert result.notes == ()
        theirs = {(one.measure, one.subject): one.value for one in result.readings}
        asked = Asked(open_mind(Path(result.checkpoint)), kept)
        for one in readings_of(asked, [measures()[name] for name in MEASURES]):
            difference = abs(theirs[one.measure, one.subject] - one.value)
            largest[one.measure] = max(largest[one.measure], difference)
            if one.measure == "bits_per_byte" and one.subject != "all":
                rolling = theirs[f"lm-eval:upbringing_rolling_{one.subject}", one.measure]
                largest["rolling"] = max(largest["rolling"], abs(rolling - one.value))
    num_pairs = len(kept.pairs[AXIS])
    with capsys.disabled():
        differences = ", ".join(f"{name} {value:.0e}" for name, value in largest.items())
        sys.stdout.write(f"\nrows of {row_length}, {num_pairs} of 24 pairs: {differences}\n")
    rolling = largest.pop("rolling")
    assert max(largest.values()) <= PARITY
    assert (rolling <= PARITY) == (row_length == 512)  # its own windows, where a text has several
    assert num_pairs >= 12
    imported = import_results([results], tmp_path / "readings").readings
    assert imported["age"].unique().sort().to_list() == [0.5, 1.0]


def only_kept(probes: Probes, tasks: Path) -> Probes:
    """The probes without what was left out of the export."""

    def items(name: str) -> list[int]:
        rows = (tasks / "data" / f"{name}.jsonl").read_text("utf-8").splitlines()
        return sorted({json.loads(row)["item"] for row in rows})

    kept = replace(probes)
    style = items("upbringing_style_drama-technical")
    vars(kept)["pairs"] = {AXIS: [probes.pairs[AXIS][n] for n in style]}
    vars(kept)["held_out"] = {
        kind: [passages[n] for n in items(f"upbringing_bits_{kind}")]
        for kind, passages in probes.held_out.items()
    }
    facts = items("upbringing_knowledge_facts")
    vars(kept)["questions"] = [probes.questions[n] for n in facts]
    return kept


def test_other_settings_are_other_figures(home: Home, tmp_path: Path) -> None:
    """What the README asks for is needed: in bf16, margins differ by more than is allowed."""
    mind = home.mind(tmp_path / "mind")
    export_tasks(mind, 256, home.probes(), tmp_path / "tasks")
    task = str(tmp_path / "tasks" / "upbringing_rolling_drama.yaml")
    exact, rough = (
        harness_readings(mind, [task], dtype=dtype)[0].value for dtype in ("float32", "bfloat16")
    )
    assert abs(exact - rough) > PARITY


def test_a_task_of_a_person_is_a_measure(home: Home, tmp_path: Path) -> None:
    """Its YAML names a file beside it, and its figures are those of the harness."""
    mind = home.mind(tmp_path / "mind")
    rows = [{"q": "The seal is", "options": [" open", " closed"], "a": n % 2} for n in range(6)]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = {
        "task": "mine", "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": "rows.jsonl"}}, "test_split": "test",
        "output_type": "multiple_choice", "doc_to_text": "q", "doc_to_choice": "options",
        "doc_to_target": "a", "metric_list": [{"metric": "acc"}],
    }  # fmt: skip
    task = tmp_path / "mine" / "task.yaml"
    YAML().dump(said, task)
    name = f"lm-eval:{task}"
    check_harness_tasks([name])
    measure = harness_measure(name)
    asked = Asked(open_mind(mind), home.probes(), mind)
    assert measure.ask(asked) == {"acc": 0.5}
    assert (measure.along, measure.file_digest is not None) == (False, True)
    (one,) = harness_readings(mind, [str(task)], limit=1)
    assert (one.task, one.metric) == ("mine", "acc")
    assert one.value in (0.0, 1.0)


def test_what_is_unknown_or_needs_the_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: Any, **options: Any) -> None:
        pytest.fail("asks the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    remote = tmp_path / "remote.yaml"
    said = {
        "task": "remote", "dataset_path": "nobody/no-such-data", "test_split": "test",
        "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "text",
    }  # fmt: skip
    YAML().dump(said, remote)
    names = ["lm-eval:arc_eazy", f"lm-eval:{remote}", "lm-eval:arc_easy"]
    with pytest.raises(InputError) as refused:
        check_harness_tasks(names)
    problems = [str(problem) for problem in refused.value.problems]
    assert "knows no task 'arc_eazy'" in problems[0]
    assert "did you mean 'arc_easy'?" in problems[0]
    for problem in problems[1:]:
        assert "cannot be loaded" in problem
        assert "nothing is asked of the network" in problem
    assert len(problems) == 3
