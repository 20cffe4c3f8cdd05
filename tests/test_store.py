import hashlib
import struct

import numpy as np
import polars as pl
import pytest

from upbringing.corpus.measures import MEASURES
from upbringing.corpus.store import SCENE_COLUMNS, Corpus, write_corpus
from upbringing.errors import ArtefactError, InputError
from upbringing.identity import digest_array, key_of


def scenes(num_scenes: int = 4) -> pl.DataFrame:
    rows = [
        (f"s{i}", f"Scene {i}, ёж.", ("drama", "chat")[i % 2], "en", "w", "src", "d", i, "train")
        for i in range(num_scenes - 1)
    ]
    rows.append(("last", "The end.", "chat", "ru", "v", "src", "e", 0, "held_out"))
    return pl.DataFrame(rows, schema=dict(SCENE_COLUMNS), orient="row")


def write(place, frame=None, **options) -> Corpus:
    frame = scenes() if frame is None else frame
    return write_corpus(place, frame, recipe={"by": "test"}, inputs={"a.txt": "00"}, **options)


def test_a_corpus_comes_back_in_reading_order_with_keys_and_measures(tmp_path):
    write(tmp_path / "corpus")
    corpus = Corpus.open(tmp_path / "corpus")
    assert corpus.scenes.select(*SCENE_COLUMNS).equals(scenes())
    assert corpus.column_names == ("id", "key", *list(SCENE_COLUMNS)[1:], *MEASURES)
    assert corpus.column("key").tolist() == [key_of(name) for name in ("s0", "s1", "s2", "last")]
    assert corpus.column("num_bytes").tolist() == [14, 14, 14, 8]
    assert (corpus.num_scenes, corpus.kinds, corpus.langs) == (4, ("chat", "drama"), ("en", "ru"))
    assert corpus.manifest.facts["by_kind"] == {
        "chat": {"num_scenes": 2, "num_bytes": 22, "num_bytes_held_out": 8},
        "drama": {"num_scenes": 2, "num_bytes": 28, "num_bytes_held_out": 0},
    }
    assert corpus.parallels is None


def test_the_digest_is_of_recipe_inputs_and_scenes_and_not_of_the_place(tmp_path):
    digest = write(tmp_path / "one").digest
    assert write(tmp_path / "two").digest == digest
    assert write(tmp_path / "other", scenes().reverse()).digest != digest
    assert Corpus.open(tmp_path / "one").digest == digest


def test_columns_are_given_as_asked_and_the_unknown_ones_are_named_together(tmp_path):
    corpus = write(tmp_path / "corpus")
    assert corpus.columns(["kind", "id"]).columns == ["kind", "id"]
    with pytest.raises(InputError) as caught:
        corpus.columns(["kind", "mood", "tone"])
    assert [p.what for p in caught.value.problems] == [
        "has no column 'mood'",
        "has no column 'tone'",
    ]
    assert "unigram_surprisal" in str(caught.value.problems[0].allowed)


def test_the_digest_of_a_column_hashes_the_stated_bytes(tmp_path):
    corpus = write(tmp_path / "corpus")
    digests = corpus.digest_of_columns(["kind", "num_bytes"])
    words = [word.encode() for word in ("drama", "chat", "drama", "chat")]
    stated = b"str:4;" + struct.pack("<4Q", 5, 4, 5, 4) + b"".join(words)
    assert digests == {
        "kind": hashlib.sha256(stated).hexdigest(),
        "num_bytes": digest_array(np.array([14, 14, 14, 8], dtype=np.uint32)),
    }


def test_the_digest_of_a_column_tells_apart_texts_that_join_alike(tmp_path):
    frame = scenes(3)
    one = write(tmp_path / "one", frame.with_columns(work=pl.Series(["ab", "c", "d"])))
    two = write(tmp_path / "two", frame.with_columns(work=pl.Series(["a", "bc", "d"])))
    assert one.digest_of_columns(["work"]) != two.digest_of_columns(["work"])


def test_parallels_are_kept_beside_the_scenes(tmp_path):
    names = ("event", "topic", "family", "kind", "lang", "opening", "text")
    parallels = pl.DataFrame({name: [f"{name} 1", f"{name} 2"] for name in names})
    write(tmp_path / "corpus", parallels=parallels)
    found = Corpus.open(tmp_path / "corpus").parallels
    assert found is not None
    assert found.equals(parallels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit("s0").alias("id"), "the id 's0' belongs to several scenes"),
        (pl.lit("test").alias("split"), "unknown split 'test'"),
        (pl.lit(None, pl.String).alias("work"), "the column 'work' has empty values"),
    ],
)
def test_rows_that_are_no_scenes_are_refused_and_nothing_is_written(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        write(tmp_path / "corpus", scenes().with_columns(change))
    assert list(tmp_path.iterdir()) == []


def test_every_missing_column_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        write(tmp_path / "corpus", scenes().drop("kind", "split"))
    assert [p.what for p in caught.value.problems] == [
        "scenes lack the column 'kind'",
        "scenes lack the column 'split'",
    ]


def test_a_corpus_is_not_overwritten_and_a_corpus_without_scenes_is_none(tmp_path):
    write(tmp_path / "corpus")
    with pytest.raises(InputError, match="already exists"):
        write(tmp_path / "corpus")
    with pytest.raises(InputError, match="no scene"):
        write(tmp_path / "empty", scenes().clear())


def test_damage_is_named_and_never_used(tmp_path):
    corpus = write(tmp_path / "corpus")
    file = corpus.path / "scenes.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ArtefactError, match=r"scenes\.parquet: is damaged"):
        Corpus.open(corpus.path)
    file.unlink()
    with pytest.raises(ArtefactError, match=r"scenes\.parquet: is missing"):
        Corpus.open(corpus.path)
    with pytest.raises(ArtefactError, match="not a finished corpus"):
        Corpus.open(tmp_path)
