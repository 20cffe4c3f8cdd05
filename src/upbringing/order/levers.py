"""Levers: how a mind learns while a stretch of life lasts, whatever it reads then.

Settings that phases, studies and runs share. A lever that is not set leaves the life as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from upbringing.settings import Settings

Rate = Annotated[float, Field(ge=0)]

_PARTS = ("embed", "head", "attention", "mlp", "norms")
_LAYERS = re.compile(r"layers\.\d+(-\d*)?")
_WEIGHT = re.compile(r"final_norm|[a-zA-Z_]\w*(\.\w+)*\.[a-zA-Z_]\w*")


def _could_be(pattern: str) -> str:
    """A pattern over parts, where some mind could have what it names."""
    is_glob = any(sign in pattern for sign in "*?[")
    if pattern in _PARTS or is_glob or _LAYERS.fullmatch(pattern) or _WEIGHT.fullmatch(pattern):
        return pattern
    raise ValueError(
        f"no part of a mind is called {pattern!r}; allowed: {', '.join(_PARTS)}, layers.2, "
        "layers.0-3, layers.2-, or a glob over the names of weights such as *.qkv"
    )


Part = Annotated[str, AfterValidator(_could_be)]


class Adapter(Settings):
    """A LoRA adapter (Hu et al. 2021, 2106.09685) that learns while all other weights are frozen.

    Its product is folded into the weights when the stretch ends.

    rank, alpha  of the adapter: it adds (alpha / rank)·B·A; alpha is the rank by default
    modules      the parts whose matrices it is put on
    """

    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[int, Field(ge=1)] | None = None
    modules: tuple[Part, ...] = ("attention", "mlp")


def read_rates(said: Any) -> Any:
    """A list of parts that learn, the rest frozen; or a table of rates, others at 1."""
    if isinstance(said, str):
        said = [said]
    if isinstance(said, (list, tuple)) and all(isinstance(part, str) for part in said):
        return {"*": 0.0, **dict.fromkeys(said, 1.0)}
    if isinstance(said, (list, tuple)) and all(isinstance(pair, (list, tuple)) for pair in said):
        return dict(said)
    return said


def _say_rates(rates: Mapping[str, float] | None) -> Any:
    """The shortest that reads as these rates."""
    if rates and next(iter(rates.items())) == ("*", 0.0) and set([*rates.values()][1:]) <= {1.0}:
        return list(rates)[1:]
    return None if rates is None else dict(rates)


Rates = Annotated[
    dict[Annotated[Part, Field(min_length=1)], Rate],
    Field(min_length=1),
    BeforeValidator(read_rates),
    PlainSerializer(_say_rates),
]


class Levers(Settings):
    """What holds while a stretch of life lasts.

    batch_size  rows of an optimiser step; the life's own by default
    lr_scale    factor on the learning rate
    loss_scale  factor on the loss; 0 is as if the stretch were not read
    modules     the parts that learn, as a list (the rest is frozen), or a table of parts with a
                factor on the rate of each (0 freezes; what is not named learns at 1; of several
                that name a weight the last one holds): `embed`, `head`, `layers.0-3`, `layers.2-`,
                `attention`, `mlp`, `norms`, or a glob over the names of weights
    moments     whether AdamW's moments are kept at the beginning of the stretch, or begin anew
    rewarm      the share of the stretch over which the rate rises from 0
    lora        an adapter that learns in place of the weights
    """

    batch_size: Annotated[int, Field(ge=1)] | None = None
    lr_scale: Rate = 1.0
    loss_scale: Rate = 1.0
    modules: Rates | None = None
    moments: Literal["keep", "anew"] = "keep"
    rewarm: Annotated[float, Field(ge=0, le=1)] = 0.0
    lora: Adapter | None = None

    @model_validator(mode="after")
    def _one_of_two_learns(self) -> Self:
        if self.modules is not None and self.lora is not None:
            raise ValueError("an adapter learns in place of the weights: `lora` or `modules`")
        return self

    @classmethod
    def of(cls, settings: Levers) -> Levers:
        """The levers alone of settings that have more."""
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})

    @property
    def begin_anew(self) -> bool:
        """Whether a stretch with these levers differs from going on under the same ones."""
        return self.moments == "anew" or self.rewarm > 0

    def words(self) -> list[str]:
        """Each lever that is set, as a person says it; empty where none is."""
        words = [f"batch {self.batch_size}"] if self.batch_size else []
        words += [f"lr × {self.lr_scale:g}"] if self.lr_scale != 1 else []
        words += [f"loss × {self.loss_scale:g}"] if self.loss_scale != 1 else []
        rates = _say_rates(self.modules)
        if isinstance(rates, list):
            words.append(f"only {', '.join(rates)} learn")
        elif rates:
            words += [f"{part} × {rate:g}" for part, rate in rates.items()]
        words += ["moments anew"] if self.moments == "anew" else []
        words += [f"re-warmed over {self.rewarm:.0%}"] if self.rewarm else []
        words += [f"LoRA of rank {self.lora.rank}"] if self.lora else []
        return words

    def said(self) -> dict[str, Any]:
        """Plain JSON of what differs from the defaults; `Levers(**said)` is its inverse."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        if isinstance(said.get("modules"), dict):  # whose order counts, and is lost in a digest
            said["modules"] = [list(pair) for pair in said["modules"].items()]
        return said


NO_LEVERS = Levers()
"""The life goes on as it is."""
