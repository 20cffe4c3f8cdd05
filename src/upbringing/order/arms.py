"""The arms of a study as curricula, made by rule: the block under test, and its controls.

For a block X (a kind, or several), a counterpart Y (optional) and the other kinds:

    F   X first                 X · others · Y
    M   X in the middle         Y/2 · others/2 · X · others/2 · Y/2
    L   X last                  Y · others · X
    S   a fresh shuffle         everything, dealt by the seed
    O   another kind in X's slot, X among the others
    N   F's block sizes, scenes dealt at random: one more shuffle, a negative control
    D   the shuffle S itself, its losses weighed so that X gets the dose it has in F

The counterpart lies as far from X as it can. All arms visit the same scenes once.

Where a next block B is asked for, F is X · B · all else, and O is the same with another in X's
place: the counterpart Y or, where there is none, another kind. Then B is read by minds that have
read nothing else but X, or nothing else but the other, and X and the other have changed places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.store import TRAIN
from upbringing.errors import InputError, Problem
from upbringing.order.curriculum import Curriculum
from upbringing.order.phases import Phase
from upbringing.order.selection import Selection
from upbringing.settings import suggestion

ARMS = ("F", "M", "L", "S", "O", "N", "D")


@dataclass(frozen=True)
class Block:
    """The kinds of X, of its counterpart Y and all the others, with the bytes of each.

    next  those of the others that are read behind X in F, and behind what stands for it in O
    """

    kinds: tuple[str, ...]
    against: tuple[str, ...]
    others: tuple[str, ...]
    num_bytes: Mapping[str, int]
    life: Selection | None
    next: tuple[str, ...] = ()

    def share(self, kinds: tuple[str, ...]) -> float:
        """The share of the life's bytes that these kinds hold."""
        return sum(self.num_bytes[k] for k in kinds) / sum(self.num_bytes.values())

    @property
    def stand_in(self) -> str:
        """The other kind nearest to X in bytes: it takes X's slot in arm O.

        Raises `InputError` where there is none.
        """
        size = sum(self.num_bytes[kind] for kind in self.kinds)
        free = [kind for kind in self.others if kind not in self.next]
        if not free:
            raise InputError("arm O needs a third kind", do="leave O out of the arms")
        return min(free, key=lambda kind: (abs(self.num_bytes[kind] - size), kind))

    @property
    def in_its_place(self) -> tuple[str, ...]:
        """The kinds that O begins with, in the place of X."""
        return self.against if self.next and self.against else (self.stand_in,)


def block_of(
    corpus: Corpus,
    kinds: tuple[str, ...],
    *,
    against: tuple[str, ...] = (),
    next: tuple[str, ...] = (),  # noqa: A002  (as the file says it)
    life: Selection | None = None,
) -> Block:
    """The block of `kinds` in the life's training scenes.

    Raises `InputError` for kinds that the life lacks, for a kind in two places, and where nothing
    remains beside the block; each problem's place is `block`, `against` or `next`.
    """
    frame = corpus.columns(["kind", "lang", "split", "num_bytes"]).filter(split=TRAIN)
    if life and life.lang:
        frame = frame.filter(pl.col("lang").is_in(life.lang))
    sizes = frame.group_by("kind").agg(pl.col("num_bytes").cast(pl.Int64).sum()).sort("kind")
    num_bytes = dict(zip(sizes["kind"], sizes["num_bytes"], strict=True))
    known = list(num_bytes)
    problems = [
        Problem(f"no scene is of kind {kind!r}", where, ", ".join(known), suggestion(kind, known))
        for where, said in (("block", kinds), ("against", against), ("next", next))
        for kind in said
        if kind not in num_bytes
    ]
    twice = [kind for kind in against if kind in kinds]
    problems += [Problem(f"{kind!r} is the block and its counterpart", "against") for kind in twice]
    again = [kind for kind in next if kind in (*kinds, *against)]
    problems += [Problem(f"{kind!r} is read next, and elsewhere", "next") for kind in again]
    others = tuple(kind for kind in known if kind not in (*kinds, *against))
    if not others and not against:
        what, do = "the block is the whole corpus", "leave some kinds beside it"
        problems.append(Problem(what, "block", do=do))
    if problems:
        raise InputError(problems)
    return Block(kinds, against, others, num_bytes, life, next)


def arm_curriculum(arm: str, block: Block) -> Curriculum:
    """The curriculum of one arm of `ARMS`. Raises `InputError` for an unknown arm."""
    if arm not in _RULES:
        raise InputError(f"no arm is called {arm!r}", allowed=", ".join(ARMS))
    return Curriculum(name=arm, scenes=block.life, phases=tuple(_RULES[arm](block)))


def describe_arm(arm: str, block: Block) -> str:
    """An arm in words, for a page."""
    x, y, b = ("+".join(kinds) for kinds in (block.kinds, block.against, block.next))
    far = f", {y} at the far end" if y else ""
    behind = f", {b} next" if b else ""
    first = behind or far
    if arm == "O":
        return f"{'+'.join(block.in_its_place)} in the place of {x}, first{behind}"
    return {
        "F": f"{x} first{first}",
        "M": f"{x} in the middle" + (f", {y} at both ends" if y else ""),
        "L": f"{x} last{far}",
        "S": "a fresh shuffle for each seed",
        "D": f"the shuffle, its losses weighed so that {x} has the dose it has first",
        "N": f"the blocks of F, scenes dealt at random: no {x} in them by design",
    }[arm]


def _phase(name: str, kinds: tuple[str, ...], part: tuple[float, float] | None = None) -> Phase:
    return Phase(name=name, scenes=Selection(kind=kinds, part=part))


def _first(block: Block) -> list[Phase]:
    return [_phase(name, kinds) for name, kinds in _groups(block).items()]


def _groups(block: Block) -> dict[str, tuple[str, ...]]:
    """The phases of F."""
    if block.next:
        rest = tuple(kind for kind in (*block.others, *block.against) if kind not in block.next)
        groups = {"block": block.kinds, "next": block.next, "others": rest}
    else:
        groups = {"block": block.kinds, "others": block.others, "counterpart": block.against}
    return {name: kinds for name, kinds in groups.items() if kinds}


def _last(block: Block) -> list[Phase]:
    return _first(replace(block, next=()))[::-1]


def _middle(block: Block) -> list[Phase]:
    sides = [("counterpart", block.against), ("others", block.others)]
    early = [_phase(f"{name}, early", kinds, (0, 0.5)) for name, kinds in sides if kinds]
    late = [_phase(f"{name}, late", kinds, (0.5, 1)) for name, kinds in sides[::-1] if kinds]
    return [*early, _phase("block", block.kinds), *late]


def _shuffled(_: Block) -> list[Phase]:
    return [Phase(name="life", scenes="rest")]


def _other(block: Block) -> list[Phase]:
    """F with another in X's place; X is where that was, among the others."""
    other = block.in_its_place
    against = () if block.next else block.against
    rest = tuple(kind for kind in block.others if kind not in other)
    return _first(replace(block, kinds=other, against=against, others=(*block.kinds, *rest)))


def _dealt(block: Block) -> list[Phase]:
    sizes = [block.share(kinds) for kinds in _groups(block).values()]
    cuts = [0.0, *np.cumsum(sizes)[:-1].round(6).tolist(), 1.0]
    return [
        Phase(name=f"deal {number}", scenes=Selection(part=span))
        for number, span in enumerate(pairwise(cuts), start=1)
    ]


_RULES: Mapping[str, Callable[[Block], list[Phase]]] = {
    "F": _first,
    "M": _middle,
    "L": _last,
    "S": _shuffled,
    "O": _other,
    "N": _dealt,
    "D": _shuffled,
}
