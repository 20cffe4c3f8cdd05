"""The controls of a curriculum as files of their own: what the person wrote, and one line more."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from upbringing.errors import InputError
from upbringing.order.controls import CONTROLS, Control
from upbringing.order.curriculum import load_curriculum
from upbringing.order.schema import SCHEMA_LINE

_SAID: Mapping[Control, str] = {
    "shuffle": "all visits in a random order. What a life does that this one does not, order did.",
    "deal": "one more shuffle, by a draw of its own. How it differs from the first is chance.",
    "random": "the phases where they are, the visits inside each in a random order. It tells the "
    "order of the phases from the arrangement inside them.",
    "blocks": "the phases, each as it is, in a random order other than the file's.",
    "other": "the first phase changes places with the one nearest to it in size. It tells what "
    "comes first from that something comes first as a block.",
    "reverse": "from the last visit to the first.",
}


def control_files(curriculum: Path) -> dict[str, str]:
    """The text of each control of the curriculum in a file, by the name of its own file.

    The file's comments stay. Raises `SettingsError` for a file with mistakes, and `InputError` for
    one that is a control.
    """
    own = load_curriculum(curriculum)
    if own.control is not None:
        raise InputError("is a control itself", where=own.where("control"), do="leave it out")
    return {f"{control}.yaml": _written(curriculum, control) for control in CONTROLS}


def _written(curriculum: Path, control: Control) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1000  # no line of the person's is broken
    tree = yaml.load(curriculum.read_text(encoding="utf-8"))
    tree["name"] = f"{tree['name']}, control: {control}"
    tree.insert(list(tree).index("name") + 1, "control", control)
    stream = io.StringIO()
    yaml.dump(tree, stream)
    said = textwrap.fill(
        f"A control of {curriculum.name}: {_SAID[control]}",
        width=96,
        initial_indent="# ",
        subsequent_indent="# ",
    )
    own = stream.getvalue().removeprefix(f"{SCHEMA_LINE}\n")
    return f"{SCHEMA_LINE}\n{said}\n\n{own}"
