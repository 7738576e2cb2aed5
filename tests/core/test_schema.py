"""Schemas: which are allowed, what they say of a value, which defaults they fill in."""

import threading
import time

import pytest

from engine.core import schema
from engine.core.pointer import Pointer
from engine.core.values import Json

ALLOWED: list[Json] = [
    True,
    {},
    {"type": "string", "pattern": r"^v\d+\.\d+$", "default": "{{ x }}", "title": "A version"},
    {"type": ["object", "null"], "default": None, "properties": {"id": {"type": "string"}}},
    {"type": "string", "format": "uuid", "examples": [1], "description": "x"},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://x.example/y"},
    {"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}},
    {"properties": {"next": {"$ref": "#"}}},
    {"$defs": {"a": {"allOf": [True]}}, "$ref": "#/$defs/a"},
    {"properties": {"$ref": {"type": "string"}}},
    {"const": {"$ref": "https://x.example/y"}},
    {"prefixItems": [{"type": "string"}], "items": False},
    {"patternProperties": {"^x-": {}}, "dependentRequired": {"a": ["b"]}},
]


@pytest.mark.parametrize("told", ALLOWED)
def test_a_schema_in_bounds_is_allowed(told: Json) -> None:
    """
    The keywords of JSON Schema 2020-12 are there, references inside of the schema too.
    """
    assert schema.check(told) == []


def _nested(depth: int) -> Json:
    told: Json = {}
    for _ in range(depth):
        told = {"items": told}
    return told


def _deep(depth: int) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = [value]
    return value


RING: Json = {
    "$ref": "#/$defs/a",
    "$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}},
}

REFUSED: list[tuple[Json, str, str]] = [
    (5, "", "expected a schema, found 5"),
    ({"properties": {"a": "string"}}, "/properties/a", 'expected a schema, found "string"'),
    ({"properties": [1]}, "/properties", "expected an object, found [1]"),
    ({"minLenght": 1}, "/minLenght", "there is no keyword `minLenght`"),
    ({"items": {"tpye": "string"}}, "/items/tpye", "did you mean `type`?"),
    ({"zzz": 1}, "/zzz", "there is no keyword `zzz` in JSON Schema"),
    ({"type": "strin"}, "/type", 'expected one of "array", "boolean"'),
    ({"minimum": "x"}, "/minimum", "expected a number"),
    ({"required": "a"}, "/required", "expected an array"),
    ({"$ref": "https://x.example/y"}, "/$ref", "stays in its own schema"),
    ({"$ref": "file:///etc/passwd"}, "/$ref", "stays in its own schema"),
    ({"$ref": "other.json"}, "/$ref", "stays in its own schema"),
    ({"$ref": "#anchor"}, "/$ref", "stays in its own schema"),
    ({"$ref": 5}, "/$ref", "stays in its own schema"),
    ({"$ref": "#/$defs/gone"}, "/$ref", 'there is nothing at "#/$defs/gone"'),
    ({"$ref": "#"}, "", "a `$ref` leads back to itself"),
    ({"allOf": [{"$ref": "#"}]}, "", "a `$ref` leads back to itself"),
    (RING, "", "a `$ref` leads back to itself"),
    ({"allOf": [True, {"anyOf": [{"$ref": "#"}]}]}, "", "a `$ref` leads back to itself"),
    ({"$dynamicRef": "#x"}, "/$dynamicRef", "not part of the language"),
    ({"items": {"$id": "x"}}, "/items/$id", "not part of the language"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
    ({"format": "datetime"}, "/format", "did you mean `date-time`?"),
    ({"format": 5}, "/format", "there is no format 5"),
    ({"pattern": "(?=a)b"}, "/pattern", "no look-around"),
    ({"pattern": r"(a)\1"}, "/pattern", "no back-references"),
    ({"pattern": "a{1000}{1000}"}, "/pattern", "no huge repetition"),
    ({"pattern": "a" * 501}, "/pattern", "at most 500 characters"),
    ({"pattern": 5}, "/pattern", "expected a pattern, found 5"),
    ({"patternProperties": {"(": {}}}, "/patternProperties", "no pattern that is safe"),
    (_nested(31), "/items" * 31, "over 30 schemas deep"),
    (_nested(5000), "/items" * 31, "over 30 schemas deep"),
    ({"properties": {f"p{n}": {} for n in range(2000)}}, "/properties/p1999", "over 2,000 in all"),
    ({"enum": ["x" * 70_000]}, "", "a schema has at most 65,536 bytes"),
    ({"const": _deep(1000)}, "", "nested 250 deep at most"),
]


@pytest.mark.parametrize(
    ("told", "pointer", "words"), REFUSED, ids=[words[:30] for _, _, words in REFUSED]
)
def test_a_schema_out_of_bounds_is_refused(told: Json, pointer: str, words: str) -> None:
    """
    What would fetch, run away, mean nothing or be misspelt is told with its place.
    """
    problems = schema.check(told)

    assert [pointer] == [str(at) for at, _ in problems[:1]]
    assert words in problems[0][1]


def test_every_problem_of_a_schema_is_told() -> None:
    """
    One look shows all that is misspelt.
    """
    told: Json = {"typ": 1, "properties": {"a": {"formt": 1}, "b": 5}}

    assert [str(at) for at, _ in schema.check(told)] == [
        "/typ",
        "/properties/a/formt",
        "/properties/b",
    ]


ORDER: Json = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^x", "maxLength": 100},
        "n": {"type": "integer", "minimum": 3, "exclusiveMaximum": 9, "multipleOf": 2},
        "env": {"enum": ["a", "b"]},
        "fixed": {"const": 5},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 5}]},
        "parts": {"oneOf": [{"$ref": "#/$defs/part"}, {"type": "array"}]},
        "one": {"oneOf": [{"minimum": 1}, {"minimum": 2}]},
        "day": {"type": "string", "format": "date"},
        "list": {"type": "array", "uniqueItems": True, "minItems": 2, "maxItems": 3},
        "some": {"contains": {"const": 1}},
        "keys": {"propertyNames": {"maxLength": 2}, "maxProperties": 1},
        "not": {"not": {"type": "string"}},
        "never": False,
        "pair": {"dependentRequired": {"a": ["b"]}},
        "rest": {"properties": {"a": {}}, "unevaluatedProperties": False},
    },
    "$defs": {
        "part": {
            "type": "object",
            "properties": {"color": {"type": "string"}},
            "additionalProperties": False,
        }
    },
}

PROBLEMS: list[tuple[Json, list[tuple[str, str]]]] = [
    ({"name": "x"}, []),
    (5, [("", "expected an object, found 5")]),
    ({}, [("", "the property `name` is missing")]),
    ({"name": "x", "nme": 1}, [("/nme", "there is no property `nme`; did you mean `name`?")]),
    ({"name": "x", "zzz": 1}, [("/zzz", "there is no property `zzz`")]),
    ({"name": 5}, [("/name", "expected a string, found 5")]),
    ({"name": "y"}, [("/name", 'expected text that matches `^x`, found "y"')]),
    ({"name": "x", "n": 2}, [("/n", "expected at least 3, found 2")]),
    ({"name": "x", "n": 10}, [("/n", "expected less than 9, found 10")]),
    ({"name": "x", "n": 5}, [("/n", "expected a multiple of 2, found 5")]),
    ({"name": "x", "env": "c"}, [("/env", 'expected one of "a", "b", found "c"')]),
    ({"name": "x", "fixed": 6}, [("/fixed", "expected 5, found 6")]),
    ({"name": "x", "either": []}, [("/either", "expected an integer or a string, found []")]),
    ({"name": "x", "either": 3}, [("/either", "expected at least 5, found 3")]),
    (
        {"name": "x", "parts": {"colour": "red"}},
        [("/parts/colour", "there is no property `colour`; did you mean `color`?")],
    ),
    ({"name": "x", "one": 3}, [("/one", "expected one branch of `oneOf` to fit alone, found 3")]),
    ({"name": "x", "day": "soon"}, [("/day", 'expected a text of the format date, found "soon"')]),
    ({"name": "x", "list": [1]}, [("/list", "expected 2 elements or more, found [1]")]),
    ({"name": "x", "list": [1, 1]}, [("/list", "expected every element once, found [1,1]")]),
    ({"name": "x", "some": [2]}, [("/some", "expected what satisfies `contains`, found [2]")]),
    (
        {"name": "x", "keys": {"abc": 1}},
        [("/keys", 'a property is misnamed: expected 2 characters or fewer, found "abc"')],
    ),
    ({"name": "x", "not": "s"}, [("/not", 'expected what satisfies `not`, found "s"')]),
    ({"name": "x", "never": 1}, [("/never", "expected nothing here, found 1")]),
    ({"name": "x", "pair": {"a": 1}}, [("/pair", "the property `b` is missing")]),
    ({"name": "x", "rest": {"b": 1}}, [("/rest/b", "there is no property `b`")]),
    ({"name": _deep(1000)}, [("", "expected JSON nested 250 deep at most")]),
]


@pytest.mark.parametrize(
    ("value", "expected"), PROBLEMS, ids=[str(told[0][1:])[:40] for _, told in PROBLEMS[1:]] + ["-"]
)
def test_a_problem_says_where_what_was_expected_and_what_found(
    value: Json, expected: list[tuple[str, str]]
) -> None:
    """
    Each problem has a JSON pointer, and words that an author can act on.
    """
    found = schema.validator(ORDER).problems(value)

    assert expected == [(str(at), words) for at, words in found]
    assert schema.check(ORDER) == []


def test_no_problem_prints_a_long_value() -> None:
    """
    However long what was found is, 80 characters of it are shown, and at most 20 problems.
    """
    long = schema.validator(ORDER).problems({"name": "y" * 10_000, "env": {"k": ["z" * 500]}})
    many = schema.validator({"items": {"type": "string"}}).problems(list(range(100)))

    assert len(long) == 3
    assert all(len(words) < 150 for _, words in long)
    assert len(many) == 20


def test_a_pattern_cannot_run_away() -> None:
    """
    `^(a+)+$` over forty a's and a stranger is answered at once.
    """
    validator = schema.validator({"pattern": "^(a+)+$"})
    begun = time.perf_counter()

    assert validator.problems("a" * 40 + "!")
    assert time.perf_counter() - begun < 30


def test_nothing_is_fetched() -> None:
    """
    A validator made in spite of `check` still asks nobody for a schema.
    """
    for uri in ("http://127.0.0.1:9/x.json", "file:///etc/hostname"):
        with pytest.raises(ValueError, match="a schema refers to nothing outside of itself"):
            schema.validator({"$ref": uri})


def test_a_value_too_deep_is_refused_on_a_small_stack() -> None:
    """
    A recursive schema over a value nested without end ends no process, even in a thread.
    """
    answers: list[list[tuple[Pointer, str]]] = []
    recursive = schema.validator({"items": {"$ref": "#"}})
    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=lambda: answers.append(recursive.problems(_deep(5_000))))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)

    assert [[(Pointer(), "expected JSON nested 250 deep at most")]] == answers
    assert recursive.problems(_deep(200)) == []


def test_a_validator_is_compiled_once() -> None:
    """
    Equal schemas share their validator, whatever the order of their keys.
    """
    one = schema.validator({"type": "string", "minLength": 1})

    assert one is schema.validator({"minLength": 1, "type": "string"})


def test_defaults_fill_in_what_is_absent() -> None:
    """
    A top-level property's default is taken where the property is not there, and no deeper.
    """
    told: Json = {
        "properties": {
            "a": {"default": 1},
            "b": {"default": None},
            "c": {"properties": {"d": {"default": 1}}},
            "e": True,
        }
    }
    whole: Json = {"a": 1, "b": 2}

    assert schema.with_defaults(told, {"a": 2}) == {"a": 2, "b": None}
    assert schema.with_defaults(told, {"b": 2, "c": {}}) == {"a": 1, "b": 2, "c": {}}
    assert schema.with_defaults(told, [1]) == [1]
    assert schema.with_defaults({"type": "object"}, {"a": 1}) == {"a": 1}
    assert schema.with_defaults(True, {"a": 1}) == {"a": 1}
    assert schema.with_defaults(told, whole) is whole


def test_a_pointer_reads_as_rfc_6901() -> None:
    """
    A place in a value is a tuple of keys, and as text a JSON pointer.
    """
    assert str(Pointer()) == ""
    assert f"{Pointer(('a/b', 0)).to('c~d')}" == "/a~1b/0/c~0d"
    assert Pointer(("a", 0)) == ("a", 0)
