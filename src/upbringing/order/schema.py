"""The JSON Schema of a curriculum, by which an editor completes, explains and checks it.

Made of the same models and signatures that read the file, with the shorthands that a person may
write. It accepts what they accept; what only a look at the whole file or at a corpus can tell, it
lets pass.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import AfterValidator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from upbringing.order.curriculum import Curriculum
from upbringing.order.levers import read_rates
from upbringing.order.mixing import Density
from upbringing.order.parameters import Measure, measurable
from upbringing.order.phases import Passes, WeightedPasses
from upbringing.order.places import read_arrangement, strategies

SCHEMA_FILE = "ltm_curriculum.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""The first line of a curriculum that lies beside its schema."""

_LINK = "definition "  # marks a place that becomes a link once all definitions are there
_NOT_NEGATIVE = {"type": "number", "minimum": 0}

_HOW_MANY = {"type": "integer", "minimum": 1, "description": "How many."}

_SHORTHANDS: Mapping[str, list[JsonSchemaValue]] = {
    Passes.__name__: [_HOW_MANY],
    WeightedPasses.__name__: [_HOW_MANY],
    Density.__name__: [
        {**_NOT_NEGATIVE, "description": "The same at every age."},
        {
            "type": "array",
            "items": _NOT_NEGATIVE,
            "minItems": 2,
            "description": "Values at ages that divide the phase evenly; linear between them.",
        },
        {
            "type": "object",
            "properties": {
                "from": _NOT_NEGATIVE,
                "to": _NOT_NEGATIVE,
                "shape": {"enum": ["linear", "cosine", "step"]},
                "at": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            },
            "required": ["from", "to"],
            "additionalProperties": False,
            "description": "From one value to another; a step is at the age `at`.",
        },
        {
            "type": "object",
            "patternProperties": {r"^[0-9.]+$": _NOT_NEGATIVE},
            "minProperties": 2,
            "additionalProperties": False,
            "description": "A table of age: value, from age 0 to age 1.",
        },
    ],
}
"""What may stand in the place of the form written out, by definition."""

_measure_check = next(mark.func for mark in get_args(Measure) if isinstance(mark, AfterValidator))


def curriculum_schema() -> dict[str, Any]:
    """The schema of `ltm_curriculum.yaml`: JSON Schema, draft 2020-12."""
    schema = Curriculum.model_json_schema(schema_generator=_AsWritten)
    definitions = {**schema.pop("$defs"), **_arrangements()}
    definitions["Measure"] = {"enum": [*measurable(), *(f"-{name}" for name in measurable())]}
    for name, definition in definitions.items():
        _explain(definition)
        if name in _SHORTHANDS:
            definitions[name] = {"anyOf": [*_SHORTHANDS[name], definition]}
    _explain(schema)
    whole: dict[str, Any] = _finished(
        {
            "$schema": GenerateJsonSchema.schema_dialect,
            **schema,
            "$defs": dict(sorted(definitions.items())),
        }
    )
    return whole


class _AsWritten(GenerateJsonSchema):
    """Schemas of what stands in a file, where pydantic's own are of what is made of it."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A key is its own title."""
        del schema
        return False

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """An arrangement, rates of parts, or a list; for a list may stand its only item."""
        if schema["function"]["function"] is read_arrangement:
            return {"$comment": f"{_LINK}Arrangement"}
        whole = super().function_before_schema(schema)
        if schema["function"]["function"] is read_rates:
            part = {"type": "string", "minLength": 1}
            return {"anyOf": [part, {"type": "array", "items": part, "minItems": 1}, whole]}
        if whole.get("type") == "array" and "items" in whole:
            return {"anyOf": [whole["items"], {**whole, "minItems": 1}]}
        return whole

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """The names of measures, where one is asked for."""
        if schema["function"]["function"] is _measure_check:
            return {"$comment": f"{_LINK}Measure"}
        return super().function_after_schema(schema)


def _arrangements() -> dict[str, JsonSchemaValue]:
    """The definition `Arrangement`, and those that its parameters need."""
    alone, forms, definitions = [], {}, {}
    for name, strategy in sorted(strategies().items()):
        said = inspect.getdoc(strategy.function)
        parameters = {
            key: adapter.json_schema(schema_generator=_AsWritten)
            for key, adapter in strategy.parameters.items()
        }
        for key, parameter in parameters.items():
            definitions.update(parameter.pop("$defs", {}))
            if key in strategy.defaults and strategy.defaults[key] is not None:
                parameter["default"] = strategy.defaults[key]
        needed = [key for key in parameters if key not in strategy.defaults]
        if not needed:
            alone.append({"const": name, "description": said})
        if parameters:
            in_full = {
                "type": "object",
                "properties": parameters,
                "required": needed,
                "additionalProperties": False,
            }
            first = next(iter(parameters.values()))
            forms[name] = {"description": said, "anyOf": [first, in_full]}
    one_form = {"minProperties": 1, "maxProperties": 1, "additionalProperties": False}
    definitions["Arrangement"] = {
        "description": "Where each scene of a phase stands among the others.",
        "anyOf": [*alone, {"type": "object", "properties": forms, **one_form}],
    }
    return definitions


def _explain(definition: JsonSchemaValue) -> None:
    """Let the keys of a definition say what its description says of them, line by line."""
    properties = definition.get("properties", {})
    said = definition.get("description", "")
    for key, words in re.findall(r"^(\w+)  +(.+(?:\n  +.+)*)", said, flags=re.MULTILINE):
        if key in properties:
            properties[key] = {"description": " ".join(words.split()), **properties[key]}


def _finished(value: Any) -> Any:
    """A schema with its links, and without what pydantic says of text where there is a list."""
    if isinstance(value, list):
        return [_finished(item) for item in value]
    if not isinstance(value, dict):
        return value
    done = {key: _finished(item) for key, item in value.items()}
    if "anyOf" in done:
        done.pop("minLength", None)
    link = done.get("$comment")
    if isinstance(link, str) and link.startswith(_LINK):
        del done["$comment"]
        done["$ref"] = f"#/$defs/{link.removeprefix(_LINK)}"
    return done
