"""Sinks: the figures of a life, step by step, in a tracker on this machine. None can stop a life.

Takes the moments of lives as they come, and gives them to TensorBoard, trackio or Weights & Biases,
which write into one folder and send nothing. Each works in a thread of its own: what it raises, and
a wait for it that lasts too long, ends the sink with a line of warning, and nothing else. What is
kept of a run for good is its `metrics.parquet`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from upbringing.errors import InputError, Problem
from upbringing.training.loop import OnStep
from upbringing.training.records import Moment

_MOST_WAITING = 1000  # moments; a sink that leaves more of them lying hangs, or is too slow
PATIENCE_S = 20.0  # for a sink that opens or closes

_PROJECT = "upbringing"
_FLUSH_EVERY_S = 10

Warn = Callable[[str], None]


class Sink(Protocol):
    """What takes the figures of one life."""

    def log(self, now: Moment) -> None:
        """Take the step that was just lived."""

    def close(self) -> None:
        """Write what is not yet written."""


OpenSink = Callable[[Path, str, int], Sink]
"""Opens a sink in a folder, for the run of a name, from the given step (counted from 0) on."""


class TensorBoardSink:
    """Event files in `FOLDER/RUN`; of a life that was taken up again, no step is there twice."""

    def __init__(self, folder: Path, run: str, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(
            str(folder / run), purge_step=first_step, flush_secs=_FLUSH_EVERY_S
        )

    def log(self, now: Moment) -> None:
        """Take the step that was just lived."""
        for name, value in figures(now).items():
            self._writer.add_scalar(name, value, _step(now))

    def close(self) -> None:
        """Write what is not yet written."""
        self._writer.close()


class TrackioSink:
    """A run in trackio's database in `FOLDER`; a life that was taken up again goes on in it."""

    def __init__(self, folder: Path, run: str, first_step: int) -> None:
        del first_step  # trackio keeps a step that comes twice twice
        os.environ["TRACKIO_DIR"] = str(folder.resolve())  # read when it is imported
        for elsewhere in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
            os.environ.pop(elsewhere, None)
        from huggingface_hub import constants

        constants.HF_HUB_OFFLINE = True  # else it asks the Hub who is logged in
        import trackio

        with contextlib.redirect_stdout(StringIO()):
            self._run = trackio.init(
                project=_PROJECT,
                name=run,
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, now: Moment) -> None:
        """Take the step that was just lived."""
        self._run.log(figures(now), step=_step(now))

    def close(self) -> None:
        """Write what is not yet written."""
        with contextlib.redirect_stdout(StringIO()):
            self._run.finish()


class WandbSink:
    """An offline run of Weights & Biases in `FOLDER/wandb`, one each time that a life goes on."""

    def __init__(self, folder: Path, run: str, first_step: int) -> None:
        del first_step
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # read when it is imported
        import wandb

        self._run = wandb.init(
            project=_PROJECT,
            name=run,
            dir=str(folder),
            mode="offline",
            reinit="create_new",
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, disable_code=True
            ),
        )

    def log(self, now: Moment) -> None:
        """Take the step that was just lived."""
        self._run.log(figures(now), step=_step(now))

    def close(self) -> None:
        """Write what is not yet written."""
        self._run.finish()


# By the name of the library, which is also that of the extra.
SINKS: Mapping[str, OpenSink] = MappingProxyType(
    {"tensorboard": TensorBoardSink, "trackio": TrackioSink, "wandb": WandbSink}
)


def figures(now: Moment) -> dict[str, float]:
    """What a sink is given of a step: all that a moment says but which step it is."""
    return {name: value for name, value in vars(now).items() if name not in ("done", "total")}


def _step(now: Moment) -> int:
    """The step as `metrics.parquet` counts it."""
    return now.done - 1


@dataclass(frozen=True)
class Log:
    """Which sinks lives are mirrored to, by name, and the folder that they write into.

    Raises `InputError`, for all at once, for sinks that are unknown or not installed.
    """

    sinks: tuple[str, ...] = ()
    folder: Path = Path("log")

    def __post_init__(self) -> None:
        unknown = [Problem(f"no sink is called {name!r}", allowed=", ".join(SINKS))
                   for name in self.sinks if name not in SINKS]  # fmt: skip
        missing = [
            Problem(f"{name} is not installed", do=f"pip install 'upbringing[{name}]'")
            for name in self.sinks
            if name in SINKS and find_spec(name) is None
        ]
        if unknown or missing:
            raise InputError([*unknown, *missing])

    @contextlib.contextmanager
    def open(self, warn: Warn) -> Iterator[Callable[[str], OnStep]]:
        """Inside, the function that is given makes what takes the steps of the run of a name.

        At the end what it made is closed. `warn` is given the line of a sink that is dropped.
        """
        opened: list[_Guarded] = []

        def mirror(run: str) -> OnStep:
            guarded = [_Guarded(name, run, self.folder, warn) for name in self.sinks]
            opened.extend(guarded)

            def on_step(now: Moment) -> None:
                for sink in guarded:
                    sink.log(now)

            return on_step

        try:
            yield mirror
        finally:
            for sink in opened:
                sink.close()


NO_LOG = Log()


class _Guarded:
    """A sink of one run, in a thread of its own, which opens it when the first step comes."""

    def __init__(self, name: str, run: str, folder: Path, warn: Warn) -> None:
        self._name, self._run, self._folder, self._warn = name, run, folder, warn
        self._moments: queue.Queue[Moment | None] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._is_dropped = False

    def log(self, now: Moment) -> None:
        """Hand a step over, and do not wait for it to be taken."""
        if self._is_dropped:
            return
        if self._thread is None:
            self._start(now.done - 1)
        if self._failure:
            self._drop_failed(self._failure)
        elif not self._is_dropped:
            self._hand_over(now)

    def close(self) -> None:
        """Wait a while until all that was handed over is written."""
        if self._thread is None or self._is_dropped:
            return
        self._hand_over(None)
        self._thread.join(PATIENCE_S)
        if self._failure:
            self._drop_failed(self._failure)
        elif self._thread.is_alive() and not self._is_dropped:
            self._drop(f"did not close in {PATIENCE_S:.0f} s")

    def _start(self, first_step: int) -> None:
        is_open = threading.Event()
        self._thread = threading.Thread(
            target=self._take, args=(first_step, is_open), daemon=True
        )  # a daemon, so that one that hangs holds no process back
        self._thread.start()
        # Waited for, since what some of them print while they open is held back meanwhile.
        if not is_open.wait(PATIENCE_S):
            self._drop(f"did not open in {PATIENCE_S:.0f} s")

    def _take(self, first_step: int, is_open: threading.Event) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            sink = SINKS[self._name](self._folder, self._run, first_step)
            is_open.set()
            while (now := self._moments.get()) is not None:
                sink.log(now)
            sink.close()
        except BaseException as error:  # whatever it is, it is not the life's
            self._failure = error
        finally:
            is_open.set()

    def _hand_over(self, now: Moment | None) -> None:
        try:
            self._moments.put_nowait(now)
        except queue.Full:
            self._drop(f"is {_MOST_WAITING:,} steps behind")

    def _drop_failed(self, error: BaseException) -> None:
        said = " ".join(str(error).split())
        self._drop(f"{type(error).__name__}: {said}" if said else type(error).__name__)

    def _drop(self, why: str) -> None:
        self._is_dropped = True
        self._warn(f"{self._run}: {self._name} is left out from here on: {why}")
