"""Progress: the lives that are under way, for a person who watches.

On a terminal a live table, a line for each life under way, below one that counts; elsewhere a plain
line now and then. Takes what `train` and a study tell of their steps; measures nothing itself but
time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from upbringing.order import Rows
from upbringing.terminal.console import out, printable, say
from upbringing.training import NO_LOG, KindsRead, Log, Moment, OnStep
from upbringing.training.cost import duration
from upbringing.training.levers import Steps
from upbringing.training.raising import Watch
from upbringing.training.world import World

_LINE_EVERY_S = 15.0


def say_warning(line: str) -> None:
    """A line that a person should read; above the table, where there is one."""
    say(f"warning: {line}")


class _SpeedColumn(ProgressColumn):
    """Tokens a second, of the last half minute."""

    def render(self, task: Task) -> Text:
        """The figure, once there is one."""
        is_reading = task.speed and not task.finished
        return Text(f"{task.speed:,.0f} tokens/s" if is_reading else "", justify="right")


class _Table(Progress):
    """Below a headline a task a life, in tokens, with the fields `age`, `loss` and `reads`."""

    headline = ""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[age]:.2f}"),
            TextColumn("loss {task.fields[loss]:.2f}"),
            _SpeedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[reads]}", markup=False),
            console=out,
            transient=True,
            refresh_per_second=4,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """The headline, and the table of the lives."""
        if self.headline:
            yield Text(self.headline)
        yield self.make_tasks_table(self.tasks)


class UnderWay:
    """The lives under way by name, and how they are shown."""

    def __init__(self) -> None:
        self._table, self._tasks = _Table(), dict[str, TaskID]()
        self._said_at = time.monotonic()

    def __enter__(self) -> Self:
        if out.is_terminal:
            self._table.start()
        return self

    def __exit__(self, *_: object) -> None:
        if out.is_terminal:
            self._table.stop()

    @property
    def speed(self) -> float:
        """Tokens a second, of all of them that still read."""
        return sum(task.speed or 0.0 for task in self._table.tasks if not task.finished)

    def lived(self, name: str, now: Moment, reads: str, *, title: str) -> None:
        """A life has gone on by a step; one that is new here is called `title`."""
        total = round(now.num_tokens / now.age)
        fields: dict[str, Any] = {"age": now.age, "loss": now.loss, "reads": printable(reads)}
        if name in self._tasks:
            self._table.update(self._tasks[name], completed=now.num_tokens, **fields)
        else:
            self._tasks[name] = self._table.add_task(
                printable(title), total=total, completed=now.num_tokens, **fields
            )

    def line(self, name: str) -> str:
        """A life in words, as the table shows it."""
        (task,) = (task for task in self._table.tasks if task.id == self._tasks[name])
        said = [f"age {task.fields['age']:.2f}", f"loss {task.fields['loss']:.2f}"]
        if task.speed and task.time_remaining:
            said += [f"{task.speed:,.0f} tokens/s", f"{duration(task.time_remaining)} left"]
        return ", ".join([*said, task.fields["reads"]])

    def end(self, name: str) -> None:
        """A life is no longer under way."""
        if name in self._tasks:
            self._table.remove_task(self._tasks.pop(name))

    def put_above(self, line: str) -> None:
        """A line above the table."""
        self._table.headline = line

    def say_now_and_then(self, line: str) -> None:
        """A plain line, where there is no terminal, every quarter of a minute."""
        if not out.is_terminal and time.monotonic() - self._said_at > _LINE_EVERY_S:
            self._said_at = time.monotonic()
            say(f"  {line}")


@contextmanager
def life_shown(name: str, log: Log = NO_LOG) -> Iterator[Watch | None]:
    """Inside, the life that is raised with what is given is shown, and mirrored to `log`.

    None is given in a process that is not the first of its world, which shows what all of them do.
    """
    if not World.of_process().is_first:
        yield None
        return

    def watch(rows: Rows, steps: Steps) -> OnStep:
        kinds, mirrored = KindsRead(rows, steps), mirror(name)

        def on_step(now: Moment) -> None:
            mirrored(now)
            under_way.lived(name, now, f"reads {kinds.at(now.done - 1)}", title=name)
            under_way.say_now_and_then(
                f"step {now.done:,} of {now.total:,}, {under_way.line(name)}"
            )

        return on_step

    with UnderWay() as under_way, log.open(say_warning) as mirror:
        yield watch
