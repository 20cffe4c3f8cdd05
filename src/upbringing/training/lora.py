"""LoRA: an adapter that learns in place of a mind's own weights, for a phase, then joins them.

Takes a mind and the names of weights; each of these that is a matrix of a layer gets two thin ones,
and reads as W + alpha / rank · B·A (Hu et al. 2021, 2106.09685). `attach` freezes the mind, so that
only A and B learn; `merge` adds what they have learnt to the weights and is gone. The adapter is
`peft`'s, but for its chance: A is drawn from (seed, turn, name of the weight), B is zero.

    attach(mind, rank=8, alpha=16, targets=names, seed=0)   named_parameters() has `<weight>.lora_A`
    merge(mind)                                             … and has them no more

Saved under these names and put back after the same `attach`, an adapter goes on to the bit. Needs
the extra `lora`.
"""

from __future__ import annotations

import copy
import importlib.util
import math
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from upbringing.errors import InputError, Problem
from upbringing.identity import generator
from upbringing.training.minds import Attached, Mind

if TYPE_CHECKING:
    from peft import LoraConfig

_NAME = "phase"
_A, _B = f".lora_A.{_NAME}.weight", f".lora_B.{_NAME}.weight"


def attach(
    mind: Mind, *, rank: int, alpha: int, targets: Collection[str], seed: int, turn: int = 0
) -> None:
    """Give the mind an adapter on the matrices among `targets`, names as in `mind.parts`.

    `turn` tells adapters of one life apart. Vectors, embeddings and the head are passed over.
    Raises `InputError` as `check_adapter` does, and where an adapter is attached already.
    """
    if mind.adapter is not None:
        raise InputError("an adapter is attached already", do="merge it first")
    check_adapter(mind, rank=rank, alpha=alpha, targets=targets)
    from peft.tuners.lora import LoraModel

    body = mind.body
    chosen = [name for name in _matrices(mind) if name in targets]
    frozen = tuple(weight for weight in mind.parameters() if weight.requires_grad)
    owners = [body.get_submodule(n) for n in sorted({n.rpartition(".")[0] for n in chosen})]
    orders = tuple((o, tuple(n for n, _ in o.named_parameters(recurse=False))) for o in owners)
    with torch.random.fork_rng(devices=[]):  # what `peft` draws is drawn anew below
        tuner = LoraModel(body, _config(body, chosen, rank, alpha), _NAME)
    mind.adapter = Attached(tuner, _names(body), frozen, orders)
    _draw(mind, seed, turn)


def merge(mind: Mind) -> None:
    """Add the adapter to the weights that it stands beside, and take it off; all learn as before.

    Raises `InputError` where none is attached.
    """
    adapter = mind.adapter
    if adapter is None:
        raise InputError("no adapter is attached")
    adapter.tuner.merge_and_unload()
    mind.adapter = None
    for module, names in adapter.orders:
        # Sums over all weights, such as the norm of a gradient, depend on the order to the bit.
        for name in names:
            weight = module.get_parameter(name)
            delattr(module, name)
            module.register_parameter(name, weight)
    for weight in adapter.frozen:
        weight.requires_grad_(True)


def merged(mind: Mind) -> Mind:
    """The mind as it would be after `merge`, a copy; without an adapter the mind itself."""
    if mind.adapter is None:
        return mind
    whole = copy.deepcopy(mind)
    merge(whole)
    return whole


def check_adapter(mind: Mind, *, rank: int, alpha: int, targets: Collection[str]) -> None:
    """Raise now what `attach` would raise later, of a mind without an adapter.

    `InputError`, for all at once: a name that no weight has, no matrix of a layer among those
    named, sizes that cannot be, and no `peft`.
    """
    problems = [
        Problem(f"{name} is {value}", allowed="1 and more")
        for name, value in (("rank", rank), ("alpha", alpha))
        if value < 1
    ]
    known = mind.parts
    problems += [Problem(f"no weight is called {name!r}") for name in targets if name not in known]
    if not any(name in targets for name in _matrices(mind)):
        problems.append(
            Problem(
                f"none of {len(targets)} weights named is a matrix of a layer",
                allowed="attention, mlp, layers",
            )
        )
    if importlib.util.find_spec("peft") is None:
        problems.append(Problem("peft is not installed", do="pip install 'upbringing[lora]'"))
    if problems:
        raise InputError(problems)


def _matrices(mind: Mind) -> Iterator[str]:
    """The names of the matrices of the layers, or of stacks of them (experts)."""
    for name, parts in mind.parts.items():
        owner = mind.body.get_submodule(name.rpartition(".")[0])
        is_table = isinstance(owner, (nn.Embedding, nn.Conv1d))
        is_matrix = mind.body.get_parameter(name).ndim in (2, 3) and not is_table
        if is_matrix and any(part.startswith("layers.") for part in parts):
            yield name


def _config(body: nn.Module, chosen: Collection[str], rank: int, alpha: int) -> LoraConfig:
    """Linear maps are wrapped as modules; weights that a layer holds itself, as parameters."""
    from peft import LoraConfig
    from transformers.pytorch_utils import Conv1D

    owners = {name: body.get_submodule(name.rpartition(".")[0]) for name in chosen}
    linear = [n for n, owner in owners.items() if isinstance(owner, (nn.Linear, Conv1D))]
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=[name.removesuffix(".weight") for name in linear],
        target_parameters=[name for name in chosen if name not in linear],
        fan_in_fan_out=any(isinstance(owner, Conv1D) for owner in owners.values()),
    )


def _names(body: nn.Module) -> dict[str, str]:
    """What a mind calls its weights, by the names that `peft` has given them."""
    from peft.tuners.lora import LoraLayer

    names = {name: name.replace(".base_layer", "") for name, _ in nn.Module.named_parameters(body)}
    for place, module in body.named_modules():
        if isinstance(module, LoraLayer):
            weight = (
                f"{place.replace('.base_layer', '')}.{getattr(module, 'parameter_name', 'weight')}"
            )
            names |= {f"{place}{_A}": f"{weight}.lora_A", f"{place}{_B}": f"{weight}.lora_B"}
    return names


@torch.no_grad()
def _draw(mind: Mind, seed: int, turn: int) -> None:
    """A uniform within 1/√(its inputs), as `peft` has it, of its own key; B zero."""
    for name, weight in mind.named_parameters():
        if name.endswith(".lora_A"):
            draw = generator(seed, "adapter", f"{turn}/{name}").random(weight.shape, dtype="f4")
            weight.copy_(torch.from_numpy(2 * draw - 1) / math.sqrt(weight.shape[1]))
        elif name.endswith(".lora_B"):
            weight.zero_()
