from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from upbringing.destinations import check_continued, check_new
from upbringing.errors import ArtefactError, InputError, StorageError
from upbringing.files import (
    open_manifest,
    read_json,
    remove_drafts,
    staged,
    staged_file,
    storage,
    write_json,
    write_manifest,
    write_text,
)


def make(place: Path) -> str:
    with staged(place) as draft:
        (draft / "inner").mkdir()
        (draft / "a.txt").write_text("one")
        (draft / "inner" / "b.bin").write_bytes(bytes(range(50)))
        manifest = write_manifest(
            draft, "thing/1", recipe={"x": 1}, inputs={"y": "00"}, facts={"n": 2}
        )
    return manifest.digest


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "thing"
    digest = make(place)
    manifest = open_manifest(place, "thing/1")
    assert manifest.digest == digest
    assert set(manifest.files) == {"a.txt", "inner/b.bin"}
    assert manifest.files["inner/b.bin"]["bytes"] == 50
    assert leftovers(place.parent) == ["thing"]


def test_a_folder_that_fails_vanishes(tmp_path: Path) -> None:
    def half() -> None:
        with staged(tmp_path / "thing") as draft:
            (draft / "a.txt").write_text("one")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half()
    assert leftovers(tmp_path) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    digest = make(place)
    with pytest.raises(InputError, match="already exists"):
        make(place)
    assert open_manifest(place, "thing/1").digest == digest


def test_a_place_taken_while_it_is_written_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "thing"

    def race() -> None:
        with staged(place) as draft:
            (draft / "ours").touch()
            place.mkdir()
            (place / "theirs").touch()

    with pytest.raises(InputError, match="already exists"):
        race()
    assert leftovers(place) == ["theirs"]
    assert leftovers(tmp_path) == ["thing"]


def test_what_is_filled_alike_is_taken_from_whoever_was_first(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    with staged(place, shared=True) as draft:
        (draft / "a.txt").write_text("ours")
        make(tmp_path / "theirs")
        (tmp_path / "theirs").rename(place)
    assert open_manifest(place, "thing/1").files
    assert (place / "a.txt").read_text() != "ours"
    assert leftovers(tmp_path) == ["thing"]


def test_where_nothing_can_be_made_the_place_is_named_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    place = tmp_path / "file" / "thing"
    with pytest.raises(InputError, match="is a file") as caught:
        make(place)
    assert ".draft-" not in str(caught.value)
    for write in (place, tmp_path / "folder"):
        with pytest.raises(StorageError) as caught:
            write_json(write, {})
        assert str(caught.value).startswith(f"{write}: cannot be written: ")
        assert ".draft-" not in str(caught.value)


def test_a_folder_that_refuses_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upbringing.destinations.os.access", lambda *_: False)
    with pytest.raises(InputError, match="cannot be written to"):
        check_new(tmp_path / "a" / "b")
    with pytest.raises(InputError, match="cannot be written to"):
        check_continued(tmp_path, (), "thing")


def test_what_is_continued_is_new_empty_or_marked(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    check_continued(place, ("mark",), "thing")
    place.mkdir()
    (place / ".mark.draft-7").mkdir()
    (place / "study.yaml").touch()  # a person's own, beside what it will make
    check_continued(place, ("mark",), "thing")
    (place / "else").touch()
    with pytest.raises(InputError, match="other files, and no thing"):
        check_continued(place, ("mark",), "thing")
    (place / "order.json").touch()
    with pytest.raises(InputError, match="is an order, and no thing"):
        check_continued(place, ("mark",), "thing")
    (place / "mark").touch()
    check_continued(place, ("mark",), "thing")
    with pytest.raises(InputError, match="is a file"):
        check_continued(place / "mark", ("mark",), "thing")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EFBIG, "File too large"),
        OSError("1000 requested and 17 written"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_named(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(StorageError, match="no room left") as caught, staged(tmp_path / "thing"):
        raise error
    assert str(tmp_path / "thing") in str(caught.value)
    assert leftovers(tmp_path) == []


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), storage(tmp_path):
        raise PermissionError("no")


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np, polars as pl
from upbringing.errors import StorageError
from upbringing.files import staged
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
big = np.arange(100_000) ** 2
writers = {
    "numpy": lambda draft: np.save(draft / "x.npy", big),
    "polars": lambda draft: pl.DataFrame({"x": big}).write_parquet(draft / "x.parquet"),
    "text": lambda draft: (draft / "x.txt").write_text("x" * 100_000),
}
for name, write in writers.items():
    try:
        with staged(Path(sys.argv[1]) / name) as draft:
            write(draft)
    except StorageError:
        print(name)
"""


def test_every_library_that_runs_out_of_room_gives_one_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["numpy", "polars", "text"]
    assert leftovers(tmp_path) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_json(file, {"ж": [1, 2]})
    assert read_json(file) == {"ж": [1, 2]}

    def fill() -> None:
        with staged_file(file) as draft:
            draft.write_text("half")
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(StorageError):
        fill()
    assert read_json(file) == {"ж": [1, 2]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, float("nan"))
    assert leftovers(tmp_path) == ["a.json"]


def test_drafts_of_killed_processes_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".thing.draft-1").mkdir()
    (tmp_path / ".thing.draft-1" / "half").touch()
    (tmp_path / ".run.json.draft-99").touch()
    (tmp_path / "kept").touch()
    remove_drafts(tmp_path)
    remove_drafts(tmp_path / "nowhere")
    assert leftovers(tmp_path) == ["kept"]


@pytest.mark.parametrize("name", ["a.txt", "inner/b.bin"])
@pytest.mark.parametrize("damage", ["remove", "cut", "flip", "folder"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, damage: str) -> None:
    place = tmp_path / "thing"
    make(place)
    file = place / name
    content = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(content[:-1])
    elif damage == "flip":
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    elif damage == "folder":
        file.mkdir()
    with pytest.raises(ArtefactError) as caught:
        open_manifest(place, "thing/1")
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '"x"', '{"format": "thing/1"}', "\udcff"]
)
def test_a_manifest_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    make(tmp_path / "thing")
    file = tmp_path / "thing" / "thing.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ArtefactError) as caught:
        open_manifest(tmp_path / "thing", "thing/1")
    assert str(file) in str(caught.value)


def test_a_missing_manifest_says_that_the_artefact_is_not_finished(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="not a finished thing"):
        open_manifest(tmp_path, "thing/1")


def test_what_lies_there_instead_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    with pytest.raises(ArtefactError, match="is a run, and no thing"):
        open_manifest(tmp_path, "thing/1")
    with pytest.raises(ArtefactError, match="no such folder"):
        open_manifest(tmp_path / "nowhere", "thing/1")


@pytest.mark.parametrize("content", [b'{"a": "\xff"}', b'{"a": }'])
def test_broken_json_is_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"a\.json: is damaged") as caught:
        read_json(tmp_path / "a.json")
    assert "make the artefact again" in str(caught.value)


def test_another_format_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "thing")
    with pytest.raises(ArtefactError, match="allowed: thing/2"):
        open_manifest(tmp_path / "thing", "thing/2")


@pytest.mark.parametrize("field", ["recipe", "inputs", "facts", "files", "digest"])
def test_an_edited_manifest_is_refused(tmp_path: Path, field: str) -> None:
    make(tmp_path / "thing")
    file = tmp_path / "thing" / "thing.json"
    said = json.loads(file.read_text())
    said[field] = "0" * 64 if field == "digest" else {**said[field], "more": {"x": 0}}
    file.write_text(json.dumps(said))
    with pytest.raises(ArtefactError, match="changed after it was written"):
        open_manifest(tmp_path / "thing", "thing/1")


def said_by(place: Path) -> str:
    try:
        return open_manifest(place, "thing/1").digest
    except ArtefactError as error:
        return "refused" if str(place) in str(error) else str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_a_byte_flipped_in_a_manifest_never_changes_what_it_says(
    tmp_path: Path, data: st.DataObject
) -> None:
    place = tmp_path / "thing"
    file = place / "thing.json"
    if not place.exists():
        make(place)
        os.link(file, tmp_path / "whole")
        file.unlink()
    whole = (tmp_path / "whole").read_bytes()
    digest = json.loads(whole)["digest"]
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[at] ^ (1 << data.draw(st.integers(0, 7)))
    file.write_bytes(whole[:at] + bytes([flipped]) + whole[at + 1 :])
    # Who made it is no part of what it is, so a flip there may be let through.
    assert said_by(place) in (digest, "refused")


def test_the_digest_leaves_out_who_made_it(tmp_path: Path) -> None:
    make(tmp_path / "thing")
    file = tmp_path / "thing" / "thing.json"
    said = json.loads(file.read_text())
    said["made_by"] = {"command": "another"}
    write_text(file, json.dumps(said))
    assert open_manifest(tmp_path / "thing", "thing/1").digest == said["digest"]


def test_only_what_belongs_to_an_artefact_is_in_its_manifest(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "other").touch()
    manifest = write_manifest(tmp_path, "thing/1", recipe={}, inputs={}, only=("*.npy",))
    assert list(manifest.files) == ["a.npy"]
