"""The types of expressions, and what is known to be wrong before anything runs."""

from contextlib import suppress

import pytest
from hypothesis import given, settings

from engine.core import schema
from engine.core.expression import EvaluationError, compile_value, parse_expression, type_of
from engine.core.schema.shape import arms
from engine.core.values import Json
from tests.core.test_expression_fault import EXPRESSIONS

STRING: Json = {"type": "string"}
INTEGER: Json = {"type": "integer"}


def closed(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


ROW = closed(id=STRING, copy=closed(loaded=INTEGER))
NAMES: dict[str, Json] = {
    "inputs": closed(
        env={"type": "string", "enum": ["staging", "production"]},
        n=INTEGER,
        num={"type": "number"},
        yes={"type": "boolean"},
        car={"type": ["object", "null"], "properties": {"id": STRING}},
        tags={"type": "array", "items": STRING},
        rows={"type": "array", "items": ROW},
        map={"type": "object", "additionalProperties": INTEGER},
        any={},
        nothing={"type": "null"},
        pair={"type": "array", "prefixItems": [STRING, INTEGER], "items": False},
    ),
    "steps": closed(build=closed(outputs=closed(image=STRING), status=STRING)),
    "event": {},
}

TYPES: list[tuple[str, Json]] = [
    ("inputs.n", INTEGER),
    ("event.a.b[0].c", {}),
    ("inputs.car.id", STRING),
    ("inputs.car.undeclared", {}),
    ("inputs.map.x", INTEGER),
    ("inputs.map[inputs.env]", INTEGER),
    ("inputs.tags[0]", STRING),
    ("inputs.tags[inputs.n]", STRING),
    ("inputs.env[inputs.n]", STRING),
    ("inputs.pair[1]", INTEGER),
    ("inputs.pair[-1]", {}),
    ("inputs.any[inputs.any]", {}),
    ("(inputs.rows | first)['copy'].loaded", INTEGER),
    ("(inputs.rows | first).id", STRING),
    ("inputs.env[:2]", STRING),
    ("inputs.tags[1:]", {"type": "array", "items": STRING}),
    ("none", {"type": "null", "const": None}),
    (
        "[1, 'x']",
        {
            "type": "array",
            "items": {"type": ["integer", "string"], "enum": [1, "x"]},
            "minItems": 2,
            "maxItems": 2,
        },
    ),
    ("[]", {"type": "array", "items": {}, "minItems": 0, "maxItems": 0}),
    ("{'a': inputs.n}", closed(a=INTEGER)),
    ("{inputs.any: 1}", {"type": "object"}),
    ("-inputs.n", INTEGER),
    ("-inputs.any", {"type": "number"}),
    ("inputs.n + 1", INTEGER),
    ("inputs.n + inputs.num", {"type": "number"}),
    ("inputs.n / 1", {"type": "number"}),
    ("inputs.env + 'x'", STRING),
    (
        "inputs.tags + [1]",
        {
            "type": "array",
            "items": {"anyOf": [STRING, {"type": "integer", "const": 1}]},
        },
    ),
    ("inputs.n < 3", {"type": "boolean"}),
    ("inputs.env == 'staging'", {"type": "boolean"}),
    ("inputs.n == 1.0", {"type": "boolean"}),
    ("'a' in inputs.tags", {"type": "boolean"}),
    ("'a' in inputs.map", {"type": "boolean"}),
    ("inputs.yes and inputs.n < 3", {"type": "boolean"}),
    (
        "inputs.n or inputs.env",
        {"anyOf": [INTEGER, {"type": "string", "enum": ["staging", "production"]}]},
    ),
    ("inputs.n or inputs.any", {}),
    ("not inputs.any", {"type": "boolean"}),
    ("inputs.n is none", {"type": "boolean"}),
    ("inputs.n is defined", {"type": "boolean"}),
    ("'a' if inputs.yes else 'b'", {"type": "string", "enum": ["a", "b"]}),
    (
        "'a' if inputs.yes else inputs.num if inputs.n else inputs.tags",
        {
            "anyOf": [
                {"type": "string", "const": "a"},
                {"type": "number"},
                {"type": "array", "items": STRING},
            ]
        },
    ),
    ("inputs.car.id | default(none)", {"anyOf": [STRING, {"type": "null", "const": None}]}),
    ("inputs.tags[0] | default(inputs.env | upper, true)", STRING),
    ("inputs.n ~ 'x'", STRING),
    ("inputs.any | upper", STRING),
    ("inputs.tags | length", INTEGER),
    ("inputs.env | split('a')", {"type": "array", "items": STRING}),
    ("inputs.n | round", INTEGER),
    ("inputs.num | round(1)", {"type": "number"}),
    ("inputs.n | abs", INTEGER),
    ("inputs.any | fromjson", {}),
    ("inputs.env | startswith('x')", {"type": "boolean"}),
    ("inputs.map | keys", {"type": "array", "items": STRING}),
    ("inputs.map | values", {"type": "array", "items": INTEGER}),
    ("inputs.any | values", {"type": "array", "items": {}}),
    ("inputs.map | items", {"type": "array", "items": {"type": "array"}}),
    ("inputs.rows | map('copy.loaded')", {"type": "array", "items": INTEGER}),
    ("inputs.rows | map(inputs.any)", {"type": "array", "items": {}}),
    ("inputs.rows | sum('copy.loaded')", INTEGER),
    ("inputs.any | sum", {"type": "number"}),
    ("inputs.rows | sort('id') | last", ROW),
    ("inputs.rows | select('id', 'x')", {"type": "array", "items": ROW}),
    ("inputs.tags | max", STRING),
    ("inputs.env | first", STRING),
    ("inputs.pair | first", {"type": ["integer", "string"]}),
]


@pytest.mark.parametrize(("text", "expected"), TYPES, ids=[text for text, _ in TYPES])
def test_an_expression_has_a_type(text: str, expected: Json) -> None:
    """
    The type of a value is known from the types of what it is made of.
    """
    found, faults = type_of(parse_expression(text), NAMES)

    assert expected == schema.union(*arms(found))
    assert faults == []


FAULTS = [
    (
        "input.env",
        "unknown-name",
        "input.env",
        "there is no `input` here",
        "did you mean `inputs`?",
    ),
    ("inputs.evn", "unknown-property", "inputs.evn", "no property `evn`", "did you mean `env`?"),
    ("steps.biuld.status", "unknown-property", "steps.biuld.status", "in `steps`", "`build`"),
    ("steps.build.x", "unknown-property", "steps.build.x", "no property", "it has `outputs`"),
    ("inputs.n.x", "unknown-property", "inputs.n.x", "an integer has no properties", ""),
    ("inputs.n[0]", "unknown-property", "inputs.n[0]", "an integer has no elements", ""),
    ("inputs.pair[2]", "unknown-property", "inputs.pair[2]", "there are at most 2", ""),
    ("inputs.gone | default(1)", "unknown-property", "inputs.gone", "no property `gone`", ""),
    ("(inputs.rows | first).x", "unknown-property", "inputs.rows | first).x", "`x`", ""),
    ("inputs.rows['a']", "unknown-property", "inputs.rows['a']", "an array has no", ""),
    ("inputs.tags[inputs.yes]", "expression-type", "inputs.tags[inputs.yes]", "leads nowhere", ""),
    ("inputs.n[1:]", "expression-type", "inputs.n[1:]", "no parts in order", ""),
    ("inputs.env['a':]", "expression-type", "'a'", "marked by integers", ""),
    ("{1: 2}", "expression-type", "1", "a key of a mapping is a string", ""),
    ("-inputs.env", "expression-type", "-inputs.env", "a sign goes with a number", ""),
    ("inputs.env + 1", "expression-type", "inputs.env + 1", "does not take a string", "`~`"),
    ("inputs.env * 3", "expression-type", "inputs.env * 3", "does not take a string", ""),
    ("inputs.n < 'a'", "expression-type", "inputs.n < 'a'", "does not order", ""),
    ("1 in inputs.env", "expression-type", "1 in inputs.env", "cannot be `in`", ""),
    ("inputs.n == '3'", "never-equal", "inputs.n == '3'", "they are never equal", ""),
    ("inputs.env == 'prod'", "never-equal", "inputs.env == 'prod'", 'never "prod"', ""),
    ("'stagin' == inputs.env", "never-equal", "'stagin' == inputs.env", "one of", "`staging`"),
    ("inputs.tags ~ 'x'", "expression-type", "inputs.tags", "an array, no text", "tojson"),
    ("inputs.nothing ~ ''", "expression-type", "inputs.nothing", "null, no text", ""),
    ("inputs.n | upper", "expression-type", "inputs.n", "`upper` takes a string", ""),
    ("inputs.rows | sum", "expression-type", "inputs.rows | sum", "no numbers", ""),
    ("inputs.rows | map('ids')", "expression-type", "inputs.rows | map('ids')", "`ids`", ""),
    ("inputs.rows | min('x')", "expression-type", "inputs.rows | min('x')", "`x`", ""),
]


@pytest.mark.parametrize(
    ("text", "code", "marked", "words", "hint"), FAULTS, ids=[text for text, *_ in FAULTS]
)
def test_what_cannot_work_is_known_before(
    text: str, code: str, marked: str, words: str, hint: str
) -> None:
    """
    A name, a property or a type that cannot be is one fault, marked, with advice where there is.
    """
    _, faults = type_of(parse_expression(text), NAMES)

    assert [(code, marked)] == [
        (each.code, text[each.offset : each.offset + each.length]) for each in faults
    ]
    assert words in faults[0].message
    assert hint in faults[0].hint


def test_an_area_has_a_type_of_its_own() -> None:
    """
    The type of an area has a property for each key; faults lie in the text of their template.
    """
    area = compile_value({"n": "{{ inputs.n }}", "list": ["x {{ inputs.tags }}", 1], "c": "k"})

    found, faults = type_of(area, NAMES)

    assert (
        closed(
            n=INTEGER,
            list={
                "type": "array",
                "items": {"anyOf": [STRING, {"type": "integer", "const": 1}]},
                "minItems": 2,
                "maxItems": 2,
            },
            c={"type": "string", "const": "k"},
        )
        == found
    )
    assert [each.offset for each in faults] == [5]


_SHAPES: dict[str, Json] = {
    "a": {"type": "object", "properties": {"b": INTEGER, "c": {"type": "array"}}},
    "s": STRING,
    "gone": {},
}


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
def test_a_value_is_of_its_type(text: str) -> None:
    """
    What an expression gives fits the type that was foretold, and no fault was foretold in vain.
    """
    compiled = parse_expression(text)
    found, faults = type_of(compiled, _SHAPES)
    with suppress(EvaluationError):
        value = compiled.evaluate({"a": {"b": 1, "c": [1, {"b": 2}]}, "s": "xyz"})

        assert faults or schema.validator(found).problems(value) == []


def test_a_path_longer_than_any_is_a_fault() -> None:
    """
    A path in a string has a limit, which is known before anything runs.
    """
    _, faults = type_of(parse_expression("inputs.rows | map('" + "a." * 600 + "')"), NAMES)

    assert "`map`: a path has at most 1,024 characters" == faults[0].message


def test_a_computed_key_is_found_wrong_once() -> None:
    """
    Mappings as keys of mappings are one fault each, however deep: nothing is gone over twice.
    """
    text = "1"
    for _ in range(18):
        text = f"{{ {text}: 1}}"
    _, faults = type_of(parse_expression(text), NAMES)

    assert 18 == len(faults)


@pytest.mark.parametrize(
    ("text", "wanted", "is_right"),
    [
        ("inputs.n | default(1)", INTEGER, True),
        ("inputs.n | default('a')", INTEGER, False),
        ("inputs.n | default([1])", INTEGER, False),
        ("inputs.n | default('a') | default([1])", {"type": ["integer", "string"]}, False),
        (
            "inputs.n | default('a') | default(true)",
            {"type": ["integer", "string", "boolean"]},
            True,
        ),
        ("inputs.n | default(none) | default(1, true)", INTEGER, True),
        ("[inputs.n | default('a')]", {"type": "array", "items": INTEGER}, False),
        ("inputs.n if inputs.yes else 'a'", INTEGER, False),
        ("'a' if inputs.yes else 'b'", {"enum": ["a", "b"]}, True),
        ("'a' if inputs.yes else 'c'", {"enum": ["a", "b"]}, False),
        ("inputs.n or 'a'", INTEGER, True),
    ],
)
def test_each_arm_has_to_fit(text: str, wanted: Json, is_right: bool) -> None:
    """
    What stands in for a value is of the type that is asked for, or it would fail where it is
    needed.
    """
    found, faults = type_of(parse_expression(text), NAMES)

    assert [] == faults
    assert is_right == (schema.assignable(found, wanted) is None)


@pytest.mark.parametrize(
    "text",
    [
        "(inputs.n | default([1])) > 2", "2 > (inputs.n | default('a'))",
        "(inputs.n | default('a')) + 1", "-(inputs.n | default('a'))",
        "'a' ~ (inputs.env | default(none))", "inputs.env | default(1) | upper",
    ],
)  # fmt: skip
def test_each_arm_has_to_go_with_what_is_done_with_it(text: str) -> None:
    """
    An operator or function is held against the `default` as it is against the value.
    """
    _, faults = type_of(parse_expression(text), NAMES)

    assert ["expression-type"] == [each.code for each in faults]
