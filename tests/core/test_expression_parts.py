"""What a compiler and an editor ask of an expression: its parts, and what stands where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.expression import (
    FaultError,
    Part,
    Typed,
    compile_value,
    inspect,
    parse_expression,
    parse_template,
    parts,
)
from engine.core.values import Json
from tests.core.test_expression_type import INTEGER, NAMES, STRING
from tests.fuzz import grammar


def test_a_template_falls_into_its_parts() -> None:
    """
    Text and expressions come in order, each with where it begins, without the braces.
    """
    text = "https://x/{{ a }}/{{'}}'}}?"

    assert (
        Part("https://x/", 0, False),
        Part(" a ", 12, True),
        Part("/", 17, False),
        Part("'}}'", 20, True),
        Part("?", 26, False),
    ) == parts(text)
    assert () == parts("")


@pytest.mark.parametrize(
    "expression",
    ["a", "a if b else c", "{'k': a}.k", "a ~ '}}'", "-1", "a | default('x')", "a == 'x y'", "a\n"],
)
def test_an_expression_can_be_put_through_a_filter(expression: str) -> None:
    """
    Whatever stands in a URL can be encoded in its place: brackets keep it whole.
    """
    names: dict[str, Json] = {"a": "x y", "b": True, "c": "z"}
    text = f"https://h/{{{{ {expression} }}}}/{{{{ b }}}}"
    rewritten = "".join(
        f"{{{{ ({each.text}) | urlencode }}}}" if each.is_expression else each.text
        for each in parts(text)
    )
    value = parse_expression(f"({expression}) | urlencode").evaluate(names)

    assert f"https://h/{value}/true" == parse_template(rewritten).evaluate(names)


def test_a_part_is_written_as_it_stood() -> None:
    """
    Texts and expressions alike: nothing is set right between the braces.
    """
    text = "a {{b }}{{  c | upper}} d"

    assert ["a ", "{{b }}", "{{  c | upper}}", " d"] == [each.written for each in parts(text)]


@settings(max_examples=200, deadline=None)
@given(
    st.randoms(use_true_random=False).map(grammar.template) | st.text("{}%#'\"\\a 1|", max_size=30)
)
def test_parts_joined_are_the_template(text: str) -> None:
    """
    Taking a template apart loses nothing: together the parts are the very same text.
    """
    try:
        found = parts(text)
    except FaultError:
        return

    assert text == "".join(each.written for each in found)
    assert all(text.startswith(each.text, each.offset) for each in found)


INSPECTED: list[tuple[str, list[tuple[str, Json, tuple[str | int, ...]]]]] = [
    ("inputs.n", [("inputs.n", INTEGER, ("inputs", "n"))]),
    (
        "a {{ inputs.n + 1 }}",
        [
            ("a {{ inputs.n + 1 }}", STRING, ()),
            ("a ", {"type": "string", "const": "a "}, ()),
            ("inputs.n + 1", INTEGER, ()),
            ("inputs.n", INTEGER, ("inputs", "n")),
            ("1", {"type": "integer", "const": 1}, ()),
        ],
    ),
    (
        "{{ inputs.tags | first | upper }}",
        [
            ("inputs.tags | first | upper", STRING, ()),
            ("inputs.tags | first", STRING, ()),
            ("inputs.tags", {"type": "array", "items": STRING}, ("inputs", "tags")),
        ],
    ),
    (
        "inputs.evn is defined",
        [("inputs.evn is defined", {"type": "boolean"}, ()), ("inputs.evn", {}, ("inputs", "evn"))],
    ),
]


@pytest.mark.parametrize(("text", "expected"), INSPECTED)
def test_an_editor_knows_what_stands_where(
    text: str, expected: list[tuple[str, Json, tuple[str | int, ...]]]
) -> None:
    """
    Every part of an expression has its place and its type, and a reference its path.
    """
    found = inspect(parse_template(text) if "{{" in text else parse_expression(text), NAMES)

    assert expected == [
        (text[each.offset : each.offset + each.length], each.schema, each.path) for each in found
    ]


def test_the_last_part_that_covers_an_offset_stands_there() -> None:
    """
    A pointer over a reference finds the reference, not the sum around it.
    """
    text = "{{ inputs.n + inputs.num }}"
    found = inspect(parse_template(text), NAMES)

    def at(offset: int) -> Typed:
        return [each for each in found if each.offset <= offset < each.offset + each.length][-1]

    assert ("inputs", "n") == at(5).path
    assert ("inputs", "num") == at(16).path
    assert "inputs.n + inputs.num" == text[at(12).offset :][: at(12).length]


def test_the_templates_of_an_area_are_inspected_one_by_one() -> None:
    """
    An area has many texts, so no offset in it is told.
    """
    found = inspect(compile_value({"a": "{{ inputs.n }}"}), NAMES)

    assert [] == [each.path for each in found if each.path]
