"""The JSON Schema of specs: printed from the models, `with` typed by the operations."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from engine.core import spec
from engine.core.published.argument import definitions as argument_definitions
from engine.core.published.authored import authored_definitions
from engine.core.published.compact import compacted
from engine.core.values import Json

ID: Final = "urn:sark:schema:v1:spec"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Typed(Protocol):
    """An operation, as far as an editor needs to know it; see `adapters.contract.Manifest`."""

    @property
    def arguments(self) -> Mapping[str, Json]: ...

    @property
    def roles(self) -> Mapping[str, Sequence[str]]: ...


def json_schema(operations: Mapping[str, Typed]) -> dict[str, Json]:
    """Return the schema that `sark schema` writes; the same bytes for the same operations.

    `kind` selects what a document is, and wherever `uses` stands, `with` follows the operation
    that it names. A string that holds `{{` may stand wherever the operation wants something else.
    """
    authored = {name: _selecting(each) for name, each in sorted(authored_definitions().items())}
    made = _called(compacted(authored), operations)
    for name in sorted(operations):
        each = operations[name]
        made.update(argument_definitions(name, each.arguments, each.roles))
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "A SARK spec",
        "type": "object",
        "required": ["apiVersion", "kind", "name"],
        "properties": {
            "apiVersion": authored["Workflow"]["properties"]["apiVersion"],
            "kind": {"enum": list(spec.KINDS), "description": "What this document is."},
        },
        "allOf": [_where("kind", [kind], f"#/$defs/{kind}") for kind in spec.KINDS],
        "$defs": dict(sorted(made.items())),
    }


def _selecting(schema: Any) -> Any:
    """Return the schema with a choice by a key written as rules that editors follow."""
    if isinstance(schema, list):
        return [_selecting(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "discriminator" not in schema:
        return {key: _selecting(each) for key, each in schema.items()}
    tag, tags = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
    families: dict[str, list[str]] = {}
    for each, reference in tags.items():
        families.setdefault(reference, []).append(each)
    return {
        "type": "object",
        "required": [tag],
        "properties": {tag: {"enum": list(tags)}},
        "allOf": [_where(tag, told, reference) for reference, told in families.items()],
    }


def _where(key: str, words: list[str], reference: str) -> dict[str, Json]:
    """Return: where the key has one of the words, the reference holds."""
    told: dict[str, Json] = {"const": words[0]} if len(words) == 1 else {"enum": words}
    return {"if": {"properties": {key: told}, "required": [key]}, "then": {"$ref": reference}}


def _called(authored: Mapping[str, Any], operations: Mapping[str, Typed]) -> dict[str, Any]:
    """Return the definitions with all that names an operation bound to its arguments."""
    made = dict(authored)
    if not operations:
        return made
    rule = {"$ref": "#/$defs/Call"}
    for name, schema in authored.items():
        if "uses" in schema.get("properties", {}):
            made[name] = {**schema, "allOf": [*schema.get("allOf", ()), rule]}
    names = sorted(operations)
    known = [_known(name, operations[name]) for name in names]
    made["OperationName"] = {"anyOf": [*known, authored["OperationName"]]}
    made["Call"] = {"allOf": [_typed(name, operations[name]) for name in names]}
    return made


def _known(name: str, operation: Typed) -> dict[str, Json]:
    about = operation.arguments.get("description", "")
    return {"const": name, **({"description": about} if about else {})}


def _typed(name: str, operation: Typed) -> dict[str, Json]:
    """Return: where `uses` is this operation, `with` is of its arguments.

    Beside a connection it holds a part of them, and which that is only the commit tells.
    """
    then: dict[str, Json] = {"properties": {"with": {"$ref": f"#/$defs/{name}"}}}
    if operation.arguments.get("required"):
        then["required"] = ["with"]
    called: dict[str, Json] = {"properties": {"uses": {"const": name}}, "required": ["uses"]}
    return {"if": {**called, "not": {"required": ["connection"]}}, "then": then}
