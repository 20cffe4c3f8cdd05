"""A small world, a mind of any row length with sharp opinions, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch

from upbringing.character import Axis, AxisProbes, Probes, ProbeSettings
from upbringing.corpus import Corpus, Tokens, tokenize, train_tokenizer
from upbringing.corpus.world import make_world
from upbringing.training import Decoder, Shape
from upbringing.training.checkpoint import write_checkpoint

SHAPE = Shape(32, 2, 2, 48, num_vocab=0, peak_lr=1e-2)
VOICES = ("drama", "technical")


@dataclass(frozen=True)
class Home:
    """A corpus of one language with its tokens."""

    corpus: Corpus
    tokens: Tokens

    def probes(self, **settings: int) -> Probes:
        """Few of everything, between drama and technical."""
        few = {"held_out_bytes": 3_000, "num_pairs": 12, "num_questions": 16} | settings
        axis = Axis.between(*((kind,) for kind in VOICES), self.corpus.langs[0])
        asked = (AxisProbes(axis, None),)
        return Probes(self.corpus, asked, self.tokens.tokenizer, ProbeSettings(**few))

    def mind(self, place: Path, *, row_length: int = 256, seed: int = 0) -> Path:
        """The checkpoint of a mind that was born and not raised, its weights threefold."""
        shape = replace(SHAPE, num_vocab=self.tokens.num_vocab)
        mind = Decoder(shape, row_length=row_length, seed=seed)
        with torch.no_grad():
            for weight in mind.parameters():
                weight.mul_(3)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(place, mind, self.tokens.tokenizer)
        return place


@cache
def home_at(place: Path, lang: str = "en") -> Home:
    """Make it once."""
    corpus = make_world(
        place / "corpus", langs=[lang], num_events=240, seed=0, voices=VOICES, num_probes=24
    )
    tokenizer = train_tokenizer(corpus.scenes["text"].to_list(), 500)
    return Home(corpus, tokenize(corpus, tokenizer))
