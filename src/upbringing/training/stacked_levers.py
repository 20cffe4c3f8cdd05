"""The stacked levers: what the timelines of P lives ask for in one step, as arrays.

Takes the recipes of minds of one shape, gives rates, decays and shares of the loss by mind, as
`StackedAdamW` and the loop of a population use them.

Shapes: P minds, Q parameters of a mind, S segments of a timeline.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from upbringing.training.parts import Labels, rates_by_weight
from upbringing.training.recipe import Recipe
from upbringing.training.stacked_adamw import Floats, StackedHabits, StackedRates


class StackedLevers:
    """The levers of P lives; `steps` is each life's table of steps."""

    def __init__(self, recipes: Sequence[Recipe], parts: Labels) -> None:
        """`parts` holds every parameter of the minds, in their order.

        Raises `InputError` for modules that the minds do not have.
        """
        self.recipes, self.parts = list(recipes), parts
        self.steps = [recipe.steps for recipe in recipes]
        self._factors_SQ = [self._factors_of(recipe) for recipe in recipes]

    def _factors_of(self, recipe: Recipe) -> Floats:
        by_name = [rates_by_weight(s.levers.modules, self.parts) for s in recipe.timeline.segments]
        return np.array([[factors[name] for name in self.parts] for factors in by_name])

    def habits(self) -> StackedHabits:
        """What holds for each life as a whole."""
        return StackedHabits(
            beta1_P=np.array([recipe.beta1 for recipe in self.recipes]),
            weight_decay_P=np.array([recipe.weight_decay for recipe in self.recipes]),
            clip_norm_P=np.array([recipe.clip_norm for recipe in self.recipes]),
        )

    def rates(self, step: int, minds: Collection[int]) -> StackedRates:
        """What holds in a step in which these minds take part."""
        shape = (len(self.parts), len(self.recipes))
        lr_QP, learns_QP = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
        beta2_P = np.zeros(len(self.recipes))
        for p in minds:
            steps = self.steps[p]
            factors_Q = self._factors_SQ[p][steps.segment[step]]
            lr_QP[:, p] = steps.lr[step] * factors_Q
            learns_QP[:, p] = (factors_Q > 0) & (steps.loss_scale[step] > 0)
            beta2_P[p] = steps.beta2[step]
        return StackedRates(lr_QP, learns_QP, beta2_P)

    def loss_shares(self, step: int) -> Floats:
        """What a target's loss counts, (P,): each the same, also in a batch that is not full."""
        shares_P = np.zeros(len(self.recipes))
        for p, (recipe, steps) in enumerate(zip(self.recipes, self.steps, strict=True)):
            if step < len(steps):
                num_targets = int(steps.batch_size[step]) * recipe.row_length
                shares_P[p] = steps.loss_scale[step] / num_targets
        return shares_P

    def begins_anew(self, step: int, mind: int) -> bool:
        """Whether a mind's moments are forgotten before a step."""
        segment = self.steps[mind].segment
        levers = self.recipes[mind].timeline.segments[segment[step]].levers
        is_border = step == 0 or segment[step] != segment[step - 1]
        return bool(is_border) and levers.moments == "anew"
