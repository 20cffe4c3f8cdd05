"""Recall: how surely a fact is known, by what its values cost; and how long ago it was met."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from upbringing.character.probes import Probes
from upbringing.character.questions import Question
from upbringing.corpus import tokenize
from upbringing.errors import ArtefactError
from upbringing.order import Order, Rows
from upbringing.training import Recipe, Run

FloatArray = npt.NDArray[np.float64]


def margins(questions: Sequence[Question], costs: Sequence[FloatArray]) -> FloatArray:
    """The knowledge margin of each question, in bits: (num_questions,).

    `costs` are −log₂ p of every value of each question, in the order of its options. Where a value
    is a wrong answer, its cost is taken as what is usual behind the name plus what is usual for the
    value, by least squares over the questions of a relation. The margin is what the right value
    would cost by that, minus what it does cost. NaN where no other question tells what is usual.
    """
    found: FloatArray = np.full(len(questions), np.nan)
    by_relation: dict[str, list[int]] = {}
    for number, question in enumerate(questions):
        by_relation.setdefault(question.relation, []).append(number)
    for numbers in by_relation.values():
        cost_QV = np.stack([costs[number] for number in numbers])
        right_Q = np.array([questions[number].answer for number in numbers])
        found[numbers] = _margins(cost_QV, right_Q)
    return found


def _margins(cost_QV: FloatArray, right_Q: npt.NDArray[np.int64]) -> FloatArray:
    """Those of one relation."""
    num_questions, num_values = cost_QV.shape
    every_Q = np.arange(num_questions)
    is_wrong_QV = np.arange(num_values) != right_Q[:, None]
    name, value = np.nonzero(is_wrong_QV)
    cells = np.zeros((len(name), num_questions + num_values))
    cells[np.arange(len(name)), name] = 1
    cells[np.arange(len(name)), num_questions + value] = 1
    usual = np.linalg.lstsq(cells, cost_QV[name, value])[0]
    expected_Q = usual[:num_questions] + usual[num_questions + right_Q]
    is_told_Q = is_wrong_QV.sum(0)[right_Q] > 0
    margin_Q: FloatArray = np.where(is_told_Q, expected_Q - cost_QV[every_Q, right_Q], np.nan)
    return margin_Q


def since_met(run: Run | None, age: float, probes: Probes) -> list[FloatArray] | None:
    """How long before `age` the scene of each fact was read to its end, each time, in shares of
    life; None where no run says it.

    Raises `ArtefactError` where the run's order is another one now.
    """
    corpus = probes.corpus
    scenes = [question.row for question in probes.questions]
    if not scenes or run is None or run.recipe.starts_from or run.recipe.corpus != corpus.digest:
        return None
    recipe = run.recipe
    order = Order.open(run.sources["order"], corpus)
    if order.digest != recipe.order:
        raise ArtefactError("is another order than the run's", where=str(run.sources["order"]))
    tokens = tokenize(corpus, probes.tokenizer)
    rows = Rows(order, tokens, recipe.row_length, recipe.packing, recipe.attention)
    read = _num_rows_read(recipe, age)
    since = []
    for key in corpus.columns(["key"])["key"].gather(scenes):
        visits = order.meetings.of(key).astype(np.int64)
        # The row of which a scene's last token is a target: its input is the token before.
        ended_in = rows.rows_at(rows.starts[visits + 1] - 2)
        since.append((read - 1 - ended_in[ended_in < read]) / recipe.num_rows)
    return since


def _num_rows_read(recipe: Recipe, age: float) -> int:
    """The rows that lie behind a mind which was kept at that age."""
    steps = recipe.steps
    done = steps.after(age)
    return int(steps.num_rows[:done].sum())
