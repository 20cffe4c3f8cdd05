"""Averages: several ages of one life as one mind, a stock checkpoint like any other.

    Last(3)               the mean of the last three ages that were asked for
    Soup(0.3, 1.0)        two ages mixed, in all weights or in some modules
    Moving(0.05)          the moving average that an `Ema` kept while the mind lived

    run/averages/last-3/  config.json, model.safetensors (fp32), the tokenizer
    run/averages/last-3/average.json  the manifest: which average of which run

A finished run is averaged, and stays as it is. Sums are made in fp64, one operation at a time, and
stored in fp32, so the bits are the same on any machine; those of a moving average are the run's.
Sources: the last checkpoints, Izmailov et al. 2018 (1803.05407) and Kaddour 2022 (2209.14981);
soups, Wortsman et al. 2022 (2203.05482); moving averages, Polyak and Juditsky 1992.
"""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from upbringing.errors import ArtefactError, InputError
from upbringing.files import Manifest, open_manifest, remove_drafts, staged, write_manifest
from upbringing.training.checkpoint import open_mind
from upbringing.training.parts import weights_of
from upbringing.training.run import Run
from upbringing.training.stock import stock_labels

FORMAT = "average/1"

_WEIGHTS = "model.safetensors"

Weights = dict[str, Tensor]
"""fp32 tensors under the names of a stock checkpoint."""
M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Last:
    """The mean of the minds at the last `count` of the ages that were asked for.

    Ages that a life keeps for another reason, where levers change or a rate is spent, don't count.
    """

    count: int

    @property
    def name(self) -> str:
        """`last 3`."""
        return f"last {self.count}"

    @property
    def words(self) -> str:
        """What it is, for a reader."""
        return f"the mean of the minds at the last {self.count} ages"

    def weights(self, run: Run, ages: Sequence[float]) -> Weights:
        """The averaged weights; `ages` are those that were asked for."""
        folders = [run.checkpoints[_as_kept(age)] for age in ages[-self.count :]]
        return _mixed([(folder, 1.0) for folder in folders])


@dataclass(frozen=True)
class Soup:
    """The mind at the age `second` with `share` of the mind at the age `first` mixed in.

    `modules` are patterns (`parts`), over the names that a checkpoint has; none of them is all of
    it. What is not mixed is as at `second`.
    """

    first: float
    second: float
    share: float = 0.5
    modules: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`soup .3+1`, with the share where it isn't a half, and the modules where not all."""
        share = f" at {_short(self.share)}" if self.share != 0.5 else ""
        modules = f" in {'+'.join(self.modules)}" if self.modules else ""
        return f"soup {_short(self.first)}+{_short(self.second)}{share}{modules}"

    @property
    def words(self) -> str:
        """What it is, for a reader."""
        mixed = f"{self.share:.3g} of the mind at age {self.first:g}, the rest of that at"
        where = f" in {', '.join(self.modules)}, all else as at {self.second:g}"
        return f"{mixed} {self.second:g}{where if self.modules else ''}"

    def weights(self, run: Run, ages: Sequence[float]) -> Weights:
        """The mixed weights. Raises `InputError` for a pattern that matches nothing."""
        del ages
        first, second = (run.checkpoints[_as_kept(age)] for age in (self.first, self.second))
        mixed = _mixed([(first, self.share), (second, 1 - self.share)])
        if not self.modules:
            return mixed
        chosen = weights_of(self.modules, stock_labels(open_mind(second)))
        return _load(second) | {name: mixed[name] for name in chosen}


@dataclass(frozen=True)
class Moving:
    """The moving average of a life, kept by an `Ema` of that half-life, a share of the life."""

    half_life: float

    @property
    def name(self) -> str:
        """`ema .05`."""
        return f"ema {_short(self.half_life)}"

    @property
    def words(self) -> str:
        """What it is, for a reader."""
        return f"the moving average of the weights, its half-life {self.half_life:g} of a life"

    def weights(self, run: Run, ages: Sequence[float]) -> Weights:
        """Those that the run kept; raises `InputError` if it kept none of that half-life."""
        del ages
        folder = ema_folder(run.path, self.half_life)
        if not folder.exists():
            raise InputError(
                f"kept no moving average of half-life {self.half_life:g}", where=str(run.path)
            )
        return _load(folder)


Average = Last | Soup | Moving


def lacking(average: Average, ages: Sequence[float]) -> str | None:
    """What a life that is kept at `ages` lacks for an average; None where it lacks nothing.

    For `Last` these are the ages that were asked for.
    """
    match average:
        case Last(count) if count > len(ages):
            return f"{len(ages)} ages are kept, too few for the last {count}"
        case Soup(first, second):
            kept = {_as_kept(age) for age in ages}
            lost = [f"{age:g}" for age in (first, second) if _as_kept(age) not in kept]
            return f"no mind is kept at age {' or '.join(lost)}" if lost else None
    return None


@dataclass(frozen=True)
class Averaged:
    """One average of one run, to be measured as a run is."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, place: Path) -> Averaged:
        """Open and check an average; raises `ArtefactError` if it is none or damaged."""
        return cls(place, open_manifest(place, FORMAT))

    @property
    def digest(self) -> str:
        """The manifest's digest: the run, the average and the weights."""
        return self.manifest.digest

    @property
    def checkpoints(self) -> Mapping[float, Path]:
        """The one mind that it is, at the end of life."""
        return {1.0: self.path}


def average_folder(run: Path, average: Average) -> Path:
    """Where an average of the run at `run` lies."""
    return run / "averages" / slug(average)


def slug(average: Average) -> str:
    """The average's name, as a folder may be called: `last-3`."""
    return re.sub(r"[^\w.+-]", "-", average.name)


def ema_folder(run: Path, half_life: float) -> Path:
    """Where a life keeps the checkpoint that its `Ema` ends with: `run/ema/0.05`."""
    return run / "ema" / f"{half_life:g}"


def average_run(run: Run, average: Average, ages: Sequence[float] | None = None) -> Averaged:
    """Average a finished run, once; a second call opens what is there.

    `ages` are those that were asked for, by default those of its recipe. Raises `InputError` where
    the run did not keep what is averaged, `ArtefactError` where another average lies in its place.
    """
    place = average_folder(run.path, average)
    kept = list(run.checkpoints)
    asked = [age for age in ages or run.recipe.ages if _as_kept(age) in kept]
    recipe, inputs = {"name": average.name, **asdict(average)}, {"run": run.digest}
    if place.exists():
        there = Averaged.open(place)
        if there.manifest.inputs != inputs:
            raise ArtefactError("is of another run", where=str(place), do="remove this folder")
        return there
    lack = lacking(average, asked if isinstance(average, Last) else kept)
    if lack:
        allowed = ", ".join(f"{age:g}" for age in kept) or "none"
        raise InputError(lack, where=str(run.path), allowed=f"ages {allowed}")
    weights = average.weights(run, asked)
    last = list(run.checkpoints.values())[-1]
    remove_drafts(place.parent)
    with staged(place) as draft:
        for file in sorted(last.iterdir()):
            if file.name != _WEIGHTS:
                shutil.copyfile(file, draft / file.name)
        save_file(weights, draft / _WEIGHTS, metadata={"format": "pt"})
        write_manifest(draft, FORMAT, recipe=recipe, inputs=inputs)
    return Averaged.open(place)


class Ema:
    """A moving average of a model's weights, kept while it learns.

    The weights after a step count half as much when `half_life` of the life has passed since, and
    those before the first step don't count: m ← m + a·(w − m), a = (1 − d)/(1 − Π d) with a decay
    d = 2^(−share/half_life) for each step, `share` being what of the life's tokens it consumed.
    Steps from which nothing is learnt don't count, and no time passes in them. The average lies
    where the weights do and has their precision, fp32.
    """

    def __init__(self, model: nn.Module, half_life: float) -> None:
        """Begin before the first step of `model`, whose parameters are followed."""
        self.half_life = half_life
        self._weights = dict(model.named_parameters())
        self._means = {name: p.detach().clone() for name, p in model.named_parameters()}
        self._elapsed = 0.0  # share of the life

    @torch.no_grad()
    def update(self, share: float) -> None:
        """Take in the weights after a step that consumed `share` of the life's tokens."""
        self._elapsed += share
        fresh, counted = (1 - 2 ** (-x / self.half_life) for x in (share, self._elapsed))
        for name, mean in self._means.items():
            mean.lerp_(self._weights[name], fresh / counted)

    def save(self, snapshot: Path) -> None:
        """Write into a snapshot's folder what `restore` needs, one file a half-life."""
        elapsed = torch.tensor(self._elapsed, dtype=torch.float64)
        means = {f"mean.{name}": mean for name, mean in self._means.items()}
        save_file({"elapsed": elapsed} | means, self._file_in(snapshot))

    def restore(self, snapshot: Path) -> None:
        """Put back, to the bit, what `save` wrote."""
        saved = load_file(self._file_in(snapshot))
        self._elapsed = float(saved["elapsed"])
        for name, mean in self._means.items():
            mean.copy_(saved[f"mean.{name}"])

    def mind(self, model: M) -> M:
        """A copy of the model with the averaged weights, to be written as a checkpoint."""
        averaged = copy.deepcopy(model)
        with torch.no_grad():
            for name, parameter in averaged.named_parameters():
                parameter.copy_(self._means[name])
        return averaged

    def _file_in(self, snapshot: Path) -> Path:
        return snapshot / f"ema_{self.half_life:g}.safetensors"


def _mixed(parts: Sequence[tuple[Path, float]]) -> Weights:
    """Σ share · weights ÷ Σ shares of checkpoints, tensor by tensor."""
    totals: Weights = {}
    for folder, share in parts:
        for name, weight in _load(folder).items():
            part = weight.double() * share
            totals[name] = totals[name] + part if name in totals else part
    whole = sum(share for _, share in parts)
    return {name: (total / whole).float() for name, total in totals.items()}


def _load(folder: Path) -> Weights:
    return load_file(folder / _WEIGHTS)


def _as_kept(age: float) -> float:
    """An age as the name of its checkpoint has it."""
    return round(age, 4)


def _short(share: float) -> str:
    """`.05`, `1`."""
    return f"{share:g}".removeprefix("0")
