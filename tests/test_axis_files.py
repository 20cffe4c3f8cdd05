"""Axes as files: what is read, what is wrong with it and where; those built in; and what is left of
an axis on a corpus whose minds have read some of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import story_scenes

from upbringing.character import Axis, Pole
from upbringing.character.axes import PAIR_COLUMNS
from upbringing.character.axis_files import (
    AxisSettings,
    axis_schema,
    built_in_axes,
    built_in_langs,
    find_axes,
    find_axis,
    load_axis,
    save_axis,
)
from upbringing.character.axis_fitting import Fitted, fit_axes
from upbringing.character.axis_pairs import narrowed
from upbringing.corpus import Corpus, write_corpus
from upbringing.corpus.world import make_world
from upbringing.errors import InputError

NAMES = (
    "associative–logical",
    "calm–dramatic",
    "dry–scenic",
    "literal–ironic",
    "mundane–archetypal",
    "polite–rude",
    "reflective–reactive",
)

WILD = """\
name: calm–wild
lang: en
negative: {name: calm, kinds: [technical]}
positive: {name: wild, kinds: [drama]}
pairs: pairs.jsonl
prompts: ["When the", "So it was that"]
note: Made by a test.
"""


def pair(number: int, **changes: str) -> dict[str, str]:
    """A pair that overlaps no other."""
    opening = f"The door of {number} fell shut."
    told = {
        "event": str(number),
        "topic": f"topic {number % 7}",
        "opening": opening,
        "positive": f"{opening} How {number} howled, how in its night {number} wept aloud!",
        "negative": f"{opening} In the book {number} was noted, and below it {number}.",
    }
    return told | changes


def write(folder: Path, text: str, pairs: list[Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [p if isinstance(p, str) else json.dumps(p, ensure_ascii=False) for p in pairs]
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "wild.yaml").write_text(text, encoding="utf-8")
    return folder / "wild.yaml"


def wild(folder: Path, num_pairs: int = 30) -> Axis:
    return load_axis(write(folder, WILD, [pair(number) for number in range(num_pairs)]))


def mistakes(file: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_axis(file)
    return [str(problem).replace(f"{file.parent}/", "") for problem in caught.value.problems]


def test_an_axis_is_what_its_file_says(tmp_path: Path) -> None:
    axis = wild(tmp_path)
    assert (axis.name, axis.lang) == ("calm–wild", "en")
    assert axis.negative == Pole("calm", ("technical",))
    assert axis.positive == Pole("wild", ("drama",))
    assert axis.prompts == ("When the", "So it was that")
    assert (axis.primary, axis.judged, axis.note) == (None, True, "Made by a test.")
    assert axis.own is not None
    assert axis.own.to_dicts() == [pair(number) for number in range(30)]


def test_pairs_may_be_parquet(tmp_path: Path) -> None:
    axis = wild(tmp_path)
    assert axis.own is not None
    shuffled = axis.own.select(sorted(PAIR_COLUMNS)).with_columns(more=pl.lit(1))
    shuffled.write_parquet(tmp_path / "pairs.parquet")
    file = tmp_path / "other.yaml"
    file.write_text(WILD.replace("jsonl", "parquet"), encoding="utf-8")
    other = load_axis(file).own
    assert other is not None
    assert other.equals(axis.own)


def test_all_mistakes_of_the_yaml_are_said_at_once_and_where(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "name: a/b\n"
        "lang: English\n"
        "negative: {name: calm, kinds: [drama], colour: red}\n"
        "positive: {name: calm, kinds: [drama]}\n"
        "primary: style_margn\n"
        "scored: some\n",
        encoding="utf-8",
    )
    said = mistakes(file)
    assert [line.split(": ")[0] for line in said] == [
        "bad.yaml:1:1", "bad.yaml:2:1", "bad.yaml:3:40", "bad.yaml:4:12", "bad.yaml:4:32",
        "bad.yaml:5:1", "bad.yaml:6:1",
    ]  # fmt: skip
    assert "did you mean 'style_margin'?" in said[5]


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (
            {"kinds: [drama]": "kinds: [technical]"},
            "wild.yaml:4:32: positive.kinds.0: 'technical' is of both poles",
        ),
        ({"name: wild": "name: calm"}, "wild.yaml:4:12: positive.name: both poles have one name"),
        (
            {", kinds: [drama]": ""},
            "wild.yaml:4:1: positive: names no kinds, and a judge learns from them",
        ),
        ({"pairs.jsonl": "world"}, "the world has no voice 'sermon'"),
        ({"note:": "families: [sceptic]\nnote:"}, "only `pairs: world` are told by families"),
        ({"pairs.jsonl": "none.jsonl"}, "none.jsonl: no such file"),
        ({"pairs.jsonl": "wild.yaml"}, "wild.yaml: pairs are kept in no such form"),
    ],
)
def test_what_does_not_fit_together(
    tmp_path: Path, change: Mapping[str, str], mistake: str
) -> None:
    text = WILD if mistake.count("voice") == 0 else WILD.replace("[drama]", "[sermon]")
    for old, new in change.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    said = mistakes(write(tmp_path, text, [pair(1)]))
    assert len(said) == 1
    assert mistake in said[0]


def test_all_mistakes_of_pairs_are_said_at_once_and_where(tmp_path: Path) -> None:
    pairs = [
        pair(0),
        "no json",
        "[1]",
        pair(1, topic=" "),
        {k: v for k, v in pair(2).items() if k != "negative"},
        pair(3, opening="Elsewhere."),
        pair(4, negative=pair(4)["opening"]),
        pair(5, negative=pair(5)["positive"]),
        pair(0, positive=pair(0)["positive"] + " Oh!"),
        pair(0, event="again"),
    ]
    said = [line.splitlines()[0] for line in mistakes(write(tmp_path, WILD, pairs))]
    assert [line.split(": ", 1)[0] for line in said] == [
        f"pairs.jsonl:{line}" for line in (2, 3, 4, 5, 6, 6, 7, 8, 9, 10)
    ]
    assert [line.split(": ", 1)[1] for line in said[1:]] == [
        "is not a JSON object",
        "topic: no text",
        "negative: no text",
        "the opening does not begin the positive text",
        "the opening does not begin the negative text",
        "the negative text ends with the opening",
        "both texts are the same",
        f"the event '0' was told before, at {tmp_path}/pairs.jsonl:1".replace(f"{tmp_path}/", ""),
        "repeats the pair at pairs.jsonl:1",
    ]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)
SPOKEN = WORDS.filter(lambda text: bool(text.strip()))
KINDS = st.lists(SPOKEN, min_size=1, max_size=3, unique=True)


@given(
    kinds=KINDS.filter(lambda kinds: len(kinds) > 1),
    prompts=st.lists(SPOKEN, max_size=3),
    sides=st.lists(st.tuples(SPOKEN, SPOKEN, SPOKEN), max_size=4),
    primary=st.sampled_from([None, "voice", "mine.py:mood"]),
    note=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])),
)
def test_what_is_saved_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[str],
    prompts: list[str],
    sides: list[tuple[str, str, str]],
    primary: str | None,
    note: str,
) -> None:
    rows = [
        (f"event {n}", topic, f"{n}.", f"{n}. a {a}", f"{n}. b {b}")
        for n, (topic, a, b) in enumerate(sides)
    ]
    own = pl.DataFrame(rows, schema=list(PAIR_COLUMNS), orient="row") if rows else None
    ends = Pole("wild", tuple(kinds[1:])), Pole("calm at last", (kinds[0],))
    axis = Axis("calm at last–wild", "en", *ends, primary, tuple(prompts), own, True, note)
    again = load_axis(save_axis(axis, tmp_path_factory.mktemp("saved")))
    assert again == axis
    assert again.as_json() == axis.as_json()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    axis = wild(tmp_path / "one")
    save_axis(axis, tmp_path / "two")
    with pytest.raises(InputError, match="already exists"):
        save_axis(axis, tmp_path / "two")


def test_the_schema_says_what_every_key_is_for() -> None:
    schema = axis_schema()
    assert set(schema["properties"]) == set(AxisSettings.model_fields)
    assert all(f"\n{name} " in schema["description"] for name in AxisSettings.model_fields)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place = tmp_path_factory.mktemp("world") / "corpus"
    return make_world(place, langs=["en", "ru"], num_events=1500, num_probes=230, seed=3)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus that is no world, of two languages."""
    scenes = pl.concat([story_scenes(), story_scenes(lang="ru")])
    place = tmp_path_factory.mktemp("plain") / "corpus"
    return write_corpus(place, scenes, recipe={}, inputs={})


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("name", NAMES)
def test_built_in_axes_have_enough_pairs_of_one_length(lang: str, name: str, plain: Corpus) -> None:
    axis = find_axis(name, lang, plain)
    assert (axis.name, axis.lang) == (name, lang)
    assert name == f"{axis.negative.name}–{axis.positive.name}"
    assert axis.note
    assert axis.own is not None
    assert len(axis.own) >= 200
    assert axis.own["topic"].n_unique() >= 20
    assert axis.own["event"].n_unique() == len(axis.own)
    assert axis.own.select("positive", "negative").n_unique() == len(axis.own)
    sizes = []
    for side in ("positive", "negative"):
        assert axis.own.select(pl.col(side).str.starts_with(pl.col("opening"))).to_series().all()
        rest = axis.own[side].str.len_bytes().cast(pl.Int64) - axis.own["opening"].str.len_bytes()
        assert rest.min() > 0
        sizes.append(rest.sum())
    assert abs(sizes[0] / sizes[1] - 1) <= 0.1


def test_they_are_built_in_for_both_languages() -> None:
    assert built_in_langs() == ["en", "ru"]
    assert all(tuple(built_in_axes(lang)) == NAMES for lang in ("en", "ru"))


def test_a_world_is_asked_with_its_own_parallels(world: Corpus) -> None:
    axis = find_axis("dry-scenic", "ru", world)
    assert axis.own is None
    pairs = axis.pairs(world)
    assert pairs is not None
    assert world.parallels is not None
    told = world.parallels.filter(lang="ru", kind="poetry").sort("event")
    assert pairs["positive"].to_list() == told["text"].to_list()


def test_a_world_without_enough_of_them_is_asked_with_those_of_every_corpus(
    tmp_path: Path, plain: Corpus
) -> None:
    few = make_world(tmp_path / "few", num_events=300, num_probes=30, seed=0)
    axis = find_axis("dry–scenic", "en", few)
    assert axis.own is not None
    other = find_axis("dry–scenic", "en", plain).own
    assert other is not None
    assert axis.own.equals(other)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_of_an_argument_only_the_conclusion_is_scored(lang: str, world: Corpus) -> None:
    """Behind the law and the premise stand what follows and what does not; no word else differs."""
    axis = find_axis("associative–logical", lang, world)
    assert axis.own is not None
    assert not axis.judged
    for opening, positive, negative in axis.own.select(PAIR_COLUMNS[2:]).iter_rows():
        ends = [text.removeprefix(opening).split() for text in (positive, negative)]
        assert ends[0][0] != ends[1][0]
        assert ends[0][-1] != ends[1][-1]
        assert max(map(len, ends)) <= 9
        assert len(opening.split()) > 20
    conclusions = [
        [text.removeprefix(o) for o, text in axis.own.select("opening", side).iter_rows()]
        for side in ("positive", "negative")
    ]
    assert len(set(conclusions[0]) & set(conclusions[1])) > 0.3 * len(set(conclusions[0]))


def test_narrowed_by_eye() -> None:
    row = ("1", "t", "So", "So it was red and good.", "So it was very blue and good.")
    pairs = pl.DataFrame([row], schema=list(PAIR_COLUMNS), orient="row")
    assert narrowed(pairs).row(0)[2:] == ("So it was", "So it was red", "So it was very blue")
    shorter = pairs.with_columns(negative=pl.lit("So it was red and not good."))
    assert narrowed(shorter).row(0)[2:] == (
        "So it was red and", "So it was red and good.", "So it was red and not good.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "lang", "mistake"),
    [
        ("dry–scenik", "en", "did you mean 'dry–scenic'?"),
        ("dry–scenic", "fr", "no axis is built in for 'fr'"),
        ("nowhere.yaml", "en", "nowhere.yaml"),
        ("wild.yaml", "ru", "the axis is of 'en', the minds of 'ru'"),
    ],
)
def test_an_axis_that_is_not_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plain: Corpus,
    said: str,
    lang: str,
    mistake: str,
) -> None:
    write(tmp_path, WILD, [pair(number) for number in range(30)])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=mistake.replace("?", r"\?")):
        find_axis(said, lang, plain)


def fit_axis(axis: Axis, corpus: Corpus) -> Fitted:
    return fit_axes([axis], corpus)[0]


def reading(place: Path, texts: list[str]) -> Corpus:
    """A corpus whose minds read these texts besides."""
    scenes = story_scenes()
    more = scenes[: len(texts)].with_columns(
        id=pl.Series([f"more {n}" for n in range(len(texts))]),
        text=pl.Series(texts),
        split=pl.lit("train"),
    )
    return write_corpus(place, pl.concat([scenes, more]), recipe={}, inputs={})


def test_pairs_and_prompts_that_were_read_are_left_out(tmp_path: Path) -> None:
    long = "so it was that on the evening of the ninth day nobody had come"
    axis = replace(wild(tmp_path / "axis"), prompts=("When the", long))
    told = [pair(3)["negative"], f"He said: {pair(5)['positive']}", f"And {long.upper()}!"]
    fitted = fit_axis(axis, reading(tmp_path / "corpus", told))
    assert fitted.axis.own is not None
    left = fitted.axis.own["event"].to_list()
    assert left == [str(n) for n in range(30) if n not in (3, 5)]
    assert fitted.left_out == {"runs": 2, "substrings": 2, "resembling": 2, "any": 2}
    assert (fitted.axis.prompts, fitted.lost_prompts) == (("When the",), (long,))


def test_what_is_short_is_left_out_where_a_longer_text_holds_it(tmp_path: Path) -> None:
    short = "on the ninth day nobody came"
    axis = replace(wild(tmp_path / "axis"), prompts=("When the", "So it was that", short))
    assert axis.own is not None
    lost = pair(3, opening="Rain.", positive="Rain. How it howled so!", negative="Rain. It fell.")
    axis = replace(axis, own=pl.DataFrame([lost, *axis.own.to_dicts()[4:]]))
    told = [
        f"They waited, and {short}, and in the evening they went home at last.",
        "The street was empty. Rain. How it howled so! And then it was gone, as it had come.",
    ]
    fitted = fit_axis(axis, reading(tmp_path / "corpus", told))
    assert fitted.left_out == {"runs": 1, "substrings": 0, "resembling": 0, "any": 1}
    assert fitted.lost_prompts == (short,)


def test_an_axis_of_which_too_little_is_left_is_not_asked_about(tmp_path: Path) -> None:
    axis = wild(tmp_path / "axis", num_pairs=24)
    corpus = reading(tmp_path / "corpus", [pair(number)["positive"] for number in range(5)])
    with pytest.raises(InputError, match="5 of its 24 pairs stand in the training text and 19"):
        fit_axis(axis, corpus)
    assert fit_axis(wild(tmp_path / "larger", num_pairs=25), corpus).axis.own is not None


def test_an_axis_without_pairs_needs_its_kinds(plain: Corpus) -> None:
    ends = Pole("wild", ("drama",)), Pole("calm", ("sermon",))
    with pytest.raises(InputError, match="no scene is of calm's kinds"):
        fit_axis(Axis("calm–wild", "en", *ends), plain)


def test_several_axes_are_fitted_as_each_alone(tmp_path: Path) -> None:
    told = [pair(3)["negative"], pair(5)["positive"]]
    corpus = reading(tmp_path / "corpus", told)
    save_axis(replace(wild(tmp_path / "a"), name="calm–odd", prompts=()), tmp_path)
    names = [str(tmp_path / "a/wild.yaml"), "polite-rude", str(tmp_path / "calm-odd.yaml")]
    axes = find_axes(names, "en", corpus)
    for name, axis in zip(names, axes, strict=True):
        alone = find_axis(name, "en", corpus)
        assert alone == axis
        assert alone.as_json() == axis.as_json()
    assert [len(axis.own) for axis in axes if axis.own is not None] == [28, 240, 28]
    with pytest.raises(InputError) as caught:
        find_axes(names[::2], "ru", corpus)
    assert len(caught.value.problems) == 2
