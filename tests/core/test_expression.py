"""Expressions and templates: what they give, what they read, what they cost."""

import pytest

from engine.core.expression import (
    EvaluationError,
    UndefinedError,
    parse_expression,
    parse_template,
)
from engine.core.values import Json

NAMES: dict[str, Json] = {
    "inputs": {
        "env": "staging",
        "n": 3,
        "f": 2.5,
        "yes": True,
        "no": False,
        "nothing": None,
        "empty": "",
        "sha": "0123456789abcdef",
        "tags": ["b", "a", "b"],
        "numbers": [3, 1, 2],
        "words": {"b": 2, "a": 1},
        "odd key": 1,
        "none": [],
        "half": "a\ud800",
        "most": 2**64 - 1,
        "path": ".a" * 600,
    },
    "items": [{"id": "x", "copy": {"loaded": 2}}, {"id": "y", "copy": {"loaded": 5}}],
    "steps": {"build": {"outputs": {"image": "web:1"}, "status": "succeeded"}, "off": {}},
    "trigger": {"at": "2026-03-29T02:30:00+02:00", "day": "2026-03-29"},
    "self": {"outputs": {"state": "ready"}},
}

VALUES: list[tuple[str, Json]] = [
    # lookup
    ("inputs.env", "staging"),
    (" inputs.env ", "staging"),
    ("inputs['env']", "staging"),
    ("inputs['odd key']", 1),
    ("items[0].copy.loaded", 2),
    ("items.1.id", "y"),
    ("items[-1].id", "y"),
    ("inputs[inputs.env ~ 'x'] | default('none')", "none"),
    ("inputs.words[inputs.tags[0]]", 2),
    ("items[inputs.n - 2].id", "y"),
    ("inputs.env[0]", "s"),
    ("self.outputs.state", "ready"),
    ("(items | first).id", "x"),
    ("{'a': 1}.a", 1),
    # literals
    ("'a' \"b\"", "ab"),
    ("1_000", 1000),
    ("0x1f", 31),
    ("1.5e3", 1500.0),
    ("-3", -3),
    ("+3", 3),
    ("[1, 'a', none, true]", [1, "a", None, True]),
    ("(1, 2)", [1, 2]),
    ("()", []),
    ("{'a': inputs.n, 'b': {'c': 1}}", {"a": 3, "b": {"c": 1}}),
    ("{inputs.env: 1}", {"staging": 1}),
    # slices
    ("inputs.sha[:8]", "01234567"),
    ("inputs.sha[-2:]", "ef"),
    ("inputs.numbers[::-1]", [2, 1, 3]),
    ("inputs.numbers[1:inputs.n]", [1, 2]),
    # operators
    ("inputs.n + 1", 4),
    ("inputs.n - 1", 2),
    ("inputs.n * 2", 6),
    ("inputs.n / 2", 1.5),
    ("inputs.n // 2", 1),
    ("inputs.n % 2", 1),
    ("-inputs.n", -3),
    ("+inputs.n", 3),
    ("'a' + 'b'", "ab"),
    ("[1] + inputs.numbers", [1, 3, 1, 2]),
    ("'a' ~ 1 ~ 2.0 ~ true", "a12.0true"),
    ("inputs.n == 3", True),
    ("inputs.n == 3.0", True),
    ("inputs.yes == 1", False),
    ("1 == inputs.yes", False),
    ("[true] == [1]", False),
    ("[1, {'a': 2}] == [1.0, {'a': 2}]", True),
    ("[1] == [1, 2]", False),
    ("{'a': 1} == {'b': 1}", False),
    ("{'a': 1} == [1]", False),
    ("'1' == 1", False),
    ("none == none", True),
    ("inputs.n != 3", False),
    ("1 < inputs.n <= 3", True),
    ("1 < inputs.n < 2 < 9", False),
    ("3 > 2 >= 2", True),
    ("'a' < 'b'", True),
    ("'ag' in inputs.env", True),
    ("'b' in inputs.words", True),
    ("1 in [true]", False),
    ("'z' not in inputs.tags", True),
    ("'a' is in inputs.tags", True),
    ("inputs.yes and inputs.n", 3),
    ("inputs.no and inputs.gone", False),
    ("inputs.empty or 'x'", "x"),
    ("inputs.n or inputs.gone", 3),
    ("not inputs.no", True),
    ("'a' if inputs.yes else 'b'", "a"),
    ("inputs.gone if inputs.no else 'b'", "b"),
    # tests
    ("inputs.nothing is none", True),
    ("inputs.n is not none", True),
    ("inputs.gone is defined", False),
    ("inputs.n is defined", True),
    ("inputs.gone.far is undefined", True),
    ("inputs.env is string", True),
    ("inputs.yes is number", False),
    ("inputs.f is number", True),
    ("inputs.n is integer", True),
    ("inputs.f is float", True),
    ("inputs.yes is boolean", True),
    ("inputs.yes is true", True),
    ("inputs.n is false", False),
    ("inputs.words is mapping", True),
    ("inputs.env is sequence", False),
    # default
    ("inputs.gone | default", ""),
    ("inputs.gone | default(1)", 1),
    ("inputs.gone.far.off | d(1)", 1),
    ("inputs.nothing | default(1)", None),
    ("inputs.nothing | default(1, true)", 1),
    ("inputs.nothing | default(1, inputs.no)", None),
    ("inputs.env | default(1, boolean=true)", "staging"),
    ("inputs.gone | default(inputs.n)", 3),
    ("inputs.none | first | default('no')", "no"),
    ("default(inputs.gone, 4)", 4),
    # functions
    ("inputs.tags | length", 3),
    ("count(inputs.words)", 2),
    ("'aB' | upper", "AB"),
    ("'aB' | lower", "ab"),
    ("' a ' | trim", "a"),
    ("'xax' | trim('x')", "a"),
    ("'aaa' | replace('a', 'bb')", "bbbbbb"),
    ("'aaa' | replace('a', 'b', 2)", "bba"),
    ("'a b' | split", ["a", "b"]),
    ("'a,b,c' | split(',', 1)", ["a", "b,c"]),
    ("inputs.tags | join('-')", "b-a-b"),
    ("inputs.numbers | join", "312"),
    ("'refs/heads/x' | startswith('refs/')", True),
    ("endswith('a.csv', '.csv')", True),
    ("inputs.tags | first", "b"),
    ("inputs.sha | last", "f"),
    ("inputs.words | keys", ["a", "b"]),
    ("inputs.words | values", [1, 2]),
    ("inputs.words | items", [["a", 1], ["b", 2]]),
    ("items | sum('copy.loaded')", 7),
    ("items | sum(attribute='copy.loaded')", 7),
    ("inputs.numbers | sum", 6),
    ("inputs.none | sum", 0),
    ("items | map('id')", ["x", "y"]),
    ("[[1, 2]] | map('1')", [2]),
    ("items | select('id', 'y') | map('id')", ["y"]),
    ("items | select('copy') | length", 2),
    ("[{'a': none}, {'a': 1}] | select('a', none) | length", 1),
    ("items | reject('id', 'y') | map('id')", ["x"]),
    ("inputs.numbers | min", 1),
    ("items | max('copy.loaded')", {"id": "y", "copy": {"loaded": 5}}),
    ("inputs.numbers | sort", [1, 2, 3]),
    ("inputs.tags | sort(reverse=true)", ["b", "b", "a"]),
    ("inputs.tags | unique", ["b", "a"]),
    ("[1, true, 1.0, [1], [1.0], {'a': 1}, {'a': 1.0}] | unique", [1, True, [1], {"a": 1}]),
    ("['[1]', [1], [true], [[['a', 1]], 'object'], {'a': 1}] | unique | length", 5),
    ("'a b c' | split(' ', inputs.most)", ["a", "b", "c"]),
    ("'a b c' | split(limit=-9)", ["a", "b", "c"]),
    ("'aa' | replace('a', 'b', inputs.most)", "bb"),
    ("'abc' | truncate(inputs.most) ~ inputs.sha[:inputs.most] | length", "abc16"),
    ("'a b c' | split(limit=1)", ["a", "b c"]),
    ("items | unique('id') | length", 2),
    ("'3' | int", 3),
    ("3.9 | int", 3),
    ("'2.5' | float", 2.5),
    ("1.0 | string", "1.0"),
    ("'true' | bool", True),
    ("inputs.no | bool", False),
    ("inputs.words | tojson", '{"a":1,"b":2}'),
    ("'[1, 2]' | fromjson", [1, 2]),
    ("2.5 | round", 3),
    ("2.675 | round(2)", 2.68),
    ("-2.5 | round", -3),
    ("2.1 | round(0, 'ceil')", 3),
    ("2.9 | round(method='floor')", 2),
    ("3 | round(2)", 3),
    ("2.0 | round(3)", 2.0),
    ("-3 | abs", 3),
    ("trigger.at | date", "2026-03-29"),
    ("'abcdef' | truncate(5)", "ab..."),
    ("'abcdef' | truncate(4, '')", "abcd"),
    ("'abc' | truncate", "abc"),
    ("'é' | b64encode", "w6k="),
    ("'w6k=' | b64decode", "é"),
    ("'a b/ü' | urlencode", "a%20b%2F%C3%BC"),
    ("7 | urlencode", "7"),
    ("1.5 | urlencode ~ true | urlencode", "1.5true"),
    ("'a b/ü/%2e' | urlpath", "a%20b/%C3%BC/%252e"),
    ("'/a//...' | urlpath", "/a//..."),
    ("7 | urlpath", "7"),
    ("'a' | sha256", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("uuid5('dns', 'python.org')", "886313e1-3b8a-5372-9b90-0c9aee199e5d"),
    (
        "uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'python.org')",
        "886313e1-3b8a-5372-9b90-0c9aee199e5d",
    ),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_an_expression_gives_its_value(text: str, value: Json) -> None:
    """
    Every operator, test and function does what the reference says, and keeps the JSON type.
    """
    found = parse_expression(text).evaluate(NAMES)

    assert value == found
    assert type(value) is type(found)


ERRORS: list[tuple[str, str, str]] = [
    ("gone", "undefined", "`gone` is not defined"),
    ("inputs.gone", "undefined", "`inputs.gone` is not defined: `inputs` has no `gone`"),
    ("inputs.n.x", "undefined", "`inputs.n.x` is not defined: `inputs.n` is an integer"),
    ("inputs['odd key'].x", "undefined", "`inputs['odd key'].x` is not defined"),
    ("items[7]", "undefined", "`items[7]` is not defined: `items` is an array, with no `7`"),
    ("items[inputs.env]", "undefined", "`items[inputs.env]` is not defined"),
    ("items[inputs.yes]", "type", "a key is a string or an integer, not a boolean"),
    ("inputs.none | first", "undefined", "`first` of what is empty"),
    ("inputs.empty | last", "undefined", "`last` of what is empty"),
    ("inputs.none | min", "undefined", "`min` of an empty list"),
    ("items | map('gone')", "undefined", "an element of the list lacks the given path"),
    ("inputs.n[1:]", "type", "an integer has no parts in order"),
    ("inputs.env['a':]", "type", "a slice is marked by integers"),
    ("inputs.env[::0]", "value", "a step of 0"),
    ("{inputs.n: 1}", "type", "a key of a mapping is a string"),
    ("inputs.n + inputs.env", "type", "`+` does not take an integer and a string"),
    ("'a' * inputs.n", "type", "`*` does not take a string and an integer"),
    ("inputs.tags * 3", "type", "`*` does not take an array and an integer"),
    ("true + 1", "type", "`+` does not take a boolean and an integer"),
    ("'%s' % inputs.n", "type", "`%` does not take a string"),
    ("inputs.n / 0", "value", "`/` by zero"),
    ("9223372036854775807 + 1", "value", "does not fit in 64 bits"),
    ("1e308 * 10", "value", "too large"),
    ("-inputs.env", "type", "a sign does not go with a string"),
    ("inputs.n < inputs.env", "type", "`<` does not order an integer and a string"),
    ("inputs.n in 5", "type", "cannot be `in` an integer"),
    ("1 in 'a'", "type", "an integer cannot be `in` a string"),
    ("inputs.tags ~ ''", "type", "`inputs.tags` is an array, no text"),
    ("inputs.n | upper", "type", "`upper` takes a string; `inputs.n` is an integer"),
    ("'a' | split('')", "value", "a separator that is not empty"),
    ("[inputs.words] | join", "type", "an element of the list"),
    ("'abc' | truncate(1)", "value", "`truncate`"),
    ("'x' | int", "value", "no integer"),
    ("'9999999999999999999999' | int", "value", "64 bits"),
    ("'x' | float", "value", "no number"),
    ("'1e999' | float", "value", "too large"),
    ("'yes' | bool", "value", "`bool` takes `true` and `false` only"),
    ("'{' | fromjson", "value", "no JSON"),
    ("1.5 | round(99)", "value", "a precision of 0 to 15"),
    ("1.5 | round(1, 'x')", "value", "common, ceil or floor"),
    ("'!' | b64decode", "value", "no base64"),
    ("'a/../b' | urlpath", "value", "a segment `.` or `..`"),
    ("'.' | urlpath", "value", "a segment `.` or `..`"),
    ("inputs.tags | urlpath", "type", "`urlpath` takes"),
    ("inputs.half | urlencode", "value", "half a character"),
    ("inputs.half | b64encode", "value", "half a character"),
    ("items | map('a' ~ 'b.c' ~ inputs.path)", "value", "at most 1,024 characters"),
    ("uuid5('x', 'y')", "value", "a namespace"),
    ("inputs.tags | sum", "type", "`sum` was given a string"),
    ("[1, 'a'] | sort", "type", "`sort` takes all numbers or all strings"),
]


@pytest.mark.parametrize(("text", "code", "words"), ERRORS, ids=[text for text, *_ in ERRORS])
def test_an_expression_without_a_value_says_why(text: str, code: str, words: str) -> None:
    """
    What cannot be computed is an error with a code, never null, an empty text or a guess.
    """
    with pytest.raises(EvaluationError) as raised:
        parse_expression(text).evaluate(NAMES)

    assert code == raised.value.code
    assert words in raised.value.message
    assert isinstance(raised.value, UndefinedError) is (code == "undefined")


TEMPLATES: list[tuple[str, Json]] = [
    ("", ""),
    ("plain } text {", "plain } text {"),
    ("{{ inputs.n }}", 3),
    ("{{ inputs.nothing }}", None),
    ("{{ inputs.tags }}", ["b", "a", "b"]),
    ("{{inputs.env}}", "staging"),
    (" {{ inputs.n }}", " 3"),
    ("{{ inputs.n }}\n", "3\n"),
    ("{{ inputs.n }}{{ inputs.n }}", "33"),
    ("{{ inputs.f }} {{ inputs.yes }} {{ inputs.no }} {{ 1e16 }}", "2.5 true false 1e+16"),
    ("{{ '1e3' }}", "1e3"),
    ("{{ '}}' }}", "}}"),
    ("{{ '{{' }}.Names{{ '}}' }}", "{{.Names}}"),
    ('{{ "a\\"}}" }}', 'a"}}'),
    ("{{ {'a': {'b': [1]}} }}", {"a": {"b": [1]}}),
    ("a {{ {'a': {'b': 'c'}}.a.b }} d", "a c d"),
    ("{{ 'a' if\n inputs.yes else 'b' }}", "a"),
    ("line\r\n{{ inputs.n }}\r\n", "line\r\n3\r\n"),
]


@pytest.mark.parametrize(("text", "value"), TEMPLATES)
def test_a_template_gives_its_value(text: str, value: Json) -> None:
    """
    `{{ expr }}` alone keeps its type; anything around it makes a text, numbers as JSON has them.
    """
    found = parse_template(text).evaluate(NAMES)

    assert value == found
    assert type(value) is type(found)


@pytest.mark.parametrize("path", ["inputs.nothing", "inputs.tags", "inputs.words", "inputs.gone"])
def test_mixed_text_takes_scalars_only(path: str) -> None:
    """
    Null, a list, a mapping or nothing at all inside a text is an error that names the reference.
    """
    with pytest.raises(EvaluationError, match=f"`{path}` is"):
        parse_template(f"to {{{{ {path} }}}}").evaluate(NAMES)


def test_an_error_shows_no_value() -> None:
    """
    A secret that is in the way of an evaluation is not in the message about it.
    """
    names = {"secrets": {"key": "hunter2"}, "map": {}}
    for text in ("secrets.key.x", "map[secrets.key]", "secrets.key + 1", "secrets.key | int"):
        with pytest.raises(EvaluationError) as raised:
            parse_expression(text).evaluate(names)

        assert "hunter2" not in str(raised.value)
