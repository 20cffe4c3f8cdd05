import hashlib
import shutil
import struct
from datetime import date, datetime, timedelta, timezone

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


def dated(values, dtype=None) -> pl.DataFrame:
    return scenes(len(values)).with_columns(pl.Series("date", values, dtype))


def test_dates_are_days_since_1970_and_where_there_is_none_there_is_none(tmp_path):
    values = [datetime(2026, 11, 24, 18), None, datetime(1969, 12, 31), datetime(1, 1, 1)]
    corpus = write(tmp_path / "corpus", dated(values))
    days = [(date(2026, 11, 24) - date(1970, 1, 1)).days + 0.75, None, -1.0, -719162.0]
    assert corpus.columns(["date"])["date"].to_list() == days
    assert np.isnan(corpus.column("date")).tolist() == [False, True, False, False]
    assert corpus.column_names == ("id", "key", *list(SCENE_COLUMNS)[1:], "date", *MEASURES)
    assert corpus.manifest.facts["dates"] == {
        "num_scenes": 3,
        "unit": "days since 1970-01-01",
        "from": "0001-01-01",
        "to": "2026-11-24T18:00:00",
    }


def test_days_and_moments_with_an_offset_stand_on_the_same_axis(tmp_path):
    days = write(tmp_path / "days", dated([date(2026, 11, 24)] * 3)).column("date")
    east = timezone(timedelta(hours=3))
    moments = pl.Series([datetime(2026, 11, 24, 3, tzinfo=east)] * 3)
    frame = scenes(3).with_columns(date=moments.dt.convert_time_zone("Europe/Moscow"))
    assert write(tmp_path / "moments", frame).column("date").tolist() == days.tolist()


def test_plain_numbers_are_kept_as_they_are(tmp_path):
    corpus = write(tmp_path / "corpus", dated([1850, -44, None]))
    assert corpus.columns(["date"]).to_series().to_list() == [1850.0, -44.0, None]
    facts = corpus.manifest.facts["dates"]
    assert (facts["unit"], facts["from"], facts["to"]) == ("as given", -44.0, 1850.0)


@pytest.mark.parametrize("dtype", [pl.Null, pl.Float64, pl.Date, pl.Datetime("us", "UTC")])
def test_a_corpus_without_a_date_is_the_one_that_it_was_before_there_were_any(tmp_path, dtype):
    bare = write(tmp_path / "bare")
    none = write(tmp_path / "none", dated([None] * 4, dtype))
    assert none.digest == bare.digest
    assert "date" not in none.column_names


def test_the_digest_of_dates_hashes_one_nan_for_each_that_is_not_there(tmp_path):
    corpus = write(tmp_path / "corpus", dated([0.5, None, -3.0]))
    stated = b"<f8:3;" + struct.pack("<d", 0.5) + bytes.fromhex("000000000000f87f")
    stated += struct.pack("<d", -3)
    assert corpus.digest_of_columns(["date"]) == {"date": hashlib.sha256(stated).hexdigest()}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, float("nan"), None], "'date' has values that are not finite"),
        ([1.0, float("-inf"), None], "'date' has values that are not finite"),
        (["2026", None, None], "'date' holds String, neither dates nor numbers"),
        ([True, None, None], "'date' holds Boolean"),
    ],
)
def test_what_are_no_dates_is_refused_with_all_else_that_is_wrong(tmp_path, values, message):
    frame = dated(values).with_columns(split=pl.lit("test"))
    with pytest.raises(InputError, match=message) as caught:
        write(tmp_path / "corpus", frame)
    assert "unknown split 'test'" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def long_corpus(tmp_path_factory) -> Corpus:
    """Two groups of rows and some of a third; every hundredth scene is dated."""
    n = 140_000
    frame = pl.select(
        id=pl.int_range(n).cast(pl.String),
        text=pl.format("Scene {}.", pl.int_range(n)),
        kind=pl.lit("k"), lang=pl.lit("en"), work=pl.lit("w"), source=pl.lit("s"),
        document=pl.lit("d"), place=pl.int_range(n), split=pl.lit("train"),
        date=pl.when(pl.int_range(n) % 100 == 0).then(pl.int_range(n)),
    )  # fmt: skip
    return write(tmp_path_factory.mktemp("long") / "corpus", frame)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [0],
        [139_999, 0, 65_536, 65_535, 0],
        [70_000, 70_002, 70_001, 70_002],
        np.arange(139_999, -1, -7_777, dtype=np.uint32),
        np.arange(65_000, 67_000)[::-1],
    ],
)
def test_scenes_are_given_by_row_in_the_order_asked_for(long_corpus, rows):
    found = long_corpus.scenes_at(rows, ["date", "id"])
    expected = long_corpus.columns(["date", "id"])[np.asarray(rows, dtype=np.int64)]
    assert found.equals(expected)
    assert found["id"].to_list() == [str(row) for row in rows]


def test_rows_and_columns_that_are_not_there_are_named(long_corpus):
    for wrong in (-1, 140_000):
        with pytest.raises(InputError, match=f"has no row {wrong}"):
            long_corpus.scenes_at([0, wrong], ["id"])
    with pytest.raises(InputError, match="has no column 'mood'"):
        long_corpus.scenes_at([0], ["id", "mood"])
    with pytest.raises(InputError, match="rows are whole numbers, not float64"):
        long_corpus.scenes_at([0.5], ["id"])


def test_scenes_by_row_come_from_the_file_and_from_no_other_part_of_it(long_corpus, tmp_path):
    copy = tmp_path / "corpus"
    shutil.copytree(long_corpus.path, copy)
    corpus = Corpus.open(copy)
    file = copy / "scenes.parquet"
    data = file.read_bytes()
    lost = len(data) // 3  # of the first group of rows, which holds nearly half of them
    file.write_bytes(data[:4] + bytes(lost) + data[4 + lost :])
    assert corpus.scenes_at([139_999], ["id"])["id"].to_list() == ["139999"]
    with pytest.raises(pl.exceptions.ComputeError):
        corpus.columns(["id"])


def test_a_corpus_may_lie_in_a_folder_with_brackets(tmp_path):
    corpus = write(tmp_path / "corpus [old]*")
    ids = corpus.columns(["id"])["id"].to_list()
    assert Corpus.open(corpus.path).columns(["id"])["id"].to_list() == ids
    assert corpus.scenes_at([1], ["id"])["id"].to_list() == ids[1:2]
