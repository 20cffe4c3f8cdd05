# /// script
# dependencies = ["hypothesis>=6.140", "tensorboard>=2.20", "trackio>=0.43", "wandb>=0.31"]
# ///
"""trackio and Weights & Biases, the real ones: what they keep of a life, on this machine alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from lives import raised

from upbringing.training import Log, Run


def mirrored(home: Path, sink: str, folder: Path) -> Run:
    with Log((sink,), folder).open(pytest.fail) as mirror:
        return raised(home, home / f"to {sink}", on_step=mirror("life"))


def test_trackio_keeps_each_step_once(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = mirrored(home, "trackio", tmp_path)
    with sqlite3.connect(tmp_path / "upbringing.db") as database:
        found = database.execute(
            "select run_name, step, json_extract(metrics, '$.loss') from metrics order by step"
        ).fetchall()
    expected = run.metrics.select("step", "loss").rows()
    assert [(name, step) for name, step, _ in found] == [("life", step) for step, _ in expected]
    assert [loss for *_, loss in found] == pytest.approx([loss for _, loss in expected])
    assert capsys.readouterr().out == ""


def test_wandb_keeps_an_offline_run(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = mirrored(home, "wandb", tmp_path)
    (kept,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert kept.read_bytes().count(b"num_tokens") >= len(run.metrics)
    assert "".join(capfd.readouterr()) == ""
