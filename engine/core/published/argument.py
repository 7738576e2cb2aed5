"""The JSON Schema of an operation's arguments, as an author may write them.

A string that holds `{{` may stand wherever the operation wants something else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from engine.core import facts
from engine.core.values import Json

_TEMPLATE: Final = {"$ref": "#/$defs/OnlyTemplate"}
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


def definitions(
    name: str, schema: Mapping[str, Json], roles: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Json]]:
    """Yield the definitions of an operation's arguments: its own, and those that it refers to.

    Strings in them are templates, but for code, which takes none.
    """
    rebased = _rebased(schema, name)
    assert isinstance(rebased, Mapping)
    own = rebased.get("$defs", {})
    assert isinstance(own, Mapping)
    whole = _opened({key: rebased[key] for key in rebased if key not in _HEAD})
    for pointer, told in roles.items():
        if facts.CODE in told:
            whole = _literal(whole, pointer.split("/")[1:])
    yield name, {**whole, "x-sark-class": "template"}
    for each, definition in own.items():
        yield f"{name}.{each}", _inside(definition)


def _literal(schema: dict[str, Json], pointer: Sequence[str]) -> dict[str, Json]:
    """Return the schema with what it says of the argument at `pointer` marked as literal."""
    if not pointer:
        return {**schema, "x-sark-class": "literal"}
    below = schema.get("properties")
    inner = below.get(pointer[0]) if isinstance(below, Mapping) else None
    if not isinstance(below, Mapping) or not isinstance(inner, Mapping):
        return schema
    return {**schema, "properties": {**below, pointer[0]: _literal(dict(inner), pointer[1:])}}


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
    return _opened(schema) if isinstance(schema, Mapping) else schema


def _opened(schema: Mapping[str, Json]) -> dict[str, Json]:
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
