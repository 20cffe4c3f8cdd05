"""Met: the scenes that a life met exactly once, and when, to ask what is left of the when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from upbringing.character.between.activations import FloatArray, Which, activations
from upbringing.character.between.order_memory import FEWEST_SCENES, OrderMemory, order_memory
from upbringing.character.likelihood import Passage, passage
from upbringing.corpus import load_tokenizer
from upbringing.errors import InputError
from upbringing.identity import keyed_hash
from upbringing.training import Mind, Run


@dataclass(frozen=True)
class Met:
    """Scenes that a life met once: their text, age (share of its tokens), kind and document."""

    passages: tuple[Passage, ...]
    ages_N: FloatArray
    kinds: tuple[str, ...]
    documents: tuple[str, ...]


def met_once(run: Run, until: float = 1.0, *, num_scenes: int = 600) -> Met:
    """Up to `num_scenes` scenes that a life met once before the age `until`.

    Kinds have equal shares as far as they go, inside a kind a keyed hash decides. Of a document one
    scene is taken, unless that leaves fewer than 30: neighbours are alike, and met together. Raises
    `InputError` where fewer than 30 scenes are left even so.
    """
    rows = run.rows()
    order, total = rows.order, int(rows.borders[run.recipe.num_rows])
    visits = np.flatnonzero(rows.starts[1:] <= total * until)
    _, first, times = np.unique(order.sequence, return_index=True, return_counts=True)
    visits = np.intersect1d(visits, first[times == 1])
    known = order.corpus.columns(["key", "kind", "document"]).with_row_index("row")
    scenes = known[order.sequence[visits].astype(np.int64)]
    scenes = scenes.with_columns(
        age=pl.Series(rows.starts[visits] / total),
        lot=pl.Series(keyed_hash(scenes["key"].to_numpy(), 0, "met once")),
    ).sort("lot")
    apart = scenes.unique("document", keep="first", maintain_order=True)
    chosen = _shared_out(scenes if len(apart) < FEWEST_SCENES else apart, num_scenes)
    if len(chosen) < FEWEST_SCENES:
        raise InputError(
            f"{len(chosen)} scenes were met once before age {until:g}",
            where=str(run.path),
            allowed=f"{FEWEST_SCENES} or more",
        )
    tokenizer = load_tokenizer(next(iter(run.checkpoints.values())))
    texts = order.corpus.scenes_at(chosen["row"].to_numpy(), ["text"])["text"]
    return Met(
        tuple(passage(tokenizer, text) for text in texts),
        chosen["age"].to_numpy(),
        tuple(chosen["kind"]),
        tuple(chosen["document"]),
    )


def memory_by_layer(
    mind: Mind, met: Met, which: Which = "mean", *, num_shuffles: int = 99
) -> list[OrderMemory]:
    """`order_memory` of each layer of a mind, for scenes that it met, or another mind did.

    Unit: that of `order_memory`.
    Cost: one forward pass over the scenes, and a probe a layer.
    Fails: as `order_memory`; the best of several layers is the best of several chances.
    """
    return [
        order_memory(layer_ND, met.ages_N, met.kinds, met.documents, num_shuffles=num_shuffles)
        for layer_ND in activations(mind, met.passages, which)
    ]


def _shared_out(scenes: pl.DataFrame, num_scenes: int) -> pl.DataFrame:
    """The first of each kind, in turns, until there are `num_scenes`."""
    turn = pl.int_range(pl.len()).over("kind")
    return scenes.with_columns(turn=turn).sort("turn", "kind").head(num_scenes)
