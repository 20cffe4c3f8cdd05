"""Questions: facts that one scene of a corpus tells, once, and how a mind is asked about them.

Takes a corpus that says what a mind can be asked (the built-in world does). Gives a fixed sample of
its facts, the same for every mind: three quarters of them told in training text, a quarter in
held-out text alone, on each side the kinds in turn, by a keyed hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from tokenizers import Tokenizer

from upbringing.character.likelihood import Passage, passage
from upbringing.corpus import HELD_OUT, TRAIN, Corpus
from upbringing.identity import keyed_hash, keys_of

SHARE_NEVER_TOLD = 0.25


@dataclass(frozen=True)
class Question:
    """A fact, and the values that it might have had.

    row       of the scene that tells it, in the corpus
    kind      of that scene
    is_told   whether it is a scene to train on; a mind never meets the others
    relation  what the fact says of somebody: whose pet, which town
    answer    the place of the right value among `options`
    options   every value of the relation behind the prompt, in the same order for each question
    """

    row: int
    kind: str
    is_told: bool
    relation: str
    answer: int
    options: tuple[Passage, ...]


def answers_to(tokenizer: Tokenizer, prompt: str, answers: Sequence[str]) -> list[Passage]:
    """Each answer, to be scored behind the prompt."""
    return [passage(tokenizer, f" {answer}", prompt) for answer in answers]


def questions_of(
    corpus: Corpus, tokenizer: Tokenizer, lang: str, num_questions: int
) -> list[Question]:
    """At most so many questions, those told first; fewer are a part of more. None without facts."""
    if corpus.questions is None:
        return []
    facts = _facts(corpus, lang)
    num_never = round(SHARE_NEVER_TOLD * num_questions)
    return [
        _question(tokenizer, fact)
        for split, number in ((TRAIN, num_questions - num_never), (HELD_OUT, num_never))
        for fact in facts.filter(split=split).head(number).iter_rows(named=True)
    ]


def _facts(corpus: Corpus, lang: str) -> pl.DataFrame:
    """Facts of which one scene alone speaks, with its row, the kinds in turn."""
    assert corpus.questions is not None
    asked = corpus.questions.filter(lang=lang)
    scenes = corpus.columns(["document", "kind"]).with_row_index("row")
    facts = asked.join(scenes, on=["document", "kind"], how="inner", maintain_order="left")
    facts = facts.filter(pl.len().over("prompt") == 1)
    lots = keyed_hash(keys_of(facts["id"].to_list()), 0, "questions")
    facts = facts.with_columns(lot=pl.Series(lots))
    turn = pl.col("lot").rank("ordinal").over("split", "kind")
    return facts.with_columns(turn=turn).sort("turn", "lot")


def _question(tokenizer: Tokenizer, fact: Mapping[str, Any]) -> Question:
    values = sorted([fact["answer"], *fact["others"]])
    return Question(
        row=fact["row"],
        kind=fact["kind"],
        is_told=fact["split"] == TRAIN,
        relation=fact["relation"],
        answer=values.index(fact["answer"]),
        options=tuple(answers_to(tokenizer, fact["prompt"], values)),
    )
