"""Ablation: does a module carry what it was taught?

The weights that learnt in a stretch of life are put back, in the mind at the end of its life, to
what they were before that stretch. If they carry what was read then, the mind needs more bits for
those kinds, and more than when as many weights, taken at random from all, are put back to that age.

    effect         bits per byte with the module put back, minus without
    of the random  the same for each random module; `share_below` is the share of them below it

Nothing is trained. With R random modules the smallest p-value is 1 / (R + 1). A module that holds
much of what every text needs shows a large effect on all kinds: read a kind beside the others. A
random module that has not moved since the stretch has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from upbringing.character.likelihood import bits_per_byte
from upbringing.character.probes import held_out_by_kind
from upbringing.corpus import Corpus, load_tokenizer
from upbringing.errors import InputError
from upbringing.identity import keyed_hash, keys_of
from upbringing.training import Mind, Run, open_mind
from upbringing.training.changes import Stretch, stretches_of

_DIGITS = 1e-4
"""What an age loses in print, and in the name of a checkpoint."""


@dataclass(frozen=True)
class Ablation:
    """A module put back, beside random ones of its size.

    from_age, to_age  the ages between which it learnt
    weights           the names of its weights, as `Mind.parts` has them
    by_kind           kind, bits_per_byte (of the mind as it is), effect, random_mean, random_sd,
                      share_below: a row a kind
    """

    from_age: float
    to_age: float
    weights: tuple[str, ...]
    num_random: int
    by_kind: pl.DataFrame


def ablate(
    run: Run, from_age: float, *, num_random: int = 16, held_out_bytes: int = 12_000
) -> Ablation:
    """Put back the weights that learnt in the stretch of levers that begins at `from_age`.

    Raises `InputError` for an age at which no stretch begins, and where all weights learnt in it,
    or none, or all have learnt all their life, or the life diverged before its end.
    """
    stretch = _beginning_at(run, from_age)
    folders = run.checkpoints
    before, after = (_weights(folders[age]) for age in (stretch.from_age, stretch.to_age))
    learnt = [name for name, weight in after.items() if not weight.equal(before[name])]
    if len(learnt) in (0, len(before)):
        what = "every weight" if learnt else "no weight"
        raise InputError(
            f"{what} learnt from age {stretch.from_age:g} on", do="name another stretch"
        )
    last = folders[max(folders)]
    mind = open_mind(last)
    passages = held_out_by_kind(
        Corpus.open(run.sources["corpus"]), load_tokenizer(last), held_out_bytes
    )
    as_it_is = bits_per_byte(mind, passages)

    def effect(names: list[str]) -> list[float]:
        with _put_back(mind, before, names):
            found = bits_per_byte(mind, passages)
        return [found[kind] - as_it_is[kind] for kind in as_it_is]

    own_K = np.array(effect(learnt))
    size = sum(before[name].numel() for name in learnt)
    random_RK = np.array([effect(names) for names in _random_modules(before, size, num_random)])
    by_kind = {
        "kind": list(as_it_is),
        "bits_per_byte": list(as_it_is.values()),
        "effect": own_K,
        "random_mean": random_RK.mean(0),
        "random_sd": random_RK.std(0, ddof=1),
        "share_below": (random_RK < own_K).mean(0),
    }
    return Ablation(
        stretch.from_age, stretch.to_age, tuple(learnt), num_random, pl.DataFrame(by_kind)
    )


def _beginning_at(run: Run, from_age: float) -> Stretch:
    """The stretch that begins at an age, as near as the rows of the life can come to it."""
    if not run.recipe.timeline.teaches_parts:
        raise InputError("all parts of this mind learnt all its life", where=str(run.path))
    stretches = stretches_of(run.recipe)
    found = min(stretches, key=lambda stretch: abs(stretch.from_age - from_age))
    if abs(found.from_age - from_age) > 0.5 / run.recipe.num_rows + _DIGITS:
        raise InputError(
            f"no stretch begins at age {from_age:g}",
            where=str(run.path),
            allowed=", ".join(f"{stretch.from_age:g}" for stretch in stretches),
        )
    if found.to_age not in run.checkpoints:
        what = f"the life diverged before age {found.to_age:g}, at which that stretch ends"
        raise InputError(what, where=str(run.path))
    return found


def _weights(folder: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint as the mind has them, by name."""
    return {name: weight.detach() for name, weight in open_mind(folder).named_parameters()}


@contextmanager
def _put_back(mind: Mind, before: Mapping[str, Tensor], names: list[str]) -> Iterator[None]:
    """The mind with these weights as they were before, for a while."""
    weights = dict(mind.named_parameters())
    as_it_is = {name: weights[name].detach().clone() for name in names}
    try:
        _copy(weights, before, names)
        yield
    finally:
        _copy(weights, as_it_is, names)


@torch.no_grad()
def _copy(into: Mapping[str, Tensor], source: Mapping[str, Tensor], names: list[str]) -> None:
    for name in names:
        into[name].copy_(source[name])


def _random_modules(
    before: Mapping[str, Tensor], size: int, num_random: int
) -> Iterator[list[str]]:
    """Whole weights in a random order, each time another, until they hold `size` numbers."""
    names = sorted(before)
    sizes = np.array([before[name].numel() for name in names])
    for number in range(num_random):
        order = np.argsort(keyed_hash(keys_of(names), number, "ablation"))
        num_taken = int(np.searchsorted(sizes[order].cumsum(), size)) + 1
        yield [names[index] for index in order[:num_taken]]
