"""The optimiser: AdamW whose rates, moments and parts follow the lever timeline.

Takes a mind with gradients and the number of a step, and changes the weights that learn in it. A
frozen weight has no gradient and is left alone to the last bit.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from upbringing.errors import InputError, Problem
from upbringing.order import Levers
from upbringing.training.levers import Steps, Timeline
from upbringing.training.lora import attach, check_adapter, merge
from upbringing.training.minds import Mind
from upbringing.training.parts import rates_by_weight, weights_of


@dataclass(frozen=True)
class _Clock:
    """How long a weight has learnt since its moments began, at the beginning of a step: in steps,
    and in rows; `size` is the rows of a step in this stretch.
    """

    num_steps: int
    num_rows: int
    size: int

    def equivalent(self, more: int = 0) -> float:
        """Steps of the present size, `more` of them after the beginning."""
        return (self.num_rows + more * self.size) / self.size


def check_levers(mind: Mind, timeline: Timeline) -> None:
    """Raise `InputError`, for all at once, for modules and adapters that the mind cannot have."""
    problems: dict[Problem, None] = {}  # each once, in their order
    for segment in timeline.segments:
        try:
            _check_learners(mind, segment.levers)
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InputError(problems)


def _check_learners(mind: Mind, levers: Levers) -> None:
    rates_by_weight(levers.modules, mind.parts)
    lora = levers.lora
    if lora:
        targets = weights_of(lora.modules, mind.parts)
        check_adapter(mind, rank=lora.rank, alpha=lora.alpha or lora.rank, targets=targets)


class Optimizer:
    """AdamW (Loshchilov and Hutter 2019, 1711.05101) along a timeline; matrices decay, norms don't.

    β₂ changes with the batch size, and the second moment's bias is then 1 − Π β₂ over the steps
    taken, which for β₂ = β^(rows) is 1 − β₂ⁿ with n steps of the present size. PyTorch corrects
    both moments by one count of steps: it gets n, and the rate makes good what the first moment's
    correction is wrong by.
    """

    def __init__(
        self,
        mind: Mind,
        steps: Steps,
        timeline: Timeline,
        *,
        weight_decay: float,
        beta1: float,
        seed: int,
    ) -> None:
        """`seed` draws adapters.

        Raises `InputError` for modules that the mind does not have, and adapters that cannot be.
        """
        self.mind, self.steps = mind, steps
        self.levers = [segment.levers for segment in timeline.segments]
        check_levers(mind, timeline)
        self.rates = [rates_by_weight(levers.modules, mind.parts) for levers in self.levers]
        self.adapted = [
            weights_of(levers.lora.modules, mind.parts) if levers.lora else []
            for levers in self.levers
        ]
        self.weight_decay, self.beta1, self.seed = weight_decay, beta1, seed
        self.adam = torch.optim.AdamW(mind.parameters(), fused=True)
        # How many steps before each one something was learnt from.
        self._num_learnt = np.append(0, np.cumsum(steps.loss_scale > 0)).tolist()
        self._adapter_since = self._adapters()
        self._segment: int | None = None

    def _adapters(self) -> dict[int, int]:
        """By segment that is lived, the one since which its adapter learns; without one itself.

        It learns on where the same one is said again, unless the moments begin anew.
        """
        lived = np.unique(self.steps.segment).tolist()
        since = {lived[0]: lived[0]}
        for before, segment in pairwise(lived):
            own = self.levers[segment]
            goes_on = own.lora is not None and own.lora == self.levers[before].lora
            since[segment] = since[before] if goes_on and own.moments == "keep" else segment
        return since

    def take_up(self, num_done: int) -> None:
        """Be as after so many steps, but for the weights and moments that are then put back."""
        if num_done:
            self._enter(int(self.steps.segment[num_done - 1]), num_done)

    def begin(self, step: int) -> None:
        """Let the weights learn, or not, that the step's stretch says; before its forward pass."""
        segment = int(self.steps.segment[step])
        if segment == self._segment:
            return
        since = self._adapter_since
        if self._segment is not None and since[segment] != since[self._segment]:
            self._merge()
        if self.levers[segment].moments == "anew":
            self.adam.state.clear()
        self._enter(segment, step)
        for group in self.adam.param_groups:
            for weight in group["params"]:
                if weight in self.adam.state:
                    self.adam.state[weight]["step"].fill_(group["clock"].equivalent())

    def _merge(self) -> None:
        """Let an adapter join the weights, and forget its moments."""
        if self.mind.adapter is not None:
            merge(self.mind)
            for gone in set(self.adam.state) - set(self.mind.parameters()):
                del self.adam.state[gone]

    def _enter(self, segment: int, step: int) -> None:
        """Attach the stretch's adapter if it is none yet, and make groups of what learns in it."""
        lora = self.levers[segment].lora
        if lora and self.mind.adapter is None:
            targets, alpha = self.adapted[segment], lora.alpha or lora.rank
            attach(
                self.mind, rank=lora.rank, alpha=alpha, targets=targets,
                seed=self.seed, turn=self._adapter_since[segment],
            )  # fmt: skip
        groups: dict[tuple[float, float, _Clock], list[nn.Parameter]] = defaultdict(list)
        for name, weight in self.mind.named_parameters():
            rate = float(name not in self.mind.parts) if lora else self.rates[segment][name]
            weight.requires_grad_(rate > 0)
            if rate > 0:
                decay = self.weight_decay if weight.ndim > 1 else 0.0
                groups[rate, decay, self._clock(name, segment, step)].append(weight)
        self.adam.param_groups.clear()
        for (rate, decay, clock), weights in groups.items():
            self.adam.add_param_group(
                {"params": weights, "rate": rate, "decay": decay, "clock": clock, "from": step}
            )
        self._segment = segment

    def step(self, step: int) -> None:
        """Change the weights by their gradients, and drop these."""
        lr, beta2 = float(self.steps.lr[step]), float(self.steps.beta2[step])
        for group in self.adam.param_groups:
            clock = group["clock"]
            more = self._num_learnt[step + 1] - self._num_learnt[group["from"]]
            is_corrected = 1 - self.beta1 ** clock.equivalent(more)
            is_due = 1 - self.beta1 ** (clock.num_steps + more)
            group["lr"] = lr * group["rate"] * (is_corrected / is_due)
            group["weight_decay"] = group["decay"] * (is_due / is_corrected)
            group["betas"] = (self.beta1, beta2)
        self.adam.step()
        self.drop_gradients()

    def drop_gradients(self) -> None:
        """Forget the gradients, as of a step that is not taken."""
        self.mind.zero_grad(set_to_none=True)

    def _clock(self, name: str, segment: int, step: int) -> _Clock:
        """That of a weight before a step, for steps of the size that a segment has."""
        lived = [n for n in self._adapter_since if n <= segment]
        anew = [n for n in lived if self.levers[n].moments == "anew"]
        learns = [
            levers.lora is None and rates[name] > 0
            if name in rates
            else self._adapter_since.get(n) == self._adapter_since[segment]
            for n, (levers, rates) in enumerate(zip(self.levers, self.rates, strict=True))
        ]
        learns[: max(anew, default=0)] = [False] * max(anew, default=0)
        before = np.array(learns)[self.steps.segment[:step]] & (self.steps.loss_scale[:step] > 0)
        rows = int(self.steps.batch_size[:step][before].sum())
        size = int(self.steps.batch_size[self.steps.segment == segment][0])
        return _Clock(int(before.sum()), rows, size)
