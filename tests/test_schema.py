"""The JSON Schema of a curriculum: current, and of one mind with the code that reads the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from test_cli import run_command
from test_docs import blocks_in

from upbringing.errors import SettingsError
from upbringing.order import parse_curriculum
from upbringing.order.schema import SCHEMA_FILE, SCHEMA_LINE

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "docs" / SCHEMA_FILE).read_text(encoding="utf-8"))
RECIPES = sorted(f for f in (ROOT / "recipes").glob("*.yaml") if "phases:" in f.read_text("utf-8"))

HEAD = "name: a\nphases:\n  - name: life\n    scenes: rest\n    "


def as_json(value: Any) -> Any:
    """YAML as an editor hands it to a schema: keys are text."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def complaints(text: str) -> list[str]:
    found = Draft202012Validator(SCHEMA).iter_errors(as_json(YAML(typ="safe").load(text)))
    return [error.message for error in found]


def test_the_schema_in_docs_is_current(tmp_path: Path) -> None:
    """If it is not: `upbringing order --schema > docs/ltm_curriculum.schema.json`."""
    # In a process of its own, for other tests register strategies.
    said = run_command(tmp_path, "order", "--schema")
    assert (said.returncode, said.stderr) == (0, "")
    assert json.loads(said.stdout) == SCHEMA


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_strategies_are_explained_with_their_parameters() -> None:
    alone, forms = SCHEMA["$defs"]["Arrangement"]["anyOf"][0], {}
    for form in SCHEMA["$defs"]["Arrangement"]["anyOf"]:
        forms |= form.get("properties", {})
    assert alone["const"] == "as_is"
    assert alone["description"].startswith("The order of the corpus")
    assert {"sort", "mixture", "blocks", "pacing", "reverse"} <= set(forms)
    assert forms["arc"]["description"].startswith("Up to the height of a measure")
    in_full = forms["arc"]["anyOf"][-1]["properties"]
    assert in_full["peak"] == {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5}
    assert in_full["by"] == {"$ref": "#/$defs/Measure"}
    assert forms["reverse"]["anyOf"][0] == {"$ref": "#/$defs/Arrangement"}
    share = SCHEMA["$defs"]["Rehearsal"]["properties"]["share"]
    assert share["description"] == "of the phase's bytes, rehearsal included"


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_recipes_fit(file: Path) -> None:
    assert complaints(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("document", ["README.md", "README.ru.md", "docs/curriculum.md"])
def test_curricula_in_the_documents_fit(document: str) -> None:
    for text in blocks_in(document, "yaml"):
        if "phases:" in text:
            assert complaints(text) == []


GOOD = [
    "arrange: as_is",
    "arrange: {sort: num_bytes}",
    "arrange: {sort: [-num_bytes, unigram_surprisal]}",
    "arrange: {sort: {by: -num_words}}",
    "arrange: {blocks: [a, b]}",
    "arrange: {blocks: {kinds: [a, b], inside: {sort: num_bytes}}}",
    "arrange: {reverse: {blocks: [a, b]}}",
    "arrange: {mixture: {a: 1, b: [0, 2], c: {from: 1, to: 0, shape: step, at: 0.3}}}",
    "arrange: {mixture: {kinds: {a: {0: 1, 0.5: 2, 1: 0}}, given: shares}}",
    "arrange: {mixture: {a: {ages: [0, 1], values: [1, 2]}}}",
    "arrange: {interleave: work}",
    "arrange: interleave",
    "arrange: {pacing: {by: random, how: root}}",
    "arrange: {cyclic: {by: num_bytes, turn: alternate, levels: 3}}",
    "arrange: chain",
    "arrange: {chain: {start: a, separate: 3}}",
    "passes: 3",
    "passes: {count: 2, again: reversed}",
    "keep: document\n    rehearse: {share: 0.1, spacing: expanding}\n    batch_size: 4",
    "lr_scale: 0.5\nevents:\n  - {scenes: {id: x}, ages: [0.1, 0.9]}",
    "lr_scale: 1\nvectors: mine.npy\nscenes: {near: {text: a, top: 3}}",
    "lr_scale: 1\nvectors: {model2vec: folder}\nscenes: {near: {scene: a, radius: 0.5}}",
    "lr_scale: 1\nevents:\n  - {scenes: {kind: [a, b]}, ages: {times: 3, spacing: expanding}}",
]

BAD = [
    "arrange: shufle",
    "arrange: sort",
    "arrange: {sort: num_byte}",
    "arrange: {sort: num_bytes, shuffle: null}",
    "arrange: {arc: {by: num_bytes, peek: 0.5}}",
    "arrange: {mixture: {a: -1}}",
    "arrange: {reverse: {sort: num_byte}}",
    "passes: 0",
    "batch_size: 0",
    "rehearse: {spacing: even}",
    "rehearse: {share: 1.5}",
    "keep: work",
    "lr_scale: 1\nscenes: {near: {text: a, top: 0}}",
    "lr_scale: 1\nvectors: {word2vec: folder}",
    "sead: 3",
    "lr_scale: 1\nevents:\n  - {scenes: {id: x}, ages: [1.5]}",
    "lr_scale: 1\nevents:\n  - {scenes: {colour: x}, ages: [0.5]}",
]


@pytest.mark.parametrize("line", GOOD)
def test_what_is_read_fits(line: str) -> None:
    parse_curriculum(HEAD + line)
    assert complaints(HEAD + line) == []


@pytest.mark.parametrize("line", BAD)
def test_what_is_refused_does_not_fit(line: str) -> None:
    with pytest.raises(SettingsError):
        parse_curriculum(HEAD + line)
    assert complaints(HEAD + line) != []


def test_the_first_line_names_the_schema() -> None:
    assert SCHEMA_LINE == "# yaml-language-server: $schema=ltm_curriculum.schema.json"
    assert parse_curriculum(f"{SCHEMA_LINE}\n{HEAD}passes: 1").name == "a"
