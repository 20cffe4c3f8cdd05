"""A composed life: its ages, chains, bridges and returns, as the compiled order has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import ids_of, tiny_scenes

from upbringing.corpus import Corpus, write_corpus
from upbringing.corpus.world import make_world
from upbringing.errors import InputError
from upbringing.order import Order, compile_order, compose, parse_curriculum, phases_of
from upbringing.order.places import say_arrangement

FOUR = "dawn then noon then dusk then night"
EXAMPLE = """
{drama}

{technical}
"""


def lived(corpus: Corpus, text: str) -> Order:
    return compile_order(corpus, parse_curriculum(text))


def kinds_of(order: Order) -> list[list[str]]:
    return [sorted(view.share_by_kind) for view in phases_of(order)]


def flat(text: str) -> str:
    """The comments of a file as running text."""
    return " ".join(line.strip().removeprefix("# ") for line in text.splitlines())


@dataclass(frozen=True)
class Arc:
    """Scenes on half a circle, a kind a quarter of it, so that the nearest is the next one."""

    per_kind: int = 100
    tale: tuple[int, ...] = (48, 49, 50)  # of dawn: one document in its middle

    def scenes(self) -> tuple[pl.DataFrame, np.ndarray]:
        rows, angles = [], []
        for quarter, kind in enumerate(("dawn", "noon", "dusk", "night")):
            for number in range(self.per_kind):
                in_tale = kind == "dawn" and number in self.tale
                rows.append(
                    {
                        "id": f"{kind}/{number:03d}",
                        "text": "the same four words",
                        "kind": kind,
                        "lang": "en",
                        "work": "arc",
                        "source": "test",
                        "document": "tale" if in_tale else f"{kind} {number}",
                        "place": number if in_tale else 0,
                        "split": "train",
                    }
                )
                angles.append(np.pi * (quarter + (number + 0.5) / self.per_kind) / 4)
        vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        return pl.DataFrame(rows), vectors

    def write(self, place: Path, by: np.ndarray | None = None) -> Corpus:
        """A corpus at `place` with its vectors beside it, rows in the order `by`."""
        scenes, vectors = self.scenes()
        by = np.arange(len(vectors)) if by is None else by
        place.mkdir()
        np.save(place / "own.npy", vectors[by])
        return write_corpus(place / "corpus", scenes[by], recipe={}, inputs={})


@pytest.fixture
def arc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    corpus = Arc().write(tmp_path / "arc")
    monkeypatch.chdir(tmp_path / "arc")
    return corpus


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place = tmp_path_factory.mktemp("composed") / "world"
    return make_world(place, langs=["en"], num_events=900, seed=0, num_probes=2)


def test_one_age_opens_into_the_next(arc: Corpus) -> None:
    order = lived(arc, compose(arc, FOUR, vectors="own.npy"))
    once = [name for name in ids_of(order) if name not in ("dawn/048", "dawn/049", "dawn/050")]
    scenes, _ = Arc().scenes()
    assert once == [name for name in scenes["id"] if name in set(once)]
    assert [span.name for span in order.phases] == ["infancy", "childhood", "youth", "maturity"]


def test_the_motif_opens_the_life_and_returns_ever_later(arc: Corpus) -> None:
    text = compose(arc, FOUR, vectors="own.npy")
    order = lived(arc, text)
    ids = ids_of(order)
    heard = [place for place, name in enumerate(ids) if name == "dawn/048"]
    assert heard[0] == 0
    assert [ids[place : place + 3] for place in heard] == [["dawn/048", "dawn/049", "dawn/050"]] * 5
    gaps = [later - earlier for earlier, later in pairwise(heard)]
    assert gaps == sorted(gaps)
    assert gaps[0] < gaps[-1] / 5
    assert order.num_visits == 412
    assert "5 times 3 scenes, which adds 12 visits to 400" in flat(text)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_life_does_not_depend_on_the_order_of_the_rows(
    arc: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    said = compose(arc, FOUR, vectors="own.npy")
    rows = np.random.default_rng(seed).permutation(arc.num_scenes)
    other = Arc().write(tmp_path / "other", rows)
    monkeypatch.chdir(tmp_path / "other")
    assert compose(other, FOUR, vectors="own.npy") == said


def test_a_life_is_the_same_for_every_seed(world: Corpus) -> None:
    curriculum = parse_curriculum(compose(world, "scenic"))
    orders = [compile_order(world, curriculum, seed=seed) for seed in (0, 1)]
    assert ids_of(orders[0]) == ids_of(orders[1])


@pytest.mark.parametrize(
    "intention", ["scenic", "logical", "myth then the rest", "pain", "the rest"]
)
def test_neighbouring_ages_meet_at_their_bridge(world: Corpus, intention: str) -> None:
    text = compose(world, intention)
    order = lived(world, text)
    ids = ids_of(order)
    chains = [dict(phase.arrange["chain"]) for phase in parse_curriculum(text).phases]
    assert len(chains) == len(order.phases) == 4
    for span, chain, after in zip(order.phases, chains, order.phases[1:], strict=False):
        assert ids[span.stop - 1] == chain["end"]
        assert ids[after.start] == chains[order.phases.index(after)]["start"]
    for phase in parse_curriculum(text).phases:
        assert next(iter(say_arrangement(phase.arrange))) == "chain"


def test_stories_stay_together_and_in_order(world: Corpus) -> None:
    text = compose(world, "myth then the rest")
    order = lived(world, text)
    assert all(phase.keep == "document" for phase in parse_curriculum(text).phases)
    infancy, *_ = order.phases
    sequence = np.asarray(order.sequence)
    once = np.bincount(sequence, minlength=world.num_scenes) == 1  # what does not return
    rows = [row for row in sequence[infancy.start : infancy.stop] if once[row]]
    told = world.columns(["document", "place"])[rows].with_row_index("at")
    assert told["document"].is_duplicated().any()
    for (name,), story in told.group_by("document"):
        assert story["place"].is_sorted(), name
        assert story["at"].max() - story["at"].min() == len(story) - 1, name


def test_where_all_is_stories_an_age_may_tell_them_out_of_order(tmp_path: Path) -> None:
    # Four scenes of one kind to a document, none alone: none could be sure to close an age.
    frame = tiny_scenes(160).with_columns(kind=pl.lit("chat"))
    frame = frame.with_columns(
        kind=pl.when(pl.int_range(160) < 80).then(pl.lit("drama")).otherwise("kind")
    )
    corpus = write_corpus(tmp_path / "corpus", frame, recipe={}, inputs={})
    text = compose(corpus, "drama then chat")
    keeps = [phase.keep for phase in parse_curriculum(text).phases]
    assert keeps[-1] == "document"
    assert "may be told out of order" in flat(text)
    assert None in keeps


@pytest.mark.parametrize(
    ("intention", "ages"),
    [
        ("night → dusk → noon → dawn", ["night", "dusk", "noon", "dawn"]),
        ("night and noon, then the rest", ["night", "noon", "dawn", "dusk"]),
        ("night, then noon, then dusk", ["night", "noon", "dusk"]),
        ("night → dusk + dawn + noon", ["night", "dawn", "dusk", "noon"]),
        ("dusk", ["dusk"]),
    ],
)
def test_few_blocks_are_cut_between_their_kinds(
    arc: Corpus, intention: str, ages: list[str]
) -> None:
    """All scenes are alike in words here: kinds come by name, and none is cut between scenes."""
    order = lived(arc, compose(arc, intention, vectors="own.npy"))
    ids = ids_of(order)
    found = []
    for span in order.phases:
        once = {name.split("/")[0] for name in ids[span.start : span.stop] if ids.count(name) == 1}
        found.append(" and ".join(sorted(once)))
    assert found == ages


def test_a_block_of_one_kind_is_cut_by_how_common_its_words_are(world: Corpus) -> None:
    order = lived(world, compose(world, "pain"))
    sequence = np.asarray(order.sequence)
    met_once = np.bincount(sequence, minlength=world.num_scenes) == 1
    values = world.column("unigram_surprisal")
    ages = [
        values[[row for row in sequence[span.start : span.stop] if met_once[row]]]
        for span in order.phases
    ]
    assert len(ages) == 4
    assert all(earlier.max() < later.min() for earlier, later in pairwise(ages))
    sizes = [order.age_of(span.stop) - order.age_of(span.start) for span in order.phases]
    assert min(sizes) > 0.15


def test_many_blocks_share_ages(world: Corpus) -> None:
    sketch = "myth → chat → pain → drama → calm → poetry"
    text = compose(world, sketch)
    names = ["infancy 1", "infancy 2", "childhood", "youth 1", "youth 2", "maturity"]
    assert [phase.name for phase in parse_curriculum(text).phases] == names
    assert "Not read, for no block names it: conflict, courtesy," in flat(text)


def test_a_life_that_follows_a_text_reads_what_is_near_it(corpus: Corpus) -> None:
    by_kind = {
        kind: " ".join(corpus.scenes.filter(kind=kind)["text"].head(4))
        for kind in ("drama", "technical")
    }
    text = compose(corpus, example=EXAMPLE.format(**by_kind))
    order = lived(corpus, text)
    kinds = kinds_of(order)
    assert kinds[0] == ["drama"]
    assert kinds[-2] == ["technical"]
    assert "the scenes nearest to the passage below, cosine 0." in flat(text)
    assert len(set(ids_of(order))) == 72
    again = compose(corpus, example=EXAMPLE.format(**by_kind))
    assert again == text


def test_an_example_that_says_nothing_here_is_refused(corpus: Corpus, arc: Corpus) -> None:
    for text in ("", "ни слова", "\n \x07"):
        with pytest.raises(InputError, match="the example shares no word with the corpus"):
            compose(corpus, example=text)
    with pytest.raises(InputError, match="a table of vectors has no place for an example"):
        compose(arc, example="some words", vectors="own.npy")
    with pytest.raises(InputError, match="an intention or an example"):
        compose(corpus)


def test_first_x_puts_x_first(corpus: Corpus) -> None:
    order = lived(corpus, compose(corpus, "first drama"))
    assert kinds_of(order) == [["drama"], ["chat", "poetry", "technical"]]
    assert order.num_visits == 72


def test_first_may_begin_a_sketch(corpus: Corpus) -> None:
    order = lived(corpus, compose(corpus, "first drama, then chat"))
    assert kinds_of(order)[0] == ["drama"]
    assert kinds_of(order)[-1] == ["chat"]


def test_a_life_is_in_one_language(corpus: Corpus, tmp_path: Path) -> None:
    assert lived(corpus, compose(corpus, "first chat", lang="en")).num_visits == 72
    with pytest.raises(InputError, match="no scene is in the language 'ru'\n    allowed: en"):
        compose(corpus, "first chat", lang="ru")
    frame = tiny_scenes().with_columns(
        lang=pl.when(pl.col("kind") == "drama").then(pl.lit("ru")).otherwise("lang")
    )
    both = write_corpus(tmp_path / "both", frame, recipe={}, inputs={})
    with pytest.raises(InputError, match="allowed: en, ru\n    choose one: --lang en"):
        compose(both, "chat")
    order = lived(both, compose(both, "chat then the rest", lang="en"))
    assert {kind for kinds in kinds_of(order) for kind in kinds} == {"chat", "poetry", "technical"}


@pytest.mark.parametrize(
    "kind",
    ["no", "1984", "a, b", "[x]: y", 'say "ah"', "драма", "two\nlines", "#tag", "", "-", "😀"],
)
def test_whatever_a_kind_is_called_it_can_come_first(tmp_path: Path, kind: str) -> None:
    frame = tiny_scenes().with_columns(kind=pl.col("kind").replace({"chat": kind}))
    corpus = write_corpus(tmp_path / "corpus", frame, recipe={}, inputs={})
    assert kinds_of(lived(corpus, compose(corpus, f"first {kind}")))[0] == [kind]
    order = lived(corpus, compose(corpus, "scenic"))
    assert [kind] in kinds_of(order)
    if kind:
        assert kinds_of(lived(corpus, compose(corpus, kind)))[0] == [kind]


def test_the_life_in_the_docs_is_lived_on_the_corpus_of_the_docs(tmp_path: Path) -> None:
    page = Path(__file__).parent.parent / "docs" / "scenic-orderer.md"
    (life,) = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    corpus = make_world(tmp_path / "world", langs=["en"], num_events=2000, seed=0)
    order, composed = (
        lived(corpus, text)
        for text in (life, compose(corpus, "myth, then conflict, then philosophy"))
    )
    assert ids_of(order) == ids_of(composed)


def test_what_cannot_be_composed_says_what_can(corpus: Corpus) -> None:
    with pytest.raises(InputError, match="did you mean 'drama'"):
        compose(corpus, "first dramma")
    with pytest.raises(InputError, match="'funny' is neither a kind nor a character"):
        compose(corpus, "funny")
    with pytest.raises(InputError, match=r"vectors are tfidf, .* not 'nonsense'"):
        compose(corpus, "scenic", vectors="nonsense")
    with pytest.raises(InputError, match="a book holds recipes of characters"):
        compose(corpus, "drama then chat", book="measured")
