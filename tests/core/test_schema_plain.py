"""What is plain to see of a schema is what the validator would say of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.schema.plain import fits_plainly, is_plain
from engine.core.schema.validator import refusal, validator
from engine.core.values import Json

_TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
_LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.sampled_from("ab")
_VALUES = st.recursive(
    _LEAVES, lambda each: st.lists(each, max_size=2) | st.dictionaries(st.sampled_from("ab"), each)
)
_SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=2, unique=True),
        "enum": st.lists(_VALUES, min_size=1, max_size=3),
        "const": _VALUES,
        "minProperties": st.integers(0, 2),
        "maxProperties": st.integers(0, 2),
        "minLength": st.integers(0, 2),
        "default": _VALUES,
        "title": st.just("a title"),
    },
)

FITS: list[tuple[dict[str, Json], Json, bool]] = [
    ({}, 1, True),
    ({"type": "string"}, "a", True),
    ({"type": "string"}, 1, False),
    ({"type": ["string", "null"]}, None, True),
    ({"type": "integer"}, True, False),
    ({"type": "number"}, 1, True),
    ({"type": "number"}, 1.5, False),
    ({"enum": ["a", 1]}, 1, True),
    ({"enum": ["a", 1]}, True, False),
    ({"const": "a"}, "a", True),
    ({"const": "a"}, "b", False),
    ({"minProperties": 1, "maxProperties": 1}, {"a": 1}, True),
    ({"minProperties": 1, "maxProperties": 1}, {}, False),
    ({"maxProperties": 1}, {"a": 1, "b": 2}, False),
    ({"minProperties": 1}, "a", True),
    ({"minProperties": 1.0}, {"a": 1}, False),
    ({"maxProperties": 1.0}, {"a": 1}, False),
    ({"type": "string", "minLength": 0}, "a", False),
    ({"type": 1}, "a", False),
]

PLAIN: list[tuple[Json, bool]] = [
    ({}, True),
    ({"type": "string", "enum": ["a"], "default": "a", "title": "A", "description": "a"}, True),
    ({"type": "text"}, False),
    ({"type": ["string"]}, False),
    ({"enum": "a"}, False),
    ({"title": 1}, False),
    ({"description": None}, False),
    ({"type": "string", "pattern": "("}, False),
    (True, False),
]


@pytest.mark.parametrize(("schema", "value", "fits"), FITS)
def test_it_is_plain_to_see_that_a_value_fits(
    schema: dict[str, Json], value: Json, fits: bool
) -> None:
    """
    A type, words, a constant and a number of keys are seen at once; of the rest nothing is said.
    """
    assert fits is fits_plainly(schema, value)


@pytest.mark.parametrize(("schema", "plain"), PLAIN)
def test_it_is_plain_to_see_that_a_schema_is_one(schema: Json, plain: bool) -> None:
    """
    The small schemas that inputs and outputs have are known to be right without a validator.
    """
    assert plain is is_plain(schema)


@given(_SCHEMAS, _VALUES)
def test_the_validator_says_the_same(schema: dict[str, Json], value: Json) -> None:
    """
    What is plain to see is never other than what the validator says.
    """
    if is_plain(schema):
        assert refusal(schema) is None
    if fits_plainly(schema, value):
        assert [] == validator(schema).problems(value)
