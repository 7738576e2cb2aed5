"""What a step gives where nobody has said it: a value made of its schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import schema as shapes
from engine.core.preview.double import MOST_PARTS, double
from engine.core.values import Json, canonical

MADE: list[tuple[Json, Json]] = [
    ({}, "text"),
    (True, "text"),
    ({"type": "null"}, None),
    ({"type": "boolean"}, True),
    ({"type": "string", "format": "date"}, "2026-01-01"),
    ({"type": "string", "minLength": 6}, "textxx"),
    ({"type": "string", "maxLength": 2}, "te"),
    ({"type": "integer"}, 1),
    ({"type": "integer", "minimum": 200, "maximum": 299}, 200),
    ({"type": "integer", "exclusiveMinimum": 7}, 8),
    ({"type": "integer", "maximum": -5}, -5),
    ({"type": "integer", "minimum": 5.5, "multipleOf": 4}, 8),
    ({"type": "integer", "minimum": "x"}, 1),
    ({"type": "number", "exclusiveMinimum": 1}, 1.5),
    ({"type": ["null", "string"]}, "text"),
    ({"enum": ["b", "a"]}, "b"),
    ({"const": 4}, 4),
    ({"type": "integer", "default": 9}, 9),
    ({"type": "integer", "default": "x", "examples": ["y", 7]}, 7),
    ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
    ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {"type": "null"}}}]},
     {"a": "text", "b": None}),
    ({"allOf": [{"minimum": 3}], "type": "integer"}, 3),
    ({"type": "object"}, {}),
    ({"type": "array", "items": {"type": "integer"}}, [1]),
    ({"type": "array", "maxItems": 0}, []),
    ({"type": "array", "minItems": 2, "prefixItems": [{"type": "null"}]}, [None, "text"]),
    ({"properties": {"a": {"type": "integer"}}}, {"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), MADE)
def test_a_double_is_of_its_schema(schema: Json, value: Json):
    """
    A value is made by type, bounds, format, default and examples, and is the same each time.
    """
    assert value == double(schema)


HUGE: list[Json] = [
    {"type": "string", "minLength": 10**12},
    {"type": "array", "minItems": 10**12, "items": {"type": "array", "minItems": 10**12}},
    {"type": "integer", "minimum": 10**400},
    {"type": "object", "properties": {f"p{n}": {"type": "array"} for n in range(5 * MOST_PARTS)}},
]


@pytest.mark.parametrize("schema", HUGE)
def test_a_double_is_small_whatever_is_asked_for(schema: Json):
    """
    A schema that asks for a terabyte gets a value that fits a page.
    """
    assert len(canonical(double(schema))) < 100_000


DEEP = st.recursive(
    st.sampled_from([{"type": each} for each in ("string", "integer", "boolean", "null")]),
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array"), "items": inner})
        | st.dictionaries(st.sampled_from("abc"), inner).map(
            lambda p: {"type": "object", "properties": p}
        )
        | st.lists(inner, min_size=1, max_size=3).map(lambda arms: {"anyOf": arms})
    ),
    max_leaves=20,
)


@given(DEEP)
def test_a_double_of_any_shape_fits_it(schema: Json):
    """
    However shapes are nested, what is made of one is one of its values.
    """
    assert [] == list(shapes.validator(schema).problems(double(schema)))
