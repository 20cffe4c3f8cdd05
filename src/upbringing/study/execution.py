"""Execution: raise and measure every mind of a study, side by side, whatever was done before.

On a CPU each mind has a process of one thread: two of them raise minds faster than one process of
two threads. Whatever is finished is left alone, whatever was interrupted continues, so the same
command after a crash or a kill goes on where it stopped.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from pathlib import Path

from upbringing.character import measure_run
from upbringing.errors import ResumeError
from upbringing.study.design import WASHOUT, Design, Plan
from upbringing.training import Run, Timeline, settle_process, train

WASHOUT_AGES = (0.5, 1.0)


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` steps of `stage` ("life", "washout", "measured")."""

    run: str
    stage: str
    done: int
    total: int


OnProgress = Callable[[Progress], None]


def execute(
    design: Design, *, num_workers: int | None = None, on_progress: OnProgress | None = None
) -> None:
    """Raise, wash out and measure all runs of the design that are not yet done.

    Raises what a run raises (`StorageError`, `ArtefactError`, …), and `ResumeError` if a worker is
    killed; in each case the same study can be executed again.
    """
    report = on_progress or (lambda _: None)
    todo = [plan for plan in design.plans if not is_done(design, plan)]
    if not todo:
        return
    if num_workers == 1:
        settle_process(1)
        for plan in todo:
            raise_one(design, plan, report)
        return
    workers = min(len(todo), num_workers or num_cores())
    context = mp.get_context("spawn")
    channel, stop = context.Queue(), context.Event()
    with (
        _interrupts_held_back() as interrupt,
        ProcessPoolExecutor(workers, context, _enter, (design.path, channel, stop)) as pool,
    ):
        futures = [pool.submit(_raise_named, plan.name) for plan in todo]
        try:
            for progress in _listen(futures, channel, interrupt):
                report(progress)
        except BaseException:
            stop.set()  # the lives under way end at their next step
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def num_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


def is_done(design: Design, plan: Plan) -> bool:
    """Whether a run and its washout are raised and measured."""
    runs = [run_folder(design, plan)]
    if has_washout(design, plan):
        if (runs[0] / "run.json").exists() and Run.open(runs[0]).diverged_at is not None:
            return (runs[0] / "profile").exists()
        runs.append(washout_folder(design, plan))
    return all((run / "profile").exists() for run in runs)


def run_folder(design: Design, plan: Plan) -> Path:
    """Where a run of the design lies."""
    return design.path / "runs" / plan.name


def washout_folder(design: Design, plan: Plan) -> Path:
    """Where its washout lies."""
    return design.path / "runs" / f"{plan.name}-{WASHOUT}"


def has_washout(design: Design, plan: Plan) -> bool:
    """Whether a run is to be washed out: the arms are, poles and ladder are not."""
    return plan.is_arm and design.settings.washout is not None


def raise_one(design: Design, plan: Plan, report: OnProgress) -> None:
    """Raise one mind, measure it, wash it out, measure it again."""
    run = _train(design, plan, None, run_folder(design, plan), report)
    measure_run(run, design.probes)
    if has_washout(design, plan) and run.diverged_at is None:
        washed = _train(
            design, _washout(design, plan, run), run, washout_folder(design, plan), report
        )
        measure_run(washed, design.probes)
    report(Progress(plan.name, "measured", 1, 1))


def _train(design: Design, plan: Plan, parent: Run | None, place: Path, report: OnProgress) -> Run:
    return train(
        design.rows(plan.order, plan.recipe.row_length),
        plan.recipe,
        place,
        sources={"corpus": design.corpus.path, "order": design.path / "orders" / plan.order},
        parent=parent,
        on_step=lambda done, total: report(
            Progress(plan.name, WASHOUT if parent else "life", done, total)
        ),
    )


def _washout(design: Design, plan: Plan, run: Run) -> Plan:
    """The fork: the same shuffled stream for every run, at a re-warmed, constant rate."""
    washout = design.settings.washout
    assert washout is not None
    recipe = replace(
        plan.recipe,
        order=design.said["digests"][f"order {WASHOUT}"],
        schedule="constant",
        peak_lr=plan.recipe.peak_lr * washout.lr_scale,
        timeline=Timeline.uniform(design.settings.batch_size),
        num_rows=max(1, round(washout.share * plan.recipe.num_rows)),
        ages=WASHOUT_AGES,
        starts_from=run.digest,
    )
    return replace(plan, order=WASHOUT, recipe=recipe)


# What a worker process keeps between its runs.
_worker: tuple[Design, OnProgress] | None = None

_REPORT_EVERY = 8  # steps; the channel is not for every one of them


class _StoppedError(Exception):
    """Another run failed, or a person pressed Ctrl-C: this one is taken up by the next call."""


def _enter(path: Path, channel: mp.Queue[Progress], stop: Event) -> None:
    global _worker  # noqa: PLW0603  (a process pool has no other place for it)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which sets `stop`
    threading.Thread(target=_end_with_parent, daemon=True).start()
    channel.cancel_join_thread()  # after a failure nobody listens, and the process must still end
    settle_process(1)

    def report(progress: Progress) -> None:
        if stop.is_set():
            raise _StoppedError
        if progress.done % _REPORT_EVERY == 0 or progress.done == progress.total:
            channel.put(progress)

    _worker = Design.open(path), report


def _end_with_parent() -> None:
    """End this process when the one that started it is killed.

    Else it would go on raising a mind that the next call of the same study raises too.
    """
    parent = mp.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _raise_named(name: str) -> None:
    assert _worker is not None
    design, report = _worker
    plan = next(plan for plan in design.plans if plan.name == name)
    raise_one(design, plan, report)


@contextmanager
def _interrupts_held_back() -> Iterator[Callable[[], None]]:
    """Ctrl-C waits until the function that is given is called.

    Raised at any time, it can leave a lock of the pool shut, and the pool would never end.
    """
    pressed: list[int] = []  # an event has a lock of its own

    def interrupt() -> None:
        if pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


def _listen(
    futures: list[Future[None]], channel: mp.Queue[Progress], interrupt: Callable[[], None]
) -> Iterator[Progress]:
    """Progress as it comes, until all runs are done or one fails."""
    pending = set(futures)
    while pending:
        finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        interrupt()
        try:
            while True:
                yield channel.get_nowait()
        except queue.Empty:
            pass
        for future in finished:
            try:
                future.result()
            except BrokenProcessPool as error:
                raise ResumeError(
                    "a worker process was killed", do="run the same command again: it continues"
                ) from error
