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

import numpy as np
import polars as pl
import torch
from safetensors.torch import load_file
from torch import Tensor

from upbringing.character.likelihood import bits_per_byte
from upbringing.character.probes import held_out_by_kind
from upbringing.corpus import Corpus, load_tokenizer
from upbringing.errors import InputError
from upbringing.identity import keyed_hash, keys_of
from upbringing.training import Mind, Run, open_mind

_NEAR = 0.005
"""How far an age may be from the border that is meant, which is that of a row."""


@dataclass(frozen=True)
class Ablation:
    """A module put back, beside random ones of its size.

    from_age, to_age  the ages between which it learnt
    weights           the names of its weights
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
    """Put back the weights that learnt from `from_age` to the next age that was kept.

    Raises `InputError` for an age at which no stretch begins, and where all weights learnt in it,
    or none; `ArtefactError` for a run that has no changes.
    """
    changes = run.changes
    begins = changes["from_age"].unique().sort().to_list()
    begin = min(begins, key=lambda age: abs(age - from_age))
    stretch = changes.filter(from_age=begin)
    if abs(begin - from_age) > _NEAR:
        ages = ", ".join(f"{age:g}" for age in begins)
        raise InputError(f"no stretch begins at age {from_age:g}", allowed=ages)
    learnt = stretch.filter(pl.col("relative_change") > 0)["weight"].to_list()
    folders = run.checkpoints
    before = load_file(folders[begin] / "model.safetensors")
    if len(learnt) in (0, len(before)):
        what = "every weight" if learnt else "no weight"
        raise InputError(f"{what} learnt from age {from_age:g} on", do="name another stretch")
    mind = open_mind(folders[max(folders)])
    passages = held_out_by_kind(
        Corpus.open(run.sources["corpus"]), load_tokenizer(folders[begin]), held_out_bytes
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
    end = float(stretch["to_age"][0])
    return Ablation(begin, end, tuple(learnt), num_random, pl.DataFrame(by_kind))


@contextmanager
def _put_back(mind: Mind, before: Mapping[str, Tensor], names: list[str]) -> Iterator[None]:
    """The mind with these weights as they were before, for a while."""
    weights = mind.stock_weights()
    as_it_is = {name: weights[name].clone() for name in names}
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
