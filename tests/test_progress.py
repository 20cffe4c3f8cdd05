"""What a person sees while minds are raised, and how a command ends that is told to stop."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import COMMAND, ENVIRONMENT, group, is_over, needs_proc, wait_until, workers_of
from stories import pico_settings

from upbringing.corpus import Corpus
from upbringing.files import write_json
from upbringing.order import Rows, compile_order, parse_curriculum
from upbringing.study import Design, Progress, prepare
from upbringing.terminal.progress import life_shown
from upbringing.terminal.study_progress import StudyProgress
from upbringing.training import KindsRead, Life, Moment, Run, Timeline, raise_on_order
from upbringing.training.levers import plan_steps

LIFE = """
name: drama first
seed: 1
phases:
  - {name: childhood, scenes: {kind: drama}}
  - {name: youth, scenes: {kind: poetry}}
  - {name: maturity, scenes: rest}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A folder with an order of `home`'s corpus, in which drama comes first."""
    place = tmp_path_factory.mktemp("watched")
    corpus = Corpus.open(home / "corpus")
    compile_order(corpus, parse_curriculum(LIFE)).save(place / "order")
    return place


def train(home: Path, place: Path, name: str, *options: str) -> list[str | Path]:
    """A command that raises a mind of some hundred steps."""
    line = ("--row-length", "8", "--batch-size", "2", "--precision", "fp32", *options)
    files = (place / "order", "--corpus", home / "corpus", "-o", place / name)
    return [COMMAND, "train", *files, "--tokenizer", home / "tokenizer.json", *line]


# Which kind is read


def test_the_kind_that_each_step_reads(rows: Rows) -> None:
    steps = plan_steps(
        rows.num_rows, Timeline.uniform(4), schedule="constant", peak_lr=1.0,
        warmup_share=0.0, beta2=0.9, batch_size=4, batch_rule="none", priority=None,
    )  # fmt: skip
    kinds = KindsRead(rows, steps)
    of_scene = rows.order.corpus.columns(["kind"])["kind"].to_list()
    of_token = [
        of_scene[scene]
        for visit, scene in enumerate(rows.order.sequence.tolist())
        for _ in range(int(rows.starts[visit + 1] - rows.starts[visit]))
    ]
    T = 4 * rows.row_length
    expected = [
        kinds_of.pop() if len(kinds_of := set(of_token[first : first + T])) == 1 else "mixed"
        for first in range(0, len(of_token), T)
    ]
    assert [kinds.at(step) for step in range(len(steps))] == expected
    assert (expected[0], expected[-1]) == ("drama", "technical")
    assert "mixed" in expected


# Lines, where there is no terminal


class Clock:
    """Four seconds pass whenever somebody looks at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 4.0
        return self.now


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upbringing.terminal.progress.time.monotonic", Clock())


def test_a_line_of_a_life_now_and_then(
    home: Path, place: Path, slow: None, capsys: pytest.CaptureFixture[str]
) -> None:
    life = Life(row_length=16, batch_size=8, precision="fp32", tokenizer=home / "tokenizer.json")
    with life_shown("a mind") as watch:
        run = raise_on_order(place / "order", home / "corpus", place / "lines", life, watch=watch)
    lines = capsys.readouterr().out.splitlines()
    form = re.compile(
        r"  step (\d+) of (\d+), age (0\.\d\d|1\.00), loss (\d\.\d\d), "
        r"([\d,]+ tokens/s, (?:about \d+ s|under 1 s) left, )?reads (\w+)"
    )
    said = [found.groups() for line in lines if (found := form.fullmatch(line))]
    assert len(said) == len(lines) > 3
    metrics, kinds = run.metrics, KindsRead(run.rows(), run.recipe.steps)
    for step, total, _, loss, _, kind in said:
        assert total == str(len(run.recipe.steps))
        assert loss == f"{metrics['loss'][int(step) - 1]:.2f}"
        assert kind == kinds.at(int(step) - 1)
    assert said[0][-1] == "drama"


def news(run: str, stage: str, done: int, total: int) -> Progress:
    return Progress(run, stage, Moment(done, total, 3.0, done / total, done * 64), "chat")


def test_a_study_counts_what_is_done_and_how_long_the_rest_takes(
    stories: Corpus, tmp_path: Path, slow: None, capsys: pytest.CaptureFixture[str]
) -> None:
    design = prepare(pico_settings(), stories, tmp_path / "study")
    names = [plan.name for plan in design.plans]
    with StudyProgress(design) as progress:
        for done in range(1, 25):
            progress(news(names[0], "life", done, 24))
        for done in range(1, 7):
            progress(news(names[0], "washout", done, 6))
        progress(Progress(names[0], "measured"))
        progress(Progress(names[0], "life", warning="F: wandb is left out"))
        progress(news(names[1], "life", 13, 24))  # taken up in the middle
    lines = capsys.readouterr().out.splitlines()
    assert "warning: F: wandb is left out" in lines
    lines.remove("warning: F: wandb is left out")
    form = re.compile(
        r"  (\d+) of 16 minds raised, (\d+)%(, [\d,]+ tokens/s)?(, about [\d.]+ \w+ left)?"
    )
    said = [found.groups() for line in lines if (found := form.fullmatch(line))]
    assert len(said) == len(lines) > 5
    assert [int(minds) for minds, *_ in said] == sorted(int(minds) for minds, *_ in said)
    assert {minds for minds, *_ in said} == {"0", "1"}
    shares = [int(share) for _, share, *_ in said]
    # How long it takes is told when a little of it was lived, and not by the first steps.
    is_told = [left is not None for *_, left in said]
    assert (is_told[0], is_told[-1]) == (False, True)
    assert is_told == sorted(is_told)
    assert shares == sorted(shares)
    # 16 lives of 24 steps, and 12 washouts of 6.
    assert shares[-1] <= round(100 * (24 + 6 + 13) / (16 * 24 + 12 * 6))


# A table, where there is one


def words(screen: bytes) -> list[str]:
    """The lines that were drawn, without what steers a terminal."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.decode(errors="replace"))
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


def drawn(terminal: int) -> Iterator[bytes]:
    """What a process draws on a terminal, until it ends."""
    while True:
        try:
            chunk = os.read(terminal, 1 << 16)
        except OSError:  # nobody holds the other end
            return
        if not chunk:
            return
        yield chunk


@pytest.mark.skipif(os.name != "posix", reason="asks for a pseudo-terminal")
def test_a_terminal_shows_the_life_and_sigterm_saves_it(home: Path, place: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        train(home, place, "stopped"), stdout=theirs, stderr=theirs, env=ENVIRONMENT
    ) as process:
        os.close(theirs)
        screen, is_sent = b"", False
        for chunk in drawn(ours):
            screen += chunk
            if b"tokens/s" in screen and not is_sent:
                process.terminate()
                is_sent = True
        os.close(ours)
    lines = words(screen)
    assert process.returncode == 143, lines
    shown = [
        found.groups()
        for line in lines
        if (found := re.match(r"stopped +[━╸╺]+ (\d\.\d\d) loss (\d\.\d\d) .* reads (\w+)", line))
    ]
    assert shown[0][2] == "drama"
    last = re.fullmatch(r"stopped after step (\d+), saved: the same command continues", lines[-1])
    assert last, lines
    (snapshot,) = (place / "stopped" / "resume").iterdir()
    assert snapshot.name == f"step_{int(last[1]):08d}"

    again = subprocess.run(
        train(home, place, "stopped", "--log", "tensorboard"),
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith(f"{place / 'stopped'}: ledger ")
    assert Run.open(place / "stopped").verify()
    assert list((place / "stopped" / "log" / "stopped").glob("events.*"))


# A study that is told to stop


@needs_proc
@pytest.mark.parametrize(
    ("number", "whole_group", "code", "says"),
    [
        (signal.SIGTERM, False, 143, "stopped, saved: the same command continues\n"),
        (signal.SIGTERM, True, 143, "stopped, saved: the same command continues\n"),
        (signal.SIGINT, True, 130, "stopped, saved: the same command continues\n"),
    ],
    ids=["SIGTERM", "SIGTERM to all", "Ctrl-C"],
)
def test_a_study_that_is_stopped_ends_when_its_lives_are_saved(
    stories: Corpus,
    tmp_path: Path,
    number: signal.Signals,
    whole_group: bool,
    code: int,
    says: str,
) -> None:
    # Lives of some seconds, which show that they have begun.
    settings = pico_settings(batch_size=1, shape="3m", ages=(0.05, 1.0))
    write_json(tmp_path / "study.yaml", settings.model_dump(mode="json", exclude_defaults=True))
    command: list[str | Path] = [
        COMMAND, "study", "study.yaml", "--corpus", stories.path, "-o", "study", "--workers", "2",
    ]  # fmt: skip
    begun = "study/runs/*/checkpoints/age_0.05*"
    with group(command, tmp_path) as process:
        wait_until(lambda: len(list(tmp_path.glob(begun))) >= 2, process)
        workers = workers_of(process.pid)
        (os.killpg if whole_group else os.kill)(process.pid, number)
        _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (code, says)
    assert len(workers) == 2
    assert all(map(is_over, workers))
    unfinished = [
        folder for folder in tmp_path.glob("study/runs/*") if not (folder / "run.json").exists()
    ]
    assert len(unfinished) == 2
    for folder in unfinished:
        (snapshot,) = (folder / "resume").iterdir()
        assert snapshot.name > "step_00000000"
    assert Design.open(tmp_path / "study").settings == settings
