"""The published schema: what an editor accepts, refuses and shows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import pytest

from engine.core.published import DIALECT, ID, authored_schema, json_schema
from engine.core.values import Json


@dataclass(frozen=True)
class Operation:
    arguments: Mapping[str, Json] = field(default_factory=dict)


ARGUMENTS: dict[str, Json] = {
    "$schema": DIALECT,
    "description": "Send a thing.",
    "type": "object",
    "required": ["to"],
    "additionalProperties": False,
    "oneOf": [{"required": ["body"]}, {"required": ["file"]}],
    "properties": {
        "to": {"type": "string"},
        "times": {"type": "integer", "default": 1, "description": "How often."},
        "mode": {"enum": ["fast", "safe"]},
        "flags": {"type": "array", "items": {"type": "boolean"}},
        "pair": {"prefixItems": [{"type": "number"}, True]},
        "headers": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
        "sizes": {"type": "object", "patternProperties": {"^s": {"type": "integer"}}},
        "auth": {"oneOf": [{"$ref": "#/$defs/Token"}, {"$ref": "#/$defs/Basic"}]},
        "self": {"$ref": "#"},
        "deep": {"$ref": "#/properties/mode"},
        "body": {"not": {"$ref": "#/$defs/Basic"}, "anyOf": [{"type": "object"}, {"type": "null"}]},
        "file": {},
        "odd": {
            "type": "object",
            "if": {"required": ["a"]},
            "then": {"properties": {"a": {"type": "integer"}}},
        },
    },
    "$defs": {
        "Token": {"type": "object", "required": ["token"], "properties": {"token": {"const": 1}}},
        "Basic": {
            "type": "object",
            "required": ["user"],
            "properties": {"user": {"type": "string"}},
        },
    },
}
OPERATIONS = {"mail.send@1": Operation(ARGUMENTS), "echo.say@1": Operation({"type": "object"})}


def spec(**more: Any) -> dict[str, Any]:
    step = {"uses": "echo.say@1"}
    head = {"apiVersion": "sark/v1", "kind": "Workflow", "name": "w", "steps": {"a": step}}
    return {**head, **more}


def sending(**arguments: Any) -> dict[str, Any]:
    arguments = {"to": "x", "file": "f", **arguments}
    return spec(steps={"a": {"uses": "mail.send@1", "with": arguments}})


def accepts(value: Any) -> bool:
    validator = jsonschema.Draft202012Validator(json_schema(OPERATIONS))
    return bool(validator.is_valid(value))


TEMPLATE = "{{ inputs.x }}"
GOOD: list[dict[str, Any]] = [
    spec(),
    spec(steps=[{"id": "a", "set": {"x": {"value": None}}}]),
    spec(steps={"a": {"uses": "not.known@1", "with": {"any": 1}}}),
    spec(timeout="1h30m") | {"finally": {"steps": {"b": {"uses": "echo.say@1"}}}},
    sending(),
    sending(times=3, mode="safe", flags=[True], pair=[1, "x"], headers={"a": 1, "b": "c"}),
    sending(times=TEMPLATE, mode=TEMPLATE, flags=TEMPLATE, pair=TEMPLATE, headers=TEMPLATE),
    sending(flags=[TEMPLATE], pair=[TEMPLATE], sizes={"s1": TEMPLATE}, headers={"a": TEMPLATE}),
    sending(auth={"token": 1}),
    sending(auth={"token": TEMPLATE}),
    sending(auth={"token": TEMPLATE, "user": "u"}),
    sending(auth=TEMPLATE),
    sending(deep="fast", self={"to": "x", "file": 1}),
    sending(deep=TEMPLATE, odd={"a": TEMPLATE}),
    spec(steps={"a": {"uses": "mail.send@1", "with": {"to": "x", "body": TEMPLATE}}}),
]
BAD: list[dict[str, Any]] = [
    spec(titel="x"),
    spec(title=None),
    spec(timeout="soon"),
    spec(steps={"A": {"uses": "echo.say@1"}}),
    spec(steps={"a": {"id": "a", "uses": "echo.say@1"}}),
    spec(steps=[{"uses": "echo.say@1"}]),
    spec(steps={"a": {}}),
    spec(steps={"a": {"uses": "echo.say@1", "set": {}}}),
    spec(steps={"a": {"uses": "echo"}}),
    spec(steps={"a": {"uses": "mail.send@1"}}),
    spec(triggers={"t": {"type": "webhook"}}),
    sending(times="3"),
    sending(mode="slow"),
    sending(flags=["yes"]),
    sending(other=1),
    sending(body={}),
    sending(self={}),
    sending(deep="slow"),
    sending(auth={}),
    sending(odd={"a": "x"}),
    sending(sizes={"s1": "x"}),
]


@pytest.mark.parametrize("value", GOOD, ids=json.dumps)
def test_what_an_editor_accepts(value: dict[str, Any]) -> None:
    """
    What the compiler takes is not underlined: templates stand wherever a value may.
    """
    assert accepts(value)


@pytest.mark.parametrize("value", BAD, ids=json.dumps)
def test_what_an_editor_underlines(value: dict[str, Any]) -> None:
    """
    What the compiler would refuse is seen while it is typed.
    """
    assert not accepts(value)


def test_it_is_a_schema_of_2020_12_with_a_versioned_name() -> None:
    """
    The schema is valid, says its dialect, and carries the version of the language.
    """
    schema = json_schema(OPERATIONS)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == (DIALECT, ID)
    assert "v1" in ID


def test_the_same_operations_give_the_same_bytes() -> None:
    """
    Order of registration does not show, and printing changes nothing for the next.
    """
    before = json.dumps(authored_schema())

    one = json.dumps(json_schema(OPERATIONS))
    other = json.dumps(json_schema(dict(reversed(OPERATIONS.items()))))

    assert one == other
    assert before == json.dumps(authored_schema())


def test_without_operations_any_operation_will_do() -> None:
    """
    The schema stands without adapters too: `uses` is then any `name@major`.
    """
    step = spec(steps={"a": {"uses": "mail.send@1", "with": {"times": "3"}}})

    assert jsonschema.Draft202012Validator(json_schema({})).is_valid(step)


def test_every_key_says_what_it_is_for() -> None:
    """
    Wherever the pointer rests there is a description, and operations bring their own.
    """
    schema = json_schema(OPERATIONS)
    definitions = schema["$defs"]
    assert isinstance(definitions, Mapping)

    silent = [
        f"{name}.{key}"
        for name, record in [("Workflow", schema), *definitions.items()]
        if name[0].isupper()
        for key, each in properties(record)
        if not described(each, definitions)
    ]

    assert silent == []
    uses = dict(properties(definitions["Step"]))["uses"]
    assert {"const": "mail.send@1", "description": "Send a thing."} in uses["anyOf"]


def described(schema: Any, definitions: Any) -> bool:
    """A reference whose words would be those of its target leaves them to it."""
    target = definitions.get(schema.get("$ref", "").removeprefix("#/$defs/"), {})
    return bool(schema.get("description") or target.get("description"))


def properties(record: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from record["properties"].items()
