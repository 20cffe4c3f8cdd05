"""YAML text → a tree of maps, lists and plain values that knows its lines and is safe to walk.

Whatever the text, there is a tree or a `SettingsError` at a line and a column: nothing that YAML
allows and settings have no use for comes through (tags, keys that are no plain values, loops), and
neither do depths or unfolding aliases that would take the memory or the stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import RoundTripScanner, ScannerError

from upbringing.errors import SettingsError

MOST_NESTED = 50
"""How many maps and lists may stand inside one another."""

MOST_UNFOLDED = 10_000
"""How many values aliases may stand for, all together."""

_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge")
}
_TOO_DEEP = f"maps and lists are nested more than {MOST_NESTED} deep"


def read_tree(text: str, *, name: str) -> CommentedMap:
    """The map that a YAML text holds; `name` stands for the file in messages."""
    yaml = YAML()
    yaml.Scanner, yaml.Composer, yaml.Constructor = _Scanner, _Composer, _Constructor
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _not_yaml(str(error.problem), name, mark) from error
    except ReaderError as error:  # it knows a position in the text, and no line
        before = re.split("\r\n|\r|\n", text[: error.position])
        where = f"{name}:{len(before)}:{len(before[-1]) + 1}"
        what = f"is not YAML: unacceptable character #x{error.character:04x}"
        raise SettingsError(what, where=where) from error
    if not isinstance(tree, CommentedMap):
        raise SettingsError("holds no settings", where=f"{name}:1:1")
    return tree


def _not_yaml(what: str, name: str, mark: StringMark | None = None) -> SettingsError:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return SettingsError(f"is not YAML: {what}", where=f"{name}:{line}:{column}")


class _Scanner(RoundTripScanner):
    """Stops at depths that would take the stack of what comes after it, and at other YAMLs."""

    def scan_directive(self) -> Any:
        token = super().scan_directive()
        if (token.name, token.value) != ("YAML", (1, 2)):  # in 1.1 `no` is false, 010 is 8
            what = "of the lines that begin with %, only `%YAML 1.2` means something here"
            raise ScannerError(None, None, what, token.start_mark)
        return token

    def fetch_more_tokens(self) -> Any:
        if self.flow_level + len(self.indents) > MOST_NESTED:
            raise ScannerError(None, None, _TOO_DEEP, self.reader.get_mark())
        return super().fetch_more_tokens()


class _Composer(Composer):
    """Lets an anchor be given anew, as YAML does."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False


class _Constructor(RoundTripConstructor):
    """Makes the tree of nodes that were checked, and says where a value cannot be made."""

    def construct_document(self, node: Node) -> Any:
        _check(node)
        return super().construct_document(node)

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # the 13th month, and the like
            raise ConstructorError(None, None, str(error), node.start_mark) from error


def _check(root: Node) -> None:
    """Raise `ConstructorError` at what settings have no use for, and what unfolds too far."""
    seen: set[int] = set()
    num_unfolded = 0
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if node.tag not in _TAGS:
            raise ConstructorError(
                None, None, f"the tag {node.tag} means nothing here", node.start_mark
            )
        if isinstance(node, ScalarNode):
            continue
        if depth >= MOST_NESTED:
            raise ConstructorError(None, None, _TOO_DEEP, node.start_mark)
        num_unfolded += len(node.value) if id(node) in seen else 0
        if num_unfolded > MOST_UNFOLDED:
            what = f"aliases stand for more than {MOST_UNFOLDED:,} values"
            raise ConstructorError(None, None, what, node.start_mark)
        seen.add(id(node))
        waiting += [(part, depth + 1) for part in _parts(node)]


def _parts(node: Node) -> Iterator[Node]:
    if not isinstance(node, MappingNode):
        yield from node.value
        return
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise ConstructorError(None, None, "a key is one plain value", key.start_mark)
        yield from (key, value)
