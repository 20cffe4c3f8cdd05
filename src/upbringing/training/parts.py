"""Parts of a mind: patterns over them → the rate at which each weight learns.

A pattern is a part (`embed`, `head`, `attention`, `mlp`, `norms`), layers (`layers.2`,
`layers.0-3`, `layers.2-`), or a glob over the names of weights (`*.qkv`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from upbringing.errors import InputError, Problem

Labels = Mapping[str, tuple[str, ...]]
"""The parts that each weight belongs to, by its name: `layers.0.qkv` → (`layers.0`, `attention`).

A weight that is both `embed` and `head`, as in a mind with tied embeddings, has both."""

_LAYERS = re.compile(r"layers\.(\d+)(-)?(\d+)?")
_ENDS = ("embed", "head")


def rates_by_weight(modules: Mapping[str, float] | None, labels: Labels) -> dict[str, float]:
    """The factor on the rate of each weight, by its name; 0 freezes it.

    Of several patterns that match a weight the last one holds; what none matches learns at 1.
    Raises `InputError` for patterns that match nothing, where no weight learns, and where one of
    `embed` and `head` is named alone though both are one weight.
    """
    rates = dict.fromkeys(labels, 1.0)
    problems = []
    for pattern, rate in (modules or {}).items():
        named = [name for name in labels if _matches(pattern, name, labels[name])]
        rates.update(dict.fromkeys(named, rate))
        if not named:
            problems.append(_nothing(pattern, labels))
        problems += _untied(pattern, rate, modules or {}, named, labels)
    if rates and not any(rates.values()) and not problems:
        do = "say `loss_scale: 0` for a text that is read and not learnt from"
        problems.append(Problem("no part of the mind learns", do=do))
    if problems:
        raise InputError(problems)
    return rates


def weights_of(patterns: tuple[str, ...], labels: Labels) -> list[str]:
    """The names of the weights that some pattern matches. Raises as `rates_by_weight` does."""
    rates = rates_by_weight({"*": 0.0, **dict.fromkeys(patterns, 1.0)}, labels)
    return [name for name, rate in rates.items() if rate]


def _matches(pattern: str, name: str, labels: tuple[str, ...]) -> bool:
    layers = _LAYERS.fullmatch(pattern)
    if layers is None:
        return pattern in labels or fnmatchcase(name, pattern)
    first, dash, last = layers.groups()
    own = [int(label.removeprefix("layers.")) for label in labels if label.startswith("layers.")]
    return any(int(first) <= n <= (int(last) if last else n if dash else int(first)) for n in own)


def _nothing(pattern: str, labels: Labels) -> Problem:
    parts = {part for of in labels.values() for part in of if not part.startswith("layers.")}
    num_layers = len({p for of in labels.values() for p in of if p.startswith("layers.")})
    return Problem(
        f"no weight is matched by {pattern!r}",
        allowed=f"{', '.join(sorted(parts))}, layers.0 to layers.{num_layers - 1}, "
        "or a glob over names such as " + next(iter(labels)),
    )


def _untied(
    pattern: str, rate: float, modules: Mapping[str, float], named: list[str], labels: Labels
) -> list[Problem]:
    """`embed` named without `head`, or the other way round, where they are one weight."""
    if pattern not in _ENDS:
        return []
    other = _ENDS[1 - _ENDS.index(pattern)]
    if modules.get(other) == rate or not any(other in labels[name] for name in named):
        return []
    return [
        Problem(
            f"{pattern!r} is named and {other!r} is not, or at another rate: in this mind both are "
            "one weight",
            do="name both `embed` and `head`, or raise a mind whose embeddings are not tied",
        )
    ]
