"""The JSON Schema of specs: printed from the pydantic models, `with` typed by the operations."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, Protocol

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from engine.core import spec
from engine.core.values import Json

ID: Final = "urn:sark:schema:v1:workflow"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_TEMPLATE: Final = {
    "type": "string",
    "pattern": r"\{\{",
    "description": "A template; `{{ x }}` alone keeps the type of `x`.",
}
# Keywords whose value is a schema for another place, a list of such, or a mapping to such.
_BELOW: Final = ("items", "additionalProperties", "contains")
_BELOW_LISTED: Final = ("prefixItems",)
_BELOW_NAMED: Final = ("properties", "patternProperties")
# Those that speak of the same place as the schema that they stand in.
_BESIDE: Final = ("anyOf", "oneOf", "allOf")
_BRANCHES: Final = ("then", "else")
_HEAD: Final = ("$defs", "$schema", "$id")
_TEXTS: Final = ("description", "default", "examples")
_DATA: Final = ("const", "enum", "default", "examples")
_NARROWING: Final = frozenset({"enum", "const", "pattern", "format", "not", "if", "$ref", *_BESIDE})


class Typed(Protocol):
    """An operation, as far as an editor needs to know it; see `adapters.contract.Manifest`."""

    @property
    def arguments(self) -> Mapping[str, Json]: ...


def json_schema(operations: Mapping[str, Typed]) -> dict[str, Json]:
    """Return the schema that `sark schema` writes; the same bytes for the same operations.

    A step's `with` follows the operation that its `uses` names. A string that holds `{{` may
    stand wherever the operation wants something else.
    """
    authored = authored_schema()
    definitions: dict[str, Any] = dict(authored["$defs"])
    if operations:
        definitions["Step"] = _typed_step(definitions["Step"], operations)
    for name in sorted(operations):
        definitions.update(_arguments(name, operations[name].arguments))
    head = {"$schema": DIALECT, "$id": ID}
    return {**head, **authored, "$defs": dict(sorted(definitions.items()))}


@cache
def authored_schema() -> dict[str, Any]:
    """Return the schema of a workflow by its models alone; treat it as frozen."""
    return spec.Workflow.model_json_schema(by_alias=True, schema_generator=_Authored)


class _Authored(GenerateJsonSchema):
    """What an author may write: keys are left out rather than null, and none is unknown."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if not isinstance(made.get("default"), str | int | float):
            made.pop("default", None)
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        if "patternProperties" in made:
            made["additionalProperties"] = False
        return made

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def _typed_step(step: Mapping[str, Any], operations: Mapping[str, Typed]) -> dict[str, Any]:
    properties = dict(step["properties"])
    uses = properties["uses"]
    known = [_known(name, operations[name]) for name in sorted(operations)]
    texts = {key: uses[key] for key in ("description", "examples") if key in uses}
    rest = {key: value for key, value in uses.items() if key not in texts}
    properties["uses"] = {**texts, "anyOf": [*known, rest]}
    rules = [_rule(name, operations[name]) for name in sorted(operations)]
    return {**step, "properties": properties, "allOf": rules}


def _known(name: str, operation: Typed) -> dict[str, Json]:
    about = operation.arguments.get("description", "")
    return {"const": name, **({"description": about} if about else {})}


def _rule(name: str, operation: Typed) -> dict[str, Json]:
    """Return: where `uses` is this operation, `with` is of its arguments."""
    then: dict[str, Json] = {"properties": {"with": {"$ref": f"#/$defs/{name}"}}}
    if operation.arguments.get("required"):
        then["required"] = ["with"]
    return {"if": {"properties": {"uses": {"const": name}}, "required": ["uses"]}, "then": then}


def _arguments(name: str, schema: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the definitions of an operation's arguments: its own, and those that it refers to."""
    rebased = _rebased(schema, name)
    assert isinstance(rebased, Mapping)
    own = rebased.get("$defs", {})
    assert isinstance(own, Mapping)
    yield name, _inside({key: rebased[key] for key in rebased if key not in _HEAD})
    for each, definition in own.items():
        yield f"{name}.{each}", _inside(definition)


def _rebased(value: Json, name: str) -> Json:
    """Return the schema with its references made those of the definition `name`."""
    match value:
        case Mapping():
            return {
                key: inner if key in _DATA else _rebased(_reference(key, inner, name), name)
                for key, inner in value.items()
            }
        case list() | tuple():
            return [_rebased(each, name) for each in value]
        case _:
            return value


def _reference(key: str, value: Json, name: str) -> Json:
    if key != "$ref" or not isinstance(value, str):
        return value
    if value.startswith("#/$defs/"):
        return f"#/$defs/{name}.{value.removeprefix('#/$defs/')}"
    return f"#/$defs/{name}{value.removeprefix('#')}"


def _loosened(schema: Json) -> Json:
    """Return the schema of a value that may be a template instead."""
    inside = _inside(schema)
    if not isinstance(inside, Mapping) or _takes_any_text(inside):
        return inside
    kept = {key: inside[key] for key in _TEXTS if key in inside}
    rest = {key: value for key, value in inside.items() if key not in kept}
    return {**kept, "anyOf": [rest, _TEMPLATE]}


def _inside(schema: Json) -> Json:
    """Return the schema with templates let in at the places below its own."""
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _keyword(key, value) for key, value in schema.items()}
    branches = made.get("oneOf")
    if isinstance(branches, list) and any(set(each) - {"required"} for each in branches):
        # A template may please two branches at once.
        made["anyOf"] = made.pop("oneOf")
    return made


def _keyword(key: str, value: Json) -> Json:
    match value:
        case Mapping() if key in _BELOW_NAMED:
            return {each: _loosened(inner) for each, inner in value.items()}
        case list() if key in _BELOW_LISTED:
            return [_loosened(each) for each in value]
        case list() if key in _BESIDE:
            return [_inside(each) for each in value]
        case _ if key in _BELOW:
            return _loosened(value)
        case _ if key in _BRANCHES:
            return _inside(value)
        case _:
            return value


def _takes_any_text(schema: Mapping[str, Json]) -> bool:
    if not _NARROWING.isdisjoint(schema):
        return False
    types = schema.get("type", "string")
    return types == "string" or (isinstance(types, list | tuple) and "string" in types)
