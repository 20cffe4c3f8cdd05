"""Sinks get each step of a life, and whatever becomes of them, the life goes on."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from lives import raised
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from upbringing.errors import InputError, StoppedError
from upbringing.training import Log, Moment, Run, sinks

FIGURES = {"loss", "age", "num_tokens"}


@pytest.fixture(scope="module")
def plain(home: Path) -> Run:
    """A life without a sink."""
    return raised(home, home / "no sink")


def mirrored(home: Path, name: str, log: Log, warn: Callable[[str], None]) -> Run:
    """A life at `name` that is mirrored."""
    with log.open(warn) as mirror:
        return raised(home, home / name, on_step=mirror(name))


def no_warning(line: str) -> None:
    pytest.fail(line)


# TensorBoard, the real one


def scalars(folder: Path, figure: str) -> tuple[list[int], list[float]]:
    events = EventAccumulator(str(folder)).Reload().Scalars(figure)
    return [event.step for event in events], [event.value for event in events]


def test_tensorboard_holds_the_metrics_of_the_run(home: Path, plain: Run, tmp_path: Path) -> None:
    run = mirrored(home, "to a board", Log(("tensorboard",), tmp_path), no_warning)
    assert run.digest == plain.digest
    steps, losses = scalars(tmp_path / "to a board", "loss")
    assert steps == run.metrics["step"].to_list()
    assert losses == pytest.approx(run.metrics["loss"].to_list(), rel=1e-6)
    for figure in FIGURES:
        assert scalars(tmp_path / "to a board", figure)[0] == steps
    # TensorBoard says the age that lies behind a step, the metrics the one at which it begins.
    ages = run.metrics["age"].to_list()
    assert scalars(tmp_path / "to a board", "age")[1] == pytest.approx([*ages[1:], 1.0], rel=1e-6)


def test_a_life_that_is_taken_up_again_has_no_step_twice(home: Path, tmp_path: Path) -> None:
    place, log = home / "taken up", Log(("tensorboard",), tmp_path)
    with log.open(no_warning) as mirror:
        on_step = mirror("life")

        def stop(now: Moment) -> None:
            on_step(now)
            if now.done == 4:
                raise StoppedError("enough")

        with pytest.raises(StoppedError):
            raised(home, place, on_step=stop)
    with log.open(no_warning) as mirror:
        run = raised(home, place, on_step=mirror("life"))
    assert scalars(tmp_path / "life", "loss")[0] == run.metrics["step"].to_list()


# Sinks that fail


class Raises:
    """A sink that raises, when it opens, at a step or when it closes."""

    def __init__(self, when: str, error: BaseException) -> None:
        self.when, self.error = when, error
        self.strike("open")

    def strike(self, now: str) -> None:
        if now == self.when:
            raise self.error

    def log(self, now: Moment) -> None:
        self.strike(f"step {now.done}")

    def close(self) -> None:
        self.strike("close")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[sinks.OpenSink], Log]:
    """Puts another sink in the place of TensorBoard."""

    def put(open_sink: sinks.OpenSink) -> Log:
        monkeypatch.setattr(sinks, "SINKS", {**sinks.SINKS, "tensorboard": open_sink})
        return Log(("tensorboard",), Path("log"))

    return put


@pytest.mark.parametrize("when", ["open", "step 1", "step 6", "close"])
@pytest.mark.parametrize(
    "error", [OSError(28, "No space left\non device"), SystemExit()], ids=["disk", "exit"]
)
def test_a_sink_that_raises_is_left_out_and_the_life_goes_on(
    home: Path,
    plain: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[sinks.OpenSink], Log],
    when: str,
    error: BaseException,
) -> None:
    monkeypatch.chdir(tmp_path)
    log, warnings = use(lambda *_: Raises(when, error)), list[str]()
    name = f"{when} {type(error).__name__}"
    assert mirrored(home, name, log, warnings.append).digest == plain.digest
    (line,) = warnings
    says = {OSError: "OSError: [Errno 28] No space left on device", SystemExit: "SystemExit"}
    assert line == f"{name}: tensorboard is left out from here on: {says[type(error)]}"


def test_a_sink_that_hangs_is_left_out(
    home: Path,
    plain: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[sinks.OpenSink], Log],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sinks, "PATIENCE_S", 0.3)
    never = threading.Event()

    class Hangs(Raises):
        def strike(self, now: str) -> None:
            if now == self.when:
                never.wait()

    for when, says in (("open", "did not open"), ("step 2", "did not close"), ("close", "did not")):
        warnings = list[str]()
        log = use(lambda *_, when=when: Hangs(when, OSError()))
        began = time.monotonic()
        assert mirrored(home, f"hangs at {when}", log, warnings.append).digest == plain.digest
        assert time.monotonic() - began < 20
        (line,) = warnings
        assert says in line
    never.set()


def test_a_sink_that_is_far_behind_is_left_out(
    tmp_path: Path, use: Callable[[sinks.OpenSink], Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    never, warnings = threading.Event(), list[str]()

    class Hangs(Raises):
        def strike(self, now: str) -> None:
            if now == self.when:
                never.wait()

    with use(lambda *_: Hangs("step 1", OSError())).open(warnings.append) as mirror:
        on_step = mirror("life")
        for done in range(1, 3000):
            on_step(Moment(done, 3000, 1.0, done / 3000, done))
    never.set()
    assert warnings == ["life: tensorboard is left out from here on: is 1,000 steps behind"]


def test_one_that_fails_leaves_the_others(home: Path, tmp_path: Path, use: object) -> None:
    (tmp_path / "broken").write_text("a file where a folder should be")
    warnings = list[str]()
    run = mirrored(home, "broken", Log(("tensorboard",), tmp_path), warnings.append)
    (line,) = warnings
    assert "broken: tensorboard is left out from here on: " in line
    assert run.verify()


# What cannot be


def test_unknown_and_missing_sinks_are_refused_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        Log(("mlflow", "wandb", "trackio"), Path("log"))
    assert str(caught.value) == (
        "no sink is called 'mlflow'\n    allowed: tensorboard, trackio, wandb\n"
        "wandb is not installed\n    pip install 'upbringing[wandb]'\n"
        "trackio is not installed\n    pip install 'upbringing[trackio]'"
    )


# Trackers that are not installed here: what they are told is written down by a module of their
# name. tests/peers/with_trackers.py asks the real ones.

FAKE = """
import json, os, pathlib

class Run:
    def __init__(self, said):
        self.file = pathlib.Path(os.environ["SAID"])
        self.say(said)
    def say(self, said):
        with self.file.open("a") as file:
            print(json.dumps(said, default=vars), file=file)
    def log(self, figures, step):
        self.say([step, figures])
    def finish(self):
        print("not for a terminal")
        self.say("finished")

class Settings:
    def __init__(self, **said):
        vars(self).update(said)

def init(**said):
    print("not for a terminal")
    elsewhere = [name for name in os.environ if name.startswith(("TRACKIO_", "WANDB_"))]
    return Run([said, {name: os.environ[name] for name in sorted(elsewhere)}])
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What modules in the place of the trackers were told, a line each time."""
    for name in ("trackio", "wandb"):
        (tmp_path / f"{name}.py").write_text(FAKE)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    for name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_DIR", "WANDB_ERROR_REPORTING"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield tmp_path / "said"
    for name in ("trackio", "wandb"):
        sys.modules.pop(name, None)


def lines_of(said: Path) -> list[Any]:
    return [json.loads(line) for line in said.read_text().splitlines()]


def told(run: Run) -> list[Any]:
    """What a tracker should have been told of the steps of a run."""
    losses = run.metrics["loss"].to_list()
    ages = [*run.metrics["age"].to_list()[1:], 1.0]
    rows = run.recipe.steps.num_rows.cumsum() * run.recipe.row_length
    figures = zip(losses, ages, rows.tolist(), strict=True)
    return [
        [step, {"loss": loss, "age": age, "num_tokens": num_tokens}]
        for step, (loss, age, num_tokens) in enumerate(figures)
    ]


def test_trackio_writes_into_the_folder_and_nowhere_else(
    home: Path, said: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = mirrored(home, "to trackio", Log(("trackio",), tmp_path / "log"), no_warning)
    (options, where), *steps, last = lines_of(said)
    assert (options["project"], options["name"]) == ("upbringing", "to trackio")
    assert "space_id" not in options
    trackio = {name: value for name, value in where.items() if name.startswith("TRACKIO_")}
    assert trackio == {"TRACKIO_DIR": str(tmp_path / "log")}
    assert constants.is_offline_mode()
    assert steps == told(run)
    assert last == "finished"
    assert capsys.readouterr().out == ""


def test_wandb_is_offline(home: Path, said: Path, tmp_path: Path) -> None:
    run = mirrored(home, "to wandb", Log(("wandb",), tmp_path / "log"), no_warning)
    (options, where), *steps, last = lines_of(said)
    assert (options["project"], options["name"]) == ("upbringing", "to wandb")
    assert (options["mode"], options["dir"]) == ("offline", str(tmp_path / "log"))
    assert where["WANDB_ERROR_REPORTING"] == "false"
    assert steps == told(run)
    assert last == "finished"
