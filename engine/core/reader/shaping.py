"""The shapes of a workflow, made from the JSON Schema that its models print."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from engine.core.published import authored_schema
from engine.core.reader.branch import Keyed, Listed, Record
from engine.core.reader.choice import Either, Tagged
from engine.core.reader.later import KEYS
from engine.core.reader.shape import Flag, Free, Number, Shape, Text, Word

_Schema = Mapping[str, Any]
_CLASSES: Final = {"expression": "an expression", "template": "a template"}


@cache
def workflow_shape() -> Record:
    """Return the shape of a whole workflow; made once."""
    schema = authored_schema()
    return Shaping(schema["$defs"]).record(schema)


class Shaping:
    """Makes shapes; one of each definition, so that definitions may refer to themselves."""

    def __init__(self, definitions: Mapping[str, _Schema]) -> None:
        self._definitions = definitions
        self._fields: dict[str, dict[str, Shape]] = {}

    def record(self, schema: _Schema, name: str = "", beside: _Schema | None = None) -> Record:
        """Return the shape of a model; `beside` is what a reference adds to it."""
        beside = beside or {}
        closed = schema.get("additionalProperties") is False
        return Record(
            self._fields_of(schema, name),
            required=(*schema.get("required", ()), *beside.get("required", ())),
            refused=tuple(beside.get("properties", ())),
            one_of=tuple(each["required"][0] for each in schema.get("oneOf", ())),
            rest=None if closed else Free(),
            later=KEYS.get(schema.get("title", ""), frozenset()),
        )

    def shape(self, schema: _Schema) -> Shape:
        """Return the shape of any schema that the models print."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            return self.record(self._definitions[name], name, schema)
        if "discriminator" in schema:
            return self._tagged(schema["discriminator"])
        if "anyOf" in schema:
            return Either(tuple(self.shape(each) for each in schema["anyOf"]))
        if "const" in schema or "enum" in schema:
            return Word(tuple(schema.get("enum") or [schema["const"]]))
        return self._typed(schema)

    def _typed(self, schema: _Schema) -> Shape:
        match schema.get("type"):
            case "string":
                return _text(schema)
            case "boolean":
                return Flag()
            case "integer" | "number" as kind:
                bounds = schema.get("minimum"), schema.get("maximum")
                return Number(kind == "integer", *bounds)
            case "array":
                return Listed(self.shape(schema["items"]))
            case "object":
                return self._keyed(schema)
            case _:
                return Free()

    def _keyed(self, schema: _Schema) -> Shape:
        for pattern, value in schema.get("patternProperties", {}).items():
            name = _text({"pattern": pattern, **schema.get("propertyNames", {})})
            return Keyed(name, self.shape(value))
        value = schema["additionalProperties"]
        return Keyed(Text(), Free() if value is True else self.shape(value))

    def _tagged(self, discriminator: _Schema) -> Tagged:
        records = {}
        for tag, reference in discriminator["mapping"].items():
            name = reference.removeprefix("#/$defs/")
            records[tag] = self.record(self._definitions[name], name)
        return Tagged(discriminator["propertyName"], records)

    def _fields_of(self, schema: _Schema, name: str) -> dict[str, Shape]:
        """Return the fields of a model, filled in when the outermost asker is done."""
        if name in self._fields:
            return self._fields[name]
        fields = self._fields[name] = {}
        for key, each in schema["properties"].items():
            fields[key] = self.shape(each)
        return fields


def _text(schema: _Schema) -> Text:
    if "pattern" not in schema:
        kind = schema.get("x-sark-class", "")
        return Text(None, _CLASSES.get(kind, "a text"), literal=not kind)
    return Text(re.compile(schema["pattern"]), schema["patternErrorMessage"])
