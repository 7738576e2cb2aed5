"""The page of attacks names tests that are there, and has a test for each attack."""

import re

from tests.test_faults_page import NAMED, PAGES, TESTS, functions

ROW = re.compile(r"^\| ([A-ER]\d\d) \| (.+) \| (.+) \| (.*) ?\|$", re.MULTILINE)
MANY = {"A": 16, "B": 16, "C": 14, "D": 10, "E": 15, "R": 8}


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall((PAGES / "attacks.md").read_text())


def test_every_attack_has_its_row() -> None:
    """
    A reader finds each attack once, in its order.
    """
    expected = [
        f"{part}{number:02}" for part, most in MANY.items() for number in range(1, most + 1)
    ]

    assert expected == [row[0] for row in rows()]


def test_every_attack_is_made_by_a_test_that_exists() -> None:
    """
    Whoever looks the test of an attack up finds it; a test that is renamed takes its name along.
    """
    named = {row[0]: NAMED.findall(row[3]) for row in rows()}

    assert [] == [attack for attack, found in named.items() if not found]
    assert [] == [
        f"{attack}: {file}::{name}" for attack, found in named.items() for file, name in found
        if not (TESTS / file).is_file() or (name and name not in functions(TESTS / file))
    ]  # fmt: skip
