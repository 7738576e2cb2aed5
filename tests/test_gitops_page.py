"""The page of the reconciler's rules names a test for each, and tests that are there."""

import re

from tests.test_faults_page import NAMED, PAGES, TESTS, functions

RULES = [f"R{number}" for number in range(1, 13)]


def text() -> str:
    return (PAGES / "gitops.md").read_text()


def test_every_rule_is_told_and_proved() -> None:
    """
    A reader finds each rule once among the promises, and once among what proves them.
    """
    promised = re.findall(r"^\| (R\d+) \w", text(), re.MULTILINE)
    proved = re.findall(r"^\| (R\d+) \| `", text(), re.MULTILINE)

    assert RULES == promised == proved


def test_every_test_that_is_named_exists() -> None:
    """
    Whoever looks a test up finds it.
    """
    named = NAMED.findall(text())

    assert len(named) > 40
    assert [] == [
        f"{file}::{name}" for file, name in named
        if not (TESTS / file).is_file() or name not in functions(TESTS / file)
    ]  # fmt: skip
