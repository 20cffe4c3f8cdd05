"""The judge hears order and nothing else, knows what it has not seen, and never varies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.character.neighbours import (
    View,
    encode,
    excess,
    form_of,
    frequent_pairs,
    pieces_of,
    unigram_drawn,
    units_of,
    word_shuffled,
)
from upbringing.character.voice import Judge, train_judge
from upbringing.errors import ArtefactError, InputError
from upbringing.identity import generator

NOUNS = ["lamp", "river", "door", "stone", "letter", "garden", "mother", "winter"]
VERBS = ["waits", "falls", "sings", "breaks", "turns", "burns"]
COLOURS = ["red", "grey", "warm", "old", "slow", "bright"]
DISORDERED = {"sea": ["tide", "sail", "gull", "mast", "foam", "harbour"], "land": NOUNS}


def told(manner: str, num_texts: int, *, topic: str = "") -> list[str]:
    """Texts of one manner: the same words in another sentence order, or other words in none."""
    texts = []
    for place in range(num_texts):
        draw = generator(0, "told", f"{manner}/{topic}/{place}")
        if manner in DISORDERED:
            texts.append(" ".join(draw.choice([*DISORDERED[manner], topic], 70)))
            continue
        sentences = []
        for _ in range(14):
            noun, verb, colour = draw.choice(NOUNS), draw.choice(VERBS), draw.choice(COLOURS)
            plain = ["the", colour, noun, verb, "here", topic]
            turned = ["here", verb, "the", noun, colour, topic]
            sentences.append(" ".join(plain if manner == "plain" else turned).strip())
        texts.append("\n".join(sentences))
    return texts


def sides(positive: str, negative: str, topics: Sequence[str]) -> tuple[list, list, list]:
    texts, labels, groups = [], [], []
    for topic in topics:
        for manner, label in ((positive, True), (negative, False)):
            texts += told(manner, 12, topic=topic)
            labels += [label] * 12
            groups += [topic] * 12
    return texts, labels, groups


SEEN, UNSEEN = ["fire", "wedding", "harvest", "school"], ["bridge", "market"]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return train_judge(*sides("plain", "turned", SEEN), seed=0)


def test_the_same_words_in_another_order_are_told_apart(judge: Judge):
    report = judge.examine(*sides("plain", "turned", UNSEEN), seed=0)
    assert report.passed, report.reason
    assert report.figures.auc > 0.99
    assert report.figures.brier < 0.05
    assert report.num_groups == 2
    assert report.figures.mean_positive > 0.9
    assert report.figures.mean_negative < 0.1


def test_text_without_order_stays_near_the_baseline(judge: Judge):
    texts, labels, _ = sides("plain", "turned", UNSEEN)
    for side in (True, False):
        own = [text for text, label in zip(texts, labels, strict=True) if label is side]
        for make in (word_shuffled, unigram_drawn):
            assert abs(judge.score(make(own, 0)).mean() - 0.5) < 0.1


def test_other_words_without_an_order_are_not_told_apart():
    """A bag of words would be right every time here; the judge must not be, and says so."""
    lexical = train_judge(*sides("sea", "land", SEEN), seed=0)
    report = lexical.examine(*sides("sea", "land", UNSEEN), seed=0)
    assert not report.passed
    assert report.figures.auc < 0.8
    assert "AUC" in report.reason


def test_groups_seen_in_training_are_left_out(judge: Judge):
    mixed = judge.examine(*sides("plain", "turned", [*SEEN, *UNSEEN]), seed=0)
    assert mixed == judge.examine(*sides("plain", "turned", UNSEEN), seed=0)
    seen = judge.examine(*sides("plain", "turned", SEEN), seed=0)
    assert (seen.passed, seen.figures, seen.num_positive) == (False, None, 0)
    assert seen.reason == "a side has no group that training has not seen"


def test_training_is_deterministic_and_a_saved_judge_is_the_same(judge: Judge, tmp_path):
    texts = told("plain", 5, topic="boat") + told("turned", 5, topic="boat")
    again = train_judge(*sides("plain", "turned", SEEN), seed=0)
    judge.save(tmp_path / "judge.json")
    loaded = Judge.load(tmp_path / "judge.json")
    assert np.array_equal(again.score(texts), judge.score(texts))
    assert np.array_equal(loaded.score(texts), judge.score(texts))
    assert loaded.groups == judge.groups == frozenset(SEEN)


@pytest.mark.parametrize("content", ['{"format": "judge/9"}', '{"format": "judge/1"}', "[]", "{"])
def test_a_file_that_is_no_judge_is_named(tmp_path, content: str):
    file = tmp_path / "judge.json"
    file.write_text(content)
    with pytest.raises(ArtefactError, match=r"judge\.json"):
        Judge.load(file)


def test_scores_are_probabilities_and_empty_text_is_the_baseline(judge: Judge):
    scores = judge.score(["", "word", " \n ", *told("plain", 3)])
    assert scores[:3].tolist() == [0.5, 0.5, 0.5]
    assert ((scores >= 0) & (scores <= 1)).all()
    assert judge.score([]).shape == (0,)


def test_longer_text_is_judged_more_surely_the_same_way(judge: Judge):
    short, long = told("plain", 40), [text + "\n" + text for text in told("plain", 40)]
    assert 0.5 < judge.score([text[:120] for text in short]).mean() < judge.score(long).mean()


def test_a_judge_needs_text_on_both_sides_and_equal_lengths():
    with pytest.raises(InputError, match="0 pieces of text on the negative side"):
        train_judge(["a b", "c d"], [True, True], ["x", "y"], 0)
    with pytest.raises(InputError, match="2 texts, 1 sides, 2 groups"):
        train_judge(["a b", "c d"], [True], ["x", "y"], 0)


def test_one_group_a_side_is_trained_on_left_out_pieces():
    lonely = train_judge(*sides("plain", "turned", ["fire"]), seed=0)
    assert lonely.score(told("plain", 5, topic="boat")).mean() > 0.6
    assert lonely.score(told("turned", 5, topic="boat")).mean() < 0.4


# The features


def test_units_keep_punctuation_and_line_breaks():
    text = "ANNA: Who's there?\n\nNobody, 12 of\nthem. –"
    assert units_of(text) == [
        "ANNA:", "Who's", "there?⏎⏎", "Nobody,", "12", "of⏎", "them.", "–",
    ]  # fmt: skip
    assert [form_of(unit) for unit in units_of(text)] == [
        "form XX:", "form Xx", "form xx?⏎⏎", "form Xx,", "form 0", "form xx⏎", "form xx.", "form –",
    ]  # fmt: skip


def test_excess_is_the_count_less_its_mean_over_all_shuffles():
    # a b a: neighbours ab, ba. Over the three arrangements of {a, a, b} the mean of each is 2/3.
    tokens = [np.array([1, 2, 1])]
    pairs = np.array([[1, 2], [2, 1], [1, 1]])
    row = excess(tokens, pairs, 3)[0] * np.sqrt(2)
    assert row == pytest.approx([1 - 2 / 3, 1 - 2 / 3, 0 - 2 / 3], abs=1e-6)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30), st.integers(0, 5))
def test_evidence_is_the_weighted_excess(tokens: list[int], item: int):
    tokens_N = np.array(tokens)
    pairs = frequent_pairs([tokens_N, np.arange(5)], 5)
    weights = generator(item, "test voice").standard_normal(len(pairs))
    view = View.of(["a", "b", "c", "d"], pairs, weights)
    expected = excess([tokens_N], pairs, 5)[0] @ weights
    assert view.evidence(tokens_N) == pytest.approx(expected, abs=1e-4)


def test_encoding_falls_back_to_the_form():
    view = View.of(["red", "form xx", "form XX:"], np.zeros((0, 2), dtype=np.int64), np.zeros(0))
    [tokens_N] = encode([units_of("red blue ANNA: 12")], view.codes)
    assert tokens_N.tolist() == [1, 2, 3, 0]


@given(st.text(alphabet="ab \n", max_size=200), st.integers(5, 50))
def test_pieces_hold_every_word_in_order(text: str, num_characters: int):
    cut = pieces_of(text, num_characters)
    assert " ".join(cut).split() == text.split()
    assert all(piece == piece.strip() != "" for piece in cut)


def test_pieces_are_about_as_long_as_asked():
    [text] = told("plain", 1)
    lengths = [len(piece) for piece in pieces_of(text * 5, 100)]
    assert 80 < min(lengths) <= max(lengths) < 120


def test_text_without_order_keeps_the_words():
    texts = told("plain", 3)
    for text, shuffled in zip(texts, word_shuffled(texts, 0), strict=True):
        assert sorted(shuffled.split()) == sorted(text.split())
        assert shuffled.split() != text.split()
    drawn = unigram_drawn(texts, 0)
    assert [len(text.split()) for text in drawn] == [len(text.split()) for text in texts]
    assert {w for t in drawn for w in t.split()} <= {w for t in texts for w in t.split()}
