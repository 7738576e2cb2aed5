"""What is refused in expressions and templates, where, and with which advice."""

import string
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.expression import (
    Compiled,
    EvaluationError,
    Fault,
    FaultError,
    braces,
    compile_value,
    has_template,
    parse_expression,
    parse_template,
)
from engine.core.expression.compiled import MAX_TEMPLATE
from engine.core.expression.simple import MAX_LENGTH
from engine.core.expression.syntax import MAX_DEPTH, parse
from engine.core.values import canonical

FAULTS: list[tuple[str, str, str, str]] = [
    # text, code, what is marked, words
    ("", "expression-syntax", "", "the expression is empty"),
    ("  ", "expression-syntax", "  ", "the expression is empty"),
    ("1 +", "expression-syntax", "", "the expression ends too early"),
    ("(a", "expression-syntax", "", "the expression ends too early, expected `)`"),
    ("a b", "expression-syntax", "b", "unexpected `b`"),
    ("a, b", "expression-syntax", ",", "unexpected `,`"),
    ("a = b", "expression-syntax", "=", "write `==`"),
    ("a ? b", "expression-syntax", "?", "unexpected character"),
    ("a == 'b", "expression-syntax", "'", "the string is never closed"),
    ("a)", "expression-syntax", ")", "unexpected `)`"),
    ("(a]", "expression-syntax", "]", "unexpected `]`, expected `)`"),
    ("a }}", "expression-syntax", "}}", "unexpected `}}`"),
    ("a -}}", "expression-syntax", "-}}", "unexpected `-}}`"),
    ("a..b", "expression-syntax", ".", "expected name or number"),
    ("a\r\n.b", "expression-syntax", "\r", "carriage return"),
    ("a != '\\d'", "expression-syntax", "\\d", "unknown escape `\\d`"),
    ("'\\x4'", "expression-syntax", "'\\x4'", ""),
    ("'\\ud800'", "expression-syntax", "'\\ud800'", "lone surrogate"),
    ("a²", "expression-syntax", "a²", "Invalid character"),
    ("{% if a %}", "expression-syntax", "%", "unexpected `%`"),
    ("{# a #}", "expression-syntax", "#", "unexpected character"),
    ("[x for x in y]", "expression-syntax", "for", "expected token `,`, got `for`"),
    ("a if b", "expression-syntax", "a if b", "needs an `else`"),
    ("a ** 2", "expression-syntax", "a", "`**` is not part of the language"),
    ("a[1:2, 3]", "expression-syntax", "[1:2, 3]", "takes one key"),
    ("a[]", "expression-syntax", "[]", "takes one key"),
    ("{'k': a, 'b': 1, 'k': 1}", "expression-syntax", "'k'", "the key `k` appears twice"),
    ("a.upper()", "expression-syntax", "()", "no methods"),
    ("a.nope()", "expression-syntax", "()", "no methods"),
    ("upper(a)(b)", "expression-syntax", "(b)", "no methods"),
    ("a.__class__", "expression-attribute", ".__class__", "look up data alone"),
    ("a.b.__globals__.c", "expression-attribute", ".__globals__", "look up data alone"),
    ("range(10)", "unknown-function", "range", "there is no function or filter `range`"),
    ("a | uper", "unknown-function", "uper", "there is no function or filter `uper`"),
    ("a | x.y", "unknown-function", "x.y", "there is no function or filter `x.y`"),
    ("a is strnig", "unknown-function", "is", "there is no test `strnig`"),
    ("a is divisibleby 3", "unknown-function", "is", "there is no test `divisibleby`"),
    ("a is none(1)", "expression-syntax", "is", "takes no argument"),
    ("a | join(*b)", "expression-syntax", "join", "`*` and `**` arguments"),
    ("a | join(**b)", "expression-syntax", "join", "`*` and `**` arguments"),
    ("a | join('', 1, 2)", "expression-arguments", "join('', 1, 2)", "at most 2 arguments, not 4"),
    ("a | join(sep='')", "expression-arguments", "join(sep='')", "takes no argument `sep` here"),
    ("a | join('', separator='')", "expression-arguments", "join('', separator='')", "here"),
    ("a | replace('x')", "expression-arguments", "replace('x')", "lacks its argument `new`"),
    ("upper()", "expression-arguments", "upper()", "lacks its argument `value`"),
    ("default()", "expression-arguments", "default()", "lacks its argument `value`"),
    ("1e999", "expression-limit", "1e999", "the number is too large"),
    ("9223372036854775808", "expression-limit", "9223372036854775808", "the number is too large"),
    ("9" * 5000, "expression-limit", "9" * 5000, "the number is too large"),
    ("a" * (MAX_LENGTH + 1), "expression-limit", "a" * (MAX_LENGTH + 1), "characters"),
    ("(" * 21 + "a" + ")" * 21, "expression-limit", "(", "brackets nest deeper"),
    ("not " * 101 + "a", "expression-limit", "not " * 101 + "a", "too many parts"),
    ("a," * 1001, "expression-limit", "a," * 1001, "too many parts"),
    ("a" + "|trim" * MAX_DEPTH, "expression-limit", "a", "nests deeper"),
]


@pytest.mark.parametrize(
    ("text", "code", "marked", "words"), FAULTS, ids=[text[:30] for text, *_ in FAULTS]
)
def test_what_is_not_allowed_is_a_fault(text: str, code: str, marked: str, words: str) -> None:
    """
    Everything off the list is refused before it runs, marked to the character.
    """
    with pytest.raises(FaultError) as raised:
        parse_expression(text)
    fault = raised.value.fault

    assert code == fault.code
    assert words in fault.message
    if marked != "a":
        assert marked == text[fault.offset : fault.offset + fault.length]


HINTS = [
    ("a | uper", "did you mean `upper`?"),
    ("a | defualt(1)", "did you mean `default`?"),
    ("a | join(seperator=1)", "did you mean `separator`?"),
    ("a is strin", "did you mean `string`?"),
    ("a.upper()", "use the filter: `| upper`"),
    ("'\\d'", "write `\\\\d`"),
    ("{{ inputs.n }}", "write `inputs.n`"),
    ("'a' == {{ b }}", "write the bare expression"),
    ("a && b", "write `and`"),
    ("a || b", "write `or`"),
    ("!a", "write `not`"),
    ("a # b", ""),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_a_fault_says_how_to_mend_it(text: str, hint: str) -> None:
    """
    Where the author's wish is plain, the fault prints what to write.
    """
    with pytest.raises(FaultError) as raised:
        parse_expression(text)

    assert hint == raised.value.fault.hint


def test_braces_are_found_outside_of_strings_only() -> None:
    """
    `{{` in the text of an expression key is a fault, in a string it is a string.
    """
    assert braces("'{{' in inputs.text") is None
    assert braces("'never closed {{ a }}") is None
    assert Fault(
        "braces-in-expression",
        "this key holds an expression, which takes no braces",
        1,
        2,
        "write `a`",
    ) == braces(" {{ a }}")
    assert (found := braces("${{ a }}")) is not None
    assert "write `a`" == found.hint


TEMPLATE_FAULTS: list[tuple[str, str, str]] = [
    ("x {{ a", "template-open", "{{"),
    ("{{ 'a }}", "expression-syntax", "'"),
    ('{{ a ~ "b }} {{ c }}', "expression-syntax", '"'),
    ("{{ [a }}", "template-open", "{{"),
    ("{{ }}", "expression-syntax", " "),
    ("{{}}", "expression-syntax", "}"),
    ("x {{- a }}", "template-trim", "{{-"),
    ("x {{+ a }}", "template-trim", "{{+"),
    ("x {{ a -}} y", "template-trim", "-}}"),
    ("{% if a %}", "template-statement", "{%"),
    ("{{ a }} {#- a #}", "template-statement", "{#"),
    ("x {{ a.b.upper() }}", "expression-syntax", "()"),
    ("x {{ a }} {{ b | uper }}", "unknown-function", "uper"),
]


@pytest.mark.parametrize(("text", "code", "marked"), TEMPLATE_FAULTS)
def test_a_fault_in_a_template_is_marked_in_its_text(text: str, code: str, marked: str) -> None:
    """
    Offsets are those of the whole text, wherever the expression stands in it.
    """
    assert has_template(text)
    with pytest.raises(FaultError) as raised:
        parse_template(text)
    fault = raised.value.fault

    assert code == fault.code
    assert marked == text[fault.offset : fault.offset + fault.length]


def test_limits_of_templates_and_areas() -> None:
    """
    A text, the depth of an area and the keys of a mapping have their limits.
    """
    with pytest.raises(FaultError, match="a template has at most"):
        parse_template("{{ a }}" + "x" * MAX_TEMPLATE)
    with pytest.raises(FaultError, match="the expressions of a template have at most"):
        parse_template("{{ a }}" * 3_000)
    with pytest.raises(FaultError, match="the key of a mapping is a literal"):
        compile_value({"a": {"{{ b }}": 1}})
    deep: object = "x"
    for _ in range(60):
        deep = [deep]
    with pytest.raises(FaultError, match="values nest deeper than"):
        compile_value(deep)  # type: ignore[arg-type]


_VOCABULARY = (
    "a b.c inputs . | ( ) [ ] { } {{ }} {% %} {# #} - -}} + * ** / // % ~ == = < in not is if "
    "else and or , : 'x' \"y\" ' 1 1.5 0x 1e9 none true default upper sum join(',') ''.join "
    "__class__ import os lambda range() \\ \n \t \r # ; @ $ é \u2028 \x00 \ud800"
)
_WORDS = st.sampled_from(_VOCABULARY.split(" "))
_TEXT = st.lists(_WORDS, max_size=25).map(" ".join) | st.text(max_size=60)


@settings(max_examples=400, deadline=None)
@given(_TEXT)
@example("a.\x00")
@example("\udfff")
def test_any_text_is_taken_or_faulted(text: str) -> None:
    """
    Whatever is written, the answer is a value, a fault within the text, or an evaluation error.
    """
    names = {"a": 1, "inputs": {"b": "x"}, "b": {"c": [1]}}
    for door in (parse_expression, parse_template):
        fault, code = _refusal(door, text, names)

        assert fault is None or 0 <= fault.offset <= fault.offset + fault.length <= len(text) + 1
        assert code in ("", "undefined", "type", "value", "budget")


def _refusal(
    door: Callable[[str], Compiled], text: str, names: Mapping[str, object]
) -> tuple[Fault | None, str]:
    try:
        door(text).evaluate(names)
    except FaultError as error:
        return error.fault, ""
    except EvaluationError as error:
        return None, error.code
    return None, ""


_LEAVES = st.sampled_from(
    ["a", "a.b", "a.c[0]", "s", "'x'", "''", "1", "0", "-1.5", "9223372036854775807", "none",
     "true", "[]", "[1, 'x']", "{'k': 1}", "gone"]
)  # fmt: skip
_OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "~",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "not in",
    "and",
    "or",
]
_FILTERS = [
    "length", "upper", "trim", "join('-')", "split('x')", "replace('x', s)", "first", "last",
    "keys", "values", "items", "sum", "min", "max", "sort", "unique", "map('b')", "select('b', 1)",
    "int", "float", "string", "bool", "tojson", "fromjson", "round(1)", "abs", "date",
    "date('UTC')", "shift('1d')", "strftime('%Y')", "seconds_between(s)", "urlpath", "trim(s)",
    "truncate(3)", "b64encode", "b64decode", "urlencode", "sha256", "default(s)",
    "default(a, true)", "startswith('x')",
]  # fmt: skip


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(_OPERATORS), inner).map(lambda of: f"({' '.join(of)})"),
        st.tuples(inner, st.sampled_from(_FILTERS)).map(lambda of: f"({of[0]} | {of[1]})"),
        st.tuples(inner, inner, inner).map(lambda of: f"({of[0]} if {of[1]} else {of[2]})"),
        st.tuples(inner, inner).map(lambda of: f"({of[0]})[{of[1]}]"),
        st.tuples(inner, inner, inner).map(lambda of: f"({of[0]})[{of[1]}:{of[2]}]"),
        st.tuples(inner, inner).map(lambda of: f"[{of[0]}, {of[1]}]"),
        inner.map(lambda of: f"(not {of})"),
        inner.map(lambda of: f"(-{of})"),
        inner.map(lambda of: f"({of} is defined)"),
    )


EXPRESSIONS = st.recursive(_LEAVES, _grown, max_leaves=8)


@settings(max_examples=500, deadline=None)
@given(EXPRESSIONS)
def test_an_allowed_expression_gives_json_or_an_error(text: str) -> None:
    """
    No combination of what is allowed gives anything but JSON, twice the same, or an error.
    """
    names = {"a": {"b": 1, "c": [1, {"b": 2}]}, "s": "xyz"}
    compiled = parse_expression(text)
    answers = []
    for _ in range(2):
        try:
            answers.append(canonical(compiled.evaluate(names)).decode())
        except EvaluationError as error:
            answers.append(f"{error.code} {error.message}")

    assert answers[0] == answers[1]


class Tempting(dict[str, object]):
    """A mapping with an attribute to reach for, and a trap on every one."""

    def __getattribute__(self, name: str) -> object:
        if name in _OF_MAPPINGS:
            return super().__getattribute__(name)
        raise AssertionError(f"the attribute {name} was touched")


_OF_MAPPINGS = frozenset({"__class__", "keys", "items", "values", "__getitem__", "get", "copy"})


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, st.sampled_from(["secret", "pop", "__init__", "mro", "format", "clear"]))
def test_no_expression_reaches_an_attribute(text: str, name: str) -> None:
    """
    `a.b` is `a["b"]` and nothing else: a value's attributes are out of reach.
    """
    trap = Tempting({"b": 1, "c": [1, {"b": 2}]})
    for told in (text, f"a[{name!r}]", f"a.c[1][{name!r}]", f"[a] | map({name!r})"):
        with suppress(EvaluationError):
            parse_expression(told).evaluate({"a": trap, "s": "xyz"})


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=string.printable + "é{}%#", max_size=80))
def test_a_template_without_braces_is_itself(text: str) -> None:
    """
    Text that holds no opening mark comes out as it is, whatever else is in it.
    """
    if not has_template(text):
        assert text == parse_template(text).evaluate({})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(_JSON)
def test_a_whole_value_keeps_its_type(value: object) -> None:
    """
    `{{ x }}` alone hands on the very value, no text of it.
    """
    assert parse_template("{{ x }}").evaluate({"x": value}) is value
    assert parse_template("{{ x.y }}").evaluate({"x": {"y": value}}) is value


@pytest.mark.parametrize(
    "text", ["a", " a.b ", "a.b_c.d9", "in.a", "a.if", "true", "none", "not", "a.__b__", "a__b.c"]
)
def test_plain_paths_are_read_as_any_other_expression(text: str) -> None:
    """
    The quick way to read a path gives what the long way gives.
    """

    def answer(written: str) -> object:
        try:
            return parse(written)
        except FaultError as error:
            return error.fault.code

    quick, long = answer(text), answer(f"{text}  if true else 1")

    assert getattr(long, "then", long) == quick
