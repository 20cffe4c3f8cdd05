"""Asides: what a scene says beside its event, and what a mind can be asked of it.

Takes scenes with their plan. Gives, for each, a clause that its voice tells in its own way: the
question, a clue or the answer of a story; a fact that is met once; a remark on the calendar. And
gives questions: one for each fact told, two for each feast. Promises that facts are counterbalanced
over voices: each voice tells each relation with each value once in as many deals as there are such
pairs (72 deals, or 36 whole blocks, of six relations with twelve values).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus.world.events import Events
from upbringing.corpus.world.grammar import Grammar, grammar
from upbringing.corpus.world.tables import Lots
from upbringing.corpus.world.tales import DEAL, Plan
from upbringing.corpus.world.telling import Teller
from upbringing.corpus.world.templates import Words, words
from upbringing.identity import keyed_hash, keys_of

MOST_PACKETS = 64
"""Each packet has a stranger of whom no scene speaks; so many are kept for them."""


@dataclass(frozen=True)
class Asides:
    """Of each scene: the clause beside its event (empty: none), and whether it is a question."""

    clauses: Words
    is_question: npt.NDArray[np.bool_]

    @property
    def is_told(self) -> npt.NDArray[np.bool_]:
        """Which scenes have one."""
        return self.clauses.astype(bool)


def num_strangers(lang: str) -> int:
    """How many facts can be met once: one of each stranger."""
    tables = grammar(lang).tables
    return len(tables["given"]) * len(tables["surnames"]) - MOST_PACKETS


def facts_met_once(lang: str, facts: Lots, seed: int) -> dict[str, Lots]:
    """Rows of given, surname, relation and value, by the fact's number; of -1, any."""
    facts = np.maximum(facts, 0)
    deal, slot = np.divmod(facts, DEAL)
    num_relations = len(grammar(lang).tables["relations"])
    relation = (deal + slot) % num_relations
    return _facts(lang, facts, relation, deal // num_relations + slot, seed)


def facts_of_packets(lang: str, packets: Lots, scenes: Lots, seed: int) -> dict[str, Lots]:
    """The same for scenes of packets: one stranger a packet, a relation after another."""
    relation = scenes % len(grammar(lang).tables["relations"])
    return _facts(lang, num_strangers(lang) + packets, relation, packets + relation, seed)


def _facts(lang: str, stranger: Lots, relation: Lots, place: Lots, seed: int) -> dict[str, Lots]:
    names = np.arange(num_strangers(lang) + MOST_PACKETS, dtype=np.uint64)
    name = keyed_hash(names, seed, "world/strangers").argsort()[stranger % len(names)]
    given, surname = np.divmod(name, len(grammar(lang).tables["surnames"]))
    values = grammar(lang).links.values
    value = values.at(relation, place % values.lengths[relation])
    return {"given": given, "surname": surname, "relation": relation, "value": value}


def asides_of(made: Grammar, teller: Teller, plan: Plan) -> Asides:
    """What the scenes of a plan say beside their events."""
    threads = made.threads
    starts = plan.in_story & (plan.place == 0)
    ends = plan.in_story & (plan.place == plan.length - 1)
    told = [
        (plan.fact >= 0, threads.fact),
        (plan.on_calendar, threads.calendar),
        (starts, threads.question),
        (ends, threads.answer),
        *(
            (plan.in_story & (plan.place == place) & ~ends, clue)
            for place, clue in enumerate(threads.clues, start=1)
        ),
    ]
    clauses = np.full(len(plan.tale), "", dtype=object)
    for chosen, choice in told:
        at = np.flatnonzero(chosen)
        clauses[at] = teller.tell(choice, at)
    return Asides(clauses, starts)


def questions_of_facts(made: Grammar, rows: Mapping[str, Lots]) -> pl.DataFrame:
    """A question for each row of facts: relation, prompt, answer, others.

    `prompt` is the fact up to its last words, which are the `answer`; `others` are the other values
    of the relation.
    """
    tables = made.tables
    given, surname, says = (
        tables[table].columns[column][rows[name]]
        for table, column, name in (
            ("given", "name", "given"),
            ("surnames", "name", "surname"),
            ("relations", "says", "relation"),
        )
    )
    values = tables["values"].columns["value"]
    of_relation = {
        relation: values[tables["values"].columns["relation"] == relation]
        for relation in tables["relations"].columns["name"]
    }
    relations = tables["relations"].columns["name"][rows["relation"]]
    answers = values[rows["value"]]
    return _questions(
        relations,
        [" ".join(words) for words in zip(given, surname, says, strict=True)],
        answers,
        [of_relation[relation] for relation in relations],
    )


def questions_of_calendar(made: Grammar) -> pl.DataFrame:
    """The month and the custom of each feast, asked alike."""
    feasts = made.tables["feasts"].columns
    every = np.arange(len(feasts["name"]))
    teller = Teller(made.tables, Events(keys_of(list(feasts["name"])), {"feast": every}), seed=0)
    return pl.concat(
        _questions(
            words([f"feast/{column}"] * len(every)),
            list(teller.tell(choice, every)),
            feasts[column],
            [feasts[column]] * len(every),
        )
        for column, choice in made.threads.asked.items()
    )


def _questions(
    relations: Words, prompts: list[str], answers: Words, options: list[Words]
) -> pl.DataFrame:
    others = [
        [option for option in known if option != answer]
        for answer, known in zip(answers, options, strict=True)
    ]
    return pl.DataFrame(
        {
            "relation": pl.Series(relations, dtype=pl.String),
            "prompt": pl.Series(prompts, dtype=pl.String),
            "answer": pl.Series(answers, dtype=pl.String),
            "others": pl.Series(others, dtype=pl.List(pl.String)),
        }
    )
