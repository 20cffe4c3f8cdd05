"""Arrangements drawn: what the height shows, what a picture holds, the drawings of the guide."""

from __future__ import annotations

import re
import shlex
import shutil
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from command import Command
from conftest import KINDS, tiny_scenes
from ruamel.yaml import YAML

from upbringing.corpus import Corpus, write_corpus
from upbringing.order import Selection
from upbringing.order.places import read_arrangement, strategies
from upbringing.order.sketch import Sketch, arranged, sketch
from upbringing.report import arrangement_picture

DOCS = Path(__file__).parent.parent / "docs"
GUIDE = (DOCS / "curriculum.md").read_text(encoding="utf-8")
DRAWING = re.compile(r"^\$ upbringing (show corpus --arrange .* docs/(arrangements/\S+))$", re.M)
DRAWINGS = {file: shlex.split(command) for command, file in DRAWING.findall(GUIDE)}
MARK = re.compile(r'<path d="M[^"]*" fill="#')


def asked(command: list[str]) -> str:
    """The arrangement that a command of the guide asks for."""
    return command[command.index("--arrange") + 1]


def sketched(corpus: Corpus, said: str) -> Sketch:
    arrange = read_arrangement(YAML(typ="safe").load(said))
    return sketch(arranged(corpus, arrange), arrange)


def words_in(svg: str) -> list[str | None]:
    return [text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


# The guide


def test_the_drawings_of_the_guide_are_made_by_its_commands(upbringing: Command) -> None:
    """If they are not: `make drawings`."""
    (world,) = re.findall(r"^\$ upbringing (world -o corpus .*)$", GUIDE, re.M)
    assert upbringing(*world.split()).code == 0
    Path("docs/arrangements").mkdir(parents=True)
    differ = []
    for file, command in DRAWINGS.items():
        assert upbringing(*command).code == 0
        again, there = ((place / file).read_text("utf-8") for place in (Path("docs"), DOCS))
        if "chain" in asked(command):
            # Vectors are floats of a linear algebra library: elsewhere a path may turn otherwise.
            same = words_in(again) == words_in(there)
            same &= len(MARK.findall(again)) == len(MARK.findall(there))
        else:
            same = again == there
        differ += [] if same else [file]
    assert DRAWINGS
    assert differ == []


def test_every_drawing_is_shown_under_its_yaml() -> None:
    shown = dict(re.findall(r'<img src="(arrangements/[^"]+)" alt="([^"]+)"', GUIDE))
    assert shown == {file: asked(command) for file, command in DRAWINGS.items()}
    assert {f"arrangements/{file.name}" for file in (DOCS / "arrangements").iterdir()} == set(shown)


def test_every_arrangement_is_drawn() -> None:
    ours = {
        name
        for name, strategy in strategies().items()
        if strategy.function.__module__.startswith("upbringing.")
    }
    drawn = {next(iter(read_arrangement(YAML().load(asked(c))))) for c in DRAWINGS.values()}
    assert ours - drawn == set()


@pytest.mark.parametrize("file", DRAWINGS)
def test_a_drawing_is_small(file: str) -> None:
    assert (DOCS / file).stat().st_size < 60_000


# Heights


def test_by_a_measure_heights_are_ranks_and_ticks_its_values(corpus: Corpus) -> None:
    drawn = sketched(corpus, "sort: num_bytes")
    (band,) = drawn.bands
    assert band.said == "num_bytes"
    assert (np.diff(band.heights) >= 0).all()
    assert (np.diff(drawn.ages) > 0).all()
    sizes = corpus.scenes.filter(split="train")["num_bytes"].sort()
    assert band.ticks == ((0.0, str(sizes[0])), (0.5, str(sizes[36])), (1.0, str(sizes[-1])))
    assert (np.diff(sketched(corpus, "sort: -num_bytes").bands[0].heights) <= 0).all()


@pytest.mark.parametrize(
    ("options", "ranks"),
    [
        ("sweeps: 2", [*range(0, 72, 2), *range(1, 72, 2)]),
        ("sweeps: 2, turn: down", [*range(70, -1, -2), *range(71, 0, -2)]),
        ("sweeps: 2, turn: alternate", [*range(0, 72, 2), *range(71, 0, -2)]),
    ],
)
def test_a_sweep_goes_through_the_whole_measure(
    corpus: Corpus, options: str, ranks: list[int]
) -> None:
    by = "unigram_surprisal"  # no two scenes tie
    (band,) = sketched(corpus, f"cyclic: {{by: {by}, {options}}}").bands
    assert band.heights.tolist() == pytest.approx([(rank + 0.5) / 72 for rank in ranks])


def test_each_measure_that_is_read_has_a_band(corpus: Corpus) -> None:
    drawn = sketched(corpus, "{sort: [num_words, -num_bytes]}")
    assert [band.said for band in drawn.bands] == ["num_words", "num_bytes"]
    words, sizes = (band.heights for band in drawn.bands)
    same_words = np.diff(words) == 0
    assert same_words.any()
    assert (np.diff(sizes)[same_words] <= 0).all()


def test_kinds_have_lanes_and_all_else_its_place_in_the_corpus(corpus: Corpus) -> None:
    (band,) = sketched(corpus, "blocks: [poetry, chat, technical, drama]").bands
    assert [name for _, name in band.ticks] == sorted(KINDS, reverse=True)
    assert list(dict.fromkeys(band.heights.tolist())) == [0.375, 0.875, 0.125, 0.625]
    (band,) = sketched(corpus, "as_is").bands
    assert band.said == "place in the corpus"
    assert band.heights.tolist() == pytest.approx([(n + 0.5) / 72 for n in range(72)])
    (shuffled,) = sketched(corpus, "shuffle").bands
    assert shuffled.heights.tolist() != band.heights.tolist()
    assert sorted(shuffled.heights.tolist()) == band.heights.tolist()


def test_a_chain_shows_likeness_and_path(corpus: Corpus, tmp_path: Path) -> None:
    shutil.copytree(corpus.path, tmp_path / "corpus")
    own = Corpus.open(tmp_path / "corpus")
    chained, woven = (
        sketched(own, said).bands for said in ("chain", "chain: {linked: time, apart: 3}")
    )
    assert np.isnan(chained[0].heights[-1])
    assert np.nanmean(chained[0].heights) > np.nanmean(woven[0].heights)
    assert (np.diff(chained[1].heights) > 0).all()
    # Three stretches of 24, read in turns.
    assert np.diff(woven[1].heights[::3]).tolist() == pytest.approx([1 / 72] * 23)
    assert (np.diff(woven[1].heights[:3]) > 0.3).all()


# The picture


def test_a_picture_says_its_title_and_kinds_and_no_text_of_the_corpus(corpus: Corpus) -> None:
    svg = arrangement_picture(sketched(corpus, "shuffle"), "shuffle: <b>")
    ages = ["birth", "0.25", "0.5", "0.75", "age 1"]
    said = ["shuffle: <b>", *KINDS, "first", "last", "place in the corpus", *ages]
    assert Counter(words_in(svg)) == Counter(said)
    assert "var(--" not in svg
    assert svg == arrangement_picture(sketched(corpus, "shuffle"), "shuffle: <b>")


def test_a_kind_keeps_its_colour_and_lanes_need_no_key(corpus: Corpus) -> None:
    whole = arrangement_picture(sketched(corpus, "interleave"), "interleave")
    assert Counter(words_in(whole))["drama"] == 1
    arrange = read_arrangement("shuffle")
    drama = corpus.scenes.filter(kind="drama", split="train")["id"].to_list()
    order = arranged(corpus, arrange, Selection(id=drama))
    alone = arrangement_picture(sketch(order, arrange), "shuffle")
    colours = set(re.findall(r'h3v3h-3Z" fill="(#\w+)"', alone))
    assert len(colours) == 1
    assert colours < set(re.findall(r'" fill="(#\w+)"', whole))


def test_of_many_scenes_the_same_ones_are_drawn(tmp_path: Path) -> None:
    many = write_corpus(tmp_path / "corpus", tiny_scenes(500), recipe={}, inputs={})
    colours = []
    for said in ("shuffle", "sort: num_bytes"):
        svg = arrangement_picture(sketched(many, said), said)
        assert "drawn: 400 of 450" in words_in(svg)
        colours.append(Counter(re.findall(r'h3v3h-3Z" fill="(#\w+)"', svg)))
        assert sum(colours[-1].values()) == 400
    assert colours[0] == colours[1]


# The command


def test_show_arranges_in_the_terminal(
    upbringing: Command, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = upbringing("show", corpus.path, "--arrange", "blocks: [drama, chat, poetry, technical]")
    assert said.code == 0
    lines = said.out.splitlines()
    head = "blocks: [drama, chat, poetry, technical]: 72 scenes, "
    assert lines[0].startswith(head)
    assert lines[2].strip() == "kind"
    begins = {line.split()[0]: len(line) - len(line.split()[1]) for line in lines[3:7]}
    assert sorted(begins, key=lambda kind: begins[kind]) == ["drama", "chat", "poetry", "technical"]
    assert {line.split()[0]: set(line.split()[1]) for line in lines[3:7]} == {
        kind: {kind[0]} for kind in KINDS
    }


def test_show_draws_a_selection_from_a_seed(upbringing: Command, corpus: Corpus) -> None:
    show = ("show", corpus.path, "--arrange", "shuffle", "--select", "kind: [drama, chat]")
    drawn = []
    for number, seed in enumerate((1, 2, 1)):
        file = Path(f"{number}.svg")
        said = upbringing(*show, "--seed", seed, "--svg", file)
        assert (said.code, said.out) == (0, f"{file}\n")
        drawn.append(file.read_text("utf-8"))
    assert drawn[0] == drawn[2] != drawn[1]
    assert len(re.findall('h3v3h-3Z"', drawn[0])) == 36


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--arrange", "shufle"], "--arrange:1:1: no arrangement is called shufle\n    allowed: "),
        (["--arrange", "sort: num_byte"], "did you mean 'num_bytes'?"),
        (["--arrange", "sort: [a"], "--arrange:1:9: is not YAML"),
        (["--arrange", "blocks: [drama]"], "--arrange:1:1: `blocks` leaves out chat, poetry"),
        (["--arrange", "as_is", "--select", "knd: x"], "--select:1:1: unknown key 'knd'"),
        (["--arrange", "as_is", "--select", "kind: drma"], "--select:1:1: no scene has the kind"),
        (["--select", "kind: drama"], "--select without --arrange"),
        (["--arrange", "as_is", "--at", "0.3"], "--at asks an order, and --arrange a corpus"),
    ],
)
def test_what_cannot_be_arranged_is_located(
    upbringing: Command, corpus: Corpus, options: list[str], says: str
) -> None:
    said = upbringing("show", corpus.path, *options, "--svg", "x.svg")
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert not Path("x.svg").exists()
