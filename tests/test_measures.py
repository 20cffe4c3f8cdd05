import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus import measures
from upbringing.corpus.measures import MEASURES, measure_scenes


def scenes(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["text", "lang", "split"], orient="row")


def test_bytes_and_words_are_counted_in_every_script():
    frame = measure_scenes(
        scenes(("Don’t go, Anna!", "en", "train"), ("Ёж — 2 ежа\n", "ru", "train"))
    )
    assert frame["num_bytes"].to_list() == [17, 18]
    assert frame["num_words"].to_list() == [3, 3]


def test_the_columns_are_the_registry_in_its_order_and_in_its_types():
    frame = measure_scenes(scenes(("a", "en", "train")))
    assert frame.columns == ["text", "lang", "split", *MEASURES]
    assert list(MEASURES) == ["num_bytes", "num_words", "compression_ratio", "unigram_surprisal"]
    assert [frame[m.name].dtype for m in MEASURES.values()] == [m.dtype for m in MEASURES.values()]


def test_a_text_that_repeats_itself_compresses_better():
    frame = measure_scenes(scenes(("ab " * 60, "en", "train"), ("qv7 xk9 " * 2, "en", "train")))
    repeated, short = frame["compression_ratio"]
    assert repeated > 5 > short


def test_unigram_surprisal_is_the_formula_by_hand():
    frame = measure_scenes(
        scenes(
            ("The cat the", "en", "train"),  # the 2, cat 1: N = 3, V = 2, mass 6
            ("the owl", "en", "held_out"),
            ("кот", "ru", "train"),  # N = 1, V = 1, mass 3
        )
    )
    the, cat, unseen = (-math.log2(count / 6) for count in (3, 2, 1))
    expected = [(2 * the + cat) / 11, (the + unseen) / 7, -math.log2(2 / 3) / 6]
    np.testing.assert_allclose(frame["unigram_surprisal"], expected, atol=2e-5)


def test_held_out_words_do_not_shape_the_distribution():
    seen = scenes(("one two", "en", "train"), ("three three three", "en", "held_out"))
    other = scenes(("one two", "en", "train"), ("four", "en", "held_out"))
    assert (
        measure_scenes(seen)["unigram_surprisal"][0]
        == measure_scenes(other)["unigram_surprisal"][0]
    )


def test_a_text_without_words_and_a_language_without_training_have_a_value():
    frame = measure_scenes(scenes(("!? …", "en", "train"), ("слово", "ru", "held_out")))
    assert frame["unigram_surprisal"].to_list() == [0.0, 0.0]


@given(st.lists(st.text("ab Ж'\n", max_size=12), min_size=1, max_size=9), st.integers(1, 4))
def test_values_do_not_depend_on_how_many_scenes_are_taken_at_once(texts, at_once):
    frame = scenes(*((text, "en", "train") for text in texts))
    whole = measure_scenes(frame)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_ROWS_AT_ONCE", at_once)
        assert measure_scenes(frame).equals(whole)
