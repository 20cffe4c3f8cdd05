"""Packets: small lots of text that are met at one age or another, and what is asked of them.

Takes a corpus; gives packets of like size, each the documents that the built-in world wrote for it
or, in any other corpus, scenes dealt by a keyed hash. No scene is in two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from tokenizers import Tokenizer

from upbringing.character.likelihood import Passage, bits, passage
from upbringing.character.questions import answers_to
from upbringing.corpus import TRAIN, Corpus
from upbringing.errors import InputError
from upbringing.identity import keyed_hash
from upbringing.order import Selection
from upbringing.training import Decoder

TEXT, ANSWERS = "text", "answers"
UNITS = {TEXT: "bits/byte", ANSWERS: "bits"}


@dataclass(frozen=True)
class Packet:
    """Scenes that are met one after another, by their ids in the corpus's order."""

    name: str
    ids: tuple[str, ...]

    @property
    def selection(self) -> Selection:
        """Its scenes, as a curriculum names them."""
        return Selection(id=self.ids)


def deal_packets(
    corpus: Corpus, lang: str, num_packets: int, scenes_a_packet: int
) -> tuple[Packet, ...]:
    """`num_packets` packets of a language; of a world that has packets of its own, these.

    Raises `InputError` where there are too few.
    """
    if _has_own(corpus):
        return _of_world(corpus, lang, num_packets)
    frame = corpus.columns(["id", "key", "lang", "split"]).filter(lang=lang, split=TRAIN)
    wanted = num_packets * scenes_a_packet
    if frame.height < 2 * wanted:
        raise InputError(
            f"{num_packets} packets of {scenes_a_packet} scenes are {wanted:,} scenes, and there "
            f"are {frame.height:,} to train on in {lang!r}",
            where=str(corpus.path),
            allowed="at most half of them",
            do="take fewer --ages or --packet-scenes, or give more text",
        )
    lots = keyed_hash(frame["key"].to_numpy(), 0, "packets")
    chosen = np.argsort(lots, kind="stable")[:wanted].reshape(num_packets, scenes_a_packet)
    return tuple(
        Packet(f"packet-{number:02d}", tuple(frame["id"].gather(np.sort(rows))))
        for number, rows in enumerate(chosen)
    )


def filler_of(corpus: Corpus, lang: str, packets: Sequence[Packet]) -> Selection:
    """All other training scenes of the language; a world's packets that are not dealt stay out."""
    taken = [packet.selection for packet in packets]
    if _has_own(corpus):
        taken = [Selection(source=("packet",))]
    return Selection(lang=(lang,), none_of=tuple(taken))


def _has_own(corpus: Corpus) -> bool:
    recipe = corpus.manifest.recipe
    return recipe.get("maker") == "world" and recipe["num_packets"] > 0


def _of_world(corpus: Corpus, lang: str, num_packets: int) -> tuple[Packet, ...]:
    frame = corpus.columns(["id", "document", "lang", "source"])
    own = frame.filter(lang=lang, source="packet").group_by("document", maintain_order=True)
    found = [Packet(str(name), tuple(scenes["id"])) for (name,), scenes in own]
    if len(found) < num_packets:
        raise InputError(
            f"{num_packets} packets are needed, twice as many as ages, and the world has "
            f"{len(found)} in {lang!r}",
            where=str(corpus.path),
            do=f"make it with `--packets {num_packets}`, or take fewer --ages",
        )
    return tuple(found[:num_packets])


@dataclass(frozen=True)
class Asked:
    """What a mind is asked of every packet: its scenes, and its facts where the world has any."""

    scenes: dict[str, list[Passage]]
    answers: dict[str, list[list[Passage]]]

    @classmethod
    def of(cls, corpus: Corpus, packets: Sequence[Packet], tokenizer: Tokenizer) -> Asked:
        """The passages of these packets; each question has its right answer first."""
        texts = dict(corpus.columns(["id", "text"]).iter_rows())
        scenes = {
            packet.name: [passage(tokenizer, texts[scene]) for scene in packet.ids]
            for packet in packets
        }
        return cls(scenes, _answers(corpus, packets, tokenizer))

    def measures(self) -> tuple[str, ...]:
        """What can be measured."""
        return (TEXT, ANSWERS) if self.answers else (TEXT,)

    def knows(self, model: Decoder) -> dict[str, dict[str, float]]:
        """How well a mind knows each packet, by measure; more is better.

        text     minus the bits a byte of its scenes
        answers  bits by which a wrong answer is less likely than the right one, on average
        """
        known = {TEXT: {name: -_bits_per_byte(model, own) for name, own in self.scenes.items()}}
        if self.answers:
            known[ANSWERS] = {name: _margin(model, own) for name, own in self.answers.items()}
        return known


def _answers(
    corpus: Corpus, packets: Sequence[Packet], tokenizer: Tokenizer
) -> dict[str, list[list[Passage]]]:
    """A question for each fact that a packet of the world tells, by packet."""
    if corpus.questions is None or not _has_own(corpus):
        return {}
    asked = corpus.questions.unique(["document", "prompt"], maintain_order=True)
    told: dict[str, list[list[Passage]]] = {}
    for packet in packets:
        rows = asked.filter(pl.col("document") == packet.name).select("prompt", "answer", "others")
        told[packet.name] = [
            answers_to(tokenizer, prompt, (answer, *others))
            for prompt, answer, others in rows.iter_rows()
        ]
    return told


def _bits_per_byte(model: Decoder, passages: Sequence[Passage]) -> float:
    return float(bits(model, passages).sum() / sum(one.num_bytes for one in passages))


def _margin(model: Decoder, questions: Sequence[Sequence[Passage]]) -> float:
    margins = []
    for options in questions:
        needed = bits(model, options)
        margins.append(needed[1:].mean() - needed[0])
    return float(np.mean(margins))
