"""Whether a value of one schema can be one of another, and that no verdict is belied."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import schema
from engine.core.schema import Absent
from engine.core.values import Json
from tests.core.test_schema_type import CLOSED, INTEGER, LIKE_X, NAMED_X, NULL, STRING

FITS: list[tuple[Json, Json]] = [
    ({}, STRING),
    (STRING, {}),
    (STRING, True),
    (INTEGER, {"type": "number"}),
    ({"type": "number"}, INTEGER),
    ({"type": ["string", "null"]}, STRING),
    ({"anyOf": [STRING, NULL]}, STRING),
    (STRING, {"oneOf": [INTEGER, STRING]}),
    (STRING, {"enum": ["a"]}),
    ({"enum": ["a", "x"]}, {"enum": ["a", "b"]}),
    ({"const": "xa"}, {"type": "string", "pattern": "^x"}),
    ({"const": "xa"}, {"$ref": "#/$defs/a"}),
    ({"type": "array", "items": STRING}, {"type": "array", "items": STRING}),
    (CLOSED, CLOSED),
    (CLOSED, {"type": "object", "required": ["name"]}),
    ({"type": "object"}, {"type": "object", "required": ["name"]}),
    ({"properties": {"x": STRING}}, CLOSED),
    ({"type": "integer", "minimum": 3}, {"type": "integer", "maximum": 3}),
    (NAMED_X, LIKE_X),
    ({"allOf": [STRING, {}]}, STRING),
    (NAMED_X, {"type": "object"}),
]


@pytest.mark.parametrize(("source", "target"), FITS)
def test_what_fits_or_may_fit_is_assignable(source: Json, target: Json) -> None:
    """
    Nothing is refused that might come out right.
    """
    assert schema.assignable(source, target) is None


def test_schemas_too_deep_are_not_compared() -> None:
    """
    Past thirty levels nothing is certain any more.
    """
    one, other = STRING, INTEGER
    for _ in range(40):
        one, other = {"type": "array", "items": one}, {"type": "array", "items": other}

    assert schema.assignable(one, other) is None


MISFITS: list[tuple[Json, Json, str]] = [
    (STRING, INTEGER, "expected an integer, and it is a string"),
    (STRING, {"type": ["number", "null"]}, "expected null or a number, and it is a string"),
    (STRING, False, "nothing may stand here"),
    ({"anyOf": [STRING, NULL]}, INTEGER, "expected an integer"),
    ({"allOf": [STRING, {}]}, INTEGER, "expected an integer"),
    (STRING, {"allOf": [{}, INTEGER]}, "expected an integer"),
    (STRING, {"anyOf": [INTEGER, NULL]}, "expected an integer"),
    ({"const": "x"}, {"enum": ["a", "b"]}, 'expected one of "a", "b", found "x"'),
    ({"const": "a"}, {"pattern": "^x"}, "expected text that matches `^x`"),
    (
        {"type": "array", "items": STRING},
        {"type": "array", "items": INTEGER},
        "an element: expected an integer",
    ),
    ({"properties": {"name": INTEGER}, "type": "object"}, CLOSED, "`name`: expected a string"),
    (CLOSED, {"type": "object", "required": ["x"]}, "it lacks the property `x`"),
    (NAMED_X, CLOSED, "the property `x` is not allowed"),
    ({"minimum": 5, "type": "integer"}, {"maximum": 3}, "its value is at least 5, and at most 3"),
    ({"maxLength": 1, "type": "string"}, {"minLength": 2}, "its length is at most 1, and at"),
]


@pytest.mark.parametrize(("source", "target", "words"), MISFITS)
def test_what_cannot_fit_has_a_reason(source: Json, target: Json, words: str) -> None:
    """
    What certainly goes wrong is told before it does.
    """
    assert words in str(schema.assignable(source, target))


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, 1, 1.5, "", "a", "xa"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=4,
)
_PLAIN: list[Json] = [
    {},
    True,
    STRING,
    INTEGER,
    {"type": "number"},
    NULL,
    {"type": ["string", "null"]},
    {"enum": ["a", 1, None]},
    {"const": "xa"},
    {"minimum": 1},
    {"pattern": "^x"},
    {"maxLength": 0},
]


def _list_of(inner: Json) -> Json:
    return {"type": "array", "items": inner, "minItems": 1}


def _open(inner: Json) -> Json:
    return {"type": "object", "properties": {"a": inner}, "required": ["a"]}


def _shut(inner: Json) -> Json:
    return {"properties": {"a": inner}, "required": ["a"], "additionalProperties": False}


_SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(_PLAIN),
    lambda inner: st.one_of(
        inner.map(_list_of),
        inner.map(_open),
        inner.map(_shut),
        st.lists(inner, min_size=2, max_size=2).map(lambda of: {"anyOf": of}),
        st.lists(inner, min_size=2, max_size=2).map(lambda of: {"allOf": of}),
    ),
    max_leaves=4,
)


@settings(max_examples=500, deadline=None)
@given(_SCHEMAS, _SCHEMAS, _VALUES)
def test_no_value_belies_a_reason(source: Json, target: Json, value: Json) -> None:
    """
    Where a schema is told not to fit another, no value is valid by both.
    """
    fits = [not schema.validator(each).problems(value) for each in (source, target)]

    assert not all(fits) or schema.assignable(source, target) is None


@settings(max_examples=400, deadline=None)
@given(_SCHEMAS, _VALUES, st.lists(st.sampled_from(["a", "b", 0, -1]), max_size=3))
def test_no_value_belies_a_projection(told: Json, value: Json, path: list[str | int]) -> None:
    """
    A part of a valid value is valid by the projected schema, and is not told to be absent.
    """
    part: Any = value
    try:
        for segment in path:
            part = part[segment]
    except (KeyError, IndexError, TypeError):
        return
    if schema.validator(told).problems(value):
        return

    found = schema.project(told, path)

    assert not isinstance(found, Absent)
    assert schema.validator(found).problems(part) == []
