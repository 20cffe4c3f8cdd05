import json
from datetime import UTC, datetime

import pytest

from upbringing.corpus.readers import Fields, Reading, guess_lang, read_documents
from upbringing.errors import InputError


def write(root, **files) -> None:
    """Files by path, `/` written as `__`; text as UTF-8, bytes as they are."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def lines(*records) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def skipped(reading: Reading) -> list[str]:
    return [str(problem).splitlines()[0] for problem in reading.skipped]


def test_a_folder_names_the_kind_and_documents_stand_in_natural_order(tmp_path):
    write(
        tmp_path / "texts",
        drama__act10_dot_txt="ten",
        drama__act2_dot_txt="two",
        drama__notes__a_dot_md="note",
        chat__z_dot_TXT="z",
        top_dot_md="top",
        _dot_hidden__x_dot_txt="x",
    )
    reading = read_documents([tmp_path / "texts"])
    assert [(d.name, d.kind, d.text) for d in reading.documents] == [
        ("chat/z.TXT", "chat", "z"),
        ("drama/act2.txt", "drama", "two"),
        ("drama/act10.txt", "drama", "ten"),
        ("drama/notes/a.md", "notes", "note"),
        ("top.md", "texts", "top"),
    ]
    assert [d.work for d in reading.documents] == [d.source for d in reading.documents]
    assert list(reading.inputs) == [d.name for d in reading.documents]
    assert reading.skipped == ()


def test_arguments_are_read_in_the_order_given_and_equal_names_are_told_apart(tmp_path):
    write(tmp_path, b__drama__one_dot_txt="b", a__drama__one_dot_txt="a")
    reading = read_documents([tmp_path / "b", tmp_path / "a" / "drama" / "one.txt", tmp_path / "a"])
    assert [(d.name, d.kind) for d in reading.documents] == [
        ("drama/one.txt", "drama"),
        ("one.txt", "drama"),
    ]
    assert skipped(reading) == [f"{tmp_path}/a/drama/one.txt: repeats the text of one.txt"]
    write(tmp_path, c__drama__one_dot_txt="c")
    reading = read_documents([tmp_path / "b", tmp_path / "c"])
    assert [d.name for d in reading.documents] == ["drama/one.txt", "drama/one.txt~2"]
    assert list(reading.inputs) == ["drama/one.txt", "drama/one.txt~2"]


def test_lines_give_their_fields_and_keep_where_they_are_from(tmp_path):
    full = {"text": "t1", "kind": "k", "lang": "de", "work": "w", "source": "s", "id": "one"}
    bare = {"text": "t2", "kind": "k", "lang": None, "work": "", "id": None}
    write(tmp_path, a_dot_jsonl=lines(full, bare, {"text": "t3", "kind": "k", "id": 0}))
    one, two, three = read_documents([tmp_path / "a.jsonl"]).documents
    assert (one.name, one.lang, one.work, one.source) == ("one", "de", "w", "s")
    assert (two.name, two.lang, two.work, two.source) == ("a.jsonl:2", "en", *["a.jsonl:2"] * 2)
    assert (three.name, three.source) == ("0", "0")


def test_fields_are_named_by_option(tmp_path):
    write(tmp_path, a_dot_jsonl=lines({"body": "t", "genre": "drama", "book": "w", "l": "ru"}))
    fields = Fields(text="body", kind="genre", work="book", lang="l")
    (document,) = read_documents([tmp_path], fields).documents
    assert (document.text, document.kind, document.work, document.lang) == ("t", "drama", "w", "ru")


def test_unusable_lines_are_named_by_file_and_line_skipped_and_counted(tmp_path):
    broken = [
        b'{"text": "cut off',
        b"[1]",
        b'{"text": 5, "kind": "k"}',
        b'{"text": " ", "kind": "k"}',
        b'{"kind": "k"}',
        b'{"text": "t"}',
        b'{"text": "t", "kind": "k", "work": ["w"]}',
        b'{"text": "t", "kind": "k", "id": {}}',
        b'{"text": "\\ud800", "kind": "k"}',
        b'{"text": "\xff", "kind": "k"}',
        b"[" * 100_000,
        b"",
        b'{"text": "good", "kind": "k"}',
    ]
    write(tmp_path, a_dot_jsonl=b"\n".join(broken))
    reading = read_documents([tmp_path])
    assert [d.name for d in reading.documents] == ["a.jsonl:13"]
    found = [line.removeprefix(f"{tmp_path}/a.jsonl:") for line in skipped(reading)]
    assert [line.split(": ")[0] for line in found] == [str(n) for n in range(1, 12)]
    assert [line.split(": ")[1] for line in found[:9]] == [
        "is not JSON",
        "is not a JSON object",
        "field 'text' is not a string",
        "field 'text' is missing or empty",
        "field 'text' is missing or empty",
        "field 'kind' is missing or empty",
        "field 'work' is not a string",
        "field 'id' is neither a string nor a whole number",
        "holds half of a surrogate pair, which is not Unicode text",
    ]


def test_unusable_files_are_named_skipped_and_counted(tmp_path):
    write(
        tmp_path,
        k__a_dot_txt=b"bin\0ary",
        k__b_dot_txt="\u044f".encode("cp1251") * 3,
        k__c_dot_txt=" \n",
        k__d_dot_pdf=b"%PDF",
        k__e_dot_txt="good",
        k__f_dot_jsonl=b"\0{}",
    )
    reading = read_documents([tmp_path])
    assert [line.removeprefix(f"{tmp_path}/k/") for line in skipped(reading)] == [
        "a.txt: is binary",
        "b.txt: is not UTF-8 (byte 0)",
        "c.txt: is empty",
        "d.pdf: is of no form that can be read",
        "f.jsonl: is binary",
    ]
    assert list(reading.inputs) == ["k/e.txt"]


def test_the_byte_order_mark_goes_and_line_ends_become_one(tmp_path):
    write(
        tmp_path,
        k__a_dot_txt=b"\xef\xbb\xbfone\r\ntwo\rthree\n",
        k__b_dot_jsonl=b'\xef\xbb\xbf{"text": "a\\r\\nb", "kind": "k"}\r\n',
    )
    texts = [d.text for d in read_documents([tmp_path]).documents]
    assert texts == ["one\ntwo\nthree\n", "a\nb"]


def test_a_text_met_before_is_skipped(tmp_path):
    write(tmp_path, a__x_dot_txt="same\n", b__y_dot_txt="same\r\n", b__z_dot_txt="other")
    reading = read_documents([tmp_path])
    assert [d.name for d in reading.documents] == ["a/x.txt", "b/z.txt"]
    assert skipped(reading) == [f"{tmp_path}/b/y.txt: repeats the text of a/x.txt"]


def test_language_is_the_lines_own_else_the_option_else_guessed(tmp_path):
    write(
        tmp_path,
        k__a_dot_txt="Сцена first",
        k__b_dot_jsonl=lines({"text": "t", "kind": "k", "lang": "fr"}),
    )
    assert [d.lang for d in read_documents([tmp_path]).documents] == ["en", "fr"]
    assert [d.lang for d in read_documents([tmp_path], lang="ru").documents] == ["ru", "fr"]


def test_a_kind_is_found_from_inside_the_folder_too(tmp_path, monkeypatch):
    write(tmp_path, drama__a_dot_txt="a", drama__sub__b_dot_txt="b")
    monkeypatch.chdir(tmp_path / "drama")
    assert [d.kind for d in read_documents(["a.txt", "."]).documents] == ["drama", "sub"]
    monkeypatch.chdir(tmp_path / "drama" / "sub")
    assert [d.kind for d in read_documents(["../a.txt"]).documents] == ["drama"]


@pytest.mark.parametrize(
    ("text", "lang"), [("Сцены and", "ru"), ("да no", "en"), ("12 — !", "en"), ("Ёж", "ru")]
)
def test_more_than_half_cyrillic_letters_is_russian(text, lang):
    assert guess_lang(text) == lang


def test_repair_comes_before_the_language_is_guessed(tmp_path):
    text = "Первая сцена — в лесу.\n"
    write(tmp_path, k__a_dot_txt=text.encode().decode("mac_roman"))
    (document,) = read_documents([tmp_path], repair=True).documents
    assert (document.text, document.lang) == (text, "ru")


def test_every_missing_path_and_empty_folder_is_an_error_at_once(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        read_documents([tmp_path / "empty", tmp_path / "gone"])
    assert [p.what for p in caught.value.problems] == ["holds no file", "no such file or folder"]


def test_nothing_usable_is_an_error_that_shows_why_and_counts_the_rest(tmp_path):
    write(tmp_path, a_dot_jsonl=b"no\n" * 25)
    with pytest.raises(InputError, match="nothing usable was found") as caught:
        read_documents([tmp_path])
    assert len(caught.value.problems) == 12
    assert caught.value.problems[-1].what == "and 15 more"


def test_a_line_is_dated_by_its_field_in_utc(tmp_path):
    said = ["1850", "1850-06", "2026-11-24", "2026-11-24T10:30", "2026-11-24T10:30+03:00", None, ""]
    records = [{"text": f"t{i}", "kind": "k", "date": date} for i, date in enumerate(said)]
    write(tmp_path, a_dot_jsonl=lines(*records))
    reading = read_documents([tmp_path])
    assert [d.date for d in reading.documents] == [
        datetime(1850, 1, 1, tzinfo=UTC),
        datetime(1850, 6, 1, tzinfo=UTC),
        datetime(2026, 11, 24, tzinfo=UTC),
        datetime(2026, 11, 24, 10, 30, tzinfo=UTC),
        datetime(2026, 11, 24, 7, 30, tzinfo=UTC),
        None,
        None,
    ]
    assert reading.undated == ()


def test_numbers_are_dates_too_and_the_field_is_named_by_option(tmp_path):
    said = [-44, 1850.5, "1609459200", "2e3", 0]
    records = [{"text": f"t{i}", "kind": "k", "when": date} for i, date in enumerate(said)]
    write(tmp_path, a_dot_jsonl=lines(*records))
    dates = [d.date for d in read_documents([tmp_path], Fields(date="when")).documents]
    assert dates == [-44.0, 1850.5, 1609459200.0, 2000.0, 0.0]
    assert all(isinstance(date, float) for date in dates)
    assert {d.date for d in read_documents([tmp_path]).documents} == {None}


@pytest.mark.parametrize(
    "said",
    [
        *("next Tuesday", "2026-13", "0000", "2026-02-30", "0001-01-01T00:00+05:00", "nan", " "),
        *(True, [2026], {}, 10**400, float("inf")),
    ],
)
def test_what_is_no_date_is_named_and_its_document_stays(tmp_path, said):
    good = {"text": "good", "kind": "k", "date": "2026"}
    write(tmp_path, a_dot_jsonl=lines(good, {"text": "t", "kind": "k", "date": said}))
    reading = read_documents([tmp_path])
    assert [d.date is None for d in reading.documents] == [False, True]
    assert reading.skipped == ()
    (problem,) = reading.undated
    assert problem.where == f"{tmp_path}/a.jsonl:2"
    assert problem.what == f"{said!r:.60} is no date"


def test_dates_of_two_forms_are_refused_and_one_of_each_is_named(tmp_path):
    said = ["2025", 1850, "2026", 1851]
    records = [{"text": f"t{i}", "kind": "k", "date": date} for i, date in enumerate(said)]
    write(tmp_path, a_dot_jsonl=lines(*records))
    with pytest.raises(InputError) as caught:
        read_documents([tmp_path])
    (problem,) = caught.value.problems
    assert f"{tmp_path}/a.jsonl:1 is dated by the calendar" in problem.what
    assert f"{tmp_path}/a.jsonl:2 by a number" in problem.what


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("---\ndate: 2026-11-24\n---\nNote.", datetime(2026, 11, 24, tzinfo=UTC)),
        (
            "---\r\ntags: [a]\r\ndate: '2026-11'  # ?\r\n---\r\nNote.",
            datetime(2026, 11, 1, tzinfo=UTC),
        ),
        ('---\ntitle: {{broken\ndate: "1850"\n...\n', datetime(1850, 1, 1, tzinfo=UTC)),
        ("\ufeff---\ndate: 12.5\n---", 12.5),
        ("---\ndate:\n---\n", None),
        ("---\nof:\n  date: 2026\n---\n", None),
        ("---\nupdate: 2026\n---\n", None),
        ("---\n---\ndate: 2026\n---\n", None),
        ("Note.\n---\ndate: 2026\n---\n", None),
        ("---\ndate: 2026\n", None),
    ],
)
def test_a_note_is_dated_by_its_front_matter_which_stays_in_the_text(tmp_path, text, date):
    write(tmp_path, k__a_dot_md=text, k__b_dot_txt=f"{text}\n")
    reading = read_documents([tmp_path])
    assert [d.date for d in reading.documents] == [date, None]
    assert reading.documents[0].text == text.removeprefix("\ufeff").replace("\r\n", "\n")
    assert reading.undated == ()


def test_a_file_is_never_dated_by_its_own_time(tmp_path):
    write(tmp_path, k__a_dot_md="one", k__b_dot_txt="two")
    assert [d.date for d in read_documents([tmp_path]).documents] == [None, None]
