"""Surface: what can be counted in a mind's own words, beside held-out text of either pole.

Samples and held-out text are looked at alike: in pieces of as many tokens as a sample has. Nothing
here says what a text means; a mind can have the marks of a manner and nothing else of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from upbringing.character.asked import Asked
from upbringing.character.axes import Pole
from upbringing.character.measures import Figures, measure
from upbringing.character.probes import Probes

SAMPLES = "samples"
NUM_WORDS = 100
"""The fixed length at which kinds of words are counted."""

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_END = re.compile(r"[.!?…]+")


@measure(unit="words")
def sentence_length(asked: Asked) -> Figures:
    """Words for each end of a sentence, `.`, `!`, `?` or `…`.

    Unit: words.
    Cost: none beyond the samples.
    Fails: abbreviations and numbers end sentences too; a mind that writes no stop at all has none.
    """
    return _of_samples(asked, sentence_length.__name__)


@measure(unit="share")
def question_rate(asked: Asked) -> Figures:
    """The share of sentences that end with a question mark.

    Unit: a share.
    Cost: none beyond the samples.
    Fails: a few dozen sentences are heard, so that a rate moves by hundredths with the sampler.
    """
    return _of_samples(asked, question_rate.__name__)


@measure(unit="share")
def exclamation_rate(asked: Asked) -> Figures:
    """The share of sentences that end with an exclamation mark.

    Unit: a share.
    Cost: none beyond the samples.
    Fails: as `question_rate` does.
    """
    return _of_samples(asked, exclamation_rate.__name__)


@measure(unit="share")
def repetition(asked: Asked) -> Figures:
    """The share of three words in a row that have stood in the same piece before: one minus
    distinct-3 (Li et al. 2016, 1510.03055).

    Unit: a share; 0 where nothing is said twice.
    Cost: none beyond the samples.
    Fails: it grows with the length of samples, and falls with their temperature: compare minds that
    are sampled alike.
    """
    return _of_samples(asked, repetition.__name__)


@measure(unit="share")
def type_token_ratio(asked: Asked) -> Figures:
    """Different words among every hundred of the pieces laid end to end, on average.

    Unit: a share of the hundred words, which do not depend on how much was said.
    Cost: none beyond the samples.
    Fails: samples of one opening tell of the same things, held-out text of as many as there are; in
    a language of many forms each form is a word.
    """
    return _of_samples(asked, type_token_ratio.__name__)


def marks(texts: Sequence[str]) -> dict[str, float]:
    """Every figure of this module that the texts have, by the name of its measure."""
    found = {
        sentence_length.__name__: _sentence_length(texts),
        question_rate.__name__: _rate(texts, "?"),
        exclamation_rate.__name__: _rate(texts, "!"),
        repetition.__name__: _repetition(texts),
        type_token_ratio.__name__: _type_token_ratio(texts),
    }
    return {name: value for name, value in found.items() if value is not None}


def marks_of_pole(probes: Probes, pole: Pole) -> dict[str, float]:
    """`marks` of a pole's held-out text, in pieces of as many tokens as a sample has: what to read
    a mind's own beside.
    """
    size = probes.settings.sampling.num_tokens
    passages = [p for kind in pole.kinds for p in probes.held_out.get(kind, ())]
    return marks(
        [
            probes.tokenizer.decode(list(p.ids[begin : begin + size]))
            for p in passages
            for begin in range(p.num_given, len(p.ids), size)
        ]
    )


def _of_samples(asked: Asked, name: str) -> Figures:
    """Of what follows the openings."""
    found = marks(asked.samples["text"].to_list())
    return {SAMPLES: found[name]} if name in found else {}


def _sentence_length(texts: Sequence[str]) -> float | None:
    num_ends = sum(len(_END.findall(text)) for text in texts)
    return sum(map(len, map(_words, texts))) / num_ends if num_ends else None


def _rate(texts: Sequence[str], mark: str) -> float | None:
    ends = [end for text in texts for end in _END.findall(text)]
    return sum(mark in end for end in ends) / len(ends) if ends else None


def _repetition(texts: Sequence[str]) -> float | None:
    num_triples = num_distinct = 0
    for words in map(_words, texts):
        triples = list(zip(words, words[1:], words[2:], strict=False))
        num_triples += len(triples)
        num_distinct += len(set(triples))
    return 1 - num_distinct / num_triples if num_triples else None


def _type_token_ratio(texts: Sequence[str]) -> float | None:
    words = [word for text in texts for word in _words(text)]
    windows = range(0, len(words) - NUM_WORDS + 1, NUM_WORDS)
    kinds = [len(set(words[begin : begin + NUM_WORDS])) for begin in windows]
    return sum(kinds) / len(kinds) / NUM_WORDS if kinds else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
