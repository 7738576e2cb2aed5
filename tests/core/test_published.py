"""The published schema: what an editor accepts, refuses and shows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from engine.core import spec as models
from engine.core.published import DIALECT, ID, json_schema
from engine.core.published.authored import authored_schema
from engine.core.values import Json


@dataclass(frozen=True)
class Operation:
    arguments: Mapping[str, Json] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
ROLES = {"/body": ("code",), "/to": ("header",), "/headers/*": ("code",), "/file/x": ("code",)}
OPERATIONS = {
    "mail.send@1": Operation(ARGUMENTS, ROLES),
    "echo.say@1": Operation({"type": "object"}),
}
EXAMPLES = sorted((Path(__file__).parents[2] / "specs").glob("[1-5]-*.yaml"))


def spec(**more: Any) -> dict[str, Any]:
    step = {"uses": "echo.say@1"}
    head = {"apiVersion": "sark/v1", "kind": "Workflow", "name": "w", "steps": {"a": step}}
    return {**head, **more}


def doing(**step: Any) -> dict[str, Any]:
    return spec(steps={"a": step})


def sending(**arguments: Any) -> dict[str, Any]:
    arguments = {"to": "x", "file": "f", **arguments}
    return spec(steps={"a": {"uses": "mail.send@1", "with": arguments}})


@cache
def validators() -> tuple[Any, Any]:
    schema = json_schema(OPERATIONS)
    return jsonschema.Draft202012Validator(schema), jsonschema_rs.validator_for(schema)


def accepts(value: Any) -> bool:
    """Two readers of the standard give one verdict."""
    told = {bool(each.is_valid(value)) for each in validators()}
    assert len(told) == 1
    return told.pop()


TEMPLATE = "{{ inputs.x }}"
CALL: dict[str, Any] = {"uses": "echo.say@1"}
FAIL = {"type": "a.b", "message": "no"}
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
    doing(call="other", detach=True, **{"with": {"x": 1}}),
    doing(wait={"for": "7d"}),
    doing(wait={"for": TEMPLATE}),
    doing(wait={"until": "2026-03-29T02:30:00Z"}),
    doing(switch={"value": "inputs.x", "cases": {"a": {"steps": []}}, "else": {"fail": FAIL}}),
    doing(switch=[{"if": "inputs.x", "steps": []}, {"else": {"fail": FAIL}}]),
    doing(fallback={"outputs": {"x": 1}}, **CALL),
    doing(fallback={"outputs": {"x": 1}, **CALL}, **CALL),
    doing(race={"branches": {"a": CALL, "b": {"steps": [{"id": "c", **CALL}]}}}),
    doing(priority=TEMPLATE, **CALL),
    doing(priority={"level": "low", "fair_key": TEMPLATE}, **CALL),
    doing(repeat={"until": "self.outputs.x", "max_times": 3, **CALL}),
    spec(triggers={"t": {"type": "github.release", "actions": ["published"]}}),
    spec(on_failure=[{"match": {"any": True}, "emit": {"type": "a.b"}, "then": "recover"}]),
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
    doing(wait={"for": "7d", "until": TEMPLATE}),
    doing(wait={"for": "soon"}),
    doing(wait={"until": "2026-13-29T02:30:00Z"}),
    doing(retry={}, set={}),
    doing(detach=True, **CALL),
    doing(**{"with": {}, "set": {}}),
    doing(fallback={}, **CALL),
    doing(race={"branches": {"a": CALL}}),
    doing(repeat={"until": "x", "max_times": 3}),
    doing(repeat={"until": "x", "max_times": 3, "steps": [], **CALL}),
    doing(repeat={"until": "x", **CALL}),
    doing(repeat={"until": "x", "max_times": 1, "uses": "mail.send@1", "with": {"times": "3"}}),
    doing(compensate={"uses": "mail.send@1", "with": {"to": 1}}, **CALL),
    doing(for_each={"over": "x", "max_parallel": 1_001, **CALL}),
    doing(switch=[{"steps": []}]),
    doing(priority="urgent", **CALL),
    spec(triggers={"t": {"type": "github.realease"}}),
    spec(triggers={"t": {"type": "schedule"}}),
    spec(on_failure=[{"match": {"any": False}, "emit": {"type": "a.b"}}]),
    spec(kind="Workflows"),
    spec(kind="Pool"),
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
    before = json.dumps(authored_schema("Workflow"))

    one = json.dumps(json_schema(OPERATIONS))
    other = json.dumps(json_schema(dict(reversed(OPERATIONS.items()))))

    assert one == other
    assert before == json.dumps(authored_schema("Workflow"))


def test_without_operations_any_operation_will_do() -> None:
    """
    The schema stands without adapters too: `uses` is then any `name@major`.
    """
    step = spec(steps={"a": {"uses": "mail.send@1", "with": {"times": "3"}}})

    assert jsonschema.Draft202012Validator(json_schema({})).is_valid(step)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_whole_specs_are_accepted(file: Path) -> None:
    """
    Long specs with every construct are not underlined anywhere.
    """
    value = json.loads(json.dumps(YAML(typ="safe", pure=True).load(file), default=str))
    schema = json_schema({})

    assert jsonschema.Draft202012Validator(schema).is_valid(value)
    assert jsonschema_rs.is_valid(schema, value)


KINDS: list[dict[str, Any]] = [
    {"kind": "Connection", "adapter": "http", "with": {"base": TEMPLATE}, "secrets": ["a-key"]},
    {"kind": "Pool", "workers": {"zone": "a"}, "parallelism": 4, "sandbox": "vm"},
    {"kind": "CircuitBreaker", "window": "1m", "failure_ratio": 0.5, "open_for": "30s"},
    {"kind": "Calendar", "days": ["mon"], "except": ["2026-12-24"], "timezone": "Europe/Oslo"},
    {"kind": "Environment", "variables": {"A": "1"}, "protection": {"by": ["group:a"]}},
    {"kind": "WorkflowTest", "workflow": "w", "expect": {"run": {"state": "failed"}}},
    {"kind": "PolicyTest", "after": {"file": "a"}, "expect": [{"rule": "a", "effect": "deny"}]},
]


@pytest.mark.parametrize("body", KINDS, ids=lambda body: str(body["kind"]))
def test_the_kind_selects_the_keys(body: dict[str, Any]) -> None:
    """
    A document of each kind is accepted with its own keys, and refused with those of another.
    """
    document = {"apiVersion": "sark/v1", "name": "x", **body}

    assert accepts(document)
    assert not accepts({**document, "steps": {"a": CALL}})
    assert not accepts({**document, "kind": "Workflow"})
    assert set(models.KINDS) == {"Workflow", *(each["kind"] for each in KINDS)}


def test_every_key_says_what_it_is_for() -> None:
    """
    Wherever the pointer rests there is a description, and operations bring their own.
    """
    schema = json_schema(OPERATIONS)
    definitions: Any = schema["$defs"]

    silent = [
        f"{name}.{key}"
        for name, record in definitions.items()
        if name[0].isupper()
        for key, each in record.get("properties", {}).items()
        if "title" in record and not described(each, schema)
    ]

    assert silent == []
    known = definitions["OperationName"]["anyOf"]
    assert {"const": "mail.send@1", "description": "Send a thing."} in known


def described(schema: Any, whole: Any) -> bool:
    """A reference whose words would be those of its target leaves them to it."""
    if schema.get("description"):
        return True
    target = schema.get("$ref")
    return target is not None and described(reached(whole, target), whole)


def reached(whole: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        whole = whole[part]
    return whole


def test_every_string_says_its_class() -> None:
    """
    Whoever completes, colours or mutates specs knows where an expression or a template may stand.
    """
    schema = json_schema(OPERATIONS)
    definitions: Any = schema["$defs"]
    authored = {name: each for name, each in definitions.items() if name[0].isupper()}

    told = [each.get("x-sark-class") for each in strings(authored)]

    assert {"literal", "expression", "template", "prose"} == set(told)


CLASSES = {
    "Step/if": "expression",
    "Step/with": "template",
    "Step/needs": "literal",
    "Step/env": "template",
    "ForEach/over": "expression",
    "ForEach/key": "expression",
    "ForEach/as": "literal",
    "Repeat/until": "expression",
    "Switch/value": "expression",
    "Choice/if": "expression",
    "Wait/for": "template",
    "Wait/until": "template",
    "Await/event": "literal",
    "Await/match": "expression",
    "Approve/by": "literal",
    "Approve/show": "template",
    "Approve/binds": "template",
    "Approve/form": "literal",
    "Emit/type": "literal",
    "Emit/subject": "template",
    "Emit/data": "template",
    "Fail/type": "template",
    "Match/if": "expression",
    "Match/type": "literal",
    "Concurrency/group": "template",
    "Idempotency/key": "template",
    "Cache/key": "template",
    "StepOutput/from": "expression",
    "TypedValue/value": "template",
    "WebhookTrigger/fan_out": "expression",
    "WebhookTrigger/filter": "expression",
    "WebhookTrigger/payload": "literal",
    "Dedupe/key": "template",
    "ScheduleTrigger/cron": "literal",
    "CancelWhen/match": "expression",
    "Workflow/description": "prose",
    "Workflow/inputs": "literal",
    "Connection/with": "template",
    "Environment/variables": "literal",
    "Mock/outputs": "prose",
    "mail.send@1/body": "literal",
}


@pytest.mark.parametrize(("key", "expected"), CLASSES.items())
def test_a_key_has_its_class(key: str, expected: str) -> None:
    """
    The classes are those of the language: `if` is an expression, `with` holds templates.
    """
    schema = json_schema(OPERATIONS)
    definitions: Any = schema["$defs"]
    name, key = key.split("/")

    assert expected == class_of(definitions[name]["properties"][key], schema)


def test_an_input_has_a_literal_schema_and_a_template_for_its_default() -> None:
    """
    The default of an input may be a template, and nothing else of its schema.
    """
    definitions: Any = json_schema({})["$defs"]
    told = definitions["InputSchema"]

    assert ("literal", "template") == (
        told["x-sark-class"],
        told["properties"]["default"]["x-sark-class"],
    )


def class_of(schema: Any, whole: Any) -> Any:
    """The class of a key: its own, or that of what it holds or may be."""
    if "x-sark-class" in schema:
        return schema["x-sark-class"]
    if "$ref" in schema:
        return class_of(reached(whole, schema["$ref"]), whole)
    inner = schema.get("items") or schema.get("additionalProperties") or schema["anyOf"][0]
    return class_of(inner, whole)


def strings(schema: Any) -> Iterator[Any]:
    """Every schema of a string in the definitions."""
    if isinstance(schema, list):
        for each in schema:
            yield from strings(each)
    if isinstance(schema, dict):
        if schema.get("type") == "string":
            yield schema
        for key, each in schema.items():
            if key != "examples":
                yield from strings(each)
