import json
import shutil
import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.cli import main
from upbringing.corpus.held_out import HeldOut, split
from upbringing.corpus.ingest import ingest
from upbringing.corpus.readers import Fields
from upbringing.corpus.store import Corpus
from upbringing.errors import InputError

SCHEMA = dict.fromkeys(("id", "text", "kind", "lang", "work", "document"), pl.String)


@pytest.fixture
def texts(tmp_path):
    """Twelve plays and one letter, in folders."""
    for number in range(12):
        file = tmp_path / "texts" / "drama" / f"play {number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        speeches = [f"ANNA {number}.{i}: line {i * number}." for i in range(40 + number)]
        file.write_text("\n\n".join(speeches) + "\n", encoding="utf-8")
    (tmp_path / "texts" / "chat").mkdir()
    (tmp_path / "texts" / "chat" / "letter.md").write_text("Привет, сцена.\n\n" * 60, "utf-8")
    return tmp_path / "texts"


def test_files_become_scenes_in_reading_order_and_no_character_is_lost(texts, tmp_path):
    corpus, reading = ingest([texts], tmp_path / "corpus")
    scenes = corpus.scenes
    joined = scenes.group_by("document", maintain_order=True).agg(pl.col("text").str.join(""))
    assert joined["document"].to_list() == [
        "chat/letter.md",
        *(f"drama/play {number}.txt" for number in range(12)),
    ]
    assert joined["text"].to_list() == [document.text for document in reading.documents]
    assert scenes["id"].to_list() == [
        f"{document}#{place}" for document, place in scenes.select("document", "place").iter_rows()
    ]
    assert scenes["num_bytes"].max() <= 1_500
    assert scenes["num_bytes"].min() >= 300
    assert dict(scenes.select("kind", "lang").unique().iter_rows()) == {"chat": "ru", "drama": "en"}


def test_the_same_files_elsewhere_give_the_same_corpus(texts, tmp_path):
    corpus, _ = ingest([texts], tmp_path / "corpus")
    moved = tmp_path / "far" / "away" / "texts"
    shutil.copytree(texts, moved)
    (moved / "drama" / "scan.png").write_bytes(b"\x89PNG\0")
    again, reading = ingest([moved], tmp_path / "far" / "corpus")
    assert again.digest == corpus.digest
    assert len(reading.skipped) == 1
    assert Corpus.open(again.path).digest == corpus.digest


@pytest.mark.parametrize(
    "options", [{"seed": 1}, {"largest_bytes": 900}, {"lang": "en"}, {"repair": True}]
)
def test_every_option_is_in_the_digest(texts, tmp_path, options):
    corpus, _ = ingest([texts], tmp_path / "corpus")
    other, _ = ingest([texts], tmp_path / "other", **options)
    assert other.digest != corpus.digest
    assert other.manifest.recipe | corpus.manifest.recipe == corpus.manifest.recipe


def test_the_recipe_and_the_inputs_are_in_the_manifest_without_a_path(texts, tmp_path):
    corpus, _ = ingest([texts], tmp_path / "corpus")
    assert corpus.manifest.recipe["seed"] == 0
    assert corpus.manifest.recipe["smallest_bytes"] == 300
    assert len(corpus.manifest.inputs) == 13
    hashed = {"recipe": corpus.manifest.recipe, "inputs": corpus.manifest.inputs}
    assert str(tmp_path) not in json.dumps(hashed)


def test_a_bad_range_and_a_taken_place_leave_nothing_behind(texts, tmp_path):
    with pytest.raises(InputError, match="cannot be cut"):
        ingest([texts], tmp_path / "corpus", smallest_bytes=900)
    ingest([texts], tmp_path / "corpus")
    with pytest.raises(InputError, match="already exists"):
        ingest([texts], tmp_path / "corpus")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "texts"]


def scenes(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    """Rows of (work, document, kind, bytes), one scene each, in English."""
    full = [
        (f"{i}", "x" * size, kind, "en", work, document)
        for i, (work, document, kind, size) in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=SCHEMA, orient="row")


sizes = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 99)), min_size=2, max_size=40
)


@given(sizes, st.integers(0, 9))
def test_works_are_held_out_whole_and_within_the_stated_share(rows, seed):
    frame = scenes(*((work, f"{work}/{i}", "k", size) for i, (work, size) in enumerate(rows)))
    column, (report,) = split(frame, seed)
    table = frame.with_columns(column, size=pl.col("text").str.len_bytes())
    assert report.by in ("work", "document")
    unit = report.by
    assert table.group_by(unit).agg(pl.col("split").n_unique())["split"].max() == 1
    shares = table.group_by(unit).agg(pl.col("size").sum(), pl.col("split").first())
    total = shares["size"].sum()
    held_out = shares.filter(split="held_out")
    assert held_out.height
    assert held_out["size"].sum() <= 0.15 * total or (
        held_out["size"].to_list() == [shares["size"].min()]
    )


def test_what_is_held_out_does_not_depend_on_the_order_of_the_rows():
    frame = scenes(*((f"w{i % 20}", f"d{i}", "k", 50) for i in range(100)))
    column, report = split(frame, 3)
    turned, same = split(frame.reverse(), 3)
    assert turned.reverse().to_list() == column.to_list()
    assert report == same == [HeldOut("k", "en", "work", 0.1)]
    assert split(frame, 4)[0].to_list() != column.to_list()


def test_two_works_give_the_smaller_one_and_one_work_is_split_by_document_or_scene():
    two = scenes(("big", "d1", "k", 60), ("small", "d2", "k", 40))
    assert split(two, 0)[0].to_list() == ["train", "held_out"]
    one = scenes(*(("w", f"d{i // 2}", "k", 10) for i in range(40)))
    column, (report,) = split(one, 0)
    assert (report.by, report.share) == ("document", 0.1)
    assert column.gather_every(2).to_list() == column.gather_every(2, 1).to_list()
    single = scenes(*(("w", "d", "k", 10) for _ in range(20)))
    assert split(single, 0)[1] == [HeldOut("k", "en", "scene", 0.1)]
    assert split(scenes(("w", "d", "k", 10)), 0)[0].to_list() == ["train"]


def test_languages_are_held_out_apart():
    frame = scenes(*((f"w{i}", f"d{i}", "k", 50) for i in range(40)))
    langs = pl.Series("lang", ["en"] * 20 + ["ru"] * 20)
    _, report = split(frame.with_columns(langs), 0)
    assert [(g.lang, g.share) for g in report] == [("en", 0.1), ("ru", 0.1)]


def test_a_work_met_in_two_kinds_is_never_held_out():
    shared = [("both", f"{kind}{i}", kind, 1) for kind in "kj" for i in range(3)]
    alone = [(f"{kind} only {i}", f"{kind}{i}~", kind, 9) for kind in "kj" for i in range(9)]
    frame = scenes(*shared, *alone)
    for seed in range(5):
        column, _ = split(frame, seed)
        assert frame.with_columns(column).filter(work="both")["split"].unique().to_list() == [
            "train"
        ]


def test_each_scene_has_the_date_of_its_document(texts, tmp_path):
    note = "---\ndate: 2026-11-24\n---\n" + "A walk in the park.\n\n" * 100
    (texts / "chat" / "note.md").write_text(note, "utf-8")
    line = {"text": "Later.", "kind": "chat", "date": "2027-01-01T12:00"}
    (texts / "log.jsonl").write_text(json.dumps(line), "utf-8")
    corpus, _ = ingest([texts], tmp_path / "corpus")
    days = corpus.columns(["document", "date"]).unique()
    assert dict(days.drop_nulls().iter_rows()) == {
        "chat/note.md": 20781.0,
        "log.jsonl:1": 20819.5,
    }
    assert days.height == 15
    assert corpus.manifest.facts["dates"] == {
        "num_scenes": corpus.num_scenes - corpus.columns(["date"])["date"].null_count(),
        "unit": "days since 1970-01-01",
        "from": "2026-11-24",
        "to": "2027-01-01T12:00:00",
    }


def test_numbers_for_dates_are_kept_and_only_another_name_for_them_is_in_the_recipe(tmp_path):
    lines = [json.dumps({"text": f"t{i}", "kind": "k", "year": 1850 + i}) for i in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    corpus, _ = ingest([tmp_path / "a.jsonl"], tmp_path / "dated", fields=Fields(date="year"))
    assert corpus.column("date").tolist() == [1850.0, 1851.0, 1852.0]
    assert corpus.manifest.recipe["fields"]["date"] == "year"
    bare, _ = ingest([tmp_path / "a.jsonl"], tmp_path / "bare")
    assert "date" not in bare.column_names
    assert list(bare.manifest.recipe["fields"]) == ["text", "kind", "lang", "work"]


def test_the_command_counts_what_is_dated_and_names_what_is_no_date(tmp_path, monkeypatch, capsys):
    records = [
        {"text": "one", "kind": "k", "year": "1850"},
        {"text": "two", "kind": "k", "year": "of old"},
        {"text": "three", "kind": "k", "year": "1850-06"},
    ]
    texts, place = tmp_path / "a.jsonl", tmp_path / "corpus"
    texts.write_text("\n".join(map(json.dumps, records)), "utf-8")
    command = ["upbringing", "ingest", str(texts), "-o", str(place), "--fields", "date=year"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert "1 of 3 texts are kept without their date:\n" in said
    assert f"{texts}:2: 'of old' is no date\n" in said
    assert "dated: 2 scenes, from 1850-01-01 to 1850-06-01\n" in said


def test_the_command_refuses_dates_of_two_forms_and_writes_nothing(tmp_path, monkeypatch, capsys):
    records = [{"text": f"t{i}", "kind": "k", "date": ("1850", 1851)[i]} for i in range(2)]
    texts, place = tmp_path / "a.jsonl", tmp_path / "corpus"
    texts.write_text("\n".join(map(json.dumps, records)), "utf-8")
    monkeypatch.setattr(sys, "argv", ["upbringing", "ingest", str(texts), "-o", str(place)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "no axis holds both" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
