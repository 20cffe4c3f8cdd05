"""The built-in world: what is told, what is kept for probes, and that it is always the same."""

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
    "en": "846067b598ebeef4635d18d07a476de85abfd14463dd94c3b2c97d912bfcd562",
    "ru": "db7fb93b4ce043ca29d3c14df4b410144c135de276bf78810586c0031b397630",
}


def topics(lang: str, use: str) -> set[str]:
    columns = grammar(lang).tables["topics"].columns
    return set(columns["name"][columns["use"] == use])


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
def test_a_tenth_is_held_out_and_told_like_the_rest(lang: str) -> None:
    scenes = world_scenes(lang, 20_000, 0)
    assert 0.09 < (scenes["split"] == "held_out").mean() < 0.11
    for told in ("kind", "work"):
        table = scenes.pivot("split", index=told, values="id", aggregate_function="len").drop(told)
        assert chi2_contingency(table.to_numpy()).pvalue > 0.001


@pytest.mark.parametrize("lang", LANGS)
def test_topics_of_probes_are_in_no_scene(lang: str) -> None:
    assert len(topics(lang, "scenes")) == 60
    assert len(topics(lang, "probes")) == 20
    assert set(world_scenes(lang, 4000, 0)["work"]) == topics(lang, "scenes")
    assert set(world_parallels(lang, 400, 0)["topic"]) == topics(lang, "probes")


@pytest.mark.parametrize("lang", LANGS)
def test_topics_of_probes_have_an_object_of_their_own(lang: str) -> None:
    columns = grammar(lang).tables["topics"].columns
    objects = {True: list[set[str]](), False: list[set[str]]()}
    for use, cell in zip(columns["use"], columns["objects"], strict=True):
        objects[use == "probes"].append(set(cell.split()))
    of_scenes = set().union(*objects[False])
    assert all(own - of_scenes for own in objects[True])


@pytest.mark.parametrize("lang", LANGS)
def test_a_fifth_of_the_families_is_kept_for_probes(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Family] = []
    tell = Teller.body

    def listen(self: Teller, family: Family, at: Lots) -> list[str]:
        assert len(at) > 80
        heard.append(family)
        return tell(self, family, at)

    with monkeypatch.context() as patch:
        patch.setattr(Teller, "body", listen)
        world_scenes(lang, 4000, 0)
    assert heard == [f for voice in VOICES for f in grammar(lang).voices[voice] if not f.for_probes]
    probes = world_parallels(lang, 400, 0)
    for voice in VOICES:
        told, kept = (grammar(lang).families(voice, for_probes=side) for side in (False, True))
        assert (len(told), len(kept)) == (8, 2)
        assert all(len(family.moves) == 5 for family in (*told, *kept))
        assert set(probes.filter(kind=voice)["family"]) == {family.name for family in kept}


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
    assert without_overlap(parallels, scenes).equals(parallels)
    leak = words_of(parallels["text"][9])[10:18]
    told = {"train": " - ".join(leak).upper(), "held_out": parallels["text"][40]}
    planted = scenes.with_columns(text=pl.col("split").replace_strict(told))
    bad = {
        event
        for event, text in parallels.select("event", "text").iter_rows()
        if " ".join(leak) in " ".join(words_of(text))
    }
    kept = without_overlap(parallels, planted)["event"].to_list()
    assert parallels["event"][9] in bad
    assert kept == [event for event in parallels["event"] if event not in bad]


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
