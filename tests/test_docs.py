"""The documents keep their word: their code runs, their YAML is read, what they name is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command
from lives import raised
from trainers import follow_guide
from typer.core import TyperGroup
from typer.main import get_command

from upbringing.cli import app
from upbringing.corpus.world import make_world
from upbringing.order import parse_curriculum
from upbringing.settings import parse_settings
from upbringing.study import StudySettings

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.ru.md")
GUIDES = (*READMES, "docs/protocol.md", "docs/curriculum.md")
VERBS = [command.name or command.callback.__name__ for command in app.registered_commands]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def blocks_in(document: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def run_code(document: str, place: Path) -> subprocess.CompletedProcess[str]:
    """A document's Python, from top to bottom, in a process of its own: it registers things."""
    code = "\n".join(blocks_in(document, "python"))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False
    )


def test_the_code_of_extending_runs(tmp_path: Path) -> None:
    done = run_code("docs/extending.md", tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_code_of_minds_runs(tmp_path: Path) -> None:
    done = run_code("docs/minds.md", tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_order_and_a_ledger_are_checked_without_this_package(home: Path, tmp_path: Path) -> None:
    raised(home, tmp_path / "run")
    for folder in ("corpus", "order"):
        (tmp_path / folder).symlink_to(home / folder)
    assert "upbringing" not in "".join(blocks_in("docs/artefacts.md", "python"))
    done = run_code("docs/artefacts.md", tmp_path)
    assert done.returncode == 0, done.stderr


# The others need what is not installed here, and are run by `make peers`.
@pytest.mark.parametrize(
    ("program", "world_size"),
    [("with_torch", 1), ("with_torchrun", 2), ("with_trainer", 1), ("with_accelerate", 2)],
)
def test_the_programs_of_your_trainer_feed_the_order(
    program: str, world_size: int, tmp_path: Path
) -> None:
    follow_guide(f"{program}.py", tmp_path, world_size=world_size)


@pytest.mark.parametrize("document", GUIDES)
def test_yaml_is_read_as_it_stands(document: str) -> None:
    blocks = blocks_in(document, "yaml")
    assert blocks
    for text in blocks:
        if "phases:" in text:
            parse_curriculum(text, name=document)
        else:
            parse_settings(text, StudySettings, name=document)


@pytest.mark.parametrize("document", READMES)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_table(document: str, verb: str) -> None:
    assert re.search(rf"^\|.*`{verb}`.*\|", (ROOT / document).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_has_a_guard_that_exists(decision: Path) -> None:
    guards = decision.read_text("utf-8").partition("**Guarded by**")[2]
    named = re.findall(r"`(test_\w+)`", guards)
    tests = "".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("document", READMES)
def test_the_guards_of_the_promises_exist(document: str) -> None:
    named = re.findall(r"`((?:tests|benchmarks)/[\w/.]*)`", (ROOT / document).read_text("utf-8"))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)|<img src=\"([^\"]+)", document.read_text("utf-8"))
    targets = [link or image for link, image in links if not link.startswith("http")]
    assert [target for target in targets if not (document.parent / target).exists()] == []


WRITTEN = [*DOCUMENTS, *sorted((ROOT / "runs").glob("*.sh"))]
COMMAND = re.compile(r"^(?:\$ )?(upbringing (?:.*\\\n)*.*)$", re.MULTILINE)


def commands_in(file: Path) -> list[str]:
    """The commands that a document shows in its blocks, or a script runs."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        fence = r"^```(?:sh|text|console|bash)?\n(.*?)^```"
        text = "\n".join(re.findall(fence, text, flags=re.DOTALL | re.MULTILINE))
    return COMMAND.findall(text)


def arguments_of(command: str) -> list[str]:
    """Its words, without comments, alternatives and where its output goes."""
    said = re.sub(r"\s{2,}\S.*|[|;&>].*", "", command.replace("\\\n", " "))
    said = re.sub(r"\[[^\]]*\]", "", said)
    return shlex.split(said, comments=True)[1:]


@pytest.mark.parametrize(
    ("file", "command"),
    [
        pytest.param(file, command, id=f"{file.name}: {command[:60]}")
        for file in WRITTEN
        for command in dict.fromkeys(commands_in(file))
    ],
)
def test_every_command_that_is_shown_can_be_said(file: Path, command: str) -> None:
    """Its verb and options are there, and their values are of the right form."""
    said, at = arguments_of(command), get_command(app)
    while isinstance(at, TyperGroup) and said and not said[0].startswith("-"):
        name = said.pop(0)
        assert name in at.commands, f"there is no verb {name}"
        at = at.commands[name]
    if not isinstance(at, TyperGroup):
        at.make_context(command, said)


def test_every_key_of_a_study_is_in_the_table() -> None:
    guide = (ROOT / "docs" / "curriculum.md").read_text(encoding="utf-8")
    table = guide[guide.index("# The study: `study.yaml`") :]
    rows = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) >= set(StudySettings.model_fields)


@pytest.mark.parametrize("said", ["order {}.yaml -o out", "study {}.yaml -o out"])
def test_mistakes_look_as_they_are_shown(
    said: str, upbringing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (ROOT / "docs" / "curriculum.md").read_text(encoding="utf-8")
    name = "mistaken" if said.startswith("order") else "study"
    at = guide.index(f"error: {name}.yaml")
    written = guide[guide.rindex("name: mistaken", 0, at) :].partition("```")[0]
    told = guide[at:].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    make_world(Path("corpus"), langs=["en"], num_events=40, seed=0)
    Path(f"{name}.yaml").write_text(written, "utf-8")
    found = upbringing(*said.format(name).split(), "--corpus", "corpus")
    assert (found.code, found.err.strip()) == (2, told.strip())
