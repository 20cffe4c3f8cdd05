"""The ladder: orders that hold two kinds of text in a given ratio, from one pole to the other.

Pole minds and mixtures give a study its unit of character. Their visits are their own: each side's
scenes are read in passes, every pass dealt anew, until the side has its share of the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import TRAIN, Corpus, Tokens
from upbringing.errors import InputError
from upbringing.identity import keyed_hash
from upbringing.order.order import Order


def ladder_order(
    corpus: Corpus,
    tokens: Tokens,
    sides: Sequence[tuple[Sequence[str], float]],
    *,
    lang: str,
    num_tokens: int,
    seed: int,
) -> Order:
    """An order of at least `num_tokens` tokens: each of `sides` is (kinds, share of the tokens).

    The sides are spread evenly into each other. Raises `InputError` where a side has no scene.
    """
    frame = corpus.columns(["key", "kind", "lang", "split"]).with_row_index("row")
    lengths = np.diff(tokens.offsets)
    visits, places = [], []
    for kinds, share in sides:
        scenes = frame.filter(pl.col("kind").is_in(kinds), lang=lang, split=TRAIN)
        if scenes.is_empty():
            raise InputError(f"no training scene in {lang} is of kind {', '.join(kinds)}")
        rows = _passes(scenes, lengths, share * num_tokens, seed)
        visits.append(rows)
        # The k-th of n visits stands at (k + ½)/n of the life, so the ratio holds throughout.
        places.append((2 * np.arange(len(rows), dtype=np.uint64) + 1) * (2**62 // len(rows)))
    order = np.lexsort((np.concatenate(visits), np.concatenate(places)))
    recipe = {"ladder": [[list(kinds), share] for kinds, share in sides], "lang": lang}
    return Order.from_rows(corpus, np.concatenate(visits)[order], recipe=recipe, seed=seed)


def _passes(
    scenes: pl.DataFrame, lengths: npt.NDArray[np.int64], num_tokens: float, seed: int
) -> npt.NDArray[np.uint32]:
    """Scene rows in passes, each dealt anew, until `num_tokens` are reached."""
    rows, keys = scenes["row"].to_numpy(), scenes["key"].to_numpy()
    num_passes = int(np.ceil(num_tokens / lengths[rows].sum()))
    dealt = [rows[np.argsort(keyed_hash(keys, seed, f"ladder/{n}"))] for n in range(num_passes)]
    sequence = np.concatenate(dealt)
    stop = int(np.searchsorted(lengths[sequence].cumsum(), num_tokens)) + 1
    return sequence[:stop]
