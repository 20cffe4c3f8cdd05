"""Joining: the phases inside a phase, each in its own order, as one sequence.

Whatever the way, a phase's visits keep their order among themselves, and every visit comes once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from upbringing.identity import keyed_hash, keys_of
from upbringing.order.mixing import EVEN, check_supply, spread
from upbringing.order.phases import Join, Mixture
from upbringing.order.sorting import Rows, argsort


def joined(join: Join, parts: Mapping[str, Rows], seed: int, purpose: str) -> Rows:
    """The visits of `parts`, by the name of their phase, in one sequence, (num_visits,).

    `in_turn` and `shuffle` leave each part whole, in the order of the file or of a keyed lot of its
    name. `interleave` and a mixture spread each part over the whole (`mixing.spread`), a mixture by
    its density. Raises `InputError` for shares that need other numbers of visits than there are.
    """
    if join == "in_turn":
        return np.concatenate(list(parts.values()))
    if join == "shuffle":
        lots = keyed_hash(keys_of(list(parts)), seed, f"{purpose}/join")
        return np.concatenate([list(parts.values())[place] for place in np.argsort(lots)])
    counts = np.array([len(part) for part in parts.values()])
    densities = [EVEN] * len(parts)
    if isinstance(join, Mixture):
        if join.given == "shares":
            check_supply(join.mixture, list(parts), counts, of="visits")
        densities = [join.mixture[name] for name in parts]
    visits = np.concatenate(list(parts.values()))
    group = np.repeat(np.arange(len(parts), dtype=np.uint64), counts)
    position = np.arange(len(visits), dtype=np.uint64)
    sequence: Rows = visits[argsort(spread(densities, group, position), position)]
    return sequence
