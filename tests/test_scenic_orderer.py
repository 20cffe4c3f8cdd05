from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from conftest import ids_of, tiny_scenes

from upbringing.corpus import Corpus, write_corpus
from upbringing.errors import InputError
from upbringing.order import Order, compile_order, compose, parse_curriculum, phases_of
from upbringing.order.places import say_arrangement


def composed(corpus: Corpus, intention: str, lang: str | None = None) -> Order:
    return compile_order(corpus, parse_curriculum(compose(corpus, intention, lang=lang)))


def kinds_of(order: Order) -> list[list[str]]:
    return [sorted(view.share_by_kind) for view in phases_of(order)]


def test_first_x_puts_x_first(corpus: Corpus) -> None:
    order = composed(corpus, "first drama")
    assert kinds_of(order) == [["drama"], ["chat", "poetry", "technical"]]
    assert order.num_visits == 72


def test_a_scenic_life_begins_with_scenes_and_ends_dry(corpus: Corpus) -> None:
    order = composed(corpus, "scenic")
    scenic = ["drama", "poetry"]
    assert kinds_of(order) == [scenic, scenic, ["chat"], ["technical"]]
    assert len(set(ids_of(order))) == order.num_visits == 72


def test_kinds_between_rise_in_surprisal(corpus: Corpus, tmp_path: Path) -> None:
    frame = tiny_scenes().with_columns(
        kind=pl.col("kind").replace({"chat": "letters", "technical": "news"})
    )
    corpus = write_corpus(tmp_path / "corpus", frame, recipe={}, inputs={})
    means = (
        corpus.scenes.filter(split="train").group_by("kind").agg(pl.col("unigram_surprisal").mean())
    )
    rising = [k for k in means.sort("unigram_surprisal")["kind"] if k in ("letters", "news")]
    youth = parse_curriculum(compose(corpus, "scenic")).phases[2]
    assert say_arrangement(youth.arrange) == {"blocks": rising}


def test_a_life_may_be_of_one_language(corpus: Corpus) -> None:
    assert composed(corpus, "first chat", lang="en").num_visits == 72
    with pytest.raises(InputError, match="no scene is of kind 'chat'"):
        compose(corpus, "first chat", lang="ru")


@pytest.mark.parametrize(
    "kind", ["no", "1984", "a, b", "[x]: y", 'say "ah"', "драма", "two\nlines", "#tag", "", "-"]
)
def test_whatever_a_kind_is_called_it_can_come_first(tmp_path: Path, kind: str) -> None:
    frame = tiny_scenes().with_columns(kind=pl.col("kind").replace({"chat": kind}))
    corpus = write_corpus(tmp_path / "corpus", frame, recipe={}, inputs={})
    assert kinds_of(composed(corpus, f"first {kind}"))[0] == [kind]
    order = composed(corpus, "scenic")
    assert kinds_of(order)[2] == [kind]


def test_what_cannot_be_composed_says_what_can(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'drama'"):
        compose(corpus, "first dramma")
    with pytest.raises(InputError, match="'scenic', 'first KIND'"):
        compose(corpus, "funny")
    dry = tiny_scenes().filter(~pl.col("kind").is_in(["drama", "poetry"]))
    with pytest.raises(InputError, match="poetry or drama, and there is neither"):
        compose(write_corpus(tmp_path / "dry", dry, recipe={}, inputs={}), "scenic")
