"""Study progress: how far the raising of many minds is, for a person who watches.

The minds that are done, counted, above the lives that are under way (`progress`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import takewhile
from typing import Self

from upbringing.study import Design, is_done
from upbringing.study import Progress as News
from upbringing.study.design import WASHOUT, Plan
from upbringing.study.execution import LIFE, has_washout
from upbringing.terminal.progress import UnderWay, say_warning
from upbringing.training import Moment
from upbringing.training.cost import duration

_FEWEST_TO_TELL = 0.02  # of all steps: the first minds wait for a compiler, and for one another


class MindsProgress:
    """How far minds are that are raised side by side: counted, and those that are under way.

    Takes, by their names, the steps of each stage of the runs that are to do, in turn.
    """

    def __init__(self, stages: Mapping[str, Mapping[str, int]]) -> None:
        self._lengths = stages
        self._steps = {run: sum(steps.values()) for run, steps in stages.items()}
        self._done = dict.fromkeys(self._steps, 0)
        self._stages: dict[str, str] = {}
        self._num_measured, self._num_taken_up = 0, 0
        self._began: tuple[float, int] | None = None
        self._under_way = UnderWay()

    def __enter__(self) -> Self:
        self._under_way.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._under_way.__exit__()

    def __call__(self, news: News) -> None:
        """Take note of what is new of a run."""
        if news.warning:
            say_warning(news.warning)
        elif news.run not in self._steps:
            return  # it was done before, beside others of its population that were not
        elif news.now and news.kind:
            self._lived(news.run, news.stage, news.now, news.kind)
        else:
            self._num_measured += 1
            if not self._done[news.run]:
                self._num_taken_up += self._steps[news.run]  # another study raised it
            self._done[news.run] = self._steps[news.run]
            self._under_way.end(news.run)
        if self._began is None:
            self._began = time.monotonic(), self._num_lived
        line = self._line()
        self._under_way.put_above(line)
        self._under_way.say_now_and_then(line)

    def _lived(self, run: str, stage: str, now: Moment, kind: str) -> None:
        if self._stages.get(run) != stage:
            self._stages[run] = stage
            self._num_taken_up += now.done - 1  # steps of a life that was begun before
            self._under_way.end(run)
        self._done[run] = self._before(run, stage) + now.done
        reads = f"reads {kind}" if now.done < now.total else "being measured"
        self._under_way.lived(run, now, reads, title=run if stage == LIFE else f"{run} {stage}")

    def _before(self, run: str, stage: str) -> int:
        """The steps of the stages of a run that come before this one."""
        steps = self._lengths[run]
        return sum(steps[name] for name in takewhile(lambda name: name != stage, steps))

    def _line(self) -> str:
        done, steps = sum(self._done.values()), max(1, sum(self._steps.values()))
        said = [
            f"{self._num_measured} of {len(self._steps)} minds raised",
            f"{done / steps:.0%}",
        ]
        if speed := self._under_way.speed:
            said.append(f"{speed:,.0f} tokens/s")
        if left := self._seconds_left():
            said.append(f"{duration(left)} left")
        return ", ".join(said)

    @property
    def _num_lived(self) -> int:
        """Steps that were lived while this watched."""
        return sum(self._done.values()) - self._num_taken_up

    def _seconds_left(self) -> float | None:
        """By the pace since the first step; None while too little was lived to tell."""
        assert self._began is not None, "asked after the first news"
        at, lived_then = self._began
        left, lived = sum(self._steps.values()) - sum(self._done.values()), self._num_lived
        if lived - lived_then <= _FEWEST_TO_TELL * (lived + left):
            return None
        return (time.monotonic() - at) * left / (lived - lived_then)


class StudyProgress(MindsProgress):
    """How far a study is; with `rungs_only`, of the poles and ladders alone."""

    def __init__(self, design: Design, *, rungs_only: bool = False) -> None:
        super().__init__(
            {
                plan.name: _stages_of(design, plan)
                for plan in design.plans
                if not (is_done(design, plan) or (rungs_only and plan.role != "rung"))
            }
        )


def _stages_of(design: Design, plan: Plan) -> dict[str, int]:
    """The steps of a run's life and, about, of its washout."""
    num_steps, washout = len(plan.recipe.steps), design.settings.washout
    if washout is None or not has_washout(design, plan):
        return {LIFE: num_steps}
    return {LIFE: num_steps, WASHOUT: round(num_steps * washout.share)}
