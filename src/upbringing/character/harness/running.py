"""Running: any task of lm-evaluation-harness as a measure, asked of a checkpoint in this process.

Needs the extra `lm-eval`. Nothing is asked of the network: a task whose data is neither a file nor
in the local cache of `datasets` is refused before anything is trained.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from upbringing.character.asked import Asked
from upbringing.character.measures import Figures, Measure
from upbringing.errors import InputError, Problem
from upbringing.files import file_digest
from upbringing.settings import suggestion

PREFIX = "lm-eval:"
UNIT = "as lm-eval has it"

_BATCH_SIZE = 16


@dataclass(frozen=True)
class HarnessReading:
    """One metric of one task: `acc` of `arc_easy`; of another filter `exact_match, strict`."""

    task: str
    metric: str
    value: float


def is_harness_measure(name: str) -> bool:
    """Whether a study's `measures:` means a task of the harness by it."""
    return name.startswith(PREFIX)


def harness_measure(name: str) -> Measure:
    """`lm-eval:TASK` as a measure, asked at the end of a life; TASK is a name, or a path to YAML.

    Its subjects are the metrics of the task, and of a group also `SUBTASK METRIC`. Raises
    `InputError` where the extra is not installed; `check_harness_tasks` finds the rest.

    Unit: the harness's own.
    Cost: one forward pass over each request; a task of thousands of items takes minutes a mind.
    Fails: most tasks of the harness are beyond small minds, who then answer by chance.
    """
    task = name.removeprefix(PREFIX)
    _check_installed()

    def ask(asked: Asked) -> Figures:
        if asked.checkpoint is None:
            raise InputError("a mind without a checkpoint cannot be given to it", where=name)
        with _quiet(), _offline():
            own, found = _evaluated(asked.checkpoint, task, device=str(asked.mind.device))
        return {
            one.metric if one.task == own else f"{one.task} {one.metric}": one.value
            for one in found
        }

    version = f"lm-eval {importlib.metadata.version('lm-eval')}"
    made_of = f"{version}, {file_digest(Path(task))}" if _is_path(task) else version
    return Measure(name, UNIT, along=False, ask=ask, file_digest=made_of)


def check_harness_tasks(names: Sequence[str]) -> None:
    """Load every task of the harness among some measures, with its data.

    Raises `InputError`, for all at once, for tasks that are not known or that need the network.
    """
    tasks = [name.removeprefix(PREFIX) for name in names if is_harness_measure(name)]
    if not tasks:
        return
    _check_installed()
    problems: list[Problem] = []
    with _quiet(), _offline():
        for task in tasks:
            try:
                _load(task)
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)


def harness_readings(
    checkpoint: Path,
    tasks: Sequence[str],
    *,
    include_path: Path | None = None,
    limit: int | None = None,
    batch_size: int = _BATCH_SIZE,
    device: str = "cpu",
    **model_args: Any,
) -> list[HarnessReading]:
    """The metrics of tasks that a mind is asked, in fp32, as `lm-eval run` would give them.

    checkpoint    a stock Hugging Face folder
    tasks         names that it knows, or paths to YAML, whose own paths are read from there
    include_path  a folder of further tasks
    limit         the first so many items of each task
    model_args    more of the harness's settings of a model, such as `max_length`

    Raises `InputError` for tasks that are not known or that need the network.
    """
    _check_installed()
    readings = []
    with _quiet(), _offline():
        for task in tasks:
            readings += _evaluated(
                checkpoint, task, include_path, limit, batch_size, device, model_args
            )[1]
    return list(dict.fromkeys(readings))


def _evaluated(
    checkpoint: Path,
    task: str,
    include_path: Path | None = None,
    limit: int | None = None,
    batch_size: int = _BATCH_SIZE,
    device: str = "cpu",
    model_args: Mapping[str, Any] | None = None,
) -> tuple[str | None, list[HarnessReading]]:
    """The name by which the harness has a task, if it is one, and its readings."""
    from lm_eval import simple_evaluate

    loaded = _load(task, include_path)
    given = {"pretrained": str(checkpoint.resolve()), "dtype": "float32"}
    found = simple_evaluate(
        model="hf",
        model_args=given | dict(model_args or {}),
        tasks=[*loaded.values()],
        batch_size=batch_size,
        device=device,
        limit=limit,
        bootstrap_iters=0,
        log_samples=False,
        task_manager=_manager(include_path, include_defaults=False),
    )
    readings = [
        HarnessReading(name, metric, value)
        for part in ("groups", "results")
        for name, metrics in found.get(part, {}).items()
        for metric, value in metrics_of(metrics).items()
    ]
    return next(iter(loaded)) if len(loaded) == 1 else None, readings


def metrics_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """What the harness says of a task: `acc,none` is `acc`, `exact_match,strict` keeps its filter.

    Standard errors over items are left out: the run is the unit.
    """
    found = {}
    for key, value in metrics.items():
        metric, comma, filter_ = key.partition(",")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if comma and is_number and not metric.endswith("_stderr"):
            found[metric if filter_ == "none" else f"{metric}, {filter_}"] = float(value)
    return found


def _load(task: str, include_path: Path | None = None) -> dict[str, Any]:
    """The task or group as the harness's own object by its name, its data read; of a tag all."""
    by_path = _is_path(task)
    manager = _manager(include_path, include_defaults=not by_path)
    spec = str(Path(task).resolve()) if by_path else task
    if not by_path and spec not in manager.all_tasks:
        raise InputError(
            f"lm-evaluation-harness knows no task {task!r}",
            allowed="what `lm-eval ls tasks` lists, or a path to a task's YAML",
            do=suggestion(task, manager.all_tasks),
        )
    beside = contextlib.chdir(Path(spec).parent) if by_path else contextlib.nullcontext()
    try:
        with beside:
            loaded = manager.load([spec])
    except Exception as error:  # whatever its data sets, templates and functions raise
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"the task {task!r} cannot be loaded: {type(error).__name__}: {reason}",
            do="nothing is asked of the network: lay its data into the cache of `datasets`"
            " beforehand, or name a task whose data are files",
        ) from error
    top = loaded.get("groups", {})
    inside = {child for children in loaded.get("group_map", {}).values() for child in children}
    return {name: one for name, one in top.items() if name not in inside} or dict(loaded["tasks"])


@lru_cache(maxsize=4)
def _manager(include_path: Path | None, *, include_defaults: bool) -> Any:
    """Reading the index of all its tasks takes seconds."""
    from lm_eval.tasks import TaskManager

    included = None if include_path is None else str(include_path.resolve())
    return TaskManager(include_path=included, include_defaults=include_defaults)


def _check_installed() -> None:
    if importlib.util.find_spec("lm_eval") is None:
        raise InputError(
            "lm-evaluation-harness is not installed", do="pip install 'upbringing[lm-eval]'"
        )


def _is_path(task: str) -> bool:
    return task.endswith((".yaml", ".yml"))


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Whatever asks the hub is told that there is no network."""
    import datasets.config
    import huggingface_hub.constants

    places = [datasets.config, huggingface_hub.constants]
    before = [place.HF_HUB_OFFLINE for place in places]
    for place in places:
        place.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for place, was in zip(places, before, strict=True):
            place.HF_HUB_OFFLINE = was


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without its log and its progress bars, of which there are several a task."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
