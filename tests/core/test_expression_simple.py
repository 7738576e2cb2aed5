"""What is read by hand is what Jinja's parser makes of it, to the character."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.expression import tree
from engine.core.expression.fault import FaultError
from engine.core.expression.simple import MAX_LENGTH, read
from engine.core.expression.syntax import parse

_WORDS = (
    "a", "inputs.count", "event.body.status", "_x.y1", "is", "not", "true", "None", "a.in",
    "a.b__c",     "0", "7", "007", "1_0", "999999999999999999", "9223372036854775808", "1.5", "1e3",
    "''", "'done'", '"two words"', '"it\'s"', "'a\\n'", "'é'", "'}}'", "'__'",
    "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "**", "=", "~", "|", "and",
    "if", " ", "  ", "\n", "\t", "\r",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["a", " a.b ", "inputs.count > 2", "a.b=='done'", 'a != "it\'s"', "a -1", "a*b.c", "a % 7 "],
)
def test_common_expressions_are_read_by_hand(text: str) -> None:
    """
    A path, a comparison and a sum need no parser, wherever they stand.
    """
    assert read(text, 5) is not None
    assert parse(text, 5) == read(text, 5)


@pytest.mark.parametrize(
    "text",
    ["not", "not == 1", "a == none", "a == 1.5", "a == 007", "a == '\\n'", "a == 1 == 2", "a // 2",
     "a.__class__", "a == b__c", "a\r == 1", "a\n== 1", "a ~ b", "1 == a", "",
     "a" * (MAX_LENGTH + 1)],
)  # fmt: skip
def test_all_else_is_left_to_the_parser(text: str) -> None:
    """
    Whatever could be read in another way, or is refused, goes to the parser.
    """
    assert read(text) is None


@settings(max_examples=500)
@given(st.lists(st.sampled_from(_WORDS), max_size=6).map("".join), st.integers(0, 90))
def test_both_readers_agree(text: str, base: int) -> None:
    """
    An expression means the same, and its parts stand at the same places, whoever reads it.
    """
    by_hand = read(text, base)
    try:
        parsed: tree.Node | None = parse(text, base)
    except FaultError:
        parsed = None

    # A path alone may stand among returns of the carriage.
    if by_hand is not None and not (isinstance(by_hand, tree.Path) and re.search(r"\r", text)):
        assert parsed == by_hand
