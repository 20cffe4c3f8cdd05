"""Inside: what a mind's own streams hold of a trait, and of the order in which it read.

They read activations and take passes of their own, so they are asked only where they are named.
"""

from __future__ import annotations

from upbringing.character.asked import Asked
from upbringing.character.between.activations import activations
from upbringing.character.between.direction import trait_directions
from upbringing.character.between.met import memory_by_layer, met_once
from upbringing.character.between.trait import PoleTexts, clearest_of, examine_trait
from upbringing.character.measures import Figures, measure
from upbringing.errors import InputError

_BIRTH = "this mind"  # directions are compared with no other mind's
_FEWEST_TEXTS = 12  # of a pole: six in each half


@measure(unit="standard deviations", along=False, named=True)
def trait_clarity(asked: Asked) -> Figures:
    """For each axis, how far apart its poles lie in the mind's streams: d′ along the direction from
    one to the other, on texts that it was not made from, in the layer where it is largest.

    Unit: standard deviations of a pole's texts (`trait_directions`).
    Cost: one forward pass over both texts of every pair, and five hundred means.
    Fails: a mind that knows the difference need not have the trait; the best of several layers is a
    little too high; without pairs the poles' held-out texts are read, and topic is in it.
    """
    figures = {}
    for name, texts in _texts_by_axis(asked).items():
        above_LND, below_LMD = (
            activations(asked.mind, side) for side in (texts.positive, texts.negative)
        )
        directions = trait_directions(above_LND, below_LMD, texts.groups, birth=_BIRTH)
        figures[name] = clearest_of(directions).d_prime
    return figures


@measure(unit="bits/byte per pole distance", along=False, named=True)
def steering(asked: Asked) -> Figures:
    """For each axis, how its `style_margin` changes for each pole distance that is added to the
    stream of the layer where the poles are furthest apart; half of the pairs make the direction,
    the others are read.

    Unit: bits a byte for each pole distance that is added (`steer`).
    Cost: five forward passes over half of the texts, for each axis.
    Fails: as `trait_clarity` does without pairs; a random direction of that length may move the
    margin too, by as much as `upbringing compare --trait` shows.
    """
    return {
        name: examine_trait(asked.mind, texts, _BIRTH, num_random=0).steering.margin_slope
        for name, texts in _texts_by_axis(asked).items()
    }


@measure(unit="rank correlation", along=False, named=True)
def order_memory(asked: Asked) -> Figures:
    """How well a linear probe guesses from each layer when a scene was met, among scenes of its
    kind; `chance` is what 95% of shuffled ages stay below. None of a mind that met fewer than 30
    scenes once, or whose life is not known.

    Unit: Spearman's rank correlation, 0 no memory.
    Cost: one forward pass over up to 600 scenes that were met once, and a hundred ridge
    regressions a layer.
    Fails: a text may show by itself where an order laid it: only what is above the mind at birth is
    memory; `upbringing compare --order-memory` shows that.
    """
    if asked.run is None:
        return {}
    try:
        met = met_once(asked.run, asked.age)
        found = memory_by_layer(asked.mind, met)
    except InputError:
        return {}  # it met too few scenes once
    by_layer = {f"layers.{layer}": memory.spearman for layer, memory in enumerate(found)}
    return by_layer | {"chance": max(memory.shuffled_high for memory in found)}


def _texts_by_axis(asked: Asked) -> dict[str, PoleTexts]:
    """The texts of both poles of each axis that has enough: its pairs, or what is held out."""
    found = {}
    for axis in asked.probes.axes:
        pairs = asked.probes.pairs.get(axis.name)
        held_out = asked.probes.held_out
        if pairs is None:
            sides = [
                [text for kind in pole.kinds for text in held_out.get(kind, [])]
                for pole in (axis.positive, axis.negative)
            ]
            groups = [[f"{pole} {n}" for n in range(len(side))] for pole, side in enumerate(sides)]
        else:
            sides = [[pair.positive for pair in pairs], [pair.negative for pair in pairs]]
            groups = [[str(n) for n in range(len(pairs))]] * 2
        if min(map(len, sides)) >= _FEWEST_TEXTS:
            positive, negative = map(tuple, sides)
            own, other = map(tuple, groups)
            found[axis.name] = PoleTexts(positive, negative, (own, other), pairs is not None)
    return found
