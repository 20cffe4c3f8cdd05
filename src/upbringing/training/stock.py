"""Stock names: what a checkpoint calls its weights → the parts of a mind that they belong to."""

from __future__ import annotations

from collections.abc import Collection

from upbringing.training.parts import Labels

_PARTS = {"embed_tokens": "embed", "lm_head": "head", "self_attn": "attention", "mlp": "mlp"}


def stock_labels(names: Collection[str]) -> Labels:
    """The parts of each weight of a Llama checkpoint, by its name.

    Without an output matrix of its own the embedding is the head too.
    """
    is_tied = not any(name.startswith("lm_head.") for name in names)
    return {name: tuple(_parts(name, is_tied=is_tied)) for name in names}


def _parts(name: str, *, is_tied: bool) -> list[str]:
    pieces = name.split(".")
    found = [_PARTS[piece] for piece in pieces if piece in _PARTS]
    if "layers" in pieces:
        found.append(f"layers.{pieces[pieces.index('layers') + 1]}")
    if pieces[-2].endswith("norm"):
        found.append("norms")
    return [*found, "head"] if "embed" in found and is_tied else found
