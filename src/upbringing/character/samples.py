"""Samples: how a mind goes on when it is given an opening.

Every draw is keyed by (sampler seed, opening, position), so all minds are asked with the same luck:
what differs between their samples is the minds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from tokenizers import Tokenizer

from upbringing.corpus import end_of_text_id
from upbringing.errors import InputError, Problem
from upbringing.identity import generator
from upbringing.training import Mind


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn; part of a study's design."""

    temperature: float = 0.8
    num_tokens: int = 60
    num_seeds: int = 4

    @property
    def rule(self) -> str:
        """The rule by which samples are chosen, in words."""
        return (
            f"each opening is continued once for each sampler seed 0 to {self.num_seeds - 1}, "
            f"at temperature {self.temperature}, for {self.num_tokens} tokens; "
            "all minds share the seeds, every sample is kept"
        )

    def as_json(self) -> dict[str, float | str]:
        """The settings and the rule, as a page states them."""
        return asdict(self) | {"rule": self.rule}


@dataclass(frozen=True)
class Sample:
    """One continuation: `opening` is the number of its opening, `text` what followed."""

    opening: int
    seed: int
    text: str


@torch.inference_mode()
def draw_samples(
    mind: Mind, tokenizer: Tokenizer, openings: Sequence[str], sampling: Sampling
) -> list[Sample]:
    """Continue each opening once a seed; by opening, then seed. Ends early at an end of text.

    A mind has read no row longer than its own, so no sample goes beyond that. Raises `InputError`
    for an opening that fills a row.
    """
    check_room(tokenizer, openings, mind.row_length)
    end_of_text = end_of_text_id(tokenizer)
    asked = [(o, seed) for o in range(len(openings)) for seed in range(sampling.num_seeds)]
    given = [
        [end_of_text, *tokenizer.encode(openings[o], add_special_tokens=False).ids]
        for o, _ in asked
    ]
    num_given = np.array([len(ids) for ids in given])
    num_positions = min(int(num_given.max()) + sampling.num_tokens, mind.row_length)
    tokens_NT = np.full((len(asked), num_positions), end_of_text)
    luck_NT = np.stack(
        [
            generator(seed, "sampler", openings[o]).random(mind.row_length)[:num_positions]
            for o, seed in asked
        ]
    )
    for row, ids in enumerate(given):
        tokens_NT[row, : len(ids)] = ids
    memory = mind.new_memory()
    for position in range(num_positions - 1):
        fed = torch.from_numpy(tokens_NT[:, position]).to(mind.device)
        logits_NV = mind.next_logits(fed, memory).float()
        drawn = _draw(logits_NV / sampling.temperature, luck_NT[:, position + 1])
        free = num_given <= position + 1
        tokens_NT[free, position + 1] = drawn[free]
    return [
        Sample(
            o,
            seed,
            tokenizer.decode(_until_end(tokens_NT[row, n : n + sampling.num_tokens], end_of_text)),
        )
        for row, ((o, seed), n) in enumerate(zip(asked, num_given, strict=True))
    ]


def check_room(tokenizer: Tokenizer, openings: Sequence[str], row_length: int) -> None:
    """Raise `InputError` for openings that leave no room in a row for anything after them."""
    problems = [
        Problem(f"{opening[:40]!r}… is {num_tokens} tokens long", allowed=f"under {row_length}")
        for opening in openings
        if (num_tokens := 1 + len(tokenizer.encode(opening, add_special_tokens=False).ids))
        >= row_length
    ]
    if problems:
        raise InputError(problems)


def _draw(logits_NV: torch.Tensor, luck_N: np.ndarray) -> np.ndarray:
    """Inverse-CDF draws: the first token whose cumulative probability exceeds the luck."""
    cumulative_NV = logits_NV.softmax(-1).double().cumsum(-1)
    bar_N1 = torch.from_numpy(luck_N).to(logits_NV.device)[:, None] * cumulative_NV[:, -1:]
    return (cumulative_NV <= bar_N1).sum(-1).clamp(max=logits_NV.shape[-1] - 1).numpy(force=True)


def _until_end(ids: np.ndarray, end_of_text: int) -> list[int]:
    ends = np.flatnonzero(ids == end_of_text)
    kept: list[int] = ids[: ends[0] if ends.size else None].tolist()
    return kept
