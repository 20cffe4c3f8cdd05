"""Progress: the lives that are under way, for a person who watches.

On a terminal a live table, a line for each life under way, below one that counts; elsewhere a plain
line now and then. Takes what `train` and a study tell of their steps; measures nothing itself but
time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Self

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

from upbringing.console import out, printable, say
from upbringing.order import Rows
from upbringing.study import Design, is_done
from upbringing.study import Progress as News
from upbringing.study.execution import LIFE, has_washout
from upbringing.training import KindsRead, Moment, OnStep
from upbringing.training.cost import duration
from upbringing.training.levers import Steps

_LINE_EVERY_S = 15.0
_MEASURED = "being measured"


class _SpeedColumn(ProgressColumn):
    """Tokens a second, of the last half minute."""

    def render(self, task: Task) -> Text:
        """The figure, once there is one."""
        return Text(f"{task.speed:,.0f} tokens/s" if task.speed else "", justify="right")


class _Table(Progress):
    """A task a life, in tokens, with the fields `age`, `loss` and `reads`; above them a headline."""

    def __init__(self, headline: Callable[[], str]) -> None:
        self._headline = headline
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
        if headline := self._headline():
            yield Text(headline)
        yield self.make_tasks_table(self.tasks)


class _UnderWay:
    """The lives under way by name, and how they are shown."""

    def __init__(self, headline: Callable[[], str], line: Callable[[], str]) -> None:
        """`headline` stands above the table, `line` is what is said where there is no terminal."""
        self._table, self._line = _Table(headline), line
        self._tasks: dict[str, TaskID] = {}
        self._said_at = time.monotonic()

    def start(self) -> None:
        """Show the table, where there is a terminal."""
        if out.is_terminal:
            self._table.start()

    def stop(self) -> None:
        """Take it away."""
        if out.is_terminal:
            self._table.stop()

    @property
    def tasks(self) -> list[Task]:
        """The lives under way."""
        return self._table.tasks

    @property
    def speed(self) -> float:
        """Tokens a second, of all of them."""
        return sum(task.speed or 0.0 for task in self.tasks)

    def lived(self, name: str, now: Moment, kind: str) -> None:
        """A life has gone on by a step; one that is new here begins where it is taken up."""
        total = round(now.num_tokens / now.age)
        reads = _MEASURED if now.done == now.total else f"reads {printable(kind)}"
        fields = {"age": now.age, "loss": now.loss, "reads": reads, "now": now}
        if name in self._tasks:
            self._table.update(self._tasks[name], completed=now.num_tokens, **fields)
        else:
            self._tasks[name] = self._table.add_task(
                printable(name), total=total, completed=now.num_tokens, **fields
            )
        self.say_now_and_then()

    def end(self, name: str) -> None:
        """A life is no longer under way."""
        if name in self._tasks:
            self._table.remove_task(self._tasks.pop(name))

    def say_now_and_then(self) -> None:
        """The plain line, where there is no terminal, every quarter of a minute."""
        if not out.is_terminal and time.monotonic() - self._said_at > _LINE_EVERY_S:
            self._said_at = time.monotonic()
            say(f"  {self._line()}")


class LifeProgress:
    """How far one life is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._under_way = _UnderWay(lambda: "", self._line)

    def __enter__(self) -> Self:
        self._under_way.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._under_way.stop()

    def watch(self, rows: Rows, steps: Steps) -> OnStep:
        """What takes note of each step that is lived of `steps` on `rows`."""
        kinds = KindsRead(rows, steps)
        return lambda now: self._under_way.lived(self._name, now, kinds.at(now.done - 1))

    def _line(self) -> str:
        (task,) = self._under_way.tasks
        now: Moment = task.fields["now"]
        left = f", {duration(task.time_remaining)} left" if task.time_remaining else ""
        return (
            f"step {now.done:,} of {now.total:,}, age {now.age:.2f}, loss {now.loss:.2f}, "
            f"{self._under_way.speed:,.0f} tokens/s{left}, {task.fields['reads']}"
        )


class StudyProgress:
    """How far a study is: its minds that are done, counted, and those that are under way."""

    def __init__(self, design: Design) -> None:
        washout = design.settings.washout
        self._lives = {
            plan.name: len(plan.recipe.steps)
            for plan in design.plans
            if not is_done(design, plan)
        }
        self._total = dict(self._lives)
        for plan in design.plans:
            if plan.name in self._total and washout and has_washout(design, plan):
                self._total[plan.name] += round(self._lives[plan.name] * washout.share)
        self._done, self._taken_up = dict.fromkeys(self._total, 0), dict[tuple[str, str], int]()
        self._num_measured, self._started_at = 0, time.monotonic()
        self._under_way = _UnderWay(self._line, self._line)

    def __enter__(self) -> Self:
        self._under_way.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._under_way.stop()

    def __call__(self, news: News) -> None:
        """Take note of a run's progress."""
        if news.warning:
            say(f"warning: {news.warning}")
        elif news.run not in self._total:
            return  # it was done before, beside others that were not
        elif news.now is None:
            self._num_measured += 1
            self._done[news.run] = self._total[news.run]
            for stage in (LIFE, news.stage):
                self._under_way.end(_named(news.run, stage))
        else:
            self._lived(news, news.now)
        self._under_way.say_now_and_then()
