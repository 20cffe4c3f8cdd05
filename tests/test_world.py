"""The built-in world: what is told, to whom it is kept from, and that it is always the same."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from upbringing.corpus import Corpus
from upbringing.corpus.world import VOICES, languages, make_world, world_parallels, world_scenes
from upbringing.corpus.world import grammar as grammar_module
from upbringing.corpus.world.figures import words_of
from upbringing.corpus.world.grammar import Family, Lots, grammar
from upbringing.corpus.world.scenes import without_overlap
from upbringing.corpus.world.telling import Teller
from upbringing.errors import InputError
from upbringing.identity import digest_json

LANGS = ("en", "ru")

# A change here changes every study on the built-in world: say so in the changelog.
GOLDEN = {
    "en": "92dfb134d4fa4ccbadcde895dc5d48ed2c10c01dd10592d4751ee0894501a0a9",
    "ru": "cd392767f4e04c74945ca64b5f73c5638972c80761f9022023193365b6df95ce",
}


def topics(lang: str, split: str) -> set[str]:
    columns = grammar(lang).tables["topics"].columns
    return set(columns["name"][columns["split"] == split])


def test_golden_digest_of_the_first_scenes() -> None:
    found = {
        lang: digest_json([world_scenes(lang, 200, 0).rows(), world_parallels(lang, 20, 0).rows()])
        for lang in LANGS
    }
    assert found == GOLDEN


@cache
def told(lang: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    return world_scenes(lang, 500, 5).rows(), world_parallels(lang, 500, 5).rows()


@settings(max_examples=12, deadline=None)
@given(lang=st.sampled_from(LANGS), num_events=st.integers(1, 500))
def test_an_event_is_the_same_however_many_are_told(lang: str, num_events: int) -> None:
    scenes, parallels = told(lang)
    assert world_scenes(lang, num_events, 5).rows() == scenes[:num_events]
    assert world_parallels(lang, num_events, 5).rows() == parallels[: 4 * num_events]


def test_another_seed_is_another_world() -> None:
    one, other = (world_scenes("en", 200, seed)["text"].to_list() for seed in (0, 1))
    assert not set(one) & set(other)


@pytest.mark.parametrize("lang", LANGS)
def test_each_event_is_told_once_in_one_voice(lang: str) -> None:
    scenes = world_scenes(lang, 4000, 0)
    assert scenes["document"].to_list() == scenes["id"].to_list()
    assert scenes["id"].n_unique() == scenes["text"].n_unique() == 4000
    assert scenes["place"].to_list() == [0] * 4000
    shares = scenes["kind"].value_counts(normalize=True)["proportion"].to_list()
    assert len(shares) == len(VOICES)
    assert all(0.22 < share < 0.28 for share in shares)


@pytest.mark.parametrize("lang", LANGS)
def test_voice_and_content_are_drawn_apart(lang: str) -> None:
    """Cause, topic and voice are uncorrelated in training text."""
    scenes = world_scenes(lang, 20_000, 0).filter(split="train")
    table = scenes.pivot("kind", index="work", values="id", aggregate_function="len").drop("work")
    assert chi2_contingency(table.to_numpy()).pvalue > 0.001


@pytest.mark.parametrize("lang", LANGS)
def test_held_out_topics_are_never_in_training_text(lang: str) -> None:
    scenes = world_scenes(lang, 4000, 0)
    assert len(topics(lang, "train")) == 60
    assert len(topics(lang, "held_out")) == 20
    assert set(scenes.filter(split="train")["work"]) == topics(lang, "train")
    assert set(scenes.filter(split="held_out")["work"]) == topics(lang, "held_out")
    assert set(world_parallels(lang, 200, 0)["topic"]) <= topics(lang, "held_out")
    assert 0.08 < (scenes["split"] == "held_out").mean() < 0.12


@pytest.mark.parametrize("lang", LANGS)
def test_held_out_topics_have_an_object_of_their_own(lang: str) -> None:
    columns = grammar(lang).tables["topics"].columns
    objects = [set(cell.split()) for cell in columns["objects"]]
    of_train = set().union(
        *(o for o, s in zip(objects, columns["split"], strict=True) if s == "train")
    )
    assert all(o - of_train for o, s in zip(objects, columns["split"], strict=True) if s != "train")


@pytest.mark.parametrize("lang", LANGS)
def test_a_fifth_of_the_families_is_kept_for_probes(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[Family, Lots]] = []
    tell = Teller.body

    def listen(self: Teller, family: Family, at: Lots) -> list[str]:
        heard.append((family, at))
        return tell(self, family, at)

    monkeypatch.setattr(Teller, "body", listen)
    splits = world_scenes(lang, 4000, 0)["split"].to_numpy()
    assert len(heard) == 40
    for family, at in heard:
        assert len(at) > 20
        assert set(splits[at]) == {"held_out" if family.held_out else "train"}
    probes = world_parallels(lang, 200, 0)
    for voice in VOICES:
        train, held_out = (grammar(lang).families(voice, held_out=side) for side in (False, True))
        assert (len(train), len(held_out)) == (8, 2)
        assert all(len(family.moves) == 5 for family in (*train, *held_out))
        assert set(probes.filter(kind=voice)["family"]) == {family.name for family in held_out}


@pytest.mark.parametrize("lang", LANGS)
def test_one_opening_begins_the_text_of_every_voice(lang: str) -> None:
    parallels = world_parallels(lang, 50, 0)
    assert parallels["kind"].to_list() == list(VOICES) * 50
    assert parallels["event"].n_unique() == 50
    for (_,), tellings in parallels.group_by("event"):
        assert tellings["opening"].n_unique() == tellings["topic"].n_unique() == 1
        assert tellings["text"].n_unique() == len(VOICES)
    for opening, text in parallels.select("opening", "text").iter_rows():
        assert opening.endswith(".")
        assert text.startswith(opening)
        assert len(text) > 2 * len(opening)


@pytest.mark.parametrize("lang", LANGS)
def test_text_is_whole(lang: str) -> None:
    texts = world_scenes(lang, 4000, 2)["text"].to_list()
    stray = re.compile(r"[{}\[\]<>|%]| [,.!?;:]|  |,,|//")
    assert not [text for text in texts if stray.search(text)]
    assert not [text for text in texts if text.count('"') % 2]
    assert not [text for text in texts if text.count("«") != text.count("»")]
    assert all(text[0].isupper() and text[-1] in '.!?»")' for text in texts)


def test_words_agree_with_who_they_are_said_of() -> None:
    tables = grammar("ru").tables
    row = list(tables["troubles"].columns["name"]).index("stop")
    assert list(tables["troubles"].agreeing["failed"][row]) == [
        "остановился",
        "остановилась",
        "остановилось",
    ]
    train = world_scenes("ru", 3000, 0).filter(split="train")
    came = train["text"].str.extract_groups(r"^(\w+) только что (пришёл|пришла)").struct.unnest()
    names = tables["people"]
    gender = dict(zip(names.columns["name"], names.columns["gender"], strict=True))
    found = came.drop_nulls().rows()
    assert len(found) > 100
    assert all(verb == {"m": "пришёл", "f": "пришла"}[gender[name]] for name, verb in found)


@pytest.mark.parametrize("num_events", [0, -1])
def test_a_world_has_events(num_events: int) -> None:
    with pytest.raises(InputError, match="1 or more"):
        world_scenes("en", num_events, 0)


def test_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=", ".join(languages())):
        world_scenes("fr", 10, 0)


def test_a_grammar_with_mistakes_shows_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(str(grammar_module.data_folder()), tmp_path / "data")
    file = tmp_path / "data/en/openings.toml"
    text = file.read_text("utf-8")
    text = text.replace("{Who} had just", "{Whom} had just").replace("{weather.in}", "{weather.on}")
    file.write_text(text.replace("{trouble.failed}", "{trouble.failed:adj}"), "utf-8")
    monkeypatch.setattr(grammar_module, "data_folder", lambda: tmp_path / "data")
    with pytest.raises(InputError) as caught:
        grammar.__wrapped__("en")
    message = str(caught.value)
    assert "nothing is called 'whom'" in message
    assert "'weather' has no column 'on'" in message
    assert "'adj' has no gender" in message


def test_a_corpus_of_two_languages(tmp_path: Path) -> None:
    made = make_world(tmp_path / "a", langs=LANGS, num_events=300, num_probes=10, seed=0)
    again = make_world(tmp_path / "b", langs=LANGS, num_events=300, num_probes=10, seed=0)
    assert Corpus.open(tmp_path / "a").digest == made.digest == again.digest
    assert made.langs == LANGS
    assert made.kinds == tuple(sorted(VOICES))
    assert made.scenes.height == 600
    assert made.parallels is not None
    assert made.parallels["lang"].value_counts(sort=True)["count"].to_list() == [40, 40]
    with pytest.raises(InputError, match="already exists"):
        make_world(tmp_path / "a", num_events=300, seed=0)


@pytest.mark.parametrize("langs", [(), ("en", "en")])
def test_languages_are_named_once_each(tmp_path: Path, langs: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="name each once"):
        make_world(tmp_path / "a", langs=langs, num_events=10, seed=0)
    assert not list(tmp_path.iterdir())


def test_what_overlaps_is_left_out_of_the_probes() -> None:
    scenes, parallels = world_scenes("en", 400, 0), world_parallels("en", 20, 0)
    held_out = scenes.with_row_index().filter(split="held_out")
    train_row = scenes.with_row_index().filter(split="train")["index"][0]
    leaked = [held_out["text"][3].upper(), parallels["text"][9].replace(" ", " - ")]
    texts = scenes["text"].to_list()
    texts[train_row] = " ".join(leaked)
    planted = scenes.with_columns(text=pl.Series(texts))
    known = set().union(*map(eights, planted.filter(split="train")["text"]))
    kept_scenes, kept_parallels = without_overlap(planted, parallels)
    assert held_out["id"][3] not in kept_scenes["id"]
    assert kept_scenes.filter(split="train").rows() == planted.filter(split="train").rows()
    assert kept_scenes.filter(split="held_out")["id"].to_list() == [
        scene
        for scene, text in held_out.select("id", "text").iter_rows()
        if not eights(text) & known
    ]
    assert parallels["event"][9] not in kept_parallels["event"]
    bad = {e for e, text in parallels.select("event", "text").iter_rows() if eights(text) & known}
    assert kept_parallels["event"].to_list() == [e for e in parallels["event"] if e not in bad]


def eights(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[place : place + 8]) for place in range(len(words) - 7)}


def test_draws_cover_their_tables() -> None:
    scenes = world_scenes("en", 20_000, 0)
    told = " ".join(scenes["text"])
    cells = np.concatenate(
        [
            grammar("en").tables[table].columns[column]
            for table, column in (("cases", "because"), ("outcomes", "past"), ("weather", "was"))
        ]
    )
    assert not [cell for cell in cells if cell not in told and cell.capitalize() not in told]
