"""Surface: what can be counted in text, by hand; and the lean of open openings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from minds import TableMind, byte_tokenizer, random_table

from upbringing.character import Asked, Axis, AxisProbes, Probes, ProbeSettings, Sampling, measures
from upbringing.character.interpretation import decided, interpretation
from upbringing.character.surface import marks, marks_of_pole, sentence_length
from upbringing.corpus import Corpus

AXIS = Axis.between(("drama",), ("technical",), "en")


def test_marks_by_hand() -> None:
    texts = ["He wept. Why? Don't go!", "the cat and the cat and the cat"]
    assert marks(texts) == pytest.approx(
        {
            "sentence_length": 13 / 3,
            "question_rate": 1 / 3,
            "exclamation_rate": 1 / 3,
            # (the cat and) (cat and the) (and the cat), twice each; three words each once before
            "repetition": 1 - (3 + 3) / (3 + 6),
        }
    )


def test_an_end_of_several_marks_is_one_end() -> None:
    found = marks(["Well?! No... Yes… He said: so it is"])
    assert found["sentence_length"] == pytest.approx(8 / 3)
    assert (found["question_rate"], found["exclamation_rate"]) == (1 / 3, 1 / 3)


def test_what_cannot_be_counted_has_no_figure() -> None:
    assert marks(["no stop here"]) == {"repetition": 0.0}
    assert marks([]) == {}
    assert marks(["", "a b"]) == {}


def test_kinds_of_words_are_counted_at_a_fixed_length() -> None:
    words = [f"w{number}" for number in range(60)]
    hundred = " ".join([*words, *words[:40]])
    assert marks([hundred])["type_token_ratio"] == pytest.approx(0.6)
    assert marks([hundred, hundred, "tail"])["type_token_ratio"] == pytest.approx(0.6)
    assert "type_token_ratio" not in marks([" ".join(words)])


def test_russian_and_case() -> None:
    found = marks(["Он ушёл. И он ушёл! Кто-то ждал?"])
    assert found["sentence_length"] == pytest.approx(7 / 3)
    assert found["repetition"] == 0
    assert marks(["Он ушёл он Ушёл он ушёл"])["repetition"] == pytest.approx(2 / 4)


@pytest.fixture(scope="module")
def probes(stories: Corpus) -> Probes:
    settings = ProbeSettings(500, 1, 3, sampling=Sampling(num_tokens=40, num_seeds=4))
    return Probes(stories, (AxisProbes(AXIS, None),), byte_tokenizer(), settings)


def test_a_mind_is_counted_in_its_own_words(probes: Probes) -> None:
    asked = Asked(TableMind(random_table(), row_length=128).as_mind(), probes)
    expected = marks(asked.samples["text"].to_list())
    assert expected
    for name in ("sentence_length", "question_rate", "exclamation_rate", "repetition"):
        found = measures()[name].ask(asked)
        assert found == ({"samples": expected[name]} if name in expected else {})


def test_held_out_text_is_counted_in_pieces_as_long_as_samples(probes: Probes) -> None:
    found = marks_of_pole(probes, AXIS.positive)
    texts = []
    for passage in probes.held_out["drama"]:
        text = probes.tokenizer.decode(list(passage.ids[1:]))
        texts += [text[begin : begin + 40] for begin in range(0, len(text), 40)]  # a byte a token
    assert found == pytest.approx(marks(texts))
    assert found["exclamation_rate"] > marks_of_pole(probes, AXIS.negative)["exclamation_rate"]


@dataclass
class Heard:
    """A mind of which only what the judges hear is known."""

    voices: dict[str, np.ndarray]


def test_the_lean_counts_what_the_judge_is_sure_of() -> None:
    between = np.full(8, 0.5)
    split = np.array([0.9, 0.75, 0.8, 0.99, 0.1, 0.2, 0.25, 0.05])
    leaning = np.array([0.9, 0.8, 0.6, 0.1, 0.4, np.nan, np.nan, np.nan])
    asked = Heard({"between": between, "split": split, "leaning": leaning})
    assert split.mean() == pytest.approx(between.mean(), abs=0.01)  # voice does not tell them apart
    assert interpretation(asked) == {"between": 0, "split": 0, "leaning": 1 / 5}
    assert decided(asked) == {"between": 0, "split": 1, "leaning": 3 / 5}


def test_without_a_judge_nothing_is_heard(probes: Probes) -> None:
    asked = Asked(TableMind(random_table(), row_length=128).as_mind(), probes)
    assert interpretation(asked) == decided(asked) == {}


def test_samples_without_an_end_have_no_length_of_sentences(probes: Probes) -> None:
    asked = Heard({})
    asked.samples = pl.DataFrame({"text": ["no stop", ""]})
    assert sentence_length(asked) == {}
