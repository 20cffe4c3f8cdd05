"""The house: data goes down the page, rooms have doors, and nothing comes in by the window."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import upbringing

SOURCE = Path(upbringing.__file__).parent

# From the top of the page to its foot. A module imports from its own room and from those above.
ROOMS = ("corpus", "order", "exports", "training", "character", "study", "report", "terminal")
GROUND = (
    "errors",
    "blocks",
    "identity",
    "destinations",
    "files",
    "yaml_tree",
    "settings",
    "own_files",
)
MODULES = sorted(SOURCE.rglob("*.py"))

# Doors by the name of their package; two rooms are inside others. The terminal has none: each verb
# takes its own module there.
DOORS = (*ROOMS[:-1], "corpus.world", "character.between")

LARGEST_NUM_LINES = 300


@dataclass(frozen=True)
class Import:
    """`from upbringing.<module> import <name>`, as it stands in a file."""

    file: Path
    line: int
    module: str
    name: str

    def __str__(self) -> str:
        where = f"{self.file.relative_to(SOURCE)}:{self.line}"
        return f"{where}: from upbringing.{self.module} import {self.name}"


def imports_in(file: Path) -> list[Import]:
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("upbringing."):
            module = str(node.module).removeprefix("upbringing.")
            found += [Import(file, node.lineno, module, alias.name) for alias in node.names]
    return found


IMPORTS = [found for file in MODULES for found in imports_in(file)]


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).with_suffix("").parts[0]


def floor_of(room: str) -> int:
    """How far down the page: the ground, then the rooms, then what ties them together."""
    if room in GROUND:
        return 0
    return 1 + ROOMS.index(room) if room in ROOMS else 1 + len(ROOMS)


def test_the_rooms_are_there() -> None:
    assert {path.parent.name for path in SOURCE.glob("*/__init__.py")} == {*ROOMS, "cli"}
    assert IMPORTS


def test_imports_go_up_the_page_only() -> None:
    downwards = [
        str(found)
        for found in IMPORTS
        if floor_of(room_of(found.file)) < floor_of(found.module.split(".")[0])
    ]
    assert downwards == []


def test_inside_the_ground_imports_go_up_too() -> None:
    downwards = [
        str(found)
        for found in IMPORTS
        if room_of(found.file) in GROUND
        and GROUND.index(room_of(found.file)) <= GROUND.index(found.module)
    ]
    assert downwards == []


@pytest.mark.parametrize("door", DOORS)
def test_a_door_opens_what_it_says_and_no_more(door: str) -> None:
    room = importlib.import_module(f"upbringing.{door}")
    assert len(room.__all__) == len(set(room.__all__))
    through = [found.name for found in imports_in(SOURCE / door.replace(".", "/") / "__init__.py")]
    assert set(room.__all__) == set(through)
    assert all(hasattr(room, name) for name in room.__all__)


@pytest.mark.parametrize("door", DOORS)
def test_what_others_take_at_a_door_is_in_its_surface(door: str) -> None:
    surface = importlib.import_module(f"upbringing.{door}").__all__
    others = [found for found in IMPORTS if found.module == door and room_of(found.file) != door]
    hidden = [str(found) for found in others if found.name not in surface]
    assert hidden == []


def test_nobody_takes_what_is_private() -> None:
    private = [str(found) for found in IMPORTS if found.name.startswith("_")]
    assert private == []


@pytest.mark.parametrize(
    "file",
    MODULES,
    ids=lambda file: str(file.relative_to(SOURCE)),
)
def test_a_module_is_of_a_size_to_be_read(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LARGEST_NUM_LINES


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_module_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


def names_used_in(file: Path) -> set[str]:
    """Modules imported, and dotted names spelled out: `random`, `np.random.default_rng`."""
    used = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            used |= {f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            used.add(ast.unparse(node))
    return used


FORBIDDEN = {
    "pickle": "what is unpickled runs",
    "random": "chance is keyed: identity.generator",
    "secrets": "chance is keyed: identity.generator",
    "uuid": "names are digests",
    "np.random.default_rng": "chance is keyed: identity.generator",
    "np.random.seed": "chance is keyed: identity.generator",
    "torch.manual_seed": "chance is keyed: identity.generator",
    "torch.load": "it unpickles: safetensors",
    "urllib.request": "nothing is asked of the network",
    "requests": "nothing is asked of the network",
    "socket": "nothing is asked of the network",
}


def test_nothing_comes_in_by_the_window() -> None:
    found = {
        f"{file.relative_to(SOURCE)}: {name}: {FORBIDDEN[name]}"
        for file in MODULES
        for name in names_used_in(file) & set(FORBIDDEN)
    }
    assert found == set()


@pytest.mark.skipif(not Path("/proc").exists(), reason="counts threads in /proc")
def test_importing_begins_no_threads_of_polars() -> None:
    """A server that forks imports all this first, and a fork does not take threads along."""
    code = (
        "import os, polars, upbringing.identity\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "import upbringing.training\n"
        "assert len(os.listdir('/proc/self/task')) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
