"""The figures that the world promises of its text, and that the figures measure what they say."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer

from upbringing.corpus import train_tokenizer
from upbringing.corpus.overlap import overlapping
from upbringing.corpus.world import VOICES, world_parallels, world_scenes
from upbringing.corpus.world import figures as f
from upbringing.corpus.world.grammar import grammar
from upbringing.corpus.world.making import without_overlap

LANGS = ("en", "ru")


@cache
def large(lang: str) -> pl.DataFrame:
    return world_scenes(lang, 25_000, 0).scenes


@cache
def train(lang: str) -> pl.DataFrame:
    return large(lang).filter(split="train")[:9000]


@cache
def probes(lang: str) -> pl.DataFrame:
    return world_parallels(lang, 200, 0)


@cache
def tokenizer(lang: str) -> Tokenizer:
    return train_tokenizer(train(lang)["text"].to_list(), 1000)


def shorter(texts: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(texts, schema=["kind", "text"], orient="row")


@pytest.mark.parametrize("lang", LANGS)
def test_no_probe_shares_eight_words_with_training_text(lang: str) -> None:
    """Hardly any does as it is drawn, and those that do are left out of a corpus."""
    told = large(lang)
    asked = probes(lang)["text"].to_list()
    texts = told.filter(split="train")["text"].to_list()
    assert overlapping(texts, asked).mean() < 0.02
    kept = without_overlap(probes(lang), told)
    assert kept["event"].n_unique() > 0.9 * probes(lang)["event"].n_unique()
    assert not overlapping(texts, kept["text"].to_list()).any()


@pytest.mark.parametrize("lang", LANGS)
def test_no_held_out_text_is_a_training_text(lang: str) -> None:
    assert large(lang)["text"].n_unique() == large(lang).height


def test_distinct_share_by_eye() -> None:
    assert f.distinct_share(["a b c d", "a b c e"], 3) == pytest.approx(3 / 4)


@pytest.mark.parametrize("lang", LANGS)
def test_text_repeats_itself_little(lang: str) -> None:
    assert f.distinct_share(large(lang).filter(split="train")["text"].to_list()) >= 0.8
    assert f.longest_fixed_run(grammar(lang)) <= 6


@pytest.mark.parametrize("lang", LANGS)
def test_voices_are_of_one_length(lang: str) -> None:
    for scenes in (train(lang), probes(lang)):
        lengths = f.mean_bytes(scenes)
        middle = sum(lengths.values()) / len(lengths)
        assert set(lengths) == set(VOICES)
        assert all(abs(length / middle - 1) <= 0.1 for length in lengths.values())


@pytest.mark.parametrize("lang", LANGS)
def test_a_scene_is_about_a_hundred_and_fifty_tokens(lang: str) -> None:
    texts = train(lang)["text"].to_list()
    lengths = [len(encoding.ids) for encoding in tokenizer(lang).encode_batch(texts)]
    assert 130 <= np.mean(lengths) <= 190


@pytest.mark.parametrize("lang", LANGS)
def test_voices_share_most_of_their_tokens(lang: str) -> None:
    shared = f.shared_mass(train(lang), tokenizer(lang))
    assert len(shared) == len(VOICES) * (len(VOICES) - 1) // 2
    assert min(shared.values()) >= 0.6


@pytest.mark.parametrize("lang", LANGS)
def test_no_word_gives_a_voice_away(lang: str) -> None:
    assert not [words for words in f.marker_words(train(lang)).values() if words]


def test_marker_words_by_eye() -> None:
    scenes = shorter(
        [("a", "so it is"), ("a", "so be it"), ("b", "it is not so"), ("b", "not now")]
    )
    assert f.marker_words(scenes, least_share=0.6) == {"a": [], "b": ["not"]}


@pytest.mark.parametrize("lang", LANGS)
def test_voices_are_told_apart_without_their_best_words(lang: str) -> None:
    """On unseen events; on probes, whose families are new too, less well: see docs/world.md."""
    is_style = pl.col("kind") != "invalid"
    asked = large(lang).filter(is_style, split="held_out")[:1500]
    assert f.separability(train(lang).filter(is_style)[:6000], asked, num_best_left_out=50) >= 0.9


@pytest.mark.parametrize("lang", LANGS)
def test_words_alone_do_not_tell_valid_from_invalid(lang: str) -> None:
    twins = pl.col("kind").is_in(["philosophy", "invalid"])
    known, asked = (frame.filter(twins) for frame in (large(lang), probes(lang)))
    assert f.separability(known, asked) < 0.6


@pytest.mark.parametrize("lang", LANGS)
def test_openings_say_nothing_of_the_voice(lang: str) -> None:
    scenes = large(lang).filter(split="train")[:12_000]
    first = scenes.with_columns(text=pl.col("text").str.extract(r"^([^.]*\.)"))
    assert abs(f.separability(first[:8000], first[8000:]) - 0.5) <= 0.02


def test_closest_share_by_eye() -> None:
    assert f.closest_share(["a b c d", "x y z"], ["a b c x y"], 3) == pytest.approx(1 / 3)
