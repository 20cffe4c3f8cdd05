"""The optimiser: AdamW whose rates, moments and parts follow the lever timeline.

Takes a mind with gradients and the number of a step, and changes the weights that learn in it. A
frozen weight has no gradient and is left alone to the last bit.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from upbringing.training.levers import Steps, Timeline
from upbringing.training.parts import Labels, rates_by_weight


@dataclass(frozen=True)
class _Clock:
    """How long a weight has learnt since its moments began: in steps, and in steps of the size that
    the stretch has. Both at the beginning of a step.
    """

    num_steps: int
    equivalent: float


class Optimizer:
    """AdamW (Loshchilov and Hutter 2019, 1711.05101) along a timeline; matrices decay, norms don't.

    β₂ changes with the batch size, and the second moment's bias is then 1 − Π β₂ over the steps
    taken, which for β₂ = β^(rows) is 1 − β₂ⁿ with n steps of the present size. PyTorch corrects
    both moments by one count of steps: it gets n, and the rate makes good what the first moment's
    correction is wrong by.
    """

    def __init__(
        self,
        mind: nn.Module,
        labels: Labels,
        steps: Steps,
        timeline: Timeline,
        *,
        weight_decay: float,
        beta1: float,
    ) -> None:
        """Raises `InputError` for modules that the mind does not have."""
        self.mind, self.steps = mind, steps
        self.levers = [segment.levers for segment in timeline.segments]
        self.rates = [rates_by_weight(levers.modules, labels) for levers in self.levers]
        self.weight_decay, self.beta1 = weight_decay, beta1
        self.adam = torch.optim.AdamW(mind.parameters(), fused=True)
        self._segment = -1

    def begin(self, step: int) -> None:
        """Let the weights learn, or not, that the step's stretch says; before its forward pass."""
        segment = int(self.steps.segment[step])
        if segment == self._segment:
            return
        is_border = step == 0 or self.steps.segment[step - 1] != segment
        if is_border and self.levers[segment].moments == "anew":
            self.adam.state.clear()
        groups: dict[tuple[float, float, _Clock], list[nn.Parameter]] = defaultdict(list)
        for name, weight in self.mind.named_parameters():
            rate = self.rates[segment][name]
            weight.requires_grad_(rate > 0)
            if rate > 0:
                clock = self._clock(name, step)
                decay = self.weight_decay if weight.ndim == 2 else 0.0
                groups[rate, decay, clock].append(weight)
                if is_border and weight in self.adam.state:
                    self.adam.state[weight]["step"].fill_(clock.equivalent)
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
            clock, more = group["clock"], self._num_learnt(group["from"], step + 1)
            is_corrected = 1 - self.beta1 ** (clock.equivalent + more)
            is_due = 1 - self.beta1 ** (clock.num_steps + more)
            group["lr"] = lr * group["rate"] * (is_corrected / is_due)
            group["weight_decay"] = group["decay"] * (is_due / is_corrected)
            group["betas"] = (self.beta1, beta2)
        self.adam.step()
        self.drop_gradients()

    def drop_gradients(self) -> None:
        """Forget the gradients, as of a step that is not taken."""
        self.mind.zero_grad(set_to_none=True)

    def _num_learnt(self, begin: int, end: int) -> int:
        """The steps from `begin` to `end` from which something was learnt."""
        return int(np.count_nonzero(self.steps.loss_scale[begin:end]))

    def _clock(self, name: str, step: int) -> _Clock:
        segment = int(self.steps.segment[step])
        anew = [n for n in range(segment + 1) if self.levers[n].moments == "anew"]
        of_segment = np.array([rates[name] > 0 for rates in self.rates])
        of_segment[: max(anew, default=0)] = False
        before = of_segment[self.steps.segment[:step]] & (self.steps.loss_scale[:step] > 0)
        rows = int(self.steps.batch_size[:step][before].sum())
        return _Clock(int(before.sum()), rows / int(self.steps.batch_size[step]))
