"""Schemas as types: projections, unions, closing, inlining, and what fits where."""

import pytest

from engine.core import schema
from engine.core.pointer import Pointer
from engine.core.schema import Absent
from engine.core.schema.shape import element, member
from engine.core.values import Json

STRING: dict[str, Json] = {"type": "string"}
INTEGER: dict[str, Json] = {"type": "integer"}
NULL: dict[str, Json] = {"type": "null"}
CLOSED: dict[str, Json] = {
    "type": "object",
    "properties": {"name": STRING, "size": INTEGER},
    "additionalProperties": False,
}
NAMED_X: Json = {"type": "object", "properties": {"x": STRING}, "required": ["x"]}
LIKE_X: Json = {
    "type": "object",
    "patternProperties": {"^x": STRING},
    "additionalProperties": False,
}
EITHER: Json = {"type": ["integer", "string"]}

PARTS: list[tuple[Json, tuple[str | int, ...], Json]] = [
    (STRING, (), STRING),
    ({}, ("a", 0), {}),
    (True, ("a",), {}),
    (CLOSED, ("name",), STRING),
    ({"properties": {"a": STRING}}, ("b",), {}),
    ({"additionalProperties": STRING}, ("b",), STRING),
    (LIKE_X, ("b",), {}),
    ({"type": ["object", "null"], "properties": {"a": STRING}}, ("a",), STRING),
    ({"type": "array", "items": STRING}, (3,), STRING),
    ({"type": "array", "prefixItems": [STRING, INTEGER]}, (1,), INTEGER),
    ({"type": "array", "prefixItems": [STRING, INTEGER]}, (2,), {}),
    ({"type": "array", "prefixItems": [STRING, INTEGER], "items": False}, (-1,), {}),
    (STRING, (0,), STRING),
    ({"const": {"a": [1]}}, ("a", 0), {"type": "integer", "const": 1}),
    (
        {"enum": [{"a": 1}, {"a": "x"}, {}]},
        ("a",),
        {"type": ["integer", "string"], "enum": [1, "x"]},
    ),
    ({"anyOf": [CLOSED, NULL]}, ("name",), STRING),
    ({"oneOf": [CLOSED, {"additionalProperties": INTEGER}]}, ("name",), EITHER),
    (
        {"allOf": [CLOSED, {"properties": {"name": {"minLength": 1}}}]},
        ("name",),
        {"allOf": [STRING, {"minLength": 1}]},
    ),
    ({"allOf": [{}, {}]}, ("a",), {}),
]


@pytest.mark.parametrize(("told", "path", "expected"), PARTS)
def test_a_part_has_its_own_schema(told: Json, path: tuple[str | int, ...], expected: Json) -> None:
    """
    A path through properties, elements and branches ends at what is known of the value there.
    """
    assert expected == schema.project(told, path)


ABSENT: list[tuple[Json, tuple[str | int, ...], int, str, str]] = [
    (CLOSED, ("nmae",), 0, "there is no property `nmae`", "did you mean `name`?"),
    (CLOSED, ("zzz",), 0, "there is no property `zzz`", "it has `name`, `size`"),
    ({"type": "object", "additionalProperties": False}, ("a",), 0, "no property", "it has none"),
    (CLOSED, ("name", "x"), 1, "a string has no properties", ""),
    (INTEGER, (0,), 0, "an integer has no elements", ""),
    ({"type": "array"}, ("a",), 0, "an array has no properties", ""),
    ({"type": "array", "maxItems": 2}, (2,), 0, "at most 2", ""),
    ({"type": "array", "maxItems": 2}, (-3,), 0, "at most 2", ""),
    ({"properties": {"a": False}}, ("a", "b"), 1, "nothing can stand here", ""),
    ({"const": {"a": 1}}, ("b",), 0, "there is no `b` in what it can be", ""),
    ({"enum": ["a", "b"]}, ("x",), 0, "a string has no properties, so there is no `x`", ""),
    ({"const": 5}, (0,), 0, "there is no `0` in what it can be", ""),
    ({"anyOf": [CLOSED, NULL]}, ("zzz",), 0, "no property `zzz`", "it has"),
    ({"allOf": [CLOSED, {}]}, ("zzz",), 0, "no property `zzz`", "it has"),
]


@pytest.mark.parametrize(("told", "path", "at", "words", "hint"), ABSENT)
def test_a_path_that_leads_nowhere_says_why(
    told: Json, path: tuple[str | int, ...], at: int, words: str, hint: str
) -> None:
    """
    The first segment that finds nothing is named, with what might have been meant.
    """
    found = schema.project(told, path)

    assert isinstance(found, Absent)
    assert at == found.at
    assert words in found.message
    assert hint in found.hint


TYPES: list[tuple[Json, set[str]]] = [
    (False, set()),
    ({"type": 5}, set()),
    ({"type": "number"}, {"integer", "number"}),
    ({"type": ["string", "null"], "minLength": 1, "anyOf": [STRING]}, {"string"}),
    ({"allOf": [{"type": ["string", "null"]}, {"enum": [1, None]}]}, {"null"}),
    ({"const": {}}, {"object"}),
]


@pytest.mark.parametrize(("told", "expected"), TYPES)
def test_types_are_read_off_all_keywords(told: Json, expected: set[str]) -> None:
    """
    The types that a value may have are those that every keyword leaves.
    """
    assert expected == schema.types(told)


def test_anything_has_every_type() -> None:
    """
    A schema that says nothing, or true, leaves all seven types.
    """
    assert len(schema.types({})) == 7
    assert schema.types({}) == schema.types(True)


def test_the_few_values_of_a_schema_are_listed() -> None:
    """
    `const` and `enum` list the values, nothing else does.
    """
    assert schema.values({"const": 1}) == [1]
    assert schema.values({"enum": [1, 2]}) == [1, 2]
    assert schema.values(STRING) is None
    assert schema.values(True) is None


UNIONS: list[tuple[list[Json], Json]] = [
    ([], {}),
    ([STRING], STRING),
    ([STRING, STRING], STRING),
    ([STRING, {}], {}),
    ([STRING, True], {}),
    ([STRING, False], STRING),
    ([STRING, INTEGER], EITHER),
    (
        [{"const": 1}, {"const": True}, {"enum": [1, "x"]}],
        {"type": ["boolean", "integer", "string"], "enum": [1, True, "x"]},
    ),
    ([{"anyOf": [STRING, CLOSED]}, STRING], {"anyOf": [STRING, CLOSED]}),
]


@pytest.mark.parametrize(("schemas", "expected"), UNIONS)
def test_a_union_is_kept_simple(schemas: list[Json], expected: Json) -> None:
    """
    One of several schemas is one schema, as plain as can be.
    """
    assert expected == schema.union(*schemas)


def test_elements_and_members() -> None:
    """
    The schema of any element of a list, and of any property of an object, where it is known.
    """
    unknown: list[Json] = [True, {"type": "array"}, {"const": []}]

    assert [element(each) for each in unknown] == [{}, {}, {}]
    assert element({"const": [1, 2]}) == {"type": "integer", "enum": [1, 2]}
    assert element({"prefixItems": [STRING], "items": INTEGER}) == EITHER
    assert element({"prefixItems": [STRING], "items": False}) == STRING
    assert element({"anyOf": [{"items": STRING}, {"items": STRING}]}) == STRING
    assert member(CLOSED) == EITHER
    assert member(True) == {}
    assert member({"anyOf": [CLOSED]}) == {}
    assert member({}) == {}


def test_closing_a_schema() -> None:
    """
    An object that lists its properties and says no more is closed, however deep it lies.
    """
    inner: dict[str, Json] = {"properties": {"a": STRING}}
    told: Json = {"items": inner, "anyOf": [inner, True], "properties": {"x": {"type": "object"}}}
    shut: Json = {**inner, "additionalProperties": False}
    left: Json = {**inner, "additionalProperties": True}

    found = schema.closed(told)

    assert {"items": shut, "anyOf": [shut, True], "properties": {"x": {"type": "object"}}} == found
    assert shut == schema.closed(inner)
    assert left == schema.closed(left)


def test_references_are_inlined() -> None:
    """
    What a local reference names takes its place; a ring ends in {}.
    """
    told: Json = {
        "$defs": {"a": STRING, "list": {"items": {"$ref": "#/$defs/list"}}, "t~/": INTEGER},
        "properties": {
            "a": {"$ref": "#/$defs/a"},
            "b": {"$ref": "#/$defs/a", "minLength": 1},
            "c": {"$ref": "#/$defs/list"},
            "d": {"$ref": "#/$defs/t~0~1"},
            "e": {"$ref": "#/gone"},
            "f": {"allOf": [True, {"$ref": "#/properties/f/allOf/0"}]},
        },
    }

    found = schema.inlined(told)

    assert schema.project(found, ["a"]) == STRING
    assert schema.project(found, ["b"]) == {"allOf": [STRING, {"minLength": 1}]}
    assert schema.project(found, ["c"]) == {"items": {}}
    assert schema.project(found, ["d"]) == INTEGER
    assert schema.project(found, ["e"]) == {}
    assert schema.project(found, ["f"]) == {"allOf": [True, True]}
    assert schema.inlined(CLOSED) is CLOSED


def test_inlining_is_bounded() -> None:
    """
    Definitions that double and double again end in {}, not in a gigabyte.
    """
    definitions: dict[str, Json] = {"d0": STRING}
    for level in range(1, 30):
        inner: Json = {"$ref": f"#/$defs/d{level - 1}"}
        definitions[f"d{level}"] = {"properties": {"a": inner, "b": inner}}

    found = schema.inlined({"properties": definitions, "$defs": definitions})

    assert len(str(found)) < 1_000_000


def test_a_schema_can_move_into_another() -> None:
    """
    Local references still lead to their targets where a schema is put inside a larger one.
    """
    inner: Json = {"$defs": {"a": STRING}, "type": "array", "items": {"$ref": "#/$defs/a"}}
    whole: Json = {"properties": {"x/y": schema.rerooted(inner, Pointer(("properties", "x/y")))}}

    assert schema.check(whole) == []
    assert schema.validator(whole).problems({"x/y": ["a"]}) == []
    assert [str(at) for at, _ in schema.validator(whole).problems({"x/y": [1]})] == ["/x~1y/0"]
    assert schema.rerooted(True, Pointer()) is True
