"""The pool: pieces of work side by side, a process of one thread each, stopped and taken up again.

On a CPU two processes of one thread raise minds faster than one process of two. Takes names, and
what makes of a name a piece of work; gives progress as it comes. When one piece fails, or a person
presses Ctrl-C, or SIGTERM comes, the lives under way are saved after their next step, and the same
call takes them up.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from upbringing.errors import ResumeError, StoppedError
from upbringing.training import Moment, settle_process


@dataclass(frozen=True)
class Progress:
    """News of a run: what it has just lived of a `stage` ("life", "washout"), and which kind it
    read; that it is "measured"; or a warning for the person who watches.
    """

    run: str
    stage: str
    now: Moment | None = None
    kind: str | None = None
    warning: str | None = None


OnProgress = Callable[[Progress], None]
Work = Callable[[str, OnProgress], None]
"""Does the piece of a name, and reports on its way."""


def side_by_side(
    begin: Callable[[], Work],
    names: Sequence[str],
    *,
    num_workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> None:
    """Do the piece of work of every name, in `num_workers` processes, one a core by default.

    `begin` is called once in each process, to open what all its pieces need; it can be pickled. One
    worker is this process. Raises what a piece raises, `ResumeError` if a worker is killed, and
    when all is saved `StoppedError` after SIGTERM, `KeyboardInterrupt` after Ctrl-C.
    """
    report = on_progress or (lambda _: None)
    if not names:
        return
    if num_workers == 1:
        settle_process(1)
        work = begin()
        for name in names:
            work(name, report)
        return
    workers = min(len(names), num_workers or num_cores())
    context = mp.get_context("spawn")
    channel, stop = context.Queue(), context.Event()
    with (
        _signals_held_back() as raise_signal,
        ProcessPoolExecutor(workers, context, _enter, (begin, channel, stop)) as pool,
    ):
        with _deaf_to_ctrl_c():  # each `submit` may start a process
            futures = [pool.submit(_do, name) for name in names]
        try:
            for progress in _listen(futures, channel, raise_signal):
                report(progress)
        except BaseException:
            stop.set()  # the pieces under way end at their next report
            pool.shutdown(cancel_futures=True)
            raise


def num_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


# What a worker process keeps between its pieces.
_worker: tuple[Work, OnProgress, Event] | None = None

_REPORT_EVERY = 8  # steps; the channel is not for every one of them

# Linux ends a process by SIGKILL where memory runs out, and nobody can tell it from another one.
_GO_ON = (
    "run the same command again: it continues; where memory ran out, with fewer --workers, "
    "or with a smaller batch size or shape in another -o"
)


def _enter(begin: Callable[[], Work], channel: mp.Queue[Progress], stop: Event) -> None:
    global _worker  # noqa: PLW0603  (a process pool has no other place for it)
    # Ctrl-C is for the parent, which sets `stop`. On POSIX it is blocked here already.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    channel.cancel_join_thread()  # after a failure nobody listens, and the process must still end
    settle_process(1)

    def report(progress: Progress) -> None:
        if stop.is_set():
            raise StoppedError("stopped with the others")
        now = progress.now
        if now is None or now.done % _REPORT_EVERY == 0 or now.done == now.total:
            channel.put(progress)

    _worker = begin(), report, stop


def _end_with_parent() -> None:
    """End this process when the one that started it is killed.

    Else it would go on with a piece that the next call takes up too.
    """
    parent = mp.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _do(name: str) -> None:
    assert _worker is not None
    work, report, stop = _worker
    if not stop.is_set():
        with suppress(StoppedError):
            work(name, report)
            return
    # What it did is saved. A process that stayed would wait for work from a pool that may be gone,
    # and the pool for its end.
    os._exit(1)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are started inside hear no Ctrl-C, from their first instruction on.

    For this process it waits until the end.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _signals_held_back() -> Iterator[Callable[[], None]]:
    """Ctrl-C and SIGTERM wait until the function that is given is called, which raises them.

    Raised at any time, they can leave a lock of the pool shut, and the pool would never end.
    """
    sent: list[int] = []  # an event has a lock of its own

    def raise_signal() -> None:
        if signal.SIGTERM in sent:
            raise StoppedError("stopped")
        if sent:
            raise KeyboardInterrupt("stopped")

    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield raise_signal
        return
    held = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: sent.append(number)) for number in held]
    try:
        yield raise_signal
    finally:
        for number, handler in zip(held, before, strict=True):
            signal.signal(number, handler)


def _listen(
    futures: list[Future[None]], channel: mp.Queue[Progress], raise_signal: Callable[[], None]
) -> Iterator[Progress]:
    """Progress as it comes, until all pieces are done or one fails."""
    pending = set(futures)
    while pending:
        finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        raise_signal()
        try:
            while True:
                yield channel.get_nowait()
        except queue.Empty:
            pass
        for future in finished:
            try:
                future.result()
            except BrokenProcessPool as error:
                raise_signal()  # it may have gone to the whole group, and ended the worker
                raise ResumeError("a worker process was killed", do=_GO_ON) from error
