"""Ctrl-C: the lives under way are saved, the command says so, and it goes on where it stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from lives import NEVER_S, Fault, everything, lived
from processes import COMMAND, ENVIRONMENT, children_of, group, needs_proc, wait_until
from stories import pico_settings
from test_population import member_of

from upbringing.corpus import Corpus
from upbringing.files import write_json
from upbringing.order import compile_order, parse_curriculum
from upbringing.training import Moment, Run
from upbringing.training.machine import stop_asked
from upbringing.training.population import raise_population

GOES_ON = "saved: the same command continues\n"


def test_ctrl_c_saves_and_leaves_and_the_life_goes_on_to_the_same_bits(home: Path) -> None:
    assert lived(home, home / "never interrupted")[0] == 0
    place = home / "interrupted"
    code, said = lived(home, place, every_s=NEVER_S, fault=Fault("interrupted", 7))
    assert (code, said) == (0, "KeyboardInterrupt: stopped after step 7")
    assert [folder.name for folder in (place / "resume").iterdir()] == ["step_00000007"]
    assert lived(home, place)[0] == 0
    assert everything(place) == everything(home / "never interrupted")


def test_ctrl_c_saves_every_mind_of_a_population(home: Path, tmp_path: Path) -> None:
    corpus = Corpus.open(home / "corpus")
    order = "{name: other, phases: [{name: life, scenes: rest}]}"
    for seed in range(2):
        compile_order(corpus, parse_curriculum(order), seed=seed).save(home / "several" / str(seed))

    def interrupt(now: Moment) -> None:
        if now.done == 4:
            signal.raise_signal(signal.SIGINT)

    first, second = (member_of(home / "several", tmp_path, number) for number in range(2))
    with pytest.raises(KeyboardInterrupt, match="stopped after step 4"):
        raise_population([replace(first, on_step=interrupt), second], snapshot_every_s=NEVER_S)
    assert len(list(tmp_path.glob("mind */resume/step_00000004"))) == 2


def test_a_second_ctrl_c_does_not_wait() -> None:
    with stop_asked() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        asked.number = None


def test_a_signal_that_comes_too_late_is_not_lost() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_asked():
        signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_where_ctrl_c_is_ignored_it_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_asked() as asked:
            signal.raise_signal(signal.SIGINT)
            assert asked.number is None
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted(command: list[str | Path], begun: str, where: Path) -> tuple[int, str]:
    """Ctrl-C when there is a file of this pattern: the exit code, and what stands on stderr."""
    with group(command, where) as process:
        wait_until(lambda: any(where.glob(begun)), process)
        os.killpg(process.pid, signal.SIGINT)
        _, complaints = process.communicate(timeout=120)
    return process.returncode, complaints


WORKERS = """
import sys, time
from upbringing.study.pool import Progress, side_by_side

def work(name, report):
    while True:
        report(Progress(name, "life"))
        time.sleep(0.05)

def begin():
    return work

if __name__ == "__main__":
    try:
        side_by_side(begin, ["a", "b", "c"], num_workers=2)
    except KeyboardInterrupt as error:
        print("KeyboardInterrupt:", error)
"""


@needs_proc
def test_ctrl_c_while_the_workers_begin_is_quiet(tmp_path: Path) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    with group([sys.executable, script]) as process:
        # Two workers, and what watches their semaphores.
        wait_until(lambda: len(children_of(process.pid)) >= 3, process)
        os.killpg(process.pid, signal.SIGINT)
        said, complaints = process.communicate(timeout=60)
    assert (said, complaints) == ("KeyboardInterrupt: stopped\n", "")


def test_ctrl_c_in_a_life_on_the_command_line(home: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [
        COMMAND, "train", home / "order", "--corpus", home / "corpus", "-o", "mind",
        "--tokenizer", home / "tokenizer.json", "--row-length", "8", "--batch-size", "1",
    ]  # fmt: skip
    code, complaints = interrupted(command, "mind/checkpoints/age_0.05*", tmp_path)
    assert code == 130
    assert complaints.startswith("stopped after step ")
    assert complaints.endswith(GOES_ON)
    assert complaints.count("\n") == 1
    (snapshot,) = (tmp_path / "mind" / "resume").iterdir()
    assert int(snapshot.name.removeprefix("step_")) == int(complaints.split()[3].rstrip(","))
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, env=ENVIRONMENT, check=False)
    assert (again.returncode, again.stderr) == (0, b"")
    assert Run.open(tmp_path / "mind").verify()


def test_ctrl_c_in_a_study_of_one_worker(stories: Corpus, tmp_path: Path) -> None:
    settings = pico_settings(batch_size=1, shape="3m", ages=(0.05, 1.0))
    write_json(tmp_path / "study.yaml", settings.model_dump(mode="json", exclude_defaults=True))
    command: list[str | Path] = [
        COMMAND, "study", "study.yaml", "--corpus", stories.path, "-o", "study", "--workers", "1",
    ]  # fmt: skip
    code, complaints = interrupted(command, "study/runs/*/checkpoints/age_0.05*", tmp_path)
    assert (code, complaints.endswith(GOES_ON)) == (130, True)
    assert complaints.startswith("stopped after step ")
    (snapshot,) = tmp_path.glob("study/runs/*/resume/step_*")
    assert snapshot.name > "step_00000000"
