"""Execution: one worker or two, killed or not, a study gives the same ledgers and figures."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from processes import group, is_over, needs_proc, workers_of
from stories import pico_settings

from upbringing.corpus import Corpus
from upbringing.errors import ArtefactError, ResumeError, StorageError
from upbringing.files import folder_digest, read_json
from upbringing.study import Design, Progress, conclude, execute, is_done, prepare
from upbringing.study import execution as execution_module
from upbringing.study.execution import run_folder, washout_folder
from upbringing.training import Run, loop

NUM_RUNS, NUM_WASHOUTS = 16, 12


def runs_of(study: Path) -> dict[str, Run]:
    return {f.parent.name: Run.open(f.parent) for f in sorted(study.glob("runs/*/run.json"))}


def assert_same_outcome(found: Path, expected: Path) -> None:
    """The same runs to the bit, and from them the same tables and records."""
    ours, theirs = runs_of(found), runs_of(expected)
    assert list(ours) == list(theirs)
    assert len(ours) == NUM_RUNS + NUM_WASHOUTS
    for name, run in ours.items():
        assert run.digest == theirs[name].digest, name  # ledger, weights, metrics
        files = ("profile.parquet", "samples.parquet")
        for file in files:
            pair = [(study / "runs" / name / "profile" / file) for study in (found, expected)]
            assert pair[0].read_bytes() == pair[1].read_bytes(), f"{name}: {file}"
    for file in ("findings.parquet", "samples.parquet", "ribbons.parquet", "findings.json"):
        assert (found / file).read_bytes() == (expected / file).read_bytes(), file
    assert not list(found.rglob(".*draft*"))


def test_two_workers_give_what_one_gives(pico: Design, stories: Corpus, tmp_path: Path) -> None:
    design = prepare(pico_settings(), stories, tmp_path / "study")
    heard: list[Progress] = []
    execute(design, num_workers=2, on_progress=heard.append)
    conclude(design)
    assert_same_outcome(design.path, pico.path)
    assert {p.run for p in heard} == {plan.name for plan in design.plans}
    assert {p.stage for p in heard} == {"life", "washout", "measured"}
    lived = [p for p in heard if p.stage != "measured"]
    assert all(p.now and 0 < p.now.done <= p.now.total for p in lived)
    assert {p.kind for p in lived} <= {*stories.kinds, "mixed"}


def mtimes(study: Path) -> dict[str, int]:
    return {
        file.relative_to(study).as_posix(): file.stat().st_mtime_ns
        for file in (study / "runs").rglob("*")
    }


def test_what_is_done_is_left_alone(pico_copy: Path) -> None:
    design = Design.open(pico_copy)
    before = mtimes(pico_copy)
    heard: list[Progress] = []
    execute(design, num_workers=1, on_progress=heard.append)
    execute(design, on_progress=heard.append)
    assert heard == []
    assert mtimes(pico_copy) == before


def test_only_what_is_missing_is_raised(pico: Design, pico_copy: Path) -> None:
    design = Design.open(pico_copy)
    shutil.rmtree(pico_copy / "runs" / "F-steep-s1")  # its washout stays
    shutil.rmtree(pico_copy / "runs" / "L-constant-s0-washout")
    shutil.rmtree(pico_copy / "runs" / "pole-drama-constant-s0" / "profile")
    before = mtimes(pico_copy)
    heard: list[Progress] = []
    execute(design, num_workers=1, on_progress=heard.append)
    conclude(design)
    steps = {(p.run, p.stage) for p in heard}
    assert steps == {
        ("F-steep-s1", "life"),
        ("F-steep-s1", "measured"),
        ("L-constant-s0", "washout"),
        ("L-constant-s0", "measured"),
        ("pole-drama-constant-s0", "measured"),
    }
    after = mtimes(pico_copy)
    folders = {name for name in before if "." not in name}  # a folder's own time may change
    assert {n: after[n] for n in before if n not in folders} == {
        n: before[n] for n in before if n not in folders
    }
    assert_same_outcome(pico_copy, pico.path)


CHILD = """
import sys
from pathlib import Path
from upbringing.study import Design, execute

def main():
    done = 0
    def report(progress):
        print(progress.run, progress.stage, flush=True)
    try:
        execute(Design.open(Path(sys.argv[1])), num_workers=2, on_progress=report)
    except KeyboardInterrupt:
        print("stopped")

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def child(stories: Corpus, tmp_path: Path) -> tuple[Path, Path]:
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    return script, prepare(pico_settings(), stories, tmp_path / "study").path


@needs_proc
def test_killed_in_the_middle_the_study_continues(pico: Design, child: tuple[Path, Path]) -> None:
    script, study = child
    with group([sys.executable, script, study]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[1] == "washout":  # one life is over, others are under way
                break
        workers = workers_of(process.pid)
        assert len(workers) == 2
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.read()  # ends when the last worker has closed it
    assert process.returncode == -signal.SIGKILL
    assert all(map(is_over, workers))
    design = Design.open(study)
    done = [plan for plan in design.plans if is_done(design, plan)]
    assert len(done) < NUM_RUNS
    with pytest.raises(ArtefactError, match=r"runs are not done: .*-s"):
        conclude(design)
    execute(design, num_workers=1)
    conclude(design)
    assert_same_outcome(study, pico.path)


def test_stopped_by_a_person_it_ends_at_once_and_quietly(child: tuple[Path, Path]) -> None:
    """Ctrl-C reaches the whole group: no worker prints a traceback or finishes its life first."""
    script, study = child
    with group([sys.executable, script, study]) as process:
        assert process.stdout is not None
        heard: set[str] = set()
        while len(heard) < 2:  # both workers have begun
            heard.add(process.stdout.readline().split()[0])
        os.killpg(process.pid, signal.SIGINT)
        said, complaints = process.communicate()
    assert (process.returncode, complaints) == (0, "")
    assert said.endswith("stopped\n")
    design = Design.open(study)
    assert sum(is_done(design, plan) for plan in design.plans) <= 2


def test_a_killed_worker_is_reported(child: tuple[Path, Path]) -> None:
    """Kill one of two workers while the study is executed here."""
    design = Design.open(child[1])
    heard: set[str] = set()

    def kill_one(progress: Progress) -> None:
        heard.add(progress.run)
        if len(heard) == 2:  # both have begun
            os.kill(mp_children()[0], signal.SIGKILL)

    with pytest.raises(ResumeError, match=r"was killed\n    run the same .*fewer --workers"):
        execute(design, num_workers=2, on_progress=kill_one)
    assert not conclude_is_possible(design)


def mp_children() -> list[int]:
    return [process.pid for process in multiprocessing.active_children() if process.pid]


def conclude_is_possible(design: Design) -> bool:
    return all(is_done(design, plan) for plan in design.plans)


def test_a_life_under_way_continues_from_its_snapshot(
    pico: Design, pico_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = Design.open(pico_copy)
    plan = next(plan for plan in design.plans if plan.name == "L-steep-s0")
    place = run_folder(design, plan)
    shutil.rmtree(place)
    shutil.rmtree(washout_folder(design, plan))
    monkeypatch.setattr(execution_module, "train", snapshotting)

    def stop(progress: Progress) -> None:
        if progress.now and progress.now.done == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(design, num_workers=1, on_progress=stop)
    assert [folder.name for folder in (place / "resume").iterdir()] == ["step_00000016"]
    heard: list[Progress] = []
    execute(design, num_workers=1, on_progress=heard.append)
    first = heard[0]
    assert (first.run, first.stage) == ("L-steep-s0", "life")
    assert first.now is not None
    assert (first.now.done, first.now.total) == (17, 24)
    assert not (place / "resume").exists()
    conclude(design)
    assert_same_outcome(pico_copy, pico.path)


def snapshotting(*arguments: object, **options: object) -> Run:
    return loop.train(*arguments, **options, snapshot_every_s=0.0)  # type: ignore[arg-type]


def test_a_full_disk_in_a_run_is_the_studys_error(
    pico_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = Design.open(pico_copy)
    shutil.rmtree(pico_copy / "runs" / "F-constant-s0")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("upbringing.training.checkpoint.save_file", full)
        with pytest.raises(StorageError, match="no room left to write"):
            execute(design, num_workers=1)
    assert not list((pico_copy / "runs" / "F-constant-s0" / "checkpoints").iterdir())
    execute(design, num_workers=1)
    assert conclude_is_possible(design)


def test_an_error_in_a_worker_process_comes_through(pico_copy: Path) -> None:
    design = Design.open(pico_copy)
    for name in ("F-constant-s0", "L-constant-s0"):
        shutil.rmtree(pico_copy / "runs" / name)
    order = pico_copy / "orders" / "F-s0" / "sequence.npy"
    order.write_bytes(order.read_bytes()[:-4])
    with pytest.raises(ArtefactError, match=r"sequence\.npy: is damaged"):
        execute(design, num_workers=2)


def test_the_washouts_are_one_stream(pico: Design) -> None:
    runs = runs_of(pico.path)
    washouts = [run for name, run in runs.items() if name.endswith("-washout")]
    assert len(washouts) == NUM_WASHOUTS
    assert len({run.manifest.facts["ledger"] for run in washouts}) == 1
    for run in washouts:
        parent = runs[run.path.name.removesuffix("-washout")]
        assert run.recipe.starts_from == folder_digest(parent.checkpoints[1.0])
        assert run.recipe.peak_lr == pytest.approx(0.3 * parent.recipe.peak_lr)
        assert run.recipe.schedule == "constant"
        assert run.recipe.num_rows == round(0.25 * parent.recipe.num_rows)


def test_the_ledgers_are_the_orders(pico: Design) -> None:
    runs = runs_of(pico.path)
    ledgers = {name: run.verify() for name, run in runs.items()}
    assert ledgers["F-constant-s0"] == ledgers["F-steep-s0"]  # the order, not the schedule
    lives = {name: ledger for name, ledger in ledgers.items() if "washout" not in name}
    assert len(set(lives.values())) == 3 * 2 + 2 * 2


def test_findings_do_not_depend_on_where_the_study_lies(pico: Design, pico_copy: Path) -> None:
    design = Design.open(pico_copy)
    conclude(design)
    assert read_json(pico_copy / "findings.json") == read_json(pico.path / "findings.json")
