"""Whole areas of values, what they read, and what they may cost."""

import time
from types import MappingProxyType

import pytest

from engine.core.expression import (
    EvaluationError,
    FaultError,
    Reference,
    compile_value,
    parse_expression,
    parse_template,
    templates_in,
)
from engine.core.expression.budget import MAX_OUTPUT
from engine.core.values import Json
from tests.core.test_expression import NAMES


def test_an_area_is_evaluated_whole() -> None:
    """
    Every template of an area is filled in, in its place; constants stay as they are.
    """
    area: Json = {
        "method": "POST",
        "headers": {"fixed": ["a", {"b": 1}]},
        "json": {"env": "{{ inputs.env }}", "list": [1, "n={{ inputs.n }}"], "last": None},
    }
    compiled = compile_value(area)

    found = compiled.evaluate(NAMES)

    assert found == {
        "method": "POST",
        "headers": {"fixed": ["a", {"b": 1}]},
        "json": {"env": "staging", "list": [1, "n=3"], "last": None},
    }
    assert list(found) == ["method", "headers", "json"]
    assert [each.path for each in compiled.references] == [("inputs", "env"), ("inputs", "n")]
    assert compile_value({"a": "{{ x }}"}).source == '{"a":"{{ x }}"}'


@pytest.mark.parametrize("area", [None, 1, True, "text", [], {}, {"a": [1, {"b": "c"}]}])
def test_an_area_without_templates_is_itself(area: Json) -> None:
    """
    What holds no template comes out as it went in.
    """
    assert area == compile_value(area).evaluate({})
    assert templates_in(area) == []


def test_templates_are_found_with_their_places() -> None:
    """
    Every text with braces is listed with its pointer, those that will be refused too.
    """
    area: Json = {"a": ["x", "{{ b }}"], "c": {"d": "{% e %}", "f": "{"}, "g": 1}

    assert templates_in(area) == [(("a", 1), "{{ b }}"), (("c", "d"), "{% e %}")]


def test_a_fault_in_an_area_has_its_pointer() -> None:
    """
    The error of a template leads to the text that it stands in.
    """
    with pytest.raises(FaultError) as raised:
        compile_value({"a": [{"b/c": "x {{ 1 + }}"}]})

    assert raised.value.pointer == ("a", 0, "b/c")
    assert str(raised.value.pointer) == "/a/0/b~1c"
    assert raised.value.fault.offset == 8


REFERENCES: list[tuple[str, list[tuple[tuple[str | int, ...], bool, str, tuple[str, ...]]]]] = [
    ("{{ a.b }}", [(("a", "b"), False, "a.b", ())]),
    (
        "x {{ a.b['c d'][0] }} {{ e }}",
        [(("a", "b", "c d", 0), False, "a.b['c d'][0]", ()), (("e",), False, "e", ())],
    ),
    ("{{ a . b [ 0 ] . c }}", [(("a", "b", 0, "c"), False, "a . b [ 0 ] . c", ())]),
    (
        "{{ a.b[c.d].e }}",
        [(("a", "b"), False, "a.b", ()), (("c", "d"), False, "c.d", ())],
    ),
    (
        "{{ a.b | default(c, d) }}",
        [
            (("a", "b"), True, "a.b", ()),
            (("c",), False, "c", ()),
            (("d",), False, "d", ()),
        ],
    ),
    ("{{ a is defined and b }}", [(("a",), True, "a", ()), (("b",), False, "b", ())]),
    ("{{ a | trim | urlencode }}", [(("a",), False, "a", ("trim", "urlencode"))]),
    (
        "{{ (a ~ b) | urlencode ~ c }}",
        [
            (("a",), False, "a", ("urlencode",)),
            (("b",), False, "b", ("urlencode",)),
            (("c",), False, "c", ()),
        ],
    ),
    (
        "{{ a if b else c }}",
        [
            (("a",), False, "a", ()),
            (("b",), False, "b", ()),
            (("c",), False, "c", ()),
        ],
    ),
    (
        "{{ [a, {b: -c}][d:] }}",
        [
            (("a",), False, "a", ()),
            (("b",), False, "b", ()),
            (("c",), False, "c", ()),
            (("d",), False, "d", ()),
        ],
    ),
    (
        "{{ a < b in c }}",
        [
            (("a",), False, "a", ()),
            (("b",), False, "b", ()),
            (("c",), False, "c", ()),
        ],
    ),
    (
        "{{ not (a or b.c == d + e) }}",
        [
            (("a",), False, "a", ()),
            (("b", "c"), False, "b.c", ()),
            (("d",), False, "d", ()),
            (("e",), False, "e", ()),
        ],
    ),
    ("no braces a.b", []),
]


@pytest.mark.parametrize(("text", "expected"), REFERENCES)
def test_references_are_listed_with_their_places(
    text: str, expected: list[tuple[tuple[str | int, ...], bool, str, tuple[str, ...]]]
) -> None:
    """
    Every path is found, marked to the character, with whether anything may be missing there.
    """
    found = parse_template(text).references

    assert expected == [
        (each.path, each.has_default, text[each.offset : each.offset + each.length], each.through)
        for each in found
    ]
    assert all(isinstance(each, Reference) for each in found)


BOMBS = [
    "'a' | replace('', x)",
    "x | replace('a', x)",
    "[x, x, x, x] | join(x)",
    "[x] | join | replace('a', 'bb')",
    "x ~ x",
    "x + x",
    "[" + ",".join(["x"] * 300) + "]",
    "{'a': x, 'b': x}",
    "(x | tojson) ~ (x | urlencode)",
    "x | b64encode",
    "(x | split('a')) | join(x)",
]


@pytest.mark.parametrize("text", BOMBS)
def test_no_value_grows_past_a_mebibyte(text: str) -> None:
    """
    Whatever an expression does, it ends soon and gives no more than the limit.
    """
    names = {"x": "a" * (MAX_OUTPUT - 20)}
    begun = time.perf_counter()

    with pytest.raises(EvaluationError) as raised:
        parse_expression(text).evaluate(names)

    assert raised.value.code == "budget"
    assert time.perf_counter() - begun < 20


def test_an_area_counts_all_that_its_templates_give() -> None:
    """
    Many references to one large value do not get past the limit together.
    """
    names = {"x": "a" * 600_000, "y": ["b" * 600_000]}
    one, two = compile_value(["{{ x }}"]), compile_value(["{{ x }}", {"y": "{{ y }}"}])

    assert [names["x"]] == one.evaluate(names)
    with pytest.raises(EvaluationError, match="larger than"):
        two.evaluate(names)


def test_work_is_counted() -> None:
    """
    Going over and over a long list ends in an error, not in minutes.
    """
    names = {"x": list(range(200_000))}
    with pytest.raises(EvaluationError, match="units of work"):
        parse_expression("x | sort | sort | sort | sort | length").evaluate(names)
    with pytest.raises(EvaluationError, match="units of work"):
        parse_expression(" + ".join(["x"] * 12) + " == x").evaluate(names)


def test_a_value_too_deep_is_an_error() -> None:
    """
    A value nested without end stops no worker.
    """
    deep: Json = 1
    other: Json = 1
    for _ in range(5000):
        deep, other = [deep], [other]
    names = {"x": deep, "y": deep, "z": [other]}

    for text in ("x == z", "x in z", "[x, y] | unique"):
        with pytest.raises(EvaluationError, match="nests too deep"):
            parse_expression(text).evaluate(names)
    with pytest.raises(EvaluationError, match="JSON cannot hold"):
        parse_expression("x | tojson").evaluate(names)


def test_any_mapping_and_text_will_do() -> None:
    """
    Values need not be of the very types that a JSON parser gives.
    """
    names = {"map": MappingProxyType({"a": 1}), "word": Word("ab"), "list": range(2)}

    assert parse_expression("map is mapping and map.a == 1").evaluate(names) is True
    assert parse_expression("word is string and word | upper == 'AB'").evaluate(names) is True
    assert parse_expression("list is sequence and list | sum == 1").evaluate(names) is True


class Word(str):
    """A text that says where it comes from."""


def test_numbers_that_no_float_holds_are_an_error() -> None:
    """
    An integer that came in larger than any JSON reader takes does not end in a crash.
    """
    with pytest.raises(EvaluationError, match="too large"):
        parse_expression("x + 1.5").evaluate({"x": 10**400})


def test_only_json_is_looked_into() -> None:
    """
    A value that is no JSON was put there by us, and is told as our defect.
    """
    with pytest.raises(TypeError, match="a object is no JSON value"):
        parse_expression("x is string").evaluate({"x": object()})
