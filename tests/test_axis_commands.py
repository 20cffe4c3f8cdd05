"""`upbringing axis`: new, check, list, from-texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command
from stories import say_in, write_texts
from test_axis_files import WILD, pair, write

from upbringing.character import Axis, Pole, judge_for
from upbringing.character.axis_check import check_axis
from upbringing.character.axis_files import load_axis, save_axis
from upbringing.character.axis_from_texts import axis_from_texts
from upbringing.corpus import Corpus
from upbringing.errors import InputError
from upbringing.identity import generator


def levels(out: str) -> dict[str, list[str]]:
    """What was said, by level."""
    said: dict[str, list[str]] = {"right": [], "doubtful": []}
    for line in out.splitlines():
        level, _, what = line.partition(" ")
        if level in said:
            said[level].append(what.strip())
    return said


def test_a_new_axis_says_what_is_to_be_filled_in(upbringing: Command, tmp_path: Path) -> None:
    said = upbringing("axis", "new", "calm-wild", "-o", "axes")
    assert said.code == 0
    assert said.out.startswith("axes/calm-wild.yaml: fill it in")
    assert json.loads((tmp_path / "axes/axis.schema.json").read_text())["title"] == "AxisSettings"
    said = upbringing("axis", "check", "axes/calm-wild.yaml")
    assert said.code == 2
    assert said.err.count("names no kinds, and a judge learns from them") == 2
    assert upbringing("axis", "new", "calm-wild", "-o", "axes").code == 2


def test_a_new_axis_that_is_filled_in_can_be_used(upbringing: Command, tmp_path: Path) -> None:
    upbringing("axis", "new", "calm-wild")
    file = tmp_path / "calm-wild.yaml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("name: calm, kinds: []", "name: calm, kinds: [technical]")
    text = text.replace("name: wild, kinds: []", "name: wild, kinds: [drama]")
    for key in ("pairs", "prompts", "primary"):
        assert text.count(f"# {key}:") == 1
        text = text.replace(f"# {key}:", f"{key}:")
    file.write_text(text, encoding="utf-8")
    lines = [json.dumps(pair(number)) for number in range(30)]
    (tmp_path / "calm-wild.pairs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    axis = load_axis(file)
    assert (axis.name, axis.primary, len(axis.prompts)) == ("calm–wild", "style_margin", 2)
    assert upbringing("axis", "check", file).code == 0


@pytest.mark.parametrize("name", ["calm", "calm-", "a-b-c"])
def test_an_axis_has_two_poles(upbringing: Command, name: str) -> None:
    assert upbringing("axis", "new", name).code == 2


@pytest.mark.parametrize("name", ["x: y-z", "ca{lm-wild", "../up-side", "a/b-c", "#a-b"])
def test_what_can_be_no_name_writes_no_axis(upbringing: Command, tmp_path: Path, name: str) -> None:
    said = upbringing("axis", "new", name, "-o", "axes")
    assert said.code == 2
    assert "can be no name of an axis" in said.err
    assert list(tmp_path.rglob("*.yaml")) == []
    with pytest.raises(InputError, match="can be no name of an axis"):
        save_axis(Axis(name, "en", Pole("wild", ("a",)), Pole("calm", ("b",))), tmp_path / "axes")


@pytest.mark.parametrize("name", ["true-false", "1-2.5", "null-x y", "no-yes", "ёж-ёлка", "+-."])
def test_a_name_is_read_back_as_it_was_said(upbringing: Command, tmp_path: Path, name: str) -> None:
    assert upbringing("axis", "new", name, "--lang", "no").code == 0
    (file,) = tmp_path.glob("*.yaml")
    text = file.read_text(encoding="utf-8").replace("judge: true", "judge: false")
    file.write_text(text, encoding="utf-8")
    axis = load_axis(file)
    assert [axis.negative.name, axis.positive.name] == name.split("-")
    assert axis.lang == "no"


def test_a_language_is_a_code(upbringing: Command, tmp_path: Path) -> None:
    said = upbringing("axis", "new", "calm-wild", "--lang", "en: x")
    assert (said.code, "is no language's code" in said.err) == (2, True)
    assert list(tmp_path.rglob("*.yaml")) == []


def test_a_check_says_what_is_right_and_doubtful(
    upbringing: Command, tmp_path: Path, stories: Corpus
) -> None:
    write(tmp_path, WILD, [pair(number) for number in range(30)])
    said = upbringing("axis", "check", "wild.yaml", "--corpus", stories.path)
    assert said.code == 0, said.err
    found = levels(said.out)
    assert "all 62 texts look like 'en'" in found["right"]
    assert "30 pairs over 7 topics; 200 over 20 are enough" in found["doubtful"]
    assert "nothing that is asked stands in the training text" in found["right"]
    assert any(line.startswith("positive sides are 1.0") for line in found["right"])
    assert "2 of 2 prompts begin text of both poles alike" not in found["right"]
    assert any(line.startswith("judge: ") for line in found["right"] + found["doubtful"])


def test_sides_of_unequal_length_are_doubtful(tmp_path: Path) -> None:
    pairs = [pair(n, positive=pair(n)["opening"] + " Oh!") for n in range(30)]
    found = check_axis(load_axis(write(tmp_path, WILD, pairs)))
    said = [finding.what for finding in found if finding.level == "doubtful"]
    assert any(line.startswith("positive sides are 0.0") for line in said)


def test_a_prompt_that_one_pole_owns_is_doubtful(tmp_path: Path, stories: Corpus) -> None:
    """Every drama of the stories may say `He looked at`, and no technical text does."""
    text = WILD.replace('"When the"', '"He looked at"')
    axis = load_axis(write(tmp_path, text, [pair(number) for number in range(30)]))
    found = [finding.what for finding in check_axis(axis, stories) if finding.level == "doubtful"]
    assert [what for what in found if what.startswith("'He looked at' begins")]
    assert not [what for what in found if what.startswith("'So it was that' begins")]


def test_a_check_says_all_that_is_wrong(
    upbringing: Command, tmp_path: Path, stories: Corpus
) -> None:
    text = WILD.replace("note:", "primary: voice\njudge: false\nnote:")
    russian = [
        pair(n, opening="Да.", positive=f"Да. Ой, {n}!", negative=f"Да. Вот {n}.") for n in range(9)
    ]
    write(tmp_path, text, russian)
    said = upbringing("axis", "check", "wild.yaml", "--corpus", stories.path)
    assert said.code == 2
    for words in ("`judge: false` leaves it unheard", "do not look like 'en'", "20 or more"):
        assert words in said.err


def test_a_list_counts_pairs_and_topics(upbringing: Command) -> None:
    said = upbringing("axis", "list", "--lang", "en")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()[1:]]
    assert len(rows) == 7
    assert [row[0] for row in rows][:2] == ["associative–logical", "calm–dramatic"]
    for row in rows:
        assert int(row[-3]) >= 200
        assert int(row[-2]) >= 20


def test_an_axis_that_cannot_be_asked_is_kept_and_refused(
    upbringing: Command, tmp_path: Path
) -> None:
    """Two heaps of one manner: no judge tells them apart."""
    for heap in ("one", "other"):
        (tmp_path / heap).mkdir()
        for number in range(6):
            text = f"The keeper went to the harbour {number} times. {heap} was there."
            (tmp_path / heap / f"{number}.txt").write_text(text)
    said = upbringing("axis", "from-texts", "one", "other", "-o", "made")
    assert said.code == 2
    assert "judge: not heard" in said.err
    assert "a study cannot ask it so" in said.err
    assert "name it in a study" not in said.out
    again = upbringing("axis", "check", "made/one-other.yaml", "--corpus", "made/corpus")
    assert again.code == 2


def test_an_axis_from_two_heaps_of_text(upbringing: Command, tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts")
    heaps = (texts / "technical", texts / "drama")
    said = upbringing("axis", "from-texts", *heaps, "-o", "made", "--names", "dry,wild")
    assert said.code == 0, said.err
    assert "topic and manner are not separated" in said.out
    axis = load_axis(tmp_path / "made" / "dry-wild.yaml")
    assert (axis.name, axis.primary, axis.own) == ("dry–wild", "voice", None)
    assert "topic and manner are not separated" in axis.note
    assert "learns from whole works and is examined on others." in axis.note
    corpus = Corpus.open(tmp_path / "made" / "corpus")
    assert corpus.kinds == ("dry", "wild")
    judging = judge_for(corpus, axis)
    assert judging.report.num_groups > 0
    held_out = corpus.scenes.filter(split="held_out")["work"].unique().to_list()
    assert judging.judge.groups.isdisjoint(held_out)
    told = [say_in(kind, 9, generator(0, kind)) for kind in ("drama", "technical")]
    score = judging.judge.score(told)
    assert score[0] > score[1]


def test_the_note_says_how_the_judge_is_examined(tmp_path: Path) -> None:
    """Of two files each: whole works of one kind, scenes of one text of the other."""
    texts = write_texts(tmp_path / "texts")
    files = [sorted((texts / kind).glob("*.txt")) for kind in ("technical", "drama")]
    single = [tmp_path / f"{kind}.txt" for kind in ("dry", "wild")]
    for its, file in zip(files, single, strict=True):
        file.write_text("\n\n".join(part.read_text("utf-8") for part in its), "utf-8")
    note = axis_from_texts(*single, tmp_path / "scenes", lang="en").axis.note
    assert "Its judge is examined on other scenes of the same text" in note
    assert "whole works" not in note
    mixed = axis_from_texts(single[0], texts / "drama", tmp_path / "mixed", lang="en").axis.note
    assert "Of dry its judge is examined on other scenes of the same text" in mixed
    assert "Of drama its judge learns from whole works" in mixed


@pytest.mark.parametrize("names", ["dry", "dry,wild,odd", "dry,wi/ld", "dry,{wild"])
def test_names_that_no_poles_may_have(upbringing: Command, tmp_path: Path, names: str) -> None:
    texts = write_texts(tmp_path / "texts")
    heaps = (texts / "technical", texts / "drama")
    said = upbringing("axis", "from-texts", *heaps, "-o", "made", "--names", names)
    assert said.code == 2
    assert "names for two heaps" in said.err or "can be no name" in said.err
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("heaps", "mistake"),
    [
        (("drama", "drama"), "both heaps are called 'drama'"),
        (("drama", "nowhere"), "no such file or folder"),
        (("poetry", "drama/ru.txt"), "has no text in 'en'"),
    ],
)
def test_two_heaps_that_make_no_axis(
    upbringing: Command, tmp_path: Path, heaps: tuple[str, str], mistake: str
) -> None:
    texts = write_texts(tmp_path / "texts", russian=3)
    said = upbringing("axis", "from-texts", *(texts / heap for heap in heaps), "-o", "made")
    assert said.code == 2
    assert mistake in said.err
    assert not (tmp_path / "made").exists()
