"""Random curricula: a walk through the published schema of a curriculum, as a tree and as YAML.

The schema is made of the models and of the strategies' signatures, so what is new in the language
is written here of itself. What no schema can say, since it ties one place to another (distinct
names, one rest, whole mixtures, parts that do not overlap), is kept most of the time, so that about
half of what is written compiles on `SCENES`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from upbringing.order.parameters import DATE
from upbringing.order.schema import curriculum_schema
from upbringing.order.selection import COLUMNS

KINDS = ("chat", "drama", "poetry", "technical")
LANGS = ("en", "ru")
_SIMPLE = re.compile(r"-?[a-z][a-z0-9_ ]*[a-z0-9_]|[a-z]")
_NOT_TEXT = ("null", "true", "false")
_DEEP = 3  # arrangements and selections inside one another


def tell_scenes(num_scenes: int = 80) -> pl.DataFrame:
    """Scenes in documents of one to six, in two languages; every tenth is held out."""
    rng = np.random.default_rng(21)
    document = np.repeat(np.arange(num_scenes), rng.integers(1, 7, num_scenes))[:num_scenes]
    first = np.searchsorted(document, document)
    rows = [
        {
            "id": f"{KINDS[of % 4]}/{number}",
            "text": " ".join(f"{LANGS[of % 3 % 2]}{word}" for word in rng.integers(0, 50, length)),
            "kind": KINDS[of % 4],
            "lang": LANGS[of % 3 % 2],
            "work": f"work {of % 8}",
            "source": "test" if of % 5 else "elsewhere",
            "document": f"document {of}",
            "place": number - first[number],
            "split": "held_out" if number % 10 == 9 else "train",
            "date": date(1800 + of * 3, 1, 1 + of) if of % 4 else None,
        }
        for number, (of, length) in enumerate(
            zip(document.tolist(), rng.integers(10, 40, num_scenes).tolist(), strict=True)
        )
    ]
    return pl.DataFrame(rows)


def random_curriculum(scenes: pl.DataFrame, rng: np.random.Generator) -> dict[str, Any]:
    """A curriculum for a corpus of these scenes, as what would be read from its YAML."""
    return _Writer(scenes, rng).whole()


_SCHEMA = curriculum_schema()
_FORMS: Mapping[str, Any] = _SCHEMA["$defs"]
_ARRANGEMENTS: Mapping[str, list[Any]] = {
    name: [{"const": name} for form in _FORMS["Arrangement"]["anyOf"] if form.get("const") == name]
    + [
        {"type": "object", "properties": {name: form["properties"][name]}, "required": [name]}
        for form in _FORMS["Arrangement"]["anyOf"]
        if name in form.get("properties", {})
    ]
    for name in sorted(
        {form["const"] for form in _FORMS["Arrangement"]["anyOf"] if "const" in form}
        | {name for form in _FORMS["Arrangement"]["anyOf"] for name in form.get("properties", {})}
    )
}


class _Writer:
    """Writes one curriculum; keeps what its parts must agree on."""

    def __init__(self, scenes: pl.DataFrame, rng: np.random.Generator) -> None:
        train = scenes.filter(split="train")
        self.words = {column: sorted(set(train[column])) for column in COLUMNS}
        self.words |= dict.fromkeys(("start", "end", "scene", "chain"), self.words["id"])
        self.words |= {"text": train["text"].to_list(), "keep": ["document"]}
        self.words["modules"] = ["embed", "head", "mlp", "layers.0-3", "layers.2-", "*.qkv"]
        self.scenes, self.rng = train, rng
        self.num_names = 0
        self.free: list[dict[str, Any]] = []
        self.has_rest = False

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one_of(self, items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def some_of(self, items: Any) -> list[Any]:
        count = int(self.rng.integers(1, len(items) + 1))
        return [items[place] for place in self.rng.permutation(len(items))[:count]]

    def whole(self) -> dict[str, Any]:
        for kind in self.some_of(KINDS):
            border = round(float(self.rng.uniform(0.2, 0.8)), 2)
            ways: list[list[dict[str, Any]]] = [
                [{}],
                [{"lang": lang} for lang in LANGS],
                [{"part": [0, border]}, {"part": [border, 1]}],
            ]
            self.free += [{"kind": kind, **more} for more in self.one_of(ways)]
        said: dict[str, Any] = {"name": "a life", "phases": [self.phase("Phase", 0)]}
        while self.free and self.chance(0.45):
            said["phases"].append(self.phase("Phase", 0))
        if self.chance(0.25):
            said["events"] = [self.event() for _ in range(int(self.rng.integers(1, 3)))]
        optional = {"seed": 0.5, "control": 0.2, "scenes": 0.1}
        for key in (key for key, share in optional.items() if self.chance(share)):
            said[key] = self.value(_SCHEMA["properties"][key], key, 0)
        return said

    def event(self) -> dict[str, Any]:
        form = _FORMS["Event"]["properties"]["ages"]
        scenes = {"document": self.one_of(self.words["document"])}
        if self.chance(0.3):
            scenes = self.selection(0)
        return {"scenes": scenes, "ages": self.value(form, "ages", 0)}

    def phase(self, name: str, depth: int) -> dict[str, Any]:
        self.num_names += 1
        said: dict[str, Any] = {"name": f"phase {self.num_names}"}
        forms = dict(_FORMS[name]["properties"])
        if depth < 2 and self.chance(0.2):
            inside = [self.phase("InnerPhase", depth + 1) for _ in range(self.rng.integers(1, 4))]
            said["phases"] = inside
            if self.chance(0.7):
                said["join"] = self.value(forms["join"], "join", depth)
            if isinstance(said.get("join"), dict):
                densities = {one["name"]: self.density() for one in inside}
                said["join"]["mixture"] = densities
        else:
            said["scenes"] = self.own_scenes()
            said["arrange"] = self.arrangement(0)
            if self.chance(0.2):
                said["keep"] = "document"
        shares = {"passes": 0.2, "batch_size": 0.2, "lr_scale": 0.2}
        shares |= dict.fromkeys(("loss_scale", "modules", "moments", "rewarm", "lora"), 0.05)
        shares |= {"rehearse": 0.2 if self.num_names > 1 else 0.02}
        for key in (key for key in shares if key in forms and self.chance(shares[key])):
            said[key] = self.value(forms[key], key, depth)
        return said

    def own_scenes(self) -> Any:
        """Scenes that no other phase has, as a rule."""
        if self.chance(0.05):
            return self.selection(0)
        if not self.has_rest and (not self.free or self.chance(0.15)):
            self.has_rest = True
            return "rest"
        said = self.free.pop() if self.free else self.selection(0)
        return {**self.selection(0), **said} if self.chance(0.1) else said

    def selection(self, depth: int) -> dict[str, Any]:
        said = {}
        fields = _FORMS["Selection"]["properties"]
        for key in self.some_of(list(fields))[: int(self.rng.integers(1, 3))]:
            if key in ("any_of", "none_of"):
                if depth < _DEEP:
                    said[key] = [self.selection(depth + 1) for _ in range(self.rng.integers(1, 3))]
            elif key == "part":
                said[key] = sorted(round(float(end), 2) for end in self.rng.random(2))
            elif key == "measures":
                said[key] = {name: self.range_of(name) for name in self.some_of(_ORDERED)[:2]}
            elif key == "near":
                said[key] = self.near()
            else:
                said[key] = self.value(fields[key], key, depth)
        return said

    def near(self) -> dict[str, Any]:
        form = _FORMS["Near"]["properties"]
        keys = (self.one_of(["text", "scene"]), self.one_of(["top", "radius"]))
        return {key: self.value(form[key]["anyOf"][0], key, 0) for key in keys}

    def range_of(self, measure: str) -> list[Any]:
        values = self.scenes[measure].drop_nulls()
        low, high = sorted(self.one_of(values) for _ in range(2))
        return [None if self.chance(0.3) else low, None if self.chance(0.3) else high]

    def density(self) -> Any:
        form = self.one_of(_FORMS["Density"]["anyOf"])
        count = int(self.rng.integers(2, 5))
        values = (self.rng.random(count).round(2) + 0.01).tolist()
        inner = self.rng.random(count - 2).round(2)
        ages = [0, *np.unique(inner[(inner > 0) & (inner < 1)]).tolist(), 1]
        if "patternProperties" in form:
            return dict(zip(ages, values, strict=False))
        if "ages" in form.get("properties", {}):
            return {"ages": ages, "values": values[: len(ages)]}
        if form["type"] == "array":
            return values
        return self.value(form, "density", 0) if form["type"] == "object" else values[0]

    def arrangement(self, depth: int) -> Any:
        names = ["as_is", "shuffle"] if depth >= _DEEP else list(_ARRANGEMENTS)
        return self.value(self.one_of(_ARRANGEMENTS[self.one_of(names)]), "", depth + 1)

    def value(self, form: Any, key: str, depth: int) -> Any:
        """Anything that fits a form of the schema, which stands under `key`."""
        if "$ref" in form:
            name = form["$ref"].rpartition("/")[2]
            own = {"Arrangement": self.arrangement, "Selection": self.selection}
            if name in own:
                return own[name](depth)
            return self.density() if name == "Density" else self.value(_FORMS[name], key, depth)
        if "const" in form:
            return form["const"]
        if "enum" in form:
            return self.one_of(form["enum"])
        for choice in ("anyOf", "oneOf"):
            if choice in form:
                return self.value(self.one_of(form[choice]), key, depth)
        return getattr(self, f"a_{form['type']}")(form, key, depth)

    def a_object(self, form: Any, key: str, depth: int) -> dict[str, Any]:
        if "properties" not in form:  # a density for each kind
            kinds = self.some_of(KINDS) if self.chance(0.1) else KINDS
            return {name: self.value(form["additionalProperties"], key, depth) for name in kinds}
        needed = form.get("required", ())
        return {
            name: self.value(part, name, depth)
            for name, part in form["properties"].items()
            if name in needed or self.chance(0.35)
        }

    def a_array(self, form: Any, key: str, depth: int) -> list[Any]:
        if key in ("blocks", "kinds"):
            return self.some_of(KINDS) if self.chance(0.1) else list(self.rng.permutation(KINDS))
        num = form.get("minItems", 0) + int(self.rng.integers(3))
        return [self.value(form["items"], key, depth) for _ in range(num)]

    def a_string(self, form: Any, key: str, depth: int) -> str:
        del form, depth
        return str(self.one_of(self.words[key]))

    def a_integer(self, form: Any, key: str, depth: int) -> int:
        del depth
        if key == "seed" and self.chance(0.1):
            return 2**70
        return int(form["minimum"] + self.rng.geometric(0.5) - 1)

    def a_number(self, form: Any, key: str, depth: int) -> float:
        del key, depth
        low = form.get("minimum", form.get("exclusiveMinimum", 0))
        high = form.get("maximum", form.get("exclusiveMaximum", low + 2))
        if self.chance(0.1):
            ends = [form[end] for end in ("minimum", "maximum") if end in form]
            return self.one_of(ends or [0.5])
        return round(float(self.rng.uniform(low + 0.01, high - 0.01)), 2)

    def a_null(self, form: Any, key: str, depth: int) -> None:
        del form, key, depth


_ORDERED = [name for name in _FORMS["Measure"]["enum"] if not name.startswith("-")]
assert DATE in _ORDERED


def as_yaml(value: Any, rng: np.random.Generator) -> str:
    """YAML of a tree of maps, lists and plain values: partly in blocks, partly on a line."""
    return "\n".join(_in_blocks(value, rng)) + "\n"


def _in_blocks(value: Any, rng: np.random.Generator) -> list[str]:
    lines: list[str] = []
    is_map = isinstance(value, Mapping)
    for key, item in value.items() if is_map else ((None, item) for item in value):
        in_blocks = isinstance(item, (Mapping, list)) and item and rng.random() < 0.5
        inside = _in_blocks(item, rng) if in_blocks else [on_a_line(item)]
        if not is_map:
            lines += [f"- {inside[0]}", *(f"  {line}" for line in inside[1:])]
        elif in_blocks:
            lines += [f"{on_a_line(key)}:", *(f"  {line}" for line in inside)]
        else:
            lines.append(f"{on_a_line(key)}: {inside[0]}")
    return lines


def on_a_line(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{on_a_line(k)}: {on_a_line(v)}' for k, v in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(on_a_line, value))}]"
    if isinstance(value, float) and not np.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}[str(value)]
    if isinstance(value, str):
        is_simple = _SIMPLE.fullmatch(value) and value not in _NOT_TEXT
        return value if is_simple else json.dumps(value)
    return value.isoformat() if isinstance(value, date) else json.dumps(value)
