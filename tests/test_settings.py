from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, ValidationError, WrapValidator

from upbringing.errors import InputError, SettingsError
from upbringing.settings import Settings, load_settings, mistake, parse_settings, validate_all


class Room(Settings):
    name: str
    width: Annotated[int, Field(ge=1)] = 3


class House(Settings):
    address: str
    rooms: tuple[Room, ...] = ()
    cellar: Room | None = None
    height: float | dict[str, float] | None = None
    floors: Annotated[tuple[int, ...], Field(min_length=1)] = (1,)


GOOD = """
address: Long Lane 3
rooms:
  - name: kitchen
  - {name: hall, width: 9}
"""

BAD = """
adress: Long Lane 3
rooms:
  - name: [1]
  - {name: hall, width: 0}
  - widht: 4
cellar: deep
"""


SHOWN = """\
house.yaml:2:1: 'address' is missing
house.yaml:2:1: unknown key 'adress'
    allowed: address, cellar, floors, height, rooms
    did you mean 'address'?
house.yaml:4:5: rooms.0.name: should be text
house.yaml:5:18: rooms.1.width: should be greater than or equal to 1
house.yaml:6:5: 'rooms.2.name' is missing
house.yaml:6:5: unknown key 'rooms.2.widht'
    allowed: name, width
    did you mean 'width'?
house.yaml:7:1: cellar: should be a map"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, House, name="house.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "house.yaml"
    file.write_text(GOOD)
    house = load_settings(file, House)
    assert house.rooms == (Room(name="kitchen"), Room(name="hall", width=9))


def test_all_mistakes_are_shown_at_once_in_the_order_of_the_file() -> None:
    assert "\n".join(problems_of(BAD)) == SHOWN


def test_keys_inside_an_optional_section_are_suggested() -> None:
    (problem,) = problems_of("address: x\ncellar:\n  name: y\n  wdth: 3\n")
    assert problem.startswith("house.yaml:4:3: unknown key 'cellar.wdth'")
    assert "did you mean 'width'?" in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("address: [\n", "house.yaml:2:1: is not YAML"),
        ("address: x\naddress: y\n", "house.yaml:2:1: is not YAML: found duplicate key"),
        ("address: x\nname: \x01\n", "house.yaml:2:7: is not YAML: unacceptable character #x0001"),
        ("", "house.yaml:1:1: holds no settings"),
        ("- 1\n", "house.yaml:1:1: holds no settings"),
        ("!!python/object/apply:os.system [x]\n", "house.yaml:1:1: is not YAML: the tag"),
        ("a: 1\n---\nb: 2\n", "is not YAML"),
    ],
)
def test_what_is_no_settings_is_refused(text: str, says: str) -> None:
    (problem,) = problems_of(text)
    assert says in problem


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("rooms: 3", "rooms: should be a list"),
        ("cellar: 3", "cellar: should be a map"),
        ("floors: [ground]", "floors.0: should be a whole number"),
        ("floors: []", "floors: should have 1 or more"),
        ("height: high", "height: should be a number or a map"),
        ("height: .nan", "height: should be a finite number or a map"),
        ("height: {attic: .nan}", "height.attic: should be a finite number"),
    ],
)
def test_a_value_of_another_kind_is_one_mistake_in_words(line: str, says: str) -> None:
    (problem,) = problems_of(f"address: Long Lane 3\n{line}\n")
    assert problem.partition(": ")[2] == says


def test_yaml_1_2_is_spoken() -> None:
    room = parse_settings("name: no\nwidth: 1e1\n", Room, name="room")
    assert (room.name, room.width) == ("no", 10)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "house.yaml"
    with pytest.raises(InputError) as caught:
        load_settings(file, House)
    assert str(caught.value) == f"{file}: no such file"
    file.write_bytes(b"a\xff")
    with pytest.raises(InputError) as caught:
        load_settings(file, House)
    assert str(caught.value) == f"{file}: is not UTF-8 text: byte 1 is 0xff"
    with pytest.raises(InputError) as caught:
        load_settings(tmp_path, House)
    assert str(caught.value) == f"{tmp_path}: is a folder, and no file"


def test_a_setting_knows_where_it_stands() -> None:
    house = parse_settings(GOOD, House, name="house.yaml")
    assert house.where("rooms", 1, "width") == "house.yaml:5:18"
    assert house.where("rooms", 0, "width") == "house.yaml:4:5"  # not written: its owner
    assert House(address="x").where("rooms", 1) == "rooms.1"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        House(address="x").address = "y"  # type: ignore[misc]


def rising(value, validate):  # type: ignore[no-untyped-def]
    falls = [n for n in range(1, len(value)) if value[n] < value[n - 1]]
    return validate_all(value, validate, [mistake((n,), "falls") for n in falls])


class Stairs(Settings):
    steps: Annotated[tuple[Annotated[int, Field(le=9)], ...], WrapValidator(rising)]


def test_rules_between_items_are_reported_beside_the_items_own() -> None:
    assert parse_settings("steps: [1, 2]", Stairs, name="s").steps == (1, 2)
    with pytest.raises(SettingsError) as caught:
        parse_settings("steps:\n  - 5\n  - 99\n  - 2\n", Stairs, name="s")
    assert [str(problem) for problem in caught.value.problems] == [
        "s:3:5: steps.1: should be less than or equal to 9",
        "s:4:5: steps.2: falls",
    ]
