"""The reference page of expressions says what is true."""

import re
from pathlib import Path

import orjson
import pytest

from engine.core.expression import parse_expression, parse_template
from engine.core.expression.budget import MAX_OUTPUT, MAX_WORK
from engine.core.expression.compiled import MAX_EXPRESSIONS, MAX_TEMPLATE
from engine.core.expression.function import FUNCTIONS
from engine.core.expression.instant import MAX_LAYOUT
from engine.core.expression.path import MAX_PATH
from engine.core.expression.scalar import TESTS
from engine.core.expression.simple import MAX_LENGTH
from engine.core.expression.token import MAX_BRACKETS, MAX_TOKENS

PAGE = (Path(__file__).parents[2] / "docs/reference/expressions.md").read_text()
ROWS = re.findall(r"^\| (`\w+\(.*?) \| .* \| `(.*)` \| `(.*)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("example", "value"), [(example, value) for _, example, value in ROWS])
def test_an_example_gives_the_value_beside_it(example: str, value: str) -> None:
    """
    Every example of the page can be tried as it stands.
    """
    assert orjson.loads(value) == parse_expression(example).evaluate({})


def test_every_function_and_test_is_on_the_page() -> None:
    """
    The page lists all that there is, and nothing else.
    """
    listed = {name for signature, *_ in ROWS for name in re.findall(r"`(\w+)\(", signature)}
    tests = PAGE.partition("## Tests")[2].partition("## Functions")[0]

    assert {*FUNCTIONS, "default"} == listed
    assert all(f"`{name}`" in tests for name in TESTS)


def test_parameters_are_on_the_page_by_name() -> None:
    """
    An argument may be given by the name that the page shows.
    """
    for signature, *_ in ROWS:
        for name, inside in re.findall(r"`(\w+)\((.*?)\)`", signature):
            optional = re.findall(r"(\w+)=", inside)
            known = [each.name for each in FUNCTIONS[name].parameters] if name in FUNCTIONS else []

            assert name == "default" or set(optional) <= set(known)


def test_the_limits_are_on_the_page() -> None:
    """
    The numbers of the page are those of the program.
    """
    limits = (MAX_LENGTH, MAX_TEMPLATE, MAX_EXPRESSIONS, MAX_PATH, MAX_LAYOUT)
    for limit in (*limits, MAX_BRACKETS, MAX_TOKENS, MAX_WORK):
        assert f" {limit:,} |" in PAGE
    assert MAX_OUTPUT == 1024 * 1024


def test_the_example_of_the_page_runs() -> None:
    """
    The page opens with expressions that mean what it says of them.
    """
    names = {
        "inputs": {"env": "production", "app": "a b", "sha": "0123456789"},
        "steps": {"build": {"outputs": {"image": "web:1", "tests": [1]}}},
        "trigger": {"event": {"pusher": {"name": "ann"}}},
    }
    condition = re.search(r"^    if: (.*)$", PAGE, re.MULTILINE)
    templates = re.findall(r'^ +\w+: "(.*)"$', PAGE, re.MULTILINE)
    assert condition is not None

    assert parse_expression(condition[1]).evaluate(names) is True
    assert [parse_template(each).evaluate(names) for each in templates] == [
        "https://deployer.example/apps/a%20b",
        "web:1",
        2,
        "01234567 by ann",
    ]


def test_the_example_of_instants_runs() -> None:
    """
    What the page says of days and hours is what comes out.
    """
    names = {
        "inputs": {"day": "2026-03-01"},
        "trigger": {
            "scheduled_at": "2026-03-29T02:00:00Z",
            "interval": {"start": "2026-03-28T23:30:00Z"},
        },
    }
    section = PAGE.partition("## Instants")[2].partition("## Limits")[0]
    templates = re.findall(r'"(\{\{ .*? \}\})"', section)

    assert ["2026-03-29", "2026-02-28", True] == [
        parse_template(each).evaluate(names) for each in templates
    ]
