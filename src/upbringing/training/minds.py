"""Minds: what the loop and the character room ask of a model, whoever made it.

`Decoder` is ours, `Adopted` is any causal model of Hugging Face. Both give losses and logits, go on
from a text, name the parts of themselves, and are written as stock checkpoints.

Shapes: B rows or texts, T tokens, V vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from upbringing.errors import InputError, Problem
from upbringing.order import Rows

if TYPE_CHECKING:
    from peft.tuners.lora import LoraModel

_TOLERANCE = 1e-4  # of the largest logit: far above rounding, far below another token


@dataclass(frozen=True)
class Attached:
    """An adapter that is attached to a mind, and what taking it off needs (`lora.merge`).

    names   what a mind calls its weights, by the names that `peft` gives them
    frozen  weights that learnt before
    orders  modules whose own weights `peft` takes out and puts back, with the order of these
    """

    tuner: LoraModel
    names: Mapping[str, str]
    frozen: tuple[nn.Parameter, ...]
    orders: tuple[tuple[nn.Module, tuple[str, ...]], ...]


class Mind(nn.Module, ABC):
    """A model that predicts each next token from those before it.

    row_length  tokens of the longest row that it reads
    num_vocab   tokens that it knows
    adapter     what learns in place of its own weights, while one is attached (`lora`)
    """

    row_length: int
    num_vocab: int
    adapter: Attached | None = None

    @property
    @abstractmethod
    def body(self) -> nn.Module:
        """The module that holds the weights, and by whose names they are called."""

    @abstractmethod
    def logits(self, tokens_BT: Tensor, positions_BT: Tensor | None = None) -> Tensor:
        """Next-token logits, (B, T, V).

        With `positions_BT`, the place of each token in its scene, attention stays within scenes.
        """

    def losses(self, tokens_BT1: Tensor, positions_BT: Tensor | None = None) -> Tensor:
        """Cross-entropy in nats of each next token, (B, T); `tokens_BT1` is (B, T + 1)."""
        return cross_entropy(self.logits(tokens_BT1[:, :-1], positions_BT), tokens_BT1[:, 1:])

    @abstractmethod
    def new_memory(self) -> Any:
        """An empty memory for `next_logits`, of texts of which nothing is read yet."""

    @abstractmethod
    def next_logits(self, tokens_B: Tensor, memory: Any) -> Tensor:
        """Logits (B, V) of what follows one more token of each text; `memory` is added to."""

    @cached_property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The parts that each weight belongs to, by its name; an adapter is of none.

        Parts are `embed`, `head`, `layers.0` and so on, `attention`, `mlp` and `norms`. A weight
        that is both `embed` and `head` is of both; one that is none of these has no part.
        """
        assert self.adapter is None, "an adapter is attached by the names of parts"
        return {name: self._parts_of(name, weight) for name, weight in self.named_parameters()}

    @abstractmethod
    def _parts_of(self, name: str, weight: nn.Parameter) -> tuple[str, ...]:
        """The parts of one weight of a mind without an adapter."""

    @abstractmethod
    def stock_weights(self) -> dict[str, Tensor]:
        """The weights under the names by which `AutoModelForCausalLM` reads them; not copied."""

    @abstractmethod
    def stock_config(self, end_of_text: int) -> dict[str, Any]:
        """What `config.json` says beside them; `end_of_text` is a token."""

    def stock_papers(self) -> Mapping[str, str]:
        """Other files of the checkpoint by name, in place of those that are written by default."""
        return {}

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """The weights by name. An adapter changes no name; it adds `<weight>.lora_A` and `_B`."""
        names = self.adapter.names if self.adapter else {}
        begin = f"{prefix}." if prefix else ""
        # Not body.named_parameters: the body may be this very module.
        for name, weight in nn.Module.named_parameters(self.body, "", recurse, remove_duplicate):
            yield begin + names.get(name, name), weight

    @property
    def num_parameters(self) -> int:
        """All weights; what serves twice counts once."""
        return sum(weight.numel() for weight in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    def check(self, rows: Rows) -> None:
        """Raise `InputError`, for everything at once, where the mind cannot read the rows."""
        problems = []
        if rows.tokens.num_vocab > self.num_vocab:
            problems.append(
                Problem(
                    f"the tokenizer has {rows.tokens.num_vocab:,} tokens",
                    allowed=f"at most {self.num_vocab:,}, which this mind knows",
                    do="give the tokenizer that belongs to the mind",
                )
            )
        if rows.row_length > self.row_length:
            problems.append(
                Problem(
                    f"the rows are of {rows.row_length:,} tokens",
                    allowed=f"at most {self.row_length:,} for this mind",
                )
            )
        if rows.attention == "within" and not self.keeps_to_scenes():
            problems.append(
                Problem(
                    f"a {type(self.body).__name__} cannot keep its attention within scenes",
                    allowed="attention: across",
                )
            )
        if problems:
            raise InputError(problems)

    @torch.inference_mode()
    def keeps_to_scenes(self) -> bool:
        """Whether a scene behind another one is read as if it stood alone, which is tried out."""
        tokens_1T = torch.arange(8, device=self.device)[None] % self.num_vocab
        positions_1T = (torch.arange(8, device=self.device) % 4)[None]
        behind = self.logits(tokens_1T, positions_1T)[:, 4:]
        return agree(behind, self.logits(tokens_1T[:, 4:]))


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Nats of each target, shaped as `targets`, in fp32 or finer; `logits` are (..., V)."""
    exact = torch.promote_types(logits.dtype, torch.float32)
    flat = F.cross_entropy(logits.flatten(0, -2).to(exact), targets.flatten(), reduction="none")
    return flat.view(targets.shape)


def agree(ours: Tensor, theirs: Tensor) -> bool:
    """Whether logits differ by no more than rounding does."""
    return bool((ours - theirs).abs().max() <= _TOLERANCE * theirs.abs().max())


def fitting_row(asked: int | None, longest: int | None, where: Path) -> int:
    """The row length asked for, or else the longest one of the mind at `where`.

    Raises `InputError` for one that is longer, and where neither is known.
    """
    if longest is None and asked is None:
        raise InputError("does not say how long a row it reads", where=str(where), do="say it")
    if asked is not None and longest is not None and asked > longest:
        raise InputError(
            f"rows of {asked:,} tokens are asked for",
            where=str(where),
            allowed=f"at most {longest:,} for this mind",
        )
    length = longest if asked is None else asked
    assert length is not None
    return length
