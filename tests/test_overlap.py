"""Overlap: what three rules find, beside the same counted the slow way; and what ingest makes of
it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from upbringing.corpus import HELD_OUT, LEFT_OUT, TRAIN, Corpus, ingest, left_out_line, resembling
from upbringing.corpus import overlap as module
from upbringing.corpus.overlap import overlapping, overlaps, runs_of, standing_whole
from upbringing.identity import generator
from upbringing.terminal.console import corpus_tree

NUMBERS = "one two three four five six seven eight nine ten eleven twelve"


def words(rng: np.random.Generator, number: int, vocabulary: int) -> list[str]:
    return [f"w{word}" for word in rng.integers(0, vocabulary, number)]


def found(texts: list[str], probes: list[str]) -> list[str]:
    """The rules that find each probe: R, S, N."""
    met = overlaps(texts, probes)
    rules = zip(met.runs, met.substrings, met.resembling, strict=True)
    return [
        "".join(name for name, is_met in zip("RSN", row, strict=True) if is_met) for row in rules
    ]


def test_eight_words_in_a_row_are_an_overlap_and_seven_are_none() -> None:
    texts = [NUMBERS]
    tail = " ".join(f"other{n}" for n in range(30))
    eight, seven = (" ".join(NUMBERS.split()[2 : 2 + number]) for number in (8, 7))
    assert found(texts, [f"x {eight} {tail}", f"x {seven} {tail}"]) == ["R", ""]


def test_case_punctuation_layout_and_spelling_hide_nothing() -> None:
    told = "Ёжик, идёт по лесу; он несёт ёлку домой — and the ﬁre burns"
    asked = [
        "ежик идет\nПО ЛЕСУ он несет елку до\u00adмой",
        "_ежик_ *идёт* по лесу. Он несёт ёлку, домой!",
        "он несет елку домой AND the fire\u200b burns",
        "ежик идёт по полю, он несёт ёлку домой",
    ]
    assert overlaps([told], asked).runs.tolist() == [True, True, True, False]


def test_runs_stay_inside_one_text() -> None:
    runs = runs_of(["a b c", "", "d e", "a b c d"], 3)
    assert runs.text.tolist() == [0, 3, 3]
    assert runs.hashes[0] == runs.hashes[1]
    assert len(np.unique(runs.hashes)) == 2
    assert len(runs_of(["a b"], 3).hashes) == 0


@pytest.mark.parametrize(("shared", "is_found"), [(60, True), (59, False)])
def test_sixty_characters_are_an_overlap_where_no_space_sets_words_off(
    shared: int, is_found: bool
) -> None:
    letters = "".join(chr(0x4E00 + n) for n in range(200))
    probe = f"啊{letters[70 : 70 + shared]}哦"
    assert found([letters], [probe]) == ["S" if is_found else ""]


def test_a_substring_is_found_wherever_it_begins() -> None:
    """Texts are read in pieces: no place in them is between two."""
    rng = generator(0, "overlap")

    def letters(number: int) -> str:
        return "".join(map(chr, rng.integers(0x4E00, 0x9000, number)))

    shared = [letters(60) for _ in range(150)]
    texts = [letters(number % 37) + its + letters(number % 5) for number, its in enumerate(shared)]
    probes = [letters(number % 31) + its for number, its in enumerate(shared)]
    assert overlaps(texts, probes).substrings.all()
    assert not overlaps([its[1:] for its in shared], probes).substrings.any()


def test_a_substring_does_not_go_from_one_text_into_the_next() -> None:
    letters = "".join(chr(0x4E00 + n) for n in range(80))
    assert found([letters[:40], letters[40:]], [letters]) == [""]
    assert found([letters], [letters[:40], letters[40:]]) == ["", ""]


def test_a_text_that_was_changed_in_every_sixth_word_resembles_it_still() -> None:
    told = words(generator(0, "test"), 120, 10_000)
    changed = [f"new{n}" if n % 6 == 0 else word for n, word in enumerate(told)]
    half = [word if n < 30 else f"new{n}" for n, word in enumerate(told)]
    other = words(generator(1, "test"), 90, 99)
    probes = [" ".join(part) for part in (told, changed, half[26:], other)]
    assert found([" ".join(told)], probes) == ["RSN", "N", "", ""]


def test_a_short_text_that_is_another_one_is_an_overlap() -> None:
    assert found(["Who is there?", "I do not know."], ["Who  is there!", "I know."]) == ["N", ""]


def shingles(text: str, size: int) -> set[tuple[str, ...]]:
    split = text.split()
    return {tuple(split[at : at + size]) for at in range(len(split) - size + 1)}


def slowly(texts: list[str], probes: list[str]) -> tuple[npt.NDArray[np.bool_], ...]:
    """Runs and substrings by sets, and the largest resemblance of each probe."""
    runs = set.union(*(shingles(text, 8) for text in texts))
    substrings = {text[at : at + 60] for text in texts for at in range(len(text) - 59)}
    by_text = [shingles(text, 3) for text in texts]
    return (
        np.array([bool(shingles(probe, 8) & runs) for probe in probes]),
        np.array([any(p[at : at + 60] in substrings for at in range(len(p) - 59)) for p in probes]),
        np.array(
            [
                max(len(own & its) / max(1, len(own | its)) for its in by_text)
                for own in (shingles(probe, 3) for probe in probes)
            ]
        ),
    )


@pytest.mark.parametrize("at_once", [4096, 7])
def test_all_rules_agree_with_sets(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Texts of few words, so that many runs meet by chance, and copies that change and change."""
    monkeypatch.setattr(module, "_TEXTS_AT_ONCE", at_once)
    rng = generator(0, "overlap")
    texts = [" ".join(words(rng, 60, 12)) for _ in range(120)]
    probes = [" ".join(words(rng, 60, 12)) for _ in range(150)]
    for share in np.linspace(0, 1, 150):
        told = texts[int(rng.integers(120))].split()
        is_new = (rng.random(60) < share).tolist()
        probes.append(" ".join(f"n{n}" if is_new[n] else word for n, word in enumerate(told)))
    runs, substrings, resemblance = slowly(texts, probes)
    met = overlaps(texts, probes)
    assert 50 < runs.sum() < 250
    assert met.runs.tolist() == runs.tolist()
    assert met.substrings.tolist() == substrings.tolist()
    assert met.resembling[resemblance >= 0.6].all()
    assert not met.resembling[resemblance <= 0.2].any()
    assert ((resemblance >= 0.4) == met.resembling).mean() > 0.97
    assert met.counts["any"] == met.any.sum()


def test_a_short_text_stands_whole_in_a_longer_one() -> None:
    """Of 4 to 7 words, which no other rule finds there; openings of two or three are anybody's."""
    others = " ".join(f"other{n}" for n in range(30))
    telling = f"He came home, and the door fell shut behind him at once. {others}"
    inside = ["And the door FELL shut", "came home and the door fell shut", "the door fell"]
    apart = ["and the door fell open", "he came home and the door fell shut behind", "", "door"]
    assert found([telling], inside) == ["", "", ""]
    texts = [*[f"word{n} " * 9 for n in range(600)], telling]  # more than are read at once
    assert standing_whole(texts, [*inside, *apart]).tolist() == [True, True] + [False] * 5
    assert standing_whole(["and the door", "fell shut"], inside).tolist() == [False] * 3
    assert standing_whole([], inside).tolist() == [False] * 3
    assert standing_whole(texts, []).tolist() == []


def test_a_pair_is_compared_once_however_often_it_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole scenes that are told again and again; the third text shares less with the probe."""
    told = words(generator(0, "repeated"), 120, 10_000)
    some = [word if n < 60 else f"new{n}" for n, word in enumerate(told)]
    scene, part = " ".join(told), " ".join(some)
    compared: list[int] = []
    compare = resembling.Sketches._compare

    def counted(
        self: resembling.Sketches, minima: resembling.Minima, pairs: npt.NDArray[np.int64]
    ) -> None:
        compared.append(len(pairs))
        compare(self, minima, pairs)

    monkeypatch.setattr(resembling.Sketches, "_compare", counted)
    met = overlaps([scene] * 40, [scene] * 30)
    assert met.resembling.all()
    assert sum(compared) == 1
    compared.clear()
    met = overlaps([part] * 40, [*[scene] * 30, "who is this"])
    assert met.resembling.tolist() == [False] * 31
    assert sum(compared) == 1


def test_nothing_overlaps_nothing() -> None:
    assert overlapping([], ["a b c"]).tolist() == [False]
    assert overlapping(["", "…", "a"], ["", "—", "a"]).tolist() == [False] * 3
    assert overlapping(["a b c"], []).tolist() == []


SHARED = "And so, as the elders had always said, the river took the bridge and gave back the moon."


@pytest.fixture
def refrains(tmp_path: Path) -> Path:
    """Thirty works of words of their own; every third says the same sentence in its middle."""
    folder = tmp_path / "texts" / "songs"
    folder.mkdir(parents=True)
    for number in range(30):
        rng = generator(number, "refrains")
        parts = [" ".join(words(rng, 60, 5000)) + "." for _ in range(6)]
        if number % 3 == 0:
            parts[3] = f"{parts[3]} {SHARED}"
        (folder / f"{number}.txt").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return tmp_path / "texts"


def test_what_is_held_out_overlaps_no_training_text(refrains: Path, tmp_path: Path) -> None:
    corpus, _ = ingest([refrains], tmp_path / "corpus", seed=1)
    scenes = corpus.scenes
    left_out = scenes.filter(split=LEFT_OUT)
    assert not left_out.is_empty()
    assert left_out["text"].str.contains(SHARED, literal=True).all()
    assert scenes.filter(split=TRAIN)["text"].str.contains(SHARED, literal=True).any()
    train, held_out = (scenes.filter(split=split)["text"].to_list() for split in (TRAIN, HELD_OUT))
    assert held_out
    assert not overlapping(train, held_out).any()
    whole = scenes.filter(pl.col("work").is_in(left_out["work"].implode()))
    assert set(whole["split"]) == {HELD_OUT, LEFT_OUT}  # the rest of its work is asked about still


def test_what_was_left_out_is_counted_and_shown(refrains: Path, tmp_path: Path) -> None:
    corpus, _ = ingest([refrains], tmp_path / "corpus", seed=1)
    number = corpus.scenes.filter(split=LEFT_OUT).height
    assert corpus.manifest.facts["left_out"] == {
        "runs": number, "substrings": number, "resembling": 0, "any": number,
    }  # fmt: skip
    line = left_out_line(corpus)
    assert line is not None
    assert line.startswith(f"left out: {number} scenes")
    assert line in [str(branch.label) for branch in corpus_tree(corpus).children]


def test_a_corpus_that_lost_nothing_says_nothing(corpus: Corpus) -> None:
    assert left_out_line(corpus) is None
